"""How networks of the family are trained, and tables of them."""

from typing import Any

import numpy as np
import polars as pl

from toylab.optim import AdamW, cosine
from toylab.read import SEED, Reading, Rows
from toylab.runs.run_folder import RunFolder

DECAY = 0.01  # of Torch's AdamW, which the code of Elhage et al. takes as it is


def annealed(rate: float, steps: int, decay: float = DECAY, warmup: int = 0) -> dict[str, Any]:
    """Settings of a population that Adam trains at a rate that falls as half a cosine.

    Its untrained weights are kept.
    """
    schedule = cosine(steps, warmup=warmup)
    return dict(optimizer=AdamW(rate, decay, schedule=schedule), steps=steps, snapshots=(0,))


def sweep(points: int) -> np.ndarray:
    """Densities ``20^(-t)``, t from 0 to 1: those of the notebook of Elhage et al."""
    return 20.0 ** -np.linspace(0, 1, points)


def networks(run: RunFolder, population: str) -> pl.DataFrame:
    """Members of a population, and in ``diverged`` which of them did."""
    return run.members(population).with_columns(diverged=run.dead_at(population) >= 0)


def entries(members: pl.DataFrame, name: str, **columns: np.ndarray) -> pl.DataFrame:
    """One row per network and entry, such as a feature.

    Args:
        members: the P networks.
        name: column of the entries' numbers, from 0.
        **columns: (P, N), one value per network and entry.
    """
    p, n = next(iter(columns.values())).shape
    places = {"member": np.repeat(members["member"], n), name: np.tile(np.arange(n), p)}
    values = {column: np.asarray(value).reshape(-1) for column, value in columns.items()}
    return members.join(pl.DataFrame(places | values), on="member", maintain_order="left_right")


def lowest(rows: pl.DataFrame, *by: str, loss: str = "loss") -> pl.DataFrame:
    """The network of lowest loss of every group; a diverged one where all are.

    Args:
        rows: networks, with a column ``diverged``.
        *by: columns that name a group.
        loss: column to compare.
    """
    # A compiled maximum may drop a NaN, so a diverged network may have a finite loss.
    ranked = rows.sort("diverged", loss, nulls_last=True, maintain_order=True)
    return ranked.group_by(*by, maintain_order=True).first().sort(*by)


def trend(rows: Rows, value: pl.Expr, unit: str = SEED) -> Reading:
    """Spearman's correlation of a value of the networks with density; 0 where it never moves.

    Args:
        rows: of one unit the networks of all densities.
        value: a number per network, from its rows.
        unit: column that names a unit.
    """

    def correlation(own: pl.DataFrame) -> float | None:
        models = own.group_by("density").agg(value.cast(pl.Float64).alias("value")).sort("density")
        if models["value"].null_count():
            return None
        moves = models["value"].n_unique() > 1
        return models.select(pl.corr("density", "value", method="spearman")).item() if moves else 0

    return rows.each(correlation, unit)
