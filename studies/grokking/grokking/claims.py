"""Claims of the study ``grokking``: Nanda et al.'s progress measures, a value per seed."""

import numpy as np
import polars as pl

from toylab.claims import Claim, Condition, Expect
from toylab.conditions import given, only
from toylab.read import Measures, Reading, table

from .progress import REACHED

CURVES, FINAL, FIGURE7 = "sections 3 and 5.1", "section 4", "section 5.2, figure 7"
WITH_DECAY = pl.col("weight_decay") > 0

PROGRESS = table("progress").filter(WITH_DECAY)
FINISHED, UNTRAINED = PROGRESS.last(), PROGRESS.filter(step=0)
ACCURACY = table("curves").filter(WITH_DECAY).last().value("test_accuracy")
BARE = table("curves").filter(weight_decay=0).last()  # without decay
LEARNED = Condition(
    "networks with weight decay reach 99% test accuracy", ACCURACY, Expect.above(REACHED)
)
STAGES = ("memorised", "cleanup", "generalised")
GENERALISED = table("times").filter(WITH_DECAY).value("generalised")


def gained(column: str) -> Reading:
    """The final value of a column minus that of the untrained network."""
    return FINISHED.value(column) - UNTRAINED.value(column)


def below(column: str, level: pl.Expr) -> pl.Expr:
    """First step at which a column is below a level; the last step if it never is."""
    fallen = pl.col("step").filter(pl.col(column) < level)
    return pl.coalesce(fallen.first(), pl.col("step").max())


def share_of_delay(step: pl.Expr) -> Reading:
    """A step among the snapshots, over the step at which the network generalised."""
    return PROGRESS.aggregate(step) / GENERALISED


def with_times(rows: pl.DataFrame, m: Measures) -> pl.DataFrame:
    """Add to every row when its network memorised, began to clean up and generalised."""
    return rows.join(m["times"].select("member", *STAGES), on="member")


def faster_cleanup(rows: pl.DataFrame) -> float:
    """Fall of the log of the sum of squares per 1,000 steps: in clean-up minus before it."""
    stages = rows.select(STAGES).row(0)
    log = np.interp(stages, rows["step"].to_numpy(), np.log(rows["squares"].to_numpy()))
    spans = np.diff(stages)
    before, during = -np.diff(log) / np.where(spans > 0, spans, np.nan) * 1000
    return during - before


GENERALISES = Claim(
    key="all_generalise",
    text="With weight decay networks generalise: test accuracy at the end is at least 99%.",
    source=CURVES,
    paper=1.0,
    reading=ACCURACY,
    expect=Expect.above(REACHED),
    bar="paper: 100%, less a point",
)

EXPLANATION = given(
    LEARNED,
    Claim(
        key="memorises_first",
        text="Networks fit the training set at least 5 times sooner than the test set (ratio of "
        "the steps to 99% accuracy).",
        source=CURVES,
        paper=10.0,
        reading=GENERALISED / table("times").filter(WITH_DECAY).value("memorised"),
        expect=Expect.above(5),
        bar="paper: half of its factor of 10",
    ),
    Claim(
        key="decay_is_needed",
        text="Without weight decay the same networks do not generalise: their test accuracy at the "
        "end is below 50%.",
        source="appendix D.1",
        reading=BARE.value("test_accuracy"),
        expect=Expect.below(0.5),
        bar="ours: half of what networks with decay reach",
        requires=only(
            "networks without decay fit the training set",
            BARE.value("train_accuracy"),
            Expect.above(REACHED),
        ),
    ),
    Claim(
        key="restricted_loss_leads",
        text="The circuit forms before the network generalises: the loss of the key frequencies "
        "alone falls below half a uniform guess's within 0.9 of the steps to 99% test accuracy.",
        source=f"{FIGURE7}; their weights are from the held-out pairs here",
        reading=share_of_delay(below("restricted", pl.col("uniform") / 2)),
        expect=Expect.below(0.9),
        bar="ours: a lead of a tenth of those steps",
        control=only(
            "as many other frequencies do not do it as soon",
            share_of_delay(below("restricted_others", pl.col("uniform") / 2)),
            Expect.above(0.9),
        ),
        headline=True,
    ),
    Claim(
        key="excluded_loss_rises",
        text="In the end the training set too depends on the key frequencies: without them its "
        "loss is at least 1 nat.",
        source=FIGURE7,
        reading=FINISHED.value("excluded"),
        expect=Expect.above(1.0),
        bar="ours: 1 nat, about a quarter of a uniform guess's loss",
        control=only(
            "ablating as many other frequencies leaves it below 1 nat",
            FINISHED.value("excluded_others"),
            Expect.below(1.0),
        ),
    ),
    Claim(
        key="excluded_loss_turns_early",
        text="The excluded loss is lowest before half of the steps to generalisation.",
        source=FIGURE7,
        reading=share_of_delay(pl.col("step").get(pl.col("excluded").arg_min())),
        expect=Expect.below(0.5),
        bar="ours: half of the delay; in the paper it turns after a tenth",
    ),
    Claim(
        key="weights_fall_in_cleanup",
        text="The sum of squared weights falls faster in clean-up than before it (difference of "
        "the rates of its logarithm, per 1,000 steps).",
        source=FIGURE7,
        reading=PROGRESS.then(with_times, with_measures=True).each(faster_cleanup),
        expect=Expect.above(0),
        bar="theory: equal rates differ by 0",
    ),
    Claim(
        key="gini_rises",
        text="The embedding becomes sparse over frequencies: its Gini coefficient rises by 0.2.",
        source=FIGURE7,
        reading=gained("gini_embedding"),
        expect=Expect.above(0.2),
        bar="ours: a fifth of the coefficient's range",
    ),
    Claim(
        key="few_frequencies",
        text="The final network has 2 to 7 key frequencies.",
        source=FINAL,
        paper=5.0,
        reading=FINISHED.value("n_key"),
        expect=Expect.between(2, 7),
        bar="ours: about the paper's 5; there are (p - 1) / 2",
    ),
    Claim(
        key="neurons_have_one_frequency",
        text="Of the neurons at least 80% more than in the untrained network have 85% of their "
        "variance at one frequency.",
        source=FINAL,
        paper=0.846,
        reading=gained("neuron_share"),
        expect=Expect.above(0.8),
        bar="paper: 84.6%, rounded down",
    ),
    Claim(
        key="logits_are_cosines",
        text="cos(w(r - c)) of the key frequencies, with r the right answer and c the class, "
        "explains 90% of the logits' variance.",
        source=FINAL,
        paper=0.95,
        reading=FINISHED.value("cosine_share"),
        expect=Expect.above(0.9),
        bar="paper: 95%, less 5 points",
    ),
    Claim(
        key="key_frequencies_needed",
        text="Without the key frequencies the test loss is at least 0.9 of a uniform guess's.",
        source=FINAL,
        reading=FINISHED.value(pl.col("test_without") / pl.col("uniform")),
        expect=Expect.above(0.9),
        bar="ours: nine tenths of a uniform guess's loss, so that little is known",
    ),
    Claim(
        key="key_frequencies_suffice",
        text="With only the key frequencies the test loss is no greater than the unablated "
        "network's (ratio).",
        source=FINAL,
        paper=0.3,
        reading=FINISHED.value(pl.col("test_only") / pl.col("test_loss")),
        expect=Expect.below(1.05),
        bar="ours: the unablated network's loss and 5% to spare; the paper has 0.3",
    ),
    Claim(
        key="other_frequencies_idle",
        text="Ablating as many other frequencies moves the test loss less than a hundredth as far "
        "as ablating the key ones (ratio of the changes).",
        source=FINAL,
        reading=FINISHED.value(
            (pl.col("test_without_others") - pl.col("test_loss")).abs()
            / (pl.col("test_without") - pl.col("test_loss")).abs()
        ),
        expect=Expect.below(0.01),
        bar="ours: a hundredth, as good as no effect",
    ),
)

CLAIMS = (GENERALISES, *EXPLANATION)
