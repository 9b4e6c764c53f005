"""Readings and claims of the study ``superposition_computation``."""

import polars as pl

from toylab.claims import Expect
from toylab.conditions import only, passage
from toylab.read import Reading, table
from toylab.read.networks import trend
from toylab.tasks.superposition.neurons import SECOND

GROUP, MODEL = "group", "seed"
BASIS, NEURONS = table("basis", of="basis"), table("neurons", of="abs")
SMALL = table("motifs").filter(part="small")
LADDER = {0.3: 6, 0.15: 7, 0.12: 7, 0.06: 8, 0.03: 10}  # features kept in the paper's figure

COMPUTED = 0.75  # of the variance: between one side of an absolute value, a half, and both
LIVE, SEVERAL = pl.col("live"), pl.col("second") >= SECOND  # neurons; that read several features
TOP = pl.col("top").cast(pl.Float64)  # rank of a neuron's strongest feature
POLYSEMANTIC_LATER = TOP.filter(LIVE & SEVERAL).mean() - TOP.filter(LIVE & ~SEVERAL).mean()

OFF_LADDER = BASIS.filter(density=tuple(LADDER)).mean(
    (pl.col("kept") - pl.col("density").replace_strict(LADDER, return_dtype=pl.Float64)).abs(),
    GROUP,
)


def computed_per_pair(density: float) -> Reading:
    """Features of which three quarters of the variance is computed, per pair of neurons.

    One neuron alone explains half of a sparse absolute value, the relu of one of its sides.
    """
    rows = table("computed", of="abs").filter(density=density)
    pairs = NEURONS.filter(density=density).aggregate(pl.col("neuron").len() / 2)
    return rows.aggregate((pl.col("explained") > COMPUTED).sum()) / pairs


def within_neurons(column: str) -> Reading:
    """Correlation of log |input| with log output weight within neurons, pooled over a seed."""
    xx, xy, yy = (pl.col(column).list.get(i).sum() for i in range(3))
    return SMALL.aggregate(xy / (xx * yy).sqrt(), MODEL)


COMPUTATION = "Elhage et al. 2022, Computation in superposition"
BEST = "group of 10 seeds"
MORE = "paper: more at every step, -1, less a tenth"
privileged = passage("Elhage et al. 2022, Superposition in a privileged basis", unit=BEST)
demo, computing = passage(COMPUTATION, unit=BEST), passage(COMPUTATION)
motif = passage("Elhage et al. 2022, The asymmetric superposition motif")

DEMO = table("demo", of="demo")
DENSE = pl.col("density") >= 0.5
POLYSEMANTIC = SEVERAL.filter(LIVE)

CLAIMS = (
    privileged(
        "basis_monosemantic",
        "With a hidden ReLU and a density of 0.5 or more, fewer than 0.5 of 5 neurons hold more "
        "than one of the kept features.",
        BASIS.filter(DENSE).mean("polysemantic", GROUP),
        Expect.below(0.5),
        bar="paper: none of the 5 neurons, rounded",
        paper=0.0,
    ),
    privileged(
        "basis_aligned",
        "The kept features then lie along neurons: 90% of a feature's squared weight is on one "
        "neuron.",
        BASIS.filter(DENSE).mean("alignment", GROUP),
        Expect.above(0.9),
        bar="paper: all of it on one neuron, less a tenth",
        paper=1.0,
        control=only(
            "with a linear hidden layer features are not aligned; random directions give 0.55",
            table("linear", of="linear").filter(DENSE).mean("alignment"),
            Expect.below(0.75),
        ),
    ),
    privileged(
        "basis_kept_grows",
        "The sparser the features, the more of them are kept (Spearman's correlation with "
        "density).",
        trend(BASIS, pl.col("kept").first(), "density", GROUP),
        Expect.below(-0.9),
        bar=MORE,
        paper=-1.0,
    ),
    privileged(
        "basis_polysemantic_grows",
        "The sparser the features, the more neurons are polysemantic (Spearman's correlation with "
        "density).",
        trend(BASIS, pl.col("polysemantic").first(), "density", GROUP),
        Expect.below(-0.9),
        bar=MORE,
        paper=-1.0,
    ),
    privileged(
        "basis_ladder",
        "The number of kept features is the paper's, 6, 7, 7, 8 and 10 at densities 0.3, 0.15, "
        "0.12, 0.06 and 0.03, within 0.5 on average.",
        OFF_LADDER,
        Expect.below(0.5),
        bar="paper: the numbers of its figure, rounded",
        paper=0.0,
    ),
    privileged(
        "features_are_pairs_of_neurons",
        "At density 0.03 a feature lies on two neurons (participation number of its positive "
        "weights).",
        BASIS.filter(density=0.03).mean("neurons", GROUP),
        Expect.near(2.0, 0.3),
        bar="paper: pairs of neurons, within 0.3",
        paper=2.0,
    ),
    demo(
        "demo_own_neurons",
        "Of three absolute values in six neurons, at least 80% of the features' signs have a "
        "neuron of their own, more than in the untrained model by that much.",
        DEMO.value(pl.col("own") - pl.col("untrained_own"), GROUP),
        Expect.above(0.8),
        bar="ours: four of five more than untrained, where the paper's picture has all",
        paper=1.0,
    ),
    demo(
        "demo_loss",
        "Its loss is at most 1% of that of ignoring every feature.",
        DEMO.value("relative", GROUP),
        Expect.below(0.01),
        bar="theory: six neurons compute three values with a loss of 0; within 1%",
        paper=0.0,
    ),
    computing(
        "abs_dense_monosemantic",
        "With dense features at least 90% of the live neurons compute one feature each: their "
        "second input weight is below a tenth of the first.",
        NEURONS.filter(density=1.0).aggregate((~POLYSEMANTIC).mean()),
        Expect.above(0.9),
        bar="paper: all neurons, less a tenth",
        paper=1.0,
    ),
    computing(
        "abs_sparse_polysemantic",
        "At density 0.001 at least 90% of the live neurons are polysemantic.",
        NEURONS.filter(density=0.001).aggregate(POLYSEMANTIC.mean()),
        Expect.above(0.9),
        bar="paper: all neurons, less a tenth",
        paper=1.0,
    ),
    computing(
        "abs_polysemanticity_grows",
        "The sparser the features, the more of them a neuron reads (Spearman's correlation of the "
        "mean participation number with density).",
        trend(NEURONS, pl.col("participation").filter(LIVE).mean(), "density"),
        Expect.below(-0.9),
        bar=MORE,
        paper=-1.0,
    ),
    computing(
        "abs_least_important_first",
        "At density 0.03 polysemantic neurons serve less important features than monosemantic "
        "ones, by one rank of the strongest feature on average.",
        NEURONS.filter(density=0.03).aggregate(POLYSEMANTIC_LATER),
        Expect.above(1.0),
        bar="ours: one rank, as far as neighbours in importance are apart",
    ),
    computing(
        "abs_computes_more",
        "At density 0.001 a model computes at least 1.1 absolute values per pair of neurons, of "
        "which one value needs a pair without superposition (judged first by half of the variance, "
        "which one neuron explains).",
        computed_per_pair(0.001),
        Expect.above(1.1),
        bar="theory: a pair computes one value without superposition; a tenth more",
        control=only(
            "at density 1 it computes at most one per pair",
            computed_per_pair(1.0),
            Expect.below(1.0),
        ),
        headline=True,
    ),
    motif(
        "motif_occurs",
        "Models of 10 features in 10 neurons hold the asymmetric motif, in which a neuron reads "
        "and writes two features of opposite sign in inverse ratios of 2 or more: 0.5 motifs more "
        "per model than after a shuffle of output weights within neurons.",
        SMALL.mean(pl.col("motifs") - pl.col("shuffled"), MODEL),
        Expect.above(0.5),
        bar="ours: one motif more than by chance in every second model",
    ),
    motif(
        "motif_anticorrelation",
        "Within polysemantic neurons a feature that is read strongly is written weakly: the "
        "correlation of the logarithms of both weights is 0.3 below that of shuffled weights.",
        within_neurons("moment") - within_neurons("shuffled_moment"),
        Expect.below(-0.3),
        bar="ours: 0.3 below chance, a correlation of medium size",
    ),
    motif(
        "motif_is_inhibited",
        "In at least 80% of the motifs other neurons make the strong interference negative, so "
        "that the output's ReLU removes it.",
        table("motifs").aggregate(pl.col("inhibited").sum() / pl.col("motifs").sum(), MODEL),
        Expect.above(0.8),
        bar="ours: four of five, where the paper's motif always has the other neuron",
        paper=1.0,
        requires=only(
            "a seed's models hold a motif", SMALL.mean("motifs", MODEL), Expect.above(0.5)
        ),
    ),
)
