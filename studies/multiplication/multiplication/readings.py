"""Readings of the stored tables, one value per seed.

Digits are numbered from the least significant; the middle ones are the two in the middle.
"""

import numpy as np
import polars as pl
from scipy.stats import rankdata

from toylab.read import Measures, Reading, Rows, table

LEARNED = 0.9  # accuracy at which a digit counts as learned


def placed(rows: pl.DataFrame) -> pl.DataFrame:
    """Add how far each digit is from the middle of the product, in digits."""
    return rows.with_columns(distance=(pl.col("digit") - pl.col("digit").max() / 2).abs())


def digits(name: str, arm: str) -> Rows:
    """Rows of an arm's digits."""
    return table(name).filter(arm=arm).then(placed)


MIDDLE, OUTER = pl.col("distance") < 1, pl.col("distance") == pl.col("distance").max()


def exact(arm: str, which: str = "unseen") -> Reading:
    """Share of pairs with every digit right, after training."""
    return table("exact").filter(arm=arm).last().value(which)


def outer(arm: str) -> Reading:
    """Accuracy on the first and on the last digit, the lesser of the two, after training."""
    return digits("digits", arm).last().filter(OUTER).aggregate(pl.col("unseen").min())


def over_chance(arm: str) -> Reading:
    """Accuracy on the less learned middle digit, above the best guess that knows no factor."""

    def of(rows: pl.DataFrame, m: Measures) -> pl.DataFrame:
        chance_K = np.asarray(m["guessable"])[-1]
        guess = pl.DataFrame({"digit": np.arange(len(chance_K)), "chance": chance_K})
        return rows.join(guess, on="digit", how="left", maintain_order="left")

    rows = digits("digits", arm).last().filter(MIDDLE).then(of, with_measures=True)
    return rows.aggregate((pl.col("unseen") - pl.col("chance")).min())


def late_gain(arm: str) -> Reading:
    """How much accuracy on the middle digits rises in the second half of training."""

    def read(own: pl.DataFrame) -> float | None:
        end = own["step"].to_numpy().max()
        mean = own.group_by("step").agg(pl.col("unseen").mean()).sort("step")
        early = mean.filter(pl.col("step") <= end / 2)["unseen"]
        return mean["unseen"][-1] - early[-1] if len(early) else None

    return digits("digits", arm).filter(MIDDLE).each(read)


def middle(arm: str) -> Reading:
    """Accuracy on the two middle digits after training."""
    return digits("digits", arm).last().filter(MIDDLE).mean("unseen")


def order(arm: str) -> Reading:
    """Rank correlation of when a digit is learned with its distance from the middle.

    Digits that are never learned come last, by their accuracy at the end.
    """

    def read(own: pl.DataFrame) -> float | None:
        end, when, distance = own["step"].to_numpy().max(), [], []
        for (_, away), rows in own.sort("step").group_by("digit", "distance", maintain_order=True):
            learned = rows.filter(pl.col("unseen") >= LEARNED)["step"]
            when.append(learned[0] if len(learned) else end + 1 + (1 - rows["unseen"][-1]))
            distance.append(away)
        if any(x is None for x in when) or len(set(when)) < 2:
            return None
        return float(np.corrcoef(rankdata(when), rankdata(distance))[0, 1])

    return digits("digits", arm).each(read)


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
