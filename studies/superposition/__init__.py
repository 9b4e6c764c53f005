"""Superposition: more features than dimensions.

Small autoencoders whose exact losses are known, from Elhage et al. 2022 and its theory.
"""
