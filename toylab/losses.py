"""Losses: from a model, its parameters and a batch to one number per example.

A loss is any callable ``loss(model, params, batch) -> (B,)``; the engine takes the mean over the
batch. A loss that has numbers of its own is a frozen dataclass with ``__call__``, and its fields
may then differ per member. One that compares with earlier parameters, or does something first that
needs no gradient, is a :class:`BindingLoss`.
"""

import dataclasses
from collections.abc import Mapping
from typing import Protocol, runtime_checkable

import jax
import jax.numpy as jnp
import optax
from jax import Array

from toylab.models.products import SHORT, added
from toylab.taps import Model, Params
from toylab.task import Batch


class Loss(Protocol):
    """What a population minimises."""

    def __call__(self, model: Model, params: Params, batch: Batch) -> Array:
        """Return one number per example, (B,)."""
        ...


@runtime_checkable
class BindingLoss(Protocol):
    """A loss that is bound anew at every step, with the whole batch.

    Attributes:
        lagged: ``{name: period}``, the earlier parameters of the member that the engine keeps for
            it: a copy for each name, taken at the start and again before every step that is a
            multiple of the period; never again where that is 0.
    """

    @property
    def lagged(self) -> Mapping[str, int]:
        """Names of the earlier parameters, with the steps between copies."""
        ...

    def bind(self, model: Model, batch: Batch, lagged: Mapping[str, Params]) -> tuple[Loss, Batch]:
        """Return the loss of this step, and the batch that its gradient is taken on."""
        ...


def lags(loss: Loss) -> dict[str, int]:
    """Return the earlier parameters that a loss asks for, ``{name: period}``."""
    return dict(loss.lagged) if isinstance(loss, BindingLoss) else {}


def refreshed(
    periods: Mapping[str, int], step: Array, params: Params, lagged: Mapping[str, Params]
) -> dict[str, Params]:
    """Return the earlier parameters as of a step: those due at it are copied anew.

    Args:
        periods: as of :func:`lags`.
        step: number of the update that comes.
        params: the member's own parameters.
        lagged: its earlier ones.
    """
    found = {}
    for name, period in periods.items():
        due = step % jnp.int32(period) == 0 if period else jnp.zeros((), bool)
        pick = lambda new, old, due=due: jnp.where(due, new, old)
        found[name] = jax.tree.map(pick, params, lagged[name])
    return found


def bind(
    loss: Loss, model: Model, batch: Batch, lagged: Mapping[str, Params]
) -> tuple[Loss, Batch]:
    """Return what a step's gradient is taken of: a loss, and a batch."""
    if isinstance(loss, BindingLoss):
        return loss.bind(model, batch, lagged)
    return loss, batch


class KnowsChances(Protocol):
    """A task that knows how its targets are drawn."""

    def chances(self, batch: Batch) -> Array:
        """Chance of each class as the target, given what comes before it, (B, ..., V)."""
        ...


def squared_error(model: Model, params: Params, batch: Batch) -> Array:
    """Weighted squared error ``sum_i w_i (y_i - f(x)_i)^2`` of each example.

    Args:
        model: the model.
        params: its parameters.
        batch: inputs (B, ...), targets (B, N), weights (N,), (1, N) or (B, N).

    Returns:
        Loss of each example, (B,).
    """
    outputs, weights = model.apply(params, batch.inputs), batch.weights
    weights = jnp.broadcast_to(weights, outputs.shape)
    if outputs.shape[-1] <= SHORT:
        return jnp.sum(weights * (batch.targets - outputs) ** 2, -1)
    return added(weights.T * (batch.targets.T - outputs.T) ** 2)


def cross_entropy(model: Model, params: Params, batch: Batch) -> Array:
    """Weighted cross-entropy in nats, from margins, so that tiny losses stay exact.

    With margins ``d_v = z_v - z_y`` to the correct class y,
    ``-log p_y = log1p(sum_{v != y} exp(d_v))``; a float32 log-softmax rounds this to
    zero below about 1e-7. Where the sum is large, ``logsumexp`` takes over.

    Args:
        model: gives logits (B, ..., V).
        params: its parameters.
        batch: integer targets (B, ...), weights broadcastable to the targets.

    Returns:
        Mean loss over each example's positions, weighted, (B,). Targets without positions, (B,),
        give each example's loss times its weight.
    """
    logits = model.apply(params, batch.inputs)
    return _over_positions(cross_entropy_from_logits(logits, batch.targets), batch)


@dataclasses.dataclass(frozen=True)
class ExpectedCrossEntropy:
    """Cross-entropy in nats with all that a target could have been: ``-sum_v q_v log p_v``.

    ``q`` is the distribution that a target is drawn from, given what comes before it. This is the
    mean of :func:`cross_entropy` over draws of the targets, and so is its gradient: the same
    network is best, and the noise of the draws is gone. It serves where a task can tell ``q``.

    Args:
        world: the task, with a method ``chances(batch)``; it is asked with the batch it gave.
    """

    world: KnowsChances

    def __call__(self, model: Model, params: Params, batch: Batch) -> Array:
        """Return the mean over each example's positions, weighted, (B,)."""
        logits = model.apply(params, batch.inputs)
        nats = optax.softmax_cross_entropy(logits, self.world.chances(batch))
        return _over_positions(nats, batch)


def _over_positions(nats: Array, batch: Batch) -> Array:
    """Weighted mean over the positions of each example, (B,)."""
    weights = jnp.broadcast_to(batch.weights, nats.shape).astype(nats.dtype)
    axes = tuple(range(1, nats.ndim))
    if not axes:
        return weights * nats
    return jnp.sum(weights * nats, axes) / jnp.maximum(jnp.sum(weights, axes), 1e-9)


def one_hot_error(model: Model, params: Params, batch: Batch) -> Array:
    """Squared error to the one-hot target, ``w mean_v (z_v - [v = y])^2``, of each example.

    Args:
        model: gives outputs (B, V).
        params: its parameters.
        batch: integer targets (B,), weights (B,) or one number.

    Returns:
        Loss of each example, (B,).

    Source:
        The loss of Gromov 2023 (arXiv:2301.02679) on modular addition.
    """
    output_BV = model.apply(params, batch.inputs)
    target_BV = jax.nn.one_hot(batch.targets, output_BV.shape[-1], dtype=output_BV.dtype)
    return batch.weights * jnp.mean((output_BV - target_BV) ** 2, -1)


def cross_entropy_from_logits(logits: Array, targets: Array) -> Array:
    """``-log softmax(logits)[target]`` from margins; logits (..., V), targets (...)."""
    correct = jax.nn.one_hot(targets, logits.shape[-1], dtype=bool)
    picked = jnp.sum(jnp.where(correct, logits, jnp.zeros_like(logits)), -1, keepdims=True)
    margin = jnp.where(correct, -jnp.inf, logits - picked)
    top = jnp.maximum(jnp.max(margin, -1, keepdims=True), 0.0)
    rest = jnp.sum(jnp.exp(margin - top), -1)
    # log(e^0 + sum e^d) = top + log(e^-top + rest); with top = 0 this is log1p(rest).
    top = top[..., 0]
    return top + jnp.log1p(rest + jnp.expm1(-top))
