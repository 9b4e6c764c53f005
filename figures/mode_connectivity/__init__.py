"""Figures of the studies of mode connectivity."""
