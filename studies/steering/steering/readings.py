"""Readings of the stored tables, one value per seed."""

from typing import Any

import polars as pl

from toylab.read import Reading, Rows, table

BUDGET = 0.1  # nats that verbs may lose
SIGNIFICANT = 0.05  # p-values below it

# Of the sums over pairs: a rule that was known before has next to nothing to gain.
GAINED = (pl.col("target") - pl.col("before")).sum() / (pl.col("tuned") - pl.col("before")).sum()
FROM_CHANCE = (pl.col("score") - 0.5).abs().mean()


def language(name: str) -> Rows:
    """A table of the language models."""
    return table(name, of="language")


def scenes(name: str) -> Rows:
    """A table of the perceptrons on scenes."""
    return table(name, of=("toy_scenes", "toy_tuned"))


def equality(name: str) -> Rows:
    """A table of the perceptrons on equality."""
    return table(name, of="toy_equality")


def reached(method: str, arm: str) -> Reading:
    """Largest swing at a cost within the budget, over doses and layers; the mean over draws.

    The swing is the share of good nouns at dose +d minus that at -d; the cost is the larger KL at
    verbs. Dose 0 counts, with swing 0.
    """
    fits = pl.when(pl.col("cost") <= BUDGET).then(pl.col("swing")).otherwise(0.0)
    best = fits.max().clip(0, None).alias("best")
    per_draw = lambda rows: rows.group_by("init_seed", "draw").agg(best)
    return language("doses").filter(method=method, arm=arm).then(per_draw).mean("best")


def task_vector(column: str) -> Reading:
    """A number of the layer that was best on development sets."""
    return language("task_vectors").filter(chosen=True).value(column)


def relation(*names: str, column: str = "faithful") -> Reading:
    """Mean over relations, held-out subjects."""
    return language("relations").filter(relation=names).mean(column)


def neurons(arm: str, column: str = "own") -> Reading:
    """Mean over facts of the fraction of the correct probability that is lost."""
    return language("neurons").filter(arm=arm).mean(column)


def arithmetic(column: str, operation: str, vector: str = "task") -> Reading:
    """Mean over rules, or over pairs of rules."""
    return scenes("toy_arithmetic").filter(operation=operation, vector=vector).mean(column)


def tcav(value: pl.Expr, role: str) -> Reading:
    """An aggregate over the concepts of one role."""
    return scenes("toy_tcav").filter(role=role).aggregate(value)


def significant(role: str) -> Reading:
    """Fraction of concepts that the test calls significant at 5%."""
    return tcav((pl.col("p") < SIGNIFICANT).mean(), role)


def saliency(column: str, network: str = "trained", method: str = "smooth") -> Reading:
    """A number of one method on one network."""
    return scenes("toy_saliency").filter(network=network, method=method).mean(column)


def skill(column: str, group: str) -> Reading:
    """Mean over the four rules."""
    return scenes("toy_skills").filter(group=group).mean(column)


def reward(chooser: str, k: int) -> Reading:
    """Mean reward of the answer that a chooser picks among k."""
    return scenes("toy_choice").filter(chooser=chooser, k=k).mean("reward")


def iia(arm: str) -> Rows:
    """Interchange accuracy of every layer."""
    return equality("toy_alignment").filter(arm=arm)


def best_iia(arm: str) -> Reading:
    """Interchange accuracy at the layer that is best on other examples."""
    return iia(arm).aggregate(pl.col("iia").sort_by("valid").last())


def most_iia(arm: str) -> Reading:
    """The largest interchange accuracy of any layer."""
    return iia(arm).aggregate(pl.col("iia").max())


def accuracy(**where: Any) -> Reading:
    """Mean accuracy of a network of equality."""
    return equality("toy_networks").filter(**where).mean("accuracy")
