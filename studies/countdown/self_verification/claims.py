"""Claims of the study of self-verification, written before any network was judged.

Those whose margin came after a pilot network, or that came after a first judged run, say so.

A network is the seed's, after reward unless the text says otherwise. Attempts are minimal pairs:
the same held-out numbers and the same trace up to "(", right under one target and wrong under the
other, so that neither the target nor the result alone tells the verdict.
"""

from toylab.claims import Claim, Expect

from .claims_controls import ANY_LAYER, SAYS_NO
from .claims_heads import HEADS, LAST_TWO, PATCHES
from .readings import LEE_OURS, OURS, YU, best, of, silenced

MARGIN = "margin set after a pilot network; any difference before"
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
        best("truth") - best("truth", "untrained"),
        Expect.above(0.25),
    ),
    Claim(
        "probe_bag",
        "It reads the network better than the counts of tokens seen so far, by a quarter.",
        OURS,
        best("truth") - best("bag"),
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
        "tokens, in more of them than of the other vectors of their blocks, by 0.3.",
        LEE_OURS,
        of("vectors", "first", aligned=True) - of("vectors", "first", aligned=False),
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
        "Switching off the invalid vectors too silences more than the valid ones alone, by 0.05 "
        f"({MARGIN}).",
        LEE_OURS,
        silenced("valid + invalid") - silenced("valid"),
        Expect.above(0.05),
        paper=0.167,
    ),
    Claim(
        "vectors_above_random",
        "Both together silence more than as many random neurons of the same blocks, by 0.1.",
        LEE_OURS,
        silenced("valid + invalid") - silenced("random neurons"),
        Expect.above(0.1),
        paper=0.33,
    ),
    Claim(
        "heads_above_vectors",
        "The chosen heads silence more than the vectors do, by 0.3.",
        LEE_OURS,
        silenced("chosen") - silenced("valid + invalid"),
        Expect.above(0.3),
        paper=0.593,
    ),
)

ERRORS = (
    Claim(
        "missed_falls",
        "In its own traces the network refuses fewer right attempts after reward than before, by "
        f"0.01 ({MARGIN}).",
        YU,
        of("errors", "missed", "search") - of("errors", "missed"),
        Expect.above(0.01),
    ),
    Claim(
        "false_rises",
        f"And it accepts more of the wrong ones, by 0.01 ({MARGIN}).",
        YU,
        of("errors", "false_ok") - of("errors", "false_ok", "search"),
        Expect.above(0.01),
    ),
)

CLAIMS = (*PROBES, *VECTORS, *HEADS, *LAST_TWO, *ANY_LAYER, *SAYS_NO, *PATCHES, *ERRORS)
