"""Readings of the four parts, one value per seed."""

import numpy as np
import polars as pl

from toylab.read import Measures, Reading, Rows, table
from toylab.stats.rise import greatest_rise
from toylab.stats.survival import crossing_times

QUARTER = 0.25  # of its world's KL(bigram || uniform): near the bigram in either world


def repeats(depth: int) -> Rows:
    """Records of the networks of a depth on repeated segments."""
    return table("repeats").filter(layers=depth)


def chains(depth: int = 2, balanced: float = 0.0) -> Rows:
    """Records of the networks of a depth on Markov chains."""
    return table("chains").filter(layers=depth, balanced=balanced)


def mixture(arm: str) -> Rows:
    """Records of an arm of the mixture."""
    return table("mixture").filter(arm=arm)


def beside(rows: Rows, of: str, to: str) -> Rows:
    """Records on chains with a column ``reference``, KL(of || to) between two predictors."""

    def join(frame: pl.DataFrame, m: Measures) -> pl.DataFrame:
        known = m["chains_predictors"].filter((pl.col("of") == of) & (pl.col("to") == to))
        return frame.join(known.select("balanced", reference="divergence"), on="balanced")

    return rows.then(join, with_measures=True)


def rise(rows: Rows, column: str, share: float, part: str = "size", sign: int = 1) -> Reading:
    """A part of a curve's greatest rise, or fall (sign -1), within a share of training."""

    def read(own: pl.DataFrame) -> float:
        own = own.sort("step")
        step_S, value_S = own["step"].to_numpy(), sign * own[column].to_numpy()
        return getattr(greatest_rise(step_S, value_S, share * step_S[-1]), part)

    return rows.each(read)


def has_learned(reading: Reading) -> Reading:
    """A reading of the two-layer networks that copy 90% of the repeated tokens correctly."""
    return reading.where(repeats(2).last().value("accuracy") >= 0.9)


def ablated(other: bool) -> Reading:
    """Accuracy lost without the first layer's best previous-token head, or without another."""
    heads = table("repeats_heads").filter(layers=2, layer=0)
    first = lambda own: own.sort("previous", descending=not other)["accuracy_without"][0]
    return repeats(2).last().value("accuracy") - heads.each(first)


def apart() -> Reading:
    """Distance of the loss's greatest fall from the score's greatest rise, share of training."""
    score = rise(repeats(2), "induction", 0.1, "middle")
    loss = rise(repeats(2), "copy_loss", 0.1, "middle", sign=-1)
    return abs(score - loss) / repeats(2).aggregate(pl.col("step").max())


def nearest(predictor: str) -> Reading:
    """Step at which a network is nearest to a predictor; the start counts as 1."""

    def read(own: pl.DataFrame) -> float | None:
        if own[predictor].null_count():
            return None
        return max(own.sort("step")["step"][own.sort("step")[predictor].arg_min()], 1)

    return chains().each(read)


def unigram_phase() -> Reading:
    """Least divergence from the unigram counter, against that of mixtures of the other two."""
    rows = beside(chains(), "unigram", "between")
    return rows.aggregate(pl.col("unigram").min() / pl.col("reference").first())


def bigram_fall() -> Reading:
    """Greatest fall towards the bigram counter in a tenth of training, from the unigram down.

    In shares of ``KL(bigram || unigram)``; what lies above that, the first fall from the uniform
    predictor, is cut off.
    """
    low = pl.min_horizontal("bigram", "reference")
    rows = beside(chains(), "bigram", "unigram").then(lambda frame: frame.with_columns(cut=low))
    return rise(rows, "cut", 0.1, sign=-1) / rows.aggregate(pl.col("reference").first())


def near_bigram(balanced: float) -> Reading:
    """Step at which a network is a quarter of the way from its world's bigram counter.

    A network that never gets there counts with the length of the run.
    """

    def read(own: pl.DataFrame) -> float | None:
        own = own.sort("step")
        level = QUARTER * own["reference"][0]
        value_1S = own["bigram"].to_numpy()[None]
        if np.isnan(value_1S).any():
            return None
        return crossing_times(own["step"].to_numpy(), value_1S, level, direction="below")[0][0]

    return beside(chains(balanced=balanced), "bigram", "uniform").each(read)


def vectors(arm: str, column: str) -> Reading:
    """A column of the three-vector model."""
    return table("vectors").filter(arm=arm).value(column)


def faster(slow: str, fast: str) -> Reading:
    """Iterations to a tenth of the loss in one arm over those in another."""
    return vectors(slow, "to_10") / vectors(fast, "to_10")


def more(column: str, high: str, low: str) -> Reading:
    """A column's last value in one arm of the mixture minus that in another."""
    return mixture(high).last().value(column) - mixture(low).last().value(column)
