"""A taste for words: topics to write about, feedback on what is written, and verdicts.

Shape suffixes: B prompts, S tokens of an answer, F names, R room of a list, W words.
"""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jaxtyping import Bool, Float, Int

from toylab import random
from toylab.errors import check_number
from toylab.task import Batch, Number, Task

from .lists import Rules, WordRemoval

GUESSED, TRUE, ANOTHERS = range(3)  # kinds of feedback


@dataclasses.dataclass(frozen=True)
class Taste(Rules, Task):
    """Topics as prompts, and someone to whom some words are unwanted.

    Feedback names the first ``named`` different unwanted words of a list, and no word where it has
    none; it is about that list, and carries at most ``log2 sum_k C(n, k)`` bits of a list of n.

    Inputs (1,): the topic. Latents: ``topic``; ``unwanted`` (W,), 1 for unwanted words; ``key``
    (2,), random bits for whoever samples.

    Args:
        unwanted: number of words, drawn evenly.
        world_seed: draws them; may differ per member, as may the next.
        examples: different prompts with their random bits, of which each batch draws some: a finite
            set of data; 0 draws new ones for ever.

    Raises:
        ToylabError: a number out of its range.

    Example:
        >>> Taste().batch(jax.random.key(0), 3).latents["unwanted"].sum(1).tolist()
        [6, 6, 6]
    """

    unwanted: int = 6
    world_seed: Number = 0
    examples: Number = 0

    def __post_init__(self) -> None:
        super().__post_init__()
        check_number("Taste", "unwanted", self.unwanted, 0, self.words, whole=True)
        check_number("Taste", "world_seed", self.world_seed, 0)
        check_number("Taste", "examples", self.examples, 0)

    def is_unwanted(self) -> Bool[Array, " W"]:
        """Which words are."""
        seed = jnp.asarray(self.world_seed).astype(jnp.uint32)
        u_W = random.uniform(random.stream(seed, "taste"), (self.words,))
        return jnp.sum(u_W[None] < u_W[:, None], 1) < self.unwanted

    def example(self, key: Array) -> Batch:
        """Draw one topic."""
        count = jnp.asarray(self.examples).astype(jnp.int32)
        seed = jnp.asarray(self.world_seed).astype(jnp.uint32)
        index = random.pick(random.uniform(key, (1,))[0], jnp.maximum(count, 1))
        kept = random.fold_in(random.stream(seed, "examples"), index)
        draw = lambda one: random.once(random.bits(one, (3,)))
        bits_3 = jnp.where(count > 0, draw(kept), draw(random.fold_in(key, 1)))
        topic = (bits_3[2] % np.uint32(self.topics)).astype(jnp.int32)
        return self.prompt(topic, bits_3[:2])

    def prompt(self, topic: Array, bits_2: Array) -> Batch:
        """Return the prompt of a topic."""
        latents = {"topic": topic, "unwanted": self.is_unwanted().astype(jnp.int32)}
        latents["key"] = jax.lax.bitcast_convert_type(bits_2, jnp.int32)
        name = (topic + jnp.int32(self.words + 5))[None]
        return Batch(name, name, jnp.ones(1, jnp.float32), latents)

    def asked(self, size: int, seed: int) -> Batch:
        """Return ``size`` prompts, topics in turn, each with random bits of its own."""
        bits_B2 = jax.random.bits(jax.random.key(seed), (size, 2))
        topic_B = jnp.arange(size, dtype=jnp.int32) % self.topics
        return jax.vmap(self.prompt)(topic_B, bits_B2)

    def wanted_of(self, batch: Batch) -> Bool[Array, "B V"]:
        """Which tokens are wanted words of each prompt's topic."""
        of_topic_BW = jax.vmap(self.of_topic)(batch.latents["topic"])
        more = self.vocab - self.words
        return jnp.pad(of_topic_BW & (batch.latents["unwanted"] == 0), ((0, 0), (0, more)))

    def marks(self, lists_BR: Array, batch: Batch) -> Bool[Array, "B R"]:
        """Which entries of lists are unwanted words."""
        more = self.vocab - self.words
        flag_BV = jnp.pad(batch.latents["unwanted"], ((0, 0), (0, more))) > 0
        return jnp.take_along_axis(flag_BV, lists_BR, 1)

    def counts(self, answers_BS: Int[Array, "B S"], batch: Batch) -> dict[str, Array]:
        """Unwanted and wanted words of each answer, and whether it is sound, (B,) floats.

        A sound list ends, has ``GOOD`` once and no word twice.
        """
        lists_BR = jax.vmap(self.written)(answers_BS)
        unwanted_BR, word_BR = self.marks(lists_BR, batch), lists_BR < self.good
        same_BRR = (lists_BR[:, :, None] == lists_BR[:, None]) & (lists_BR != self.pad)[:, None]
        twice_B = jnp.tril(same_BRR, -1).any((1, 2))
        ends_B = (answers_BS == self.end).any(1)
        told = {
            "unwanted": unwanted_BR.sum(1),
            "wanted": (word_BR & ~unwanted_BR).sum(1),
            "sound": ends_B & ~twice_B & ((lists_BR == self.good).sum(1) == 1),
        }
        return {name: value.astype(jnp.float32) for name, value in told.items()}

    def feedback(
        self, answers_BS: Int[Array, "B S"], batch: Batch, keys_B: Array
    ) -> Int[Array, "3 B F"]:
        """Return the names that three kinds of feedback give, pads after them.

        Guessed feedback names each word with the chance that a word is unwanted; true feedback
        names unwanted ones; another's is the true feedback on the batch's neighbour.
        """
        lists_BR = jax.vmap(self.written)(answers_BS)
        u_BR = jax.vmap(lambda key: random.uniform(key, (self.room,)))(keys_B)
        guess_BR = (u_BR < self.unwanted / self.words) & (lists_BR < self.good)
        same_BRR = (lists_BR[:, :, None] == lists_BR[:, None]) & ~jnp.tri(self.room, dtype=bool).T[
            None
        ]
        first_BR = ~same_BRR.any(2)
        pick = lambda list_R, keep_R: self.compact(list_R, keep_R, self.named)
        guess_BF = jax.vmap(pick)(lists_BR, guess_BR & first_BR)
        true_BF = jax.vmap(pick)(lists_BR, self.marks(lists_BR, batch) & first_BR)
        return jnp.stack([guess_BF, true_BF, jnp.roll(true_BF, 1, 0)])

    def says_nothing(self, names_BF: Array) -> Bool[Array, " B"]:
        """Whether feedback names no word."""
        return (names_BF == self.pad).all(1)

    def ask(self, answers_BS: Array, names_BF: Array) -> Int[Array, "B Q"]:
        """Return requests to remove the named words from what was written."""
        return jax.vmap(lambda s, f: self.request(self.written(s), f))(answers_BS, names_BF)

    def corrected(self, answers_BS: Array, names_BF: Array) -> Int[Array, "B S"]:
        """Return what was written without the named words."""
        one = lambda s, f: self.ended(self.removed(self.written(s), f))
        return jax.vmap(one)(answers_BS, names_BF)

    def incorporates(self, answers_BS: Array, names_BF: Array) -> Bool[Array, " B"]:
        """Whether no named word is left; of an empty list too, so that kept words must count."""
        lists_BR = jax.vmap(self.written)(answers_BS)
        named_BR = (lists_BR[:, :, None] == names_BF[:, None]).any(2)
        return ~(named_BR & (lists_BR != self.pad)).any(1)

    def pleases(self, answers_BS: Array, batch: Batch) -> Bool[Array, " B"]:
        """Whether no unwanted word is left: one bit about a list."""
        return ~self.marks(jax.vmap(self.written)(answers_BS), batch).any(1)

    def reward(self, tokens_NL: Array, batch: Batch) -> Float[Array, " N"]:
        """1 for a list after its topic that pleases, or 0."""
        return self.pleases(tokens_NL[:, 1:], batch).astype(jnp.float32)

    def consistent(self, batch: Batch) -> np.ndarray:
        """Whether prompts name their topics and the taste has its number of words."""
        topic, unwanted = (np.asarray(batch.latents[name]) for name in ("topic", "unwanted"))
        named = np.asarray(batch.inputs)[:, 0] == topic + self.words + 5
        return named & (unwanted.sum(1) == self.unwanted)


@dataclasses.dataclass(frozen=True)
class Comparisons(Taste):
    """Pairs of lists of one topic, the one with fewer unwanted words first.

    Inputs (2, R + 1): each list with its end, pads before it, so that the end stands last. Weights
    (1,): 0 where both have as many. Latents as in :class:`Taste`, and ``counts`` (2,).

    Example:
        >>> Comparisons().batch(jax.random.key(0), 3).inputs.shape
        (3, 2, 8)
    """

    def example(self, key: Array) -> Batch:
        """Draw one pair."""
        asked = super().example(key)
        names = [field.name for field in dataclasses.fields(Rules)]
        world = WordRemoval(*(getattr(self, name) for name in names))
        u_2U = random.once(random.uniform(random.fold_in(key, 2), (2, self.words + 2)))
        topic = asked.latents["topic"]
        lists_2R = jax.vmap(lambda u: world.topical(topic, u[2:], u[:2]))(u_2U)
        flags_V = jnp.pad(asked.latents["unwanted"], (0, self.vocab - self.words))
        count_2 = flags_V[lists_2R].sum(1)
        lists_2R = jnp.where(count_2[0] <= count_2[1], lists_2R, lists_2R[::-1])
        latents = asked.latents | {"counts": jnp.sort(count_2)}
        weight = (count_2[0] != count_2[1]).astype(jnp.float32)[None]
        targets = jnp.zeros(2, jnp.int32)
        return Batch(jax.vmap(self.judged)(lists_2R), targets, weight, latents)

    def judged(self, list_R: Array) -> Int[Array, " R+1"]:
        """Return a list as a judge reads it: its entries, its end last."""
        count = jnp.sum(list_R != self.pad, dtype=jnp.int32)
        shifted_R = jnp.roll(list_R, self.room - count)
        return jnp.append(shifted_R, jnp.int32(self.end))

    def consistent(self, batch: Batch) -> np.ndarray:
        """Whether the first list of each pair has no more unwanted words than the second."""
        flags = np.pad(
            np.asarray(batch.latents["unwanted"]), ((0, 0), (0, self.vocab - self.words))
        )
        tokens = np.asarray(batch.inputs)
        count = np.stack([np.take_along_axis(flags, tokens[:, i], 1).sum(1) for i in (0, 1)], 1)
        weight = (count[:, 0] < count[:, 1]).astype(float)
        right = (count == np.asarray(batch.latents["counts"])).all(1)
        return right & (count[:, 0] <= count[:, 1]) & (np.asarray(batch.weights)[:, 0] == weight)


def examples() -> tuple[Task, ...]:
    """Small tasks, for the conformance suite."""
    return Taste(), Taste(8, 2, 1, 4, 2, unwanted=3, examples=5), Comparisons(world_seed=3)
