"""What the studies of graph tracing share, one idea per module."""
