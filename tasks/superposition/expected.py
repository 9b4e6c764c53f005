"""Expected loss of tied autoencoders in sparse worlds, free of the noise of activity.

Shapes: P members, M hidden dimensions, N features, K patterns of activity, B examples.
"""

import dataclasses
import functools
import itertools

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jaxtyping import Bool, Float
from scipy.stats import qmc

from toylab.random import stream
from toylab.taps import Params
from toylab.task import Number

from .sparse import Sparse


def activity(world: Sparse) -> tuple[Bool[np.ndarray, "K N"], Float[np.ndarray, " K"]]:
    """Every pattern of active features, with its probability."""
    size, density_G = world.group_size, np.asarray(world.densities(), np.float64)
    alone = world.correlation == "anticorrelated"
    on = np.eye(size, dtype=bool) if alone else np.ones((1, size), bool)
    states_AK = np.concatenate([np.zeros((1, size), bool), on])
    chosen_KG = np.array(list(itertools.product(range(len(states_AK)), repeat=world.n_groups)))
    active_KN = states_AK[chosen_KG].reshape(len(chosen_KG), -1)
    return active_KN, np.where(chosen_KG > 0, density_G / len(on), 1 - density_G).prod(1)


def drawn_activity(world: Sparse, count: int) -> tuple[np.ndarray, np.ndarray]:
    """As :func:`activity`, for a world of too many patterns: ``count`` random ones."""
    density = np.asarray(world.density, np.float32)
    active_KN = _active(dataclasses.replace(world, density=1.0), density, count)
    return np.asarray(active_KN), np.full(count, 1 / count)


@functools.partial(jax.jit, static_argnums=(0, 2))
def _active(world: Sparse, density: Number, count: int) -> Array:
    task = dataclasses.replace(world, density=density)
    return task.batch(stream(0, "activity"), count).latents["active"]


def expected_loss(world: Sparse, params: Params, size: int) -> Float[np.ndarray, " P"]:
    """Loss of members in a world, free of the noise of sampling which features are active.

    Noise matters: rival shapes differ by a few hundredths of a loss that comes from the few
    examples with an active feature. Magnitudes are averaged over a Sobol sequence.

    Args:
        world: unsigned, with the input as target.
        params: W (P, M, N) and b (P, N).
        size: examples in all; all members see the same.
    """
    few = (world.group_size if world.correlation == "anticorrelated" else 1) + 1
    enumerable = few**world.n_groups <= size // 64
    active_KN, share_K = activity(world) if enumerable else drawn_activity(world, size // 16)
    points = 2 ** int(np.log2(size // len(active_KN)))
    magnitude_QN = qmc.Sobol(world.n_features, rng=0).random(points)
    x_BN = (active_KN[:, None] * magnitude_QN).reshape(-1, world.n_features).astype(np.float32)
    weight_B = np.repeat(share_K / points, points).astype(np.float32)

    return np.asarray(_weighted_loss(params, x_BN, weight_B))


@jax.jit
def _weighted_loss(params: Params, x_BN: Array, weight_B: Array) -> Array:
    def one(member: Params) -> Array:
        out_BN = jax.nn.relu((x_BN @ member["W"].T) @ member["W"] + member["b"][None])
        return weight_B @ jnp.sum((x_BN - out_BN) ** 2, axis=1)

    return jax.lax.map(one, params)
