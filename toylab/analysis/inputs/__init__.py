"""Inputs that a unit or an answer likes best: made by gradient ascent, or the top ones of data."""
