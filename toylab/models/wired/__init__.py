"""Transformers that can do a thing in one way only, so that it is known where they do it."""
