"""Claims of the study ``grokking_phases``; each ``bar`` says where its threshold comes from."""

import numpy as np
import polars as pl

from toylab.claims import Claim, Condition, Expect
from toylab.conditions import given, only
from toylab.read import Measures, Reading, Rows, greatest, table

OMNIGROK = "Liu et al. 2023, Omnigrok (arXiv:2210.01117)"
LIU = "Liu et al. 2022 (arXiv:2205.10343)"
POWER = "Power et al. 2022 (arXiv:2201.02177)"
NANDA = "Nanda et al. 2023 (arXiv:2301.05217), appendix"
EVERY = "ours: most seeds, as no interval can confirm the every seed that was asked before"
INVERSE = Expect.between(-1.3, -0.7)
MOST = Expect.above(0.9)

LAWS, SIZES = table("laws"), table("sizes")
LATE = pl.when("test_event").then("test_time").otherwise(pl.lit(np.inf))
LOG_SCALE, TIME = pl.col("init_scale").log(), pl.col("test_time")
PULL = pl.col("learning_rate").first() * pl.col("weight_decay").first()
SLOPE = pl.cov(LOG_SCALE, TIME) / LOG_SCALE.var() * PULL


def part(name: str) -> Rows:
    """Rows of one part of the side population, the baseline among them."""
    return table("sides").filter(part=(name, "baseline"))


def scarce(place: int) -> Reading:
    """The time at the least fraction at which most seeds generalise (0), or at the next (1)."""

    def is_it(m: Measures) -> pl.Expr:
        share = part("fraction").rows(m).group_by("fraction").agg(pl.col("test_event").mean())
        enough = share.filter(pl.col("test_event") > 0.5)["fraction"].sort()
        return pl.col("fraction") == enough[place] if len(enough) > 1 else pl.lit(False)

    return part("fraction").filter(is_it).value("test_time")


def held_over_baseline(time: str | pl.Expr) -> Reading:
    """A time with the norm held, over that of the baseline."""
    of = lambda part: table("sides").filter(part=part).value(time)
    return of("held") / greatest(of("baseline"), 1.0)


def off(prediction: str) -> pl.Expr:
    """Mean distance of a predicted from the real accuracy."""
    return (pl.col(prediction) - pl.col("accuracy")).abs().mean()


def generalise(part: str, words: str) -> Condition:
    """Nine in ten networks of a part generalise within the run."""
    rows = table("sides").filter(part=part)
    return Condition(f"{words} reach 95% test accuracy", rows.value("test_event"), MOST)


BASELINE = generalise("baseline", "networks with the baseline's decay")
HELD = generalise("held", "networks whose norm is held")
GAP = pl.col("test_time") - pl.col("train_time")
THEORY = "theory: t = ln(w0 / wc) / (rate * decay) has -1; within 0.3 is ours"

DELAY = given(
    BASELINE,
    Claim(
        key="generalises_late",
        text="Networks reach 99% on the test set at 10 times the step of the training set, or "
        "later (median).",
        source=f"{POWER}, figure 1",
        reading=table("late").value(pl.col("test_time") / pl.col("train_time")),
        expect=Expect.above(10),
        bar="ours: ten times, of the paper's thousand",
        statistic="median",
        control=only(
            "trained on random answers, test accuracy is at most twice chance",
            table("random").value("over_chance"),
            Expect.below(2),
        ),
    ),
    Claim(
        key="inverse_in_decay",
        text="The time to generalise falls as 1 / weight decay: its exponent is -1, within 0.3 "
        "(fit with right-censored times over all cells with decay).",
        source=f"{OMNIGROK}, section 4",
        paper=-1.0,
        reading=LAWS.value("decay"),
        expect=INVERSE,
        bar="paper: -1; within 0.3 is ours",
        headline=True,
    ),
    Claim(
        key="inverse_in_rate",
        text="At equal weight decay it falls as 1 / learning rate: its exponent is -1, within 0.3 "
        "(same fit).",
        source=f"{OMNIGROK}, with AdamW, which shrinks weights by rate times decay",
        paper=-1.0,
        reading=LAWS.value("rate"),
        expect=INVERSE,
        bar=THEORY,
    ),
    Claim(
        key="inverse_in_product",
        text="It falls as 1 / (learning rate * weight decay): the product's exponent, fitted "
        "alone, is -1, within 0.3.",
        source=f"{OMNIGROK}, with AdamW, which shrinks weights by rate times decay",
        paper=-1.0,
        reading=LAWS.value("product"),
        expect=INVERSE,
        bar=THEORY,
    ),
    Claim(
        key="fitting_ignores_decay",
        text="The time to fit the training set does not depend on weight decay: its exponent is 0, "
        "within 0.3.",
        source=f"{OMNIGROK}, section 4",
        paper=0.0,
        reading=LAWS.value("train_decay"),
        expect=Expect.near(0, 0.3),
        bar="theory: no dependence is 0; within 0.3 is ours",
    ),
    Claim(
        key="no_decay_no_grokking",
        text="Without weight decay fewer than half of the networks generalise within the run (a "
        "first run of five seeds was judged by a share of 0, which no interval can confirm).",
        source=f"{NANDA}",
        paper=0.0,
        reading=table("law").filter(weight_decay=0).mean("test_event"),
        expect=Expect.below(0.5),
        bar="ours: half of what networks with decay do",
    ),
    Claim(
        key="more_data_sooner",
        text="The more data, the sooner networks generalise: Spearman's correlation of fraction "
        "and time is at most -0.9 (networks that never do rank last).",
        source=f"{POWER}, figure 1",
        paper=-1.0,
        reading=part("fraction").aggregate(pl.corr("fraction", LATE, method="spearman")),
        expect=Expect.below(-0.9),
        bar="ours: -0.9, nearly one order for all fractions",
    ),
    Claim(
        key="least_data",
        text="Where data are scarce, 5 points less of them at least double the time (median; the "
        "two least fractions at which most seeds generalise).",
        source=f"{POWER}, section 3.1.1: 1 point less raises the median by 40 to 50%",
        reading=scarce(0) / scarce(1),
        expect=Expect.above(2),
        bar="ours: twice; 40% for each of five points would make it five times",
        statistic="median",
    ),
    Claim(
        key="scale_delays",
        text="Larger first weights delay by the time that decay takes to shrink them: the time "
        "grows by ln(scale) / (rate * decay), within 30%.",
        source=f"{OMNIGROK}: t = ln(w0 / wc) / decay",
        paper=1.0,
        reading=part("scale").aggregate(SLOPE),
        expect=Expect.near(1, 0.3),
        bar="theory: ln(scale) / (rate * decay) is 1; within 0.3 is ours",
    ),
    Claim(
        key="held_norm_no_delay",
        text="With the norm of all weights held at a small value, and no decay, the delay between "
        "training and test is at most a tenth of the baseline's.",
        source=f"{OMNIGROK}, figure 7",
        reading=held_over_baseline(GAP),
        expect=Expect.below(0.1),
        bar="ours: a tenth, as good as no delay",
        requires=(HELD,),
    ),
    Claim(
        key="held_norm_sooner",
        text="With the norm held, and no decay, networks generalise sooner than the baseline does "
        "by decay (ratio of times).",
        source=f"{OMNIGROK}, figure 7",
        reading=held_over_baseline("test_time"),
        expect=Expect.below(1),
        bar="control: the baseline's own time, a ratio of 1",
        requires=(HELD,),
    ),
)

TOY = (
    Claim(
        key="four_phases",
        text="Over decoder learning rate and weight decay, most seeds' maps show comprehension, "
        "grokking, memorisation and confusion (share of seeds; a first run of five was judged by "
        "every seed: three of five).",
        source=f"{LIU}, figure 6, one map",
        paper=1.0,
        reading=table("maps").value("phases") >= 4,
        expect=Expect.above(0.5),
        bar=EVERY,
    ),
    Claim(
        key="grokking_between",
        text="In most seeds' maps grokking lies between comprehension and memorisation and touches "
        "both (share of seeds; a first run of five was judged by every seed: three of five).",
        source=f"{LIU}, figure 6, one map",
        paper=1.0,
        reading=table("maps").value("between") >= 1,
        expect=Expect.above(0.5),
        bar=EVERY,
    ),
    Claim(
        key="representation_predicts",
        text="The accuracy that the embedding's parallelograms allow correlates with the real one "
        "over training set sizes (Pearson's correlation of at least 0.95).",
        source=f"{LIU}, figure 3",
        reading=SIZES.aggregate(pl.corr("predicted_accuracy", "accuracy")),
        expect=Expect.above(0.95),
        bar="ours: 0.95, near the diagonal as in the figure",
        control=only(
            "it is nearer to the real one than the share of pairs trained on",
            SIZES.aggregate(off("predicted_accuracy") - off("fraction")),
            Expect.below(0),
        ),
    ),
)

CLAIMS = (*DELAY, *TOY)
