"""Readings of the stored tables, one value per seed."""

import polars as pl

from toylab.read import Reading, Rows, table

EASY = ("colour", "shape")  # relations whose object is a value of its own
SIGNIFICANT = 0.05  # p-values below it


def language(name: str) -> Rows:
    """A table of the language models."""
    return table(name, of="language")


def scenes(name: str) -> Rows:
    """A table of the perceptrons on scenes."""
    return table(name, of=("toy_scenes", "toy_tuned"))


def equality(name: str) -> Rows:
    """A table of the perceptrons on equality."""
    return table(name, of="toy_equality")


def swing(method: str, arm: str) -> Reading:
    """Swing of the mood at the dose and layer that other prompts choose; the mean over draws."""
    return language("steered").filter(method=method, arm=arm).mean("swing")


def task_vector(column: str) -> Reading:
    """A number of the layer that is best on development sets."""
    return language("task_vectors").filter(chosen=True).value(column)


def relation(*names: str, column: str = "faithful") -> Reading:
    """Mean over relations, of held-out subjects."""
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
    """Fraction of the concepts of a role that the test calls significant at 5%."""
    return tcav((pl.col("p") < SIGNIFICANT).mean(), role)


def saliency(column: str, network: str = "trained", method: str = "smooth") -> Reading:
    """Overlap of one method's strongest pixels, on one network, with a box."""
    return scenes("toy_saliency").filter(network=network, method=method).value(column)


def skill(column: str, group: str) -> Reading:
    """Mean over the four rules."""
    return scenes("toy_skills").filter(group=group).mean(column)


def reward(chooser: str, k: int) -> Reading:
    """Mean reward of the answer that a chooser picks among k."""
    return scenes("toy_choice").filter(chooser=chooser, k=k).value("reward")


def best_iia(arm: str) -> Reading:
    """Interchange accuracy at the layer that is best on other examples."""
    rows = equality("toy_alignment").filter(arm=arm)
    return rows.aggregate(pl.col("iia").sort_by("valid").last())


def most_iia(arm: str) -> Reading:
    """The largest interchange accuracy of any layer."""
    return equality("toy_alignment").filter(arm=arm).aggregate(pl.col("iia").max())
