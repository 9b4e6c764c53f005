"""Claims of the study of opposing signals.

The *edge* is the curvature beyond which gradient descent is unstable, 2 / rate. Networks of the arm
``edge`` reach it, those ``below`` have a lower rate. Correlations are of changes from step to step.
"""

from toylab.claims import Claim, Condition, Expect
from toylab.conditions import only, passage
from toylab.read import Reading

from .readings import arm, doubt, end, foretold, proportional, spike

PAPER = "Rosenfeld and Risteski 2023 (arXiv:2311.04163)"
abstract = passage(f"{PAPER}, abstract")
theorem = passage(f"{PAPER}, theory of a two-layer linear network under gradient flow")
ours = passage(f"{PAPER}; asked by this laboratory")


def reaches(name: str) -> Condition:
    """An arm's networks reach the edge."""
    return Condition(f"{name}: 95% reach the edge", arm(name, "crossed"), Expect.above(0.95))


def fits(name: str) -> Condition:
    """An arm's networks have learned the signal."""
    away = abs(end(name, "signal") / arm(name, "best") - 1)
    return Condition(f"{name}: |b| is within 5% of the best", away, Expect.below(0.05))


def less(text: str, reading: Reading, most: float) -> Condition:
    """A control: a number stays below a level."""
    return Condition(f"{text}: at most {most}", reading, Expect.below(most))


def weaker(text: str, reading: Reading) -> Condition:
    """A control: changes are not opposed."""
    return Condition(f"{text}: correlation above -0.5", reading, Expect.above(-0.5))


SURE = Condition("Lanczos: residual bounds of at most 1%", doubt("below"), Expect.below(0.01))
EDGE = (reaches("edge"), fits("edge"))
USED = Condition("one: 0.9 of its response is learned", end("one", "feature"), Expect.above(0.9))
HALF = "ours: -0.5, as strong as a reader calls opposed"

CLAIMS: tuple[Claim, ...] = (
    theorem(
        "sharpening",
        "Below the edge, sharpness rises in proportion to the learned signal: from a third of it "
        "on, it stays within 15% of alpha |b|, alpha being the outliers' variance.",
        proportional("below"),
        Expect.below(0.15),
        bar="theory: alpha |b|; ours: 15%, as samples differ",
        requires=(SURE, fits("below")),
        control=only(
            "without outliers it ends at 0.7 of that or less",
            end("none", "sharpness") / (arm("below", "alpha") * end("none", "signal")),
            Expect.below(0.7),
        ),
    ),
    ours(
        "reached",
        "Networks reach the edge where max(alpha, 2) |beta| > 2 / rate, and nowhere else: over a "
        "grid of strengths and magnitudes more than 10% from that line this is right in 95%, "
        "both sides counting the same.",
        foretold(),
        Expect.above(0.95),
        bar="theory: all; ours: 95%, as samples differ",
    ),
    abstract(
        "opposition",
        "At the edge, the losses of the two groups change in opposition: their correlation is -0.5 "
        "or less.",
        arm("edge", "after"),
        Expect.below(-0.5),
        bar=HALF,
        requires=EDGE,
        control=(
            weaker("random sets of examples", arm("edge", "random")),
            weaker("below the edge", arm("below", "before")),
        ),
        headline=True,
    ),
    abstract(
        "oscillation",
        "They oscillate between high on one group and high on the other: a change of the "
        "difference of their losses is correlated with the next by -0.5 or less.",
        arm("edge", "swing"),
        Expect.below(-0.5),
        bar="ours: -0.5, as for opposition; theory: -1 for one that neither grows nor fades",
        requires=EDGE,
        control=(weaker("below the edge", arm("below", "swing")),),
    ),
    abstract(
        "spike",
        "Then the overall loss spikes: it rises by 5% of its first value above the least so far.",
        arm("edge", "rise"),
        Expect.above(0.05),
        bar="ours: 5%, a spike that a reader sees",
        requires=EDGE,
        control=(
            less("below the edge", arm("below", "rise"), 0.01),
            less("without outliers", arm("none", "rise"), 0.01),
            less("outliers in random directions", arm("scattered", "rise"), 0.01),
        ),
    ),
    abstract(
        "eigenvector",
        "When networks reach the edge, the top eigenvector of the Hessian lies along the shared "
        "feature with 80% of its first layer.",
        arm("edge", "mass"),
        Expect.above(0.8),
        bar="ours: 80%; theory: all; a random vector has 1/15",
        requires=EDGE,
        control=(
            less("without outliers", arm("none", "mass"), 0.2),
            less("outliers in random directions", arm("scattered", "mass"), 0.2),
        ),
    ),
    abstract(
        "outliers",
        "From then on, 90% of the largest changes of a single example's loss, the top 1%, are of "
        "outliers, which are 10% of examples.",
        arm("edge", "share"),
        Expect.above(0.9),
        bar="ours: 90%, nine times their share of the examples",
        requires=EDGE,
        control=(less("below the edge", arm("below", "share_before"), 0.5),),
    ),
    ours(
        "aligned",
        "Opposition is in the targets, not in the edge: where both groups ask for the same "
        "response, networks reach the edge too, and their losses change together, correlated by "
        "0.5.",
        arm("aligned", "after"),
        Expect.above(0.5),
        bar="ours: 0.5, as for opposition",
        requires=(reaches("aligned"),),
    ),
    ours(
        "gaussian",
        "A heavy tail is not needed: a normal feature of the same variance takes the two halves' "
        "losses into opposition as well, with a correlation of -0.5 or less.",
        arm("gaussian", "after"),
        Expect.below(-0.5),
        bar="theory: the network sees second moments only",
        requires=(reaches("gaussian"),),
        control=(weaker("random sets of examples", arm("gaussian", "random")),),
    ),
    ours(
        "one",
        "One group alone, half the variance, does no harm at the same rate: the feature is learned "
        "and the loss rises by 1% of its first value at most.",
        arm("one", "rise"),
        Expect.below(0.01),
        bar="ours: 1%, too little to see",
        requires=(*EDGE, USED),
    ),
    ours(
        "alike",
        "Yet a spike does not take opposition: with the whole variance, and groups that ask for "
        "the same response, the loss rises by 5% of its first value as well.",
        arm("aligned", "rise"),
        Expect.above(0.05),
        bar="theory: stability depends on the curvature alone; ours: 5%, as for the spike",
        requires=(reaches("aligned"),),
        control=(less("one group alone", arm("one", "rise"), 0.01),),
    ),
    ours(
        "settled",
        "Gradient descent ends below the edge: final sharpness is at most 2 / rate.",
        end("edge", "sharpness") / arm("edge", "edge"),
        Expect.below(1),
        bar="theory: no minimum above it is stable",
        requires=EDGE,
        control=only(
            "at the low rate, networks of the same samples end above it",
            end("below", "sharpness") / arm("edge", "edge"),
            Expect.above(1),
        ),
    ),
    ours(
        "momentum",
        "Momentum moves the edge: with 0.3, networks end with a sharpness above 2 / rate, though "
        "below (2 + 2 m) / rate.",
        1.3 * end("momentum", "sharpness") / arm("momentum", "edge"),
        Expect.between(1, 1.3),
        bar="theory: (2 + 2 m) / rate for a quadratic",
        requires=(reaches("momentum"), fits("momentum")),
    ),
    abstract(
        "adam",
        "On minibatches Adam spikes less than SGD: at the same excess loss its highest loss over "
        "the median is lower.",
        spike("adam") / spike("sgd"),
        Expect.below(1),
        bar="theory: no difference is 1",
        control=only(
            "it is not that Adam averages gradients: without, at b1 = 0, the ratio is below 1 too",
            spike("plain adam") / spike("sgd"),
            Expect.below(1),
        ),
    ),
    ours(
        "clipped",
        "SGD with clipped gradients spikes less than SGD as well.",
        spike("clipped") / spike("sgd"),
        Expect.below(1),
        bar="theory: no difference is 1",
    ),
)
