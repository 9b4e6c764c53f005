"""Bigram-Backcopy: a Markov source in which a few frequent symbols call for the symbol before them.

Source: Guo et al. 2024 (arXiv:2410.13835), who take the source from a text; here it is drawn from
a seed. Symbols 0 to n - 1 stand in order of frequency, and n begins every sequence, once.
"""

import dataclasses
import functools

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jaxtyping import Float

from toylab import random
from toylab.errors import check_number
from toylab.task import Batch, Number, Task

SPREAD = 1.5  # of the logarithm of a joint probability, before its margins are set
SWEEPS = 200


@functools.lru_cache(maxsize=8)
def markov_source(n: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """A random chain of given stationary frequencies ``pi_i = 1 / (i + 1) / H_n``, Zipf's.

    ``J = diag(a) exp(SPREAD z) diag(b)`` with normal z, and a and b such that both margins of
    J are pi (Sinkhorn's iteration); then ``P_ij = J_ij / pi_i`` leaves pi as it is.

    Args:
        n: number of symbols.
        seed: decides z.

    Returns:
        Frequencies (n,) and transition probabilities (n, n), rows summing to 1; float64.
    """
    pi_N = 1 / np.arange(1, n + 1)
    pi_N /= pi_N.sum()
    joint_NN = np.exp(SPREAD * np.random.default_rng(seed).normal(size=(n, n)))
    for _ in range(SWEEPS):
        joint_NN *= (pi_N / joint_NN.sum(0))[None]
        joint_NN *= (pi_N / joint_NN.sum(1))[:, None]
    return pi_N, joint_NN / pi_N[:, None]


@dataclasses.dataclass(frozen=True)
class BigramBackcopy(Task):
    """Sequences ``<s> x_1 x_2 ...``; the target at each position is the next symbol.

    The first symbol is drawn from the source's frequencies without the triggers. After a trigger,
    one of the k most frequent symbols, follows the symbol before it; after any other, what the
    source gives. So two triggers never stand side by side. Latents: ``trigger`` (L,), whether the
    symbol at each position is one.

    Args:
        n_symbols: n; the vocabulary has one more, ``<s>``.
        length: L, positions of a sequence, ``<s>`` included.
        n_triggers: k, fewer than n; 0 makes a plain Markov source. May differ per member.
        source_seed: decides the source.

    Raises:
        ToylabError: a number out of range.

    Source: Guo et al. 2024, section 2, with their code.

    Example:
        >>> BigramBackcopy(8, length=5).batch(jax.random.key(0), 3).inputs[:, 0]
        Array([8, 8, 8], dtype=int32)
    """

    n_symbols: int = 32
    length: int = 64
    n_triggers: Number = 3
    source_seed: int = 0

    def __post_init__(self) -> None:
        check_number("BigramBackcopy", "n_symbols", self.n_symbols, low=2, whole=True)
        check_number("BigramBackcopy", "length", self.length, low=2, whole=True)
        high = self.n_symbols - 1
        check_number("BigramBackcopy", "n_triggers", self.n_triggers, low=0, high=high, whole=True)
        check_number("BigramBackcopy", "source_seed", self.source_seed, low=0, whole=True)

    @property
    def vocab(self) -> int:
        """Number of tokens: the symbols and ``<s>``."""
        return self.n_symbols + 1

    @property
    def start(self) -> int:
        """The token ``<s>``."""
        return self.n_symbols

    def first(self) -> Float[Array, " N"]:
        """Probabilities of the first symbol: the source's frequencies without the triggers."""
        pi_N = jnp.asarray(markov_source(self.n_symbols, self.source_seed)[0], jnp.float32)
        kept_N = jnp.where(self._is_trigger(jnp.arange(self.n_symbols, dtype=jnp.int32)), 0.0, pi_N)
        return kept_N / kept_N.sum()

    def transitions(self) -> Float[Array, "N N"]:
        """Probabilities of the source's next symbol, one row per symbol."""
        return jnp.asarray(markov_source(self.n_symbols, self.source_seed)[1], jnp.float32)

    def _is_trigger(self, token: Array) -> Array:
        # A member's number may come as a float.
        return token.astype(jnp.float32) < jnp.asarray(self.n_triggers, jnp.float32)

    def example(self, key: Array) -> Batch:
        """Draw one sequence."""
        # Kept: fused into the scan, Threefry compiles many times.
        u_L = random.once(random.uniform(key, (self.length,)))
        table_NN = jnp.cumsum(self.transitions(), axis=1)
        last = self.n_symbols - 1
        pick = lambda u, cdf_N: jnp.minimum(jnp.sum(cdf_N <= u, dtype=jnp.int32), last)

        def step(state: tuple[Array, Array], u: Array) -> tuple[tuple[Array, Array], Array]:
            before, token = state
            drawn = pick(u * table_NN[token, -1], table_NN[token])
            after = jnp.where(self._is_trigger(token), before, drawn)
            return (token, after), after

        first_N = jnp.cumsum(self.first())
        start, one = jnp.int32(self.start), pick(u_L[0] * first_N[-1], first_N)
        _, rest_L = jax.lax.scan(step, (start, one), u_L[1:])
        token_L = jnp.concatenate([jnp.stack([start, one]), rest_L])
        inputs_L, targets_L = token_L[:-1], token_L[1:]
        latents = {"trigger": self._is_trigger(inputs_L)}
        return Batch(inputs_L, targets_L, jnp.ones(self.length, jnp.float32), latents)

    def oracle(self, batch: Batch) -> Float[Array, "B L V"]:
        """Probabilities of the next token by the rule itself; exact.

        Args:
            batch: with a leading axis B.
        """
        x_BL = batch.inputs
        before_BL = jnp.pad(x_BL[:, :-1], ((0, 0), (1, 0)), constant_values=self.start)
        row_BLN = self.transitions()[jnp.minimum(x_BL, self.n_symbols - 1)]
        row_BLN = jnp.where((x_BL == self.start)[..., None], self.first()[None, None], row_BLN)
        copy_BLN = jax.nn.one_hot(before_BL, self.n_symbols, dtype=jnp.float32)
        p_BLN = jnp.where(batch.latents["trigger"][..., None], copy_BLN, row_BLN)
        return jnp.pad(p_BLN, ((0, 0), (0, 0), (0, 1)))

    def consistent(self, batch: Batch) -> np.ndarray:
        """Per example: it begins with ``<s>``, and triggers are named and copied from before."""
        x_BL, y_BL = np.asarray(batch.inputs), np.asarray(batch.targets)
        told_BL = np.asarray(batch.latents["trigger"])
        is_copy_BL = np.ones_like(told_BL)
        is_copy_BL[:, 1:] = ~told_BL[:, 1:] | (y_BL[:, 1:] == x_BL[:, :-1])
        begins = (x_BL[:, 0] == self.start) & (x_BL[:, 1:] < self.n_symbols).all(1)
        follows = (x_BL[:, 1:] == y_BL[:, :-1]).all(1) & is_copy_BL.all(1)
        named = (told_BL == (x_BL < np.asarray(self.n_triggers))).all(1)
        return begins & follows & named & ~told_BL[:, :2].any(1)

    def bayes_loss(self) -> float:
        """Mean entropy of the next symbol over the positions, in nats; exact."""
        pi_N, step_NN = markov_source(self.n_symbols, self.source_seed)
        k = int(self.n_triggers)  # pyright: ignore[reportArgumentType]
        first_N = np.where(np.arange(len(pi_N)) < k, 0, pi_N)
        first_N /= first_N.sum()
        entropy_N = -(step_NN * np.log(step_NN)).sum(1)
        total = -(first_N[k:] * np.log(first_N[k:])).sum()
        # Symbols that are no triggers at a position, and those of the one before that wait there.
        here_N, waiting_N = first_N, np.zeros_like(first_N)
        for _ in range(self.length - 1):
            total += here_N @ entropy_N
            next_N = (here_N @ step_NN) * (np.arange(len(pi_N)) >= k) + waiting_N
            here_N, waiting_N = next_N, here_N * step_NN[:, :k].sum(1)
        return float(total / self.length)

    def uniform_loss(self) -> float:
        """``log(n + 1)``, of every token alike."""
        return float(np.log(self.vocab))


def examples() -> tuple[Task, ...]:
    """Small tasks, for the conformance suite."""
    return BigramBackcopy(8, length=10, n_triggers=2), BigramBackcopy(6, length=6, n_triggers=0)
