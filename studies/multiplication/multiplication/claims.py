"""Claims of the study of multiplication.

The paper has one network per arm, of four digits in base 10. Accuracies are of pairs that were not
trained on, and without a chain unless it is said.
"""

import functools

from toylab.claims import Claim, Condition, Expect
from toylab.read import Reading

from . import readings as r

BAI = "Bai et al. 2025 (arXiv:2510.00184)"
LOGS = f"{BAI}, released logs of training"


def at_least(bound: float, text: str, reading: Reading) -> tuple[Condition, ...]:
    """What must hold."""
    return (Condition(f"{text} at least {bound:g}", reading, Expect.above(bound)),)


def at_most(bound: float, text: str, reading: Reading) -> tuple[Condition, ...]:
    """What must hold, or what must not do as well."""
    return (Condition(f"{text} at most {bound:g}", reading, Expect.below(bound)),)


MISSED = at_most(0.9, "accuracy on middle digits by standard training is", r.middle("standard"))
TOLD = at_least(0.8, "exact match with the running sum is", r.exact("auxiliary"))
GAIN = r.exact("auxiliary") - r.exact("standard")
on_told = functools.partial(Claim, requires=TOLD)

CLAIMS = (
    Claim(
        "outer",
        "Standard training learns the first and the last digit of a product: each is right for 95% "
        "of pairs.",
        LOGS,
        r.outer("standard"),
        Expect.above(0.95),
        "paper: losses of the outer digits fall to 0",
        paper=1.0,
    ),
    Claim(
        "chance",
        "It does not learn the middle: the less learned of two middle digits is right at most 0.1 "
        "more often than by guessing from lower digits, where no factor is zero or a power of the "
        "base (judged first on all pairs, which such factors make easier: 0.20).",
        LOGS,
        r.over_chance("standard"),
        Expect.below(0.1),
        "paper: losses of two middle digits stay at that of a guess, 2.30",
        paper=0.0,
    ),
    Claim(
        "lasting",
        "What is missed stays missed: accuracy on the middle digits rises by at most 0.05 in the "
        "second half of training.",
        LOGS,
        r.late_gain("standard"),
        Expect.below(0.05),
        "ours: a seventh or less of what there is to gain is no progress",
        paper=0.0,
        requires=MISSED,
    ),
    Claim(
        "unmemorised",
        "The plateau is one of training pairs as well: exact match on them is at most 0.05 above "
        "that on unseen ones.",
        LOGS,
        r.exact("standard", "seen") - r.exact("standard"),
        Expect.below(0.05),
        "paper: the losses that stay at 2.30 are those of training",
        paper=0.0,
        requires=MISSED,
    ),
    Claim(
        "auxiliary",
        "Asked for the running sum in an auxiliary loss, networks get 90% of unseen pairs right in "
        "all digits; by standard training they do not.",
        f"{BAI}, section 6",
        r.exact("auxiliary"),
        Expect.above(0.9),
        "ours: nine pairs in ten; the paper has 99%",
        paper=0.99,
        control=at_most(0.5, "exact match by standard training is", r.exact("standard")),
        headline=True,
    ),
    *(
        Claim(
            f"told_{kind}",
            f"It is the running sum that helps: asked for {what}, networks get at most 0.1 more "
            "pairs right than by standard training.",
            f"the running sum: {BAI}, section 6, without this control",
            r.exact(kind) - r.exact("standard"),
            Expect.below(0.1),
            "control: standard training, with as many updates on the same batches",
            requires=at_least(0.2, "the running sum raises exact match by", GAIN),
        )
        for kind, what in (
            ("shuffled", "the running sum of another pair"),
            ("digits", "the sum of the digits so far"),
        )
    ),
    Claim(
        "chain",
        "Implicit chain of thought: when the last step of the chain has been removed, 90% of "
        "unseen pairs are right in all digits, without one.",
        f"{BAI}, section 3",
        r.exact("chain"),
        Expect.above(0.9),
        "ours: nine pairs in ten; the paper has 100%",
        paper=1.0,
        requires=at_least(0.95, "exact match with the whole chain is", r.staged("unseen")),
    ),
    on_told(
        "order",
        "With the running sum, digits are learned from both ends inwards: when a digit is learned "
        "and its distance from the middle have a rank correlation of -0.68.",
        LOGS,
        r.order("auxiliary"),
        Expect.below(-0.68),
        "paper: -0.68, of the steps at which the losses of its eight digits fall below 0.1",
        paper=-0.68,
    ),
    on_told(
        "probe",
        "A linear probe behind the last attention reads the running sum of the middle digits with "
        "at most a third of the error that it has in networks of standard training.",
        f"{BAI}, section 4, of networks trained by implicit chain of thought",
        r.probe_error("auxiliary") / r.probe_error("standard"),
        Expect.below(1 / 3),
        "ours: a third; an untrained network is the control",
        control=at_least(
            1 / 3,
            "an untrained network has, over the error of standard training,",
            r.probe_error("auxiliary", first=True) / r.probe_error("standard"),
        ),
    ),
    Claim(
        "fourier",
        "Embeddings of digits are waves: their strongest frequency has 0.15 more of their variance "
        "than when digits change names at random.",
        f"{BAI}, section 5; judged on two digits of base 8, as base 3 has one frequency",
        r.over_null("wide"),
        Expect.above(0.15),
        "control: the mean over random names of digits, with its strongest frequency",
        requires=at_least(0.5, "exact match on two digits of base 8 is", r.exact("wide")),
    ),
    on_told(
        "relevant",
        "First-layer heads that work on a digit below the middle attend to digits of the factors "
        "that matter to it: 80% of their attention.",
        f"{BAI}, section 4: attention trees",
        r.relevant("auxiliary"),
        Expect.above(0.8),
        "ours: even attention has 0.3 to 0.5",
        control=at_most(0.6, "networks of standard training have", r.relevant("standard")),
    ),
    on_told(
        "pair",
        "A first-layer head picks one pair: on one digit of each factor it has 80% of its "
        "attention, at a middle digit.",
        f"{BAI}, section 4: attention trees",
        r.pair("auxiliary"),
        Expect.above(0.8),
        "ours: even attention has 0.2",
    ),
    on_told(
        "retrieved",
        "The second layer retrieves from the steps of lower digits: closing its attention to them "
        "costs more of the middle digits than closing that to the factors.",
        f"{BAI}, section 4: products are cached by the first layer",
        r.closed("auxiliary", "steps") - r.closed("auxiliary", "factors"),
        Expect.above(0),
        "theory: without a cache, the factors would be needed",
    ),
    on_told(
        "agreement",
        "Logits rely on the digits that theory says: over factors' and product's digits, the drop "
        "of a logit when a digit changes and what the best guess loses without the digit have a "
        "rank correlation of 0.7.",
        f"{BAI}, section 4: logit attribution",
        r.agreement("auxiliary"),
        Expect.above(0.7),
        "ours: 0.7; what the best guess loses is known by enumeration",
        control=at_most(0.4, "by standard training it is", r.agreement("standard")),
    ),
)
