"""World and measures of the study ``superposition_structure``.

Shapes: P members, M hidden dimensions, N features. Columns of W_PMN are feature directions.
"""

import dataclasses
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import polars as pl
from jax import Array
from jaxtyping import Float, Int

from tasks.sparse import Sparse, first
from toylab.errors import check_number
from toylab.losses import squared_error
from toylab.members import SEEDS
from toylab.population import Population
from toylab.random import stream
from toylab.taps import Params
from toylab.task import Batch, Number, Task

KEPT = 0.5  # a feature of norm above this counts as kept; one of a collapsed pair has 1/sqrt(2)
COLLAPSED = 0.9  # cosine above which a pair counts as one direction
ANTIPODAL = -0.95  # cosine below which two features count as a digon


@dataclasses.dataclass(frozen=True)
class OneOf(Task):
    """One of several worlds of one shape, so that members of one population can live in each.

    Attributes:
        worlds: the worlds.
        which: place of this one among them, from 0.
        density: replaces the density of every world.
    """

    worlds: tuple[Sparse, ...]
    which: Number = 0
    density: Number = 1.0

    def __post_init__(self) -> None:
        check_number("OneOf", "which", self.which, low=0, high=len(self.worlds) - 1)
        check_number("OneOf", "density", self.density, above=0.0, high=1.0)

    def example(self, key: Array) -> Batch:
        """Draw one example."""
        return first(self.batch(key, 1))

    def batch(self, key: Array, size: int) -> Batch:
        """Draw ``size`` examples from every world and keep those of this one."""
        which = jnp.asarray(self.which, jnp.float32)
        worlds = [dataclasses.replace(w, density=self.density) for w in self.worlds]
        chosen, *others = [world.batch(key, size) for world in worlds]
        for i, other in enumerate(others, start=1):
            # A loop variable would be read too late in the lambda.
            keep = lambda old, new, here=which == i: jnp.where(here, new, old)
            chosen = jax.tree.map(keep, chosen, other)
        return chosen


def held_out_loss(
    population: Population, params: Params, fits: int, size: int
) -> Float[np.ndarray, " P"]:
    """Loss of trained members on fresh examples, of which all members see the same draws.

    Args:
        population: members ordered by setting; every setting has the same number of ``fits``.
        params: trained parameters, leading axis P.
        fits: members of one setting.
        size: examples.
    """
    key = stream(0, "held out")
    by_setting = lambda x: jnp.asarray(x, jnp.float32).reshape(-1, fits, *x.shape[1:])
    columns = {
        name: by_setting(column)[:, 0]
        for name, column in population.members.columns.items()
        if name not in SEEDS
    }

    def setting(row_and_params: tuple[Any, Any]) -> Array:
        row, params_F = row_and_params
        batch = population.bind(row).task.batch(key, size)
        one = lambda params: jnp.mean(squared_error(population.model, params, batch))
        return jax.lax.map(one, params_F)

    all_settings = jax.jit(lambda rows, params: jax.lax.map(setting, (rows, params)))
    return np.asarray(all_settings(columns, jax.tree.map(by_setting, params))).ravel()


def cosines(W_PMN: Float[np.ndarray, "P M N"]) -> Float[np.ndarray, "P N N"]:
    """Cosine between every two features."""
    unit_PMN = W_PMN / np.maximum(np.linalg.norm(W_PMN, axis=1, keepdims=True), 1e-6)
    return np.einsum("pmi,pmj->pij", unit_PMN, unit_PMN)


def circle(
    W_P2N: Float[np.ndarray, "P 2 N"],
) -> tuple[Int[np.ndarray, "P N"], Float[np.ndarray, "P N"]]:
    """Order of the features round the circle, and the gap after each in that order, in degrees."""
    angle_PN = np.degrees(np.arctan2(W_P2N[:, 1], W_P2N[:, 0]))
    order_PN = np.argsort(angle_PN, axis=1)
    sorted_PN = np.take_along_axis(angle_PN, order_PN, 1)
    gap_PN = np.diff(sorted_PN, axis=1, append=sorted_PN[:, :1] + 360)
    return order_PN, gap_PN


def gap_error(W_P2N: Float[np.ndarray, "P 2 N"]) -> Float[np.ndarray, " P"]:
    """Greatest distance of a gap from that of the regular polygon, in degrees."""
    _, gap_PN = circle(W_P2N)
    return np.abs(gap_PN - 360 / gap_PN.shape[1]).max(1)


def nonuniform(W_P2N: Float[np.ndarray, "P 2 N"]) -> dict[str, np.ndarray]:
    """Shape of five features of which the last has its own density.

    Returns:
        ``norm`` of the last feature; ``neighbour_angle``, half the angle between its two
        neighbours; ``gap_error``; ``kind``: pentagon (all kept), digons (the last not kept, the
        others antipodal in twos) or other.
    """
    norm_PN = np.linalg.norm(W_P2N, axis=1)
    order_PN, gap_PN = circle(W_P2N)
    place_P = np.argmax(order_PN == W_P2N.shape[2] - 1, axis=1)
    rows_P = np.arange(len(W_P2N))
    neighbour_P = (gap_PN[rows_P, place_P] + gap_PN[rows_P, place_P - 1]) / 2
    others_P = (norm_PN[:, :-1] > KEPT).all(1)
    nearest_PN = cosines(W_P2N[:, :, :-1]).min(-1)
    digons_P = others_P & (norm_PN[:, -1] <= KEPT) & (nearest_PN < ANTIPODAL).all(1)
    kind_P = np.where(digons_P, "digons", "other")
    return {
        "norm": norm_PN[:, -1],
        "neighbour_angle": neighbour_P,
        "gap_error": gap_error(W_P2N),
        "kind": np.where((norm_PN > KEPT).all(1), "pentagon", kind_P),
    }


def pairs(W_PMN: Float[np.ndarray, "P M N"]) -> dict[str, np.ndarray]:
    """Cosines within the pairs (0, 1), (2, 3): the greatest size and the greatest value."""
    cosine_PNN = cosines(W_PMN)
    within_PK = cosine_PNN[:, 0::2, 1::2].diagonal(axis1=1, axis2=2)
    return {"largest_size": np.abs(within_PK).max(1), "largest": within_PK.max(1)}


def collapse(W_P2N: Float[np.ndarray, "P 2 N"]) -> dict[str, np.ndarray]:
    """Where pairs of features stand between their principal component and superposition.

    Returns:
        ``collapsed``: pairs kept as one direction; ``kept``: pairs with a kept feature;
        ``sum_share``: share of ||W||^2 that reads the pairs' sums, 1 for principal components of
        correlated pairs and 1/2 for random directions; ``side_by_side``: whether every feature is
        kept and next to its partner round the circle; ``gap_error``.
    """
    norm_PN = np.linalg.norm(W_P2N, axis=1)
    within_PK = cosines(W_P2N)[:, 0::2, 1::2].diagonal(axis1=1, axis2=2)
    kept_PK = (norm_PN[:, 0::2] > KEPT) | (norm_PN[:, 1::2] > KEPT)
    both_PK = (norm_PN[:, 0::2] > KEPT) & (norm_PN[:, 1::2] > KEPT)
    sum_P = ((W_P2N[:, :, 0::2] + W_P2N[:, :, 1::2]) ** 2).sum((1, 2)) / 2
    order_PN, _ = circle(W_P2N)
    pair_PN = order_PN // 2
    # Each pair adjacent: round the circle the pair changes only as often as there are pairs.
    changes_P = (pair_PN != np.roll(pair_PN, 1, axis=1)).sum(1)
    return {
        "collapsed": ((within_PK > COLLAPSED) & both_PK).sum(1).astype(np.float64),
        "kept": kept_PK.sum(1).astype(np.float64),
        "sum_share": sum_P / np.maximum((norm_PN**2).sum(1), 1e-12),
        "side_by_side": ((norm_PN > KEPT).all(1) & (changes_P == within_PK.shape[1])).astype(
            float
        ),
        "gap_error": gap_error(W_P2N),
    }


def bases(W_PMN: Float[np.ndarray, "P M N"], groups: int = 2) -> dict[str, np.ndarray]:
    """Overlap of features within and across sets.

    Returns:
        ``within``, ``across``: mean over features of the greatest |cosine| to a feature of the
        same set, and of another; ``within_share``: share within sets of the squared overlaps
        (W_i . W_j)^2, i != j.
    """
    n = W_PMN.shape[2]
    set_N = np.arange(n) // (n // groups)
    same_NN = (set_N[:, None] == set_N) & ~np.eye(n, dtype=bool)
    other_NN = set_N[:, None] != set_N
    size_PNN = np.abs(cosines(W_PMN))
    square_PNN = np.einsum("pmi,pmj->pij", W_PMN, W_PMN) ** 2
    within_P = (square_PNN * same_NN).sum((1, 2))
    return {
        "within": (size_PNN * same_NN).max(-1).mean(-1),
        "across": (size_PNN * other_NN).max(-1).mean(-1),
        "within_share": within_P / (within_P + (square_PNN * other_NN).sum((1, 2))),
    }


def lowest(table: pl.DataFrame, *by: str) -> pl.DataFrame:
    """The member of lowest loss of every group of rows, in order."""
    return table.sort("loss").group_by(*by, maintain_order=True).first().sort(*by)


def near_lowest(table: pl.DataFrame, *by: str, tolerance: float = 0.1) -> pl.DataFrame:
    """Members whose loss is within ``tolerance`` (relative) of the lowest of their group."""
    return table.filter(pl.col("loss") <= (1 + tolerance) * pl.col("loss").min().over(*by))


def snap(best: pl.DataFrame) -> np.ndarray:
    """Relative density between the last digons and the next solution, per group; NaN for none."""
    found = []
    for _, rows in best.sort("ratio").group_by("group", maintain_order=True):
        ratio, digons = rows["ratio"].to_numpy(), np.flatnonzero(rows["kind"] == "digons")
        inside = len(digons) and digons[-1] + 1 < len(ratio)
        found.append((ratio[digons[-1]] + ratio[digons[-1] + 1]) / 2 if inside else np.nan)
    return np.array(found)


def crossing(table: pl.DataFrame) -> np.ndarray:
    """Relative density where the best pentagon and the best digons cost the same, per group.

    Interpolated between the last ratio at which digons cost less and the next with both.
    """
    best = lowest(table.filter(pl.col("kind") != "other"), "group", "ratio", "kind")
    wide = best.pivot("kind", index=["group", "ratio"], values="loss").sort("group", "ratio")
    found = []
    for group in table["group"].unique().sort():
        rows = wide.filter(pl.col("group") == group)
        names = {"pentagon", "digons"} & set(rows.columns)
        rows = rows.drop_nulls() if len(names) == 2 else rows.clear()
        ratio = rows["ratio"].to_numpy()
        gap = (rows["pentagon"] - rows["digons"]).to_numpy() if len(rows) else np.zeros(0)
        last = np.flatnonzero(gap > 0)
        if len(last) == 0 or last[-1] + 1 == len(ratio):
            found.append(np.nan)
            continue
        i = last[-1]
        found.append(ratio[i] + (ratio[i + 1] - ratio[i]) * gap[i] / (gap[i] - gap[i + 1]))
    return np.array(found)


def per_group(table: pl.DataFrame, value: pl.Expr) -> np.ndarray:
    """One value per group, in order."""
    return table.group_by("group").agg(value.alias("v")).sort("group")["v"].to_numpy()
