"""Steering: moving a model by its activations.

From Li, Zou, Hendel, Hernandez, Kim and co-authors.
"""
