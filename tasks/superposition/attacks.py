"""Analytic attacks on one feature of a tied autoencoder: on trained networks, and in training.

W is (M, N): M hidden dimensions, N features, column W_i the direction of feature i.

Source: Elhage et al. 2022 (arXiv:2209.10652), "Superposition and adversarial vulnerability".
"""

import dataclasses
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import Array
from jaxtyping import Float

from toylab.errors import check_number
from toylab.losses import squared_error
from toylab.taps import Model, Params
from toylab.task import Batch, Number

from .superposition_geometry import TINY


def attack_directions(W_MN: Float[Array, "M N"]) -> Float[Array, "N N"]:
    """Unit input perturbations, row i along (W^T W)_i: the one that most moves feature i.

    A feature that is not embedded has no such direction and gets a row of zeros.
    """
    gram_NN = W_MN.T @ W_MN
    square_N1 = jnp.sum(gram_NN**2, axis=1, keepdims=True)
    live_N1 = square_N1 > TINY
    return jnp.where(live_N1, gram_NN * jax.lax.rsqrt(jnp.where(live_N1, square_N1, 1.0)), 0.0)


class Attack(NamedTuple):
    """Loss of each example before and after the worst attack, (B,), and which feature's."""

    clean: Array
    worst: Array
    feature: Array


def worst_attack(
    W_MN: Float[Array, "M N"],
    b_N: Float[Array, " N"],
    x_BN: Float[Array, "B N"],
    radius: Number,
    importance_N: Float[Array, " N"] | None = None,
    both_signs: bool = True,
) -> Attack:
    """Attack the tied model x' = ReLU(W^T W x + b) along each feature; keep what hurts most.

    Each example gets, of the perturbations ``+-radius * attack_directions(W)[i]``, the one of
    highest loss against the unperturbed x. Gradient attacks are no substitute: where the ReLU
    is off they see no gradient.

    Args:
        W_MN: feature directions, in columns.
        b_N: output bias.
        x_BN: clean inputs, also the targets.
        radius: length of the perturbation; the paper takes 0.1 of the mean input norm.
        importance_N: weight of each feature; all 1 when None.
        both_signs: try each direction backwards too.

    Returns:
        Clean loss, worst loss (at least the clean one, as doing nothing is allowed) and the
        feature attacked (-1 for none), each (B,).

    Source: Elhage et al. 2022, "Superposition and adversarial vulnerability". The paper does
    not say whether one feature is chosen per model or per example; here it is per example.
    """
    weight_N = jnp.ones_like(b_N) if importance_N is None else importance_N
    pre_BN = x_BN @ (W_MN.T @ W_MN) + b_N[None]
    shift_NN = jnp.asarray(radius, pre_BN.dtype) * (attack_directions(W_MN) @ W_MN.T) @ W_MN

    def loss_B(moved_BN: Array) -> Array:
        return jnp.sum(weight_N[None] * (x_BN - jax.nn.relu(moved_BN)) ** 2, axis=1)

    def try_feature(best: tuple[Array, Array], item: tuple[Array, Array]) -> tuple[Any, None]:
        worst_B, which_B = best
        i, move_N = item
        new_B = loss_B(pre_BN + move_N[None])
        if both_signs:
            new_B = jnp.maximum(new_B, loss_B(pre_BN - move_N[None]))
        return (jnp.maximum(worst_B, new_B), jnp.where(new_B > worst_B, i, which_B)), None

    clean_B = loss_B(pre_BN)
    start = (clean_B, jnp.full(len(x_BN), -1, jnp.int32))
    features = jnp.arange(len(b_N), dtype=jnp.int32)
    (worst_B, which_B), _ = jax.lax.scan(try_feature, start, (features, shift_NN))
    return Attack(clean_B, worst_B, which_B)


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
