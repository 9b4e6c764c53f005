"""Graph tracing with a calendar whose tokens stand on fresh graphs, too.

In :class:`toylab.tasks.in_context.graph_tracing.GraphTracing` the calendar's tokens are reserved:
nothing else ever shows them, so that a network may do without the context whenever it sees one.
Words are not like that. Days of the week come in their own order and in many others.
"""

import dataclasses

import jax.numpy as jnp
from jax import Array

from toylab.errors import ToylabError
from toylab.task import Task

from .graph_tracing import GraphTracing
from .graph_worlds import Graph


@dataclasses.dataclass(frozen=True)
class SharedCalendar(GraphTracing):
    """The calendar's ring has tokens 0 to C - 1, which fresh graphs may have as well.

    Tokens T to T + C - 1 are never shown; they are kept so that both worlds have one vocabulary.

    Args:
        length: and all others as in ``GraphTracing``.

    Raises:
        ToylabError: as ``GraphTracing``, or a calendar of more nodes than tokens.

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
    return (SharedCalendar(9, ("ring",), (), sizes=(6,), walk="walk", length=12, **dated),)
