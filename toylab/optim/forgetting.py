"""Forgetting: the token embedding is drawn anew every so many steps, for a while or for good."""

import dataclasses
import math
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax
from jax import Array

from toylab import random
from toylab.errors import check_number
from toylab.optim import AdamW
from toylab.task import Number


@dataclasses.dataclass(frozen=True, kw_only=True)
class Forgetting:
    """AdamW, with the matrix ``embed/embedding`` drawn anew after some steps.

    After step t, counted from 1, if ``every`` divides t and ``t <= until``: ``E ~ N(0, scale^2)``,
    and with ``reset_moments`` Adam's moments of E are 0. Other parameters and their moments stay.
    Active forgetting goes on for ever; temporary forgetting stops.

    Args:
        learning_rate: learning rate.
        weight_decay: decoupled decay, multiplied by the rate.
        every: steps between draws, 0 for none. May differ per member, as may all that follow but b1
            and b2.
        until: last step at which E may be drawn anew.
        scale: standard deviation of each entry.
        reset_moments: 1 or 0.
        forget_seed: decides the draws.
        b1, b2: decay of the moments.

    Source:
        Chen et al. 2023 (active forgetting); temporary forgetting: Anand et al. 2024
        (arXiv:2406.00053), whose code draws with scale 1, and resets all moments or none.
    """

    learning_rate: Number
    weight_decay: Number
    every: Number = 0
    until: Number = 1e9
    scale: Number = 1.0
    reset_moments: Number = 0
    forget_seed: Number = 0
    b1: float = 0.9
    b2: float = 0.999

    def __post_init__(self) -> None:
        for name in ("every", "forget_seed"):
            check_number("Forgetting", name, getattr(self, name), low=0, whole=True)
        for name in ("until", "scale"):
            check_number("Forgetting", name, getattr(self, name), low=0)
        check_number("Forgetting", "reset_moments", self.reset_moments, low=0, high=1, whole=True)
        self._adam()

    def _adam(self) -> AdamW:
        return AdamW(self.learning_rate, self.weight_decay, b1=self.b1, b2=self.b2)

    def transform(self) -> optax.GradientTransformation:
        """Build the Optax transformation with this member's numbers."""
        return forget_embedding(self, self._adam().transform())


class Counted(NamedTuple):
    """Steps so far, and the state of Adam."""

    count: Array
    adam: Any


def forget_embedding(
    how: Forgetting, adam: optax.GradientTransformation
) -> optax.GradientTransformation:
    """Turn updates into those that end at a new embedding after the steps that forget."""
    number = lambda x: jnp.asarray(x, jnp.float32)
    seed = jnp.asarray(how.forget_seed, jnp.float32).astype(jnp.uint32)

    def init(params: Any) -> Counted:
        return Counted(jnp.zeros((), jnp.int32), adam.init(params))

    def update(updates: Any, state: Any, params: Any = None) -> Any:
        updates, own = adam.update(updates, state.adam, params)
        count = state.count + 1
        every = jnp.maximum(number(how.every), 1).astype(jnp.int32)
        forgets = (number(how.every) > 0) & (count % every == 0)
        forgets &= count.astype(jnp.float32) <= number(how.until)
        table = params["embed"]["embedding"]
        fresh = draw(seed, count, table.shape) * number(how.scale)
        moved = jnp.where(forgets, fresh - table, updates["embed"]["embedding"])
        updates = updates | {"embed": {"embedding": moved}}
        own = clear_moments(own, forgets & (number(how.reset_moments) > 0))
        return updates, Counted(count, own)

    return optax.GradientTransformation(init, update)


def clear_moments(adam: Any, clears: Array) -> Any:
    """Return Adam's state with the embedding's moments at 0, where it clears."""
    cleared = lambda leaf: jnp.where(clears, 0.0, leaf)
    own = {name: optax.tree.get(adam, name) for name in ("mu", "nu")}
    return optax.tree.set(
        adam, **{n: m | {"embed": jax.tree.map(cleared, m["embed"])} for n, m in own.items()}
    )


def draw(seed: Array, step: Array, shape: tuple[int, ...]) -> Array:
    """Standard normal numbers of one step."""
    key = random.fold_in(random.stream(seed, "forgetting"), step)
    return random.normal(key, (math.prod(shape),)).reshape(shape)
