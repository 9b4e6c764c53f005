"""Three small languages in one vocabulary: maps shown by examples, stored facts, moods of stories.

Made for methods that read or steer a language model: what a method should find is known. A phrase
has one marker and then words, of one of three kinds:

======= =========================================== ==========================================
maps    ``MAP  x > y  x > y  ...``                  one function for all pairs, not named
facts   ``FACT  s r o  s r o  ...``                 a fixed table, the same in every phrase
stories ``GOOD|BAD|OPEN  noun verb  noun verb ...`` the mood decides which nouns are common
======= =========================================== ==========================================

The world is this laboratory's own. Maps after Hendel et al. 2023 (arXiv:2310.15916), facts after
Hernandez et al. 2023 (arXiv:2308.09124).
"""

import dataclasses
import functools

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from toylab import random
from toylab.errors import ToylabError, check_number
from toylab.task import Batch, Task

from .phrases_truth import is_consistent, map_table

KINDS = ("maps", "facts", "stories")
RELATIONS = ("colour", "shape", "blend", "mate")
FUNCTIONS = ("copy", "next", "back", "opposite", "mirror", "triple")
MARKERS = ("MAP", "FACT", "BAD", "GOOD", "OPEN", "ARROW")
VALUES = 4  # of colour, shape and blend
OWN, OTHER = 0.6, 0.1  # share of a mood's own nouns and of the other mood's; the rest are plain
SURE = 0.85  # probability that a noun's own verb follows it


@functools.lru_cache(maxsize=8)
def fact_table(n_subjects: int, seed: int) -> np.ndarray:
    """Objects of each relation and subject, (4, S) whole numbers.

    Colour and shape are random, evenly spread; blend is their sum modulo 4; mate is another
    subject, one for each.
    """
    rng = np.random.default_rng(seed)
    colour, shape = (rng.permutation(n_subjects) % VALUES for _ in range(2))
    ring = rng.permutation(n_subjects)
    mate = np.empty(n_subjects, int)
    mate[ring] = np.roll(ring, 1)
    return np.stack([colour, shape, (colour + shape) % VALUES, mate])


@dataclasses.dataclass(frozen=True)
class Phrases(Task):
    """Phrases of three kinds, half of them maps; the target at each position is the next word.

    Targets weigh 1 where they can be predicted: y after an arrow, o after a relation, every word of
    a story. In a story every noun is sampled from its mood's nouns (0.6), the other mood's (0.1) or
    plain ones (0.3); noun j calls for verb ``j mod V`` (0.85, else any verb). ``OPEN`` begins a
    story of either mood. Items and subjects of one phrase are distinct. Latents:

    ======== ===========================================================
    kind     0 maps, 1 facts, 2 stories ()
    function which of :data:`FUNCTIONS`, -1 in other kinds ()
    mood     0 bad, 1 good, -1 in other kinds ()
    ======== ===========================================================

    Args:
        n_items: N, items that functions map.
        n_subjects: S, subjects of facts.
        n_nouns: nouns of each of three classes: bad, good, plain.
        n_verbs: V.
        triples: pairs with arrows, or facts, in a phrase; even, since a story is as long.
        facts_seed: decides the facts.

    Raises:
        ToylabError: a size out of range.

    Example:
        >>> task = Phrases()
        >>> task.example(jax.random.key(0)).inputs.shape
        (18,)
    """

    n_items: int = 10
    n_subjects: int = 40
    n_nouns: int = 6
    n_verbs: int = 6
    triples: int = 6
    facts_seed: int = 0

    def __post_init__(self) -> None:
        for name in ("n_items", "n_subjects"):
            check_number("Phrases", name, getattr(self, name), low=4, whole=True)
        for name in ("n_nouns", "n_verbs"):
            check_number("Phrases", name, getattr(self, name), low=1, whole=True)
        check_number("Phrases", "facts_seed", self.facts_seed, low=0, whole=True)
        top = min(self.n_items, self.n_subjects)
        check_number("Phrases", "triples", self.triples, low=2, high=top, whole=True)
        if self.triples % 2:
            raise ToylabError(f"Phrases: triples = {self.triples} is odd; give an even number.")

    @property
    def length(self) -> int:
        """L, words that a model reads: one marker and all others but the last."""
        return 3 * self.triples

    @property
    def starts(self) -> dict[str, int]:
        """First token of each part of the vocabulary."""
        sizes = {
            "item": self.n_items,
            "subject": self.n_subjects,
            "value": 3 * VALUES,
            "relation": len(RELATIONS),
            "noun": 3 * self.n_nouns,
            "verb": self.n_verbs,
            **dict.fromkeys(MARKERS, 1),
        }
        ends = np.cumsum(list(sizes.values()))
        return {
            name: int(end - size) for (name, size), end in zip(sizes.items(), ends, strict=True)
        }

    @property
    def vocab(self) -> int:
        """Number of tokens."""
        return self.starts["ARROW"] + 1

    def objects(self) -> np.ndarray:
        """Token of each relation's object for each subject, (4, S)."""
        first, table = self.starts, fact_table(self.n_subjects, self.facts_seed)
        values = first["value"] + VALUES * np.arange(3)[:, None] + table[:3]
        return np.concatenate([values, first["subject"] + table[3:]])

    def noun_shares(self) -> np.ndarray:
        """Probability of each noun under the bad and the good mood, (2, nouns)."""
        plain = 1 - OWN - OTHER
        shares = np.array([[OWN, OTHER, plain], [OTHER, OWN, plain]])
        return np.repeat(shares, self.n_nouns, axis=1) / self.n_nouns

    def verb_shares(self) -> np.ndarray:
        """Probability of each verb after each noun, (nouns, V)."""
        own = np.arange(3 * self.n_nouns)[:, None] % self.n_verbs == np.arange(self.n_verbs)
        return SURE * own + (1 - SURE) / self.n_verbs

    def example(self, key: Array) -> Batch:
        """Sample one phrase."""
        words, k = 3 * self.triples, self.triples
        u = jax.lax.optimization_barrier(
            random.uniform(key, (4 + self.n_items + self.n_subjects + k + words,))
        )
        kind, function, mood, marked = (u[:4] * jnp.array([3, 6, 2, 3], jnp.float32)).astype(
            jnp.int32
        )
        at = np.cumsum([4, self.n_items, self.n_subjects, k])
        item_u, subject_u, relation_u, story_u = (jnp.split(u, at)[i] for i in range(1, 5))
        phrases = jnp.stack(
            [
                self._maps(function, item_u),
                self._facts(subject_u, relation_u),
                self._story(mood, marked, story_u),
            ]
        )
        token_L1 = phrases[kind]
        place_L = jnp.arange(self.length, dtype=jnp.int32)
        weight_L = ((place_L % 3 == 2) | (kind == 2)).astype(jnp.float32)
        named = lambda value, of: jnp.where(kind == of, value, -1)
        latents = {"kind": kind, "function": named(function, 0), "mood": named(mood, 2)}
        return Batch(token_L1[:-1], token_L1[1:], weight_L, latents)

    def _begin(self, marker: Array, words: list[Array]) -> Array:
        return jnp.concatenate([marker[None], jnp.stack(words, 1).reshape(-1)])

    def _maps(self, function: Array, u_N: Array) -> Array:
        x_K = jnp.argsort(u_N)[: self.triples].astype(jnp.int32)
        y_K = jnp.asarray(map_table(self.n_items), jnp.int32)[function, x_K]
        arrow_K = jnp.full_like(x_K, self.starts["ARROW"])
        return self._begin(jnp.int32(self.starts["MAP"]), [x_K, arrow_K, y_K])

    def _facts(self, u_S: Array, u_K: Array) -> Array:
        s_K = jnp.argsort(u_S)[: self.triples].astype(jnp.int32)
        r_K = (u_K * len(RELATIONS)).astype(jnp.int32)
        o_K = jnp.asarray(self.objects(), jnp.int32)[r_K, s_K]
        first = self.starts
        words = [s_K + first["subject"], r_K + first["relation"], o_K]
        return self._begin(jnp.int32(first["FACT"]), words)

    def _story(self, mood: Array, marked: Array, u_W: Array) -> Array:
        """A story; with ``marked`` 0 it begins with OPEN."""
        noun_u, verb_u = u_W.reshape(2, -1)
        noun_CN = jnp.asarray(np.cumsum(self.noun_shares(), 1)[:, :-1], jnp.float32)
        noun_K = jnp.sum(noun_u[:, None] >= noun_CN[mood][None], 1, dtype=jnp.int32)
        verb_NV = jnp.asarray(np.cumsum(self.verb_shares(), 1)[:, :-1], jnp.float32)
        verb_K = jnp.sum(verb_u[:, None] >= verb_NV[noun_K], 1, dtype=jnp.int32)
        first = self.starts
        marker = jnp.where(marked > 0, first["BAD"] + mood, first["OPEN"])
        return self._begin(marker, [noun_K + first["noun"], verb_K + first["verb"]])

    def consistent(self, batch: Batch) -> np.ndarray:
        """Whether every target that counts is possible, and the latents say what made it."""
        return is_consistent(self, batch)

    def uniform_loss(self) -> float:
        """The log of the number of tokens."""
        return float(np.log(self.vocab))


def examples() -> tuple[Task, ...]:
    """A small task, for the conformance suite."""
    return (Phrases(n_items=8, n_subjects=8, n_nouns=2, n_verbs=3, triples=4),)
