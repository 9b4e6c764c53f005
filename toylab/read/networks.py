"""Tables of networks: a row for each or for each entry, the best of a group, and trends."""

import dataclasses
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from toylab.members import zipped
from toylab.read.expressions import Reading
from toylab.read.rows import Rows
from toylab.read.values import DIVERGED, SEED

if TYPE_CHECKING:
    from toylab.population import Population
    from toylab.runs.run_folder import RunFolder


def networks(run: "RunFolder", population: str) -> pl.DataFrame:
    """Members of a population, and in ``diverged`` which of them did."""
    return run.members(population).with_columns(pl.Series(DIVERGED, run.dead_at(population) >= 0))


def as_trained(run: "RunFolder", name: str, population: "Population") -> "Population":
    """A study's population with the members that the run trained: fresh seeds are fresh worlds."""
    columns = run.members(name).drop("member").to_dict(as_series=False)
    return dataclasses.replace(population, members=zipped(**columns))


def entries(members: pl.DataFrame, name: str, **columns: np.ndarray) -> pl.DataFrame:
    """One row per network and entry, such as a feature.

    Args:
        members: the P networks.
        name: column of the entries' numbers, from 0.
        **columns: (P, N), one value per network and entry.

    Example:
        >>> members = pl.DataFrame({"member": [0, 1], "init_seed": [7, 8]})
        >>> entries(members, "feature", norm=np.ones((2, 3))).shape
        (6, 4)
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

    Example:
        >>> rows = pl.DataFrame({"group": [0, 0], "loss": [0.2, 0.1], "diverged": [False, True]})
        >>> lowest(rows, "group")["loss"].item()
        0.2
    """
    # A compiled maximum may drop a NaN, so a diverged network may have a finite loss.
    ranked = rows.sort(DIVERGED, loss, nulls_last=True, maintain_order=True)
    return ranked.group_by(*by, maintain_order=True).first().sort(*by)


def trend(rows: Rows, value: pl.Expr, x: str, unit: str = SEED) -> Reading:
    """Spearman's correlation of a value of networks with a setting; 0 where it never moves.

    Args:
        rows: of one unit the networks of all settings.
        value: a number per network, from its rows.
        x: column of the setting.
        unit: column that names a unit.

    Example:
        >>> from toylab.read import table
        >>> ends = pl.DataFrame({"init_seed": [0, 0, 0], "rate": [1, 2, 3], "loss": [9, 4, 5]})
        >>> trend(table("ends"), pl.col("loss").mean(), "rate")({"ends": ends}).array()
        array([-0.5])
    """

    def correlation(own: pl.DataFrame) -> float | None:
        models = own.group_by(x).agg(value.cast(pl.Float64).alias("_value")).sort(x)
        if models["_value"].null_count():
            return None
        moves = models["_value"].n_unique() > 1
        return models.select(pl.corr(x, "_value", method="spearman")).item() if moves else 0

    return rows.each(correlation, unit)
