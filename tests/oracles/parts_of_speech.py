"""Drawing the words of a sequence as the paper's sampler does, one at a time."""

import numpy as np


def draw_word(rng, frequencies, ambiguous, kind):
    """One word for a role: (class, rank). ``kind`` 0 is a noun, 1 an adjective."""
    rank = rng.choice(len(frequencies), p=frequencies)
    if not ambiguous[kind][rank] or rng.random() < 0.5:
        return kind, rank
    others = [r for r in range(len(frequencies)) if ambiguous[1 - kind][r]]
    weights = np.array([frequencies[r] for r in others])
    return 1 - kind, others[rng.choice(len(others), p=weights / weights.sum())]


def spell(noun, adj, noun_first, asks_noun):
    """Inputs and targets as words."""
    context = [noun, "cop", adj] if noun_first else ["cop", adj, noun]
    query = noun if asks_noun else adj
    return [*context, query, "mask", "mask", "mask"], [*context, query, adj, query, query]
