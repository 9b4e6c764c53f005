"""Numbers that the claims of ``induction`` judge: one per seed, from the study's measures."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import polars as pl

from toylab.stats.survival import crossing_times
from toylab.units import per_unit

from .curves import Rise, greatest_rise, over_steps

Measures = Mapping[str, Any]
BIGRAM = 0.05  # nats from the bigram counter at which a network counts as having it
QUARTER = 0.25  # of its world's KL(bigram || uniform): near the bigram in either world


def layers(m: Measures, table: str, depth: int) -> pl.DataFrame:
    """Rows of a table about networks of a depth; of the chains, those that are not balanced."""
    rows = m[table].filter(pl.col("layers") == depth)
    return rows.filter(pl.col("balanced") == 0) if "balanced" in rows.columns else rows


def rise(table: pl.DataFrame, column: str, share: float, sign: float = 1) -> Rise:
    """Greatest rise (or, with sign -1, fall) of a column within a share of training."""
    steps_S, values_PS = over_steps(table, column)
    return greatest_rise(steps_S, sign * values_PS, share * steps_S[-1])


def last(table: pl.DataFrame, column: str) -> np.ndarray:
    """A column at the last step, per seed."""
    return per_unit(table.filter(pl.col("step") == table["step"].max()), pl.col(column).first())


def apart(m: Measures) -> np.ndarray:
    """Distance of the loss's fall from the score's rise, as a share of training."""
    rows = layers(m, "repeats", 2)
    score, loss = (rise(rows, c, 0.1, s) for c, s in (("induction", 1), ("copy_loss", -1)))
    middle = lambda found: (found.start + found.end) / 2
    return np.abs(middle(score) - middle(loss)) / rows["step"].max()


def ablated(m: Measures, other: bool) -> np.ndarray:
    """Accuracy lost without the first layer's best previous-token head, or without another."""
    rows = layers(m, "repeats_heads", 2).filter(pl.col("layer") == 0)
    rows = rows.sort("previous", descending=not other)
    whole, cut = last(layers(m, "repeats", 2), "accuracy"), pl.col("accuracy_without").first()
    return whole - per_unit(rows, cut)


def lowest(m: Measures, predictor: str) -> np.ndarray:
    """Step at which a network is nearest to a predictor, per seed; the start counts as 1."""
    steps_S, values_PS = over_steps(layers(m, "chains", 2), predictor)
    nearest = np.maximum(steps_S, 1)[values_PS.argmin(1)]
    return np.where(np.isnan(values_PS).any(1), np.nan, nearest)


def reference(m: Measures, left: str, right: str, balanced: float = 0) -> float:
    """KL divergence of one predictor from another, in one of the two worlds."""
    rows = m["chains_predictors"].filter(
        (pl.col("of") == left) & (pl.col("to") == right) & (pl.col("balanced") == balanced)
    )
    return rows["divergence"].item()


def unigram_phase(m: Measures) -> np.ndarray:
    """Least divergence from the unigram counter, against that of mixtures of the other two."""
    _, values_PS = over_steps(layers(m, "chains", 2), "unigram")
    return values_PS.min(1) / reference(m, "unigram", "between")


def bigram_fall(m: Measures) -> np.ndarray:
    """Greatest fall towards the bigram counter in a tenth of training, from the unigram down.

    In shares of ``KL(bigram || unigram)``; what lies above that, the first fall from the uniform
    predictor, is cut off.
    """
    steps_S, values_PS = over_steps(layers(m, "chains", 2), "bigram")
    whole = reference(m, "bigram", "unigram")
    return greatest_rise(steps_S, -np.minimum(values_PS, whole), 0.1 * steps_S[-1]).size / whole


def near_bigram(m: Measures, balanced: float) -> float:
    """Nats from the bigram counter at which a network of a world is near it: a quarter."""
    return QUARTER * reference(m, "bigram", "uniform", balanced)


def sooner_balanced(m: Measures) -> np.ndarray:
    """Steps to a quarter of the way from the bigram, on balanced chains over those on others.

    A network that never gets there counts with the length of the run.
    """
    rows, times = m["chains"].filter(pl.col("layers") == 2), []
    for balanced in (1, 0):
        steps_S, values_PS = over_steps(rows.filter(pl.col("balanced") == balanced), "bigram")
        level = near_bigram(m, balanced)
        time_P, _ = crossing_times(steps_S, values_PS, level, direction="below")
        times.append(np.where(np.isnan(values_PS).any(1), np.nan, time_P))
    return times[0] / times[1]


def vectors(m: Measures, arm: str, column: str) -> np.ndarray:
    """A column of the three-vector model, per seed."""
    return per_unit(m["vectors"].filter(pl.col("arm") == arm), pl.col(column).first())


def ratio(m: Measures, slow: str, fast: str) -> np.ndarray:
    """Iterations to a tenth of the loss in one arm over those in another."""
    return vectors(m, slow, "to_10") / vectors(m, fast, "to_10")


def plateau(m: Measures, arm: str) -> np.ndarray:
    """Share of the iterations to a tenth of the loss that pass above nine tenths."""
    return vectors(m, arm, "to_90") / vectors(m, arm, "to_10")


def arm(m: Measures, place: str) -> pl.DataFrame:
    """Rows of a mixture arm, by its name in ``mixture.ARMS``."""
    return m["mixture"].filter(pl.col("arm") == place)


def abrupt(m: Measures) -> Rise:
    """Greatest rise of in-context accuracy within a twentieth of training, middle arm."""
    return rise(arm(m, "middle"), "in_context", 0.05)


def before_jump(m: Measures) -> np.ndarray:
    """In-context accuracy of the middle arm where its greatest rise begins."""
    steps_S, values_PS = over_steps(arm(m, "middle"), "in_context")
    start_P = abrupt(m).start
    return np.array([np.interp(s, steps_S, row) for s, row in zip(start_P, values_PS, strict=True)])


def more(m: Measures, column: str, high: str, low: str) -> np.ndarray:
    """A column's last value in one arm less that in another, seed by seed."""
    return last(arm(m, high), column) - last(arm(m, low), column)
