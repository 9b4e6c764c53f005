"""Readings of the stored tables, one value per seed."""

import numpy as np
import polars as pl

from toylab.read import Reading, choose, greatest, table
from toylab.stats.lines import line

LEARNED = 0.05  # nats
DECADE = 10.0


def at(arm: str, score: str, first: bool = False) -> Reading:
    """A score of an arm's networks at the last step, or before training."""
    rows = table("curves").filter(arm=arm)
    return (rows.first() if first else rows.last()).value(score)


def growth(arm: str, score: str, law: str, part: str) -> Reading:
    """Slope or R2 of a line through the last decade of steps, against t or log t.

    Snapshots are log-spaced: the laptop preset has 10 in its last decade of steps, the paper preset
    8. R2 weighs all of them alike, the many early ones too.
    """

    def read(own: pl.DataFrame) -> float:
        last = own.sort("step").filter(pl.col("step") >= pl.col("step").max() / DECADE)
        step_S = last.filter(pl.col("step") > 0)["step"].to_numpy().astype(np.float64)
        value_S = last.filter(pl.col("step") > 0)[score].to_numpy()
        return getattr(line(np.log(step_S) if law == "log" else step_S, value_S), part)

    return table("curves").filter(arm=arm).each(read)


def rising(arm: str, score: str, law: str) -> Reading:
    """R2 of a line that rises; minus one where it falls."""
    return choose(growth(arm, score, law, "slope") > 0, growth(arm, score, law, "r2"), -1.0)


def cost(condition: str, risk: str) -> Reading:
    """By how much a risk of Adam's networks rises under a condition."""
    rows = table("conditions").filter(arm="adam")
    whole, changed = (rows.filter(condition=name).value(risk) for name in ("whole", condition))
    return changed - whole


def against_adam(arm: str) -> Reading:
    """An arm's growth of the residual over Adam's, where Adam's grows."""
    adam, own = (growth(a, "resid_start", "linear", "slope") for a in ("adam", arm))
    return (own / adam).where(adam > 0)


def excess(arm: str) -> Reading:
    """How far both risks together are from the oracle's, the larger of the two."""
    off = at(arm, "bigram_risk") - at(arm, "bigram_floor")
    return greatest(off, at(arm, "backcopy_risk") - at(arm, "backcopy_floor"))


def where_learned(arm: str, reading: Reading) -> Reading:
    """A symptom of an arm's networks that are within ``LEARNED`` of the oracle's risks."""
    return reading.where(excess(arm) <= LEARNED)
