"""Claims of self-verification on heads: what silences the network, and what patches carry.

An attempt is silenced when another token than ok comes out likeliest, no or any other. Random heads
are drawn from those of the same layers that are not chosen, few as they are. What came after a
first judged run, heads of any layer and whether the network says no, is in ``claims_controls``.
"""

import polars as pl

from toylab.claims import Claim, Expect
from toylab.read import table

from .readings import ADDED, LEE_OURS, OURS, PILOT, of, silenced

HEADS = (
    Claim(
        "few_look",
        "A third of the heads at most look back at the target with a mean weight above 0.1.",
        LEE_OURS,
        of("networks", "looking"),
        Expect.below(1 / 3),
        paper=28 / 576,
    ),
    Claim(
        "silenced",
        "Without the three such heads of the highest score (or all, where these are fewer) right "
        "attempts are no longer accepted.",
        LEE_OURS,
        silenced("chosen"),
        Expect.above(0.8),
        paper=0.923,
    ),
    Claim(
        "random_heads",
        "Without as many random heads of the same layers at most a fifth are no longer accepted.",
        LEE_OURS,
        silenced("random heads"),
        Expect.below(0.2),
    ),
    Claim(
        "above_previous",
        "The chosen silence more than as many heads that look most at the token before (if not "
        "much) and not at the target, by 0.3.",
        OURS,
        silenced("chosen") - silenced("previous"),
        Expect.above(0.3),
    ),
    Claim(
        "silenced_mean",
        "With the chosen heads' outputs set to the mean over attempts, in place of zero, right "
        "attempts are no longer accepted either.",
        OURS,
        silenced("chosen, mean"),
        Expect.above(0.8),
    ),
    Claim(
        "arithmetic_kept",
        "Without the chosen heads results in the trace are as right as before, but for a tenth "
        "(by construction in the paper, where heads are off at the verdict alone).",
        OURS,
        of("conditions", "arithmetic", condition="chosen"),
        Expect.above(0.9),
    ),
    Claim(
        "generation_silenced",
        "Writing on from right attempts without the chosen heads, for one attempt more, the "
        "network says no ok and gives no answer.",
        LEE_OURS,
        of("generated", "success", condition="chosen"),
        Expect.above(0.8),
        paper=0.923,
    ),
    Claim(
        "generation_random",
        "Without random heads of the same layers it does (measure changed after a judged run: the "
        "mean of five draws, one before).",
        LEE_OURS,
        of("generated", "success", condition="random heads"),
        Expect.below(0.2),
    ),
    Claim(
        "silenced_before",
        "Before reward too, the heads that its own scores choose are needed.",
        LEE_OURS,
        silenced("chosen", "search"),
        Expect.above(0.8),
    ),
    Claim(
        "same_heads",
        "The heads chosen before reward silence the network after it.",
        LEE_OURS,
        silenced("chosen before reward"),
        Expect.above(0.8),
    ),
    Claim(
        "score_ranks",
        "The composition score ranks all heads as the fall of ok less no without each (Spearman).",
        OURS,
        of("networks", "rank_score"),
        Expect.above(0.5),
    ),
    Claim(
        "score_above_attention",
        "It ranks them no worse than attention to the target alone does.",
        OURS,
        of("networks", "rank_score") - of("networks", "rank_attention"),
        Expect.above(0),
    ),
)

LAST_TWO = (
    Claim(
        "chosen_last_two",
        'Off at the result and "(" alone, where no arithmetic is left to break, the chosen heads '
        f"silence more than random ones of the same layers, by 0.3 ({ADDED}).",
        OURS,
        silenced("chosen, last two") - silenced("random heads, last two"),
        Expect.above(0.3),
    ),
    Claim(
        "patched_silenced",
        "Off at these two tokens, the three heads that patching ranks highest, on pairs of other "
        f"hands, silence right attempts ({ADDED}; measure changed after a second: the pairs "
        "that were patched had mostly the same numbers).",
        OURS,
        silenced("patched, last two"),
        Expect.above(0.8),
    ),
    Claim(
        "patched_above_random",
        f"They silence more than random heads of their layers, by 0.5 ({ADDED}; measure "
        "changed as above).",
        OURS,
        silenced("patched, last two") - silenced("random for patched, last two"),
        Expect.above(0.5),
    ),
)

PATCHES = (
    Claim(
        "patch_chosen",
        "The chosen heads' outputs at the last two tokens, taken from the right attempt of a pair, "
        "restore half of its logit difference in the wrong one.",
        OURS,
        of("patches", "restored", what="chosen"),
        Expect.above(0.5),
    ),
    Claim(
        "patch_random",
        "As many random heads of the same layers restore a fifth at most.",
        OURS,
        of("patches", "restored", what="random heads"),
        Expect.below(0.2),
    ),
    Claim(
        "patch_agrees",
        "Patching single heads ranks them as ablating them does (Spearman; measure changed after "
        "a judged run: what is patched are pairs of other hands).",
        OURS,
        of("networks", "rank_patch"),
        Expect.above(0.5),
    ),
    Claim(
        "made_at_result",
        'The comparison is made at the result, before "(": after some block the stream there, '
        "taken from the right attempt, restores half of the difference.",
        PILOT,
        table("stream").filter(place="result").aggregate(pl.col("restored").max()),
        Expect.above(0.5),
    ),
)
