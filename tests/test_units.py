"""One number per seed."""

import numpy as np
import polars as pl
import pytest

from toylab.errors import ToylabError
from toylab.units import per_unit


def test_values_come_in_the_order_of_the_units_and_null_is_nan():
    rows = pl.DataFrame({"init_seed": [2, 0, 1, 0], "x": [5, 1, None, 3]})
    np.testing.assert_array_equal(per_unit(rows, pl.col("x").mean()), [2.0, np.nan, 5.0])
    with pytest.raises(ToylabError, match="no column 'group'"):
        per_unit(rows, pl.col("x").mean(), "group")
