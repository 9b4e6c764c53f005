"""What lies on the lines between the networks of a pair: losses, errors, layers, curvature.

Shape suffixes: N networks, T points of a line, G of a quadrature, B examples.
"""

from typing import Any

import jax
import numpy as np
from jax import Array

from toylab.analysis.landscape.lines import at_networks, on_lines
from toylab.analysis.landscape.path import barrier, bend, between, green
from toylab.analysis.matching.layers import Params, averaged_layers
from toylab.analysis.matching.match import distance
from toylab.analysis.matching.pairs import Pair
from toylab.models.mlp import MLP
from toylab.tasks.mode_connectivity.exam import Exam, Points, judged, loss_of

SOME = ("none", "weights")  # orders of units that everything is asked of
BENDS = ("t", "weight", "total", "newton")
NODES = 24  # of the quadrature, on each side of the middle
Line = dict[str, np.ndarray]


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


def _bent(model: MLP, both: Params, data: tuple[Array, Points]) -> tuple[Array, Array]:
    (a, b), (t_G, points) = both, data
    outputs = lambda params: points.logits(model, params)
    return jax.lax.map(lambda t: bend(outputs, points.loss, a, b, t), t_G)


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
        found = at_networks(_bent, model, [(a, b)], (t_G, exam.train))
        about = {"matching": name, "middle": float(loss_N[2] - loss_N[:2].mean())}
        columns = zip(t_G, weight_G, *(own[0] for own in found), strict=True)
        rows += [about | dict(zip(BENDS, column, strict=True)) for column in columns]
    return rows
