"""Readings of the study ``othello_tpr``: per held-out game, probe seed, or edited board."""

import polars as pl

from toylab.read import Reading, combine, table
from toylab.read.rows import Rows


def gap(better: str, worse: str) -> Reading:
    """Accuracy of one probe minus that of another, game by game."""
    return table("games").value(pl.col(better) - pl.col(worse), unit="game")


def recovered(probe: str, above: float, centre: bool = True) -> Reading:
    """Fraction of a linear probe's vectors recovered to a cosine, per probe seed."""
    rows = table("recovery").filter(probe=probe)
    rows = rows if centre else rows.filter(centre=False)
    return rows.mean(pl.col("centred") > above, unit="seed")


def geometry(source: str, column: str = "gap_r2") -> Reading:
    """A number of the geometry of one source, per probe seed."""
    return table("geometry").filter(source=source).value(column, unit="seed")


def edits(method: str, *kinds: str) -> Rows:
    """Edits of some kinds by one method, a row per board."""
    return table("edits").filter(method=method, edit=kinds)


def repaired(method: str, *kinds: str, than: str = "") -> Reading:
    """Share of the mean null error that an edit takes away, board by board.

    With ``than``, the share that it takes away beyond another method.
    """
    error = lambda of, column="error": edits(of, *kinds).value(column, unit="case")
    null = error(method, "null")
    before = error(than) if than else null
    part = lambda before, after, null: (before - after) / max(null.mean(), 1e-9)
    return combine(part, before, error(method), null)
