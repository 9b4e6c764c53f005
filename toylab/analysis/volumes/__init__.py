"""Sentences as boxes in a cube: arithmetic coding by a model of the next token, over some axes."""
