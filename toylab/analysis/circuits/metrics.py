"""Metrics: from a model's logits to the number that a circuit is about, one per example.

A metric is a :class:`jax.tree_util.Partial`: its tokens are data, so that one compiled program
serves every batch. Any function of the logits does as well.
"""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jax import Array
from jax.tree_util import Partial
from jaxtyping import Float, Int

from toylab.check.tokens import check_ids
from toylab.errors import ToylabError, check_number

Metric = Callable[[Array], Array]


def logit_difference(
    answer: Int[Any, " B"], other: Int[Any, " B"] | None = None, position: int = -1
) -> Partial:
    """Return the metric ``logit[answer] - logit[other]`` at one position.

    It is linear in the logits, and so signed and unsaturated, as patching asks.

    Args:
        answer: the right token of each example.
        other: the token it is held against; without one, the mean logit.
        position: which position answers, -1 for the last.

    Example:
        >>> metric = logit_difference(jnp.array([2]), jnp.array([0]))
        >>> metric(jnp.array([[[1.0, 0.0, 3.0]]])).tolist()
        [2.0]
    """
    answer = _ids(answer)
    return Partial(_difference, answer, None if other is None else _ids(other), position)


def log_probability(answer: Int[Any, " B"], position: int = -1) -> Partial:
    """Return the metric ``log p(answer)`` at one position; it saturates near 0.

    Args:
        answer, position: as in :func:`logit_difference`.
    """
    return Partial(_log_probability, _ids(answer), position)


def as_metric(metric: Metric) -> Partial:
    """Return a metric as a :class:`Partial`: what a compiled function can be given."""
    return metric if isinstance(metric, Partial) else Partial(metric)


def asks_last(metric: Partial) -> bool:
    """Return whether a metric of this file asks for the last position, and for no other."""
    known = metric.func in (_difference, _log_probability)
    return known and isinstance(metric.args[-1], int) and metric.args[-1] == -1


def _ids(tokens: Any) -> Array:
    tokens = jnp.asarray(tokens)
    if tokens.ndim != 1 or not jnp.issubdtype(tokens.dtype, jnp.integer):
        raise ToylabError(
            f"metric: answers are {tokens.dtype}{tokens.shape}; give a token id per example, (B,)."
        )
    return tokens


def _at(logits: Float[Array, "B *L V"], position: Any) -> Float[Array, "B V"]:
    if logits.ndim == 2:
        return logits
    length = logits.shape[1]
    check_number("metric", "position", position, -length, length - 1, whole=True)
    return jnp.take(logits, position, axis=1)


def _pick(logits_BV: Array, tokens_B: Array) -> Array:
    check_answers("metric", tokens_B, *logits_BV.shape)
    return jnp.take_along_axis(logits_BV, tokens_B[:, None], axis=1)[:, 0]


def check_answers(owner: str, tokens: Any, examples: int, logits: int) -> None:
    """Refuse answers that are not one logit for each example.

    Args:
        owner: who asks, for messages.
        tokens: ids of the answers, (B,).
        examples: B.
        logits: V; of traced ids the values are not known, and pass.

    Raises:
        ToylabError: another number of answers, no whole numbers, or one outside ``0 .. V - 1``.
    """
    if jnp.shape(tokens) != (examples,):
        shape = jnp.shape(tokens)
        many = f"{shape[0]} answers" if len(shape) == 1 else f"answers of shape {shape}"
        raise ToylabError(f"{owner}: {many} for {examples} examples; give a token id for each.")
    check_ids(owner, "answers among the logits", tokens, logits)


def _difference(answer: Array, other: Array | None, position: Any, logits: Array) -> Array:
    here = _at(logits, position)
    against = here.mean(-1) if other is None else _pick(here, other)
    return _pick(here, answer) - against


def _log_probability(answer: Array, position: Any, logits: Array) -> Array:
    return _pick(jax.nn.log_softmax(_at(logits, position), -1), answer)
