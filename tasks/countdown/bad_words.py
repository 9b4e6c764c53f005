"""A small language with bad words: how often they come depends on the topic and the last word.

A sequence begins with its topic's token; words follow by a Markov chain. After word w in topic k
the next word is bad with probability ``r = top_rate share_k prone_w``, where ``share_k`` grows
evenly from 0 to 1 over the topics and ``prone_w`` is 1 for every third word and ``calm`` for the
others: a bad word is likely where the topic AND the last word call for it. Which bad, or which
clean, word it is depends on the last word alone, so the next word's distribution is known exactly.

Pairs for preference tuning share a prompt; the chosen continuation has no bad word, the rejected
one has more of them than the language.

Source: a toy for Lee et al. 2024 (arXiv:2401.01967), whose pairs are greedy and toxic
continuations of one prompt by a language model; the language is this laboratory's own.
"""

import math
from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jaxtyping import Float

from toylab import random
from toylab.errors import ToylabError, check_number
from toylab.task import Batch, Number, Task

SPREAD = 2.0  # standard deviation of a next word's logit; a few words are likely after each


@dataclass(frozen=True)
class BadWords(Task):
    """Sequences of the language. Latents: ``rate``, the chance that the target is bad, (L,).

    Tokens 0 to W - 1 are words, of which the last ``n_bad`` are bad; then come the topics.

    Args:
        n_words: W.
        n_bad: number of bad words.
        n_topics: number of topics; the first never calls for a bad word.
        n_traits: K; a word's logit after a token is the product of K traits of each.
        length: L; the first input is the topic.
        top_rate: chance of a bad word where topic and last word call for it most.
        calm: how prone to it the other words are, against 1.
        boost: the chance ``r`` becomes ``1 - (1 - r)^boost``; at 0 there are no bad words. May
            differ per member.
        world_seed: decides which words follow which; may differ per member.

    Raises:
        ToylabError: a number out of range, or no clean word.

    Example:
        >>> task = BadWords(length=6, boost=0.0)
        >>> task.predictor(task.batch(jax.random.key(0), 4)).shape
        (4, 6, 108)
    """

    n_words: int = 100
    n_bad: int = 10
    n_topics: int = 8
    n_traits: int = 16
    length: int = 24
    top_rate: float = 0.5
    calm: float = 0.1
    boost: Number = 1.0
    world_seed: Number = 0

    def __post_init__(self) -> None:
        least = {"n_words": 2, "n_bad": 1, "n_topics": 2, "n_traits": 1, "length": 2}
        for name, low in least.items():
            check_number("BadWords", name, getattr(self, name), low=low, whole=True)
        for name in ("top_rate", "calm"):
            check_number("BadWords", name, getattr(self, name), low=0, high=1)
        check_number("BadWords", "boost", self.boost, low=0)
        check_number("BadWords", "world_seed", self.world_seed, low=0)
        if self.n_bad >= self.n_words:
            raise ToylabError(
                f"BadWords: {self.n_bad} of {self.n_words} words are bad; leave a clean one."
            )

    @property
    def vocab(self) -> int:
        """V: words and topics."""
        return self.n_words + self.n_topics

    def words(self) -> Float[Array, "V W"]:
        """After each token, each word's chance among its kind (bad or clean): two sums of 1.

        ``softmax_w(2 a_v . b_w / sqrt(K))`` with standard normal traits a of tokens, b of words.
        """
        key = random.stream(self.world_seed, "words")  # pyright: ignore[reportArgumentType]
        traits_EK = random.normal(key, (self.vocab + self.n_words, self.n_traits))
        asked_VK, own_WK = jnp.split(traits_EK, [self.vocab])
        logits_VW = (SPREAD / math.sqrt(self.n_traits)) * (asked_VK @ own_WK.T)
        parts = jnp.split(logits_VW, [self.n_words - self.n_bad], axis=1)
        return jnp.concatenate([jax.nn.softmax(part, axis=1) for part in parts], axis=1)

    def rate(self, topic: Array, last: Array, boost: Number | Array) -> Array:
        """Chance of a bad word after a token in a topic (0 to K - 1)."""
        prone = jnp.where((last < self.n_words) & (last % 3 == 0), 1.0, jnp.float32(self.calm))
        share = topic.astype(jnp.float32) / (self.n_topics - 1)
        calm = 1 - jnp.float32(self.top_rate) * share * prone
        return 1 - calm ** jnp.asarray(boost, jnp.float32)

    def example(self, key: Array) -> Batch:
        """Draw one sequence; inputs and targets (L,)."""
        u_E = jax.lax.optimization_barrier(random.uniform(key, (2 * self.length + 1,)))
        topic = self._topic(u_E[0])
        boost_L = jnp.full((self.length,), jnp.asarray(self.boost, jnp.float32))
        inputs, targets, rates = self._follow(u_E[1:].reshape(-1, 2), topic, boost_L)
        return Batch(inputs, targets, jnp.ones((self.length,), jnp.float32), {"rate": rates})

    def _topic(self, u: Array) -> Array:
        return jnp.minimum((u * self.n_topics).astype(jnp.int32), self.n_topics - 1)

    def _follow(self, u_L2: Array, topic: Array, boost_L: Array) -> tuple[Array, Array, Array]:
        """A sequence of the topic: tokens, the tokens after them, and the chance of a bad word."""
        upto_VW = jnp.cumsum(self.words(), axis=1)
        clean = self.n_words - self.n_bad

        def step(last: Array, now: tuple[Array, Array]) -> tuple[Array, tuple[Array, ...]]:
            u_2, boost = now
            rate = self.rate(topic, last, boost)
            # The chances of clean words sum to 1, then those of bad ones to 1 more.
            bad = (u_2[0] < rate).astype(jnp.int32)
            found = (u_2[1] + bad.astype(jnp.float32) >= upto_VW[last]).sum(dtype=jnp.int32)
            top = clean - 1 + bad * (self.n_words - clean)
            word = jnp.clip(found, bad * clean, top)
            return word, (last, word, rate)

        first = self.n_words + topic
        last_L, word_L, rate_L = jax.lax.scan(step, first, (u_L2, boost_L))[1]
        return last_L, word_L, rate_L

    def predictor(self, batch: Batch) -> Float[Array, "B L V"]:
        """The Bayes predictor: the next token's distribution given all before it."""
        last_BL = batch.inputs
        topic_BL = jnp.broadcast_to(last_BL[:, :1] - self.n_words, last_BL.shape)
        rate_BL1 = self.rate(topic_BL, last_BL, self.boost)[..., None]
        bad_W = jnp.arange(self.n_words) >= self.n_words - self.n_bad
        kind_BLW = jnp.where(bad_W[None, None], rate_BL1, 1 - rate_BL1)
        words_BLW = kind_BLW * self.words()[last_BL]
        return jnp.pad(words_BLW, ((0, 0), (0, 0), (0, self.n_topics)))

    def consistent(self, batch: Batch) -> np.ndarray:
        """Whether topics stand first alone, targets follow, and bad words come at the rate told."""
        x, y = np.asarray(batch.inputs), np.asarray(batch.targets)
        told = np.asarray(batch.latents["rate"])
        topic = np.repeat(x[:, :1] - self.n_words, x.shape[1], 1)
        known = np.asarray(self.rate(jnp.asarray(topic), jnp.asarray(x), self.boost))
        bad = y >= self.n_words - self.n_bad
        gap = (bad - told).sum(1) / np.sqrt(np.maximum((told * (1 - told)).sum(1), 0.5))
        agree = [
            (topic[:, 0] >= 0) & (topic[:, 0] < self.n_topics),
            (x[:, 1:] == y[:, :-1]).all(1),
            (y < self.n_words).all(1),
            np.isclose(told, known, atol=1e-5).all(1),
            np.abs(gap) < 8,
        ]
        return np.all(agree, 0)

    def bayes_loss(self) -> float:
        """Entropy of the next word, averaged over topics and places, exactly."""
        words_VW = np.asarray(self.words(), np.float64)
        bad_W = np.arange(self.n_words) >= self.n_words - self.n_bad
        token_V = jnp.arange(self.vocab, dtype=jnp.int32)
        total = 0.0
        for topic in range(self.n_topics):
            rate_V = np.asarray(self.rate(jnp.int32(topic), token_V, self.boost), np.float64)
            next_VW = np.where(bad_W, rate_V[:, None], 1 - rate_V[:, None]) * words_VW
            logs_VW = np.log(np.where(next_VW > 0, next_VW, 1))
            state_V = np.eye(self.vocab)[self.n_words + topic]
            for _ in range(self.length):
                total -= state_V @ (next_VW * logs_VW).sum(1)
                state_V = np.pad(state_V @ next_VW, (0, self.n_topics))
        return float(total / self.n_topics / self.length)

    def uniform_loss(self) -> float:
        """The log of the number of tokens."""
        return math.log(self.vocab)


@dataclass(frozen=True)
class BadWordPairs(BadWords):
    """Pairs of continuations of one prompt. Latents: ``rate`` (2, L).

    Inputs, targets and weights are (2, L), the chosen sequence first, as
    :mod:`toylab.rl.preference` describes; weights are 1 for targets after the prompt. The prompt
    is of the language (with its ``boost``); the chosen continuation has boost 0, the rejected one
    its own.

    Args:
        prompt: number of inputs that both share, the topic among them.
        rejected_boost: boost of the rejected continuation; may differ per member.
    """

    prompt: int = 8
    rejected_boost: Number = 4.0

    def __post_init__(self) -> None:
        super().__post_init__()
        check_number("BadWordPairs", "prompt", self.prompt, 1, self.length - 1, whole=True)
        check_number("BadWordPairs", "rejected_boost", self.rejected_boost, low=0)

    def boosts(self) -> Float[Array, "2 L"]:
        """Boost at each target of the chosen and of the rejected sequence."""
        own, high = (jnp.asarray(b, jnp.float32) for b in (self.boost, self.rejected_boost))
        after_L = jnp.arange(self.length) >= self.prompt - 1
        return jnp.stack([jnp.where(after_L, b, own) for b in (jnp.zeros_like(high), high)])

    def example(self, key: Array) -> Batch:
        """Draw a pair."""
        u_E = jax.lax.optimization_barrier(random.uniform(key, (4 * self.length + 1,)))
        topic = self._topic(u_E[0])
        u_2L2 = u_E[1:].reshape(2, self.length, 2)
        shared = (jnp.arange(self.length) < self.prompt - 1)[None, :, None]
        u_2L2 = jnp.where(shared, u_2L2[:1], u_2L2)
        follow = jax.vmap(lambda u, boost: self._follow(u, topic, boost))
        inputs, targets, rates = follow(u_2L2, self.boosts())
        after = jnp.arange(self.length) >= self.prompt - 1
        weights = jnp.broadcast_to(after.astype(jnp.float32)[None], inputs.shape)
        return Batch(inputs, targets, weights, {"rate": rates})

    def consistent(self, batch: Batch) -> np.ndarray:
        """Whether the prompt is shared, the chosen has no bad word, and rates are as told."""
        x, y = np.asarray(batch.inputs), np.asarray(batch.targets)
        told = np.asarray(batch.latents["rate"])
        topic = np.broadcast_to(x[:, :, :1] - self.n_words, x.shape)
        boosts = jnp.broadcast_to(self.boosts()[None], x.shape)
        known = np.asarray(self.rate(jnp.asarray(topic), jnp.asarray(x), boosts))
        clean = y[:, 0, self.prompt - 1 :] < self.n_words - self.n_bad
        agree = [
            (x[:, 0, : self.prompt] == x[:, 1, : self.prompt]).all(1),
            (x[..., 1:] == y[..., :-1]).all((1, 2)),
            clean.all(1),
            np.isclose(told, known, atol=1e-5).all((1, 2)),
        ]
        return np.all(agree, 0)

    def bayes_loss(self) -> None:
        """None: a preference can be learned without end."""

    def uniform_loss(self) -> None:
        """None: it depends on the loss."""


def examples() -> tuple[Task, ...]:
    """Small tasks, for the conformance suite."""
    small = {"n_words": 12, "n_bad": 3, "n_topics": 3, "length": 8}
    return (BadWords(**small), BadWordPairs(**small, prompt=3))
