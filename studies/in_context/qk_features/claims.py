"""Claims of the study of key-query features.

Regions are this laboratory's where the source says so: the paper gives pictures, not bounds. Claims
marked "expected, this laboratory" are controls and checks that the paper does not make.
"""

import polars as pl

from toylab.claims import Claim, Expect
from toylab.read import greatest

from .readings import (
    BEYOND_CHANCE,
    EXACT,
    FITS,
    MISSING,
    NEAR,
    PAPER_PAIR,
    SINGLE,
    features,
    moved,
    networks,
)

LEE = "Lee et al. 2026 (arXiv:2602.04752)"
OURS = "expected, this laboratory"
LEE_OURS = f"{LEE}; region: this laboratory"
ALGEBRA = "By algebra for any head: checks the estimate."
CHANGED = "(changed after a first judged run)"
EXACT_MAIN = features("main", EXACT, SINGLE)
LEAK = networks("main", "leak")

LEARNED = (
    Claim(
        "learned",
        "Heads of 16 reach 95% of the best accuracy that repeated latents allow.",
        OURS,
        networks("main", pl.col("accuracy") / pl.col("ceiling")),
        Expect.above(0.95),
    ),
)

RANKS = (
    Claim(
        "ranks_exact",
        "The contrast's rank at 99% of the energy is the latent's in 16 of 18 cases.",
        LEE_OURS,
        EXACT_MAIN,
        Expect.above(16 / 18),
    ),
    Claim(
        "ranks_near",
        "Where it is not, it is one more or less.",
        LEE_OURS,
        features("main", NEAR, SINGLE),
        Expect.above(1),
    ),
    Claim(
        "joint_rank",
        "The contrast of both latents at once has rank r1 + r2 in 8 of 9 cases.",
        LEE_OURS,
        features("main", EXACT, ~SINGLE),
        Expect.above(8 / 9),
    ),
    Claim(
        "normal_ranks_exact",
        "The ranks are recovered too where latents are normal, in 16 of 18 cases.",
        LEE_OURS,
        features("normal", EXACT, SINGLE),
        Expect.above(16 / 18),
    ),
    Claim(
        "ranks_learned",
        "The rank tells what the head learned: it is exact in more of the cases than in untrained "
        "heads, by half of all cases.",
        OURS,
        EXACT_MAIN - features("untrained", EXACT, SINGLE),
        Expect.above(0.5),
    ),
)

SUBSPACES = (
    Claim(
        "key_subspace",
        "The right singular vectors span the latent's part of key space (mean squared cosine). "
        f"{ALGEBRA}",
        LEE_OURS,
        features("main", "key_overlap", SINGLE),
        Expect.above(0.95),
    ),
    Claim(
        "query_subspace",
        f"The left singular vectors span the latent's part of query space. {ALGEBRA}",
        LEE_OURS,
        features("main", "query_overlap", SINGLE),
        Expect.above(0.95),
    ),
    Claim(
        "subspace_above_chance",
        f"A random subspace of that rank has an overlap lower by 0.3. {ALGEBRA}",
        OURS,
        features("main", "key_overlap", SINGLE) - features("main", "chance", SINGLE),
        Expect.above(0.3),
    ),
)

BLOCKS = (
    Claim(
        "blocks",
        "Latents meet their own kind: G outside its two blocks has 10% of the norm inside.",
        LEE_OURS,
        LEAK,
        Expect.below(0.1),
    ),
    Claim(
        "blocks_learned",
        "The untrained head's G has no such blocks: its leak is larger by 0.5.",
        OURS,
        networks("untrained", "leak") - LEAK,
        Expect.above(0.5),
    ),
)

SWAPS = (
    Claim(
        "joint_swap",
        "Swapping both subspaces (3 and 5) moves 90% of the attention to the other token. "
        f"{ALGEBRA}",
        LEE_OURS,
        moved("z1 + z2", PAPER_PAIR),
        Expect.above(0.9),
    ),
    Claim(
        "joint_swap_all",
        f"So it does on average over all nine pairs of ranks. {ALGEBRA}",
        LEE_OURS,
        moved("z1 + z2"),
        Expect.above(0.9),
    ),
    Claim(
        "random_swap",
        "Swapping a random subspace of 3 + 5 of 16 dimensions moves less than half.",
        LEE_OURS,
        moved("random r1 + r2", PAPER_PAIR),
        Expect.below(0.5),
    ),
    Claim(
        "single_swap",
        "Swapping one subspace alone moves less than half, as both must match (the larger of two).",
        OURS,
        greatest(moved("z1", PAPER_PAIR), moved("z2", PAPER_PAIR)),
        Expect.below(0.5),
    ),
    Claim(
        "contrast_needed",
        "Principal components of keys, as many, move less than the contrast's by a fifth.",
        OURS,
        moved("z1 + z2", PAPER_PAIR) - moved("key PCs", PAPER_PAIR),
        Expect.above(0.2),
    ),
)

SMALL = (
    Claim(
        "missing_ranks",
        "A head of 8 misses a rank or more where r1 + r2 > 8.",
        LEE_OURS,
        features("small", MISSING, SINGLE, ~FITS),
        Expect.above(1),
    ),
    Claim(
        "missing_ranks_learned",
        "There it misses a rank or more beyond what the untrained head of 8 misses (added after a "
        "first judged run).",
        OURS,
        features("small", MISSING, SINGLE, ~FITS)
        - features("small untrained", MISSING, SINGLE, ~FITS),
        Expect.above(1),
    ),
    Claim(
        "nothing_missing",
        "A head of 8 misses half a rank at most where r1 + r2 <= 8.",
        LEE_OURS,
        features("small", MISSING, SINGLE, FITS),
        Expect.between(-0.5, 0.5),
    ),
    Claim(
        "superposed",
        "Where r1 + r2 > 8 the two kinds' key subspaces coincide more in a head of 8 than of 16, "
        "each beyond the max(R, S) / K of random subspaces with the ranks R and S that were found "
        f"{CHANGED}.",
        OURS,
        networks("small", BEYOND_CHANCE, ~FITS) - networks("main", BEYOND_CHANCE, ~FITS),
        Expect.above(0.1),
    ),
)

CLAIMS = (*LEARNED, *RANKS, *SUBSPACES, *BLOCKS, *SWAPS, *SMALL)
