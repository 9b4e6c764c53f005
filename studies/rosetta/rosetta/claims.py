"""Claims of the study of facts in two languages."""

from toylab.claims import Condition, Expect
from toylab.conditions import passage

from .readings import (
    LEARNED,
    arm,
    balanced,
    biased,
    by_bias,
    by_share,
    cost,
    early,
    end,
    foretells,
)

PAPER = "Blum et al. 2025 (2508.11017)"
FIFTH = "ours: a fifth of all facts, a difference that a reader sees by eye"
ORDER = "ours: 0.8, five in order but for two pairs of neighbours"
HALFWAY = "ours: half of what the bias costs"

paper = passage(f"{PAPER}, abstract", requires=(LEARNED,))
ours = passage(f"this laboratory, on {PAPER}", requires=(LEARNED,))

NAMES = Condition(
    "names that mean other entities in the other language do not do it",
    end(arm("moved")) - end(arm("moved"), "chance"),
    Expect.below(0.05),
)
RECALLED = Condition(
    "what was told is answered as well", cost("recall"), Expect.between(-0.02, 0.02)
)
CLAIMS = (
    paper(
        "information_costs_transfer",
        "Where a value tells the language that its fact is told in, a fifth of all facts fewer are "
        "answered in the other language.",
        cost(),
        Expect.above(0.2),
        bar=FIFTH,
        control=(RECALLED,),
        headline=True,
    ),
    paper(
        "transfer_falls_by_degrees",
        "The more a value tells of the language, the fewer facts are answered in the other "
        "(Spearman over five degrees).",
        by_bias(),
        Expect.below(-0.8),
        bar=ORDER,
    ),
    ours(
        "more_than_a_preference",
        "What falls is more than a preference for a half of the values: among those of the right "
        "half, rightness falls at least half as much.",
        cost("in_half") - cost() / 2,
        Expect.above(0),
        bar="ours: half of the fall; a mere preference would leave it as it is",
    ),
    paper(
        "wrong_answers_go_by_language",
        "Where values tell the language, seven in ten wrong answers are values of the language of "
        "the question, which the right one never is.",
        end(biased(), "by_language"),
        Expect.above(0.7),
        bar="ours: seven in ten; wrong answers at random have 4/7",
        control=(
            Condition(
                "without information it is a half",
                end(balanced(), "by_language"),
                Expect.below(0.6),
            ),
        ),
    ),
    paper(
        "tag_adds_to_the_cost",
        "Where values tell the language, a tag that names it costs a tenth of all facts more.",
        end(biased()) - end(biased("tag")),
        Expect.above(0.1),
        bar="ours: a tenth, half of what information has to cost",
        control=(
            Condition(
                "without information the tag costs nothing, to a twentieth",
                end(balanced()) - end(balanced("tag")),
                Expect.below(0.05),
            ),
        ),
    ),
    paper(
        "parallel_facts_help",
        "The more facts are told in both languages, the more of the others are answered in both "
        "(Spearman over five shares, from none).",
        by_share(),
        Expect.above(0.8),
        bar=ORDER,
        control=(NAMES,),
    ),
    paper(
        "shared_names_help",
        "Entities with one name in both languages are needed: with names of their own a fifth of "
        "all facts fewer are answered.",
        end(balanced()) - end(arm("names")),
        Expect.above(0.2),
        bar=FIFTH,
        control=(NAMES,),
    ),
    paper(
        "shared_values_help",
        "So are values with one token in both languages.",
        end(balanced()) - end(arm("apart")),
        Expect.above(0.2),
        bar=FIFTH,
    ),
    ours(
        "nothing_leaks",
        "With no fact in both languages and no name shared, no more is right than if the answers "
        "were dealt out anew, to three in a hundred.",
        end(arm("leak")) - end(arm("leak"), "chance"),
        Expect.near(0, 0.03),
        bar="theory: relabelling one language changes nothing in training; 0.03 is twice the "
        "standard deviation of one network",
    ),
    paper(
        "facts_separate_early",
        "After a quarter of the training, facts told in one language are less unified where values "
        "tell the language, by a score of a fifth.",
        early(balanced(), "score_single") - early(biased(), "score_single"),
        Expect.above(0.2),
        bar="ours: a fifth of a full score",
    ),
    paper(
        "unification_foretells_across_worlds",
        "Unification after a quarter of the training ranks a seed's worlds as their transfer at "
        "its end does (Spearman).",
        foretells("worlds"),
        Expect.above(0.7),
        bar="paper: the toy's is above the .65 of Gemma-2-2B",
    ),
    ours(
        "unification_foretells_within_worlds",
        "So it does among networks of one world that differ in their seed.",
        foretells("seeds"),
        Expect.above(0),
        bar="theory: settings that a score merely reads give 0",
    ),
    ours(
        "unification_tells_more_than_early_transfer",
        "So it does among networks of one world with the same transfer at that time (partial "
        "correlation).",
        foretells("beyond"),
        Expect.above(0),
        bar="theory: a score that merely reads the answers gives 0",
    ),
    paper(
        "balancing_mends",
        "Networks whose values tell the language, balanced from halfway on, make up for at least "
        "half of the cost by the end.",
        end(arm("mended")) - (end(balanced()) + end(biased())) / 2,
        Expect.above(0),
        bar=HALFWAY,
    ),
    ours(
        "one_direction_carries_the_cost",
        "Moved by the mean difference of the languages, over other attributes, toward the language "
        "in which a fact is told, networks make up for at least half of the cost.",
        end(biased(), "toward") - (end(balanced()) + end(biased())) / 2,
        Expect.above(0),
        bar=HALFWAY,
        control=(
            Condition(
                "moved as far away, they answer no more",
                end(biased(), "away") - end(biased()),
                Expect.below(0),
            ),
        ),
    ),
)
