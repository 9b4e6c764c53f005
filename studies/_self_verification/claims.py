"""Claims of the study of self-verification, written before any trained network was measured.

A network is the seed's, after reward unless the text says otherwise. Attempts are minimal pairs:
the same held-out numbers and the same trace up to "(", right under one target and wrong under the
other, so that neither the target nor the result alone tells the verdict.
"""

import polars as pl

from studies._self_verification.numbers import best, less, of, silenced
from toylab.claims import Claim, Expect
from toylab.units import per_unit

LEE = "Lee et al. 2025 (arXiv:2504.14379)"
LEE_OURS = f"{LEE}; region: this laboratory"
YU = "Yu et al. 2025 (arXiv:2510.12157), of other tasks; region: this laboratory"
PILOT = "found on a pilot network, this laboratory"
OURS = "expected, this laboratory"
PROBES = (
    Claim(
        "verdicts_right",
        "The network's own verdicts, on as many right attempts as wrong ones, are right.",
        OURS,
        of("networks", "verdicts"),
        Expect.above(0.95),
    ),
    Claim(
        "probe",
        'A linear probe reads the verdict off the residual stream at "(" (best layer).',
        LEE_OURS,
        best("truth"),
        Expect.above(0.95),
    ),
    Claim(
        "probe_shuffled",
        "The same probe fitted on shuffled labels stays near a half.",
        OURS,
        best("shuffled"),
        Expect.below(0.6),
    ),
    Claim(
        "probe_untrained",
        "It reads the trained network better than the untrained one, by a quarter.",
        OURS,
        less(best("truth"), best("truth", "untrained")),
        Expect.above(0.25),
    ),
    Claim(
        "probe_bag",
        "It reads the network better than the counts of tokens seen so far, by a quarter.",
        OURS,
        less(best("truth"), best("bag")),
        Expect.above(0.25),
    ),
    Claim(
        "probe_transfer",
        "The probe that was fitted before reward reads the network after it.",
        LEE_OURS,
        best("transfer"),
        Expect.above(0.9),
    ),
)

VECTORS = (
    Claim(
        "lens",
        "The logit lens of the value vectors along the probe puts the fitting verdict first of all "
        "tokens, in more of them than of random vectors, by 0.3.",
        LEE_OURS,
        less(of("vectors", "first", aligned=True), of("vectors", "first", aligned=False)),
        Expect.above(0.3),
    ),
    Claim(
        "vectors_fire",
        "These vectors' coefficients tell right attempts from wrong ones, in the fitting direction "
        "(area under the ROC curve).",
        LEE_OURS,
        of("vectors", "auc", aligned=True),
        Expect.above(0.7),
    ),
    Claim(
        "vectors_invalid_adds",
        "Switching off the invalid vectors too silences more than the valid ones alone.",
        LEE_OURS,
        less(silenced("valid + invalid"), silenced("valid")),
        Expect.above(0.05),
        paper=0.167,
    ),
    Claim(
        "vectors_above_random",
        "Both together silence more than as many random neurons of the same blocks, by 0.1.",
        LEE_OURS,
        less(silenced("valid + invalid"), silenced("random neurons")),
        Expect.above(0.1),
        paper=0.33,
    ),
    Claim(
        "heads_above_vectors",
        "The chosen heads silence more than the vectors do, by 0.3.",
        LEE_OURS,
        less(silenced("chosen"), silenced("valid + invalid")),
        Expect.above(0.3),
        paper=0.593,
    ),
)

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
        "Without the three such heads of the highest score (or all) right attempts are refused.",
        LEE_OURS,
        silenced("chosen"),
        Expect.above(0.8),
        paper=0.923,
    ),
    Claim(
        "random_heads",
        "Without as many random heads of the same layers they still are.",
        LEE_OURS,
        silenced("random heads"),
        Expect.below(0.2),
    ),
    Claim(
        "above_previous",
        "They silence more than as many heads which look most at the token before and not at the "
        "target, by 0.3.",
        OURS,
        less(silenced("chosen"), silenced("previous")),
        Expect.above(0.3),
    ),
    Claim(
        "silenced_mean",
        "So they do when their outputs are set to the mean over attempts in place of zero.",
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
        "Writing on from it without the chosen heads, the network says no ok and gives no answer.",
        LEE_OURS,
        of("generated", "success", condition="chosen"),
        Expect.above(0.8),
        paper=0.923,
    ),
    Claim(
        "generation_random",
        "Without random heads of the same layers it does.",
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
        less(of("networks", "rank_score"), of("networks", "rank_attention")),
        Expect.above(0),
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
        "Patching single heads ranks them as ablating them does (Spearman).",
        OURS,
        of("networks", "rank_patch"),
        Expect.above(0.5),
    ),
    Claim(
        "made_at_result",
        'The comparison is made at the result, before "(": after some block the stream there, '
        "taken from the right attempt, restores half of the difference.",
        PILOT,
        lambda m: per_unit(
            m["stream"].filter(pl.col("place") == "result"), pl.col("restored").max()
        ),
        Expect.above(0.5),
    ),
)

ERRORS = (
    Claim(
        "missed_falls",
        "In its own traces the network refuses fewer right attempts after reward than before.",
        YU,
        less(of("errors", "missed", "search"), of("errors", "missed")),
        Expect.above(0.01),
    ),
    Claim(
        "false_rises",
        "And it accepts more of the wrong ones.",
        YU,
        less(of("errors", "false_ok"), of("errors", "false_ok", "search")),
        Expect.above(0.01),
    ),
)

CLAIMS = (*PROBES, *VECTORS, *HEADS, *PATCHES, *ERRORS)
