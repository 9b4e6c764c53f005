"""What heads do at EOS, from their attention on strings seen in training.

On a string that holds symbols of negative depth and others, a head separates the two if all the
symbols of one kind get more attention than all those of the other:

============ =======================================================================
violation    symbols of negative depth get more
sign         they do where the string ends below depth 0, and the others where it does not
hierarchical either gets more
============ =======================================================================

A score is the share of strings. It is 0 for uniform attention, and strict on long strings, so that
for the first two the chance that one symbol gets more than one of the other kind is told as well.

Source: Li et al. 2025, section 4, with their code; the chances are ours.

N strings, L tokens, H heads.
"""

import functools
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from toylab.analysis.separation import chance_of_more, separated
from toylab.models import Transformer
from toylab.taps import run
from toylab.tasks.brackets import strings

from .answers import at_eos

SCORES = ("sign", "violation", "hierarchical", "sign rank", "violation rank")


@functools.partial(jax.jit, static_argnums=0)
def attention_at_eos(model: Transformer, params_P: Any, tokens_NL: Array) -> Array:
    """Return attention from EOS of every member, layer and head, (P, layer, N, H, L)."""

    def member(params: Any) -> Array:
        acts = run(model, params, tokens_NL, record=("blocks/*/attn/pattern",))[1]
        own = [at_eos(p_NHLL.transpose(0, 2, 1, 3), tokens_NL) for p_NHLL in acts.values()]
        return jnp.stack(own)

    return jax.lax.map(member, params_P)


def head_scores(attention_NHL: np.ndarray, tokens_NL: np.ndarray) -> dict[str, np.ndarray]:
    """Return the scores of heads, ``{name: (H,)}``; NaN where no string holds both kinds.

    Args:
        attention_NHL: attention from EOS.
        tokens_NL: the strings.
    """
    is_symbol, depth = np.asarray(tokens_NL) >= strings.OPEN, strings.depths(tokens_NL)
    below, others = is_symbol & (depth < 0), is_symbol & (depth >= 0)
    kept = below.any(1) & others.any(1)
    kinds = attention_NHL[kept], below[kept], others[kept]
    below_first, rank = separated(*kinds), chance_of_more(*kinds)
    others_first = separated(kinds[0], kinds[2], kinds[1])
    ends_below_N1 = depth[kept][:, -1:] < 0
    found = {
        "sign": np.where(ends_below_N1, below_first, others_first),
        "violation": below_first,
        "hierarchical": below_first + others_first,
        "sign rank": np.where(ends_below_N1, rank, 1 - rank),
        "violation rank": rank,
    }
    lost = np.full(attention_NHL.shape[1], np.nan)
    return {name: value.mean(0) if kept.any() else lost for name, value in found.items()}


def blind_statistics(attention_NHL: np.ndarray, tokens_NL: np.ndarray) -> dict[str, np.ndarray]:
    """Return statistics of attention that know nothing of depth, ``{name: (H,)}``.

    The entropy over that of uniform attention, and the shares of BOS, EOS, the first and the last
    symbol, and of all "(" of the symbols' attention.
    """
    size_N = strings.sizes(tokens_NL)
    rows, seen_N = np.arange(len(tokens_NL)), size_N + 2
    logs = np.log(np.where(attention_NHL > 0, attention_NHL, 1))
    bare = -(attention_NHL * logs).sum(-1) / np.log(seen_N)[:, None]
    on = lambda token: np.where((tokens_NL == token)[:, None], attention_NHL, 0).sum(-1)
    opens, closes = on(strings.OPEN), on(strings.CLOSE)
    found = {
        "entropy": bare,
        "on BOS": attention_NHL[:, :, 0],
        "on EOS": attention_NHL[rows, :, size_N + 1],
        "on first": attention_NHL[:, :, 1],
        "on last": attention_NHL[rows, :, size_N],
        "on (": opens / np.maximum(opens + closes, 1e-9),
    }
    return {name: value.mean(0) for name, value in found.items()}
