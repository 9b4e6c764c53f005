"""Distributions of topics and of the next token, by summing over every path of topics."""

import itertools

import numpy as np


def by_paths(tokens, emit, follow, switch, local):
    """Distribution of the last token's topic, and of the next token, given all tokens."""
    topics, vocab = emit.shape
    change = np.full((topics, topics), switch / topics) + (1 - switch) * np.eye(topics)

    def chance(path, chain):
        total = 1 / topics * emit[path[0], chain[0]]
        for t in range(1, len(chain)):
            says = (
                local * (follow[chain[t - 1]] == chain[t]) + (1 - local) * emit[path[t], chain[t]]
            )
            total *= change[path[t - 1], path[t]] * says
        return total

    paths = lambda n: itertools.product(range(topics), repeat=n)
    belief = np.zeros(topics)
    for path in paths(len(tokens)):
        belief[path[-1]] += chance(path, tokens)
    ahead = np.zeros(vocab)
    for token in range(vocab):
        longer = [*tokens, token]
        ahead[token] = sum(chance(path, longer) for path in paths(len(longer)))
    return belief / belief.sum(), ahead / ahead.sum()
