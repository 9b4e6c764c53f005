"""Claims of the study ``language_feedback``."""

from toylab.claims import Condition, Expect
from toylab.conditions import given, only, passage
from toylab.read import least

from .readings import GOOD, POOR, after, correlated, end, fouled, gain, of

PAPER = "Scheurer et al. 2023 (arXiv:2303.16755)"
refining = passage(f"{PAPER}, refinements of summaries")
tuning = passage(f"{PAPER}, finetuned on feedback")
ours = passage("this laboratory")
exact = lambda skill=GOOD: of("refiners", "exact", skill=skill)
data = lambda kind, column: of("data", column, kind=kind)
best = lambda policy, column="unwanted": of("best", column, policy=policy)
NONE = "theory: no difference is 0"

REFINES = Condition(
    "the refiner is right on 0.3 of the requests that leave a word (the paper's best on 0.385 of "
    "all, of which 0.111 leave none)",
    exact(),
    Expect.above(0.3),
)
WRITES = Condition(
    "before feedback a third of lists are sound, and one unwanted word or more is in each, in the "
    "mean",
    least(after(0, "ilf", "sound") - 1 / 3, after(0, "ilf") - 1.0),
    Expect.above(0.0),
)
UNMOVED = only(
    "imitating own outputs takes away less than 0.2 unwanted words a list",
    after(0, "own") - end("own"),
    Expect.below(0.2),
)
CHOOSING = Condition(
    "choosing alone does not get there: rejection sampling by as many verdicts leaves more than "
    "0.6 of the unwanted words of own outputs",
    end("rejection") / end("own"),
    Expect.above(0.6),
)
KEEPS = Condition(
    "its lists keep at least 0.8 of the wanted words of those of own outputs",
    end("ilf", "wanted") / end("own", "wanted"),
    Expect.above(0.8),
)

DATA = (
    refining(
        "feedback_is_heeded",
        "Refinements by feedback heed it more often than refinements by guessed names, by 0.15.",
        data("true", "first") - data("guessed", "first"),
        Expect.above(0.15),
        bar="paper: 0.19 (0.496 against 0.308), rounded down",
        paper=0.188,
    ),
    refining(
        "best_of_five",
        "The judge's choice among five refinements heeds feedback more often than one at random, "
        "by 0.05.",
        data("true", "chosen") - data("true", "first"),
        Expect.above(0.05),
        bar="paper: 0.08 (0.574 against 0.496), rounded down",
        paper=0.078,
    ),
)
TUNED = (
    tuning(
        "fewer_than_own",
        "After four rounds on refinements lists hold at most 0.6 of the unwanted words that they "
        "hold after as much finetuning on own, unrefined outputs.",
        end("ilf") / end("own"),
        Expect.below(0.6),
        bar="ours: 0.6; the paper's win rates are .313 and .273",
        headline=True,
        control=(KEEPS, *UNMOVED, CHOOSING),
    ),
    tuning(
        "fewer_than_guessed",
        "Feedback counts: refinements by guessed names leave a larger share of words unwanted than "
        "those by true ones.",
        fouled("guessed") - fouled("ilf"),
        Expect.above(0.0),
        bar=NONE,
        paper="win rates .594 without feedback, .639 with it",
    ),
    ours(
        "anothers_is_useless",
        "Feedback on another list is no better than own outputs: the share of words that are "
        "unwanted stays at nine tenths or more of theirs.",
        fouled("another's") / fouled("own"),
        Expect.above(0.9),
        bar="ours: a tenth, hardly a difference",
    ),
    tuning(
        "falls_with_data",
        "The more lists get feedback (100, 1,000, 3,200), the fewer unwanted words are left "
        "(Spearman's correlation).",
        correlated((0, 1, 2), [end(arm) for arm in ("few", "more", "ilf")]),
        Expect.below(0.0),
        bar="theory: no trend is 0",
        paper="win rates .196, .292, .313 for 100, 1,000, 5,000",
    ),
    tuning(
        "rounds_count",
        "Four rounds on new outputs leave fewer unwanted words than one round with as many lists.",
        end("once") - end("ilf"),
        Expect.above(0.0),
        bar=NONE,
        paper=".53 +- .019 against training once: open",
    ),
    tuning(
        "with_best_of_many",
        "Feedback and a reward model together, the best of four lists after four rounds, leave "
        "fewer unwanted words than either alone.",
        least(end("ilf"), of("best", "unwanted", policy="first"))
        - of("best", "unwanted", policy="ilf"),
        Expect.above(0.0),
        bar=NONE,
        paper="win rates .508 together, .313 and .437 alone (best of 64)",
        requires=(
            Condition(
                "the reward model is right on nine in ten new pairs",
                best("first", "right"),
                Expect.above(0.9),
            ),
            Condition(
                "the best of four leaves one unwanted word in a hundred lists, so that there is "
                "something to compare",
                best("ilf"),
                Expect.above(0.01),
            ),
        ),
    ),
    ours(
        "equal_bits",
        "Names tell more than verdicts: with as many bits ILF leaves a smaller share of words "
        "unwanted than rejection sampling.",
        fouled("rejection") - fouled("ilf"),
        Expect.above(0.0),
        bar=NONE,
    ),
    ours(
        "reward_strays_further",
        "GRPO by as many verdicts strays further from the first policy's law of wanted words (KL "
        "per place) than ILF.",
        end("grpo", "drift") - end("ilf", "drift"),
        Expect.above(0.0),
        bar="theory: 0 is no difference; reward seeks modes where imitation covers them",
        control=only(
            "imitation of fewer lists (1,000) strays no further than GRPO",
            end("more", "drift") - end("grpo", "drift"),
            Expect.below(0.0),
        ),
    ),
)
LAWS = (
    ours(
        "one_round_is_the_law",
        "A round moves the policy as far as its data: the fall of unwanted words after one round "
        "is that of what is imitated, within a fifth.",
        (after(0, "ilf") - after(1, "ilf")) / (after(0, "ilf") - data("true", "unwanted")),
        Expect.near(1.0, 0.2),
        bar="theory: 1, the fixed point of maximum likelihood; ours: within a fifth",
    ),
    ours(
        "verdicts_follow_the_law",
        "The share of clean lists after one round of rejection sampling is the best-of-five law "
        "1 - (1 - a)^5 of the share before, within 0.05.",
        after(1, "rejection", "clean") - data("verdicts", "law"),
        Expect.near(0.0, 0.05),
        bar="theory: 0, by the best-of-K law; ours: within 0.05",
    ),
)
REFINERS = (
    tuning(
        "better_refiners_gain_more",
        "Of three refiners, the more requests one answers rightly, the more ILF takes away of the "
        "share of words that are unwanted (Spearman's correlation).",
        correlated(*([of(skill) for skill in range(3)] for of in (exact, gain))),
        Expect.above(0.0),
        bar="theory: no trend is 0",
        paper="only models of 175B refine",
    ),
    tuning(
        "poor_refiners_gain_nothing",
        "With a refiner that answers less than a tenth of the requests rightly, ILF takes away "
        "less than a tenth of the share of words that are unwanted.",
        gain(POOR),
        Expect.below(0.1),
        bar="paper: models below .1 cannot refine; ours: a tenth, hardly a gain",
        requires=only(
            "the poor refiner answers less than 0.1 of the requests rightly",
            exact(POOR),
            Expect.below(0.1),
        ),
    ),
)
CLAIMS = given(WRITES, *given(REFINES, *DATA, *TUNED, *LAWS), *REFINERS)
