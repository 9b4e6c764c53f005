"""Claims of the study ``universality``, and the tables' numbers per seed.

A seed trains one network per group; unless a claim says otherwise, a seed's value is that of its
worse group. Thresholds without another source come from the authors' published runs of the same
network on A5, S5, D59 and D61 (their file ``universality_results.csv`` and the runs' summaries),
none of which is repeated here.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
import polars as pl

from toylab.claims import Claim, Expect
from toylab.stats.survival import crossing_times
from toylab.units import per_unit

LEARNED = 0.99  # accuracy at which a set counts as learned
STANDARD = {"A5": "4d", "S5": "standard"}  # permutations of five things, less the trivial part
PAPER = "Chughtai et al. 2023"

Tables = Mapping[str, Any]


def worst(table: pl.DataFrame, value: pl.Expr, high: bool = False) -> np.ndarray:
    """One value per seed: the least over the groups, or the greatest."""
    rows = table.select("init_seed", value.cast(pl.Float64).alias("value"))
    column = pl.col("value")
    return per_unit(rows, column.nan_max() if high else column.nan_min())


def crossing(table: pl.DataFrame, column: str, threshold: float, direction: Any) -> pl.DataFrame:
    """First step at which each network's column crosses a threshold, NaN where it never does."""
    parts = []
    for (name,), rows in table.group_by("group", maintain_order=True):
        wide = rows.pivot("step", index="init_seed", values=column).sort("init_seed")
        values_PS = wide.drop("init_seed").to_numpy().astype(np.float64)
        steps_S = np.array([float(s) for s in wide.columns[1:]])
        order = np.argsort(steps_S)
        times, seen = crossing_times(
            steps_S[order], values_PS[:, order], threshold, direction=direction
        )
        found = {"group": name, "init_seed": wide["init_seed"]}
        parts.append(pl.DataFrame(found | {"time": np.where(seen, times, np.nan)}))
    return pl.concat(parts)


def ratio(top: pl.DataFrame, bottom: pl.DataFrame) -> pl.DataFrame:
    """Quotient of two tables of times, network by network."""
    both = top.join(bottom, on=["group", "init_seed"], suffix="_bottom")
    quotient = pl.col("time") / pl.col("time_bottom")
    return both.select("group", "init_seed", quotient.alias("time"))


def delay(m: Tables) -> np.ndarray:
    """Steps to learn the test pairs over steps to learn the training pairs."""
    test = crossing(m["curves"], "test_accuracy", LEARNED, "above")
    return worst(ratio(test, crossing(m["curves"], "train_accuracy", LEARNED, "above")), TIME)


def precedence(m: Tables) -> np.ndarray:
    """Step at which the key characters alone halve the uniform loss, over that of the test."""
    uniform = m["networks"].select("group", "init_seed", "uniform")
    scaled = m["progress"].join(uniform, on=["group", "init_seed"])
    scaled = scaled.with_columns(pl.col("restricted_held_out") / pl.col("uniform"))
    circuit = crossing(scaled, "restricted_held_out", 0.5, "below")
    test = crossing(m["progress"], "test_accuracy", LEARNED, "above")
    return worst(ratio(circuit, test), TIME, high=True)


def kind(table: pl.DataFrame, letters: str) -> pl.DataFrame:
    """Rows of the groups whose names begin with one of some letters."""
    return table.filter(pl.col("group").str.slice(0, 1).is_in(list(letters)))


def differing(networks: pl.DataFrame) -> pl.DataFrame:
    """Share of the other seeds whose key representations differ from a seed's own."""
    parts = [pl.DataFrame(schema={"group": str, "init_seed": int, "share": float})]
    for (name,), rows in networks.group_by("group", maintain_order=True):
        keys = rows["keys"].to_list()
        share = [
            float(np.mean([k != own for j, k in enumerate(keys) if j != i]))
            if own is not None and len(keys) > 1
            else np.nan
            for i, own in enumerate(keys)
        ]
        columns = {"group": name, "init_seed": rows["init_seed"], "share": share}
        parts.append(pl.DataFrame(columns))
    return pl.concat(parts)


def standard(m: Tables) -> np.ndarray:
    """Whether the standard representation is key, per seed."""
    pairs = [(pl.col("group") == g) & (pl.col("irrep") == r) for g, r in STANDARD.items()]
    return per_unit(m["irreps"].filter(pl.any_horizontal(pairs)), pl.col("key").min())


TIME = pl.col("time")

CLAIMS = (
    Claim(
        key="generalises",
        text="Networks learn the whole multiplication table from a part of it (test accuracy).",
        source=f"{PAPER}, section 5",
        paper=1.0,
        measure=lambda m: worst(m["networks"], pl.col("test_accuracy")),
        expect=Expect.above(LEARNED),
    ),
    Claim(
        key="grokking",
        text="Test pairs are learned to 99% at least 5 times later than training pairs.",
        source=f"{PAPER}, appendix on training dynamics; Nanda et al. 2023 for the factor",
        measure=delay,
        expect=Expect.above(5),
    ),
    Claim(
        key="characters_in_logits",
        text="Characters chi(a b c^-1) of the key representations make at least 40% of the "
        "variance of the logits.",
        source=f"{PAPER}, section 5.1, table of universality",
        paper="0.44 to 0.57 on A5, D59 and D61",
        measure=lambda m: worst(m["networks"], pl.col("fve")),
        expect=Expect.above(0.4),
    ),
    Claim(
        key="few_dimensions",
        text="The key representations are a part of all: they span at most 60% of the functions on "
        "the group.",
        source=f"{PAPER}, table of universality",
        paper="0.42 and 0.57 on A5",
        measure=lambda m: worst(m["networks"], pl.col("chance"), high=True),
        expect=Expect.below(0.6),
    ),
    Claim(
        key="embeddings_in_key_irreps",
        text="At least 95% of the embeddings' variance lies in the key representations.",
        source=f"{PAPER}, section 5.2",
        paper="0.985 to 0.997 on A5",
        measure=lambda m: worst(m["networks"], pl.col("embedding")),
        expect=Expect.above(0.95),
    ),
    Claim(
        key="excluded_loss",
        text="Without the key characters in the logits, the loss on the training pairs exceeds "
        "that of a uniform guess (ratio).",
        source=f"{PAPER}, section 5.4",
        paper="1.8 to 2.8 on A5",
        measure=lambda m: worst(m["networks"], pl.col("excluded") / pl.col("uniform")),
        expect=Expect.above(1.0),
    ),
    Claim(
        key="restricted_loss",
        text="The key characters alone do the task: their loss on all pairs is at most twice the "
        "network's (ratio).",
        source=f"{PAPER}, section 5.4",
        paper="below 0.1 on A5",
        measure=lambda m: worst(m["networks"], pl.col("restricted") / pl.col("loss"), high=True),
        expect=Expect.below(2.0),
        statistic="median",
    ),
    Claim(
        key="rest_of_embeddings_is_idle",
        text="Ablating every representation but the key ones from the embeddings at most doubles "
        "the loss on all pairs (ratio).",
        source=f"{PAPER}, section 5.4; Nanda et al. 2023, section 4.4",
        measure=lambda m: worst(m["networks"], pl.col("only_key") / pl.col("loss"), high=True),
        expect=Expect.below(2.0),
        statistic="median",
    ),
    Claim(
        key="circuit_before_generalisation",
        text="The key circuit is there before it shows: the restricted loss is down to half of a "
        "uniform guess's in less than 0.9 of the time to 99% test accuracy. Its weights come from "
        "the held-out pairs: from all pairs, as first measured, memorised answers pass.",
        source=f"{PAPER}, appendix on training dynamics; Nanda et al. 2023 for the number",
        measure=precedence,
        expect=Expect.below(0.9),
    ),
    Claim(
        key="neurons_have_one_irrep",
        text="At least 80% of the live neurons have 85% of their incoming weights in one "
        "representation.",
        source=f"{PAPER}, section 5.3; Nanda et al. 2023 for the numbers",
        paper="126 of 128 neurons on S5",
        measure=lambda m: worst(m["networks"], pl.col("neurons")),
        expect=Expect.above(0.8),
    ),
    Claim(
        key="choice_varies_permutations",
        text="The key representations of A5 vary over seeds: a seed's set differs from at least "
        "20% of the others' (one odd seed of 6 makes 33%).",
        source=f"{PAPER}, section 6",
        paper="0.67 on A5, of 4 seeds",
        measure=lambda m: worst(differing(kind(m["networks"], "AS")), pl.col("share")),
        expect=Expect.above(0.2),
        unit="seed, compared with all others",
    ),
    Claim(
        key="choice_varies_dihedral",
        text="The key representations of a dihedral group vary over seeds (same measure).",
        source=f"{PAPER}, section 6",
        paper="1 on D59, of 4 seeds",
        measure=lambda m: worst(differing(kind(m["networks"], "D")), pl.col("share")),
        expect=Expect.above(0.2),
        unit="seed, compared with all others",
    ),
    Claim(
        key="standard_is_always_key",
        text="Some choices recur: permutations of five things are always multiplied by the "
        "standard representation, of dimension 4 (share of seeds).",
        source=f"{PAPER}, section 6",
        paper="4 of 4 seeds on A5, 49 of 50 on S5",
        measure=standard,
        expect=Expect.above(0.9),
    ),
)
