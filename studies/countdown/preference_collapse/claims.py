"""Claims of the study of preference collapse: the toy, then the language model.

Bars come from the papers where they give numbers, else from this laboratory's plan, written before
any run was seen; each ``bar`` says which. The measure of both derivatives was changed after a first
judged run, from the log10 of a mean over pairs to a mean of log10; the verdicts stayed.
"""

import polars as pl

from toylab.claims import Claim, Condition, Expect
from toylab.conditions import given, only

from .readings import BOTH_ON, FALL, OFF, ON, WORST, cut, fall, network, perplexity, restored, toy

YAN = "Yan et al. 2024 (arXiv:2406.07327)"
LEE = "Lee et al. 2024 (arXiv:2401.01967)"
OURS = "this laboratory"

REFERENCE = Condition(
    "the reference is within 0.02 of the given distribution (total variation)",
    toy("dpo", pl.col("distance").first()),
    Expect.below(0.02),
)
LANGUAGE = Condition(
    "the language's loss is within 0.05 nats of the Bayes predictor's",
    network("excess"),
    Expect.below(0.05),
)
DPO_WORKS = Condition("DPO halves the rate of bad words", cut("after"), Expect.above(0.5))


def still_prefers(arm: str) -> Condition:
    """A control of a regulariser: it must not keep the chosen by learning no preference."""
    return Condition(
        "the rejected responses keep less than 0.05, mean of four scenarios",
        toy(arm, pl.col("rejected").mean()),
        Expect.below(0.05),
    )


DROP = (
    Claim(
        "drop",
        "DPO drives the rejected responses' probability below 0.01 in each of the four scenarios.",
        YAN,
        toy("dpo", pl.col("rejected").max()),
        Expect.below(0.01),
        bar="ours: 0.01, a tenth of an even share among ten responses",
    ),
    Claim(
        "degradation",
        "Under DPO the probability of off-policy chosen responses peaks, then falls by a fifth of "
        "its peak (judged first after 500 updates, where 0.21 left it open).",
        YAN,
        toy("dpo", FALL.mean(), **OFF),
        Expect.above(0.2),
        bar="ours: a fifth of the peak, a fall seen by eye",
        control=only(
            "those of a table of free logits fall by a twentieth at most",
            toy("table", FALL.mean(), **OFF),
            Expect.below(0.05),
        ),
        headline=True,
    ),
    Claim(
        "dispersion",
        "The probability of unseen responses grows by 0.3, with the chosen off-policy and the "
        "rejected on-policy.",
        YAN,
        toy("dpo", (pl.col("unseen") - pl.col("unseen_start")).mean(), **WORST),
        Expect.above(0.3),
        bar="ours: 0.3; in the paper nearly all of it ends there",
    ),
    Claim(
        "on_policy",
        "With both on-policy the chosen responses lose less of their peak than in the other "
        "scenarios, by 0.1.",
        YAN,
        toy("dpo", FALL.mean(), ~BOTH_ON) - toy("dpo", FALL.mean(), BOTH_ON),
        Expect.above(0.1),
        bar="ours: a tenth of the peak, a difference seen by eye",
    ),
    Claim(
        "worst",
        "Off-policy chosen responses lose more of their peak than on-policy ones, by 0.1.",
        YAN,
        toy("dpo", FALL.mean(), **OFF) - toy("dpo", FALL.mean(), **ON),
        Expect.above(0.1),
        bar="ours: a tenth of the peak, a difference seen by eye",
    ),
    Claim(
        "gradient_decays",
        "The derivative by the probability of an on-policy chosen response falls to a tenth (mean "
        "over pairs of log10).",
        YAN,
        toy("dpo", (pl.col("d_chosen") - pl.col("d_chosen_start")).mean(), **ON),
        Expect.below(-1),
        bar="ours: a tenth, one order of size",
    ),
)

PREVENTION = tuple(
    Claim(
        key,
        text,
        YAN,
        toy(arm, 1 - FALL.mean(), **OFF),
        Expect.above(0.9),
        bar="ours: nine tenths of the peak, nearly all of it",
        control=(
            still_prefers(arm),
            Condition(
                "plain DPO keeps less than 0.9",
                toy("dpo", 1 - FALL.mean(), **OFF),
                Expect.below(0.9),
            ),
        ),
    )
    for key, arm, text in (
        (
            "flex",
            "flex 0.08",
            "Flex-DPO with beta_rejected = 0.08 keeps off-policy chosen responses at 0.9 of their "
            "peak.",
        ),
        (
            "sft",
            "sft 0.1",
            "A term of the chosen responses' likelihood, of weight 0.1, keeps off-policy chosen "
            "responses at 0.9 of their peak.",
        ),
    )
)

EFFECT = (
    Claim(
        "rate_falls",
        "DPO halves the rate of bad words (teacher-forced probability).",
        f"{LEE}: 0.453 to 0.208",
        cut("after"),
        Expect.above(0.5),
        bar="paper: 54%, rounded down",
        paper=0.54,
    ),
    Claim(
        "rate_falls_sampled",
        "DPO halves the rate of bad words in text that the model samples itself.",
        f"{LEE}: 0.453 to 0.208",
        fall("sampled"),
        Expect.above(0.5),
        bar="paper: 54%, rounded down",
        paper=0.54,
    ),
)

BYPASS = (
    Claim(
        "clean_kept",
        "Under DPO the perplexity among clean words rises by a tenth at most.",
        f"{LEE}: 21.7 to 23.34",
        perplexity("after", "before"),
        Expect.below(0.1),
        bar="paper: 7.6%, rounded up",
        paper=0.076,
    ),
    Claim(
        "weights_kept",
        "95% of the weight matrices keep a cosine of 0.99 with those before DPO.",
        LEE,
        network("kept"),
        Expect.above(0.95),
        bar="ours: 19 matrices in 20, where the paper has 0.99 in all",
    ),
    Claim(
        "activations_fall",
        "The seven neurons most aligned with bad words are at most half as active after DPO.",
        LEE,
        fall("bad"),
        Expect.above(0.5),
        bar="ours: half, as for the rate of bad words",
    ),
    Claim(
        "unaligned",
        "Scaling the keys of those seven neurons by ten brings back 80% of the bad rate that DPO "
        "took away.",
        f"{LEE}: 0.458 of 0.453",
        restored("keys"),
        Expect.above(0.8),
        bar="ours: four fifths, where the paper has all of it",
        paper=1.02,
        control=(
            Condition(
                "the keys of random neurons of the same layers bring back 20% at most",
                restored("random keys"),
                Expect.below(0.2),
            ),
            Condition(
                "the perplexity among clean words changes by 2% at most, as in the paper",
                abs(perplexity("keys", "after")),
                Expect.below(0.02),
            ),
        ),
    ),
    Claim(
        "patched_part",
        "The activations of those seven neurons carry between 2.5% and 24% of DPO's effect.",
        "arXiv:2411.06424",
        restored("patched", size=7.0),
        Expect.between(0.025, 0.24),
        bar="paper: its own 2.5% to 24%",
        paper="0.025 to 0.24",
        control=only(
            "random neurons of the same layers carry half as much at most",
            restored("random patched", size=7.0) - 0.5 * restored("patched", size=7.0),
            Expect.below(0),
        ),
    ),
    Claim(
        "not_the_readout",
        "DPO does not merely turn the unembedding off bad words: with the unembedding of before, "
        "less than half of the bad rate comes back.",
        LEE,
        restored("back: unembed"),
        Expect.below(0.5),
        bar="ours: half, so that most of the effect is elsewhere",
    ),
    Claim(
        "moves_no_more",
        "Small steps are not DPO's own: fine-tuning on the chosen texts, for as many steps at the "
        "same rate, moves the weights as far, within a factor of 2.",
        OURS,
        network("change") / network("change_sft"),
        Expect.between(0.5, 2),
        bar="ours: a factor of 2, the same order of size",
    ),
)

TOY = given(REFERENCE, *DROP, *PREVENTION)
CLAIMS = (*TOY, *given(LANGUAGE, *EFFECT, *given(DPO_WORKS, *BYPASS)))
