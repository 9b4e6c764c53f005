"""Claims of the study ``universality``.

A seed trains one network per group; unless a claim says otherwise, a seed's value is that of its
worse group. Where a bar is the paper's it comes from the authors' published runs of the same
network on A5, S5, D59 and D61 (their file ``universality_results.csv`` and the runs' summaries),
none of which is repeated here.
"""

from collections.abc import Callable

import polars as pl

from toylab.claims import Claim, Condition, Expect
from toylab.conditions import given, only
from toylab.read import Measures, Reading, table

LEARNED = 0.99  # accuracy at which a set counts as learned
STANDARD = {"A5": "4d", "S5": "standard"}  # permutations of five things, less the trivial part
PAPER = "Chughtai et al. 2023"
MOST = "ours: most pairs, that is more than half"

NETWORKS = table("networks")
DIHEDRAL = pl.col("group").str.starts_with("D")
PERMUTES = pl.col("group").str.slice(0, 1).is_in(["A", "S"])
IS_STANDARD = pl.any_horizontal(
    (pl.col("group") == g) & (pl.col("irrep") == r) for g, r in STANDARD.items()
)


def lowest(value: str | pl.Expr) -> Reading:
    """The least of a number over a seed's groups."""
    value = pl.col(value) if isinstance(value, str) else value
    return NETWORKS.aggregate(value.min())


def highest(value: str | pl.Expr) -> Reading:
    """The greatest of a number over a seed's groups."""
    value = pl.col(value) if isinstance(value, str) else value
    return NETWORKS.aggregate(value.max())


def differs(which: pl.Expr) -> Reading:
    """Whether two seeds, 0 and 1, 2 and 3 and so on, have other key representations (0 or 1)."""
    rows = NETWORKS.filter(which).then(lambda r: r.with_columns(pair=pl.col("init_seed") // 2))
    other = pl.when(pl.len() == 2).then(pl.col("keys").n_unique() == 2)
    return rows.aggregate(other, unit=("group", "pair"))


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


ACCURACY = lowest("test_accuracy")
TASK = Condition("networks reach 99% test accuracy", ACCURACY, Expect.above(LEARNED))
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


GENERALISES = Claim(
    key="generalises",
    text="Networks learn the multiplication table of a group from half of it: test accuracy is "
    "at least 99%.",
    source=f"{PAPER}, section 5",
    paper=1.0,
    reading=ACCURACY,
    expect=Expect.above(LEARNED),
    bar="ours: 99%, a task as good as learned",
)

CIRCUITS = given(
    TASK,
    Claim(
        key="grokking",
        text="Test pairs are learned to 99% at least 5 times later than training pairs.",
        source=f"{PAPER}, appendix on training dynamics",
        reading=TIMES.aggregate((pl.col("test") / pl.col("train")).min()),
        expect=Expect.above(5),
        bar="ours: half of the factor of 10 of Nanda et al. 2023",
    ),
    Claim(
        key="characters_in_logits",
        text="The characters chi(a b c^-1) of the key representations explain at least 40% of the "
        "logits' variance.",
        source=f"{PAPER}, section 5.1, table of universality",
        paper="0.44 to 0.57 on A5, D59 and D61",
        reading=lowest("fve"),
        expect=Expect.above(0.4),
        bar="paper: 0.44 to 0.57 in its runs, rounded down",
        headline=True,
    ),
    Claim(
        key="few_dimensions",
        text="The key representations span at most 60% of the functions on the group.",
        source=f"{PAPER}, table of universality",
        paper="0.42 and 0.57 on A5",
        reading=highest("chance"),
        expect=Expect.below(0.6),
        bar="paper: 0.42 and 0.57 on A5, rounded up",
    ),
    Claim(
        key="embeddings_in_key_irreps",
        text="At least 95% of the embeddings' variance lies in the key representations.",
        source=f"{PAPER}, section 5.2",
        paper="0.985 to 0.997 on A5",
        reading=lowest("embedding"),
        expect=Expect.above(0.95),
        bar="paper: 0.985 to 0.997 on A5, rounded down",
        control=only(
            "that of the untrained embeddings does not",
            highest("embedding_untrained"),
            Expect.below(0.95),
        ),
    ),
    Claim(
        key="excluded_loss",
        text="Without the key characters in the logits, the loss on the training pairs exceeds "
        "that of a uniform guess.",
        source=f"{PAPER}, section 5.4",
        paper="1.8 to 2.8 on A5",
        reading=lowest(pl.col("excluded") / pl.col("uniform")),
        expect=Expect.above(1.0),
        bar="theory: a uniform guess has a ratio of 1",
        control=only(
            "without as many characters of relabelled answers it does not",
            highest(pl.col("excluded_relabelled") / pl.col("uniform")),
            Expect.below(1.0),
        ),
    ),
    Claim(
        key="restricted_loss",
        text="The key characters alone do the task: their loss on all pairs is at most twice the "
        "network's (median).",
        source=f"{PAPER}, section 5.4",
        paper="below 0.1 on A5",
        reading=highest(pl.col("restricted") / pl.col("loss")),
        expect=Expect.below(2.0),
        bar="ours: twice the network's loss; the paper has less than a tenth of it",
        statistic="median",
    ),
    Claim(
        key="rest_of_embeddings_is_idle",
        text="Ablating all but the key representations from the embeddings at most doubles the "
        "loss on all pairs (median).",
        source=f"{PAPER}, section 5.4; Nanda et al. 2023, section 4.4",
        reading=highest(pl.col("only_key") / pl.col("loss")),
        expect=Expect.below(2.0),
        bar="ours: twice the loss, as for the key characters alone",
        statistic="median",
        control=only(
            "ablating all but a random subspace of that dimension more than doubles it",
            lowest(pl.col("only_random") / pl.col("loss")),
            Expect.above(2.0),
        ),
    ),
    Claim(
        key="circuit_before_generalisation",
        text="The circuit forms before the network generalises: the loss of the key characters "
        "alone falls below half a uniform guess's within 0.9 of the steps to 99% test accuracy.",
        source=f"{PAPER}, appendix on training dynamics; weights are from the held-out pairs here",
        reading=CIRCUIT.aggregate((pl.col("circuit") / pl.col("test")).max()),
        expect=Expect.below(0.9),
        bar="ours: a lead of a tenth of those steps, as in the study grokking",
    ),
    Claim(
        key="neurons_have_one_irrep",
        text="At least 80% of the live neurons have 85% of their incoming weights in one "
        "representation.",
        source=f"{PAPER}, section 5.3; Nanda et al. 2023 for the numbers",
        paper="126 of 128 neurons on S5",
        reading=lowest("neurons"),
        expect=Expect.above(0.8),
        bar="paper: 84.6% in Nanda et al. 2023, rounded down",
        control=only(
            "of the untrained neurons fewer do", highest("neurons_untrained"), Expect.below(0.8)
        ),
    ),
    Claim(
        key="choice_varies_permutations",
        text="Which representations of A5 are key varies: most pairs of seeds differ in them.",
        source=f"{PAPER}, section 6",
        paper="0.67 on A5, of 4 seeds",
        reading=differs(PERMUTES),
        expect=Expect.above(0.5),
        bar=MOST,
        unit="pair of seeds",
    ),
    Claim(
        key="choice_varies_dihedral",
        text="Which representations of D29 are key varies: most pairs of seeds differ in them.",
        source=f"{PAPER}, section 6",
        paper="1 on D59, of 4 seeds",
        reading=differs(DIHEDRAL),
        expect=Expect.above(0.5),
        bar=MOST,
        unit="pair of seeds",
    ),
    Claim(
        key="standard_is_always_key",
        text="Permutations of five things are multiplied by the standard representation, of "
        "dimension 4, in at least 90% of the seeds.",
        source=f"{PAPER}, section 6",
        paper="4 of 4 seeds on A5, 49 of 50 on S5",
        reading=table("irreps").filter(IS_STANDARD).aggregate(pl.col("key").min()),
        expect=Expect.above(0.9),
        bar="paper: 49 of 50 seeds on S5, rounded down",
    ),
)

CLAIMS = (GENERALISES, *CIRCUITS)
