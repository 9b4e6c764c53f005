"""In-context Markov chains: a fresh chain for every sequence, so that the context is all there is.

The rows of each chain's transition matrix are independent uniform draws from the simplex, and the
first state is uniform, so the in-context bigram counter with one pseudo-count per state is exactly
the Bayes predictor. Simpler predictors are given too: the uniform one, and the unigram
counter, which ignores order.

Source: Edelman et al. 2024 (arXiv:2402.11004), "The Evolution of Statistical Induction Heads".
"""

import functools
import math
from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jaxtyping import Float

from toylab import random
from toylab.errors import check_number
from toylab.task import Batch, Number, Task

from .graph_walks import bigram_counts

BALANCING = 12  # rounds of Sinkhorn's scaling; rows and columns of 3 states then sum to 1 +- 1e-3


@dataclass(frozen=True)
class MarkovChains(Task):
    """Sequences of a fresh Markov chain each. Latents: ``transitions`` (K, K), rows sum to 1.

    Args:
        n_states: K.
        length: L.
        balanced: at 1, transition matrices are made doubly stochastic (columns sum to 1 as rows
            do), so that all states are equally frequent and the unigram counter is no better than
            the uniform predictor; at 0 rows are Dirichlet(1). May differ per member.

    Raises:
        ToylabError: a number out of its range.

    Source: Edelman et al. 2024, in-context learning Markov chains (ICL-MC), 2 or 3 states.

    Example:
        >>> task = MarkovChains(n_states=2, length=10)
        >>> batch = task.batch(jax.random.key(0), 4)
        >>> task.bigram(batch).shape
        (4, 10, 2)
    """

    n_states: int = 3
    length: int = 100
    balanced: Number = 0.0

    def __post_init__(self) -> None:
        check_number("MarkovChains", "n_states", self.n_states, low=2, whole=True)
        check_number("MarkovChains", "length", self.length, low=2, whole=True)
        check_number("MarkovChains", "balanced", self.balanced, low=0, high=1)

    def example(self, key: Array) -> Batch:
        """Draw a chain and a sequence of it; inputs and targets (L,)."""
        k = self.n_states
        u_E = random.once(random.uniform(key, (k * k + self.length + 1,)))
        # An exponential draw each, scaled to sum to 1, is uniform on the simplex.
        raw_KK = -jnp.log(jnp.maximum(u_E[: k * k], jnp.float32(1e-9))).reshape(k, k)
        raw_KK = jnp.maximum(raw_KK, jnp.float32(1e-6))
        even = jnp.asarray(self.balanced, jnp.float32) > 0.5
        p_KK = jnp.where(even, sinkhorn(raw_KK), raw_KK / raw_KK.sum(1, keepdims=True))
        state_L1 = follow(u_E[k * k :], p_KK)
        weight_L = jnp.ones((self.length,), jnp.float32)
        return Batch(state_L1[:-1], state_L1[1:], weight_L, {"transitions": p_KK})

    def bigram(self, batch: Batch) -> Float[Array, "B L K"]:
        """Bayes predictor for Dirichlet(1) rows: ``(c_t[v] + 1) / (sum_u c_t[u] + K)``.

        ``c_t[v]`` counts how often v has followed the present state so far.
        """
        every_L = jnp.ones((batch.inputs.shape[1],), bool)
        counts_BLK = bigram_counts(batch.inputs, batch.targets, every_L, self.n_states, True)
        return (counts_BLK + 1) / (counts_BLK.sum(-1, keepdims=True) + self.n_states)

    def unigram(self, batch: Batch) -> Float[Array, "B L K"]:
        """``(n_t[v] + 1) / (t + 1 + K)``: how often each state stands in the context so far."""
        hot_BLK = jax.nn.one_hot(batch.inputs, self.n_states, dtype=jnp.float32)
        counts_BLK = jnp.cumsum(hot_BLK, 1)
        return (counts_BLK + 1) / (counts_BLK.sum(-1, keepdims=True) + self.n_states)

    def uniform(self, batch: Batch) -> Float[Array, "B L K"]:
        """``1 / K``."""
        return jnp.full((*batch.inputs.shape, self.n_states), 1 / self.n_states, jnp.float32)

    def consistent(self, batch: Batch) -> np.ndarray:
        """Whether rows sum to 1, targets follow inputs, and no step has probability 0."""
        p_BKK = np.asarray(batch.latents["transitions"])
        x_BL, y_BL = np.asarray(batch.inputs), np.asarray(batch.targets)
        taken_BL = p_BKK[np.arange(len(x_BL))[:, None], x_BL, y_BL]
        # How likely the sequence is, against how likely it was expected to be.
        entropy_BK = -(p_BKK * np.log(np.maximum(p_BKK, 1e-12))).sum(-1)
        excess_BL = -np.log(np.maximum(taken_BL, 1e-12)) - np.take_along_axis(entropy_BK, x_BL, 1)
        agree = [
            np.abs(p_BKK.sum(-1) - 1).max(1) < 1e-3,
            (x_BL[:, 1:] == y_BL[:, :-1]).all(1),
            (taken_BL > 0).all(1),
            np.abs(excess_BL.mean(1)) < 8 / math.sqrt(self.length),
        ]
        return np.all(agree, 0)

    def uniform_loss(self) -> float:
        """The log of the number of states."""
        return math.log(self.n_states)


def sinkhorn(raw_KK: Float[Array, "K K"]) -> Float[Array, "K K"]:
    """Scale rows and columns in turn until both sum to 1 (Sinkhorn 1964); rows last, exactly."""
    for _ in range(BALANCING):
        raw_KK = raw_KK / raw_KK.sum(0, keepdims=True)
        raw_KK = raw_KK / raw_KK.sum(1, keepdims=True)
    return raw_KK


@functools.partial(jax.jit, inline=True)
def follow(u_E: Float[Array, " L1"], p_KK: Float[Array, "K K"]) -> Array:
    """States of a chain at L + 1 positions; the first is uniform, each u decides one."""
    k = p_KK.shape[0]
    upto_KK = jnp.cumsum(p_KK, 1)[:, :-1]
    first = jnp.minimum((u_E[0] * k).astype(jnp.int32), k - 1)

    def step(state: Array, u: Array) -> tuple[Array, Array]:
        after = (u > upto_KK[state]).sum(dtype=jnp.int32)
        return after, state

    last, state_L = jax.lax.scan(step, first, u_E[1:])
    return jnp.concatenate([state_L, last[None]])


def examples() -> tuple[Task, ...]:
    """Small tasks, for the conformance suite."""
    return (MarkovChains(3, length=12), MarkovChains(2, length=9, balanced=1.0))
