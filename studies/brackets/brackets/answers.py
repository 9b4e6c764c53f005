"""What networks answer in exams.

N strings, L tokens, P members, V logits.
"""

import functools
from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from toylab.models import Transformer
from toylab.tasks.brackets import strings


def at_eos(found: Array, tokens_NL: Array) -> Array:
    """Take from (N, L, ...) what stands at each string's EOS, (N, ...)."""
    eos_N = jnp.argmax(tokens_NL == strings.EOS, axis=1)
    return found[jnp.arange(len(tokens_NL)), eos_N]


def log_odds(logits_NLV: Array, tokens_NL: Array) -> Array:
    """Return the log odds of "balanced" at EOS, (N,)."""
    logits_NV = at_eos(logits_NLV, tokens_NL)
    return logits_NV[:, 1] - logits_NV[:, 0]


@functools.partial(jax.jit, static_argnums=0)
def odds(model: Transformer, params_P: Any, tokens_NL: Array) -> Array:
    """Return every member's log odds of "balanced", (P, N)."""
    return jax.lax.map(lambda one: log_odds(model.apply(one, tokens_NL), tokens_NL), params_P)


def rejecting(odds_PN: np.ndarray) -> np.ndarray:
    """Return the share of strings that are rejected, (P,); NaN for a diverged member."""
    no_PN = np.where(np.isnan(odds_PN), np.nan, odds_PN <= 0)
    return no_PN.mean(1) if no_PN.shape[1] else np.full(len(no_PN), np.nan)


def outcomes(odds_PN: Mapping[str, np.ndarray], exams: Mapping[str, np.ndarray]) -> dict[str, Any]:
    """Return what members do on every exam, ``{name: (P,)}``.

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
