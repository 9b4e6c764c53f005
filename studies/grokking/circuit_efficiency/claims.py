"""Claims of the study ``circuit_efficiency``; its units are draws of the initial sub-weights."""

import polars as pl

from toylab.claims import Claim, Condition, Expect
from toylab.conditions import only
from toylab.read import Reading, least, table
from toylab.tasks.grokking.theory.circuit_phases import GENERALISED, GROKKING

SECTION = "Section 3, figure 2"
DERIVED = "derived in toylab.tasks.grokking.theory.circuits_theory"
LATER = "ours: ten times, a delay that is seen on a log axis"
UNIT = "draw of the initial sub-weights"
AGREES = (pl.col("phase") == pl.col("predicted")).mean()
MAJORITY = pl.col("phase").unique_counts().max() / pl.len()
LATE = pl.col("test_time") / pl.col("predicted_time")


def of_case(case: str, value: str | pl.Expr) -> Reading:
    """A number of one case's circuits."""
    return table("runs").filter(case=case).value(value, unit="seed")


def fitted(case: str) -> Condition:
    """The training set of a case is fitted."""
    return Condition(
        "the training loss ends below 0.1 nats", of_case(case, "train_end"), Expect.below(0.1)
    )


CLAIMS = (
    Claim(
        key="three_ingredients_grok",
        text="With all three ingredients the test loss falls below 1 nat at 10 times the step at "
        "which the training loss falls below 0.5, or later.",
        source=SECTION,
        reading=of_case("grokking", "delay"),
        expect=Expect.above(GROKKING),
        bar=LATER,
        unit=UNIT,
        headline=True,
    ),
    Claim(
        key="norm_falls",
        text="As the circuits grok the parameter norm falls: its peak is at least 1.5 times its "
        "last value.",
        source=SECTION,
        reading=of_case("grokking", pl.col("norm_max") / pl.col("norm_end")),
        expect=Expect.above(1.5),
        bar="ours: half as much again, a fall seen by eye",
        unit=UNIT,
    ),
    Claim(
        key="inefficient_never_generalises",
        text="With C_gen less efficient the test loss ends at 5 nats or more.",
        source=SECTION,
        reading=of_case("inefficient", "test_end"),
        expect=Expect.above(5.0),
        bar="theory: more than a guess's ln q = 4.7",
        unit=UNIT,
        requires=(fitted("inefficient"),),
    ),
    Claim(
        key="swapped_efficiencies_ungrok",
        text="Grokked circuits ungrok when their norms change places: their test loss ends at "
        "least 4 nats above that of the same circuits continued unchanged.",
        source="Section 4 for transformers; in the simulation an extension",
        reading=of_case("swapped", "test_end") - of_case("kept", "test_end"),
        expect=Expect.above(5.0 - GENERALISED),
        bar="theory: from 1 nat, generalised, to more than a guess's ln q = 4.7",
        unit=UNIT,
        requires=(fitted("swapped"),),
    ),
    Claim(
        key="whatever_rate_and_convention",
        text="Circuits grok too at 5 times the learning rate and under the paper's other "
        "convention for alpha (lesser of the two ratios of steps).",
        source="Appendices C and D",
        reading=least(of_case("other rate", "delay"), of_case("other decay", "delay")),
        expect=Expect.above(GROKKING),
        bar=LATER,
        unit=UNIT,
    ),
    Claim(
        key="map_as_predicted",
        text="Over norms and speeds, theory without a fitted number tells in at least 90% of the "
        "cells whether circuits never generalise, do so at once, with delay or grok.",
        source=DERIVED,
        reading=table("map").aggregate(AGREES),
        expect=Expect.above(0.9),
        bar="ours: nine cells in ten, for cells on a border may go either way",
        unit=UNIT,
        control=only(
            "naming the majority phase everywhere is right at least 20 points less often",
            table("map").aggregate(AGREES - MAJORITY),
            Expect.above(0.2),
        ),
    ),
    Claim(
        key="delay_law",
        text="Circuits that grok generalise at t_train + ln(c_m / c_g) / rate, within 10%, with "
        "the slope of C_mem's decay at rest as rate (median over cells).",
        source=DERIVED,
        reading=table("map")
        .where(pl.col("phase") == "grokking")
        .aggregate(LATE.median(), skip=True),
        expect=Expect.between(0.9, 1.1),
        bar="theory: a ratio of 1; within 10%, which the integral of the takeover meets",
        unit=UNIT,
    ),
)
