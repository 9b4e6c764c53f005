"""Recall: a token comes again, and what followed it then is asked for: ``3 5 1 0 3 -> 5``.

It comes with the corruptions that patching needs: pairs of sequences that differ in one token, the
key (so that the copy matches nothing), the query (so that it looks elsewhere) or the answer.
"""

import dataclasses
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jaxtyping import Int

from toylab.errors import ToylabError, check_number, nearest
from toylab.task import Batch, Task

CORRUPTIONS = ("key", "query", "answer")


@dataclasses.dataclass(frozen=True)
class Recall(Task):
    """Different tokens, then one of them again; the target is what followed it.

    Args:
        vocab: tokens, two more than positions at least, so that a corruption finds a new one.
        length: positions, the last one asks.

    Latents: ``place``, where the token that comes again stood.

    Example:
        >>> batch = Recall(vocab=9, length=5).batch(jax.random.key(0), 2)
        >>> bool((batch.inputs[0, batch.latents["place"][0]] == batch.inputs[0, -1]))
        True
    """

    vocab: int = 12
    length: int = 8

    def __post_init__(self) -> None:
        check_number("Recall", "length", self.length, 4, whole=True)
        check_number("Recall", "vocab", self.vocab, self.length + 2, whole=True)

    def example(self, key: Array) -> Batch:
        """Draw one example; only the last position has a target of weight 1."""
        k_tokens, k_place = jax.random.split(key)
        tokens = jax.random.permutation(k_tokens, self.vocab)[: self.length].astype(jnp.int32)
        place = jax.random.randint(k_place, (), 0, self.length - 2)
        inputs = tokens.at[-1].set(tokens[place])
        last = jnp.arange(self.length) == self.length - 1
        targets = jnp.where(last, tokens[place + 1], 0)
        return Batch(inputs, targets, last.astype(jnp.float32), {"place": place})

    def consistent(self, batch: Batch) -> Any:
        """Whether the last token stood at ``place``, once, and the target is what followed it."""
        x, rows = np.asarray(batch.inputs), np.arange(len(batch.inputs))
        place = np.asarray(batch.latents["place"])
        once = np.array([len(set(row[:-1])) == self.length - 1 for row in x.tolist()])
        same = x[rows, place] == x[:, -1]
        return once & same & (x[rows, place + 1] == np.asarray(batch.targets)[:, -1])

    def uniform_loss(self) -> float:
        """Cross-entropy of even odds over the vocabulary, in nats."""
        return float(np.log(self.vocab))

    def corrupt(self, batch: Batch, kind: str) -> Int[np.ndarray, "B L"]:
        """Return the sequences with one token replaced by one that does not occur in them.

        Args:
            batch: of this world.
            kind: ``key`` replaces the earlier copy, ``query`` the last token by another of the
                sequence, whose own follower the network then recalls, ``answer`` what is asked for.

        Raises:
            ToylabError: another kind.
        """
        if kind not in CORRUPTIONS:
            raise ToylabError(f"Recall: no corruption {kind!r}: {nearest(kind, CORRUPTIONS)}")
        x, place = np.array(batch.inputs), np.asarray(batch.latents["place"])
        rows = np.arange(len(x))
        if kind == "query":
            other = (place + 2) % (self.length - 2)
            other = np.where(other == place, (place + 1) % (self.length - 2), other)
            x[:, -1] = x[rows, other]
            return x
        free = np.array([min(set(range(self.vocab)) - set(row)) for row in x.tolist()])
        x[rows, place + (kind == "answer")] = free
        return x


def examples() -> tuple[Task, ...]:
    """A small task, for the conformance suite."""
    return (Recall(vocab=6, length=4),)
