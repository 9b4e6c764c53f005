"""Claims of the study ``universality``.

A seed trains one network per group; unless a claim says otherwise, a seed's value is that of its
worse group. Thresholds without another source come from the authors' published runs of the same
network on A5, S5, D59 and D61 (their file ``universality_results.csv`` and the runs' summaries),
none of which is repeated here.
"""

from collections.abc import Callable

import numpy as np
import polars as pl

from toylab.claims import Claim, Expect
from toylab.read import Measures, Reading, table

LEARNED = 0.99  # accuracy at which a set counts as learned
STANDARD = {"A5": "4d", "S5": "standard"}  # permutations of five things, less the trivial part
PAPER = "Chughtai et al. 2023"

NETWORKS = table("networks")
DIHEDRAL = pl.col("group").str.starts_with("D")
PERMUTES = pl.col("group").str.slice(0, 1).is_in(["A", "S"])
IS_STANDARD = pl.any_horizontal(
    (pl.col("group") == g) & (pl.col("irrep") == r) for g, r in STANDARD.items()
)


def worst(value: str | pl.Expr) -> Reading:
    """The least of a number over a seed's groups."""
    value = pl.col(value) if isinstance(value, str) else value
    return NETWORKS.aggregate(value.min())


def first_step(**tests: pl.Expr) -> Callable[[pl.DataFrame], pl.DataFrame]:
    """Make rows of the first step at which each network passes each test, null if it never does."""
    steps = {name: pl.col("step").filter(test).min() for name, test in tests.items()}
    return lambda rows: rows.group_by("group", "init_seed", maintain_order=True).agg(**steps)


def reached(part: str) -> pl.Expr:
    """Test whether a set counts as learned."""
    return pl.col(f"{part}_accuracy").cast(pl.Float64) >= LEARNED


def with_uniform(rows: pl.DataFrame, m: Measures) -> pl.DataFrame:
    """Add each network's loss of a uniform guess."""
    return rows.join(
        m["networks"].select("group", "init_seed", "uniform"), on=["group", "init_seed"]
    )


TIMES = table("curves").then(first_step(test=reached("test"), train=reached("train")))
CIRCUIT = (
    table("progress")
    .then(with_uniform, with_measures=True)
    .then(
        first_step(
            circuit=pl.col("restricted_held_out") / pl.col("uniform") <= 0.5,
            test=reached("test"),
        )
    )
)


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


CLAIMS = (
    Claim(
        key="generalises",
        text="Networks learn the whole multiplication table from a part of it (test accuracy).",
        source=f"{PAPER}, section 5",
        paper=1.0,
        reading=worst("test_accuracy"),
        expect=Expect.above(LEARNED),
    ),
    Claim(
        key="grokking",
        text="Test pairs are learned to 99% at least 5 times later than training pairs.",
        source=f"{PAPER}, appendix on training dynamics; Nanda et al. 2023 for the factor",
        reading=TIMES.aggregate((pl.col("test") / pl.col("train")).min()),
        expect=Expect.above(5),
    ),
    Claim(
        key="characters_in_logits",
        text="Characters chi(a b c^-1) of the key representations make at least 40% of the "
        "variance of the logits.",
        source=f"{PAPER}, section 5.1, table of universality",
        paper="0.44 to 0.57 on A5, D59 and D61",
        reading=worst("fve"),
        expect=Expect.above(0.4),
    ),
    Claim(
        key="few_dimensions",
        text="The key representations are a part of all: they span at most 60% of the functions on "
        "the group.",
        source=f"{PAPER}, table of universality",
        paper="0.42 and 0.57 on A5",
        reading=NETWORKS.aggregate(pl.col("chance").max()),
        expect=Expect.below(0.6),
    ),
    Claim(
        key="embeddings_in_key_irreps",
        text="At least 95% of the embeddings' variance lies in the key representations.",
        source=f"{PAPER}, section 5.2",
        paper="0.985 to 0.997 on A5",
        reading=worst("embedding"),
        expect=Expect.above(0.95),
    ),
    Claim(
        key="excluded_loss",
        text="Without the key characters in the logits, the loss on the training pairs exceeds "
        "that of a uniform guess (ratio).",
        source=f"{PAPER}, section 5.4",
        paper="1.8 to 2.8 on A5",
        reading=worst(pl.col("excluded") / pl.col("uniform")),
        expect=Expect.above(1.0),
    ),
    Claim(
        key="restricted_loss",
        text="The key characters alone do the task: their loss on all pairs is at most twice the "
        "network's (ratio).",
        source=f"{PAPER}, section 5.4",
        paper="below 0.1 on A5",
        reading=NETWORKS.aggregate((pl.col("restricted") / pl.col("loss")).max()),
        expect=Expect.below(2.0),
        statistic="median",
    ),
    Claim(
        key="rest_of_embeddings_is_idle",
        text="Ablating every representation but the key ones from the embeddings at most doubles "
        "the loss on all pairs (ratio).",
        source=f"{PAPER}, section 5.4; Nanda et al. 2023, section 4.4",
        reading=NETWORKS.aggregate((pl.col("only_key") / pl.col("loss")).max()),
        expect=Expect.below(2.0),
        statistic="median",
    ),
    Claim(
        key="circuit_before_generalisation",
        text="The key circuit is there before it shows: the restricted loss is down to half of a "
        "uniform guess's in less than 0.9 of the time to 99% test accuracy. Its weights come from "
        "the held-out pairs: from all pairs, as first measured, memorised answers pass.",
        source=f"{PAPER}, appendix on training dynamics; Nanda et al. 2023 for the number",
        reading=CIRCUIT.aggregate((pl.col("circuit") / pl.col("test")).max()),
        expect=Expect.below(0.9),
    ),
    Claim(
        key="neurons_have_one_irrep",
        text="At least 80% of the live neurons have 85% of their incoming weights in one "
        "representation.",
        source=f"{PAPER}, section 5.3; Nanda et al. 2023 for the numbers",
        paper="126 of 128 neurons on S5",
        reading=worst("neurons"),
        expect=Expect.above(0.8),
    ),
    Claim(
        key="choice_varies_permutations",
        text="The key representations of A5 vary over seeds: a seed's set differs from at least "
        "20% of the others' (one odd seed of 6 makes 33%).",
        source=f"{PAPER}, section 6",
        paper="0.67 on A5, of 4 seeds",
        reading=table("networks").filter(PERMUTES).then(differing).aggregate(pl.col("share").min()),
        expect=Expect.above(0.2),
        unit="seed, compared with all others",
    ),
    Claim(
        key="choice_varies_dihedral",
        text="The key representations of a dihedral group vary over seeds (same measure).",
        source=f"{PAPER}, section 6",
        paper="1 on D59, of 4 seeds",
        reading=table("networks").filter(DIHEDRAL).then(differing).aggregate(pl.col("share").min()),
        expect=Expect.above(0.2),
        unit="seed, compared with all others",
    ),
    Claim(
        key="standard_is_always_key",
        text="Some choices recur: permutations of five things are always multiplied by the "
        "standard representation, of dimension 4 (share of seeds).",
        source=f"{PAPER}, section 6",
        paper="4 of 4 seeds on A5, 49 of 50 on S5",
        reading=table("irreps").filter(IS_STANDARD).aggregate(pl.col("key").min()),
        expect=Expect.above(0.9),
    ),
)
