"""Claims of the study ``superposition_adversarial``."""

from toylab.claims import Claim, Expect

from .readings import against_features, hardened, sparsest

SECTION = "Elhage et al. 2022, Superposition and adversarial vulnerability"

CLAIMS = (
    Claim(
        key="vulnerability_rises",
        text="In full superposition (density 1/20) a model is more than 3 times as vulnerable as "
        "the same seed's dense model.",
        source=SECTION,
        paper="> 3",
        reading=sparsest("vulnerability"),
        expect=Expect.above(3),
    ),
    Claim(
        key="tracks_features_per_dimension",
        text="Vulnerability follows the number of features per dimension (Pearson's correlation "
        "over densities).",
        source=SECTION,
        reading=against_features("pearson"),
        expect=Expect.above(0.95),
    ),
    Claim(
        key="monotone_in_features_per_dimension",
        text="The more features per dimension, the more vulnerable (Spearman's correlation).",
        source=SECTION,
        reading=against_features("spearman"),
        expect=Expect.above(0.9),
    ),
    Claim(
        key="attacks_are_special",
        text="Control: random pushes of the same length raise the loss much less (share of the "
        "worst attack's rise, at density 1/20).",
        source="control",
        reading=sparsest("random_share"),
        expect=Expect.below(0.33),
    ),
    Claim(
        key="hardening_reduces",
        text="Training against attacks of 0.4 of the input norm lowers the features per dimension "
        "(difference to plain training).",
        source=SECTION,
        reading=hardened(0.0) - hardened(0.4),
        expect=Expect.above(0.5),
    ),
    Claim(
        key="hardening_eliminates",
        text="Attacks of 0.8 of the input norm remove superposition: at most 1.2 features per "
        "dimension are left.",
        source=SECTION,
        paper=1.0,
        reading=hardened(0.8),
        expect=Expect.below(1.2),
    ),
    Claim(
        key="weak_hardening_does_not",
        text="Attacks of 0.1 of the input norm do not: more than 1.5 features per dimension stay.",
        source=SECTION,
        reading=hardened(0.1),
        expect=Expect.above(1.5),
    ),
)
