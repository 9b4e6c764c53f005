"""Readings and claims of the study ``superposition_adversarial``."""

from typing import Literal

import polars as pl

from toylab.claims import Condition, Expect
from toylab.conditions import only, passage
from toylab.read import Reading, table

attacked = passage("Elhage et al. 2022, Superposition and adversarial vulnerability")
PLAIN = table("plain", of="plain")


def sparsest(column: str) -> Reading:
    """A column at the lowest density."""
    return PLAIN.first("density").value(column)


def against_features(method: Literal["pearson", "spearman"]) -> Reading:
    """Correlation over densities of vulnerability with the number of features per dimension."""
    return PLAIN.aggregate(pl.corr("vulnerability", "features_per_dimension", method=method))


def hardened(radius: float, column: str = "features_per_dimension") -> Reading:
    """Features per dimension after training against attacks of a radius."""
    return table("hardened", of="hardened").filter(radius=radius).value(column)


IN_SUPERPOSITION = Condition(
    "without attacks in training there are 1.5 features per dimension or more",
    hardened(0.0),
    Expect.above(1.5),
)

CLAIMS = (
    attacked(
        "vulnerability_rises",
        "In full superposition, at density 1/20, a model is more than 3 times as vulnerable to "
        "the worst attack as the same seed's model of dense features.",
        sparsest("vulnerability"),
        Expect.above(3),
        bar="paper: more than 3 times",
        paper="> 3",
        headline=True,
        control=only(
            "untrained models, attacked alike, are less than 3 times as vulnerable",
            sparsest("untrained"),
            Expect.below(3),
        ),
    ),
    attacked(
        "tracks_features_per_dimension",
        "Over densities vulnerability lies on a line in the number of features per dimension "
        "(Pearson's correlation of 0.95 or more).",
        against_features("pearson"),
        Expect.above(0.95),
        bar="ours: 0.95, for what the paper calls close tracking",
    ),
    attacked(
        "monotone_in_features_per_dimension",
        "The more features per dimension, the more vulnerable is the model (Spearman's "
        "correlation of 0.9 or more).",
        against_features("spearman"),
        Expect.above(0.9),
        bar="ours: 0.9, a rise with few slips",
    ),
    attacked(
        "attacks_are_special",
        "At density 1/20 random perturbations of the same length raise the loss by at most a "
        "third of what the worst attack does.",
        sparsest("random_share"),
        Expect.below(0.33),
        bar="ours: a third, so that most of the rise is the direction's; the paper has no control",
    ),
    attacked(
        "hardening_reduces",
        "Training against attacks of 0.4 of the input norm leaves fewer features per dimension "
        "than training without, by 0.5 or more.",
        hardened(0.0) - hardened(0.4),
        Expect.above(0.5),
        bar="ours: half a feature per dimension, what 1.5 of them have above one",
        requires=(IN_SUPERPOSITION,),
    ),
    attacked(
        "hardening_eliminates",
        "Training against attacks of 0.6 of the input norm removes superposition and leaves one "
        "feature per dimension (between 0.8 and 1.2).",
        hardened(0.6),
        Expect.between(0.8, 1.2),
        bar="paper: one feature per dimension, within 0.2",
        paper=1.0,
        requires=(IN_SUPERPOSITION,),
        # The number alone also passes 1 where all weights shrink, as they do at 0.8.
        control=only(
            "eight features or more of norm 0.5 are left for ten dimensions",
            hardened(0.6, "kept_per_dimension"),
            Expect.above(0.8),
        ),
    ),
    attacked(
        "weak_hardening_does_not",
        "Training against attacks of 0.1 of the input norm does not: more than 1.5 features per "
        "dimension remain.",
        hardened(0.1),
        Expect.above(1.5),
        bar="ours: 1.5, what is asked of networks trained without attacks",
        requires=(IN_SUPERPOSITION,),
    ),
)
