"""Points to judge networks on: training examples and fresh ones, losses and errors."""

from typing import Any, NamedTuple

import jax.numpy as jnp
from jax import Array

from toylab.losses import cross_entropy_from_logits
from toylab.models.mlp import MLP
from toylab.taps import Params

from .blobs import TEST, Blobs


class Points(NamedTuple):
    """Examples to judge on: losses by labels, of which some are wrong, errors by clean ones."""

    inputs: Any
    targets: Any
    clean: Any

    def logits(self, model: MLP, params: Params) -> Array:
        """Outputs of a network, in the arithmetic of its parameters."""
        kind = params["layers"]["0"]["kernel"].dtype
        return model.apply(params, jnp.asarray(self.inputs, kind))

    def loss(self, logits_BV: Array) -> Array:
        """Mean cross-entropy of outputs."""
        return jnp.mean(cross_entropy_from_logits(logits_BV, jnp.asarray(self.targets)))


class Exam(NamedTuple):
    """Training examples, and fresh ones of the same law."""

    train: Points
    test: Points


def draw_exam(task: Blobs, size: int) -> Exam:
    """Return as many of the examples as fresh ones, with wrong labels among both.

    Args:
        task: the world.
        size: of each part, at most that of the set of examples.
    """
    batches = (task.enumerate(), task.draw(size, TEST, task.noise))
    columns = ((batch.inputs, batch.targets, batch.latents["clean"]) for batch in batches)
    return Exam(*(Points(*(column[:size] for column in own)) for own in columns))


def loss_of(model: MLP, params: Params, points: Points) -> tuple[Array, Array]:
    """Mean cross-entropy and share of errors of a network."""
    logits_BV, clean_B = points.logits(model, params), jnp.asarray(points.clean)
    wrong_B = logits_BV.argmax(-1).astype(clean_B.dtype) != clean_B
    return points.loss(logits_BV), jnp.mean(wrong_B)


def judged(model: MLP, params: Params, exam: Exam) -> dict[str, Array]:
    """Losses and errors of a network on both parts."""
    found = {}
    for name, points in exam._asdict().items():
        found[f"{name}_loss"], found[f"{name}_error"] = loss_of(model, params, points)
    return found
