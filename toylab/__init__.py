"""toylab: a laboratory for toy models.

A study trains a population of models in one jit, probes and edits them, judges each claim of a
paper with an interval over seeds and with controls, and draws the figures.

Shape suffixes used throughout: P population, T tiles, G data seeds in a tile, B batch, L length,
D width, H heads, K head dimension, F MLP hidden, V vocabulary, N features, M hidden, S steps.
"""

__version__ = "0.1.0"
