"""Graph tracing with a calendar of which more is told than the order of its days.

In :class:`toylab.tasks.in_context.graph_tracing.GraphTracing` the calendar is walked round and
round, one way or the other, and its tokens are reserved: nothing else ever shows them. Words are
not like that. Days that are near in time are named together, and days of the week come in their own
order and in many others.
"""

import dataclasses

import jax.numpy as jnp
import numpy as np
from jax import Array
from jaxtyping import Float

from toylab.errors import ToylabError, check_number
from toylab.task import Batch, Number, Task

from .graph_tracing import GraphTracing
from .graph_worlds import CALENDAR, Graph


@dataclasses.dataclass(frozen=True)
class NearDays(GraphTracing):
    """Some of the calendar's sequences name days near one day, in any order.

    Such a sequence has a day of its own, and at every place names day d with a probability of
    ``exp(focus cos(2 pi (d - own) / C))``, normalised. The latent ``near`` says which they are;
    their ``options`` are all C days.

    Args:
        near_share: share of the calendar's sequences that do so.
        focus: how near the days are.
        length: and all others as in ``GraphTracing``.

    Raises:
        ToylabError: as ``GraphTracing``, or no calendar.

    Source: this laboratory's own, after Karkada et al. 2026 (arXiv:2602.15029): how often two
    months stand together in texts depends on the time between them, and lays embeddings out as a
    ring.

    Example:
        >>> task = NearDays(9, ("ring",), (), sizes=(5,), calendar=5, near_share=0.5, focus=2.0)
        >>> days = task.near_days(0)
        >>> bool(days[0] > days[1] > days[2]), bool(abs(days.sum() - 1) < 1e-6)
        (True, True)
    """

    near_share: Number = 0.0
    focus: float = 1.5

    def __post_init__(self) -> None:
        super().__post_init__()
        check_number(type(self).__name__, "calendar", self.calendar, low=3, whole=True)
        check_number(type(self).__name__, "near_share", self.near_share, low=0.0, high=1.0)
        check_number(type(self).__name__, "focus", self.focus, low=0.0)

    def near_days(self, own: Array | int) -> Float[Array, " C"]:
        """Probabilities of the days where a sequence's own day is given."""
        away_C = (jnp.arange(self.calendar) - own).astype(jnp.float32)
        angle_C = away_C * jnp.float32(2 * np.pi / self.calendar)
        weight_C = jnp.exp(jnp.float32(self.focus) * jnp.cos(angle_C))
        return weight_C / weight_C.sum()

    def _follow(self, u_E: Array, graph: Graph, first: Array) -> Batch:
        """The walk that these numbers decide, or the days near the first node."""
        walk, u_L2 = super()._follow(u_E, graph, first), u_E.reshape(-1, 2)
        share = jnp.asarray(self.near_share, jnp.float32)
        near = (graph.family == CALENDAR) & (u_L2[0, 1] < share)
        below_L1C = u_L2[:, :1] >= jnp.cumsum(self.near_days(first))[None]
        day_L1 = jnp.minimum(below_L1C.sum(-1, dtype=jnp.int32), self.calendar - 1)
        token_L1, told = graph.tokens[day_L1], walk.latents
        told = told | {
            "near": near,
            "node": jnp.where(near, day_L1[:-1], told["node"]),
            "options": jnp.where(near, self.calendar, told["options"]),
        }
        inputs_L = jnp.where(near, token_L1[:-1], walk.inputs)
        targets_L = jnp.where(near, token_L1[1:], walk.targets)
        return Batch(inputs_L, targets_L, walk.weights, told)

    def floor(self, batch: Batch) -> Float[Array, "B L"]:
        """As in ``GraphTracing``; of days near one day, their entropy."""
        p_C = self.near_days(0)
        entropy = -(p_C * jnp.log(p_C)).sum()
        return jnp.where(batch.latents["near"][:, None], entropy, super().floor(batch))

    def consistent(self, batch: Batch) -> np.ndarray:
        """As in ``GraphTracing``; days near one day are on the calendar's nodes, in any order."""
        told = {name: np.asarray(leaf) for name, leaf in batch.latents.items()}
        x_BL, y_BL = np.asarray(batch.inputs), np.asarray(batch.targets)
        shown_BL = np.take_along_axis(told["tokens"], told["node"], 1)
        dated_B = (shown_BL == x_BL).all(1) & (x_BL[:, 1:] == y_BL[:, :-1]).all(1)
        dated_B &= told["family"] == CALENDAR
        return np.where(told["near"], dated_B, super().consistent(batch))


@dataclasses.dataclass(frozen=True)
class SharedCalendar(NearDays):
    """The calendar's ring has tokens 0 to C - 1, which fresh graphs may have as well.

    Tokens T to T + C - 1 are never shown; they are kept so that both worlds have one vocabulary.

    Args:
        length: and all others as in ``NearDays``.

    Raises:
        ToylabError: as ``NearDays``, or a calendar of more nodes than tokens.

    Source: this laboratory's own, after the days of the week of Park et al. 2025
    (arXiv:2501.00070).

    Example:
        >>> task = SharedCalendar(9, ("ring",), (), sizes=(5,), length=12, calendar=5)
        >>> bool((task.batch(jax.random.key(0), 3).inputs < 9).all())
        True
    """

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.calendar > self.n_tokens:
            raise ToylabError(
                f"SharedCalendar: a calendar of {self.calendar} shares its tokens with fresh "
                f"graphs, but n_tokens = {self.n_tokens}; raise it."
            )

    def _graph(self, key: Array, bits_E: Array, after: int) -> Graph:
        """The graph of these integers, its calendar on the first tokens."""
        drawn = super()._graph(key, bits_E, after)
        tokens_N = jnp.where(
            drawn.tokens < self.n_tokens, drawn.tokens, drawn.tokens - self.n_tokens
        )
        return drawn._replace(tokens=tokens_N)


def examples() -> tuple[Task, ...]:
    """Small tasks, for the conformance suite."""
    dated = {"calendar": 5, "calendar_share": 0.3}
    shared = SharedCalendar(9, ("ring",), (), sizes=(6,), walk="walk", length=12, **dated)
    near = NearDays(9, ("ring",), (), sizes=(6,), length=12, **dated, near_share=0.5)
    return (shared, near)
