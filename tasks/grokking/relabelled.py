"""Modular arithmetic of which some members learn the rule and others random labels."""

import dataclasses

import jax.numpy as jnp
from jax import Array

from toylab.errors import check_number
from toylab.task import Number, Task

from .modular import ModularArithmetic


@dataclasses.dataclass(frozen=True, kw_only=True)
class Relabelled(ModularArithmetic):
    """Modular arithmetic whose labels are the rule's for some members and random for others.

    Args:
        random_labels: 0 for the rule's labels, 1 for random ones; may differ per member, so that
            networks of both kinds train as one population.
    """

    random_labels: Number = 0.0

    def __post_init__(self) -> None:
        check_number("Relabelled", "random_labels", self.random_labels, 0, 1)
        super().__post_init__()

    def answers(self) -> Array:
        """Return the answer of every row of the table, (N,)."""
        rule, drawn = (dataclasses.replace(self, labels=k) for k in ("rule", "random"))
        kinds = ModularArithmetic.answers(drawn), ModularArithmetic.answers(rule)
        return jnp.where(jnp.asarray(self.random_labels) > 0.5, *kinds)


def examples() -> tuple[Task, ...]:
    """The task with either kind of labels, for the conformance suite."""
    return (
        Relabelled(p=7, fraction=0.5, equals=False),
        Relabelled(p=7, fraction=0.5, random_labels=1.0, split_seed=2),
    )
