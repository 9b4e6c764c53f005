"""Chains: features that persist in time beside features that do not.

Each feature is a chain of two states: with chance rho it stays as it is, otherwise it is drawn
anew, active with chance pi. Then ``P(0 -> 1) = pi (1 - rho)``, the correlation at lag k is
``rho^k`` and the best forecast from the past, ``pi + rho (s_{t-1} - pi)``, explains ``rho^2`` of
the variance.
Slow features have ``rho > 0``, fast ones 0. An input is ``x_t = sum_g s_tg f_g``, f orthonormal, so
that the past's states are known exactly and no forecast of x explains more than

    bound = sum_slow pi (1 - pi) rho^2 / sum_g pi_g (1 - pi_g).

Source: after an independent study of temporal feature analysis (Lubana et al. 2025,
arXiv:2511.01836) on chains; numbers are this laboratory's.

Shape suffixes: B sequences, T time, G features, D width.
"""

import dataclasses
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import scipy.fft
from jax import Array
from jaxtyping import Float

from toylab import random
from toylab.errors import ToylabError, check_number
from toylab.task import Batch, Number, Task


@dataclasses.dataclass(frozen=True)
class Chains(Task):
    """Sequences of slow and fast features.

    Numbers may differ per member. Latents: ``state`` (T, G), slow features first.

    Args:
        slow, fast: numbers of features, no more than D together.
        width: D.
        length: T, two or more.
        world: names the directions.
        rho: correlation of slow features at lag 1.
        slow_rate, fast_rate: pi of each kind.
        shuffled: 1 shuffles the times of every sequence, 0 does not.

    Raises:
        ToylabError: more features than dimensions, sequences of length 1, rates of 0 or 1, which
            are constant.

    Example:
        >>> Chains(2, 3, 8, length=5).example(jax.random.key(0)).inputs.shape
        (5, 8)
    """

    slow: int = 8
    fast: int = 24
    width: int = 32
    length: int = 32
    world: Number = 0
    rho: Number = 0.9
    slow_rate: Number = 0.25
    fast_rate: Number = 0.05
    shuffled: Number = 0.0

    def __post_init__(self) -> None:
        for name, low in (("slow", 1), ("fast", 1), ("width", 1), ("length", 2)):
            check_number("Chains", name, getattr(self, name), low=low, whole=True)
        check_number("Chains", "world", self.world, low=0, whole=True)
        for name in ("rho", "shuffled"):
            check_number("Chains", name, getattr(self, name), low=0, high=1)
        for name in ("slow_rate", "fast_rate"):
            check_number("Chains", name, getattr(self, name), above=0, high=0.999)
        if self.slow + self.fast > self.width:
            raise ToylabError(
                f"Chains: {self.slow + self.fast} features are not orthogonal in {self.width} "
                "dimensions; give more of these."
            )

    @property
    def features(self) -> int:
        """G."""
        return self.slow + self.fast

    def directions(self) -> Float[Array, "G D"]:
        """Return the features: cosines in random order, with random signs of the coordinates."""
        basis_DD = jnp.asarray(scipy.fft.dct(np.eye(self.width), norm="ortho"), jnp.float32)
        key = random.stream(jnp.asarray(self.world, jnp.uint32), "directions")
        u_2D = random.uniform(key, (2, self.width))
        sign_1D = jnp.where(u_2D[1:] < 0.5, -1.0, 1.0).astype(jnp.float32)
        return basis_DD[jnp.argsort(u_2D[0])[: self.features]] * sign_1D

    def rates(self) -> tuple[Float[Array, " G"], Float[Array, " G"]]:
        """Return pi and rho of every feature."""
        is_slow_G = np.arange(self.features) < self.slow
        pick = lambda one, other: jnp.where(is_slow_G, jnp.float32(one), jnp.float32(other))
        return pick(self.slow_rate, self.fast_rate), pick(self.rho, 0.0)

    def variances(self) -> Float[np.ndarray, " G"]:
        """Variance of every feature, ``pi (1 - pi)``."""
        pi_G = np.asarray(self.rates()[0], np.float64)
        return pi_G * (1 - pi_G)

    def bound(self) -> float:
        """Largest share of the variance that a forecast from the past explains, for long pasts."""
        var_G, rho_G = self.variances(), np.asarray(self.rates()[1], np.float64)
        return float((var_G * rho_G**2).sum() / var_G.sum())

    def forecast(self, state_BTG: Float[Array, "B T G"]) -> Float[Array, "B T G"]:
        """Return the best forecast of every state from those before: ``pi + rho (s_{t-1} - pi)``.

        Of the first, which has none before it, pi; of shuffled times it is not the best.
        """
        pi_G, rho_G = (jnp.broadcast_to(v, state_BTG.shape) for v in self.rates())
        before = jnp.concatenate([pi_G[:, :1], state_BTG[:, :-1]], 1)
        return pi_G + rho_G * (before - pi_G)

    def example(self, key: Array) -> Batch:
        """Draw one sequence."""
        pi_G, rho_G = self.rates()
        u_TG, v_TG = random.uniform(random.fold_in(key, 0), (2, self.length, self.features))
        time_TG = jnp.broadcast_to(jnp.arange(self.length)[:, None], u_TG.shape)
        anew_TG = (u_TG >= rho_G[None]) | (time_TG == 0)
        last_TG = jax.lax.cummax(jnp.where(anew_TG, time_TG, 0))
        state_TG = jnp.take_along_axis(v_TG < pi_G[None], last_TG, 0).astype(jnp.float32)
        lot_T = random.uniform(random.fold_in(key, 1), (self.length,))
        order_T = jnp.where(self.shuffled > 0, jnp.argsort(lot_T), jnp.arange(self.length))
        state_TG = state_TG[order_T]
        x_TD = state_TG @ self.directions()
        return Batch(x_TD, x_TD, jnp.ones_like(x_TD), {"state": state_TG})

    def consistent(self, batch: Batch) -> Any:
        """Whether inputs are the sums of the features that are active."""
        x_BTD = np.asarray(batch.latents["state"]) @ np.asarray(self.directions())
        return np.abs(x_BTD - np.asarray(batch.inputs)).max((-2, -1)) < 1e-5

    def bayes_loss(self) -> float:
        """0: the input itself."""
        return 0.0


def examples() -> tuple[Task, ...]:
    """Small tasks, for the conformance suite."""
    return (Chains(2, 3, 8, length=5), Chains(1, 1, 2, length=2, shuffled=1.0))
