"""Saliency on scenes: do the strongest gradients of the rule shape lie on the object?"""

import functools
from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import polars as pl
from jax import Array

from toylab.analysis.attribution.saliency import gradients, overlap, smooth_gradients
from toylab.models.mlp import MLP
from toylab.taps import Params
from toylab.tasks.steering.scenes import PIXELS, RULES, SIDE, cued

from .networks import SceneNets

RULE = RULES.index("shape")
NOISE = 106
SHOWN = 5
METHODS = ("plain", "smooth")


@functools.partial(jax.jit, static_argnums=(0,))
def _maps(model: MLP, params: Params, inputs: Array) -> Array:
    """Saliency of each pixel (S, 2, N, pixels), summed over colours: plain and smoothed."""
    fixed = jnp.arange(inputs.shape[1]) >= 3 * PIXELS

    def one(args: tuple[Params, Array]) -> Array:
        own, index = args
        logits = lambda x: model.apply(own, x)
        chosen = jax.nn.one_hot(logits(inputs).argmax(-1), 4, dtype=jnp.float32)
        # Noisy copies are judged by the class of the clean scene.
        score = lambda x: (logits(x) * chosen).sum(-1)
        key = jax.random.fold_in(jax.random.key(NOISE), index)
        found = [
            gradients(score, inputs),
            smooth_gradients(score, inputs, key, fixed=fixed[None]),
        ]
        size = lambda g: jnp.abs(g[:, : 3 * PIXELS]).reshape(len(g), PIXELS, 3).sum(-1)
        return jnp.stack([size(g) for g in found])

    count = len(jax.tree.leaves(params)[0])
    return jax.lax.map(one, (params, jnp.arange(count, dtype=jnp.uint32)))


def saliency_tables(
    model: MLP, nets: SceneNets, judged: Mapping[str, np.ndarray]
) -> dict[str, pl.DataFrame | np.ndarray]:
    """Overlaps with the object's box, the grey object's and a random one; a few maps to show.

    Args:
        model: the perceptron.
        nets: ``mixed`` and ``untrained`` are used.
        judged: ``pictures`` of scenes, with ``mask`` and ``other``.
    """
    pictures = judged["pictures"]
    inputs = cued(jnp.asarray(pictures), jnp.full(len(pictures), RULE, jnp.int32))
    # The control is another scene's box.
    boxes = {"iou": judged["mask"], "other": judged["other"]}
    boxes["random"] = np.roll(judged["mask"], 1, 0)
    rows: list[dict[str, Any]] = []
    shown = [judged["mask"][:SHOWN].astype(float)]
    for network, params in (("trained", nets.mixed), ("untrained", nets.untrained)):
        maps_SMNP = np.asarray(_maps(model, params, inputs))
        shown += list(maps_SMNP[0, :, :SHOWN])
        for seed, m in np.ndindex(maps_SMNP.shape[:2]):
            label = {"init_seed": seed, "network": network, "method": METHODS[m]}
            met = {name: overlap(maps_SMNP[seed, m], box) for name, box in boxes.items()}
            rows.append(label | {name: float(iou_N.mean()) for name, iou_N in met.items()})
    picture = lambda flat: np.asarray(flat, np.float64).reshape(*np.shape(flat)[:-1], SIDE, SIDE)
    return {
        "toy_saliency": pl.DataFrame(rows),
        "toy_saliency_pictures": pictures[:SHOWN].reshape(-1, SIDE, SIDE, 3).astype(np.float64),
        "toy_saliency_maps": picture(np.stack(shown)),
    }
