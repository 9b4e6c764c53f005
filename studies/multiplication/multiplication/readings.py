"""Readings of the stored tables, one value per seed.

Digits are numbered from the least significant; the middle ones are the two in the middle.
"""

import numpy as np
import polars as pl

from toylab.read import Measures, Reading, Rows, table
from toylab.stats.ranks import rank_correlation

LEARNED = 0.9  # accuracy at which a digit counts as learned


def digits(name: str, arm: str) -> Rows:
    """Rows of an arm's digits, with how far each is from the middle of the product."""
    distance = (pl.col("digit") - pl.col("digit").max() / 2).abs()
    return table(name).filter(arm=arm).then(lambda rows: rows.with_columns(distance=distance))


MIDDLE, OUTER = pl.col("distance") < 1, pl.col("distance") == pl.col("distance").max()


def exact(arm: str, which: str = "unseen") -> Reading:
    """Share of pairs with every digit right, after training."""
    return table("exact").filter(arm=arm).last().value(which)


def outer(arm: str) -> Reading:
    """Accuracy on the first and on the last digit, the lesser of the two, after training."""
    return digits("digits", arm).last().filter(OUTER).aggregate(pl.col("unseen").min())


def over_chance(arm: str) -> Reading:
    """Accuracy on the less learned middle digit, above the best guess that knows no factor.

    Of pairs whose product must be reckoned: no factor is zero or a power of the base.
    """

    def of(rows: pl.DataFrame, m: Measures) -> pl.DataFrame:
        chance_K = np.asarray(m["guessed"])
        return rows.with_columns(chance=pl.Series(chance_K[rows["digit"]]))

    rows = digits("digits", arm).last().filter(MIDDLE).then(of, with_measures=True)
    return rows.aggregate((pl.col("reckoned") - pl.col("chance")).min())


def late_gain(arm: str) -> Reading:
    """How much accuracy on the middle digits rises in the second half of training."""

    half = digits("digits", arm).filter(pl.col("step") <= pl.col("step").max() / 2)
    return middle(arm) - half.last().filter(MIDDLE).mean("unseen")


def middle(arm: str) -> Reading:
    """Accuracy on the two middle digits after training."""
    return digits("digits", arm).last().filter(MIDDLE).mean("unseen")


def order(arm: str) -> Reading:
    """Rank correlation of when a digit is learned with its distance from the middle.

    Digits that are never learned come last, by their accuracy at the end.
    """

    end, accuracy = pl.col("step").max(), pl.col("unseen")
    learned = pl.col("step").filter(accuracy >= LEARNED).min()
    when = learned.fill_null(end + 1 + (1 - accuracy.last()))

    curves = lambda own: own.sort("step").group_by("digit", "distance", maintain_order=True)
    found = lambda own: curves(own).agg(when=when).select("when", "distance")
    return digits("digits", arm).each(lambda own: rank_correlation(*found(own)))


def probe_error(arm: str, first: bool = False) -> Reading:
    """Error of the running sum's probe at the middle digits, over that of the mean."""
    rows = digits("probes", arm)
    return (rows.first() if first else rows.last()).filter(MIDDLE).mean("error")


def relevant(arm: str) -> Reading:
    """Attention of the first layer to digits that matter, at the digits before the middle."""
    early = (pl.col("digit") + 1) < (pl.col("digit").max() + 1) / 2
    return table("attention").filter(early, arm=arm, layer=0).mean("relevant")


def pair(arm: str) -> Reading:
    """Attention of the first layer's sharpest head to one digit of each factor, middle digits."""
    return digits("attention", arm).filter(MIDDLE, layer=0).mean("pair")


def closed(arm: str, what: str, layer: int = 1) -> Reading:
    """Accuracy on middle digits lost where a layer's attention to some positions is closed."""
    return table("closed").filter(arm=arm, layer=layer, what=what).mean("lost")


def agreement(arm: str) -> Reading:
    """Rank correlation of reliance on digits with what theory says."""
    return table("ends").filter(arm=arm).value("agreement")


def over_null(arm: str) -> Reading:
    """Share of the embeddings' strongest frequency above that of digits with random names."""
    return table("frequencies").filter(arm=arm).value(pl.col("share") - pl.col("null"))


def staged(which: str) -> Reading:
    """Exact match of the chain's arm at the end of its first stage, with the chain given."""
    rows = table("exact").filter(arm="chain").filter(pl.col("kept") == pl.col("kept").max())
    return rows.last().value(which)
