"""Readings of the stored answers, one value per seed."""

import polars as pl

from toylab.read import Reading, Rows, table

HEAD, TAIL = 0, 9  # tenths of frequency


def rows(arm: str, kind: str) -> Rows:
    """Shares of right sequences of one arm on one kind of question."""
    return table("answers").filter(arm=arm, kind=kind)


def end(arm: str, kind: str, rule: str = "full", first: bool = False) -> Reading:
    """Share that is right after training, or before it; the mean over tenths of frequency."""
    own = rows(arm, kind)
    return (own.first() if first else own.last()).mean(rule)


def peak(arm: str, rule: str) -> Reading:
    """The largest share of sequences of unseen words that was right at any time."""
    return rows(arm, "unseen").aggregate(pl.col(rule).max())


def switched(arm: str, tenth: int) -> Reading:
    """Share right where words stand in the other role, in one tenth of frequency."""
    return rows(arm, "switched").last().filter(decile=tenth).value("full")


def rarer_is_better(arm: str) -> Reading:
    """Rank correlation over tenths: is the context followed more, the rarer the words?"""

    def read(own: pl.DataFrame) -> float | None:
        if own["full"].null_count():
            return None
        if own["full"].n_unique() == 1:
            return 0.0
        return own.select(pl.corr("decile", "full", method="spearman")).item()

    return rows(arm, "switched").last().each(read)
