"""Claims of the study of successor heads.

The paper gives values of language models. Theory follows from the task, as its docstring and the
study's say.
"""

import functools

from toylab.claims import Claim, Condition, Expect
from toylab.read import Reading, greatest

from .readings import (
    answered,
    best,
    greatest_rise,
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
HERE = "this laboratory"


def at_most(bound: float, text: str, reading: Reading) -> tuple[Condition, ...]:
    """A control: what must not do as well."""
    return (Condition(f"{text} at most {bound:.0%}", reading, Expect.below(bound)),)


def learned(arm: str, *kinds: str) -> tuple[Condition, ...]:
    """The arm's networks answer what they are trained on."""
    text, good = f"{arm}: 99% are right of questions", Expect.above(0.99)
    return tuple(Condition(f"{text} {k}", answered(arm, k), good) for k in ("trained", *kinds))


on = lambda *given: functools.partial(Claim, requires=learned(*given))
plain, narrow, four = on("plain"), on("narrow"), on("four")
copy, across, units = (on(arm, arm) for arm in ("copy", "across", "units"))
FOUR_LEARNED = learned("four") + learned("four copy", "copy")
FELT = Condition(
    "ablating the head that matters most raises the loss by 0.05 nats",
    greatest_rise("four"),
    Expect.above(0.05),
)

CLAIMS = (
    plain(
        "score",
        "The OV map alone, with no prompt, has the successor as the list's largest logit for 80% "
        "of the words.",
        f"{AGAIN}, a replication of {GOULD}",
        best("plain", "score"),
        Expect.above(0.8),
        bar="paper: about 80% in the replication",
        paper=0.8,
        control=at_most(0.2, "an untrained head has", best("plain", "score", first=True)),
    ),
    plain(
        "score_everywhere",
        "The successor has the largest logit among the words of all lists too, for 80% of the "
        "words, though only the query needs to know the list.",
        AGAIN,
        best("plain", "everywhere"),
        Expect.above(0.8),
        bar="paper: about 80% in the replication, which does not say of which words",
        paper=0.8,
    ),
    plain(
        "every_list",
        "On every list there are more hits than a random relabelling of the successors gives, by "
        "its exact law: the largest p-value, corrected for the number of lists, is below 0.01.",
        HERE,
        least_certain("plain"),
        Expect.below(0.01),
        bar="theory: the law of hits under a random relabelling, at a level of 1%",
        control=(
            Condition(
                "for an untrained head it is above 0.05",
                least_certain("plain", first=True),
                Expect.above(0.05),
            ),
        ),
    ),
    plain(
        "margin",
        "On cycles the successor leads by more than in the plainest map of score 1, the cosine of "
        "rank 2, in spreads of the logits.",
        HERE,
        ring_margins("plain"),
        Expect.above(1),
        bar="theory: 1 for the cosine of rank 2, the plainest map of score 1",
    ),
    plain(
        "beyond",
        "On lists without cycle words after the successor are preferred to words before it.",
        GOULD,
        past("plain", cyclic=False),
        Expect.above(0),
        bar="theory: no preference is 0",
        control=(
            Condition(
                "on cycles neither side is preferred, within 0.1 spreads",
                past("plain", cyclic=True),
                Expect.between(-0.1, 0.1),
            ),
        ),
    ),
    narrow(
        "narrow",
        "A head of four dimensions, where a map for each list of its own would need thirteen, has "
        "a score of 80% as well.",
        HERE,
        best("narrow", "score"),
        Expect.above(0.8),
        bar="paper: the 80% of the score; in theory rank 2 does for a ring and 3 for a line",
    ),
    Claim(
        "one_of_four",
        "Of four heads the best has twice the score of the second, on successions alone or where "
        "there is copying to do as well (the larger ratio of the two).",
        GOULD,
        greatest(ratio_of_best_two("four"), ratio_of_best_two("four copy")),
        Expect.above(2),
        bar="ours: twice, a quarter of the paper's eight times",
        paper=8,
        requires=FOUR_LEARNED,
        headline=True,
    ),
    Claim(
        "four_ablated",
        "In one of these two settings, ablating the head with the highest score of four costs 0.3 "
        "of the accuracy, and ablating another costs little.",
        GOULD,
        greatest(best("four", "cost"), best("four copy", "cost")),
        Expect.above(0.3),
        bar="ours: 0.3, where any other head may cost 0.1",
        requires=FOUR_LEARNED,
        control=at_most(
            0.1,
            "ablating another head costs, in the worse of the two,",
            greatest(others("four", "cost"), others("four copy", "cost")),
        ),
    ),
    four(
        "score_predicts_cost",
        "Over four heads the score predicts by how much ablation raises the loss, with a rank "
        "correlation of 0.6.",
        GOULD,
        ranks_agree("four"),
        Expect.above(0.6),
        bar="ours: 0.6, what two swaps of neighbours leave of four ranks",
        requires=(*learned("four"), FELT),
    ),
    copy(
        "shared_by_copying",
        "Trained also to name the same index in another list, networks get half of the held-out "
        "successions right.",
        HERE,
        answered("copy", "near"),
        Expect.above(0.5),
        bar="ours: half of them, as across lists",
    ),
    across(
        "shared_across",
        "Trained also to name the successor in another list, networks get half of the held-out "
        "successions right.",
        HERE,
        answered("across", "near"),
        Expect.above(0.5),
        bar="ours: half of them, where at most a fifth may be right of the controls",
        control=at_most(0.2, "naming the same index there, right are", answered("copy", "near"))
        + at_most(0.2, "past the end of all other lists, right are", answered("across", "far")),
    ),
    across(
        "recombined",
        "Where successors are named across lists, the index of one word put together with the list "
        "of another gives the word that has both, for 80% of words that the projection has not "
        "seen.",
        GOULD,
        shape("across", "recombined"),
        Expect.above(0.8),
        bar="ours: 80%, where the paper has all",
        paper=1.0,
        control=at_most(0.3, "with successions alone", shape("plain", "recombined")),
    ),
    units(
        "units_decoded",
        "Where a number's units are asked for, a linear probe decodes them on decades that it has "
        "not seen, at 90%.",
        GOULD,
        shape("units", "units_decoded"),
        Expect.above(0.9),
        bar="ours: 90%, where chance is a tenth",
        control=at_most(0.2, "with successions alone", shape("plain", "units_decoded")),
    ),
    units(
        "units_moved",
        "There the head's successor follows: a number moved to other units, by a difference of "
        "means over other decades, is followed by the moved number's successor in half of the "
        "cases.",
        GOULD,
        shape("units", "moved"),
        Expect.above(0.5),
        bar="ours: half, where the paper has 0.89 in one decade",
        paper="0.89 of numbers from 20 to 29",
        control=at_most(0.1, "with successions alone", shape("plain", "moved")),
    ),
)
