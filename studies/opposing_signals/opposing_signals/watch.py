"""What is recorded of two-layer linear networks in training, and their sharpness at snapshots.

Shape suffixes: D inputs, H hidden units, S signal inputs.
"""

import functools
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from toylab.analysis.landscape.lanczos import top_eigenvalues
from toylab.taps import Model, Params
from toylab.task import Task
from toylab.tasks.opposing_signals import linear
from toylab.tasks.opposing_signals.opposing_signals import OpposingSignals


def halves(params: Params) -> tuple[Array, Array]:
    """First layer (..., D, H), and second layer (..., H)."""
    layers = params["layers"]
    return layers["0"]["kernel"], layers["1"]["kernel"][..., 0]


def end_to_end(params: Params) -> Array:
    """The network's response to each input, b (..., D)."""
    first_DH, second_H = halves(params)
    return (first_DH @ second_H[..., None])[..., 0]


def path(model: Model, params: Params, task: Task) -> dict[str, Array]:
    """Entries of b, ``b000`` and on, and ``|u|^2`` as ``scale``."""
    entries = {f"b{i:03d}": value for i, value in enumerate(end_to_end(params))}
    return entries | {"scale": jnp.sum(halves(params)[1] ** 2)}


def whole_loss(model: Model, params: Params, task: Task) -> dict[str, Array]:
    """The loss on the whole sample."""
    assert isinstance(task, OpposingSignals)
    return {"whole": linear.loss(linear.moments(task.enumerate()), end_to_end(params))}


def sharpest(
    params_P: Params, known_P: linear.Moments, way_D: np.ndarray, lanczos: int
) -> dict[str, np.ndarray]:
    """Sharpness of every network and what it points at, by Lanczos in float64, each (P,).

    ========= ============================================================================
    sharpness largest eigenvalue of the Hessian of the whole sample's loss
    bound     within which an eigenvalue lies of it
    mass      share of the eigenvector's first layer that is along the outliers' feature
    ========= ============================================================================

    Not part of the training program: an eigendecomposition beside its other work may lock it up.

    Args:
        params_P: the networks.
        known_P: moments of their samples.
        way_D: the feature's unit vector.
        lanczos: steps.
    """
    with jax.enable_x64(True):
        given = jax.tree.map(lambda a: jnp.asarray(a, jnp.float64), (params_P, known_P, way_D))
        found = jax.tree.map(np.asarray, _sharpest(*given, lanczos))
    return dict(zip(("sharpness", "bound", "mass"), found, strict=True))


@functools.partial(jax.jit, static_argnums=3)
def _sharpest(params_P: Params, known_P: linear.Moments, way_D: Array, lanczos: int) -> Any:
    def one(params: Params, known: linear.Moments) -> tuple[Array, Array, Array]:
        loss = lambda p: linear.loss(known, end_to_end(p))
        top = top_eigenvalues(loss, params, jax.random.key(0), 1, lanczos)
        first_DH = top.vectors["layers"]["0"]["kernel"][0]
        mass = jnp.sum((way_D @ first_DH) ** 2) / jnp.sum(first_DH**2)
        return top.values_C[0], top.bounds_C[0], mass

    return jax.vmap(one)(params_P, known_P)
