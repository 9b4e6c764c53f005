"""Sentences of a small grammar, as boxes in a cube and as points of an autoencoder.

From Celotti, Brodeur and Rouat.
"""
