"""Readings of dictionaries: one value per seed, which is a world and the runs in it."""

import polars as pl

from toylab.claims import Expect
from toylab.conditions import only
from toylab.read import Reading, Rows, table

CELLS, TIMES = table("cells"), table("times")
RIGHT, DOUBLE = 1.0, 2.0  # atoms per feature


def of(arm: str, column: str) -> Reading:
    """A score of the one row that an arm has in a world."""
    return CELLS.filter(arm=arm).value(column)


def sized(relative: float, column: str) -> Reading:
    """A score of TopK with so many atoms for each feature."""
    return CELLS.filter(arm="size", relative=relative).value(column)


def more(one: str, other: str, column: str) -> Reading:
    """How much larger a score of one arm is than of another."""
    return of(one, column) - of(other, column)


def short_of_best() -> Reading:
    """What recovery lacks of the best over all k, at the better k next to the true number."""

    def lacks(own: pl.DataFrame) -> float:
        near = own.filter((pl.col("k") - pl.col("true_l0")).abs() < 1)
        return own["recall"].max() - near["recall"].max()

    return CELLS.filter(arm="k").each(lacks)


def best_fit() -> Reading:
    """How far the k that explains most is below the greatest k."""

    def gap(own: pl.DataFrame) -> float:
        return own["k"].max() - own.sort("explained", descending=True, nulls_last=True)["k"][0]

    return CELLS.filter(arm="k").each(gap)


def live_gain(one: str) -> Reading:
    """How much more stable the atoms of an arm that fire are than those of TopK that do."""
    return of(one, "stability_live") - sized(RIGHT, "stability_live")


def absorbed(arm: str) -> Reading:
    """How much more often a parent's latent is silent with a child than alone."""
    return of(arm, "absorbed") - of(arm, "absorbed_alone")


def in_time(arm: str, column: str) -> Reading:
    """A score of the one row that an arm of sequences has in a world."""
    return TIMES.filter(arm=arm).value(column)


def error(rows: Rows | str) -> Reading:
    """Share of the variance that is not explained: of an arm, or of the rows given."""
    rows = TIMES.filter(arm=rows) if isinstance(rows, str) else rows
    return 1 - rows.value("explained")


def least_sae() -> Reading:
    """Error of the autoencoder with as many latents as the temporal dictionary has novel ones."""
    return error(TIMES.filter(arm="sae").first("k"))


def as_active() -> Reading:
    """Error of the largest autoencoder with no more active latents than both codes together."""

    def step(own: pl.DataFrame) -> float | None:
        both = own.filter(arm="tfa")["l0"][0]
        found = own.filter((pl.col("arm") == "sae") & (pl.col("k") <= both)).sort("k")
        return 1 - found["explained"][-1] if both is not None and len(found) else None

    return TIMES.filter(arm=("sae", "tfa")).each(step)


def kept(arm: str) -> Reading:
    """Share of the gain over the autoencoder that an arm keeps."""
    return (least_sae() - error(arm)) / (least_sae() - error("tfa"))


def of_oracle(arm: str) -> Reading:
    """What the predictable part explains, over what the best forecast explains."""
    return in_time(arm, "ahead") / in_time(arm, "oracle")


LEARNED = only(
    "TopK with an atom for each feature explains 80% of the variance",
    sized(RIGHT, "explained"),
    Expect.above(0.8),
)
CODED = only(
    "the largest autoencoder explains 95% of the variance of sequences",
    1 - error(TIMES.filter(arm="sae").last("k")),
    Expect.above(0.95),
)
