"""A clean batch, a corrupt one, and a metric that tells them apart; what is none is refused.

One rule for all of the bench. Tokens are of the vocabulary, both batches have one shape and are not
the same, a metric gives a number per example, its answers are among the logits. Where its mean is
the same in both runs of *every* network there is nothing to explain, which is an error. Where some
networks have a gap and others none (at snapshot 0, say), shares of the gap are NaN for those
without, and changes of the metric stay what they are.
"""

import functools
from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.core import Tracer
from jax.tree_util import Partial
from jaxtyping import Float

from toylab.analysis.circuits.metrics import Metric, as_metric
from toylab.check.tokens import check_inputs
from toylab.errors import ToylabError
from toylab.taps import Model
from toylab.trees import drawn_shapes

GAP = 1e-6  # of the metric, below which a ratio to it says nothing


def checked_inputs(owner: str, model: Model, inputs: Any) -> Array:
    """Return a batch as an array.

    Args:
        owner: who asks, for messages.
        model: the model that will read it.
        inputs: the batch.

    Raises:
        ToylabError: an empty batch, or tokens outside of the vocabulary.
    """
    if not np.size(inputs):
        raise ToylabError(f"{owner}: inputs of shape {np.shape(inputs)} are empty; give some.")
    check_inputs(owner, model, inputs)
    return jnp.asarray(inputs)


def checked_pair(
    owner: str, model: Model, one: Any, other: Any, names: Sequence[str] = ("clean", "corrupt")
) -> tuple[Array, Array]:
    """Return two batches as arrays.

    Args:
        owner: who asks, for messages.
        model: the model that will read them.
        one, other: the batches.
        names: what the caller calls them, for messages.

    Raises:
        ToylabError: two shapes, twice the same inputs, or what :func:`checked_inputs` refuses.
    """
    if np.shape(one) != np.shape(other):
        raise ToylabError(
            f"{owner}: {names[0]} inputs are {np.shape(one)}, {names[1]} ones {np.shape(other)}; "
            "patching needs pairs of one shape."
        )
    pair = checked_inputs(owner, model, one), checked_inputs(owner, model, other)
    traced = any(isinstance(inputs, Tracer) for inputs in pair)
    if not traced and np.array_equal(np.asarray(pair[0]), np.asarray(pair[1])):
        raise ToylabError(
            f"{owner}: {names[0]} and {names[1]} inputs are the same; change what the behaviour "
            "depends on."
        )
    return pair


def checked_metric(owner: str, model: Model, inputs: Array, metric: Metric) -> Partial:
    """Return a metric as a :class:`Partial` that gives a number per example.

    Args:
        owner: who asks, for messages.
        model: the model whose logits it measures.
        inputs: the batch that they are of.
        metric: any function of logits.

    Raises:
        ToylabError: another number of answers than of examples, an answer that is no logit, a
            position that the logits lack, or a result that is not (B,).
    """
    metric = as_metric(metric)
    found = jax.eval_shape(metric, _logits.eval_shape(model, drawn_shapes(model), inputs))
    shape = getattr(found, "shape", None)
    if shape != (len(inputs),):
        raise ToylabError(
            f"{owner}: the metric gives {type(found).__name__ if shape is None else shape} for "
            f"{len(inputs)} examples; give a function of the logits with a number per example, "
            f"({len(inputs)},)."
        )
    return metric


@functools.partial(jax.jit, static_argnums=0)
def _logits(model: Model, params: Any, inputs: Array) -> Array:
    """A run whose shape is asked for alone; jitted, so that it is traced once."""
    return model.apply(params, inputs)


def checked_gap(owner: str, gap: Float[Array, "*lead"]) -> Float[Array, "*lead"]:
    """Return the gap of the metric between two runs, NaN for a network that has none.

    Args:
        owner: who asks, for messages.
        gap: difference of the metric's means.

    Raises:
        ToylabError: no network has one.
    """
    if not isinstance(gap, Tracer) and not (np.abs(np.asarray(gap)) > GAP).any():
        raise ToylabError(
            f"{owner}: the metric is the same in the clean and the corrupt run; give a metric, or "
            "a corruption, that the behaviour depends on."
        )
    return jnp.where(jnp.abs(gap) > GAP, gap, jnp.nan)
