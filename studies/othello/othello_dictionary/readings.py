"""Readings of ``othello_dictionary``: per group of held-out games, seed of small ones, pattern."""

import polars as pl

from toylab.analysis.dictionary.choice import VALIDATION, best_setting
from toylab.read import Measures, Reading, table

LEAST_DAMAGE = 0.01  # nats: a control's damage below this counts as this


def main(name: str, column: str) -> Reading:
    """One value per group of held-out games of the large network."""
    rows = table("scores", of="main").filter(network="main", name=name)
    return rows.then(lambda frame: best_setting(frame, column)).mean(column, unit="group")


def small(name: str, column: str) -> Reading:
    """One value per seed of the small networks, the mean over its held-out games."""
    rows = table("scores", of="small").filter(network="small", name=name)
    return rows.then(lambda frame: best_setting(frame, column)).mean(column)


def best(column: str) -> Reading:
    """The better of the two kinds of dictionary, as the validation games say."""
    rows = table("scores", of="main").filter(network="main")

    def better(m: Measures) -> pl.Expr:
        dictionaries = pl.col("name").is_in(["topk", "l1"])
        validation = rows.filter(dictionaries, group=VALIDATION).rows(m)
        kinds = validation.sort(column, "name", descending=True, nulls_last=True)["name"]
        return pl.col("name") == (kinds[0] if len(kinds) else None)

    return (
        rows.filter(better)
        .then(lambda frame: best_setting(frame, column))
        .mean(column, unit="group")
    )


def rule_like(name: str) -> Reading:
    """Share of the neurons whose tree has R^2 > 0.7, per group of held-out games."""
    return table("rules", of="main").filter(name=name).mean("rule_like", unit="group")


def pattern_ratio(control: str) -> Reading:
    """Per pattern, damage where the pattern alone makes the move legal, over that of a control."""
    quotient = pl.col("damage") / pl.col(control).clip(LEAST_DAMAGE)
    return table("patterns", of="main").value(quotient, unit="pattern")
