"""The plane through two networks and the second one matched."""

import jax
import numpy as np

from toylab.analysis.landscape.lines import stack
from toylab.analysis.landscape.plane import on_plane
from toylab.analysis.matching.pairs import ORDERS, Pair
from toylab.models.mlp import MLP
from toylab.tasks.mode_connectivity.exam import Exam, loss_of

from .lines import lines


def plane(model: MLP, pair: Pair, exam: Exam, side: int) -> dict[str, np.ndarray]:
    """Return the test loss on the plane through a network, another, and that one matched.

    Returns:
        The entries of :class:`toylab.analysis.landscape.plane.Plane`, and ``profiles``, the loss
        along the lines of the pair in each order of units; of a diverged pair NaN.
    """
    names = ("plane", "plane_x", "plane_y", "corners", "profiles")
    if not pair.others:
        shapes = ((side, side), (side,), (side,), (3, 2), (len(ORDERS), 3))
        return {name: np.full(shape, np.nan) for name, shape in zip(names, shapes, strict=True)}
    with jax.enable_x64(True):
        three = stack([pair.a, pair.others["none"], pair.others["weights"]])
        each = [jax.tree.map(lambda leaf, i=i: leaf[i], three) for i in range(3)]
        found = on_plane(lambda params: loss_of(model, params, exam.test)[0], *each, side=side)
    (line,) = lines(model, [pair], exam)
    profiles = np.stack([line[name]["test_loss"] for name in ORDERS])
    return dict(zip(names, (*found, profiles), strict=True))
