"""Claims of the study of concept space.

Times are the first of 11 records (50 steps) at which the new class is shown at 80% of places: as
the nearest of four by the lenient reader, within half of the way to the next by the strict one.
"""

import polars as pl

from toylab.claims import Claim, Condition, Expect
from toylab.conditions import only, passage
from toylab.read import least

from . import readings as r

PARK = "Park et al. 2024 (arXiv:2406.19370)"
YANG = "Yang et al. 2025 (arXiv:2410.08309)"
FIFTH = Expect.between(1 / 1.2, 1.2)
LEARNED = only(
    "in every setting trained classes are shown at 90% of places by the strict reader",
    r.CURVES.filter(pl.col("masked") < 1).last().aggregate(pl.col("trained strict").min()),
    Expect.above(0.9),
)
IDENTITIES = only(
    "the loss after training is below a hundredth of its first",
    r.IDENTITY.last().mean("loss") / r.IDENTITY.first().mean("loss"),
    Expect.below(0.01),
)
NEVER_TOLD = Condition(
    "a network that is never told colours shows the new class at a tenth of places or fewer",
    r.end(r.CURVES.filter(masked=1.0), "over 0.5 lenient"),
    Expect.below(0.1),
)
MORE_SIZE = Condition(
    "asking for more size instead gives no lead",
    r.lead(r.when(r.MAIN, "wrong lenient"), r.when(r.MAIN, "naive lenient")),
    Expect.below(1),
)

LINE = Condition(
    "a straight line through the neighbouring class and the prompt leads by less than 20%",
    r.line_lead(),
    Expect.below(1.2),
)

space = passage(PARK, requires=LEARNED)
ours = passage(f"{PARK}; asked by this laboratory", requires=LEARNED)
identity = passage(YANG, requires=IDENTITIES)

CLAIMS: tuple[Claim, ...] = (
    space(
        "order",
        "The concept with the stronger signal is right first in the new class: colour at the "
        "widest gap of colours, size at the narrowest.",
        least(r.order(r.WIDEST), 1 / r.order(r.NARROWEST)),
        Expect.above(1.5),
        at="figure 4",
        bar="ours: half as soon again, beyond ties of records",
        control=only(
            "the gap alone does not set it: at equal gaps size, of the stronger signal, is first",
            1 / r.order(r.EQUAL),
            Expect.above(1.5),
        ),
    ),
    space(
        "speed",
        "The wider apart the colours, the sooner colour is right: over five gaps the rank "
        "correlation is -0.8 or less.",
        r.time_trend(r.COLOUR, "colour", "colour_gap"),
        Expect.below(-0.8),
        at="figure 3",
        bar="ours: -0.8, where the paper's times fall from gap to gap",
        control=only(
            "the time of size does not fall with them",
            r.time_trend(r.COLOUR, "size", "colour_gap"),
            Expect.above(-0.5),
        ),
    ),
    space(
        "own_signal",
        "A concept's time is set by its own signal: between gaps of size of 0.25 and 0.55 that of "
        "colour differs by 30% or less.",
        r.by_size_gap(),
        Expect.between(1 / 1.3, 1.3),
        at="figure 3; asked by this laboratory",
        bar="ours: 30%, where the gap more than doubles",
    ),
    *(
        space(
            key,
            f"{what}, networks show the new class 20% or more before they do so when asked for it, "
            "or with the best of four random shifts.",
            r.ahead(how),
            Expect.above(1.2),
            at="figure 6",
            bar="ours: 20%, twenty records of 5 steps in 500",
            control=(MORE_SIZE, NEVER_TOLD, LINE),
            headline=how == "over",
        )
        for key, how, what in (
            ("over_prompting", "over", "Asked for half a gap more colour"),
            ("latent_shift", "latent", "Shifted inside by half of what trained colours differ in"),
        )
    ),
    ours(
        "strict",
        "The same over-prompts show the true image, by the strict reader, 20% or more before "
        "asking and random shifts do.",
        r.ahead("over", "strict"),
        Expect.above(1.2),
        bar="ours: 20%, as by the lenient reader",
    ),
    space(
        "same_moment",
        "Over-prompts and latent shifts succeed at about the same step, within a factor of 2.",
        r.lead(r.elicited("over"), r.elicited("latent")),
        Expect.between(0.5, 2),
        at="figure 6",
        bar="ours: a factor of 2, where the paper has about one step",
        control=only(
            "the two are different shifts of the embedding: their cosine is below 0.9",
            r.end(r.MAIN, "alike"),
            Expect.below(0.9),
        ),
    ),
    ours(
        "one_moment",
        "There is one moment: an over-prompt twice as strong succeeds at the same step, within "
        "20%.",
        r.lead(r.elicited("over", strength=1.0), r.elicited("over")),
        FIFTH,
        bar="theory: a capability that is suddenly there needs no more than enough strength",
    ),
    space(
        "turn",
        "The path of the new class in concept space turns when the latent shift begins to succeed, "
        "within 20% of its step.",
        r.turn(),
        FIFTH,
        at="abstract: turns 'precisely correspond'",
        bar="ours: 20%, for the paper's 'precisely'",
    ),
    ours(
        "gain",
        "Over-prompting elicits no more than is on the way: it moves the colour shown as far as a "
        "straight line through the neighbouring class and the prompt, within 25%.",
        r.gain(),
        Expect.between(0.75, 1.25),
        bar="theory: of a response that is linear in the prompt the ratio is 1",
    ),
    space(
        "masked",
        "The more examples hide their colour, the later colour is right: over shares of 0 to 10% "
        "the rank correlation is 0.8 or more.",
        r.time_trend(r.MASKED, "colour", "masked"),
        Expect.above(0.8),
        at="figure 8",
        bar="ours: 0.8; of five shares one pair may be out of order",
        control=(NEVER_TOLD,),
    ),
    ours(
        "hidden_for_good",
        "Where one example in twenty hides its colour, most networks never show the new class when "
        "asked, but do when over-prompted.",
        r.hidden(0.05),
        Expect.above(0.5),
        bar="ours: most networks",
        control=only(
            "after training over-prompts still show it, at 80% of places",
            r.end(r.CURVES.filter(masked=0.05), "over 0.5 lenient"),
            Expect.above(0.8),
        ),
    ),
    identity(
        "formula",
        "One linear layer moves to the new point as the formula says, within 2% of the way.",
        r.off_formula(),
        Expect.below(0.02),
        at="theorem 4.1",
        bar="theory: 0 in gradient flow; batches and steps are allowed 2%",
    ),
    identity(
        "swing_by",
        "Depth makes paths swing by: the error on the new point falls and rises again, by 5% or "
        "more, with four linear layers in more seeds than with one.",
        1 * r.swings(4) - r.swings(1),
        Expect.above(0.05),
        at="figure 3",
        bar="ours: one seed in twenty, above no difference",
    ),
    identity(
        "swing_by_is_typical",
        "With four linear layers most seeds swing by.",
        r.swings(4),
        Expect.above(0.5),
        at="figures 2 and 3",
        bar="ours: half, for a course that is typical",
    ),
)
