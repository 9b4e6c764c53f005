"""What is claimed of search, reward and diversity in CountDown.

Units are seeds. All seeds are judged on the same held-out instances, 87 in the laptop preset:
hands of numbers that no network was trained on, with targets that it saw with others. Intervals
tell of other seeds on these instances, not of other instances. Verdict errors are counted among
attempts that keep the rules. Traces are sampled at temperature 1 unless a text says greedy.
"""

import functools

from toylab.claims import Claim, Condition, Expect
from toylab.conditions import only
from toylab.read import Reading

from .readings import coverage, passed, score

SOS = "Gandhi et al. 2024 (arXiv:2404.03683)"
QIN = "Qin et al. 2025 (arXiv:2504.07052)"
YU = "Yu et al. 2025 (arXiv:2510.12157)"
R1 = "DeepSeek-AI 2025 (arXiv:2501.12948)"
OWN = "this laboratory"
SAME = "theory: no change is 0"
ADDED = "added after a first judged run"


def gain(arm: str, column: str = "solved", split: str = "numbers", how: str = "sampled") -> Reading:
    """What reward adds to a score of an arm."""
    after = {"search": "reward", "clean": "clean reward", "direct": "direct reward"}[arm]
    return score(after, column, split, how) - score(arm, column, split, how)


FORM = Condition(
    "95% of sampled traces parse to their end",
    score("search", "parsed"),
    Expect.above(0.95),
)
# Greedy: whether the rules are learned. What a network samples at temperature 1 breaks them more
# often, which is a finding of its own (arithmetic).
RULES = Condition(
    "95% of the search network's greedy attempts keep the rules",
    score("search", "sound", how="greedy"),
    Expect.above(0.95),
)
CLEAN_RULES = Condition(
    "95% of the greedy attempts keep the rules, of networks trained on correct verdicts",
    score("clean", "sound", how="greedy"),
    Expect.above(0.95),
)
DIRECT_LEARNED = Condition(
    "one sampled optimal path solves 2 points more than a random plan",
    score("direct", "solved", minus="one_plan"),
    Expect.above(0.02),
)
rule_claim = functools.partial(Claim, requires=(RULES,))
form_claim = functools.partial(Claim, requires=(FORM,))

PRETRAINING = (
    Claim(
        key="arithmetic",
        text="After pretraining on search traces, 95% of sampled attempts keep the rules: they use "
        "the numbers in hand and their results are right.",
        source=f"{SOS}: 0.8% of states are wrong",
        paper=0.992,
        reading=score("search", "sound"),
        expect=Expect.above(0.95),
        bar="ours: 95%, rules as good as learned; the paper has 99.2%",
    ),
    Claim(
        key="search_beats_optimal",
        text="A network trained on search traces solves 10 points more of the held-out hands than "
        "one trained on optimal paths, with equal updates and predicted tokens (greedy).",
        source=f"{SOS}: 51.3% against 25.7%",
        paper=0.255,
        reading=score("search", "solved", how="greedy") - score("direct", "solved", how="greedy"),
        expect=Expect.above(0.10),
        bar="ours: 10 points, two fifths of the paper's 25.5",
        requires=(RULES, DIRECT_LEARNED),
        headline=True,
    ),
    Claim(
        key="search_beats_optimal_targets",
        text="On held-out targets, too, the search network solves 10 points more (greedy).",
        source=SOS,
        reading=score("search", "solved", "targets", "greedy")
        - score("direct", "solved", "targets", "greedy"),
        expect=Expect.above(0.10),
        bar="ours: 10 points, as on held-out hands",
        requires=(RULES, DIRECT_LEARNED),
    ),
    Claim(
        key="same_samples_budget",
        text="One trace of a network trained on correct verdicts solves more instances than 4 "
        "samples of the optimal-path network cover (pass@4).",
        source=f"{QIN}: parallel samples against sequential search",
        reading=score("clean", "solved") - passed("direct", 4),
        expect=Expect.above(0.0),
        bar="control: the optimal-path network's pass@4",
        requires=(CLEAN_RULES, DIRECT_LEARNED),
    ),
    Claim(
        key="direct_beats_chance",
        text="One sampled answer of the optimal-path network is right 2 points more often than a "
        "plan drawn at random.",
        source=OWN,
        reading=score("direct", "solved", minus="one_plan"),
        expect=Expect.above(0.02),
        bar="theory: a random plan's chance, exact; 2 points more are ours",
    ),
    form_claim(
        key="noise_is_copied",
        text="The network copies the noise of its traces: it marks wrong attempts ok as often as "
        "the teacher does, within 3 points.",
        source=OWN,
        reading=score("search", "false_ok", minus="noise"),
        expect=Expect.between(-0.03, 0.03),
        bar="control: the rate in 2,000 of the teacher's traces; 3 points are ours",
    ),
)

REWARD = (
    rule_claim(
        key="reward_gain",
        text="Reward raises the share of held-out instances solved by a sampled trace by 10 "
        "points.",
        source=f"{QIN}: 41.5% to 68% at 3M parameters; judged after a second setting, 70 updates "
        "for 40",
        paper=0.265,
        reading=gain("search"),
        expect=Expect.above(0.10),
        bar="ours: 10 points, two fifths of the paper's 26.5",
        control=(
            Condition(
                "greedy traces gain 5 points, so that it is not only less sampling noise",
                gain("search", how="greedy"),
                Expect.above(0.05),
            ),
            Condition(
                "networks trained on correct verdicts, with no noise to unlearn, gain 5 points",
                gain("clean"),
                Expect.above(0.05),
            ),
        ),
    ),
    rule_claim(
        key="reward_gain_targets",
        text="On held-out targets reward adds 10 points as well.",
        source=OWN,
        reading=gain("search", split="targets"),
        expect=Expect.above(0.10),
        bar="ours: 10 points, as on held-out hands",
    ),
    form_claim(
        key="reward_repairs_noise",
        text="With reward, a network trained on noisy verdicts solves at least as much as one "
        "trained on correct verdicts without reward.",
        source=OWN,
        reading=score("reward", "solved") - score("clean", "solved"),
        expect=Expect.above(0.0),
        bar="control: networks trained on correct verdicts",
    ),
    rule_claim(
        key="reward_beats_random_search",
        text="With reward the network solves more than random search with the same room for "
        "attempts: it has learned which attempts to make.",
        source=OWN,
        reading=score("reward", "solved", minus="random_room"),
        expect=Expect.above(0.0),
        bar="theory: random search with that room, exact",
    ),
    form_claim(
        key="false_no_falls",
        text="Reward lowers the share of right attempts that are marked no.",
        source=f"{YU}: false negatives fall",
        reading=gain("search", "false_no"),
        expect=Expect.below(0.0),
        bar=SAME,
        control=only(
            "it falls by 1 point without noise to unlearn, after correct verdicts",
            gain("clean", "false_no"),
            Expect.below(-0.01),
        ),
    ),
    Claim(
        key="clean_false_ok_rises",
        text="Where there is no noise to unlearn, reward raises the share of wrong attempts that "
        "are marked ok.",
        source=f"{YU}: false positives rise; {ADDED}",
        reading=gain("clean", "false_ok"),
        expect=Expect.above(0.0),
        bar=SAME,
        requires=(CLEAN_RULES,),
    ),
    form_claim(
        key="noise_is_unlearned",
        text="Reward unlearns verdict noise: the share of wrong attempts marked ok falls by 5 "
        "points more after noisy verdicts than after correct ones.",
        source=f"{OWN}, {ADDED}",
        reading=gain("clean", "false_ok") - gain("search", "false_ok"),
        expect=Expect.above(0.05),
        bar="ours: 5 points, half of the noise of one verdict in ten",
    ),
    rule_claim(
        key="traces_grow",
        text="Sampled traces make more attempts after reward.",
        source=f"{R1}: responses grow longer under reward",
        reading=gain("search", "attempts"),
        expect=Expect.above(0.0),
        bar=SAME,
    ),
    form_claim(
        key="openings_narrow",
        text="Reward narrows search: of two traces sampled for one prompt, both with openings that "
        "keep the rules, fewer open differently.",
        source=f"{QIN}: reward costs diversity",
        reading=gain("search", "openings"),
        expect=Expect.below(0.0),
        bar=SAME,
    ),
    rule_claim(
        key="search_coverage_kept",
        text="Reward does not lower the search network's pass@16.",
        source=f"{QIN}: the search model's gain holds at full budget",
        reading=coverage("reward") - coverage("search"),
        expect=Expect.above(0.0),
        bar=SAME,
    ),
)

DIRECT = (
    Claim(
        key="direct_gain",
        text="Reward raises the optimal-path network's pass@1 by 5 points.",
        source=f"{QIN}: 8.5% to 33% at 3M parameters",
        paper=0.245,
        reading=passed("direct reward", 1) - passed("direct", 1),
        expect=Expect.above(0.05),
        bar="ours: 5 points, a fifth of the paper's 24.5",
        requires=(DIRECT_LEARNED,),
        control=only(
            "rewards exchanged at random within a group raise it by less than 5 points",
            passed("direct spurious", 1) - passed("direct", 1),
            Expect.below(0.05),
        ),
    ),
    Claim(
        key="direct_coverage_falls",
        text="Reward lowers the optimal-path network's pass@16: diversity collapses.",
        source=f"{QIN}: pass@32 falls from 69.5% to 42.5%",
        paper=-0.27,
        reading=coverage("direct reward") - coverage("direct"),
        expect=Expect.below(0.0),
        bar=SAME,
        requires=(DIRECT_LEARNED,),
    ),
    Claim(
        key="search_gains_more",
        text="Reward gives the search network more than the optimal-path network, in points of "
        "sampled accuracy.",
        source=f"{QIN}: 26.5 against 24.5 points, at different budgets",
        reading=gain("search") - gain("direct"),
        expect=Expect.above(0.0),
        bar="control: the optimal-path network's gain",
        requires=(RULES, DIRECT_LEARNED),
    ),
)

CLAIMS = PRETRAINING + REWARD + DIRECT
