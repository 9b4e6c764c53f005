"""Numbers of a title: a reading's middle over the units that have a value."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from toylab.read import Reading


def average(
    reading: Reading, measures: Mapping[str, Any], middle: Callable[[Any], Any] = np.mean
) -> float:
    """Return the mean of a reading's values, or another middle; NaN where there is none.

    Args:
        reading: one value per unit.
        measures: of a run.
        middle: such as ``np.median``.

    Example:
        >>> import polars as pl
        >>> from toylab.read import table
        >>> ends = pl.DataFrame({"init_seed": [0, 1, 2], "loss": [1.0, 2.0, float("nan")]})
        >>> average(table("ends").value("loss"), {"ends": ends})
        1.5
    """
    values = reading(measures).values
    return float(middle(values)) if len(values) else float("nan")
