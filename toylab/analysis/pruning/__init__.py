"""Pruning what a behaviour needs: scores of single weights, and masks made of them."""
