"""Structured identity mapping: clusters along axes, and a point that combines them all.

A network learns ``y = x`` on s clusters ``N(mu_p e_p, diag(sigma^2))``, p = 1 ... s, and is asked
for ``x^ = sum_p mu_p e_p``, which no cluster holds. mu_p stands for a concept's signal.

What is known exactly of linear networks ``f(x) = W x`` in gradient flow of
``1/2 E |W x - x|^2``, with ``A = E[x x^T] = diag(a)`` and ``a_p = mu_p^2 / s + sigma_p^2``, is in
:func:`one_layer` and :func:`tied_velocity`.

Source: Yang et al. 2025 (arXiv:2410.08309), sections 2 and 4.
"""

import dataclasses
from typing import Any

import jax.numpy as jnp
import numpy as np
from jax import Array
from jaxtyping import Float

from toylab import random
from toylab.errors import ToylabError, check_number
from toylab.task import Batch, Number, Task


@dataclasses.dataclass(frozen=True)
class IdentityMixture(Task):
    """Points (d,) of s = d clusters, one along each axis, to themselves.

    Latents: ``cluster`` ().

    Args:
        means: mu, distance of each cluster from 0.
        spread: sigma, of every cluster along every axis; may differ per member.

    Raises:
        ToylabError: no cluster, a mean of 0 or less, a spread below 0.

    Example:
        >>> import jax
        >>> IdentityMixture((1.0, 2.0)).example(jax.random.key(0)).inputs.shape
        (2,)
    """

    means: tuple[float, ...] = (1.0, 2.0)
    spread: Number = 0.05

    def __post_init__(self) -> None:
        if not self.means:
            raise ToylabError("IdentityMixture: means = () makes no cluster; give one per axis.")
        for mean in self.means:
            check_number("IdentityMixture", "means", mean, above=0)
        check_number("IdentityMixture", "spread", self.spread, low=0)

    @property
    def target(self) -> Float[np.ndarray, " d"]:
        """``x^``, the combination that no cluster holds."""
        return np.asarray(self.means, np.float32)

    @property
    def second_moment(self) -> Float[np.ndarray, " d"]:
        """a, the diagonal of ``E[x x^T]``, about 0."""
        mu = np.asarray(self.means, np.float64)
        return mu**2 / len(mu) + float(np.asarray(self.spread)) ** 2

    def example(self, key: Array) -> Batch:
        """Draw one point."""
        d = len(self.means)
        which = random.pick(random.uniform(random.fold_in(key, 0), ()), jnp.asarray(d))
        noise = random.normal(random.fold_in(key, 1), (d,)) * jnp.asarray(self.spread, jnp.float32)
        x = jnp.where(jnp.arange(d) == which, jnp.asarray(self.target), 0) + noise
        return Batch(x, x, jnp.ones_like(x), {"cluster": which})

    def consistent(self, batch: Batch) -> Any:
        """Whether points are their own targets, and near their clusters."""
        x, which = np.asarray(batch.inputs), np.asarray(batch.latents["cluster"])
        centre = np.eye(len(self.means))[which] * self.target
        far = np.abs(x - centre).max(-1) > 6 * float(np.asarray(self.spread))
        return (x == np.asarray(batch.targets)).all(-1) & ~far

    def bayes_loss(self) -> float:
        """0: the identity."""
        return 0.0

    def uniform_loss(self) -> float:
        """``E |x|^2``: the loss of the answer 0."""
        return float(self.second_moment.sum())


def one_layer(
    task: IdentityMixture, w_dd: Float[np.ndarray, "d d"], time_T: Float[np.ndarray, " T"]
) -> Float[np.ndarray, "T d"]:
    """Return ``f(t; x^) = W(t) x^`` of one layer: ``W(t) = I + (W(0) - I) e^{-A t}``.

    Each entry is the paper's ``(1 - e^{-a_k t}) mu_k + sum_i e^{-a_i t} w_ki(0) mu_i``.

    Args:
        task: the mixture.
        w_dd: W(0).
        time_T: learning rate times updates.

    Source: Yang et al. 2025, theorem 4.1.
    """
    decay_Td = np.exp(-np.outer(time_T, task.second_moment))
    error_dd = w_dd.astype(np.float64) - np.eye(len(w_dd))
    return task.target + (decay_Td * task.target) @ error_dd.T


def tied_velocity(a_d: Float[np.ndarray, " d"], w_dd: Float[np.ndarray, "d d"]) -> np.ndarray:
    """Return V(W) of two tied layers ``W = U U^T``: ``W A + A W - (A W^2 + W^2 A + 2 W A W) / 2``.

    Gradient flow of ``1/2 E |U U^T x - x|^2`` on U moves W at twice this velocity.

    Source: Yang et al. 2025, section 4.2.
    """
    a = np.diag(a_d)
    square = w_dd @ w_dd
    return w_dd @ a + a @ w_dd - (a @ square + square @ a + 2 * w_dd @ a @ w_dd) / 2


def tied_diagonal(a: float, w: float, time_T: Float[np.ndarray, " T"]) -> np.ndarray:
    """Return a diagonal entry that starts at w: ``1 / (1 + (1 / w - 1) e^{-2 a t})``.

    It solves ``dw/dt = V(w) = 2 a w (1 - w)``, where W is diagonal.
    """
    return 1 / (1 + (1 / w - 1) * np.exp(-2 * a * time_T))


def examples() -> tuple[Task, ...]:
    """Small tasks, for the conformance suite."""
    return (IdentityMixture(), IdentityMixture((0.5, 1.0, 2.0), 0.1))
