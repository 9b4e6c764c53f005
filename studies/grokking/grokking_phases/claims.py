"""Claims of the study ``grokking_phases``, with thresholds from the papers they come from."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import polars as pl

from toylab.claims import Claim, Expect
from toylab.units import per_unit

OMNIGROK = "Liu et al. 2023, Omnigrok (arXiv:2210.01117)"
LIU = "Liu et al. 2022 (arXiv:2205.10343)"
POWER = "Power et al. 2022 (arXiv:2201.02177)"
NANDA = "Nanda et al. 2023 (arXiv:2301.05217), appendix"
INVERSE = Expect.between(-1.3, -0.7)


def law(name: str) -> Any:
    """One exponent per seed."""
    return lambda m: per_unit(m["laws"], pl.col(name).first())


def part(measures: Mapping[str, Any], name: str) -> pl.DataFrame:
    """Rows of one part of the side population, the baseline among them."""
    return measures["sides"].filter(pl.col("part").is_in([name, "baseline"]))


def rank_with_fraction(measures: Mapping[str, Any]) -> np.ndarray:
    """Spearman's correlation of fraction and time, per seed; times not seen come last."""
    late = pl.when(pl.col("test_event")).then("test_time").otherwise(pl.lit(np.inf)).alias("late")
    rows = part(measures, "fraction").with_columns(late)
    return per_unit(rows, pl.corr("fraction", "late", method="spearman"))


def least_fractions(measures: Mapping[str, Any]) -> np.ndarray:
    """Ratio of the times at the two least fractions at which most seeds generalise, per seed."""
    rows = part(measures, "fraction").sort("fraction")
    most = rows.group_by("fraction").agg(pl.col("test_event").mean()).sort("fraction")
    enough = most.filter(pl.col("test_event") > 0.5)["fraction"]
    if len(enough) < 2:
        return np.full(rows["init_seed"].n_unique(), np.nan)
    at = [pl.col("test_time").filter(pl.col("fraction") == f).first() for f in enough[:2]]
    return per_unit(rows, at[0] / at[1])


def scale_slope(measures: Mapping[str, Any]) -> np.ndarray:
    """Slope of the time in ln(scale), times learning rate and weight decay, per seed."""
    rows = part(measures, "scale")
    x, y = pl.col("init_scale").log(), pl.col("test_time")
    slope = pl.cov(x, y) / x.var() * pl.col("learning_rate").first()
    return per_unit(rows, slope * pl.col("weight_decay").first())


def held_over_baseline(measures: Mapping[str, Any], value: pl.Expr) -> np.ndarray:
    """A time with the norm held, over that of the baseline, per seed."""
    of = lambda name: per_unit(measures["sides"].filter(pl.col("part") == name), value.first())
    return of("held") / np.maximum(of("baseline"), 1)


def held_gap(measures: Mapping[str, Any]) -> np.ndarray:
    """Ratio of the steps from training to test."""
    return held_over_baseline(measures, pl.col("test_time") - pl.col("train_time"))


def held_time(measures: Mapping[str, Any]) -> np.ndarray:
    """Ratio of the times to generalise."""
    return held_over_baseline(measures, pl.col("test_time"))


def errors(measures: Mapping[str, Any]) -> np.ndarray:
    """Mean distance of the predicted from the real accuracy, less that of the share, per seed."""
    apart = lambda name: (pl.col(name) - pl.col("accuracy")).abs().mean()
    return per_unit(measures["sizes"], apart("predicted_accuracy") - apart("fraction"))


CLAIMS = (
    Claim(
        key="generalises_late",
        text="Networks reach 99% on the test set ten times later than on the training set (ratio "
        "of steps; a time not reached counts as the length of the run).",
        source=f"{POWER}, figure 1",
        measure=lambda m: per_unit(m["late"], (pl.col("test_time") / pl.col("train_time")).first()),
        expect=Expect.above(10),
        statistic="median",
    ),
    Claim(
        key="inverse_in_decay",
        text="The time to generalise falls as 1 / weight decay (exponent of the decay; fit with "
        "right-censored times over all cells with decay).",
        source=f"{OMNIGROK}, section 4",
        paper=-1.0,
        measure=law("decay"),
        expect=INVERSE,
    ),
    Claim(
        key="inverse_in_rate",
        text="At equal weight decay, it falls as 1 / learning rate (exponent of the rate, from the "
        "same fit), as AdamW shrinks weights by rate times decay per step.",
        source="theory: t = ln(w0 / wc) / (rate * decay), Omnigrok with AdamW's steps",
        paper=-1.0,
        measure=law("rate"),
        expect=INVERSE,
    ),
    Claim(
        key="inverse_in_product",
        text="It falls as 1 / (learning rate * weight decay) (exponent of the product, fit alone).",
        source="theory: t = ln(w0 / wc) / (rate * decay), Omnigrok with AdamW's steps",
        paper=-1.0,
        measure=law("product"),
        expect=INVERSE,
    ),
    Claim(
        key="fitting_ignores_decay",
        text="The time to fit the training set does not depend on weight decay (exponent).",
        source=f"{OMNIGROK}, section 4",
        paper=0.0,
        measure=law("train_decay"),
        expect=Expect.near(0, 0.3),
    ),
    Claim(
        key="no_decay_no_grokking",
        text="Without weight decay no network generalises within the run (share that does).",
        source=NANDA,
        paper=0.0,
        measure=lambda m: per_unit(
            m["law"].filter(pl.col("weight_decay") == 0), pl.col("test_event").mean()
        ),
        expect=Expect.below(0),
    ),
    Claim(
        key="random_answers",
        text="Control: trained on random answers, networks stay at chance on the test set "
        "(accuracy over chance).",
        source="control",
        paper=1.0,
        measure=lambda m: per_unit(m["random"], pl.col("over_chance").first()),
        expect=Expect.below(2),
    ),
    Claim(
        key="more_data_sooner",
        text="The more data, the sooner networks generalise (Spearman's correlation of fraction "
        "and time; times not seen rank last).",
        source=f"{POWER}, figure 1",
        paper=-1.0,
        measure=rank_with_fraction,
        expect=Expect.below(-0.9),
    ),
    Claim(
        key="least_data",
        text="Where data are scarce, 5 points less of them double the time at least (ratio of the "
        "times at the two least fractions at which most seeds generalise; a time not seen counts "
        "as the length of the run).",
        source=f"{POWER}, section 3.1.1: 1 point less raises the median by 40 to 50%",
        measure=least_fractions,
        expect=Expect.above(2),
        statistic="median",
    ),
    Claim(
        key="scale_delays",
        text="Larger first weights delay by the time decay takes to shrink them: the time grows by "
        "ln(scale) / (rate * decay) (slope in that unit).",
        source=f"{OMNIGROK}: t = ln(w0 / wc) / decay",
        paper=1.0,
        measure=scale_slope,
        expect=Expect.near(1, 0.3),
    ),
    Claim(
        key="held_norm_no_delay",
        text="With the norm of all weights held at a small value, and no decay, the delay between "
        "training and test is at most a tenth of the baseline's on the same data (ratio).",
        source=f"{OMNIGROK}, figure 7",
        measure=held_gap,
        expect=Expect.below(0.1),
    ),
    Claim(
        key="held_norm_sooner",
        text="With the norm held, and no decay, networks generalise sooner than the baseline "
        "does by decay (ratio of times on the same data).",
        source=f"{OMNIGROK}, figure 7",
        measure=held_time,
        expect=Expect.below(1),
    ),
    Claim(
        key="four_phases",
        text="Decoder learning rate and weight decay lead to comprehension, grokking, memorisation "
        "and confusion (number of phases in a seed's map).",
        source=f"{LIU}, figure 6",
        paper=4.0,
        measure=lambda m: per_unit(m["maps"], pl.col("phases").first()),
        expect=Expect.above(4),
    ),
    Claim(
        key="grokking_between",
        text="Grokking lies between: some of its cells touch comprehension and some memorisation "
        "(share of seeds).",
        source=f"{LIU}, figure 6",
        paper=1.0,
        measure=lambda m: per_unit(m["maps"], pl.col("between").first()),
        expect=Expect.above(1),
    ),
    Claim(
        key="representation_predicts",
        text="The accuracy that the representation's parallelograms allow predicts the real one "
        "(Pearson's correlation over training set sizes).",
        source=f"{LIU}, figure 3",
        measure=lambda m: per_unit(m["sizes"], pl.corr("predicted_accuracy", "accuracy")),
        expect=Expect.above(0.95),
    ),
    Claim(
        key="better_than_the_share",
        text="That prediction is nearer to the real accuracy than the share of pairs trained on, "
        "which a network without representation would know (difference of mean distances).",
        source=f"{LIU}, figure 3; control",
        measure=errors,
        expect=Expect.below(0),
    ),
)
