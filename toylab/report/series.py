"""Rows of a stored table as curves, one per unit, and as a median with its band."""

from typing import Any

import numpy as np
import polars as pl
from jaxtyping import Float
from matplotlib.axes import Axes

from toylab.read import SEED
from toylab.report.figures import interval_line

Curves = tuple[Float[np.ndarray, " S"], Float[np.ndarray, "P S"]]


def series(rows: pl.DataFrame, value: str | pl.Expr, x: str = "step", unit: str = SEED) -> Curves:
    """Return the positions of a curve and its values for every unit, NaN where there is none.

    Several rows of one unit and position count with their mean.

    Args:
        rows: with the columns ``x`` and ``unit`` and those of ``value``.
        value: a column, or an expression of columns.
        x: column of positions.
        unit: column that names a unit.

    Example:
        >>> seeds, steps = [0, 0, 1, 1], [5, 0, 0, 5]
        >>> rows = pl.DataFrame({"init_seed": seeds, "step": steps, "loss": [1, 3, 4, 2]})
        >>> series(rows, "loss")[1].tolist()
        [[3.0, 1.0], [4.0, 2.0]]
    """
    value = pl.col(value) if isinstance(value, str) else value
    means = rows.group_by(x, unit).agg(value.cast(pl.Float64).mean().alias("_value"))
    wide = means.sort(unit, x).pivot(unit, index=x, values="_value").sort(x)
    return wide[x].to_numpy(), wide.drop(x).to_numpy().T.astype(np.float64)


def curve(
    ax: Axes,
    rows: pl.DataFrame,
    value: str | pl.Expr,
    x: str = "step",
    unit: str = SEED,
    label: str | None = None,
    color: str | None = None,
    **line: Any,
) -> Curves:
    """Draw the median over units with its interval as a band; return what :func:`series` does.

    Args:
        ax: where.
        rows, value, x, unit: see :func:`series`.
        label: legend entry.
        color: of line and band; by default the next of the palette.
        **line: passed to ``ax.plot``.
    """
    places, values = series(rows, value, x, unit)
    interval_line(ax, places, values, label, color, **line)
    return places, values
