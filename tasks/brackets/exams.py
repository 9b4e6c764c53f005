"""Strings that networks are examined on, by kind, and the marks they get.

Shape suffixes: P networks, N strings, L tokens.
"""

from collections.abc import Mapping

import jax
import numpy as np

from . import strings
from .brackets import Brackets

SEEN, UNSEEN, MORE = 71, 72, 73  # seeds of the strings
Marks = dict[str, np.ndarray]
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


def rejecting(odds_PN: np.ndarray) -> np.ndarray:
    """Return the share of strings of log odds at or below 0, (P,); NaN for a diverged network."""
    no_PN = np.where(np.isnan(odds_PN), np.nan, odds_PN <= 0)
    return no_PN.mean(1) if no_PN.shape[1] else np.full(len(no_PN), np.nan)


def outcomes(odds_PN: Mapping[str, np.ndarray], exams: Mapping[str, np.ndarray]) -> Marks:
    """Return what networks do in every exam, ``{name: (P,)}``.

    ``seen`` is accuracy; ``unseen``, ``hard`` and ``easy`` (unseen, not hard) are shares rejected;
    ``deep`` is the share accepted. ``ends reject`` is what the rule of both ends rejects of unseen.
    """
    yes_N = strings.nested(exams["seen"])
    wrong_PN = np.where(yes_N[None], -odds_PN["seen"], odds_PN["seen"])
    is_hard_N = strings.both_ends(exams["unseen"])
    return {
        "seen": rejecting(wrong_PN),
        "unseen": rejecting(odds_PN["unseen"]),
        "easy": rejecting(odds_PN["unseen"][:, ~is_hard_N]),
        "hard": rejecting(odds_PN["hard"]),
        "deep": 1 - rejecting(odds_PN["deep"]),
        "ends reject": np.full(len(odds_PN["seen"]), 1 - is_hard_N.mean()),
    }
