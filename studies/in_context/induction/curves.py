"""Curves over training: from the run's records to tables, and the greatest rise of a curve."""

from typing import NamedTuple

import numpy as np
import polars as pl
from jaxtyping import Float
from numpy.typing import ArrayLike

from toylab.runs.run_folder import RunFolder


class Rise(NamedTuple):
    """The greatest rise of each curve within a window: its size, and the steps it lies between."""

    size: Float[np.ndarray, " P"]
    start: Float[np.ndarray, " P"]
    end: Float[np.ndarray, " P"]


def greatest_rise(
    steps_S: Float[ArrayLike, " S"], values_PS: Float[ArrayLike, "P S"], window: float
) -> Rise:
    """Find ``max v_t - v_s`` over recorded steps ``s < t <= s + window``, per curve.

    Of equal rises the first and shortest counts. A curve with NaN has a NaN rise.
    """
    steps_S, values_PS = np.asarray(steps_S, np.float64), np.asarray(values_PS, np.float64)
    ahead_SS = steps_S[None] - steps_S[:, None]
    open_SS = (ahead_SS > 0) & (ahead_SS <= window * (1 + 1e-9))
    rise_PSS = np.where(open_SS, values_PS[:, None, :] - values_PS[:, :, None], -np.inf)
    # A hair off for longer ones, so that the shortest of equal rises is found.
    flat_PX = (rise_PSS - 1e-9 * ahead_SS / max(window, 1)).reshape(len(values_PS), -1)
    flat_PX = np.where(np.isnan(flat_PX), -np.inf, flat_PX)
    start_P, end_P = np.unravel_index(flat_PX.argmax(1), open_SS.shape)
    size_P = rise_PSS[np.arange(len(values_PS)), start_P, end_P]
    lost_P = np.isnan(values_PS).any(1) | ~np.isfinite(size_P)
    gone = lambda values: np.where(lost_P, np.nan, values)
    return Rise(gone(size_P), gone(steps_S[start_P]), gone(steps_S[end_P]))


def curves(run: RunFolder, population: str) -> pl.DataFrame:
    """Records of a population: a row per member and step, a column per score.

    A member that died keeps its rows with NaN scores, so that a claim counts it as dead and arms
    stay paired seed by seed.
    """
    dead = np.flatnonzero(run.dead_at(population) >= 0).tolist()
    rows = run.metrics().filter(pl.col("population") == population)
    living = ~pl.col("member").is_in(dead)
    rows = rows.with_columns(value=pl.when(living).then(pl.col("value")).otherwise(np.nan))
    wide = rows.pivot("name", index=["member", "step"], values="value")
    return wide.join(run.members(population), on="member").sort("member", "step")


def over_steps(table: pl.DataFrame, column: str) -> tuple[np.ndarray, np.ndarray]:
    """Steps (S,) and a column's values (P, S), one row per seed, in the order of the seeds."""
    wide = table.pivot("step", index="init_seed", values=column).sort("init_seed")
    wide = wide.drop("init_seed")
    steps_S = np.array([float(name) for name in wide.columns])
    order = np.argsort(steps_S)
    return steps_S[order], wide.to_numpy().astype(np.float64)[:, order]
