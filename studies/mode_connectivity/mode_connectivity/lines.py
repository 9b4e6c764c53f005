"""What lies between the networks of pairs: lines, single layers, curvature, and a plane.

Shape suffixes: N pairs, M orders of units, K networks, T points of a line, L layers, G points of a
quadrature.
"""

from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
import polars as pl
from jax import Array

from toylab.analysis.landscape.lines import at_pairs, on_lines, pair_table
from toylab.analysis.landscape.path import barrier, bend, between, green
from toylab.analysis.landscape.plane import on_plane
from toylab.analysis.matching.layers import Params, averaged_layers
from toylab.analysis.matching.match import distance
from toylab.analysis.matching.pairs import Pair
from toylab.models.mlp import MLP
from toylab.tasks.mode_connectivity.exam import Exam, Points, judged, loss_of

SOME = ("none", "weights")  # orders of units that everything is asked of
NODES = 24  # of the quadrature, on each side of the middle
Line = dict[str, np.ndarray]


def lines(model: MLP, pairs: list[Pair], exam: Exam) -> tuple[pl.DataFrame, Line]:
    """Return barriers of all lines with accuracy and distance of their ends, and the lines."""
    line_NMT = on_lines(judged, model, pairs, exam)
    barriers = {quantity: barrier(value) for quantity, value in line_NMT.items()}
    accuracy_NM = 1 - line_NMT["test_error"][..., [0, -1]].mean(-1)
    apart = [[distance(pair.a, b) for b in pair.others.values()] for pair in pairs]
    lost = [np.nan] * len(pairs[0].names)
    distance_NM = np.array([own or lost for own in apart])
    table = pair_table(pairs, {}, **barriers, accuracy=accuracy_NM, distance=distance_NM)
    return table, line_NMT


def halfway(
    model: MLP,
    pairs: list[Pair],
    points: Points,
    more: Callable[[Params, Params], list[Params]] = lambda a, b: [],
) -> np.ndarray:
    """Loss halfway, and of further networks, above the mean of the ends: (N, M, K)."""
    networks = lambda a, b: [a, b, between(a, b, 0.5), *more(a, b)]
    loss_NMK = at_pairs(loss_of, model, pairs, points, networks)[0]
    return loss_NMK[..., 2:] - loss_NMK[..., :2].mean(-1, keepdims=True)


def layers(model: MLP, pairs: list[Pair], exam: Exam) -> pl.DataFrame:
    """Barrier of averaging one layer alone, with the rest from either network, and of all layers.

    ``L(layer averaged) - (L(a) + L(b)) / 2``, the mean over the two rests, on test points: as the
    code of Adilova et al. evaluates it.
    """
    above_NMK = halfway(model, pairs, exam.test, averaged_layers)
    single_NML = above_NMK[..., 1:].reshape(*above_NMK.shape[:2], model.depth, 2).mean(-1)
    return pair_table(pairs, {"layer": None}, whole=above_NMK[..., :1], barrier=single_NML)


def _bent(model: MLP, both: Params, data: tuple[Array, Points]) -> Array:
    (a, b), (t_G, points) = both, data
    outputs = lambda params: points.logits(model, params)
    return jax.lax.map(lambda t: bend(outputs, points.loss, a, b, t)[0], t_G)


def bends(model: MLP, pairs: list[Pair], exam: Exam) -> pl.DataFrame:
    """Curvature of the training loss along a line, with Green's weights; both ends have weight 0.

    ``middle`` is the barrier halfway, measured.
    """
    t_G, weight_G = (np.append(own, [0.0, 1.0]) for own in green(nodes=NODES))
    weight_G[-2:] = 0
    total_NMG = at_pairs(_bent, model, pairs, (t_G, exam.train))[:, :, 0]
    middle_NM1 = halfway(model, pairs, exam.train)
    return pair_table(pairs, {"t": t_G}, weight=weight_G, total=total_NMG, middle=middle_NM1)


def plane(model: MLP, pairs: list[Pair], line_NMT: Line, exam: Exam, side: int) -> Line:
    """Return the test loss on the plane through a network, another, and that one matched.

    Returns:
        The entries of :class:`toylab.analysis.landscape.plane.Plane`, and ``profiles``, the loss
        along the lines of the pair in each order of units; of a diverged pair NaN.
    """
    names = ("plane", "plane_x", "plane_y", "corners")
    shown = next((i for i, pair in enumerate(pairs) if pair.others), 0)
    pair, profiles = pairs[shown], {"profiles": line_NMT["test_loss"][shown]}
    if not pair.others:
        shapes = ((side, side), (side,), (side,), (3, 2))
        found = [np.full(shape, np.nan) for shape in shapes]
        return dict(zip(names, found, strict=True)) | profiles
    with jax.enable_x64(True):
        doubled = lambda tree: jax.tree.map(lambda leaf: jnp.asarray(leaf, jnp.float64), tree)
        three = map(doubled, (pair.a, pair.others["none"], pair.others["weights"]))
        found = on_plane(lambda params: loss_of(model, params, exam.test)[0], *three, side=side)
    return dict(zip(names, found, strict=True)) | profiles
