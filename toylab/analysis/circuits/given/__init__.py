"""What the bench is given: pairs of batches, metrics, and the gap between their runs."""
