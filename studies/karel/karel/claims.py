"""Claims of the study of Karel programs.

Where a claim names the state, it is that of the first example, and the probe is linear, on the mean
of the streams behind all blocks, and judged on programs that it was not fitted on. Skill is the
part of what the majority class gets wrong that the probe gets right.
"""

import functools

from toylab.claims import Claim, Condition, Expect
from toylab.conditions import only
from toylab.read import greatest

from .readings import accuracy, beyond_other_meanings, ends, skill, squared, together, wanted

JIN = "Jin and Rinard 2024 (arXiv:2305.11169)"
AT_MOST = Expect.below
LEARNED = only("networks solve 80% of prompts", ends("solved"), Expect.above(0.8))
HALF = "ours: half of what the majority class leaves"


def weak(feature: str, *, untrained: bool = True) -> tuple[Condition, ...]:
    """Neither a record of the text nor an untrained network tells half of it."""
    best = greatest(skill(feature, source="record"), skill(feature, source="record", probe="mlp"))
    found = [Condition("a record of the text has at most half", best, AT_MOST(0.5))]
    if untrained:
        first = skill(feature, first=True)
        found.append(Condition("an untrained network has at most a quarter", first, AT_MOST(0.25)))
    return tuple(found)


claim = functools.partial(Claim, requires=LEARNED)

CLAIMS = (
    Claim(
        "solves",
        "Networks write a program that satisfies all examples for 90% of prompts.",
        JIN,
        ends("solved"),
        Expect.above(0.9),
        "paper: 92.4% of specifications at the end of training",
        paper=0.924,
        control=only(
            "the exact best programs for the first example alone satisfy both for at most 80%",
            ends("first_only"),
            AT_MOST(0.8),
        ),
    ),
    Claim(
        "floor",
        "The summed loss of a program is below the entropy of programs given one example, so that "
        "the law which networks have learned uses both.",
        "theory, entropies over all programs",
        ends("loss") - ends("one_example"),
        AT_MOST(0),
        "theory: the exact floor with one example; with both it is 0.53 nats lower",
    ),
    claim(
        "to_turn",
        "A linear probe decodes the heading still to be turned with a skill of one half.",
        f"{JIN}, table 1: heading, position and obstacle together",
        skill("to_turn"),
        Expect.above(0.5),
        HALF,
        control=weak("to_turn"),
    ),
    claim(
        "turned",
        "A linear probe decodes the heading relative to the start with a skill of one half.",
        f"{JIN}, table 1: heading, position and obstacle together",
        skill("turned"),
        Expect.above(0.5),
        HALF,
        control=weak("turned", untrained=False),
    ),
    claim(
        "to_go",
        "It decodes the cells still to go, as the robot sees them, better than a record of the "
        "text does, linear or not.",
        f"{JIN}, table 1: heading, position and obstacle together",
        accuracy("to_go")
        - greatest(
            accuracy("to_go", source="record"), accuracy("to_go", source="record", probe="mlp")
        ),
        Expect.above(0),
        "control: the better of two probes of a record of the text",
        control=only(
            "an untrained network has a skill of at most", skill("to_go", first=True), AT_MOST(0.05)
        ),
    ),
    claim(
        "absolute",
        "It decodes the robot's heading on the grid with a skill of one half.",
        f"{JIN}, section 3: the state is the heading on the grid",
        skill("facing"),
        Expect.above(0.5),
        HALF,
    ),
    claim(
        "other_meanings",
        "The states that the program's own meaning gives are decoded better than those of other "
        "meanings of its actions, each above its majority class, by more than in an untrained "
        "network.",
        f"{JIN}, section 4: alternative semantics",
        beyond_other_meanings("content") - beyond_other_meanings("content", first=True),
        Expect.above(0.1),
        "control: the same difference in an untrained network, and a tenth above it",
        control=only(
            "of a record of the text that difference is at most",
            beyond_other_meanings("content", source="record"),
            AT_MOST(0.05),
        ),
        headline=True,
    ),
    claim(
        "other_meanings_heading",
        "So it is for the heading still to be turned alone.",
        f"{JIN}, section 4: alternative semantics",
        beyond_other_meanings("to_turn") - beyond_other_meanings("to_turn", first=True),
        Expect.above(0.2),
        "control: the same difference in an untrained network, and a fifth above it",
        control=only(
            "of a record of the text, linear or not, that difference is at most",
            greatest(
                beyond_other_meanings("to_turn", source="record"),
                beyond_other_meanings("to_turn", source="record", probe="mlp"),
            ),
            AT_MOST(0.1),
        ),
    ),
    claim(
        "grow_together",
        "Over training, content in a network's own programs goes with the share of prompts that "
        "it solves: R2 is 0.8.",
        f"{JIN}, figure 4",
        squared(together(changes=False)),
        Expect.above(0.8),
        "paper: R2 = .878",
        paper=0.878,
        control=only(
            "with the share that other networks solve it has an R2 below 0.8",
            squared(together(changes=False, others=True)),
            AT_MOST(0.8),
        ),
    ),
    claim(
        "change_together",
        "Their changes from checkpoint to checkpoint are correlated too, more than with those of "
        "other networks.",
        f"{JIN}, figure 4; curves of one schedule are correlated whatever they are",
        together(changes=True) - together(changes=True, others=True),
        Expect.above(0),
        "theory: 0 of curves with no more in common than a schedule",
    ),
    claim(
        "ahead",
        "In a network's own programs the heading two actions later is decoded better than by a "
        "record of the text.",
        f"{JIN}, section 3: future states",
        accuracy("turned", text="own", ahead=2)
        - accuracy("turned", text="own", ahead=2, source="record"),
        Expect.above(0),
        "control: a linear probe of a record of the text",
    ),
    claim(
        "nonlinear",
        "A probe with a hidden layer decodes more content than a linear one.",
        f"{JIN}, table 1",
        accuracy("content", probe="mlp") - accuracy("content"),
        Expect.above(0),
        "paper: 79.1% against 63.2%",
        paper=0.159,
    ),
    claim(
        "shorter",
        "Solving programs are shorter than those that fit the prompt are on average, by as much as "
        "the exact law's likeliest symbols make them, within a tenth of an action.",
        f"{JIN}: programs are shorter than those of training",
        ends("longer") - ends("exact_longer"),
        Expect.between(-0.1, 0.1),
        "theory: the greedy program of the exact law",
        control=only(
            "solving programs are longer than average by at most", ends("longer"), AT_MOST(0)
        ),
    ),
    claim(
        "edited",
        "Moving the stream of a block along the probe of the heading still to be turned makes the "
        "next symbol that of the new goal twice as often as a random direction does.",
        "this laboratory; the paper has no edits of streams",
        wanted("probe") - 2 * wanted("random"),
        Expect.above(0),
        "control: twice a random direction's share, with its own best block and strength",
        control=only(
            "along the probe of another meaning the share is at most half of the probe's",
            wanted("other meaning") - 0.5 * wanted("probe"),
            AT_MOST(0),
        ),
    ),
)
