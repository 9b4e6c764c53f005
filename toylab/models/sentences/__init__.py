"""Models that keep a sentence as one point."""
