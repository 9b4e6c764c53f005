"""One number per seed: from a table with many rows per seed to what a claim judges."""

import numpy as np
import polars as pl

from toylab.errors import ToylabError, nearest


def per_unit(table: pl.DataFrame, value: pl.Expr, unit: str = "init_seed") -> np.ndarray:
    """Return one value per unit, in the order of the units.

    Args:
        table: rows with a column ``unit``.
        value: an aggregation over a unit's rows, such as ``pl.col("loss").mean()``.
        unit: the column that names the unit.

    Returns:
        Values (U,), float64; null becomes NaN, which a claim counts as dead.

    Raises:
        ToylabError: the table has no such column.

    Example:
        >>> rows = pl.DataFrame({"init_seed": [1, 0, 0], "loss": [3.0, 1.0, 2.0]})
        >>> per_unit(rows, pl.col("loss").mean())
        array([1.5, 3. ])
    """
    if unit not in table.columns:
        raise ToylabError(f"per_unit: no column {unit!r}; {nearest(unit, table.columns)}")
    values = table.group_by(unit).agg(value.alias("value")).sort(unit)["value"]
    return values.cast(pl.Float64).to_numpy(allow_copy=True)
