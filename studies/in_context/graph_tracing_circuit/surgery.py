"""One forward pass over a population with heads taken out and a push on the last place.

Ablations and causal tests are numbers given to one compiled program, so that many of them cost one
compilation.
"""

import functools
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from toylab.analysis.heads import induction_score, previous_token_score
from toylab.models import Transformer
from toylab.taps import Edit, Params, run

from ..graph_network import stream
from .grids import Grids


class Seen(NamedTuple):
    """What a pass shows.

    Layers S are the embedding (0) and the residual stream after each block.
    """

    rule_P: np.ndarray  # mass on neighbours other than the token before, mean over the window
    acts_PSXWD: np.ndarray
    last_PXV: np.ndarray  # probabilities at the last place
    z_PULHK: Array  # heads' outputs, mean over walks, U blocks


class Change(NamedTuple):
    """What is changed: heads kept (1) or not (0), what stands for those that go, and a push."""

    gate_PUH: np.ndarray
    fill_PULHK: Any
    push_PUXD: np.ndarray  # added at the last place of the residual stream after each block


def nothing(model: Transformer, members: int, grids: Grids) -> Change:
    """The change that changes nothing."""
    count, length = grids.tokens_XL.shape
    u, h = model.depth, model.heads
    return Change(
        np.ones((members, u, h), np.float32),
        np.zeros((members, u, length, h, model.key_dim), np.float32),
        np.zeros((members, u, count, model.width), np.float32),
    )


def look(model: Transformer, params_P: Params, grids: Grids, change: Change | None = None) -> Seen:
    """Run all members over all walks, with a change."""
    members = len(jax.tree.leaves(params_P)[0])
    change = nothing(model, members, grids) if change is None else change
    found = _look(model, params_P, grids.tokens_XL, grids.rule_XWV, *change)
    rule, acts, last, z = found
    return Seen(np.asarray(rule), np.asarray(acts), np.asarray(last), z)


@functools.partial(jax.jit, static_argnums=0)
def _look(model: Transformer, params_P: Params, x_XL, rule_XWV, gate_PUH, fill_PULHK, push_PUXD):
    blocks, width = range(model.depth), rule_XWV.shape[1]
    layers = stream(model)
    heads = tuple(f"blocks/{i}/attn/z" for i in blocks)
    is_last_L1 = (jnp.arange(x_XL.shape[1]) == x_XL.shape[1] - 1)[None, :, None]

    def one(params: Params, gate_UH: Array, fill_ULHK: Array, push_UXD: Array) -> tuple:
        edits = []
        for i in blocks:
            gate_H1 = gate_UH[i][None, None, :, None]
            edits += [
                Edit(heads[i], "scale", gate_H1),
                Edit(heads[i], "add", (1 - gate_H1) * fill_ULHK[i][None]),
                Edit(layers[i + 1], "add", push_UXD[i][:, None], is_last_L1),
            ]
        logits_XLV, acts = run(model, params, x_XL, (*layers, *heads), edits)
        p_XWV = jax.nn.softmax(logits_XLV[:, -width:])
        rule = (p_XWV * rule_XWV).sum(-1).mean()
        acts_SXWD = jnp.stack([acts[layer][:, -width:] for layer in layers])
        return rule, acts_SXWD, p_XWV[:, -1], jnp.stack([acts[h].mean(0) for h in heads])

    return jax.vmap(one)(params_P, gate_PUH, fill_PULHK, push_PUXD)


def repeated(n_tokens: int, period: int, count: int, seed: int) -> np.ndarray:
    """Sequences of ``period`` different random tokens, shown twice, (B, 2 period)."""
    rng = np.random.default_rng(seed)
    half = rng.permuted(np.tile(np.arange(n_tokens, dtype=np.int32), (count, 1)), axis=1)
    return np.tile(half[:, :period], (1, 2))


def head_scores(model: Transformer, params_P: Params, tokens_BL: np.ndarray) -> np.ndarray:
    """Previous-token and induction scores of every head, (P, 2, U, H), on repeated tokens."""
    return np.asarray(_scores(model, params_P, jnp.asarray(tokens_BL)))


@functools.partial(jax.jit, static_argnums=0)
def _scores(model: Transformer, params_P: Params, tokens_BL: Array) -> Array:
    period = tokens_BL.shape[1] // 2

    def one(params: Params) -> Array:
        _, acts = run(model, params, tokens_BL, ("blocks/*/attn/pattern",))
        pattern_UBHLL = jnp.stack([acts[s] for s in acts])
        previous = previous_token_score(pattern_UBHLL).mean(1)
        return jnp.stack([previous, induction_score(pattern_UBHLL, period).mean(1)])

    return jax.vmap(one)(params_P)


def uniform_scores(length: int) -> tuple[float, float]:
    """Scores of uniform attention to all that a head sees, on two periods of tokens."""
    pattern_1LL = np.tril(np.ones((length, length), np.float32))
    pattern_1LL = jnp.asarray(pattern_1LL / pattern_1LL.sum(-1, keepdims=True))[None]
    found = previous_token_score(pattern_1LL), induction_score(pattern_1LL, length // 2)
    return float(found[0][0]), float(found[1][0])
