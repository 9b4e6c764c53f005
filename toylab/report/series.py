"""Rows of a stored table as curves, one per unit, the way ``figures.interval_line`` draws them."""

import numpy as np
import polars as pl
from jaxtyping import Float

from toylab.read import SEED


def series(
    rows: pl.DataFrame, x: str, y: str, unit: str = SEED
) -> tuple[Float[np.ndarray, " S"], Float[np.ndarray, "P S"]]:
    """Return the positions of a curve and its values for every unit.

    Several rows of one unit and position count with their mean. Units may stand at positions that
    differ a little, if all have as many: their mean is returned.

    Args:
        rows: with the columns ``x``, ``y`` and ``unit``.
        x: column of positions.
        y: column of values.
        unit: column that names a unit.

    Example:
        >>> rows = pl.DataFrame({"init_seed": [0, 0, 1, 1], "step": [5, 0, 0, 5], "loss": [1, 3, 4, 2]})
        >>> series(rows, "step", "loss")[1].tolist()
        [[3.0, 1.0], [4.0, 2.0]]
    """
    means = rows.group_by(unit, x).agg(pl.col(y).mean()).sort(unit, x)
    parts = means.partition_by(unit, maintain_order=True)
    column = lambda name: np.stack([part[name].to_numpy().astype(np.float64) for part in parts])
    return column(x).mean(0), column(y)
