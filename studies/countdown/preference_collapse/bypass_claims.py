"""Claims of the study of preference collapse: the language model.

Regions come from the papers where they give numbers, else from this laboratory's plan, written
before any run was seen; the sources say which.
"""

from toylab.claims import Claim, Expect

from .readings import cut, fall, network, perplexity, restored
from .toy_claims import OURS

LEE = "Lee et al. 2024 (arXiv:2401.01967)"
LEE_OURS = f"{LEE}; region: this laboratory"
GROUPS = "arXiv:2411.06424"


BYPASS = (
    Claim(
        "language",
        "The language is learned: its loss is within 0.05 nats of the Bayes predictor's.",
        OURS,
        network("excess"),
        Expect.below(0.05),
    ),
    Claim(
        "rate_falls",
        "DPO halves the rate of bad words, or better (teacher-forced probability).",
        f"{LEE}: 0.453 to 0.208",
        cut("after"),
        Expect.above(0.5),
        paper=0.54,
    ),
    Claim(
        "rate_falls_sampled",
        "So it does in text that the model draws itself.",
        f"{LEE}: 0.453 to 0.208",
        fall("sampled"),
        Expect.above(0.5),
        paper=0.54,
    ),
    Claim(
        "clean_kept",
        "The perplexity among clean words rises by a tenth at most.",
        f"{LEE}: 21.7 to 23.34",
        perplexity("after", "before"),
        Expect.below(0.1),
        paper=0.076,
    ),
    Claim(
        "weights_kept",
        "95% of the matrices keep a cosine of 0.99 or more with those before DPO.",
        LEE_OURS,
        network("kept"),
        Expect.above(0.95),
    ),
    Claim(
        "activations_fall",
        "The seven neurons that write bad words most are half as active after DPO, or less.",
        LEE_OURS,
        fall("bad"),
        Expect.above(0.5),
    ),
    Claim(
        "unaligned",
        "Ten times the keys of those seven bring back 80% of the bad rate that DPO took away.",
        f"{LEE}: 0.458 of 0.453",
        restored("keys"),
        Expect.above(0.8),
        paper=1.02,
    ),
    Claim(
        "unaligned_random",
        "Ten times the keys of seven random neurons of the same layers bring back 20% at most.",
        OURS,
        restored("random keys"),
        Expect.below(0.2),
    ),
    Claim(
        "unaligned_clean",
        "Un-alignment changes the perplexity among clean words by 2% at most.",
        f"{LEE}: 23.34 to 23.30",
        abs(perplexity("keys", "after")),
        Expect.below(0.02),
    ),
    Claim(
        "patched_part",
        "The seven neurons' activations, put back as they were, explain at most a quarter of DPO's "
        "effect (the paper's upper end; its lower one is not asked for).",
        f"{GROUPS}: 2.5% to 24%",
        restored("patched", size=7.0),
        Expect.below(0.24),
    ),
    Claim(
        "patched_random",
        "They explain more than seven random neurons of the same layers.",
        OURS,
        restored("patched", size=7.0) - restored("random patched", size=7.0),
        Expect.above(0.0),
    ),
    Claim(
        "subtract",
        "Subtracting the bad direction before the last norm cuts the bad rate by 30% at a rise of "
        "a tenth in clean perplexity or less, without training. Nearly by construction: the "
        "direction is the unembedding's own, and clean perplexity is among clean words.",
        f"{LEE}: 0.453 to 0.245",
        network("subtract"),
        Expect.above(0.3),
        paper=0.46,
    ),
    Claim(
        "subtract_random",
        "A random direction (one per seed), subtracted under the same condition, cuts it by a "
        "tenth at most.",
        OURS,
        network("subtract_random"),
        Expect.below(0.1),
    ),
    Claim(
        "not_the_readout",
        "DPO does not merely turn the unembedding off bad words: its matrix put back restores less "
        "than half of the rate that DPO took away.",
        LEE_OURS,
        restored("back: unembed"),
        Expect.below(0.5),
    ),
    Claim(
        "moves_no_more",
        "Fine-tuning on the chosen texts alone, as many steps at the same rate, moves weights as "
        "far within a factor of 2 (the ratio of mean relative changes, DPO over fine-tuning): "
        "small steps are not DPO's own.",
        OURS,
        network("change") / network("change_sft"),
        Expect.between(0.5, 2),
    ),
)

CLAIMS = BYPASS
