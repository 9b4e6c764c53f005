"""Segments of random tokens, repeated: what came after the last copy of a token comes again.

The period differs from sequence to sequence, so that no fixed distance tells where to look: the
token must be found by its content and the position after it read, which is what an induction head
does. A lead of other tokens closes a way round it: with nothing before the segment, the next token
is the one not seen for longest, which attention that grows with distance alone can find.

Source: Olsson et al. 2022 (arXiv:2209.11895), repeated random tokens as the test of induction
heads; random periods are this laboratory's own.
"""

import math
from dataclasses import dataclass

import jax.numpy as jnp
import numpy as np
from jax import Array

from toylab import random
from toylab.errors import ToylabError, check_number
from toylab.task import Batch, Task


@dataclass(frozen=True)
class Repeats(Task):
    """A segment of S distinct tokens, repeated after R others: ``x_t = segment[(t - R) mod S]``.

    Latents:

    ====== ============================================================================
    period S, uniform from ``shortest`` to ``longest`` ()
    before R, uniform from 0 to ``lead`` ()
    source the position to attend to, ``t - S + 1`` from the second copy on, -1 before (L,)
    ====== ============================================================================

    Targets are the tokens that follow. They weigh 1 where ``source >= 0``, where all that came
    before decides them, and 0 elsewhere.

    Args:
        n_tokens: V.
        length: L, positions of a sequence; the second copy must begin before its end.
        shortest: least period.
        longest: greatest period.
        lead: most tokens before the segment, distinct and not of it; with the longest period they
            are at most V.

    Raises:
        ToylabError: a period longer than the vocabulary or the sequence allow.

    Source: Olsson et al. 2022 (arXiv:2209.11895); the lead is this laboratory's own.

    Example:
        >>> import jax
        >>> task = Repeats(n_tokens=5, length=6, shortest=3, longest=3)
        >>> x = task.example(jax.random.key(0)).inputs
        >>> bool((x[3:] == x[:3]).all())
        True
    """

    n_tokens: int = 32
    length: int = 48
    shortest: int = 8
    longest: int = 20
    lead: int = 0

    def __post_init__(self) -> None:
        for name in ("n_tokens", "length", "shortest", "longest"):
            check_number("Repeats", name, getattr(self, name), low=2, whole=True)
        check_number("Repeats", "lead", self.lead, low=0, whole=True)
        top = min(self.n_tokens, self.length - 1) - self.lead
        if not self.shortest <= self.longest <= top:
            raise ToylabError(
                f"Repeats: periods from {self.shortest} to {self.longest}; give shortest <= "
                f"longest <= {top}, as {self.n_tokens} tokens, {self.length} positions and a lead "
                f"of {self.lead} allow."
            )

    def example(self, key: Array) -> Batch:
        """Draw one sequence; inputs and targets (L,)."""
        u_E = random.once(random.uniform(key, (2 + self.n_tokens,)))
        span = jnp.int32(self.longest - self.shortest + 1)
        period = random.pick(u_E[0], span) + self.shortest
        before = random.pick(u_E[-1], jnp.int32(self.lead + 1))
        shuffled_V = jnp.argsort(u_E[1:-1]).astype(jnp.int32)
        place_L1 = jnp.arange(self.length + 1, dtype=jnp.int32) - before
        own_L1 = jnp.where(place_L1 < 0, place_L1 % self.n_tokens, place_L1 % period)
        token_L1, place_L = shuffled_V[own_L1], place_L1[:-1]
        source_L = jnp.where(place_L >= period, before + place_L - period + 1, -1)
        weight_L = (source_L >= 0).astype(jnp.float32)
        latents = {"period": period, "before": before, "source": source_L}
        return Batch(token_L1[:-1], token_L1[1:], weight_L, latents)

    def consistent(self, batch: Batch) -> np.ndarray:
        """Whether the sequence repeats with its period, and no sooner."""
        x_BL, y_BL = np.asarray(batch.inputs), np.asarray(batch.targets)
        source_BL = np.asarray(batch.latents["source"])
        period_B1 = np.asarray(batch.latents["period"])[:, None]
        once_B1 = period_B1 + np.asarray(batch.latents["before"])[:, None]
        place_L = np.arange(self.length)
        told_BL = np.take_along_axis(x_BL, np.maximum(source_BL, 0), 1)
        first = np.where(place_L < once_B1, x_BL, -1 - place_L)
        distinct_B = np.array([len(set(row)) == self.length for row in first.tolist()])
        agree = [
            (x_BL[:, 1:] == y_BL[:, :-1]).all(1),
            ((source_BL >= 0) == (place_L >= once_B1)).all(1),
            ((source_BL < 0) | (told_BL == y_BL)).all(1),
            ((source_BL < 0) | (place_L - source_BL == period_B1 - 1)).all(1),
            distinct_B,
        ]
        return np.all(agree, 0)

    def bayes_loss(self) -> float:
        """0: from the second copy on, the context decides the next token."""
        return 0.0

    def uniform_loss(self) -> float:
        """The log of the number of tokens."""
        return math.log(self.n_tokens)


def examples() -> tuple[Task, ...]:
    """A small task, for the conformance suite."""
    plain = Repeats(n_tokens=7, length=12, shortest=3, longest=6)
    return plain, Repeats(n_tokens=9, length=14, shortest=3, longest=6, lead=3)
