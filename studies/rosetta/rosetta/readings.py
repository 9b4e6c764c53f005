"""Readings of rosetta: networks at the end of training, or early in it."""

import polars as pl

from toylab.claims import Condition, Expect
from toylab.read import Reading, Rows, table
from toylab.read.networks import trend

from .signs import ARMS

EARLY = 4  # it is early after one quarter of the training
CELLS, SIGNS = table("cells"), table("signs")


def arm(*names: str) -> Rows:
    """The networks of some arms, at every step."""
    return CELLS.filter(arm=names)


def balanced(name: str = "bias") -> Rows:
    """Networks of an arm in whose world values hold nothing about the language."""
    return arm(name).first("bias")


def biased(name: str = "bias") -> Rows:
    """Networks of an arm in whose world a value's half tells the language."""
    return arm(name).last("bias")


def end(rows: Rows, column: str = "cross") -> Reading:
    """A column at the end of training, of one network per seed."""
    return rows.last("step").value(column)


def early(rows: Rows, column: str) -> Reading:
    """A column after a quarter of the training."""
    quarter = pl.col("step") == pl.col("step").max() // EARLY
    return rows.filter(quarter).value(column)


def cost(column: str = "cross") -> Reading:
    """How much lower a column is at the end where the value's half tells the language."""
    return end(balanced(), column) - end(biased(), column)


def by_bias() -> Reading:
    """Rank correlation of transfer with the bias, per seed."""
    return trend(arm("bias").last("step"), pl.col("cross").mean(), "bias")


def by_share() -> Reading:
    """Rank correlation of transfer with the share of parallel facts, per seed."""
    rows = arm("bias", "share").filter(bias=0.0)
    return trend(rows.last("step"), pl.col("cross").mean(), "parallel")


def foretells(over: str, sign: str = "score_single") -> Reading:
    """Rank correlation of what is seen early with the transfer at the end."""
    return SIGNS.filter(sign=sign, over=over).value("value")


LEARNED = Condition(
    "every network answers 95% of what it was told",
    arm(*ARMS, "names", "apart", "leak").last("step").aggregate(pl.col("recall").min()),
    Expect.above(0.95),
)
