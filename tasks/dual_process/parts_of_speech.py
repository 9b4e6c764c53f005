"""Parts of speech: is a word a noun or an adjective, by its place in the context or by memory?

Source: Anand, Lepori, Merullo and Pavlick 2024 (arXiv:2406.00053), with their code. Held-out words
are a tenth of the vocabulary there as well; here ranks begin at the most frequent word, which their
sampler never draws.
"""

import math
from dataclasses import dataclass

import jax.numpy as jnp
import numpy as np
from jax import Array
from jaxtyping import Bool, Float, Int

from toylab import random
from toylab.errors import ToylabError, check_number
from toylab.task import Batch, Number, Task

BINS = 5  # of frequency, in each of which the same share of words is ambiguous
LENGTH = 7
MASKED = (4, 5, 6)


@dataclass(frozen=True)
class PartsOfSpeech(Task):
    """``cop adj noun`` or ``noun cop adj``, a query, three masks. Inputs and targets (7,).

    ========= ===============
    query     under the masks
    ========= ===============
    the adj   adj adj adj
    the noun  adj noun noun
    ========= ===============

    Order and query are drawn evenly. The context tells which word is which by its place (structural
    in-context learning); a word that is always a noun may be remembered as one (in-weights).

    Words of each class have Zipf's frequencies, ``p_r ~ (r + 1)^-skew`` for rank r. Of each fifth
    of the ranks a share ``ambiguous`` of words, at least one, is ambiguous: drawn, it gives way in
    half of the cases to an ambiguous word of the other class, so that memory does not tell. Tokens
    are nouns by rank, adjectives by rank, ``cop``, the mask, and words held out of training.

    Only masked places have weight. Latents: ``noun``, ``adj`` (tokens), ``noun_first`` and
    ``asks_noun`` (0 or 1).

    Args:
        n_words: v, nouns and adjectives, an even number of at least ten.
        held_out: number of words never drawn.
        skew: exponent a; 0 draws all alike. May differ per member, as may the next.
        ambiguous: epsilon, in (0, 1].
        world_seed: decides which words are ambiguous.

    Raises:
        ToylabError: a number out of its range.

    Source: Anand et al. 2024: v of 100 to 20,000, a of 0 to 1.5, epsilon of 0.01 to 0.5.

    Example:
        >>> import jax
        >>> PartsOfSpeech().example(jax.random.key(0)).inputs.shape
        (7,)
    """

    n_words: int = 200
    held_out: int = 20
    skew: Number = 1.2
    ambiguous: Number = 0.1
    world_seed: int = 0

    def __post_init__(self) -> None:
        check_number("PartsOfSpeech", "n_words", self.n_words, low=2 * BINS, whole=True)
        if self.n_words % 2:
            raise ToylabError(
                f"PartsOfSpeech: n_words = {self.n_words} is odd; half are nouns, give an even one."
            )
        check_number("PartsOfSpeech", "held_out", self.held_out, low=2, whole=True)
        check_number("PartsOfSpeech", "world_seed", self.world_seed, low=0, whole=True)
        check_number("PartsOfSpeech", "skew", self.skew, low=0)
        check_number("PartsOfSpeech", "ambiguous", self.ambiguous, high=1, above=0)

    @property
    def n_class(self) -> int:
        """Words of each class."""
        return self.n_words // 2

    @property
    def cop(self) -> int:
        """Token of the copula."""
        return self.n_words

    @property
    def mask(self) -> int:
        """Token of the mask."""
        return self.n_words + 1

    @property
    def held(self) -> Int[np.ndarray, " H"]:
        """Tokens of the words that training never shows."""
        return self.mask + 1 + np.arange(self.held_out)

    @property
    def vocab(self) -> int:
        """Number of tokens."""
        return self.mask + 1 + self.held_out

    def bins(self) -> Int[np.ndarray, " N"]:
        """Frequency bin of each rank of a class, 0 for the most frequent fifth."""
        return np.arange(self.n_class) * BINS // self.n_class

    def is_ambiguous(self) -> Bool[Array, "2 N"]:
        """Which nouns and which adjectives are, by rank."""
        bin_N = self.bins()
        size_N = np.bincount(bin_N)[bin_N]
        order_2N = np.zeros((2, self.n_class))
        rng = np.random.default_rng(self.world_seed)
        for k in range(2):
            for b in range(BINS):
                order_2N[k, bin_N == b] = rng.permutation((bin_N == b).sum())
        share = jnp.asarray(self.ambiguous, jnp.float32)
        # A product such as 0.1 * 20 must not round up to three.
        count_N = jnp.ceil(share * jnp.asarray(size_N, jnp.float32) - 1e-3)
        return jnp.asarray(order_2N, jnp.float32) < count_N[None]

    def frequencies(self) -> Float[Array, " N"]:
        """Zipf's law over the ranks of a class."""
        rank_N = jnp.arange(1, self.n_class + 1, dtype=jnp.float32)
        weight_N = jnp.exp(-jnp.asarray(self.skew, jnp.float32) * jnp.log(rank_N))
        return weight_N / weight_N.sum()

    def law(self) -> Float[Array, "2 V"]:
        """Probability of every word of the vocabulary (nouns, adjectives) as noun and as adjective.

        An ambiguous word keeps half of its probability; the other half of all of them goes to the
        other class's ambiguous words, in proportion to their frequencies.
        """
        p_N, amb_2N = self.frequencies(), self.is_ambiguous().astype(jnp.float32)
        own_2N = p_N[None] * (1 - amb_2N / 2)
        from_2N = p_N[None] * amb_2N
        away_2 = from_2N.sum(1) / 2
        other_2N = from_2N[::-1] / from_2N[::-1].sum(1, keepdims=True) * away_2[:, None]
        noun = jnp.concatenate([own_2N[0], other_2N[0]])
        adj = jnp.concatenate([other_2N[1], own_2N[1]])
        return jnp.stack([noun, adj])

    def example(self, key: Array) -> Batch:
        """Draw one sequence from the law of training."""
        return self.from_uniform(random.once(random.uniform(key, (4,))))

    def from_uniform(self, u_4: Float[Array, " 4"]) -> Batch:
        """Return the sequence that four uniform numbers give."""
        cdf_2V = jnp.cumsum(self.law(), axis=1)
        last = self.n_words - 1
        below = lambda k: jnp.sum(cdf_2V[k] <= u_4[k] * cdf_2V[k, -1], dtype=jnp.int32)
        noun, adj = (jnp.minimum(below(k), last) for k in (0, 1))
        coin = lambda u: (u < 0.5).astype(jnp.int32)
        return self.arrange(noun, adj, coin(u_4[2]), coin(u_4[3]))

    def arrange(self, noun: Array, adj: Array, noun_first: Array, asks_noun: Array) -> Batch:
        """Return one sequence about a noun and an adjective.

        Args:
            noun, adj: tokens in the two roles; any words, held-out ones and exchanged ones too.
            noun_first: 1 for ``noun cop adj``, 0 for ``cop adj noun``.
            asks_noun: 1 if the query is the noun.
        """
        cop, mask = jnp.int32(self.cop), jnp.int32(self.mask)
        first = jnp.stack([noun, cop, adj])
        context = jnp.where(noun_first == 1, first, jnp.stack([cop, adj, noun]))
        query = jnp.where(asks_noun == 1, noun, adj)
        inputs = jnp.concatenate([context, jnp.stack([query, mask, mask, mask])])
        targets = jnp.concatenate([context, jnp.stack([query, adj, query, query])])
        weights = jnp.asarray([float(i in MASKED) for i in range(LENGTH)], jnp.float32)
        latents = {"noun": noun, "adj": adj, "noun_first": noun_first, "asks_noun": asks_noun}
        return Batch(inputs.astype(jnp.int32), targets.astype(jnp.int32), weights, latents)

    def consistent(self, batch: Batch) -> np.ndarray:
        """Whether the sequences are those of their latents."""
        latents = {name: np.asarray(leaf) for name, leaf in batch.latents.items()}
        noun, adj = latents["noun"], latents["adj"]
        is_first, asks = latents["noun_first"] == 1, latents["asks_noun"] == 1
        cop, mask = np.full_like(noun, self.cop), np.full_like(noun, self.mask)
        query = np.where(asks, noun, adj)
        context = np.where(
            is_first[:, None], np.stack([noun, cop, adj], 1), np.stack([cop, adj, noun], 1)
        )
        inputs = np.concatenate([context, np.stack([query, mask, mask, mask], 1)], 1)
        hidden = np.stack([adj, query, query], 1)
        return (np.asarray(batch.inputs) == inputs).all(1) & (
            np.asarray(batch.targets)[:, 4:] == hidden
        ).all(1)

    def bayes_loss(self) -> float:
        """0: the context decides all three masked words, unless both roles have one word."""
        return 0.0

    def uniform_loss(self) -> float:
        """The log of the number of tokens."""
        return math.log(self.vocab)


def examples() -> tuple[Task, ...]:
    """Small tasks, for the conformance suite."""
    return PartsOfSpeech(20, 4, ambiguous=0.5), PartsOfSpeech(10, 2, skew=0.0)
