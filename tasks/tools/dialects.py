"""Dialects: an instruction says in which dialect one speaks, while a partner speaks another.

    d   cue word   cue word   cue word ...

A cue asks one of the two speakers for one of N things, and the word names it in the speaker's
dialect. One's own is told at position 0 alone; every later word is of either speaker, and says no
more of one than of the other.

Source: after the dialogues of Li et al. 2024 (2402.10962); the world is this laboratory's.
"""

import dataclasses
import math

import jax.numpy as jnp
import numpy as np
from jax import Array

from toylab import random
from toylab.errors import check_number
from toylab.task import Batch, Task


@dataclasses.dataclass(frozen=True)
class Dialects(Task):
    """Inputs (2 T + 1,); targets are the next tokens, and weigh 1 where they are words.

    Tokens are the dialects, one's own cues, the partner's cues, the words (dialects vary fastest).
    Latents: ``dialect`` and ``partner``, two different ones, (); ``own`` (2 T + 1,), whether the
    target is a word of one's own.

    Args:
        things: N.
        dialects: D.
        turns: T.

    Example:
        >>> import jax
        >>> Dialects(turns=3).example(jax.random.key(0)).inputs.shape
        (7,)
    """

    things: int = 8
    dialects: int = 4
    turns: int = 16

    def __post_init__(self) -> None:
        for name, low in (("things", 1), ("dialects", 2), ("turns", 1)):
            check_number("Dialects", name, getattr(self, name), low, 10_000, whole=True)

    @property
    def vocab(self) -> int:
        """Number of tokens."""
        return self.first_word + self.things * self.dialects

    @property
    def first_word(self) -> int:
        """The first token that is a word."""
        return self.dialects + 2 * self.things

    def example(self, key: Array) -> Batch:
        """Draw dialects, and turns of either speaker."""
        u_2T1 = random.once(random.uniform(key, (2 * self.turns + 2,)))
        dialect = random.pick(u_2T1[0], jnp.int32(self.dialects))
        partner = (
            dialect + 1 + random.pick(u_2T1[1], jnp.int32(self.dialects - 1))
        ) % self.dialects
        thing_T = random.pick(u_2T1[2 : 2 + self.turns], jnp.int32(self.things))
        own_T = u_2T1[2 + self.turns :] < 0.5
        cue_T = self.dialects + jnp.where(own_T, 0, self.things) + thing_T
        spoken_T = jnp.where(own_T, dialect, partner)
        word_T = self.first_word + thing_T * self.dialects + spoken_T
        turns = jnp.stack([cue_T, word_T], -1).reshape(-1)
        inputs = jnp.concatenate([dialect[None], turns]).astype(jnp.int32)
        asked = jnp.arange(2 * self.turns + 1) % 2 == 1
        own = asked & jnp.append(False, jnp.repeat(own_T, 2))
        latents = {"dialect": dialect, "partner": partner, "own": own}
        return Batch(inputs, jnp.append(inputs[1:], 0), asked.astype(jnp.float32), latents)

    def consistent(self, batch: Batch) -> np.ndarray:
        """Whether every word names its cue's thing in its speaker's dialect."""
        cue, word = (np.asarray(part)[:, 1::2] for part in (batch.inputs, batch.targets))
        own, thing = np.divmod(cue - self.dialects, self.things)
        latents = {name: np.asarray(leaf) for name, leaf in batch.latents.items()}
        spoken = np.where(own == 0, latents["dialect"][:, None], latents["partner"][:, None])
        named = word == self.first_word + thing * self.dialects + spoken
        two = latents["dialect"] != latents["partner"]
        told = np.asarray(batch.inputs)[:, 0] == latents["dialect"]
        return named.all(1) & told & two & (latents["own"][:, 1::2] == (own == 0)).all(1)

    def uniform_loss(self) -> float:
        """The log of the vocabulary."""
        return math.log(self.vocab)


def examples() -> tuple[Task, ...]:
    """A small task, for the conformance suite."""
    return (Dialects(things=3, dialects=3, turns=4),)
