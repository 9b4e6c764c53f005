"""Tables of the study ``othello_dictionary`` as numbers per unit: what its claims judge."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import polars as pl

from toylab.units import per_unit

Tables = Mapping[str, Any]
Value = Callable[[Tables], np.ndarray]
VALIDATION = -1  # the group that settings are chosen by
LEAST_DAMAGE = 0.01  # nats: a control's damage below this counts as this


def chosen(table: pl.DataFrame, name: str, column: str) -> pl.DataFrame:
    """Held-out rows of the setting of a dictionary that is best on the validation games."""
    rows = table.filter(pl.col("name") == name)
    best = (
        rows.filter(pl.col("group") == VALIDATION)
        .sort(column, "setting", descending=[True, False])
        .unique("init_seed", keep="first", maintain_order=True)
    )
    held_out = rows.filter(pl.col("group") != VALIDATION)
    return held_out.join(best.select("init_seed", "setting"), on=["init_seed", "setting"])


def main(name: str, column: str) -> Value:
    """One value per group of held-out games of the large network."""
    unit = pl.col(column).mean()
    return lambda m: per_unit(chosen(_network(m, "main"), name, column), unit, "group")


def small(name: str, column: str) -> Value:
    """One value per seed of the small networks, the mean over its held-out games."""
    unit = pl.col(column).mean()
    return lambda m: per_unit(chosen(_network(m, "small"), name, column), unit)


def _network(m: Tables, network: str) -> pl.DataFrame:
    return m["scores"].filter(pl.col("network") == network)


def best(column: str) -> Value:
    """The better of the two kinds of dictionary, as the validation games say."""

    def value(m: Tables) -> np.ndarray:
        rows = _network(m, "main").filter(pl.col("group") == VALIDATION)
        means = {n: rows.filter(pl.col("name") == n)[column].max() for n in ("topk", "l1")}
        return main(max(means, key=lambda n: means[n]), column)(m)

    return value


def minus(left: Value, right: Value) -> Value:
    """The difference of two measures, unit by unit."""
    return lambda m: left(m) - right(m)


def over(left: Value, right: Value) -> Value:
    """The quotient of two measures, unit by unit."""
    return lambda m: left(m) / right(m)


def rule_like(name: str) -> Value:
    """Share of the neurons whose tree has R^2 > 0.7, per group of held-out games."""
    return lambda m: per_unit(
        m["rules"].filter(pl.col("name") == name), pl.col("rule_like").mean(), "group"
    )


def pattern_ratio(control: str) -> Value:
    """Per pattern, damage where the pattern alone makes the move legal, over that of a control."""
    quotient = pl.col("damage").mean() / pl.col(control).mean().clip(LEAST_DAMAGE)
    return lambda m: per_unit(m["patterns"], quotient, "pattern")
