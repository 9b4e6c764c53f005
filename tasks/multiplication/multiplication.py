"""Multiplication of numbers digit by digit, with or without the steps of long multiplication.

Source: Bai et al. 2025 (arXiv:2510.00184); the steps and their removal: Deng et al. 2024
(arXiv:2405.14838).

Shape suffixes: B batch, N digits of a factor, C tokens of the chain, L tokens.
"""

import functools
import math
from dataclasses import dataclass
from typing import Any

import jax.numpy as jnp
import numpy as np
from jax import Array
from jaxtyping import Float, Int

from toylab import random
from toylab.errors import ToylabError, check_number
from toylab.task import Batch, Number, Task

from .digits import chain_length, chain_of, digits_of, multiply, number_of

MOST = 2**31 - 1  # products are int32
MOST_PAIRS = 5_000_000  # of a training set, which is kept


@dataclass(frozen=True)
class Multiplication(Task):
    """``a b [steps] = c``, each digit a token, least significant first. Inputs (L,).

    Factors have N digits and the product 2 N, so that without steps L = 4 N: every digit of the
    answer is asked for, given those before it. Of the chain of C steps (see
    :func:`toylab.tasks.multiplication.digits.chain_of`) only the last ``kept`` stand there; an
    example may lose more of its beginning, ``o`` with ``P(o) = (1 - e^-s) e^(-s o)``, and has as
    many tokens "=" without weight at its end.

    Targets are the next tokens. Those of the chain and of the answer have weight.
    Latents: ``factors`` (2 N,), the digits of a and b; ``running`` and ``carry`` (2 N,);
    ``lost`` (), the number o.

    Args:
        digits: N, of each factor.
        base: number of digits there are.
        train_pairs: number of pairs (a, b) in the training set, which are drawn evenly.
        leading_zeros: whether factors may be less than base^(N - 1).
        kept: tokens of the chain that stand before the answer.
        smoothing: s; may differ per member.
        world_seed: decides which pairs are in the training set.

    Raises:
        ToylabError: a number out of range; a base and digits whose products exceed int32; more
            pairs than there are, or all of them, which would leave none to judge by.

    Example:
        >>> import jax
        >>> Multiplication().batch(jax.random.key(0), 2).inputs.shape
        (2, 12)
    """

    digits: int = 3
    base: int = 4
    train_pairs: int = 3_000
    leading_zeros: bool = True
    kept: int = 0
    smoothing: Number = 4.0
    world_seed: int = 0

    def __post_init__(self) -> None:
        check_number("Multiplication", "digits", self.digits, low=1, whole=True)
        check_number("Multiplication", "base", self.base, low=2, whole=True)
        if self.base ** (2 * self.digits) > MOST:
            raise ToylabError(
                f"Multiplication: {self.digits} digits in base {self.base} have products beyond "
                "2**31; give fewer digits or a smaller base."
            )
        if not isinstance(self.leading_zeros, bool):
            raise ToylabError(
                f"Multiplication: leading_zeros = {self.leading_zeros!r} is not true or false."
            )
        check_number("Multiplication", "train_pairs", self.train_pairs, 1, MOST_PAIRS, whole=True)
        if self.train_pairs >= self.n_pairs:
            raise ToylabError(
                f"Multiplication: train_pairs = {self.train_pairs:,} of {self.n_pairs:,} pairs "
                "leave none unseen; give fewer."
            )
        check_number("Multiplication", "kept", self.kept, 0, chain_length(self.digits), whole=True)
        check_number("Multiplication", "smoothing", self.smoothing, above=0)
        check_number("Multiplication", "world_seed", self.world_seed, low=0, whole=True)

    @property
    def factors(self) -> tuple[int, int]:
        """Least factor, and number of factors."""
        least = 0 if self.leading_zeros else self.base ** (self.digits - 1)
        return least, self.base**self.digits - least

    @property
    def n_pairs(self) -> int:
        """Number of pairs (a, b), seen or not."""
        return self.factors[1] ** 2

    @property
    def vocab(self) -> int:
        """Number of tokens: the digits and "="."""
        return self.base + 1

    @property
    def length(self) -> int:
        """Number L of tokens."""
        return 4 * self.digits + self.kept

    @property
    def answers(self) -> slice:
        """Positions at which the answer's digits are asked for, of an example that lost nothing."""
        return slice(self.length - 2 * self.digits, self.length)

    def pairs(self) -> tuple[Int[np.ndarray, " T"], Int[np.ndarray, " T"]]:
        """Return the training set's factors, a and b."""
        least, count = self.factors
        a, b = np.divmod(_seen(self.n_pairs, self.train_pairs, self.world_seed), count)
        return (a + least).astype(np.int32), (b + least).astype(np.int32)

    def unseen(self, count: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
        """Return factors of pairs outside the training set, each once; all where there are fewer.

        Args:
            count: most of them.
            seed: of the draw.
        """
        least, n = self.factors
        seen = _seen(self.n_pairs, self.train_pairs, self.world_seed)
        rng = np.random.default_rng(seed)
        drawn = rng.permutation(self.n_pairs) if self.n_pairs <= MOST_PAIRS else None
        if drawn is None:  # of so many pairs few are drawn twice
            drawn = np.unique(rng.integers(self.n_pairs, size=2 * count + self.train_pairs))
            drawn = rng.permutation(drawn)
        a, b = np.divmod(drawn[~np.isin(drawn, seen)][:count], n)
        return (a + least).astype(np.int32), (b + least).astype(np.int32)

    def example(self, key: Array) -> Batch:
        """Draw one example of the training set."""
        drawn = self.batch(key, 1)
        return Batch(
            drawn.inputs[0],
            drawn.targets[0],
            drawn.weights[0],
            {name: leaf[0] for name, leaf in drawn.latents.items()},
        )

    def batch(self, key: Array, size: int) -> Batch:
        """Draw examples of the training set."""
        u_2B = random.once(random.uniform(key, (2, size)))
        at_B = random.pick(u_2B[0], jnp.int32(self.train_pairs))
        a_B, b_B = (jnp.asarray(x)[at_B] for x in self.pairs())
        rate = jnp.asarray(self.smoothing, jnp.float32)
        # u may be 0, whose logarithm is not finite.
        lost_B = jnp.floor(-jnp.log(jnp.maximum(u_2B[1], 1e-9)) / rate).astype(jnp.int32)
        return self.spelled(a_B, b_B, jnp.minimum(lost_B, self.kept))

    def spelled(self, a_B: Any, b_B: Any, lost_B: Any = 0) -> Batch:
        """Return the examples of given pairs.

        Args:
            a_B, b_B: factors.
            lost_B: tokens that the chain has lost besides.
        """
        a_B, b_B = jnp.asarray(a_B, jnp.int32), jnp.asarray(b_B, jnp.int32)
        a_N, b_N = (digits_of(x, self.base, self.digits) for x in (a_B, b_B))
        whole = multiply(a_N, b_N, self.base)
        equals = [jnp.full_like(a_B, self.base)]
        tail = [*chain_of(a_N, b_N, self.base), *equals, *whole.digits]
        spare = self.kept * equals  # where an example that lost tokens ends
        tail_BT = jnp.stack([*tail, *spare], 1)
        lost_B = jnp.broadcast_to(jnp.asarray(lost_B, jnp.int32), a_B.shape)
        size = self.kept + 1 + 2 * self.digits
        at_BT = jnp.arange(size, dtype=jnp.int32)[None] + lost_B[:, None]
        at_BT = at_BT + (chain_length(self.digits) - self.kept)
        line_BL = jnp.concatenate(
            [jnp.stack([*a_N, *b_N], 1), jnp.take_along_axis(tail_BT, at_BT, 1)], 1
        )
        latents = {
            "factors": jnp.stack([*a_N, *b_N], 1),
            "running": jnp.stack(whole.running, 1),
            "carry": jnp.stack(whole.carry, 1),
            "lost": lost_B,
        }
        return Batch(line_BL[:, :-1], line_BL[:, 1:], self._weights(lost_B), latents)

    def _weights(self, lost_B: Int[Array, " B"]) -> Float[Array, "B L"]:
        """1 where a token of the chain or of the answer is asked for, or the "=" between them."""
        at_L = jnp.arange(self.length, dtype=jnp.int32)
        first = 2 * self.digits - (self.kept > 0)
        asked_BL = (at_L >= first)[None] & (at_L[None] < self.length - lost_B[:, None])
        return asked_BL.astype(jnp.float32)

    def consistent(self, batch: Batch) -> np.ndarray:
        """Whether the answer is the product, by Python's integers, and the latents those of it."""
        told = {k: np.asarray(v) for k, v in batch.latents.items()}
        x_BL, y_BL = np.asarray(batch.inputs), np.asarray(batch.targets)
        rows = zip(x_BL.tolist(), y_BL.tolist(), range(len(x_BL)), strict=True)
        return np.array(
            [self._agrees(x, y, {k: v[i] for k, v in told.items()}) for x, y, i in rows]
        )

    def _agrees(self, x: list[int], y: list[int], told: dict[str, np.ndarray]) -> bool:
        n, base, end = self.digits, self.base, self.length - int(told["lost"])
        a, b = number_of(x[:n], base), number_of(x[n : 2 * n], base)
        answer, running = y[end - 2 * n : end], told["running"].tolist()
        carry = told["carry"].tolist()
        steps = chain_of(x[:n], x[n : 2 * n], base)
        kept = self.kept - int(told["lost"])
        return (
            x[1:] == y[:-1]
            and told["factors"].tolist() == x[: 2 * n]
            and number_of(answer, base) == a * b
            and x[end - 2 * n] == base
            and x[2 * n : 2 * n + kept] == steps[len(steps) - kept :]
            and all(r == c + base * k for r, c, k in zip(running, answer, carry, strict=True))
            and set(y[end:]) <= {base}
        )

    def enumerate(self) -> Batch | None:
        """Return the training set, where no example may lose more of its chain than others."""
        return None if self.kept else self.spelled(*self.pairs())

    def split(self) -> dict[str, Batch]:
        """Return the training set and all pairs outside of it."""
        parts = {"train": self.pairs(), "unseen": self.unseen(self.n_pairs, 0)}
        return {name: self.spelled(*pairs) for name, pairs in parts.items()}

    def bayes_loss(self) -> float | None:
        """0 without a chain; with one, how much is lost cannot be foreseen."""
        return None if self.kept else 0.0

    def uniform_loss(self) -> float:
        """The log of the number of tokens."""
        return math.log(self.vocab)


@functools.lru_cache(maxsize=8)
def _seen(n_pairs: int, count: int, seed: int) -> Int[np.ndarray, " T"]:
    """Numbers of the training set's pairs, in no order."""
    rng = np.random.default_rng(seed)
    if n_pairs <= MOST_PAIRS:
        return rng.permutation(n_pairs)[:count]
    return rng.choice(n_pairs, count, replace=False, shuffle=False)


def examples() -> tuple[Task, ...]:
    """Small tasks, for the conformance suite."""
    return (
        Multiplication(),
        Multiplication(2, 5, 300, leading_zeros=False, kept=7, smoothing=0.7),
        Multiplication(2, 3, 60, kept=4),
        Multiplication(1, 10, 80),
    )
