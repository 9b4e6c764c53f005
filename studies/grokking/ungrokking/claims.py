"""Claims of the study ``ungrokking``: one number per seed from its tables, and its region."""

from collections.abc import Mapping
from typing import Any, Literal

import numpy as np
import polars as pl

from toylab.claims import Claim, Expect
from toylab.units import per_unit


def rows_of(m: Mapping[str, Any], name: str = "continued", decay: float = 1.0) -> pl.DataFrame:
    """Final values of one set at one decay."""
    return m["models"].filter((pl.col("set") == name) & (pl.col("decay") == decay))


def at_end(rows: pl.DataFrame, end: Literal["min", "max"], column: str) -> np.ndarray:
    """A value at the smallest or the largest size, per seed."""
    size = rows["size"].min() if end == "min" else rows["size"].max()
    return per_unit(rows.filter(pl.col("size") == size), pl.col(column).mean())


def shift(table: pl.DataFrame) -> np.ndarray:
    """Relative shift of the transition from the least decay to the greatest, per seed."""
    rows = table.filter(pl.col("set") == "continued").sort("decay")
    return per_unit(rows, pl.col("size").last() / pl.col("size").first() - 1)


def scratch_below(m: Mapping[str, Any]) -> np.ndarray:
    """Best final test accuracy from scratch at sizes where the continued network ungrokked."""
    key = ("init_seed", "size")
    continued = rows_of(m).select(*key, pl.col("test_accuracy").alias("continued"))
    both = rows_of(m, "scratch").join(continued, on=key)
    below = pl.col("test_accuracy").filter(pl.col("continued") < 0.5)
    return per_unit(both, below.max())


def crossing_over_transition(m: Mapping[str, Any]) -> np.ndarray:
    """Size at which memorising costs as much norm as generalising, over the transition's size."""
    chosen = (pl.col("set") == "continued") & (pl.col("decay") == 1.0)
    sizes = m["transitions"].filter(chosen)
    crossing = m["exponents"].filter(pl.col("set") == "memorising").select("init_seed", "crossing")
    both = sizes.join(crossing, on="init_seed", how="left")
    return per_unit(both, (pl.col("crossing") / pl.col("size")).first())


def of_set(m: Mapping[str, Any], name: str, column: str) -> np.ndarray:
    """A column of the exponents of one set, per seed; NaN for a seed that has none."""
    found = m["exponents"].filter(pl.col("set") == name).select("init_seed", column)
    every = m["models"].select("init_seed").unique()
    return per_unit(every.join(found, on="init_seed", how="left"), pl.col(column).first())


FEW = "Varma et al. 2023, section 5 and figure 7 (ungrokking)"
THEORY = "Varma et al. 2023, section 3 (efficiency and critical size)"
COST = "Varma et al. 2023, section 5 and figure 4 (efficiency of both circuits)"

CLAIMS = (
    Claim(
        key="ungroks_on_few_data",
        text="A network that computes the whole table loses it on the smallest D': final test "
        "accuracy.",
        source=FEW,
        measure=lambda m: at_end(rows_of(m), "min", "test_accuracy"),
        expect=Expect.below(0.2),
    ),
    Claim(
        key="keeps_on_many_data",
        text="On the largest D' the network goes on generalising: final test accuracy.",
        source=FEW,
        measure=lambda m: at_end(rows_of(m), "max", "test_accuracy"),
        expect=Expect.above(0.95),
    ),
    Claim(
        key="accuracy_rises_with_data",
        text="Final test accuracy rises with D' (Spearman's correlation over the sizes).",
        source=FEW,
        paper=1.0,
        measure=lambda m: per_unit(rows_of(m), pl.corr("size", "test_accuracy", method="spearman")),
        expect=Expect.above(0.9),
    ),
    Claim(
        key="transition_free_of_decay",
        text="The D' at which test accuracy crosses 1/2 does not depend on the weight decay: "
        "relative shift from the least decay to the greatest, a fourfold range, over which a "
        "size proportional to the decay would shift by 3.",
        source=THEORY,
        paper=0.0,
        measure=lambda m: shift(m["transitions"]),
        expect=Expect.near(0, 0.25),
    ),
    Claim(
        key="still_fits",
        text="Ungrokking is no failure to train: the least final training accuracy over every D' "
        "and decay.",
        source=FEW,
        paper=1.0,
        measure=lambda m: per_unit(
            m["models"].filter((pl.col("set") == "continued") & (pl.col("decay") > 0)),
            pl.col("train_accuracy").min(),
        ),
        expect=Expect.above(0.99),
    ),
    Claim(
        key="needs_decay",
        text="Without weight decay nothing ungroks: final test accuracy on the smallest D'.",
        source="Varma et al. 2023, section 7 (relies crucially on weight decay)",
        paper=1.0,
        measure=lambda m: at_end(rows_of(m, decay=0.0), "min", "test_accuracy"),
        expect=Expect.above(0.95),
    ),
    Claim(
        key="scratch_never_generalises_below",
        text="From scratch, no network generalises on a D' on which the continued one ungrokked: "
        "their greatest final test accuracy.",
        source=FEW,
        measure=scratch_below,
        expect=Expect.below(0.5),
    ),
    Claim(
        key="memorising_costs_more_norm",
        text="The more random labels a network memorises, the more norm it needs for one mean "
        "correct logit (Spearman's correlation over sizes).",
        source=COST,
        paper=1.0,
        measure=lambda m: of_set(m, "memorising", "rank"),
        expect=Expect.above(0.9),
    ),
    Claim(
        key="generalising_costs_the_same",
        text="Networks that generalise need the same norm for that logit whatever D': exponent of "
        "norm against size.",
        source=COST,
        paper=0.0,
        measure=lambda m: of_set(m, "generalising", "exponent"),
        expect=Expect.near(0, 0.1),
    ),
    Claim(
        key="efficiency_tells_the_transition",
        text="The transition lies where memorising random labels costs as much norm as "
        "generalising, within a factor of two: the one size over the other.",
        source=THEORY,
        paper=1.0,
        measure=crossing_over_transition,
        expect=Expect.between(0.5, 2.0),
    ),
)
