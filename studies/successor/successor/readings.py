"""Readings of the stored tables, one value per seed; the best head is that of the highest score."""

import math

import polars as pl

from toylab.read import Reading, Rows, table

LISTS = {"words": 10, "letters": 10, "days": 7, "months": 12}


def ends(name: str, arm: str, first: bool = False) -> Rows:
    """Rows of an arm's networks after training, or before."""
    rows = table(name).filter(arm=arm)
    return rows.first() if first else rows.last()


def answered(arm: str, kind: str) -> Reading:
    """Accuracy on one kind of question."""
    return ends("answers", arm).value(kind)


def best(arm: str, column: str, first: bool = False) -> Reading:
    """A score of the best head."""
    return ends("heads", arm, first).filter(best=True).value(column)


def others(arm: str, column: str) -> Reading:
    """The mean of a score over all heads but the best."""
    return ends("heads", arm).filter(best=False).mean(column)


def least_certain(arm: str, first: bool = False) -> Reading:
    """Of the best head, the largest corrected p-value of its lists."""
    return ends("lists", arm, first).filter(best=True).aggregate(pl.col("p").max())


def ratio_of_best_two(arm: str) -> Reading:
    """Highest score over second highest."""

    def read(own: pl.DataFrame) -> float | None:
        top = own["score"].drop_nulls().sort(descending=True)
        return top[0] / top[1] if len(top) > 1 and top[1] > 0 else None

    return ends("heads", arm).each(read)


def ranks_agree(arm: str) -> Reading:
    """Rank correlation, over a network's heads, of score and rise of the loss by ablation."""

    def read(own: pl.DataFrame) -> float | None:
        return own.select(pl.corr("score", "rise", method="spearman")).item()

    return ends("heads", arm).each(read)


def greatest_rise(arm: str) -> Reading:
    """Rise of the loss by ablation of the head that matters most."""
    return ends("heads", arm).aggregate(pl.col("rise").max())


def ring_margins(arm: str) -> Reading:
    """The best head's margin on cyclic lists over that of a ring of rank 2, the mean of both lists.

    ``cos(2 pi (j - i - 1) / n)`` has margin ``1 - cos(2 pi / n)`` and spread ``1 / sqrt(2)``.
    """
    ring = {name: math.sqrt(2) * (1 - math.cos(2 * math.pi / n)) for name, n in LISTS.items()}
    rows = ends("lists", arm).filter(best=True, cyclic=True)
    return rows.mean(pl.col("margin") / pl.col("list").replace_strict(ring, default=None))


def past(arm: str, cyclic: bool) -> Reading:
    """The best head's preference for words after the right one, mean of lists of one kind."""
    return ends("lists", arm).filter(best=True, cyclic=cyclic).mean("beyond")


def shape(arm: str, column: str, first: bool = False) -> Reading:
    """A measure of the words' geometry."""
    return ends("geometry", arm, first).value(column)
