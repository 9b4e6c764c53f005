"""Delayed sums: what a position computes of its number is asked for only some positions later.

A network that answers at position n alone has to compute f of k earlier numbers there. One that
also prepares computes f of each number where it stands, and has it read later.

Source: Wu, Morris and Levine 2024 (arXiv:2404.00859), the synthetic task.
"""

import dataclasses
import math
from typing import Any

import jax.numpy as jnp
import numpy as np
from jax import Array

from toylab import random
from toylab.errors import check_number
from toylab.task import Batch, Number, Task


@dataclasses.dataclass(frozen=True)
class DelayedSums(Task):
    """Numbers and flags (T, 2) to numbers (T,): a sum of f of earlier numbers, where flagged.

    With ``x_n ~ N(0, 1)``, ``z_n ~ Bernoulli(asked)``, ``f(x) = sin(frequency x)`` and
    ``s_n = sum_{i = first}^{first + terms - 1} f(x_{n-i})``, the target is
    ``y_n = z_n s_n + (1 - z_n) x_n``. Positions before ``terms`` have weight 0, as terms before the
    start are missing there; the weights add up to 1, so that the loss is a mean over positions.

    Latents: ``x``, ``term`` f(x), ``sum`` s and ``flag`` z, all (T,).

    Args:
        length: positions T.
        terms: k.
        frequency: of the sine. From 3 on no linear map of x says anything of f(x): see
            :meth:`linear_share`.
        asked: probability of a flag; may differ per member, as may ``first``.
        first: 1, so that f(x_n) is of use to later positions alone; or 0, so that position n needs
            f(x_n) itself, and later ones may reuse it (breadcrumbs).

    Raises:
        ToylabError: no term, no position with all of them, a probability outside [0, 1], a
            frequency of 0, or another first term.

    Example:
        >>> import jax
        >>> batch = DelayedSums(length=6, terms=2).example(jax.random.key(0))
        >>> batch.inputs.shape, batch.targets.shape
        ((6, 2), (6,))
    """

    length: int = 16
    terms: int = 4
    frequency: float = 4.0
    asked: Number = 1.0
    first: Number = 1

    def __post_init__(self) -> None:
        check_number("DelayedSums", "terms", self.terms, low=1, whole=True)
        check_number("DelayedSums", "length", self.length, low=self.terms + 1, whole=True)
        check_number("DelayedSums", "frequency", self.frequency, above=0)
        check_number("DelayedSums", "asked", self.asked, low=0, high=1)
        check_number("DelayedSums", "first", self.first, low=0, high=1, whole=True)

    def example(self, key: Array) -> Batch:
        """Draw one sequence."""
        x_T = random.normal(random.fold_in(key, 0), (self.length,))
        u_T = random.uniform(random.fold_in(key, 1), (self.length,))
        flag_T = (u_T < jnp.asarray(self.asked, jnp.float32)).astype(jnp.float32)
        return self.of(x_T, flag_T)

    def of(self, x_T: Array, flag_T: Array) -> Batch:
        """Return the sequence of some numbers and flags (T,)."""
        term_T = jnp.sin(jnp.float32(self.frequency) * x_T)
        padded = jnp.concatenate([jnp.zeros(self.terms, jnp.float32), term_T])
        at = lambda i: padded[self.terms - i : self.terms - i + self.length]
        later_T = sum((at(i) for i in range(1, self.terms + 1)), jnp.zeros_like(x_T))
        own = jnp.asarray(self.first, jnp.float32) == 0
        sum_T = later_T + jnp.where(own, term_T - at(self.terms), 0)
        targets = flag_T * sum_T + (1 - flag_T) * x_T
        whole_T = (jnp.arange(self.length) >= self.terms).astype(jnp.float32)
        latents = {"x": x_T, "term": term_T, "sum": sum_T, "flag": flag_T}
        weights = whole_T / (self.length - self.terms)
        return Batch(jnp.stack([x_T, flag_T], -1), targets, weights, latents)

    def consistent(self, batch: Batch) -> Any:
        """Whether terms, sums and targets are those of the numbers and flags."""
        named = {name: np.asarray(leaf, np.float64) for name, leaf in batch.latents.items()}
        x_BT, flag_BT, term_BT = named["x"], named["flag"], named["term"]
        sum_BT = np.zeros_like(x_BT)
        for i in range(int(self.first), int(self.first) + self.terms):
            sum_BT[:, i:] += term_BT[:, : self.length - i]
        close = lambda a, b: np.abs(np.asarray(a, np.float64) - b).max(-1) < 1e-4
        return (
            close(np.asarray(batch.inputs)[..., 0], x_BT)
            & close(np.asarray(batch.inputs)[..., 1], flag_BT)
            & close(term_BT, np.sin(self.frequency * x_BT))
            & close(named["sum"], sum_BT)
            & close(batch.targets, np.where(flag_BT > 0, sum_BT, x_BT))
        )

    @property
    def term_variance(self) -> float:
        """Variance of f(x): ``(1 - e^{-2 a^2}) / 2``."""
        return (1 - math.exp(-2 * self.frequency**2)) / 2

    @property
    def linear_share(self) -> float:
        """Share of f's variance that a linear map of x explains: ``a^2 e^{-a^2}`` over it.

        .85 at a = 1, .15 at 2, .002 at 3.
        """
        a = self.frequency
        return a * a * math.exp(-a * a) / self.term_variance

    def bayes_loss(self) -> float:
        """0: numbers and flags decide the target."""
        return 0.0

    def uniform_loss(self) -> float:
        """Mean square of the target: the loss of the predictor 0."""
        asked = float(np.asarray(self.asked))
        return asked * self.terms * self.term_variance + (1 - asked)


def examples() -> tuple[Task, ...]:
    """Small tasks, for the conformance suite."""
    return (DelayedSums(6, 2), DelayedSums(6, 3, asked=0.3, first=0))
