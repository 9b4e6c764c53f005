"""Claims of the study of dual process learning.

The paper shows curves, no numbers: all bars are this laboratory's.
"""

import functools

from toylab.claims import Claim, Condition, Expect
from toylab.read import Reading

from .readings import HEAD, TAIL, end, peak, rarer_is_better, switched

ANAND = "Anand et al. 2024 (arXiv:2406.00053)"
HERE = "this laboratory"
EYE = "ours: 0.3, a difference that one sees by eye in a curve"
CHANCE = Condition(
    "untrained networks choose right in at most 40%, where chance is 25%",
    end("vanilla", "unseen", "choice", first=True),
    Expect.below(0.4),
)


def learned(*arms: str) -> tuple[Condition, ...]:
    """The arms' networks fill in usual sequences."""
    text = "{}: 95% of usual sequences are right"
    return tuple(Condition(text.format(arm), end(arm, "usual"), Expect.above(0.95)) for arm in arms)


def at_most(bound: float, text: str, reading: Reading) -> tuple[Condition, ...]:
    """A control: what must not do as well."""
    return (Condition(f"{text} in at most {bound:.0%}", reading, Expect.below(bound)),)


on = lambda *arms: functools.partial(Claim, requires=learned(*arms))
vanilla, temporary = on("vanilla"), on("temporary")
both = on("vanilla", "active")

CLAIMS = (
    vanilla(
        "rises",
        "Without forgetting, sequences of unseen words are right in 30% at some time, among all "
        "tokens.",
        ANAND,
        peak("vanilla", "full"),
        Expect.above(0.3),
        bar="ours: 30%, a rise that one sees by eye in a curve",
    ),
    vanilla(
        "circuit_fades",
        "Of the sequence's two words the right ones are chosen for unseen words too, and less "
        "often at the end: by 0.3 from the best.",
        ANAND,
        peak("vanilla", "choice") - end("vanilla", "unseen", "choice"),
        Expect.above(0.3),
        bar=EYE,
        control=(CHANCE,),
    ),
    vanilla(
        "outvoted",
        "At the end unseen words are right far more often where only the sequence's two words are "
        "compared than among all tokens, by half: they are ruled out rather than not found.",
        HERE,
        end("vanilla", "unseen", "choice") - end("vanilla", "unseen"),
        Expect.above(0.5),
        bar="ours: half of the sequences",
        control=(CHANCE,),
    ),
    vanilla(
        "outvoted_fresh",
        "Fresh embeddings in place of those that training pushed away do not cure it: at most 20% "
        "are right among all tokens.",
        HERE,
        end("vanilla", "unseen", "fresh"),
        Expect.below(0.2),
        bar="ours: 20%, one sequence in five at most",
    ),
    vanilla(
        "outvoted_unbiased",
        "Nor does leaving out the decoder's bias: at most 20% are right among all tokens.",
        HERE,
        end("vanilla", "unseen", "unbiased"),
        Expect.below(0.2),
        bar="ours: 20%, one sequence in five at most",
    ),
    both(
        "active_unseen",
        "Active forgetting, at the end of a cycle, has unseen words right more often than none, by "
        "0.3, among all tokens.",
        ANAND,
        end("active", "unseen") - end("vanilla", "unseen"),
        Expect.above(0.3),
        bar=EYE,
        headline=True,
    ),
    both(
        "active_context",
        "With active forgetting the context decides for frequent words too: switched words of the "
        "most frequent tenth are right more often, by 0.3.",
        ANAND,
        switched("active", HEAD) - switched("vanilla", HEAD),
        Expect.above(0.3),
        bar=EYE,
    ),
    vanilla(
        "rarer",
        "Without forgetting, the rarer the switched words the more often the context decides: a "
        "rank correlation of 0.7 over tenths of frequency.",
        ANAND,
        rarer_is_better("vanilla"),
        Expect.above(0.7),
        bar="ours: 0.7, a trend over most of the tenths",
    ),
    both(
        "rarer_active",
        "With active forgetting frequency does not matter: the correlation is within 0.3 of 0.",
        ANAND,
        rarer_is_better("active"),
        Expect.between(-0.3, 0.3),
        bar="ours: within 0.3 of no trend, 0",
    ),
    temporary(
        "temporary_head",
        "After temporary forgetting memory decides for frequent words: of the most frequent tenth "
        "at most half of the switched sequences are right.",
        ANAND,
        switched("temporary", HEAD),
        Expect.below(0.5),
        bar="ours: half, so that memory wins at least as often as context",
    ),
    temporary(
        "temporary_tail",
        "After temporary forgetting the context decides for rare words: of the rarest tenth 80% of "
        "the switched sequences are right.",
        ANAND,
        switched("temporary", TAIL),
        Expect.above(0.8),
        bar="ours: 80%, where without forgetting at most 60% are allowed",
        control=at_most(0.6, "without forgetting,", switched("vanilla", TAIL)),
    ),
    temporary(
        "temporary_unseen",
        "After temporary forgetting unseen words are right in 30% among all tokens.",
        ANAND,
        end("temporary", "unseen"),
        Expect.above(0.3),
        bar="ours: 30%, what is asked without forgetting at its best",
        control=at_most(0.1, "without forgetting,", end("vanilla", "unseen")),
    ),
    on("temporary", "temporary matched")(
        "spread",
        "What temporary forgetting does to unseen words is not a matter of the spread of the new "
        "embeddings: with that of the start the share that is right is the same, within 0.1.",
        f"{HERE}; the code of {ANAND} draws with fifty times the first spread",
        end("temporary matched", "unseen") - end("temporary", "unseen"),
        Expect.between(-0.1, 0.1),
        bar="ours: within 0.1 of no difference, 0",
    ),
    on("temporary matched", "temporary both")(
        "moments",
        "Clearing Adam's moments of the embedding along with it changes nothing for unseen words: "
        "choices that are right stay within 0.1.",
        f"{HERE}; the code of {ANAND} clears all moments or none",
        end("temporary both", "unseen", "choice") - end("temporary matched", "unseen", "choice"),
        Expect.between(-0.1, 0.1),
        bar="ours: within 0.1 of no difference, 0",
    ),
    on("vanilla", "steep")(
        "skew",
        "The steeper the law of words, the less the context decides: at an exponent of 1.5 fewer "
        "switched sequences are right than at 1.2, by 0.2.",
        ANAND,
        end("vanilla", "switched") - end("steep", "switched"),
        Expect.above(0.2),
        bar="ours: 0.2, a difference that one sees by eye",
    ),
)
