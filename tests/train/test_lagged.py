"""Losses that compare with earlier parameters, against a plain loop that keeps copies itself."""

import dataclasses
import functools
from collections.abc import Mapping
from typing import Any, ClassVar

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import Array

from toylab.members import zipped
from toylab.models import Autoencoder
from toylab.optim import SGD
from toylab.population import Population
from toylab.task import Number
from toylab.tasks.superposition.superposition import Sparse
from toylab.train.engine import Program
from toylab.train.fit import fit
from toylab.train.plan import member_bytes
from toylab.trees import flatten

RATE, STEPS = 0.1, 7
MODEL = Autoencoder(4, 2)


@dataclasses.dataclass(frozen=True)
class Pulled:
    """``1/2 |w - pull * (first + recent)|^2``: gradients without data, known at every step."""

    pull: Number = 0.3
    first: Any = None
    recent: Any = None
    lagged: ClassVar[Mapping[str, int]] = {"first": 0, "recent": 3}

    def bind(self, model, batch, lagged):
        return dataclasses.replace(self, **lagged), batch

    def __call__(self, model, params, batch) -> Array:
        pull = jnp.float32(self.pull)
        gaps = jax.tree.map(lambda w, a, b: w - pull * (a + b), params, self.first, self.recent)
        half = sum(0.5 * jnp.sum(gap**2) for gap in jax.tree.leaves(gaps))
        return jnp.full(len(batch.inputs), half)


@functools.cache
def pulled() -> Population:
    return Population(
        model=MODEL,
        task=Sparse(4, density=0.5),
        members=zipped(init_seed=(0, 1), pull=(0.3, -0.2)),
        optimizer=SGD(RATE),
        steps=STEPS,
        batch_size=2,
        loss=Pulled(),
        snapshots=tuple(range(STEPS + 1)),
        devices=1,
    )


def by_hand(first: np.ndarray, pull: float) -> list[np.ndarray]:
    found, recent = [first], first
    for t in range(STEPS):
        if t % 3 == 0:
            recent = found[-1]
        found.append(found[-1] - RATE * (found[-1] - pull * (first + recent)))
    return found


@pytest.mark.parametrize("given", [False, True])
def test_lagged_copies_follow_their_periods(given):
    start = {"W": np.full((2, 2, 4), 0.5, np.float32), "b": np.ones((2, 4), np.float32)}
    result = fit(pulled(), start=start if given else None)
    for member, pull in enumerate((0.3, -0.2)):
        expected = by_hand(result.snapshots[0]["W"][member].astype(np.float64), pull)
        for step in range(STEPS + 1):
            np.testing.assert_allclose(result.snapshots[step]["W"][member], expected[step], 1e-5)
    if given:
        np.testing.assert_array_equal(result.snapshots[0]["W"], start["W"])


def test_saved_state_holds_the_copies():
    program = Program(pulled())
    state, _ = program.chunk(program.init(), (0, 5))
    flat = program.export(state)
    assert not np.array_equal(flat["lagged/recent/W"], flat["lagged/first/W"])
    there, _ = program.chunk(program.restore(flat), (5, STEPS))
    straight, _ = program.chunk(program.init(), (0, STEPS))
    jax.tree.map(np.testing.assert_array_equal, flatten(there), flatten(straight))


def test_a_plan_can_trace_the_loss():
    assert member_bytes(pulled()) > 0
