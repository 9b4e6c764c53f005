"""Claims of the study ``circuit_efficiency``; its units are draws of the initial sub-weights."""

import polars as pl

from toylab.claims import Claim, Expect
from toylab.read import Reading, choose, least, table
from toylab.tasks.grokking.circuit_phases import GENERALISED, GROKKING, IMMEDIATE

SECTION = "Section 3, figure 2"
MAP = "toylab.tasks.grokking.circuits_theory"
UNIT = "draw of the initial sub-weights"
AGREES = (pl.col("phase") == pl.col("predicted")).mean()
MAJORITY = pl.col("phase").unique_counts().max() / pl.len()
EXPONENT = (
    pl.cov(pl.col("norm_ratio").log(), pl.col("ratio").log()) / pl.col("norm_ratio").log().var()
)


def of_case(case: str, value: str | pl.Expr) -> Reading:
    """A number of one case's circuits."""
    return table("runs").filter(case=case).value(value, unit="seed")


def over_theory(predicted: str) -> Reading:
    """Median of measured over predicted time, over the cells of the map that grok."""
    grok = table("map").where(pl.col("phase") == "grokking")
    return grok.aggregate((pl.col("test_time") / pl.col(predicted)).median(), skip=True)


CLAIMS = (
    Claim(
        key="three_ingredients_grok",
        text="With all three ingredients the test loss falls below 1 nat long after the training "
        "loss fell below 0.5 (ratio of the steps).",
        source=SECTION,
        reading=of_case("grokking", "delay"),
        expect=Expect.above(GROKKING),
        unit=UNIT,
    ),
    Claim(
        key="norm_falls",
        text="As it groks the parameter norm falls: its peak over its last value.",
        source=SECTION,
        reading=of_case("grokking", pl.col("norm_max") / pl.col("norm_end")),
        expect=Expect.above(1.5),
        unit=UNIT,
    ),
    Claim(
        key="ratio_is_theorem",
        text="In the end w_m / w_g is (P_m / P_g)^(-2 kappa / (2 - kappa)) (distance).",
        source="Theorem D.4",
        paper=0.0,
        reading=abs(of_case("grokking", "ratio") - of_case("grokking", "theory_ratio")),
        expect=Expect.below(0.02),
        unit=UNIT,
    ),
    Claim(
        key="ratio_has_the_exponent",
        text="Over the map's norms from 1.25 up, w_m / w_g falls as a power of P_m / P_g with the "
        "theorem's exponent -2 kappa / (2 - kappa), -3 for the paper's kappa (over all speeds).",
        source="Theorem D.4",
        paper=-3.0,
        reading=table("map").filter(pl.col("norm_ratio") >= 1.25).aggregate(EXPONENT),
        expect=Expect.near(-3.0, 0.1),
        unit=UNIT,
    ),
    Claim(
        key="inefficient_never_generalises",
        text="With a less efficient C_gen the training set is fitted to 0.1 nats and the test loss "
        "stays at 5 or more.",
        source=SECTION,
        reading=choose(
            of_case("inefficient", "train_end") < 0.1, of_case("inefficient", "test_end"), 0.0
        ),
        expect=Expect.above(5.0),
        unit=UNIT,
    ),
    Claim(
        key="equal_speed_is_immediate",
        text="With circuits learned equally fast the test loss falls with the training loss (ratio "
        "of the steps).",
        source=SECTION,
        reading=of_case("equal speed", "delay"),
        expect=Expect.below(IMMEDIATE),
        unit=UNIT,
    ),
    Claim(
        key="equal_speed_never_above_chance",
        text="There the test loss is never above that of guessing, ln q (greatest excess in nats).",
        source=SECTION,
        reading=of_case("equal speed", "test_excess"),
        expect=Expect.below(0.0),
        unit=UNIT,
    ),
    Claim(
        key="equal_speed_falls_at_once",
        text="When the training loss reaches 0.5 the test loss of equally fast circuits has fallen "
        "already: by this many nats it is below that of a slow C_gen.",
        source=SECTION,
        reading=of_case("grokking", "test_at_fit") - of_case("equal speed", "test_at_fit"),
        expect=Expect.above(2.0),
        unit=UNIT,
    ),
    Claim(
        key="swapped_efficiencies_ungrok",
        text="Grokked circuits whose norms then change places ungrok: test loss in the end, less "
        "that of the same circuits continued unchanged.",
        source="Section 4 for transformers; in the simulation an extension",
        reading=of_case("swapped", "test_end") - of_case("kept", "test_end"),
        expect=Expect.above(5.0 - GENERALISED),
        unit=UNIT,
    ),
    Claim(
        key="whatever_rate_and_convention",
        text="Grokking is there too at 5 times the learning rate, and under the paper's other "
        "convention for alpha (lesser of the two ratios of steps).",
        source="Appendices C and D",
        reading=least(of_case("other rate", "delay"), of_case("other decay", "delay")),
        expect=Expect.above(GROKKING),
        unit=UNIT,
    ),
    Claim(
        key="map_as_predicted",
        text="Over norms and speeds it is never, immediate, delayed or grokking where theory, "
        "without a fitted number, says so (share of cells).",
        source=MAP,
        reading=table("map").aggregate(AGREES),
        expect=Expect.above(0.9),
        unit=UNIT,
    ),
    Claim(
        key="map_above_control",
        text="That share is above the one of naming the commonest phase everywhere (difference).",
        source="control",
        reading=table("map").aggregate(AGREES - MAJORITY),
        expect=Expect.above(0.2),
        unit=UNIT,
    ),
    Claim(
        key="delay_law",
        text="Where it groks, it generalises at t_train + ln(c_m / c_g) / rate, the rate being the "
        "slope of C_mem's decay at rest (median over cells of measured over predicted time).",
        source=MAP,
        paper=1.0,
        reading=over_theory("predicted_time"),
        expect=Expect.between(0.8, 1.25),
        unit=UNIT,
    ),
    Claim(
        key="takeover_time",
        text="With the slow end of the takeover put in, the time is that predicted (median over "
        "cells that grok of measured over predicted).",
        source=MAP,
        paper=1.0,
        reading=over_theory("quasistatic_time"),
        expect=Expect.between(0.9, 1.1),
        unit=UNIT,
    ),
)
