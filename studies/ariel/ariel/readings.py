"""Readings of ariel: scores of samples, of sentences written again, and of what lies between."""

import polars as pl

from toylab.claims import Condition, Expect
from toylab.read import Reading, Rows, table
from toylab.read.networks import trend

SAMPLES, BOXES, CODES = table("samples"), table("boxes"), table("codes")
BETWEEN, FLOAT32 = table("between"), table("precision").filter(number="float32")


def score(kind: str, column: str = "distinct", **ways: str) -> Reading:
    """A score of samples of boxes, of a null, or of a kind of which a seed has one network."""
    return SAMPLES.filter(kind=kind, **ways).value(column)


def best(*kinds: str, how: str = "even", words: str = "likeliest") -> Reading:
    """Most distinct sentences among the samples of some autoencoders of a seed."""
    rows = SAMPLES.filter(kind=kinds, how=how, words=words)
    return rows.aggregate(pl.col("distinct").max())


def by_beta(rows: Rows, column: str) -> Reading:
    """Rank correlation of a score of VAEs with beta, per seed."""
    return trend(rows.filter(kind="vae"), pl.col(column).mean(), "beta")


def middle(kind: str) -> Reading:
    """What is kept of the object halfway, of the VAE of the least beta where it is one."""
    rows = BETWEEN.filter(kind=kind, at=0.5)
    return (rows.first("beta") if kind == "vae" else rows).value("object")


SPEAKS = Condition(
    "the language model needs at most a quarter of a bit more than the grammar's entropy",
    BOXES.value("excess"),
    Expect.below(0.25),
)
RESTORES = Condition(
    "plain autoencoders write 95% of the sentences outside of the corpus again",
    CODES.filter(kind=("ae", "attention")).aggregate(pl.col("restored_new").min()),
    Expect.above(0.95),
)
KEEPS = Condition(
    "the VAE of the least beta writes 95% of the sentences outside of the corpus again",
    CODES.filter(kind="vae").first("beta").value("restored_new"),
    Expect.above(0.95),
)
EVEN = Condition(
    "sentences of even points are as frequent as their boxes are large (p-value of chi-square)",
    BOXES.value("p_value"),
    Expect.between(0.05, 0.95),
)
