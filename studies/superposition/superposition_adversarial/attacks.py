"""Analytic attacks on one feature: in training, and on trained networks."""

import dataclasses

import jax
import jax.numpy as jnp
from jax import Array

from toylab.errors import check_number
from toylab.losses import squared_error
from toylab.models import Autoencoder
from toylab.random import stream
from toylab.taps import Model, Params
from toylab.task import Batch, Number
from toylab.tasks.superposition.superposition import Sparse
from toylab.tasks.superposition.superposition_geometry import (
    attack_directions,
    dimensions_per_feature,
    worst_attack,
)

RADIUS = 0.1  # length of an attack, as a share of the mean input norm
EXAMPLES = 512  # attacked examples per model


@dataclasses.dataclass(frozen=True)
class Hardened:
    """Squared error under the analytic attack on one feature, both signs, the worse kept.

    Example b of a batch is attacked along feature b mod N, so every feature is attacked equally
    often. The attack follows the weights, but no gradient flows through its direction.

    Args:
        radius: length of the attack, as a share of the batch's mean input norm.
    """

    radius: Number = 0.0

    def __post_init__(self) -> None:
        check_number("Hardened", "radius", self.radius, low=0)

    def __call__(self, model: Model, params: Params, batch: Batch) -> Array:
        """Return the loss of each example, (B,)."""
        x_BN = batch.inputs
        directions_NN = jax.lax.stop_gradient(attack_directions(params["W"]))
        which_B = jnp.arange(x_BN.shape[0], dtype=jnp.int32) % x_BN.shape[1]
        length = self.radius * jnp.mean(jnp.linalg.norm(x_BN, axis=1))
        push_BN = length * directions_NN[which_B]
        losses = [
            squared_error(model, params, batch._replace(inputs=x_BN + sign * push_BN))
            for sign in (1.0, -1.0)
        ]
        return jnp.maximum(*losses)


def rises(n: int, m: int, params: Params, density: Array) -> tuple[Array, Array, Array]:
    """Mean rise of the loss under the worst attack and under a random one of that length, and D*.

    All models see the same random bits, so a model and its sibling see the same inputs.

    Args:
        n: number of features.
        m: number of hidden dimensions.
        params: of one network.
        density: of its world.
    """
    task = Sparse(n, density=density)
    x_BN = task.batch(stream(0, "attacked"), EXAMPLES).inputs
    radius = RADIUS * jnp.mean(jnp.linalg.norm(x_BN, axis=1))
    worst = worst_attack(params["W"], params["b"], x_BN, radius)
    push_BN = jax.random.normal(stream(0, "random attack"), x_BN.shape, jnp.float32)
    push_BN = push_BN * (radius / jnp.linalg.norm(push_BN, axis=1, keepdims=True))
    model = Autoencoder(n, m)
    clean = jnp.sum((x_BN - model.apply(params, x_BN)) ** 2, 1)
    pushed = jnp.sum((x_BN - model.apply(params, x_BN + push_BN)) ** 2, 1)
    return (
        jnp.mean(worst.worst - worst.clean),
        jnp.mean(pushed - clean),
        dimensions_per_feature(params["W"]),
    )
