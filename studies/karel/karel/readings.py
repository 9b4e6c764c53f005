"""Readings of the stored tables, one value per seed."""

import numpy as np
import polars as pl

from toylab.read import SEED, Measures, Reading, Rows, table

from .probes import MEAN

TRUE, OTHERS = 0, (1, 2)  # meanings of the actions


def ends(column: str) -> Reading:
    """A number of trained networks, of what they write."""
    return table("ends").last().value(column)


def probed(
    feature: str,
    *,
    source: str = "network",
    probe: str = "linear",
    text: str = "given",
    ahead: int = 0,
    first: bool = False,
) -> Rows:
    """Rows of trained networks, or untrained ones, probed at the mean of their layers."""
    rows = table("probes").filter(feature=feature, layer=MEAN, text=text, ahead=ahead)
    rows = rows.filter(source=source, probe=probe)
    return rows.first() if first else rows.last()


def skill(feature: str, **which: object) -> Reading:
    """The part of what the majority class gets wrong that a probe gets right."""
    return probed(feature, **which).filter(meaning=TRUE).value("skill")  # pyright: ignore


def accuracy(feature: str, **which: object) -> Reading:
    """Accuracy of a probe."""
    return probed(feature, **which).filter(meaning=TRUE).value("accuracy")  # pyright: ignore


def beyond_other_meanings(feature: str, **which: object) -> Reading:
    """Accuracy above the majority class, less the mean of the same under other meanings."""
    rows = probed(feature, **which)  # pyright: ignore
    return rows.filter(meaning=TRUE).value("gain") - rows.filter(meaning=OTHERS).mean("gain")


def together(changes: bool, others: bool = False) -> Reading:
    """Correlation over training of content in a network's own programs with prompts solved.

    Args:
        changes: of what both change by from checkpoint to checkpoint, not of their values.
        others: with the prompts that the other networks solve, the mean over them: two curves of
            one schedule go together whatever they are.
    """

    def joined(rows: pl.DataFrame, m: Measures) -> pl.DataFrame:
        solved = m["ends"].select(pl.col(SEED).alias("solver"), "step", "solved")
        both = rows.join(solved, on="step", how="left")
        own = pl.col("solver") == pl.col(SEED)
        return both.filter(~own if others else own).sort("solver", "step")

    def correlation(own: pl.DataFrame) -> float | None:
        value = lambda name: pl.col(name).diff() if changes else pl.col(name)
        found = []
        for curve in own.drop_nulls(["accuracy", "solved"]).partition_by("solver"):
            both = curve.select(a=value("accuracy"), b=value("solved")).drop_nulls()
            found += [both.select(pl.corr("a", "b")).item()] if len(both) > 2 else []
        known = [one for one in found if one is not None and np.isfinite(one)]
        return float(np.mean(known)) if known else None

    rows = table("probes").filter(feature="content", layer=MEAN, meaning=TRUE, ahead=0)
    rows = rows.filter(text="own", source="network").then(joined, with_measures=True)
    return rows.each(correlation)


def wanted(kind: str) -> Reading:
    """How often the symbol after an edit is the likeliest for the other goal."""
    return table("edits").filter(kind=kind).value("wanted")


def squared(of: Reading) -> Reading:
    """The square of a correlation, 0 of a negative one."""
    return of.map(lambda r: np.maximum(r, 0) ** 2)
