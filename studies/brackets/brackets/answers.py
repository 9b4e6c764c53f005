"""What networks answer at EOS.

N strings, L tokens, P members, V logits.
"""

import functools
from typing import Any

import jax
import jax.numpy as jnp
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
