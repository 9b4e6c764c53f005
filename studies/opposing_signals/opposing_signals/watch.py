"""What is recorded of two-layer linear networks in training, and the loss that they descend.

Shape suffixes: D inputs, H hidden units.
"""

from jax import Array

from toylab.taps import Model, Params
from toylab.task import Task
from toylab.tasks.opposing_signals import linear
from toylab.tasks.opposing_signals.opposing_signals import OpposingSignals


def end_to_end(params: Params) -> Array:
    """The network's response to each input, b (D,)."""
    layers = params["layers"]
    return (layers["0"]["kernel"] @ layers["1"]["kernel"])[:, 0]


def sample_loss(params: Params, known: linear.Moments) -> Array:
    """The loss on the sample that has these moments."""
    return linear.loss(known, end_to_end(params))


def path(model: Model, params: Params, task: Task) -> dict[str, Array]:
    """Entries of b, ``b000`` and on."""
    return {f"b{i:03d}": value for i, value in enumerate(end_to_end(params))}


def whole_loss(model: Model, params: Params, task: Task) -> dict[str, Array]:
    """The loss on the whole sample."""
    assert isinstance(task, OpposingSignals)
    return {"whole": sample_loss(params, linear.moments(task.enumerate()))}
