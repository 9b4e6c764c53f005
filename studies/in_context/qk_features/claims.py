"""Claims of the study of key-query features.

The paper gives pictures, not bounds: these are ours, and claims with this laboratory as their
source are controls that the paper does not have.
"""

import functools

import polars as pl

from toylab.claims import Claim, Condition, Expect
from toylab.conditions import only
from toylab.read import greatest

from .readings import BEYOND_CHANCE, CROWDED, exact, missing, networks, swapped

LEE = "Lee et al. 2026 (arXiv:2602.04752)"
OURS = "this laboratory"
NEARLY = "ours: all but two of 18 cases"


def learned(arm: str) -> tuple[Condition, ...]:
    """The heads of an arm answer as well as repeated latents allow."""
    share = networks(arm, pl.col("accuracy") / pl.col("ceiling"))
    return (Condition("heads reach 95% of the best accuracy", share, Expect.above(0.95)),)


wide_claim = functools.partial(Claim, requires=learned("main"))


def half_at_most(arm: str) -> tuple[Condition, ...]:
    """Untrained heads have the exact rank in half of the cases at most."""
    text = "untrained heads have the exact rank in half of the cases at most"
    return (Condition(text, exact(arm), Expect.below(9)),)


RANKS = (
    wide_claim(
        "ranks_exact",
        "The contrastive covariance has exactly the latent's rank, at 99% of its energy, in 16 of "
        "18 cases.",
        LEE,
        exact("main"),
        Expect.above(16),
        bar=NEARLY,
        control=half_at_most("untrained"),
    ),
    Claim(
        "normal_ranks_exact",
        "The rank is exact in 16 of 18 cases where latents are normal in place of signs.",
        LEE,
        exact("normal"),
        Expect.above(16),
        bar=NEARLY,
        requires=learned("normal"),
        control=half_at_most("normal untrained"),
    ),
)

BLOCKS = (
    wide_claim(
        "blocks",
        "Latents meet their own kind: the norm of G outside its two blocks is 10% of that inside.",
        LEE,
        networks("main", "leak"),
        Expect.below(0.1),
        bar="ours: a tenth, as good as empty in the paper's picture",
        headline=True,
    ),
    wide_claim(
        "blocks_learned",
        "The blocks are learned: in untrained heads that share is larger by 0.5.",
        OURS,
        networks("untrained", "leak") - networks("main", "leak"),
        Expect.above(0.5),
        bar="ours: 0.5, five times what trained heads may have",
    ),
)

SWAPS = (
    wide_claim(
        "single_swap",
        "A swap in one latent's subspace alone moves less than half of the attention, as both must "
        "match.",
        OURS,
        greatest(swapped("z1"), swapped("z2")),
        Expect.below(0.5),
        bar="ours: half of the attention, so that most stays",
    ),
    wide_claim(
        "contrast_needed",
        "As many principal components of the keys move less attention than the contrast's "
        "subspaces, by 0.2.",
        OURS,
        swapped("z1 + z2") - swapped("key PCs"),
        Expect.above(0.2),
        bar="ours: a fifth of the attention, a difference seen by eye",
    ),
)

SMALL = (
    wide_claim(
        "missing_ranks",
        "Where r1 + r2 > 8 a head of 8 misses one rank more than a head of 16 does.",
        LEE,
        missing("small") - missing("main"),
        Expect.above(1),
        bar="ours: one rank, the least that a head can miss",
        control=only(
            "where both fit, it misses less than half of one",
            missing("small", crowded=False),
            Expect.below(0.5),
        ),
    ),
    wide_claim(
        "superposed",
        "Where r1 + r2 > 8 the key subspaces of the two latents overlap more, beyond chance, in a "
        "head of 8 than in one of 16, by 0.1.",
        OURS,
        networks("small", BEYOND_CHANCE, CROWDED) - networks("main", BEYOND_CHANCE, CROWDED),
        Expect.above(0.1),
        bar="ours: a tenth of the greatest overlap",
    ),
)

CLAIMS = (*RANKS, *BLOCKS, *SWAPS, *SMALL)
