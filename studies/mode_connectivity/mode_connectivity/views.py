"""The plane through two networks and the second one matched, and runs on the ridge."""

import jax
import jax.numpy as jnp
import numpy as np
import polars as pl

from toylab.analysis.landscape.lines import stack
from toylab.analysis.landscape.path import along, barrier
from toylab.analysis.landscape.plane import on_plane
from toylab.analysis.matching.pairs import ORDERS, Pair
from toylab.models.mlp import MLP
from toylab.random import stream
from toylab.tasks.mode_connectivity import ridge

from .lines import Exam, lines, loss_of

SHOWN = 12  # pairs of runs that are drawn
STEPS = 400  # of a run on the ridge


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


def ridge_table(seeds: int, runs: int, shared: tuple[int, ...]) -> pl.DataFrame:
    """Mean barrier between the ends of pairs of runs, with the law's; one row per seed and fork."""
    line = jax.jit(jax.vmap(lambda w_22: along(ridge.height, w_22[0], w_22[1])))
    rows = []
    for seed in range(seeds):
        for n in shared:
            path = ridge.descend(stream(seed, f"ridge {n}"), jnp.int32(n), runs, STEPS)
            found = float(barrier(line(path[:, :, -1])).mean())
            law = float(ridge.BETWEEN * ridge.chance_apart(n))
            rows.append({"init_seed": seed, "shared": n, "barrier": found, "law": law})
    return pl.DataFrame(rows)


def descents(shared: tuple[int, ...]) -> np.ndarray:
    """Return some runs that share the fewest and the most steps, (2, SHOWN, 2, STEPS + 1, 2)."""
    run = lambda n: ridge.descend(stream(0, "shown"), jnp.int32(n), SHOWN, STEPS)
    return np.stack([np.asarray(run(n)) for n in (min(shared), max(shared))])
