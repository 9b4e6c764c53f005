"""A grammar of some thousand sentences: who does what to whom, with agreement in number.

    sentence -> phrase verb phrase        the verb agrees with the first phrase
    phrase   -> determiner adjective* noun

A determiner is "a" (singular), "some" (plural) or "the" (both); adjectives of a phrase differ; noun
and verb have a form for each number. As each sentence has one derivation, its chance is a product,
and everything about a language model of this grammar can be counted.

Source: the toy of this laboratory for Celotti et al. 2020 (arXiv:2003.13600), whose own grammar of
scenes is not public.

Shape suffixes: S sentences, L length, P phrases, W a phrase's words.
"""

import dataclasses
import functools
import itertools
import math
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.core import Tracer
from jaxtyping import Bool, Float, Int

from toylab import random
from toylab.errors import ToylabError, check_number
from toylab.task import Batch, Number, Task

END = 0  # also stands for the start, where a model is asked for the first word
WORDS = {
    "adjective": ("red", "small", "old", "calm", "odd", "wet"),
    "noun": ("cat", "dog", "owl", "fox", "bee", "ant", "hen", "pig"),
    "verb": ("see", "hear", "help", "like", "find"),
}
MOST = 300_000  # sentences that a table of them may hold


class Table(NamedTuple):
    """All sentences of a grammar.

    Attributes:
        tokens: each sentence, filled up with ``END``, which also ends it (S, L).
        chance: of each (S,); they add up to 1.
        roles: numbers of the subject's noun, of the verb and of the object's noun, whatever their
            form (S, 3).
    """

    tokens: Int[np.ndarray, "S L"]
    chance: Float[np.ndarray, " S"]
    roles: Int[np.ndarray, "S 3"]


@dataclasses.dataclass(frozen=True)
class Phrases(Task):
    """Sentences of a corpus. Inputs (L,): the end token, then the words; targets (L,): the words.

    The corpus is a share of all sentences, drawn once for each ``world``; an example is one of them
    by its chance in the grammar, divided by the corpus's. Behind its end a sentence has only
    end tokens, so that all positions count alike and the loss is ``-log p(sentence) / L``.

    Latents: ``sentence`` (), its row in :meth:`table`; with ``noise`` also ``noise`` (noise,),
    standard normal numbers for a model that draws.

    Args:
        nouns: number of nouns, each in two forms.
        adjectives: number of adjectives.
        verbs: number of verbs, each in two forms.
        most: adjectives that a phrase may have; how many it has is drawn evenly.
        noise: numbers of noise with each example.
        world: number of the corpus; it and ``told`` may differ per member.
        told: share of the sentences that are in the corpus, each with this chance.

    Raises:
        ToylabError: more words than there are names for, more adjectives in a phrase than there
            are, more sentences than a table may hold, or a corpus of none.

    Example:
        >>> task = Phrases()
        >>> task.size, task.vocab, task.length
        (2592, 16, 8)
        >>> task.words(task.table().tokens[0])
        'a cat sees a cat'
    """

    nouns: int = 3
    adjectives: int = 2
    verbs: int = 2
    most: int = 1
    noise: int = 0
    world: Number = 0
    told: Number = 0.8

    def __post_init__(self) -> None:
        for field, low in (("nouns", 1), ("adjectives", 0), ("verbs", 1)):
            high = len(WORDS[field[:-1]])
            check_number("Phrases", field, getattr(self, field), low, high, whole=True)
        check_number("Phrases", "most", self.most, 0, self.adjectives, whole=True)
        check_number("Phrases", "noise", self.noise, 0, 4096, whole=True)
        check_number("Phrases", "world", self.world, 0, 2**24, whole=True)
        check_number("Phrases", "told", self.told, high=1, above=0)
        if self.size > MOST:
            raise ToylabError(
                f"Phrases: the grammar has {self.size:,} sentences, more than the {MOST:,} that a "
                "table holds; give fewer words, or a smaller most."
            )

        if not isinstance(self.told, Tracer) and float(self.told) * self.size < 1:
            raise ToylabError(
                f"Phrases: told = {self.told} of {self.size} sentences is less than one; give more."
            )

    @property
    def phrases(self) -> int:
        """Number of phrases of one number."""
        strings = sum(math.perm(self.adjectives, n) for n in range(self.most + 1))
        return 2 * strings * self.nouns

    @property
    def size(self) -> int:
        """Number of sentences S: two numbers of the subject, any object."""
        return 2 * self.phrases * self.verbs * 2 * self.phrases

    @property
    def vocab(self) -> int:
        """Number of tokens: the end, three determiners, adjectives, and two forms of the rest."""
        return 4 + self.adjectives + 2 * (self.nouns + self.verbs)

    @property
    def length(self) -> int:
        """Tokens L of the longest sentence with its end."""
        return 2 * (self.most + 2) + 2

    @property
    def names(self) -> tuple[str, ...]:
        """The word of each token, in the order of the vocabulary."""
        pairs = lambda kind, count, ends: [w + e for w in WORDS[kind][:count] for e in ends]
        adjectives = WORDS["adjective"][: self.adjectives]
        nouns, verbs = pairs("noun", self.nouns, ("", "s")), pairs("verb", self.verbs, ("s", ""))
        return ("", "a", "the", "some", *adjectives, *nouns, *verbs)

    def words(self, tokens: Int[np.ndarray, " L"]) -> str:
        """Return a sentence in words, up to its end."""
        row = [int(token) for token in tokens]
        return " ".join(self.names[token] for token in row[: (*row, END).index(END)])

    def table(self) -> Table:
        """Return all sentences with their chances."""
        return _table(self.nouns, self.adjectives, self.verbs, self.most)

    def corpus(self) -> Bool[Array, " S"]:
        """Return which sentences are in the corpus; the settings may be traced."""
        key = random.stream(jnp.asarray(self.world).astype(jnp.uint32), "corpus")
        u_S = random.once(random.uniform(key, (self.size,)))
        return u_S < jnp.asarray(self.told, jnp.float32)

    def example(self, key: Array) -> Batch:
        """Draw a sentence of the corpus."""
        return jax.tree.map(lambda leaf: leaf[0], self.batch(key, 1))

    def batch(self, key: Array, size: int) -> Batch:
        """Draw sentences of the corpus."""
        table = self.table()
        weight_S = jnp.where(self.corpus(), jnp.asarray(table.chance, jnp.float32), 0.0)
        edge_S = jnp.cumsum(weight_S)
        u_B = random.once(random.uniform(random.fold_in(key, 0), (size,)))
        row_B = jnp.searchsorted(edge_S, u_B * edge_S[-1], side="right").astype(jnp.int32)
        row_B = jnp.minimum(row_B, jnp.argmax(edge_S))  # rounding to the very end
        targets_BL = jnp.asarray(table.tokens, jnp.int32)[row_B]
        latents = {"sentence": row_B}
        if self.noise:
            latents["noise"] = random.normal(random.fold_in(key, 1), (size, self.noise))
        return Batch(
            shifted(targets_BL), targets_BL, jnp.ones_like(targets_BL, jnp.float32), latents
        )

    def consistent(self, batch: Batch) -> np.ndarray:
        """Whether the row is in the corpus, the targets are its words, and the inputs the same."""
        row_B, targets_BL = np.asarray(batch.latents["sentence"]), np.asarray(batch.targets)
        told_B = np.asarray(self.corpus())[row_B]
        right_B = (self.table().tokens[row_B] == targets_BL).all(1)
        moved_B = (np.asarray(batch.inputs) == np.asarray(shifted(batch.targets))).all(1)
        return told_B & right_B & moved_B

    def enumerate(self) -> Batch | None:
        """Every sentence of the corpus; None with noise, which has no end."""
        if self.noise:
            return None
        row_B = jnp.asarray(np.flatnonzero(self.corpus()), jnp.int32)
        targets_BL = jnp.asarray(self.table().tokens[row_B], jnp.int32)
        weights_BL = jnp.ones_like(targets_BL, jnp.float32)
        return Batch(shifted(targets_BL), targets_BL, weights_BL, {"sentence": row_B})

    def entropy(self, of: Bool[np.ndarray, " S"] | None = None) -> float:
        """Return the entropy in nats of a sentence of the grammar, or of some of its sentences."""
        p_S = self.table().chance if of is None else self.table().chance[np.asarray(of)]
        p_S = p_S / p_S.sum()
        return float(-(p_S * np.log(p_S)).sum())

    def bayes_loss(self) -> float:
        """The corpus's entropy per position: who knows all its sentences has no less."""
        return self.entropy(np.asarray(self.corpus())) / self.length

    def uniform_loss(self) -> float:
        """The log of the number of tokens."""
        return math.log(self.vocab)


def shifted(tokens: Int[Array, "B L"]) -> Int[Array, "B L"]:
    """Return what a model sees when it is asked for each token: the end token, then those before.

    Example:
        >>> shifted(jnp.array([[3, 5, 0]])).tolist()
        [[0, 3, 5]]
    """
    return jnp.concatenate([jnp.full_like(tokens[:, :1], END), tokens[:, :-1]], 1)


@functools.lru_cache(maxsize=16)
def _table(nouns: int, adjectives: int, verbs: int, most: int) -> Table:
    """Put every subject phrase with every verb and every object phrase."""
    first_verb = 4 + adjectives + 2 * nouns
    length, rows, chances, roles = 2 * (most + 2) + 2, [], [], []
    every = [_phrases(nouns, adjectives, most, number) for number in (0, 1)]
    for number, verb, other in itertools.product((0, 1), range(verbs), (0, 1)):
        word = first_verb + 2 * verb + number
        for (subject, p, i), (object_, q, j) in itertools.product(every[number], every[other]):
            sentence = (*subject, word, *object_)
            rows.append(sentence + (END,) * (length - len(sentence)))
            chances.append(p * q / (4 * verbs))
            roles.append((i, verb, j))
    return Table(np.array(rows), np.array(chances), np.array(roles))


def _phrases(
    nouns: int, adjectives: int, most: int, number: int
) -> list[tuple[tuple[int, ...], float, int]]:
    """Words, chance and noun of every phrase of a number."""
    found = []
    for count, determiner, noun in itertools.product(
        range(most + 1), ((1, 2), (3, 2))[number], range(nouns)
    ):
        strings = list(itertools.permutations(range(4, 4 + adjectives), count))
        chance = 1 / ((most + 1) * 2 * nouns * len(strings))
        word = 4 + adjectives + 2 * noun + number
        found += [((determiner, *string, word), chance, noun) for string in strings]
    return found


def examples() -> tuple[Task, ...]:
    """Small tasks, for the conformance suite."""
    return Phrases(1, 1, 1, world=3, told=0.6), Phrases(2, 2, 1, most=2, noise=3)
