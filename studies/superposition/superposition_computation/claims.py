"""Claims of the study ``superposition_computation``."""

import polars as pl

from toylab.claims import Claim, Expect
from toylab.read import table

from .readings import (
    BASIS,
    DEMO,
    DENSE_BASIS,
    GROUP,
    LIVE,
    MODEL,
    MONOSEMANTIC,
    MOTIFS,
    NEURONS,
    OFF_LADDER,
    POLYSEMANTIC_LATER,
    SMALL,
    at,
    computed_per_pair,
    trend,
    within_neurons,
)

BASIS_SECTION = "Elhage et al. 2022, Superposition in a privileged basis"
COMPUTING = "Elhage et al. 2022, Computation in superposition"
MOTIF = "Elhage et al. 2022, The asymmetric superposition motif"

CLAIMS = (
    Claim(
        key="basis_monosemantic",
        text="With a hidden ReLU and density 0.5 or more every neuron holds at most one of the "
        "kept features (mean number of polysemantic neurons of 5).",
        source=BASIS_SECTION,
        paper=0.0,
        reading=DENSE_BASIS.mean("polysemantic", GROUP),
        expect=Expect.below(0.5),
        unit="group of 10 seeds",
    ),
    Claim(
        key="basis_aligned",
        text="There the kept features lie along neurons (mean of max W_ki^2 / ||W_i||^2).",
        source=BASIS_SECTION,
        paper=1.0,
        reading=DENSE_BASIS.mean("alignment", GROUP),
        expect=Expect.above(0.9),
        unit="group of 10 seeds",
    ),
    Claim(
        key="linear_not_aligned",
        text="Control: with a linear hidden layer they do not (random directions give 0.55).",
        source=BASIS_SECTION,
        reading=table("linear", of="linear").filter(at(0.5, 1.0)).mean("alignment"),
        expect=Expect.below(0.75),
    ),
    Claim(
        key="basis_kept_grows",
        text="The sparser, the more features are kept (Spearman's correlation with density).",
        source=BASIS_SECTION,
        paper=-1.0,
        reading=trend(BASIS, pl.col("kept").first(), GROUP),
        expect=Expect.below(-0.9),
        unit="group of 10 seeds",
    ),
    Claim(
        key="basis_polysemantic_grows",
        text="The sparser, the more neurons are polysemantic (Spearman's correlation).",
        source=BASIS_SECTION,
        paper=-1.0,
        reading=trend(BASIS, pl.col("polysemantic").first(), GROUP),
        expect=Expect.below(-0.9),
        unit="group of 10 seeds",
    ),
    Claim(
        key="basis_ladder",
        text="The number of kept features is the paper's: 6, 7, 7, 8 and 10 at densities 0.3, "
        "0.15, 0.12, 0.06 and 0.03 (mean distance).",
        source=BASIS_SECTION,
        paper=0.0,
        reading=OFF_LADDER,
        expect=Expect.below(0.5),
        unit="group of 10 seeds",
    ),
    Claim(
        key="features_are_pairs_of_neurons",
        text="At density 0.03 a feature lies on a pair of neurons (participation number of its "
        "positive weights; a first run counted the silent neurons of negative weight too).",
        source=BASIS_SECTION,
        paper=2.0,
        reading=BASIS.filter(at(0.03)).mean("neurons", GROUP),
        expect=Expect.near(2.0, 0.3),
        unit="group of 10 seeds",
    ),
    Claim(
        key="demo_own_neurons",
        text="Three absolute values in six neurons: each feature and sign has a neuron of its own "
        "(share of the six, less that of the untrained model).",
        source=COMPUTING,
        paper=1.0,
        reading=DEMO.value(pl.col("own") - pl.col("untrained_own"), GROUP),
        expect=Expect.above(0.8),
        unit="group of 10 seeds",
    ),
    Claim(
        key="demo_loss",
        text="Its loss is near 0 (share of the loss of ignoring every feature).",
        source=COMPUTING,
        paper=0.0,
        reading=DEMO.value("relative", GROUP),
        expect=Expect.below(0.01),
        unit="group of 10 seeds",
    ),
    Claim(
        key="abs_dense_monosemantic",
        text="Dense features: live neurons compute one feature each (share whose second input "
        "weight is below a tenth of the first).",
        source=COMPUTING,
        paper=1.0,
        reading=NEURONS.filter(at(1.0)).aggregate(MONOSEMANTIC.mean()),
        expect=Expect.above(0.9),
    ),
    Claim(
        key="abs_sparse_polysemantic",
        text="At density 0.001 nearly all neurons are polysemantic (share).",
        source=COMPUTING,
        paper=1.0,
        reading=NEURONS.filter(at(0.001)).aggregate((~MONOSEMANTIC).mean()),
        expect=Expect.above(0.9),
    ),
    Claim(
        key="abs_polysemanticity_grows",
        text="The sparser, the more features per neuron (Spearman's correlation of density with "
        "the mean participation number).",
        source=COMPUTING,
        paper=-1.0,
        reading=trend(NEURONS, pl.col("participation").filter(LIVE).mean()),
        expect=Expect.below(-0.9),
    ),
    Claim(
        key="abs_least_important_first",
        text="At densities 0.1 and 0.03 polysemantic neurons serve less important features than "
        "monosemantic ones (mean difference of the rank of the strongest feature).",
        source=COMPUTING,
        reading=NEURONS.filter(at(0.03, 0.1)).aggregate(POLYSEMANTIC_LATER),
        expect=Expect.above(1.0),
    ),
    Claim(
        key="abs_computes_more",
        text="At density 0.001 more absolute values are computed than the pairs of neurons that "
        "they need without superposition (computed, per pair).",
        source=COMPUTING,
        reading=computed_per_pair(0.001),
        expect=Expect.above(1.1),
    ),
    Claim(
        key="abs_dense_computes_less",
        text="Control: at density 1 they are not more than the pairs.",
        source=COMPUTING,
        reading=computed_per_pair(1.0),
        expect=Expect.below(1.0),
    ),
    Claim(
        key="motif_occurs",
        text="Small models (10 features, 10 neurons) hold the asymmetric motif: input and output "
        "weights of two features of opposite sign in inverse ratios of 2 or more (motifs per "
        "model, less those after a shuffle of output weights within neurons).",
        source=MOTIF,
        reading=SMALL.mean(pl.col("motifs") - pl.col("shuffled"), MODEL),
        expect=Expect.above(0.5),
    ),
    Claim(
        key="motif_anticorrelation",
        text="Within polysemantic neurons a feature read strongly is written weakly (correlation "
        "of logarithms of input and output weights, less the shuffled one).",
        source=MOTIF,
        reading=within_neurons("moment") - within_neurons("shuffled_moment"),
        expect=Expect.below(-0.3),
    ),
    Claim(
        key="motif_is_inhibited",
        text="Other neurons turn the motif's strong interference negative, where the output's ReLU "
        "removes it (share of all motifs, of both sizes of model).",
        source=MOTIF,
        paper=1.0,
        reading=MOTIFS.aggregate(pl.col("inhibited").sum() / pl.col("motifs").sum(), MODEL),
        expect=Expect.above(0.8),
    ),
)
