"""Readings of the stored tables of preference collapse, one value per seed."""

from typing import Any

import numpy as np
import polars as pl

from toylab.read import Reading, table

TOY = table("toy", of=("reference", "policy"))
FALL = 1 - pl.col("chosen") / pl.col("peak")
OFF, ON = {"chosen_likely": 0}, {"chosen_likely": 1}  # whether the chosen are on-policy
BOTH_ON = (pl.col("chosen_likely") == 1) & (pl.col("rejected_likely") == 1)
WORST = {"chosen_likely": 0, "rejected_likely": 1}


def toy(arm: str, value: pl.Expr, *where: pl.Expr, **equals: Any) -> Reading:
    """An aggregate over the toy's scenarios at the end of an arm."""
    return TOY.filter(*where, arm=arm, **equals).aggregate(value)


def rate(condition: str, **where: Any) -> Reading:
    """Bad rate of a condition, mean over its rows."""
    return _bypass(condition, "rate", **where)


def perplexity(condition: str, against: str) -> Reading:
    """Relative change of clean perplexity."""
    nats = _bypass(condition, "nats") - _bypass(against, "nats")
    return nats.map(np.exp) - 1


def _bypass(condition: str, value: str, **where: Any) -> Reading:
    rows = table("bypass", of=("language", "tuned"))
    return rows.filter(condition=condition, **where).mean(value)


def cut(condition: str) -> Reading:
    """Share of the bad rate that a condition takes away."""
    return 1 - rate(condition) / rate("before")


def restored(condition: str, **where: Any) -> Reading:
    """Share of DPO's change that a condition undoes."""
    before, after = rate("before"), rate("after")
    return (rate(condition, **where) - after) / (before - after)


def network(value: str) -> Reading:
    """A column of the table of language models."""
    return table("networks", of=("language", "tuned")).value(value)


def fall(which: str) -> Reading:
    """Share by which a number of a language model falls under DPO."""
    return 1 - network(f"{which}_after") / network(f"{which}_before")
