"""Edits along a probe: with another heading still to be turned, is the next action another?

P members, C cases, L tokens, S layers, D width, K changes.
"""

from typing import Any

import jax.numpy as jnp
import numpy as np
from jax import Array

from toylab.change import NOTHING, Change, run_changes, steer, where
from toylab.models import Transformer
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
) -> list[list[dict[str, Any]]]:
    """For every member a row per kind of edit: how often the next symbol is then the wanted one.

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
    tried = [(k, s, x) for k in KINDS for s in range(1, model.depth) for x in strengths]
    changes = [NOTHING]
    ways = dict(zip(KINDS, vectors[..., cases.then, :] - vectors[..., cases.now, :], strict=False))
    ways["random"] = np.random.default_rng(0).normal(size=ways["probe"].shape)
    for kind, layer, strength in tried:
        way_PCD = ways[kind][:, layer]
        changes.append(_push(layer, places, way_PCD, strength * scale_PS[:, layer]))
    hits = lambda tokens, changes: (
        np.asarray(run_changes(model, params_P, jnp.asarray(tokens), changes, said))[:, :, places]
        == cases.wanted
    )
    hit_KPC, tune = hits(cases.tokens, changes), cases.tune
    share_KP = hit_KPC[:, :, ~tune].mean(-1) if (~tune).any() else hit_KPC[:, :, 0] * np.nan
    moved_P = hits(cases.moved, [NOTHING])[0].mean(-1)
    networks = []
    for p, scale_S in enumerate(scale_PS):
        rows = [
            {"kind": "none", "wanted": share_KP[0, p]},
            {"kind": "prompt", "wanted": moved_P[p]},
        ]
        for kind in KINDS:
            ours = [i for i, (k, _, _) in enumerate(tried, 1) if k == kind]
            best = max(ours, key=lambda i: hit_KPC[i, p, tune].sum())
            row = {"kind": kind, "wanted": share_KP[best, p], "layer": tried[best - 1][1]}
            rows.append(row | {"strength": tried[best - 1][2]})
        sound = np.isfinite(scale_S).all()
        networks.append(
            [row | {"wanted": float(row["wanted"]) if sound else np.nan} for row in rows]
        )
    return networks


def _push(layer: int, places_CL: np.ndarray, way_PCD: np.ndarray, length_P: np.ndarray) -> Change:
    target = where(f"blocks/{layer - 1}/resid_post", places_CL[..., None])
    direction = jnp.asarray(np.where(np.isfinite(way_PCD), way_PCD, 1.0), jnp.float32)
    return steer(target, direction[:, :, None], jnp.asarray(length_P, jnp.float32)[:, None, None])
