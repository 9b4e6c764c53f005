"""The loss around a point: curvature, and how many directions it has."""
