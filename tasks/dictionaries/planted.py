"""Planted features: sparse sums of known directions, which a dictionary is to find.

A world has G random unit directions f_g in R^D. An input is ``x = sum_g a_g f_g + noise`` with a
few features active, each of an amplitude uniform in [0.5, 1.5].

Source: after the synthetic data of Sharkey et al. 2022 and of Chanin & Garriga-Alonso 2025
(arXiv:2508.16560); numbers are this laboratory's.

Shape suffixes: B batch, G features, D width.
"""

import dataclasses
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jaxtyping import Float

from toylab import random
from toylab.errors import ToylabError, check_number
from toylab.task import Batch, Number, Task

AMPLITUDES = (0.5, 1.5)


@dataclasses.dataclass(frozen=True)
class Planted(Task):
    """Sums of a few of G directions.

    Numbers may differ per member. Latents: ``amplitude`` (G,), 0 where a feature is not active.

    Args:
        features: G, an even number: feature g + G/2 is the child of feature g.
        width: D.
        world: names the directions.
        active: how many features are drawn.
        independent: 0 draws exactly that many, 1 each on its own with that mean.
        single: share of the inputs that have one feature alone.
        together: chance that a child brings its parent.
        noise: standard deviation of each coordinate.

    Raises:
        ToylabError: an odd number of features, more active ones than there are, or none, which
            would be constant data.

    Example:
        >>> batch = Planted(8, 4, active=2).batch(jax.random.key(0), 5)
        >>> batch.inputs.shape, (batch.latents["amplitude"] > 0).sum(-1).tolist()
        ((5, 4), [2, 2, 2, 2, 2])
    """

    features: int = 64
    width: int = 32
    world: Number = 0
    active: Number = 3
    independent: Number = 0.0
    single: Number = 0.0
    together: Number = 0.0
    noise: Number = 0.05

    def __post_init__(self) -> None:
        check_number("Planted", "features", self.features, low=2, whole=True)
        check_number("Planted", "width", self.width, low=1, whole=True)
        check_number("Planted", "world", self.world, low=0, whole=True)
        check_number("Planted", "active", self.active, low=1, high=self.features, whole=True)
        for name in ("independent", "single", "together"):
            check_number("Planted", name, getattr(self, name), low=0, high=1)
        check_number("Planted", "noise", self.noise, low=0)
        if self.features % 2:
            raise ToylabError(
                f"Planted: {self.features} features have no two halves; give an even number."
            )

    def directions(self) -> Float[Array, "G D"]:
        """Return the features, of length 1."""
        key = random.stream(jnp.asarray(self.world, jnp.uint32), "directions")
        drawn = random.normal(key, (self.features, self.width))
        return drawn / jnp.linalg.norm(drawn, axis=1, keepdims=True)

    @property
    def parents(self) -> np.ndarray:
        """Each feature's parent, -1 without one, (G,)."""
        half = self.features // 2
        return np.concatenate([np.full(half, -1), np.arange(half)])

    def l0(self) -> float:
        """Mean number of active features, without inputs of one alone."""
        a, g = float(np.asarray(self.active)), self.features
        others = a / g if float(np.asarray(self.independent)) else (a - 1) / (g - 1)
        return a + float(np.asarray(self.together)) * a / 2 * (1 - others)

    def example(self, key: Array) -> Batch:
        """Draw one input."""
        return jax.tree.map(lambda leaf: leaf[0], self.batch(key, 1))

    def batch(self, key: Array, size: int) -> Batch:
        """Draw inputs."""
        amplitude_BG = self._amplitudes(key, size)
        noise_BD = random.normal(random.fold_in(key, 3), (size, self.width))
        x_BD = amplitude_BG @ self.directions() + jnp.float32(self.noise) * noise_BD
        return Batch(x_BD, x_BD, jnp.ones_like(x_BD), {"amplitude": amplitude_BG})

    def _amplitudes(self, key: Array, size: int) -> Array:
        draw = lambda i, *shape: random.uniform(random.fold_in(key, i), (size, *shape))
        u_BG, low, high = random.once(draw(0, self.features)), *AMPLITUDES
        one_B = draw(1) < jnp.asarray(self.single, jnp.float32)
        count_B = jnp.where(one_B, 1, jnp.asarray(self.active, jnp.int32))
        last_B1 = jnp.take_along_axis(jnp.sort(u_BG, -1), count_B[:, None] - 1, -1)
        mean = jnp.asarray(self.active, jnp.float32) / self.features
        level_B1 = jnp.where((self.independent > 0) & ~one_B[:, None], mean, last_B1)
        on_BG = u_BG <= level_B1
        half = self.features // 2
        bring_BH = draw(4, half) < jnp.asarray(self.together, jnp.float32)
        bring_BH &= on_BG[:, half:] & ~one_B[:, None]
        on_BG = on_BG | jnp.pad(bring_BH, ((0, 0), (0, half)))
        return jnp.where(on_BG, low + (high - low) * draw(2, self.features), 0)

    def consistent(self, batch: Batch) -> Any:
        """Whether inputs are near the sums of the features that are active."""
        amplitude_BG = np.asarray(batch.latents["amplitude"])
        off_BD = np.asarray(batch.inputs) - amplitude_BG @ np.asarray(self.directions())
        within = np.abs(off_BD).max(-1) <= 6 * float(np.asarray(self.noise)) + 1e-5
        on_BG, (low, high) = amplitude_BG > 0, AMPLITUDES
        fits = ((amplitude_BG >= low - 1e-6) & (amplitude_BG <= high + 1e-6)) | ~on_BG
        return within & fits.all(-1)

    def bayes_loss(self) -> float | None:
        """0 without noise: the input itself."""
        return 0.0 if float(np.asarray(self.noise)) == 0 else None


def examples() -> tuple[Task, ...]:
    """Small tasks, for the conformance suite."""
    return (
        Planted(8, 4, active=2),
        Planted(6, 4, active=2, independent=1.0, single=0.3, together=0.5),
    )
