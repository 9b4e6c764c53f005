"""Adam whose weights are brought back, after each step, to where they may be."""

import dataclasses
from collections.abc import Callable
from typing import Any

import jax
import optax

from toylab.errors import check_number
from toylab.optim import AdamW, Shape, constant
from toylab.task import Number


@dataclasses.dataclass(frozen=True, kw_only=True)
class ProjectedAdam:
    """Adam, ``w <- project(w')`` with ``w'`` the weights after its step.

    The projection is outside of the gradient: that of a norm at 0 would be undefined.

    Args:
        learning_rate: peak learning rate.
        project: from a member's parameters to allowed ones.
        schedule: normalised shape of the learning rate over steps.

    Example:
        >>> import jax.numpy as jnp
        >>> project = lambda params: {"w": jnp.maximum(params["w"], 0)}
        >>> rule = ProjectedAdam(learning_rate=1.0, project=project).transform()
        >>> params = {"w": jnp.array([0.5, 3.0])}
        >>> with jax.numpy_dtype_promotion("standard"):
        ...     moves, _ = rule.update({"w": jnp.ones(2)}, rule.init(params), params)
        >>> (params["w"] + moves["w"]).round(4).tolist()
        [0.0, 2.0]
    """

    learning_rate: Number
    project: Callable[[Any], Any]
    schedule: Shape = dataclasses.field(default_factory=constant)

    def __post_init__(self) -> None:
        check_number("ProjectedAdam", "learning_rate", self.learning_rate, low=0)

    def transform(self) -> optax.GradientTransformation:
        """Build the Optax transformation with this member's numbers."""

        def update(updates: Any, state: Any, params: Any = None) -> Any:
            ahead = jax.tree.map(lambda p, u: p + u, params, updates)
            return jax.tree.map(lambda a, p: a - p, self.project(ahead), params), state

        back = optax.GradientTransformation(lambda params: optax.EmptyState(), update)
        return optax.chain(AdamW(self.learning_rate, 0.0, schedule=self.schedule).transform(), back)
