"""What lies on the lines between the networks of a pair: losses, errors, layers, curvature.

Shape suffixes: N networks, T points of a line, G of a quadrature, B examples.
"""

import functools
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from toylab.analysis.landscape.lines import at_networks, on_lines, stack
from toylab.analysis.landscape.path import barrier, bend, between, green
from toylab.analysis.matching.layers import Params, averaged_layers
from toylab.analysis.matching.match import distance
from toylab.analysis.matching.pairs import Pair
from toylab.losses import cross_entropy_from_logits
from toylab.models.mlp import MLP

SOME = ("none", "weights")  # orders of units that everything is asked of
BENDS = ("t", "weight", "total", "newton")
NODES = 24  # of the quadrature, on each side of the middle
Line = dict[str, np.ndarray]


class Points(NamedTuple):
    """Examples to judge on: losses by labels, of which some are wrong, errors by clean ones."""

    inputs: Any
    targets: Any
    clean: Any


class Exam(NamedTuple):
    """Training examples, and fresh ones of the same law."""

    train: Points
    test: Points


def logits_of(model: MLP, params: Params, points: Points) -> Array:
    """Outputs of a network, in the arithmetic of its parameters."""
    kind = params["layers"]["0"]["kernel"].dtype
    return model.apply(params, jnp.asarray(points.inputs, kind))


def loss_of(model: MLP, params: Params, points: Points) -> tuple[Array, Array]:
    """Mean cross-entropy and share of errors of a network."""
    logits_BV, clean_B = logits_of(model, params, points), jnp.asarray(points.clean)
    loss = jnp.mean(cross_entropy_from_logits(logits_BV, jnp.asarray(points.targets)))
    return loss, jnp.mean(logits_BV.argmax(-1).astype(clean_B.dtype) != clean_B)


def judged(model: MLP, params: Params, exam: Exam) -> dict[str, Array]:
    """Losses and errors of a network."""
    found = {}
    for name, points in exam._asdict().items():
        found[f"{name}_loss"], found[f"{name}_error"] = loss_of(model, params, points)
    return found


def lines(model: MLP, pairs: list[Pair], exam: Exam) -> list[dict[str, Line]]:
    """Return per pair and order the losses and errors along the line; none of a diverged pair."""
    both = [(pair.a, b) for pair in pairs for b in pair.others.values()]
    found = iter(on_lines(judged, model, [a for a, _ in both], [b for _, b in both], exam))
    return [{name: next(found) for name in pair.others} for pair in pairs]


def summary(pair: Pair, name: str, line: Line) -> dict[str, float]:
    """Barriers of a line, accuracy and loss of its ends, the distance."""
    found = {quantity: float(barrier(value)) for quantity, value in line.items()}
    found["accuracy"] = 1 - float(line["test_error"][[0, -1]].mean())
    found["ends"] = float(line["test_loss"][[0, -1]].mean())
    return found | {"distance": distance(pair.a, pair.others[name])}


def layer_rows(model: MLP, pair: Pair, exam: Exam) -> list[dict[str, Any]]:
    """Barrier of averaging one layer alone, with the rest from either network, and of all layers.

    ``L(layer averaged) - (L(a) + L(b)) / 2``, the mean over the two rests, on test points: as the
    code of Adilova et al. evaluates it.
    """
    rows = []
    if not pair.others:
        return [{"matching": name, "layer": i} for name in SOME for i in range(model.depth)]
    for name in SOME:
        a, b = pair.a, pair.others[name]
        networks = [a, b, between(a, b, 0.5), *averaged_layers(a, b)]
        loss_N = at_networks(loss_of, model, networks, exam.test)[0]
        above = loss_N[2:] - loss_N[:2].mean()
        for layer, own in enumerate(above[1:].reshape(-1, 2).mean(1)):
            rows.append({"matching": name, "whole": above[0], "layer": layer, "barrier": own})
    return rows


@functools.partial(jax.jit, static_argnums=0)
def _bends(model: MLP, both: Params, t_G: Array, points: Points) -> tuple[Array, Array]:
    a, b = (jax.tree.map(lambda leaf, i=i: leaf[i], both) for i in range(2))
    loss = lambda logits_BV: jnp.mean(cross_entropy_from_logits(logits_BV, points.targets))
    outputs = lambda params: logits_of(model, params, points)
    return jax.lax.map(lambda t: bend(outputs, loss, a, b, t), t_G)


def bend_rows(model: MLP, pair: Pair, exam: Exam) -> list[dict[str, Any]]:
    """Curvature of the training loss along a line, with Green's weights; both ends have weight 0.

    ``middle`` is the barrier halfway, measured.
    """
    t_G, weight_G = (np.append(own, [0.0, 1.0]) for own in green(nodes=NODES))
    weight_G[-2:] = 0
    rows = []
    if not pair.others:
        return [{"matching": name, "t": t} for name in SOME for t in t_G]
    for name in SOME:
        a, b = pair.a, pair.others[name]
        loss_N = at_networks(loss_of, model, [a, b, between(a, b, 0.5)], exam.train)[0]
        with jax.enable_x64(True):
            found = _bends(model, stack([a, b]), jnp.asarray(t_G), exam.train)
        about = {"matching": name, "middle": float(loss_N[2] - loss_N[:2].mean())}
        columns = zip(t_G, weight_G, *map(np.asarray, found), strict=True)
        rows += [about | dict(zip(BENDS, column, strict=True)) for column in columns]
    return rows
