"""Strings that networks are examined on, by kind.

Shape suffixes: N strings, L tokens.
"""

import jax
import numpy as np

from . import strings
from .brackets import Brackets

SEEN, UNSEEN, MORE = 71, 72, 73  # seeds of the strings
POOL = 16  # strings drawn for each one kept of a rare kind


def draw_exams(pairs: int, size: int) -> dict[str, np.ndarray]:
    """Return tokens by the kind of string, ``size`` of each or as many as a large draw holds.

    ``seen`` are as in training. ``unseen`` have equal counts and are not balanced. ``hard`` are
    those of them that begin with "(" and end with ")". ``deep`` are balanced strings that reach
    three quarters of the greatest depth there is, of at least three pairs.
    """
    draw = lambda unseen, count, seed: np.asarray(
        jax.jit(Brackets(pairs, unseen).batch, static_argnums=1)(jax.random.key(seed), count).inputs
    )
    many = draw(True, size * POOL, MORE)
    seen = draw(False, size * POOL, MORE)
    top, n = strings.depths(seen).max(1), strings.sizes(seen) // 2
    is_deep = strings.nested(seen) & (top >= 0.75 * n) & (n >= min(3, pairs))
    return {
        "seen": draw(False, size, SEEN),
        "unseen": draw(True, size, UNSEEN),
        "hard": many[strings.both_ends(many)][:size],
        "deep": seen[is_deep][:size],
    }
