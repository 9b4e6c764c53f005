"""Laws of growth: straight lines through a curve's last decade, against time or its logarithm.

Both lines go through the same snapshots, which are log-spaced: the laptop preset has 10 in its
last decade of steps, the paper preset 8. A line in t is thus drawn through more early points than
even spacing would give it, and R2 weighs all of them alike.
"""

from typing import Any

import numpy as np
import polars as pl
from jaxtyping import Float

DECADE = 10.0
LAWS = (("logit_gap", "log"), ("logit_gap", "linear"), ("resid_start", "linear"))


def line(x_S: Float[np.ndarray, " S"], y_S: Float[np.ndarray, " S"]) -> tuple[float, float]:
    """Slope and R2 of the least-squares line; NaN for fewer than three points or a flat curve."""
    if len(x_S) < 3 or not np.isfinite(y_S).all() or not np.ptp(y_S) > 0:
        return float("nan"), float("nan")
    slope, start = np.polyfit(x_S, y_S, 1)
    left = np.sum((y_S - slope * x_S - start) ** 2)
    return float(slope), float(1 - left / np.sum((y_S - y_S.mean()) ** 2))


def fits(curves: pl.DataFrame) -> pl.DataFrame:
    """Lines through the last decade of steps of every network.

    Args:
        curves: arm, init_seed, diverged, step and a column per score.

    Returns:
        arm, init_seed, diverged, score, law (log or linear), slope (per log step or step), r2.
    """
    rows: list[dict[str, Any]] = []
    names = ("arm", "init_seed", "diverged")
    for labels, part in curves.group_by(names, maintain_order=True):
        last = part.filter(pl.col("step") >= pl.col("step").max() / DECADE).sort("step")
        last = last.filter(pl.col("step") > 0)
        step_S = last["step"].to_numpy().astype(np.float64)
        for score, law in LAWS:
            x_S = np.log(step_S) if law == "log" else step_S
            slope, r2 = line(x_S, last[score].to_numpy().astype(np.float64))
            row = {"score": score, "law": law, "slope": slope, "r2": r2}
            rows.append(dict(zip(names, labels, strict=True)) | row)
    return pl.DataFrame(rows)
