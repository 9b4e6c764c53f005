"""Two small groups of outliers that share a large feature and ask for opposite responses to it.

A linear network can do nothing with the feature, as what helps one group harms the other; it has to
keep its response to it at 0. How sharply the loss curves along that response grows as the network
learns the other inputs.

Source: Rosenfeld and Risteski 2023 (arXiv:2311.04163), the simple model of its theory; from memory
and reviews, so that the numbers are this laboratory's.

Shape suffixes: N examples, S signal inputs, K feature inputs, D all inputs.
"""

import dataclasses
from typing import Any

import jax.numpy as jnp
import numpy as np
from jax import Array

from toylab import random
from toylab.errors import ToylabError, check_number
from toylab.task import Batch, Number, Task


@dataclasses.dataclass(frozen=True)
class OpposingSignals(Task):
    """A fixed sample of inputs (S + K,) to a number (1,): ``y = beta . x_s + |x_o|``.

    ``x_s ~ N(0, 1)``. The feature x_o is 0 but for two groups of ``fraction size / 2`` outliers,
    where it is ``+-magnitude (1, ..., 1) / sqrt(K)``, so that the response to it that helps one
    group harms the other. Targets weigh 1/2: with :func:`toylab.losses.squared_error` the loss is
    ``(f - y)^2 / 2``. A batch of ``size`` examples is the whole sample, in order; a smaller one is
    drawn from it with replacement, and each example keeps its group.

    Latents: ``group`` (), 1, -1, or 0 where there is no feature; ``signal`` () ``beta . x_s``.

    Every number but the sizes may differ per member.

    Args:
        size: N.
        signals: S.
        features: K.
        fraction: of the examples that are outliers; both groups have the same whole number of them.
        magnitude: length of x_o.
        strength: length of beta, whose direction is drawn.
        plus: 1, or 0 to take x_o from the first group; ``minus`` from the second.
        aligned: 1 for a target with a signed length of x_o: a linear network can use the feature.
        scattered: 1 for outliers whose x_o point in random directions.
        gaussian: 1 for x_o along the shared direction, normal with the same variance in all
            examples, and in pairs of opposite signs; groups are the signs.
        world_seed: of the sample.

    Raises:
        ToylabError: a number out of range, or groups of unequal size or none.

    Example:
        >>> import jax
        >>> batch = OpposingSignals(size=40).batch(jax.random.key(0), 40)
        >>> batch.inputs.shape, int(jnp.sum(batch.latents["group"] == 1))
        ((40, 15), 2)
    """

    size: int = 400
    signals: int = 10
    features: int = 5
    fraction: Number = 0.1
    magnitude: Number = 6.0
    strength: Number = 3.0
    plus: Number = 1
    minus: Number = 1
    aligned: Number = 0
    scattered: Number = 0
    gaussian: Number = 0
    world_seed: Number = 0

    def __post_init__(self) -> None:
        for name in ("signals", "features"):
            check_number("OpposingSignals", name, getattr(self, name), low=1, whole=True)
        check_number("OpposingSignals", "size", self.size, low=2, whole=True)
        check_number("OpposingSignals", "fraction", self.fraction, above=0, high=1)
        for name in ("magnitude", "strength", "world_seed"):
            check_number("OpposingSignals", name, getattr(self, name), low=0)
        for name in ("plus", "minus", "aligned", "scattered", "gaussian"):
            check_number("OpposingSignals", name, getattr(self, name), low=0, high=1, whole=True)
        self._check_groups()

    def _check_groups(self) -> None:
        if not isinstance(self.fraction, int | float):
            return
        half = self.fraction * self.size / 2
        if half < 1 - 1e-6 or abs(half - round(half)) > 1e-6:
            raise ToylabError(
                f"OpposingSignals: fraction = {self.fraction} of size = {self.size} are two groups "
                f"of {half:.6g} outliers; give two of the same whole number, 1 or more."
            )
        if self.gaussian == 1 and self.size % 2:
            raise ToylabError(
                f"OpposingSignals: size = {self.size} with gaussian = 1; give an even one."
            )

    @property
    def width(self) -> int:
        """Number of inputs D."""
        return self.signals + self.features

    def beta(self) -> Array:
        """The direction of the signal times its strength, (S,)."""
        return self._beta(self._draws())

    def _beta(self, drawn_ND: Array) -> Array:
        way_S = drawn_ND[-1, : self.signals]
        return jnp.asarray(self.strength, jnp.float32) * way_S / jnp.linalg.norm(way_S)

    def shared(self) -> Array:
        """The unit vector of the outliers' feature, (D,)."""
        ones_K = jnp.full(self.features, self.features**-0.5, jnp.float32)
        return jnp.concatenate([jnp.zeros(self.signals, jnp.float32), ones_K])

    def _draws(self) -> Array:
        """Normal numbers: a row for every example, and one for beta (N + 1, D)."""
        key = random.stream(self.world_seed, "opposing signals")  # pyright: ignore[reportArgumentType]
        return random.once(random.normal(key, (self.size + 1, self.width)))

    def _groups(self) -> Array:
        """Group of every example, (N,): the outliers come first."""
        place_N = jnp.arange(self.size, dtype=jnp.float32)
        half = jnp.round(jnp.asarray(self.fraction, jnp.float32) * np.float32(self.size / 2))
        plus_N = jnp.where(place_N < half, jnp.asarray(self.plus, jnp.float32), 0.0)
        second_N = (place_N >= half) & (place_N < 2 * half)
        minus_N = jnp.where(second_N, jnp.asarray(self.minus, jnp.float32), 0.0)
        return plus_N - minus_N

    def _lengths(self, drawn_NK: Array) -> tuple[Array, Array]:
        """Signed length of x_o (N,), and the unit vectors it goes along (N, K), from draws."""
        f = lambda name: jnp.asarray(getattr(self, name), jnp.float32)
        own_NK = drawn_NK / jnp.linalg.norm(drawn_NK, axis=1, keepdims=True)
        way_NK = jnp.where(f("scattered") > 0, own_NK, np.float32(self.features**-0.5))
        half_H = drawn_NK[: (self.size + 1) // 2, 0]
        pairs_N = jnp.concatenate([half_H, -half_H])[: self.size]
        spread = jnp.sqrt(f("fraction") / jnp.mean(pairs_N**2))
        sign_N = jnp.where(f("gaussian") > 0, spread * pairs_N, self._groups())
        return f("magnitude") * sign_N, way_NK

    def enumerate(self) -> Batch:
        """The whole sample, the first group first, then the second."""
        drawn_ND = self._draws()
        x_NS = drawn_ND[:-1, : self.signals]
        signal_N = jnp.sum(x_NS * self._beta(drawn_ND)[None], -1)
        length_N, way_NK = self._lengths(drawn_ND[:-1, self.signals :])
        signed = jnp.asarray(self.aligned, jnp.float32) > 0
        target_N = signal_N + jnp.where(signed, length_N, jnp.abs(length_N))
        inputs_ND = jnp.concatenate([x_NS, length_N[:, None] * way_NK], 1)
        latents = {"group": jnp.sign(length_N).astype(jnp.int32), "signal": signal_N}
        halves_N1 = jnp.full((self.size, 1), 0.5, jnp.float32)
        return Batch(inputs_ND, target_N[:, None], halves_N1, latents)

    def example(self, key: Array) -> Batch:
        """One of the sample, each equally likely."""
        place = random.pick(random.uniform(key, ()), jnp.int32(self.size))
        return Batch(*_rows(self.enumerate(), place))

    def batch(self, key: Array, size: int) -> Batch:
        """The whole sample if it has this size, otherwise a draw from it with replacement."""
        whole = self.enumerate()
        if size == self.size:
            return whole
        return Batch(*_rows(whole, random.pick(random.uniform(key, (size,)), jnp.int32(self.size))))

    def consistent(self, batch: Batch) -> Any:
        """Whether signal, feature and group give the target."""
        x_ND, y_N = np.asarray(batch.inputs, np.float64), np.asarray(batch.targets)[:, 0]
        group_N = np.asarray(batch.latents["group"])
        signal_N = x_ND[:, : self.signals] @ np.asarray(self.beta(), np.float64)
        length_N = np.linalg.norm(x_ND[:, self.signals :], axis=1)
        signed_N = length_N * (group_N if self.aligned else 1)
        close = lambda a, b: np.abs(a - np.asarray(b)) < 1e-3 * (1 + np.abs(a))
        fits = close(signal_N, batch.latents["signal"]) & close(signal_N + signed_N, y_N)
        return fits & ((group_N != 0) == (length_N > 0))

    @property
    def variance(self) -> float:
        """Variance of the feature along its direction: ``alpha = fraction magnitude^2`` of two."""
        groups = 2 if self.gaussian else self.plus + self.minus
        return float(np.asarray(self.fraction * self.magnitude**2 * groups / 2))

    def bayes_loss(self) -> float:
        """0: the input decides the target."""
        return 0.0

    def uniform_loss(self) -> float:
        """Half the mean square of the target: the loss of the predictor 0, over samples."""
        return (float(np.asarray(self.strength)) ** 2 + self.variance) / 2


def _rows(batch: Batch, places: Array) -> tuple[Any, ...]:
    """Inputs, targets, weights and latents at some places."""
    take = lambda leaf: leaf[places]
    return (*map(take, batch[:3]), {name: take(leaf) for name, leaf in batch.latents.items()})


def examples() -> tuple[Task, ...]:
    """Small tasks, for the conformance suite."""
    small = {"size": 24, "signals": 3, "features": 2, "fraction": 0.25}
    return (
        OpposingSignals(**small),
        OpposingSignals(**small, aligned=1, minus=0, scattered=1),
        OpposingSignals(**small, gaussian=1),
    )
