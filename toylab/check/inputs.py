"""One drawn batch, looked at before training: what a model cannot mean is refused, not clipped."""

import functools
from collections.abc import Callable
from typing import Any

import jax
import numpy as np
from jax import Array

from toylab.check.tokens import check_ids, check_targets
from toylab.errors import ToylabError
from toylab.population import Population
from toylab.random import fold_in, stream
from toylab.task import Batch, Task
from toylab.train.fast_compile import compiler_options
from toylab.trees import drawn_shapes

MOST = 256  # examples that are looked at


def check_batch(population: Population, name: str = "The population") -> None:
    """Draw the first batch of a population's first member, and refuse what is silently wrong.

    Token ids outside the model's vocabulary, targets outside its logits (unless their weight is 0),
    numbers that are not finite, and negative weights.

    Args:
        population: what is to be trained.
        name: its name in messages.

    Raises:
        ToylabError: the first of these that the batch holds.
    """
    columns = population.members.columns
    row = {n: np.float32(c[0]) for n, c in columns.items() if not n.endswith("_seed")}
    row |= {n: np.uint32(c[0]) for n, c in columns.items() if n.endswith("_seed")}
    bound = population.bind(row)
    owner = f"{name}: {type(bound.task).__name__}"
    seed = int(columns["data_seed"][0]) + population.first_seed
    key = fold_in(stream(seed, "data"), 0)
    size = min(population.batch_size, MOST)
    try:
        draw = _drawing(bound.task, size)
    except TypeError:  # a setting is an array, which has no hash
        draw = _drawing.__wrapped__(bound.task, size)
    batch = jax.device_get(draw(key))
    for part in ("inputs", "targets", "weights"):
        value = np.asarray(getattr(batch, part))
        if np.issubdtype(value.dtype, np.inexact) and not np.isfinite(value).all():
            raise ToylabError(f"{owner}: {part} of a batch are not finite; repair the sampler.")
    if (np.asarray(batch.weights) < 0).any():
        raise ToylabError(f"{owner}: a weight is negative; give 0 to leave a target out.")
    vocab = getattr(bound.model, "vocab", None)
    if vocab is not None:
        check_ids(owner, "inputs", batch.inputs, vocab)
    logits = _logits(bound, batch)
    if logits is not None:
        check_targets(owner, batch.targets, batch.weights, logits)


@functools.lru_cache(maxsize=8)
def _drawing(task: Task, size: int) -> Callable[[Array], Batch]:
    """The compiled sampler: populations of a study often share a task."""
    draw = jax.jit(lambda key: task.batch(key, size))
    return draw.lower(jax.random.key(0)).compile(compiler_options())


def _logits(bound: Population, batch: Any) -> int | None:
    """Number of logits, where integer targets have one row of logits each."""
    targets = np.asarray(batch.targets)
    if not np.issubdtype(targets.dtype, np.integer):
        return None
    params = drawn_shapes(bound.model)
    try:
        shape = jax.eval_shape(bound.model.apply, params, batch.inputs).shape
    except ToylabError:  # the loss gives the model something else, as one of pairs does
        return None
    return shape[-1] if shape[:-1] == targets.shape else None
