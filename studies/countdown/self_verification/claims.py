"""Claims of the study of self-verification.

Networks are those after reward unless a text says otherwise. Attempts are minimal pairs: the same
held-out numbers and the same trace up to "(", right under one target and wrong under the other, so
that neither the target nor the result alone tells the verdict. The chosen heads are the three of
highest composition score among those that attend to the target, or all where these are fewer.
"""

import polars as pl

from toylab.claims import Claim, Condition, Expect
from toylab.conditions import given, only
from toylab.read import table

from .readings import best, of, refused, unaccepted

LEE = "Lee et al. 2025 (arXiv:2504.14379)"
OURS = "this laboratory"
LATER = "added after a first judged run"

VERDICTS = of("networks", "verdicts")
RESULTS = Condition(
    "99% of the results in held-out traces, of steps that other hands have too, are predicted "
    "correctly",
    of("networks", "results"),
    Expect.above(0.99),
)
CORRECT = Condition(
    "95% of the verdicts on minimal pairs are correct", VERDICTS, Expect.above(0.95)
)


def exceeds(condition: str, other: str, name: str = "") -> Condition:
    """A control: a condition loses more accepted attempts than another does, by 0.3."""
    return Condition(
        f"that is 0.3 more than with {name or other} ablated",
        unaccepted(condition) - unaccepted(other),
        Expect.above(0.3),
    )


VERDICT = (
    Claim(
        "verdicts_right",
        "The network's own verdicts are correct on 95% of minimal pairs of right and wrong "
        "attempts.",
        OURS,
        VERDICTS,
        Expect.above(0.95),
        bar="ours: 95%, verdicts as good as learned; chance is 1/2",
    ),
)

PROBES = (
    Claim(
        "probe",
        'A linear probe reads the verdict off the residual stream at "(" with 95% accuracy.',
        LEE,
        best("truth"),
        Expect.above(0.95),
        bar="ours: 95%, as is asked of the verdicts; chance is 1/2",
        control=(
            Condition(
                "it reads the untrained network worse by 0.25",
                best("truth") - best("truth", "untrained"),
                Expect.above(0.25),
            ),
            Condition(
                "counts of the tokens so far give the verdict worse by 0.25",
                best("truth") - best("bag"),
                Expect.above(0.25),
            ),
        ),
    ),
    Claim(
        "probe_transfer",
        "The probe that was fitted before reward reads the network after reward with 90% accuracy.",
        LEE,
        best("transfer"),
        Expect.above(0.9),
        bar="ours: 5 points below the probe's own 95%",
    ),
)

VECTORS = (
    Claim(
        "lens",
        "The logit lens ranks the matching verdict first for more of the value vectors along the "
        "probe than of the other vectors of their blocks, by 0.3.",
        LEE,
        of("vectors", "first", aligned=True) - of("vectors", "first", aligned=False),
        Expect.above(0.3),
        bar="ours: 0.3 of the vectors, a difference seen by eye",
    ),
    Claim(
        "vectors_above_random",
        "Ablating the value vectors along the probe loses more accepted attempts than ablating as "
        "many random neurons of the same blocks, by 0.1.",
        LEE,
        unaccepted("valid + invalid") - unaccepted("random neurons"),
        Expect.above(0.1),
        bar="ours: about a third of the paper's 0.33",
        paper=0.33,
    ),
)

HEADS = (
    Claim(
        "few_look",
        "At most a third of the heads attend to the target with a mean weight above 0.1.",
        LEE,
        of("networks", "looking"),
        Expect.below(1 / 3),
        bar="ours: a third of a dozen heads; the paper has 5% of 576",
        paper=28 / 576,
    ),
    Claim(
        "silenced",
        "With the three chosen heads ablated, 80% of the right attempts are no longer accepted.",
        LEE,
        unaccepted("chosen"),
        Expect.above(0.8),
        bar="ours: four attempts in five; the paper has 92.3%",
        paper=0.923,
        control=(
            exceeds("chosen", "random heads", "random heads of the same layers"),
            exceeds("chosen", "random heads of any layer"),
            exceeds("chosen", "previous", "heads that look at the token before"),
            Condition(
                "the results in the trace stay as correct as before, but for a tenth",
                of("conditions", "arithmetic", condition="chosen"),
                Expect.above(0.9),
            ),
            Condition(
                "mean ablation loses 80% as well", unaccepted("chosen, mean"), Expect.above(0.8)
            ),
            Condition("80% are refused with no", refused("chosen"), Expect.above(0.8)),
        ),
        headline=True,
    ),
    Claim(
        "generation_silenced",
        "When the network continues a right attempt with the chosen heads ablated, in 80% of cases "
        "it says no ok and gives no answer within one more attempt.",
        LEE,
        of("generated", "success", condition="chosen"),
        Expect.above(0.8),
        bar="ours: four attempts in five; the paper has 92.3%",
        paper=0.923,
        control=only(
            "with random heads of the same layers ablated it is 20% at most",
            of("generated", "success", condition="random heads"),
            Expect.below(0.2),
        ),
    ),
    Claim(
        "same_heads",
        "With the heads that were chosen before reward ablated after it, 80% of the right attempts "
        "are no longer accepted.",
        LEE,
        unaccepted("chosen before reward"),
        Expect.above(0.8),
        bar="ours: four attempts in five, as of heads chosen after reward",
        control=(exceeds("chosen before reward", "random heads of any layer"),),
    ),
    Claim(
        "score_ranks",
        "The composition score ranks the heads as their single ablations do (Spearman 0.5).",
        OURS,
        of("networks", "rank_score"),
        Expect.above(0.5),
        bar="ours: 0.5, where no relation is 0 and one order is 1",
        control=only(
            "it ranks them no worse than attention to the target alone",
            of("networks", "rank_score") - of("networks", "rank_attention"),
            Expect.above(0),
        ),
    ),
    Claim(
        "chosen_last_two",
        'Ablated at the result and "(" alone, where no arithmetic is left to break, the chosen '
        "heads lose more accepted attempts than random heads of the same layers, by 0.3.",
        f"{OURS}, {LATER}",
        unaccepted("chosen, last two") - unaccepted("random heads, last two"),
        Expect.above(0.3),
        bar="ours: 0.3, as in the controls of the other ablations",
    ),
    Claim(
        "patched_say_no",
        "With the three heads that patching ranks highest, on other hands, ablated at the result "
        'and "(", the network says no to 80% of the right attempts.',
        f"{OURS}, {LATER}",
        refused("patched, last two"),
        Expect.above(0.8),
        bar="ours: four attempts in five, as of the other ablations",
        control=tuple(
            Condition(
                f"that is more than with {name}, by 0.5",
                refused("patched, last two") - refused(condition),
                Expect.above(0.5),
            )
            for name, condition in (
                ("random heads of the same layers", "random for patched, last two"),
                ("random heads of any layer", "any layer for patched, last two"),
            )
        ),
    ),
)

PATCHES = (
    Claim(
        "patch_chosen",
        'Patching the chosen heads\' outputs at the result and "(" from the right attempt into the '
        "wrong one of a pair restores half of the logit difference.",
        OURS,
        of("patches", "restored", what="chosen"),
        Expect.above(0.5),
        bar="ours: half of the logit difference",
        control=only(
            "random heads of the same layers restore a fifth at most",
            of("patches", "restored", what="random heads"),
            Expect.below(0.2),
        ),
    ),
    Claim(
        "patch_agrees",
        "Patching single heads, on other hands, ranks them as ablating them does (Spearman 0.5).",
        f"{OURS}; other hands after a judged run",
        of("networks", "rank_patch"),
        Expect.above(0.5),
        bar="ours: 0.5, where no relation is 0 and one order is 1",
    ),
    Claim(
        "made_at_result",
        'The verdict is computed at the result, before "(": after some block, patching the '
        "residual stream there restores half of the logit difference.",
        "found on a pilot network, this laboratory",
        table("stream").filter(place="result").aggregate(pl.col("restored").max()),
        Expect.above(0.5),
        bar="ours: half of the logit difference",
    ),
)

CLAIMS = (
    *VERDICT,
    *given(RESULTS, *given(CORRECT, *PROBES, *VECTORS, *HEADS, *PATCHES)),
)
