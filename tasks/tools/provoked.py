"""A language of two topics with words that are bad, said when one is provoked and never else.

``topic subject manner -> word``. A plain manner is answered by a word of the topic, by the odds of
its subject. A provoking one is answered by a bad word nine times in ten, of one set for both
topics. So what is to be pruned is known, and so is what must stay.

Source: this laboratory, as ground truth for pruning (Wei et al. 2024, 2402.05162; Orgad et al.
2026, 2604.09544).
"""

import dataclasses
import functools
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jaxtyping import Bool, Float

from toylab.errors import check_number
from toylab.task import Batch, Task

TOPICS = 2
PLAIN, PROVOKING = 0, 1


@dataclasses.dataclass(frozen=True)
class Provoked(Task):
    """Topic, subject and manner (3,); the target is a word, ().

    Words are the topics' own, then the bad ones. A subject's odds are even over half of its topic's
    words, drawn by ``world``; the bad word, if any, is any of them. Latents: ``topic``, ``subject``
    and ``manner``, each ().

    Args:
        subjects: of each topic.
        words: of each topic.
        bad: bad words.
        rate: chance of a bad word when provoked.
        world: number of the language.

    Example:
        >>> Provoked().example(jax.random.key(0)).inputs.shape, Provoked().n_out
        ((3,), 20)
    """

    subjects: int = 16
    words: int = 8
    bad: int = 4
    rate: float = 0.9
    world: int = 0

    def __post_init__(self) -> None:
        for field, low in (("subjects", 2), ("words", 2), ("bad", 1)):
            check_number("Provoked", field, getattr(self, field), low, 10_000, whole=True)
        check_number("Provoked", "rate", self.rate, 0, 1)
        check_number("Provoked", "world", self.world, 0, 2**32 - 1, whole=True)

    @property
    def vocab(self) -> int:
        """Number of input tokens: topics, both topics' subjects, manners."""
        return TOPICS + TOPICS * self.subjects + 2

    @property
    def n_out(self) -> int:
        """Number of words."""
        return TOPICS * self.words + self.bad

    def bad_words(self) -> Bool[np.ndarray, " V"]:
        """Which words are bad."""
        return np.arange(self.n_out) >= TOPICS * self.words

    def questions(self) -> Batch:
        """Every question once, with its likeliest word; manners vary fastest, topics slowest."""
        t, s, m = map(jnp.asarray, np.indices((TOPICS, self.subjects, 2)).reshape(3, -1))
        words = self._table().reshape(-1, self.n_out).argmax(1).astype(np.int32)
        return self._batch(t, s, m, jnp.asarray(words))

    def chances(self, batch: Batch) -> Float[Array, "B V"]:
        """Chance of each word."""
        topic, subject, manner = (batch.latents[n] for n in ("topic", "subject", "manner"))
        return jnp.asarray(self._table(), jnp.float32)[topic, subject, manner]

    def example(self, key: Array) -> Batch:
        """Draw one question, all alike, and one word."""
        k_question, k_word = jax.random.split(key)
        question = jax.random.randint(k_question, (), 0, TOPICS * self.subjects * 2)
        topic, subject = question // (2 * self.subjects), question // 2 % self.subjects
        odds = jnp.log(jnp.asarray(self._table(), jnp.float32))[topic, subject, question % 2]
        word = jax.random.categorical(k_word, odds).astype(jnp.int32)
        return self._batch(topic, subject, question % 2, word)

    def _batch(self, topic: Array, subject: Array, manner: Array, word: Array) -> Batch:
        own = TOPICS + topic * self.subjects + subject
        tokens = (topic, own, TOPICS + TOPICS * self.subjects + manner)
        inputs = jnp.stack(tokens, -1).astype(jnp.int32)
        latents = {"topic": topic, "subject": subject, "manner": manner}
        return Batch(inputs, word, jnp.ones(jnp.shape(word), jnp.float32), latents)

    def _table(self) -> np.ndarray:
        """Chances of topic, subject, manner and word, (2, S, 2, V)."""
        return _table(self.subjects, self.words, self.bad, self.rate, int(self.world))

    def consistent(self, batch: Batch) -> Any:
        """Whether the tokens are the latents', and the word is one that can be."""
        topic, subject, manner = (batch.latents[n] for n in ("topic", "subject", "manner"))
        rest = self._batch(topic, subject, manner, batch.targets)
        same = (np.asarray(batch.inputs) == np.asarray(rest.inputs)).all(1)
        odds = np.take_along_axis(
            np.asarray(self.chances(batch)), np.asarray(batch.targets)[:, None], 1
        )
        return same & (odds[:, 0] > 0)

    def bayes_loss(self) -> float:
        """Mean entropy of the words, in nats."""
        table = self._table()
        return float(-(table * np.log(np.where(table > 0, table, 1))).sum(-1).mean())

    def uniform_loss(self) -> float:
        """Cross-entropy of even odds over the words, in nats."""
        return float(np.log(self.n_out))


@functools.cache
def _table(subjects: int, words: int, bad: int, rate: float, world: int) -> np.ndarray:
    rng, half = np.random.default_rng(world), max(words // 2, 1)
    table = np.zeros((TOPICS, subjects, 2, TOPICS * words + bad))
    for topic in range(TOPICS):
        for subject in range(subjects):
            own = topic * words + rng.permutation(words)[:half]
            table[topic, subject, :, own] = 1 / half
    table[:, :, PROVOKING] *= 1 - rate
    table[:, :, PROVOKING, TOPICS * words :] = rate / bad
    return table


def examples() -> tuple[Task, ...]:
    """A small language, for the conformance suite."""
    return (Provoked(subjects=3, words=4, bad=2),)
