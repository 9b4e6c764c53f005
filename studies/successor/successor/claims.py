"""Claims of the study of successor heads.

The paper gives values of language models. Where a source says "region: this laboratory" the bound
is ours; "theory" follows from the task, as its docstring and the study's say.
"""

from toylab.claims import Claim, Condition, Expect
from toylab.read import greatest

from .readings import (
    answered,
    best,
    least_certain,
    others,
    past,
    ranks_agree,
    ratio_of_best_two,
    ring_margins,
    shape,
)

GOULD = "Gould et al. 2023 (arXiv:2312.09230)"
AGAIN = "Anthropic, Circuits Updates, September 2024"
OURS = f"{GOULD}; region: this laboratory"


def learned(arm: str, *kinds: str) -> tuple[Condition, ...]:
    """The arm's networks answer what they are trained on."""
    return tuple(
        Condition(f"{arm}: {kind} questions are answered at 99%", answered(arm, kind), at_least)
        for at_least in (Expect.above(0.99),)
        for kind in ("trained", *kinds)
    )


PLAIN_SHARES_NOTHING = Condition(
    "with successions alone at most 20% are right", answered("plain", "near"), Expect.below(0.2)
)

CLAIMS = (
    Claim(
        "score",
        "The OV map alone, with no prompt, has the successor as the list's largest logit for 80% "
        "of the words.",
        f"{AGAIN}, a replication of {GOULD}",
        best("plain", "score"),
        Expect.above(0.8),
        paper=0.8,
        requires=learned("plain"),
        control=(
            Condition(
                "an untrained head has the successor for at most 20%",
                best("plain", "score", first=True),
                Expect.below(0.2),
            ),
        ),
        headline=True,
    ),
    Claim(
        "score_everywhere",
        "The successor has the largest logit among the words of all lists too, for 80% of the "
        "words, though only the query needs to know the list.",
        f"{AGAIN}; of which words the score is taken is not certain",
        best("plain", "everywhere"),
        Expect.above(0.8),
        paper=0.8,
        requires=learned("plain"),
    ),
    Claim(
        "every_list",
        "On every list there are more hits than a random relabelling of the successors gives, by "
        "its exact law: the largest p-value, corrected for the number of lists, is below 0.01.",
        "theory, the law of hits; level: this laboratory",
        least_certain("plain"),
        Expect.below(0.01),
        requires=learned("plain"),
        control=(
            Condition(
                "for an untrained head it is above 0.05",
                least_certain("plain", first=True),
                Expect.above(0.05),
            ),
        ),
    ),
    Claim(
        "margin",
        "On cycles the successor leads by more than in the plainest map of score 1, the cosine of "
        "rank 2, in spreads of the logits.",
        "theory, the margin of a ring; that heads exceed it: this laboratory",
        ring_margins("plain"),
        Expect.above(1),
        requires=learned("plain"),
    ),
    Claim(
        "attends",
        "The head gives 80% of its attention to the word of the list that the query names.",
        OURS,
        best("plain", "attention"),
        Expect.above(0.8),
        requires=learned("plain"),
        control=(
            Condition(
                "an untrained head gives it at most a third",
                best("plain", "attention", first=True),
                Expect.below(1 / 3),
            ),
        ),
    ),
    Claim(
        "beyond",
        "On lists without cycle words after the successor are preferred to words before it.",
        OURS,
        past("plain", cyclic=False),
        Expect.above(0),
        requires=learned("plain"),
        control=(
            Condition(
                "on cycles neither side is preferred, within 0.1 spreads",
                past("plain", cyclic=True),
                Expect.between(-0.1, 0.1),
            ),
        ),
    ),
    Claim(
        "narrow",
        "A head of four dimensions, where a map for each list of its own would need thirteen, has "
        "a score of 80% as well.",
        "theory, rank 2 for a ring and 3 for a line; bar: the score's",
        best("narrow", "score"),
        Expect.above(0.8),
        requires=learned("narrow"),
    ),
    Claim(
        "one_of_four",
        "Of four heads the best has twice the score of the second.",
        f"{OURS}, which has eight times",
        ratio_of_best_two("four"),
        Expect.above(2),
        paper=8,
        requires=learned("four"),
    ),
    Claim(
        "four_ablated",
        "Of four heads, ablating the one with the highest score costs 0.3 of the accuracy.",
        OURS,
        best("four", "cost"),
        Expect.above(0.3),
        requires=learned("four"),
        control=(
            Condition(
                "ablating another head costs 0.1 at most",
                others("four", "cost"),
                Expect.below(0.1),
            ),
        ),
    ),
    Claim(
        "score_predicts_cost",
        "Over four heads the score predicts what ablation costs, with a rank correlation of 0.6.",
        OURS,
        ranks_agree("four"),
        Expect.above(0.6),
        requires=learned("four"),
    ),
    Claim(
        "unshared",
        "Trained on successions alone, networks with a wide or a narrow head get at most 20% of "
        "the held-out successions right: lists are exchangeable, so no increment is shared.",
        "theory; bound: this laboratory",
        greatest(answered("plain", "near"), answered("narrow", "near")),
        Expect.below(0.2),
        requires=(*learned("plain"), *learned("narrow")),
    ),
    Claim(
        "shared_by_copying",
        "Trained also to name the same index in another list, networks get half of the held-out "
        "successions right.",
        "expected, this laboratory",
        answered("copy", "near"),
        Expect.above(0.5),
        requires=learned("copy", "copy"),
        control=(PLAIN_SHARES_NOTHING,),
    ),
    Claim(
        "shared_across",
        "Trained also to name the successor in another list, networks get half of the held-out "
        "successions right.",
        "expected, this laboratory",
        answered("across", "near"),
        Expect.above(0.5),
        requires=learned("across", "across"),
        control=(
            PLAIN_SHARES_NOTHING,
            Condition(
                "of numbers past the end of every other list at most 20% are right",
                answered("across", "far"),
                Expect.below(0.2),
            ),
        ),
    ),
    Claim(
        "recombined",
        "Where successors are named across lists, the index of one word put together with the list "
        "of another gives the word that has both, for 80% of words that the projection has not "
        "seen.",
        OURS,
        shape("across", "recombined"),
        Expect.above(0.8),
        paper=1.0,
        requires=learned("across", "across"),
        control=(
            Condition(
                "with successions alone for at most 30%",
                shape("plain", "recombined"),
                Expect.below(0.3),
            ),
        ),
    ),
    Claim(
        "units_decoded",
        "Where a number's units are asked for, a linear probe decodes them on decades that it has "
        "not seen, at 90%.",
        OURS,
        shape("units", "units_decoded"),
        Expect.above(0.9),
        requires=learned("units", "units"),
        control=(
            Condition(
                "with successions alone at 20% at most, where chance is 10%",
                shape("plain", "units_decoded"),
                Expect.below(0.2),
            ),
        ),
    ),
    Claim(
        "units_moved",
        "There the head's successor follows: a number moved to other units, by a difference of "
        "means over other decades, is followed by the moved number's successor in half of the "
        "cases.",
        OURS,
        shape("units", "moved"),
        Expect.above(0.5),
        paper="0.89 of numbers from 20 to 29",
        requires=learned("units", "units"),
        control=(
            Condition(
                "with successions alone in 10% at most",
                shape("plain", "moved"),
                Expect.below(0.1),
            ),
        ),
    ),
)
