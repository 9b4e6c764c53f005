"""Sparse dictionaries of activations, their scores, and rules that explain features."""
