"""Dictionaries that are learned: sparse codes of many kinds, archetypal and temporal ones."""
