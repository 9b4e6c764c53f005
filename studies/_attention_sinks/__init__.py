"""What the study of attention sinks measures, fits and claims, one idea per module."""
