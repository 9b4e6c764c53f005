"""Balanced or not: bracket strings on which two rules agree, and those on which they do not.

Source: Li et al. 2025 (arXiv:2507.06445), with their code.

Shape suffixes: W symbols with padding, L tokens.
"""

import dataclasses
import math

import jax.numpy as jnp
import numpy as np
from jax import Array
from jaxtyping import Float, Int

from toylab import random
from toylab.errors import ToylabError, check_number
from toylab.task import Batch, Number, Task

from .strings import BOS, CLOSE, EOS, OPEN, PAD, depths, equal_count, nested, sizes


def shuffled(u_W: Float[Array, " W"], size: Array, n_open: Array) -> Int[Array, " W"]:
    """A uniform order of ``n_open`` ups (+1) and ``size - n_open`` downs (-1), then zeros.

    The ups stand where the random numbers are least.
    """
    at_W = jnp.arange(len(u_W), dtype=jnp.int32)
    own_W = jnp.where(at_W < size, u_W, 2.0)
    before_WW = (own_W[None] < own_W[:, None]) | (
        (own_W[None] == own_W[:, None]) & (at_W[None] < at_W[:, None])
    )
    rank_W = before_WW.sum(1, dtype=jnp.int32)
    return jnp.where(at_W < size, jnp.where(rank_W < n_open, 1, -1), 0).astype(jnp.int32)


def balanced_steps(u_W: Float[Array, " W"], n: Array) -> Int[Array, " W"]:
    """Uniform over the balanced strings of n pairs; W is at least 2n + 1.

    By the cycle lemma one of the 2n + 1 rotations of n ups and n + 1 downs is a balanced string and
    one more down: the one that starts after the first minimum.

    Source: Dvoretzky and Motzkin 1947, "A problem of arrangements".
    """
    size = 2 * n + 1
    step_W = shuffled(u_W, size, n)
    at_W = jnp.arange(len(u_W), dtype=jnp.int32)
    depth_W = jnp.where(at_W < size, jnp.cumsum(step_W), len(u_W))
    turned_W = step_W[(at_W + jnp.argmin(depth_W) + 1) % size]
    return jnp.where(at_W < 2 * n, turned_W, 0)


def unequal_steps(u_W: Float[Array, " W"], u: Array, n: Array, pairs: int) -> Int[Array, " W"]:
    """Uniform over the strings of 2n symbols whose counts are unequal."""
    n_open = jnp.sum(jnp.asarray(_cumulative(pairs))[n] <= u, dtype=jnp.int32)
    return shuffled(u_W, 2 * n, n_open)


def unnested_steps(u_W: Float[Array, " W"], n: Array) -> Int[Array, " W"]:
    """Uniform over the strings of n pairs whose counts are equal and that are not balanced.

    By reflection: flipping all that follows the first fall to depth -1 maps the orders of n - 1 ups
    and n + 1 downs one to one onto these strings.

    Source: Andre 1887, "Solution directe du probleme resolu par M. Bertrand".
    """
    step_W = shuffled(u_W, 2 * n, n - 1)
    fell_W = jnp.cumsum(jnp.cumsum(step_W) == -1) > 0
    after_W = jnp.concatenate([jnp.zeros(1, bool), fell_W[:-1]])
    return jnp.where(after_W, -step_W, step_W)


def _cumulative(pairs: int) -> np.ndarray:
    """Cumulative chances of the number of "(" among 2n random symbols, unequal counts only."""
    chances = np.zeros((pairs + 1, 2 * pairs))
    chances[0] = 1
    for n in range(1, pairs + 1):
        count = np.array([math.comb(2 * n, k) * (k != n) for k in range(2 * n + 1)], float)
        chances[n] = np.append(np.cumsum(count / count.sum()), np.ones(2 * pairs))[: 2 * pairs]
        chances[n, 2 * n :] = 2  # no more than 2n of them, whatever rounding does
    return chances.astype(np.float32)


@dataclasses.dataclass(frozen=True)
class Brackets(Task):
    """Is a string of brackets balanced? Asked at EOS, answered 1 for yes and 0 for no.

    A string has 1 + Binomial(pairs - 1, 1/2) pairs. Strings as seen in training are, by
    ``yes_share``, uniform over the balanced ones of their length, or else uniform over those whose
    counts of "(" and ")" are unequal: NESTED and EQUAL-COUNT give the same answers. Unseen strings
    are uniform over those of equal counts that are not balanced: NESTED says no, EQUAL-COUNT yes.

    Targets (L,) hold the answer at EOS, where the weight is 1; it is 0 elsewhere. A causal model
    at EOS does not see the padding behind. Latents: ``depth`` (L,) after each token, ``size`` ()
    the number of symbols, ``equal`` () whether counts are equal, ``nested`` () whether balanced.

    Args:
        pairs: most pairs of a string; tokens are ``L = 2 pairs + 2``.
        unseen: strings on which the rules differ, instead of those of training.
        yes_share: share of balanced strings in training, above 0 and below 1.

    Raises:
        ToylabError: a number out of range.

    Source: Li et al. 2025, section 3, with their code; the share is our assumption.

    Example:
        >>> Brackets(3).batch(jax.random.key(0), 2).inputs.shape
        (2, 8)
    """

    pairs: int = 10
    unseen: bool = False
    yes_share: Number = 0.5

    def __post_init__(self) -> None:
        check_number("Brackets", "pairs", self.pairs, low=1, high=500, whole=True)
        check_number("Brackets", "yes_share", self.yes_share, high=1, above=0)
        if isinstance(self.yes_share, int | float) and self.yes_share == 1:
            raise ToylabError(
                "Brackets: yes_share = 1 leaves one class in training; give less than 1."
            )

    @property
    def length(self) -> int:
        """Number L of tokens, BOS and EOS included."""
        return 2 * self.pairs + 2

    def example(self, key: Array) -> Batch:
        """Draw one string."""
        width = 2 * self.pairs + 1
        u = random.once(random.uniform(key, (width + self.pairs + 1,)))
        n = 1 + jnp.sum(u[width : width + self.pairs - 1] < 0.5, dtype=jnp.int32)
        if self.unseen:
            return self.tokens(unnested_steps(u[:width], n))
        yes = u[-2] < jnp.asarray(self.yes_share, jnp.float32)
        no_W = unequal_steps(u[:width], u[-1], n, self.pairs)
        return self.tokens(jnp.where(yes, balanced_steps(u[:width], n), no_W))

    def tokens(self, step_W: Int[Array, " W"]) -> Batch:
        """Return steps of +1 and -1, then zeros, as an example."""
        step_L = jnp.concatenate(
            [jnp.zeros(1, jnp.int32), step_W[: 2 * self.pairs], jnp.zeros(1, jnp.int32)]
        )
        size = jnp.sum(jnp.abs(step_L), dtype=jnp.int32)
        at_L = jnp.arange(self.length, dtype=jnp.int32)
        symbol_L = jnp.where(step_L > 0, OPEN, jnp.where(step_L < 0, CLOSE, PAD))
        inputs_L = jnp.where(at_L == 0, BOS, jnp.where(at_L == size + 1, EOS, symbol_L))
        depth_L = jnp.cumsum(step_L, dtype=jnp.int32)
        equal = depth_L[-1] == 0
        is_nested = equal & (depth_L.min() >= 0)
        asked_L = at_L == size + 1
        return Batch(
            inputs_L.astype(jnp.int32),
            (asked_L & is_nested).astype(jnp.int32),
            asked_L.astype(jnp.float32),
            {"depth": depth_L, "size": size, "equal": equal, "nested": is_nested},
        )

    def consistent(self, batch: Batch) -> np.ndarray:
        """Per example: tokens stand in order, and answer and latents are those of the string."""
        x_BL, told = np.asarray(batch.inputs), {k: np.asarray(v) for k, v in batch.latents.items()}
        at_L, size_B = np.arange(x_BL.shape[1])[None], sizes(x_BL)
        kind_BL = np.where(at_L == 0, BOS, np.where(at_L == size_B[:, None] + 1, EOS, PAD))
        inner_BL = (at_L > 0) & (at_L <= size_B[:, None])
        ordered = np.where(inner_BL, x_BL >= OPEN, x_BL == kind_BL).all(1)
        asked_BL = kind_BL == EOS
        yes_B, equal_B = nested(x_BL), equal_count(x_BL)
        answered = (np.asarray(batch.targets) == (asked_BL & yes_B[:, None])).all(1)
        weighed = (np.asarray(batch.weights) == asked_BL).all(1)
        named = (told["depth"] == depths(x_BL)).all(1) & (told["size"] == size_B)
        named &= (told["equal"] == equal_B) & (told["nested"] == yes_B)
        lawful = equal_B & ~yes_B if self.unseen else yes_B | ~equal_B
        return ordered & answered & weighed & named & lawful

    def bayes_loss(self) -> float:
        """The answer is a function of the string: 0."""
        return 0.0

    def uniform_loss(self) -> float:
        """``log 2``, of a fair coin."""
        return math.log(2)


def examples() -> tuple[Task, ...]:
    """Small tasks, for the conformance suite."""
    return Brackets(4), Brackets(5, unseen=True), Brackets(3, yes_share=0.3)
