"""Rows of a stored table as curves, one per unit, the way ``figures.interval_line`` draws them."""

import numpy as np
import polars as pl
from jaxtyping import Float

from toylab.read import SEED


def series(
    rows: pl.DataFrame, value: str | pl.Expr, x: str = "step", unit: str = SEED
) -> tuple[Float[np.ndarray, " S"], Float[np.ndarray, "P S"]]:
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
