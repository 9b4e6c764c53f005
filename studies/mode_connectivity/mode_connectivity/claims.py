"""Claims of the study of mode connectivity.

The papers show curves of image classifiers, of barriers that all but vanish: most numbers are this
laboratory's. Green's identity and the law of the ridge are its own too, and exact.
"""

import functools

import polars as pl

from toylab.claims import Claim, Condition, Expect
from toylab.read.networks import trend

from . import readings as of

AINSWORTH = "Ainsworth et al. 2023 (Git Re-Basin, arXiv:2209.04836)"
SINGH = "Singh et al. 2024 (arXiv:2406.16300)"
FRANKLE = "Frankle et al. 2020 (arXiv:1912.05671)"
ADILOVA = "Adilova et al. 2024 (arXiv:2307.06966)"
HERE = "this laboratory"
PAIRS = "pair of networks"


def learned(kind: str) -> tuple[Condition, ...]:
    """The networks of a comparison know their task, and are apart before matching."""
    accuracy, barrier = (of.lowest(kind, value) for value in ("accuracy", "test_loss"))
    return (
        Condition(f"{kind}: 90% are right", accuracy, Expect.above(0.9)),
        Condition(f"{kind}: the barrier is 0.1 nats at least", barrier, Expect.above(0.1)),
    )


RANDOM = Condition(
    "a random order of units leaves 70% of the loss barrier or more at every width",
    of.least_left("random"),
    Expect.above(0.7),
)
TWINS = (
    Condition("twins: 90% are right", of.twins(value="accuracy"), Expect.above(0.9)),
    Condition("twins: the barrier is 0.1 nats at least", of.twins(), Expect.above(0.1)),
)
NEARER = Condition(
    "the squared distance of twins that share a fifth is a quarter of the others' or more",
    of.nearer(),
    Expect.above(0.25),
)
on = lambda kind: functools.partial(Claim, unit=PAIRS, requires=learned(kind))
of_twins = functools.partial(Claim, unit=PAIRS, requires=TWINS)

CLAIMS = (
    on("width")(
        "matched",
        "With the units of one network in the order that fits the other's weights, at most 30% "
        "remain of the barriers of training loss, test loss and error, at every width from 64 on.",
        f"{AINSWORTH}, experiments",
        of.most_left("weights"),
        Expect.below(0.3),
        bar="ours: 30%; the paper says zero, of much wider networks",
        paper=0,
        control=(RANDOM,),
        headline=True,
    ),
    on("width")(
        "activations",
        "An order found from activations alone, without the weights, does it as well: at most 30% "
        "remain of these barriers.",
        f"{AINSWORTH}, matching activations",
        of.most_left("activations"),
        Expect.below(0.3),
        bar="ours: 30%, as for the weights",
        control=(RANDOM,),
    ),
    on("width")(
        "wider",
        "The wider the networks, the smaller the share that matching leaves of the barriers of "
        "training loss, test loss and error: at the greatest width at most half of that at the "
        "least (judged first of the test loss alone).",
        f"{AINSWORTH}, on width",
        of.left_by_width(),
        Expect.below(0.5),
        bar="ours: half, over four doublings of the width",
    ),
    on("depth")(
        "deeper",
        "In networks of three hidden layers the better of both orders leaves a larger share of the "
        "barrier than in those of one.",
        HERE,
        of.left_by_depth(),
        Expect.above(0),
        bar="theory: no difference is 0",
    ),
    on("time")(
        "untrained",
        "Barriers come with training: between untrained networks it is at most 5% of what it is at "
        "the end.",
        f"{AINSWORTH}, on training time",
        of.untrained_share(),
        Expect.below(0.05),
        bar="ours: 5%, next to nothing in a figure",
    ),
    on("clean")(
        "later",
        "With clean labels the barrier after matching rises and falls in training: at the end it "
        "is at most half of its largest value (judged first with wrong labels, where 0.94 was "
        "left).",
        f"{AINSWORTH}, barrier against epochs",
        of.late_share("clean"),
        Expect.below(0.5),
        bar="ours: half; the paper's falls to nearly nothing",
    ),
    Claim(
        "wrong_labels",
        "Wrong labels keep it up: where a fifth is drawn anew, in training and test, the share of "
        "the largest value that is left at the end is larger by 0.3 than with clean labels, of "
        "the loss and of the error against clean labels.",
        f"{HERE}, after a first judged run; the error after another",
        of.kept_up(),
        Expect.above(0.3),
        bar="ours: 0.3, a difference seen by eye",
        unit=PAIRS,
        requires=learned("time") + learned("clean"),
    ),
    of_twins(
        "stable",
        "Twins that share the first fifth of training have at most 5% of the barrier of twins that "
        "share only the start, of training loss, test loss and error.",
        FRANKLE,
        of.most_of_twins(0.2),
        Expect.below(0.05),
        bar="ours: 5%, next to nothing; the paper's networks are stable well before a fifth",
        control=(NEARER,),
    ),
    of_twins(
        "monotone",
        "The longer twins descend together, the lower the barrier between them (Spearman's "
        "correlation over forks).",
        f"{SINGH}, abstract; {FRANKLE}",
        trend(of.lines("fork"), pl.col("test_loss").mean(), "forked", of.PAIR),
        Expect.below(-0.8),
        bar="ours: -0.8, what two swaps of neighbours leave of five ranks",
        control=(NEARER,),
    ),
    of_twins(
        "no_order",
        "The ridge between twins is none of order: matching leaves half of the barrier or more.",
        HERE,
        of.twins(matching="weights") / of.twins(),
        Expect.above(0.5),
        bar="ours: half; of independent networks matching leaves little",
    ),
    on("depth")(
        "outer_layers",
        "Averaging only the first or only the last of four layers makes at most 20% of the barrier "
        "of averaging all.",
        f"{ADILOVA}; {SINGH}, abstract",
        of.largest(outer=True),
        Expect.below(0.2),
        bar="ours: 20%; the paper says that no single layer has a barrier",
    ),
    on("depth")(
        "inner_layers",
        "Of single layers those in the middle make the largest barriers.",
        ADILOVA,
        of.largest(outer=False) - of.largest(outer=True),
        Expect.above(0),
        bar="theory: no difference is 0",
    ),
    on("width")(
        "more_than_shorter",
        "Matching does more than shorten the line: it leaves a smaller share of the barrier than "
        "of the squared distance, as much as constant curvature would leave.",
        HERE,
        of.shortened(),
        Expect.below(1),
        bar="theory: 1 at constant curvature along and across the lines",
        control=(RANDOM,),
    ),
    Claim(
        "ridge",
        "On a ridge of two parameters the mean barrier between two runs that share n steps follows "
        "arccos(1 - (1 + h)^(-2 n)) / (2 pi), within 0.03 at every n.",
        f"{HERE}, after the picture of {SINGH}",
        of.off_the_law(),
        Expect.below(0.03),
        bar="theory: the law of the noise near the summit; four standard errors of 1,000 pairs",
        unit="simulation",
        control=(
            Condition(
                "runs that share the most steps have at most half of the barrier of others",
                of.share_on_the_ridge(),
                Expect.below(0.5),
            ),
        ),
    ),
)
