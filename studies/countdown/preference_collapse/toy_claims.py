"""Claims of the study of preference collapse: the toy.

Regions come from the papers where they give numbers, else from this laboratory's plan, written
before any run was seen; the sources say which. The measure of both derivatives was changed after a
first judged run, from the log10 of a mean over pairs to a mean of log10; the verdicts stayed.
"""

import polars as pl

from toylab.claims import Claim, Expect
from toylab.read import greatest

from .readings import BOTH_ON, FALL, OFF, ON, WORST, toy

YAN = "Yan et al. 2024 (arXiv:2406.07327)"
YAN_OURS = f"{YAN}; region: this laboratory"
OURS = "expected, this laboratory"

DROP = (
    Claim(
        "reference",
        "The reference is learned: it lies within 0.02 of the given distribution (total variation, "
        "mean over prompts).",
        OURS,
        toy("dpo", pl.col("distance").first()),
        Expect.below(0.02),
    ),
    Claim(
        "drop",
        "DPO drives the rejected responses' probability below 0.01 (the largest of the four "
        "scenarios).",
        YAN_OURS,
        toy("dpo", pl.col("rejected").max()),
        Expect.below(0.01),
    ),
    Claim(
        "degradation",
        "The chosen responses' probability peaks, then falls by a fifth of its peak or more "
        "(off-policy chosen, mean of two scenarios).",
        YAN_OURS,
        toy("dpo", FALL.mean(), **OFF),
        Expect.above(0.2),
    ),
    Claim(
        "dispersion",
        "The probability of unseen responses grows by 0.3 or more (chosen off-policy, rejected "
        "on-policy).",
        YAN_OURS,
        toy("dpo", (pl.col("unseen") - pl.col("unseen_start")).mean(), **WORST),
        Expect.above(0.3),
    ),
    Claim(
        "on_policy",
        "Where both are on-policy the chosen responses lose less of their peak than in the mean "
        "of the other scenarios, by 0.1.",
        YAN_OURS,
        toy("dpo", FALL.mean(), ~BOTH_ON) - toy("dpo", FALL.mean(), BOTH_ON),
        Expect.above(0.1),
    ),
    Claim(
        "worst",
        "Off-policy chosen responses lose more of their peak than on-policy ones, by 0.1.",
        YAN_OURS,
        toy("dpo", FALL.mean(), **OFF) - toy("dpo", FALL.mean(), **ON),
        Expect.above(0.1),
    ),
)

GRADIENTS = (
    Claim(
        "gradient_explodes",
        "The derivative by a rejected probability grows a hundredfold or more (all scenarios; mean "
        "over pairs of log10, since one vanished response ruled a first run's arithmetic mean). By "
        "algebra it is the loss's slope over that probability, and so follows from the drop "
        "unless the slope falls as fast.",
        YAN_OURS,
        toy("dpo", (pl.col("d_rejected") - pl.col("d_rejected_start")).mean()),
        Expect.above(2),
    ),
    Claim(
        "gradient_decays",
        "The derivative by a chosen probability falls to a tenth or less (chosen on-policy; mean "
        "over pairs of log10, after a first run with the log10 of their mean).",
        YAN_OURS,
        toy("dpo", (pl.col("d_chosen") - pl.col("d_chosen_start")).mean(), **ON),
        Expect.below(-1),
    ),
)

PREVENTION = (
    Claim(
        "flex",
        "Flex-DPO with beta_rejected = 0.08 keeps the chosen responses at 0.9 of their peak or "
        "more (off-policy chosen, mean of two scenarios).",
        YAN_OURS,
        toy("flex 0.08", 1 - FALL.mean(), **OFF),
        Expect.above(0.9),
    ),
    Claim(
        "sft",
        "So does a term of the chosen responses' likelihood (weight 0.1).",
        YAN_OURS,
        toy("sft 0.1", 1 - FALL.mean(), **OFF),
        Expect.above(0.9),
    ),
    Claim(
        "still_prefers",
        "Both still learn the preference: rejected responses keep less than 0.05 (the larger, each "
        "the mean of four scenarios).",
        OURS,
        greatest(
            toy("flex 0.08", pl.col("rejected").mean()), toy("sft 0.1", pl.col("rejected").mean())
        ),
        Expect.below(0.05),
    ),
    Claim(
        "table",
        "A table of free logits under the same loss, which is a reward model's up to a constant, "
        "loses no more than 0.01 of its peak. By algebra: its chosen logits can only rise, so a "
        "fall needs parameters that responses share.",
        OURS,
        toy("table", FALL.max()),
        Expect.below(0.01),
    ),
)

CLAIMS = (*DROP, *GRADIENTS, *PREVENTION)
