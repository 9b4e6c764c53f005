"""Worlds that a program answers: a copy, a sum, an induction, and a walk in three hops.

Each sequence begins with BOS and asks at its last position. The program
(:mod:`toylab.models.wired.program`) says how the answer is found, and can be compiled into a
network whose circuit is then known.
"""

import dataclasses
import functools
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from toylab.errors import ToylabError, check_number, nearest
from toylab.models.wired.program import Program
from toylab.task import Batch, Task

same: Callable[[int, int], bool] = lambda q, k: q == k
before: Callable[[int, int], bool] = lambda q, k: k == q - 1


def copy(size: int) -> Program:
    """Answer with the token before: one head."""
    start = Program(tokens=size, length=size)
    return start.aggregate("copy", "position", "position", "token", before)


def adder(size: int) -> Program:
    """Answer ``a b =`` with ``(a + b) mod size``: two heads, one MLP."""
    made = Program(tokens=size + 1, length=3)
    made = made.aggregate("a", "position", "position", "token", lambda q, k: k == 0)
    made = made.aggregate("b", "position", "position", "token", lambda q, k: k == 1)
    return made.map("sum", ("a", "b"), lambda a, b: (a + b) % size, size)


def induction(size: int) -> Program:
    """Answer ``.. A B .. A`` with B: two heads, one after the other."""
    made = Program(tokens=size, length=size)
    made = made.aggregate("previous", "position", "position", "token", before)
    return made.aggregate("next", "token", "previous", "token", same)


def walk(size: int) -> Program:
    """Take tokens for places; go on by the sum of the last two tokens seen: three heads, two MLPs.

    From the last token t: p = x[t], r = x[p + t], answer x[r + p], all modulo the size.
    """
    add = lambda a, b: (a + b) % size
    made = Program(tokens=size, length=size)
    made = made.aggregate("p", "token", "position", "token", same)
    made = made.map("second", ("p", "token"), add, size)
    made = made.aggregate("r", "second", "position", "token", same)
    made = made.map("third", ("r", "p"), add, size)
    return made.aggregate("end", "third", "position", "token", same)


PROGRAMS = {"copy": copy, "adder": adder, "induction": induction, "walk": walk}


@functools.cache
def program(kind: str, size: int) -> Program:
    """Return a program of ``PROGRAMS``."""
    return PROGRAMS[kind](size)


@dataclasses.dataclass(frozen=True)
class Programs(Task):
    """BOS, then tokens; the target at the last position is what the program answers there.

    Tokens are uniform. In ``adder`` the last is the sign ``=``; in ``induction`` all differ, but
    for the last one, which has been there before, not last of all.

    Args:
        kind: copy, adder, induction or walk.
        size: number of tokens (the sign aside), and of positions but in ``adder``.

    Raises:
        ToylabError: another kind, or a size below 4.

    Example:
        >>> Programs("adder", 5).batch(jax.random.key(0), 2).inputs[:, [0, -1]].tolist()
        [[6, 5], [6, 5]]
    """

    kind: str = "walk"
    size: int = 6

    def __post_init__(self) -> None:
        if self.kind not in PROGRAMS:
            hint = nearest(self.kind, PROGRAMS)
            raise ToylabError(f"Programs: no program {self.kind!r}: {hint}")
        check_number("Programs", "size", self.size, 4, whole=True)

    @property
    def program(self) -> Program:
        """The program that answers."""
        return program(self.kind, self.size)

    def example(self, key: Array) -> Batch:
        """Draw one example; only the last position has a target of weight 1."""
        k_tokens, k_place = jax.random.split(key)
        if self.kind == "induction":
            tokens = jax.random.permutation(k_tokens, self.size)
            tokens = tokens.at[-1].set(tokens[jax.random.randint(k_place, (), 0, self.size - 2)])
        else:
            tokens = jax.random.randint(k_tokens, (self.program.length,), 0, self.size)
        if self.kind == "adder":
            tokens = tokens.at[-1].set(self.size)
        inputs = jnp.concatenate([jnp.array([self.program.tokens]), tokens]).astype(jnp.int32)
        last = jnp.arange(len(inputs)) == len(inputs) - 1
        targets = jnp.where(last, self._answer(tokens), 0).astype(jnp.int32)
        return Batch(inputs, targets, last.astype(jnp.float32), {})

    def _answer(self, x: Array) -> Array:
        """What is asked for, without the program."""
        n, t = self.size, x[-1]
        if self.kind == "copy":
            return x[-2]
        if self.kind == "adder":
            return (x[0] + x[1]) % n
        if self.kind == "induction":
            return x[jnp.argmax(x[:-1] == t) + 1]
        p = x[t]
        r = x[(p + t) % n]
        return x[(r + p) % n]

    def consistent(self, batch: Batch) -> Any:
        """Whether the program, run statement by statement, answers with the target."""
        inputs, targets = np.asarray(batch.inputs), np.asarray(batch.targets)
        found = self.program.run(inputs[:, 1:])[self.program.answer]
        return (inputs[:, 0] == self.program.tokens) & (found[:, -1] == targets[:, -1])

    def uniform_loss(self) -> float:
        """Cross-entropy of even odds over the answers, in nats."""
        return float(np.log(self.size))


def examples() -> tuple[Task, ...]:
    """A small one of each, for the conformance suite."""
    return tuple(Programs(kind, 5) for kind in PROGRAMS)
