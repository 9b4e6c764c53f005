"""Embeddings: do two models place the same tokens alike, and in how many dimensions?"""
