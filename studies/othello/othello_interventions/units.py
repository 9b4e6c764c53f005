"""Values per case, position, square or seed, for the claims of ``othello_interventions``."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import polars as pl

from toylab.units import per_unit

Measures = Mapping[str, Any]


def ratio(edited_C: np.ndarray, null_C: np.ndarray) -> np.ndarray:
    """One value per case whose mean is the ratio of the two mean errors, ``R = e / n``.

    Case i gives ``R + (e_i - R n_i) / mean(n)``, so that an interval for the mean of these is the
    delta method's interval for the ratio.
    """
    if not len(null_C) or not null_C.mean():
        return np.full(len(null_C), np.nan)
    whole = edited_C.mean() / null_C.mean()
    return whole + (edited_C - whole * null_C) / null_C.mean()


def errors_of(
    measures: Measures,
    method: str,
    kind: str,
    natural: bool = True,
    squares: int = 1,
    column: str = "error",
) -> np.ndarray:
    """Errors of one method on one set of the main network's cases, case by case.

    Cases without a value are left out.
    """
    rows = measures["cases"].filter(
        (pl.col("network") == "main") & (pl.col("init_seed") == 0) & (pl.col("method") == method)
    )
    rows = rows.filter(
        (pl.col("kind") == kind) & (pl.col("natural") == natural) & (pl.col("squares") == squares)
    )
    return rows.sort("case")[column].drop_nulls().to_numpy().astype(np.float64)


def against_null(
    method: str, kind: str, natural: bool = True, squares: int = 1, column: str = "error"
) -> Callable[[Measures], np.ndarray]:
    """A claim's measure: a method's error over the null error."""

    def measure(measures: Measures) -> np.ndarray:
        of = lambda name: errors_of(measures, name, kind, natural, squares, column)
        return ratio(of(method), of("null"))

    return measure


def over_seeds(method: str) -> Callable[[Measures], np.ndarray]:
    """A claim's measure: a method's flip error over the null error in every small network."""

    def measure(measures: Measures) -> np.ndarray:
        rows = measures["cases"].filter((pl.col("network") == "small") & (pl.col("kind") == "flip"))
        if not len(rows):
            return np.zeros(0)
        mean = lambda m: pl.col("error").filter(pl.col("method") == m).mean()
        return per_unit(rows, mean(method) / mean("null"))

    return measure


def sooner(measures: Measures) -> np.ndarray:
    """Share of newly illegal moves dropped less that of newly legal ones risen, by case."""
    rows = measures["cases"].filter(
        (pl.col("network") == "main") & (pl.col("init_seed") == 0) & (pl.col("method") == "vector")
    )
    rows = rows.filter((pl.col("kind") == "flip") & pl.col("natural") & (pl.col("squares") == 1))
    rows = rows.drop_nulls(["dropped", "risen"])
    return (rows["dropped"] - rows["risen"]).to_numpy()


def vector_less_gradient(measures: Measures) -> np.ndarray:
    """Error of flips by vectors less that by gradient, case by case."""
    vector, gradient = (errors_of(measures, m, "flip") for m in ("vector", "gradient"))
    return vector - gradient


def affected(measures: Measures) -> np.ndarray:
    """Ratio of vector flips to no edit, of the share of affected moves that go the wrong way.

    A move is affected where the edit changes whether it is legal; it goes the wrong way where it is
    among the N likeliest and became illegal, or is not and became legal.
    """
    rows = measures["cases"].filter(
        (pl.col("network") == "main") & (pl.col("init_seed") == 0) & (pl.col("kind") == "flip")
    )
    rows = rows.filter(pl.col("natural") & (pl.col("squares") == 1)).sort("case")
    rows = rows.with_columns(wrong=1 - pl.mean_horizontal("dropped", "risen"))
    of = lambda method: rows.filter(pl.col("method") == method)["wrong"].to_numpy()
    return ratio(of("vector"), of("null"))
