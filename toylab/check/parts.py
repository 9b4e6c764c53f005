"""What the rules of tasks share: draws made once, batches as named arrays, comparisons."""

import dataclasses
from collections.abc import Mapping
from functools import cached_property
from typing import Any

import jax
import numpy as np

from toylab.task import Batch, Task
from toylab.train.fast_compile import compute, quick_jit

SIZE = 512


class Broken(Exception):
    """A rule is broken, and how."""


def need(holds: bool, otherwise: str) -> None:
    """Break the rule unless it holds."""
    if not holds:
        raise Broken(otherwise)


class Draws:
    """Examples of a task, drawn in every way once; compiling is what takes the time.

    Args:
        task: the task.
        key: decides every draw.
    """

    def __init__(self, task: Task, key: Any):
        self.task = task
        self.keys = jax.random.split(key, 4)
        self.example = quick_jit()(task.example)
        self.batch = quick_jit()(lambda key: task.batch(key, SIZE))

    @cached_property
    def eager_example(self) -> Batch:
        """The example of the first key, without jit."""
        return self.task.example(self.keys[0])

    @cached_property
    def eager_batch(self) -> Batch:
        """The batch of the first key, as :meth:`plain_batch` draws it."""
        return self.plain_batch(self.keys[0])

    def plain_batch(self, key: Any) -> Batch:
        """A batch without jit, if the task has a ``batch`` of its own.

        That of :class:`toylab.task.Task` maps ``example``, which is drawn without jit already; a
        large task's hundreds of operations would each be compiled for a batch as well.
        """
        own = type(self.task).batch is not Task.batch
        return self.task.batch(key, SIZE) if own else self.batch(key)

    @cached_property
    def many_keys(self) -> Any:
        """As many keys as a batch has rows."""
        return jax.random.split(self.keys[1], SIZE)

    @cached_property
    def examples(self) -> Batch:
        """One example per key of ``many_keys``, under jit and vmap."""
        return compute(jax.vmap(self.task.example), self.many_keys)

    @cached_property
    def whole(self) -> Batch | None:
        """Every example of a finite task."""
        return self.task.enumerate()

    @cached_property
    def fixed_set(self) -> bool:
        """Whether a finite task's batch is one set, taken in turn, whatever the key.

        All examples are, and a full training set; draws that ignore their key are not, as they
        repeat some examples more often than others. Rows of weight 0 only fill the batch up.
        """
        first, second = (self.batch(key) for key in self.keys[:2])
        if self.whole is None or not np.array_equal(first.inputs, second.inputs):
            return False
        if np.array_equal(first.inputs, self.whole.inputs):
            return True
        rows, weights = np.asarray(first.inputs), np.asarray(first.weights)
        rows = rows.reshape(len(rows), -1)
        if weights.ndim and len(weights) == len(rows):
            rows = rows[weights.reshape(len(rows), -1).max(1) > 0]
        counts = np.unique(rows, axis=0, return_counts=True)[1]
        return bool(np.ptp(counts) <= 1)

    def shapes_of(self, size: int) -> dict[str, tuple[tuple[int, ...], str]]:
        """Shapes of a batch of another size, without drawing it."""
        return shapes(jax.eval_shape(lambda key: self.task.batch(key, size), self.keys[0]))


def copy(task: Task) -> Task:
    """Return an equal task that is another object."""
    return dataclasses.replace(task)  # pyright: ignore


def named(batch: Batch) -> dict[str, Any]:
    """Return what a batch holds by name."""
    parts = {"inputs": batch.inputs, "targets": batch.targets, "weights": batch.weights}
    return parts | {f"latents/{name}": batch.latents[name] for name in sorted(batch.latents)}


def leaves(batch: Batch) -> dict[str, np.ndarray]:
    """Return a batch's arrays by name."""
    return {name: np.asarray(leaf) for name, leaf in named(batch).items()}


def shapes(batch: Batch) -> dict[str, tuple[tuple[int, ...], str]]:
    """Return the shape and dtype of each of a batch's arrays."""
    described = lambda leaf: (np.shape(leaf), str(getattr(leaf, "dtype", type(leaf).__name__)))
    return {name: described(leaf) for name, leaf in named(batch).items()}


def same(expected: Batch, found: Batch, where: str) -> None:
    """Need whole numbers alike, and floats to the rounding of a fused kernel."""
    others = leaves(found)
    for name, leaf in leaves(expected).items():
        other = others[name]
        alike = leaf.shape == other.shape and leaf.dtype == other.dtype
        close = alike and np.allclose(
            leaf.astype(float), other.astype(float), rtol=1e-5, atol=1e-6, equal_nan=True
        )
        need(bool(close), f"{name} differ: {where}")


def vary(arrays: Mapping[str, np.ndarray]) -> bool:
    """Whether any row of any array differs from the first."""
    return any(bool((a != a[:1]).any()) for a in arrays.values())


def among(rows: np.ndarray, pool: np.ndarray) -> np.ndarray:
    """Return, per row, whether it is one of the pool's, to the rounding of a fused kernel."""
    rows, pool = rows.reshape(len(rows), -1), pool.reshape(len(pool), -1)
    known = {row.tobytes() for row in pool}
    near = lambda row: (np.abs(pool.astype(float) - row.astype(float)).max(1) < 1e-6).any()
    exact = rows.dtype.kind != "f"
    return np.array([r.tobytes() in known or (not exact and bool(near(r))) for r in rows])
