"""Readings of the study ``othello_interventions``: per case of the network, per seed of small ones.

Errors of edited boards are read as shares of the errors without an edit. Of C cases it is the ratio
of the mean errors that counts, ``R = mean(e) / mean(n)``; case i gives
``R + (e_i - R n_i) / mean(n)``, so that an interval for the mean of these is the delta method's
interval for the ratio.
"""

import numpy as np
import polars as pl

from toylab.read import Reading, table
from toylab.read.rows import Rows

FLIP = {"kind": "flip", "natural": True, "squares": 1}


def ratio(edited_C: np.ndarray, null_C: np.ndarray) -> np.ndarray:
    """One value per case whose mean is the ratio of the two mean errors; see the module."""
    if not len(null_C) or not null_C.mean():
        return np.full(len(null_C), np.nan)
    whole = edited_C.mean() / null_C.mean()
    return whole + (edited_C - whole * null_C) / null_C.mean()


def network(name: str) -> Rows:
    """A table's rows of the first large network."""
    return table(name, of="main").filter(network="main").first("init_seed")


def case(method: str, value: str | pl.Expr = "error", **of: object) -> Reading:
    """A score of one way of editing, case by case; flips of one disc by default."""
    rows = network("cases").filter(method=method, **FLIP | of)
    return rows.then(_with_wrong_way).value(value, unit="case")


def _with_wrong_way(rows: pl.DataFrame) -> pl.DataFrame:
    """Add the share of the affected moves that go the wrong way.

    A move is affected where the edit changes whether it is legal; it goes the wrong way where it
    is among the N most probable and became illegal, or is not and became legal.
    """
    return rows.with_columns(wrong_way=1 - pl.mean_horizontal("dropped", "risen"))


def against_null(method: str, value: str | pl.Expr = "error", **of: object) -> Reading:
    """A score of one way of editing over that without an edit, case by case."""
    return case(method, value, **of).map(ratio, case("null", value, **of))


def small(method: str) -> Reading:
    """Error of the small networks' flips over that without an edit, seed by seed."""
    flips = table("cases", of="small").filter(network="small", kind="flip")
    error = lambda of: flips.filter(method=of).mean("error")
    return error(method) / error("null")
