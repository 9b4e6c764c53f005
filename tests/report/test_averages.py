"""Averages over the units that have a value."""

import numpy as np
import polars as pl

from toylab.read import table
from toylab.report.averages import average


def test_units_without_a_value_do_not_count():
    rows = {"init_seed": range(4), "loss": [1.0, np.nan, 2.0, 9.0], "diverged": [False] * 4}
    measures = {"ends": pl.DataFrame(rows)}
    loss = table("ends").value("loss")
    assert average(loss, measures) == 4 and average(loss, measures, np.median) == 2
    assert np.isnan(average(loss.where(loss > 10), measures))
