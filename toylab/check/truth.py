"""Rules of ground truth: latents, weights, complete lists of examples, reference losses.

Each rule takes :class:`toylab.check.parts.Draws`, and raises ``Broken`` or returns a remark.
"""

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from toylab.check.parts import SIZE, Draws, among, need, shapes
from toylab.task import Task


def latents_consistent(draws: Draws) -> str | None:
    """The task's own test of its latents passes on every example."""
    task, batch = draws.task, draws.batch(draws.keys[3])
    rows = len(batch.inputs)
    told = np.asarray(task.consistent(batch))
    need(told.shape == (rows,), f"consistent() has shape {told.shape}, expected ({rows},)")
    need(bool(told.all()), f"{rows - int(told.sum())} of {rows} examples have other latents")
    if type(task).consistent is Task.consistent:
        return "consistent() is not given: nothing compared"
    if not batch.latents:
        return "no latents"
    rolled = {name: np.roll(np.asarray(leaf), 1, 0) for name, leaf in batch.latents.items()}
    noticed = not np.asarray(task.consistent(batch._replace(latents=rolled))).all()
    return "notices another example's" if noticed else "would not notice another example's"


def weights_broadcast(draws: Draws) -> str | None:
    """Weights broadcast to the targets, are finite, not negative and not all zero."""
    for batch in (draws.eager_example, draws.batch(draws.keys[0])):
        weights, shape = np.asarray(batch.weights), np.shape(batch.targets)
        try:
            wide = np.broadcast_shapes(weights.shape, shape)
        except ValueError:
            wide = None
        need(wide == shape, f"weights {weights.shape} do not broadcast to targets {shape}")
        fine = np.isfinite(weights).all() and (weights >= 0).all() and (weights > 0).any()
        need(bool(fine), "weights must be finite, not negative and not all zero")


def enumeration(draws: Draws) -> str | None:
    """A finite task's list of examples holds every sampled one."""
    whole = draws.whole
    if whole is None:
        return "infinite"
    listed, count = shapes(whole), len(whole.inputs)
    for name, (shape, dtype) in shapes(draws.eager_example).items():
        if name != "weights":
            wanted = ((count, *shape), dtype)
            need(listed.get(name) == wanted, f"{name} is {listed.get(name)}, expected {wanted}")
    told = np.asarray(draws.task.consistent(whole))
    need(bool(told.all()), f"{count - int(told.sum())} of {count} have other latents")
    drawn = np.asarray(draws.examples.inputs)
    lost = SIZE - int(among(drawn, np.asarray(whole.inputs)).sum())
    need(lost == 0, f"{lost} of {SIZE} sampled inputs are not among the {count}")
    return f"{count} examples"


def split_disjoint(draws: Draws) -> str | None:
    """No input stands in two parts of the task's split."""
    split = getattr(draws.task, "split", None)
    if split is None:
        return "no split"
    parts: Any = split() if callable(split) else split
    batches = list(parts.values()) if isinstance(parts, Mapping) else list(parts)
    need(len(batches) >= 2, f"split() gives {len(batches)} part")
    for i, left in enumerate(batches):
        for right in batches[i + 1 :]:
            shared = int(among(np.asarray(left.inputs), np.asarray(right.inputs)).sum())
            need(shared == 0, f"{shared} inputs of one part are also in another")
    return " + ".join(str(len(batch.inputs)) for batch in batches) + " examples"


def losses_ordered(draws: Draws) -> str | None:
    """Finite reference losses, the best predictor's not above the ignorant one's."""
    bayes, uniform = draws.task.bayes_loss(), draws.task.uniform_loss()
    for name, loss in (("bayes_loss", bayes), ("uniform_loss", uniform)):
        need(loss is None or math.isfinite(loss), f"{name}() is {loss}")
    if bayes is None or uniform is None:
        return f"bayes {bayes}, uniform {uniform}"
    need(bayes <= uniform, f"bayes_loss {bayes:.6g} > uniform_loss {uniform:.6g}")
    return f"bayes {bayes:.6g} <= uniform {uniform:.6g}"
