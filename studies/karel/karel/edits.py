"""Edits along a probe: with another heading still to be turned, is the next action another?

P members, C cases, L tokens, S layers, D width, E edits, K kinds of them.
"""

import jax.numpy as jnp
import numpy as np
import polars as pl
from jax import Array

from toylab.change import NOTHING, Change, run_changes, steer, where
from toylab.models import Transformer
from toylab.read.tables import long_table
from toylab.taps import Params
from toylab.tasks.karel.goals import SYMBOLS, Cases

KINDS = ("probe", "other meaning", "random")


def said(outputs: Array, acts: dict[str, Array]) -> Array:
    """The likeliest symbol at every position."""
    return jnp.argmax(outputs[..., -SYMBOLS:], -1).astype(jnp.int8)


def effects(
    model: Transformer,
    params_P: Params,
    cases: Cases,
    vectors: np.ndarray,
    scale_PS: np.ndarray,
    strengths: tuple[float, ...],
) -> pl.DataFrame:
    """Return for every member and kind of edit how often the next symbol is then the wanted one.

    An edit adds to one block's output, though not the last's, at one token, the way from one
    class's vector to the other's, of a length in units of the stream's spread. Each kind has the
    block and strength that do most on the cases to tune on. Beside the edits stand the network as
    it is, and the prompt with the other goal.

    Args:
        model: the model.
        params_P: of the members.
        cases: the cases.
        vectors: of the four classes under the own and another meaning (2, P, S, 4, D), layer 0 the
            embedding.
        scale_PS: root mean square of each layer's distance from its mean.
        strengths: lengths to try.
    """
    places = cases.place[:, None] == np.arange(cases.tokens.shape[1])
    ways = dict(zip(KINDS, vectors[..., cases.then, :] - vectors[..., cases.now, :], strict=False))
    ways["random"] = np.random.default_rng(0).normal(size=ways["probe"].shape)
    tried = [(s, x) for s in range(1, model.depth) for x in strengths]
    changes = [
        _push(s, places, ways[kind][:, s], x * scale_PS[:, s]) for kind in KINDS for s, x in tried
    ]
    hits = lambda tokens, changes: (
        np.asarray(run_changes(model, params_P, jnp.asarray(tokens), changes, said))[:, :, places]
        == cases.wanted
    )
    hit_EPC, tune = hits(cases.tokens, [NOTHING, *changes]), cases.tune
    share_EP = hit_EPC[:, :, ~tune].mean(-1) if (~tune).any() else hit_EPC[:, :, 0] * np.nan
    by_kind = lambda of_EP: of_EP[1:].reshape(len(KINDS), len(tried), -1)
    best_K1P = by_kind(hit_EPC[:, :, tune].sum(-1)).argmax(1)[:, None]
    edited_KP = np.take_along_axis(by_kind(share_EP), best_K1P, 1)[:, 0]
    moved_1P = hits(cases.moved, [NOTHING]).mean(-1)
    wanted = np.concatenate([share_EP[:1], moved_1P, edited_KP])
    wanted = np.where(np.isfinite(scale_PS).all(1), wanted, np.nan)
    return long_table({"kind": ("none", "prompt", *KINDS), "member": None}, wanted=wanted)


def _push(layer: int, places_CL: np.ndarray, way_PCD: np.ndarray, length_P: np.ndarray) -> Change:
    target = where(f"blocks/{layer - 1}/resid_post", places_CL[..., None])
    direction = jnp.asarray(np.where(np.isfinite(way_PCD), way_PCD, 1.0), jnp.float32)
    return steer(target, direction[:, :, None], jnp.asarray(length_P, jnp.float32)[:, None, None])
