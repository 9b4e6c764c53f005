"""What is claimed of search, reward and diversity in CountDown.

Units are seeds; all seeds are judged on the same held-out instances, 87 in the laptop preset:
numbers never seen together, with targets seen with others. Error rates of verdicts are those of
attempts that keep the rules. Scores are of traces drawn at temperature 1 unless the text says
greedy.
"""

from toylab.claims import Claim, Expect

from .readings import coverage, passed, score

SOS = "Gandhi et al. 2024 (arXiv:2404.03683)"
QIN = "Qin et al. 2025 (arXiv:2504.07052)"
YU = "Yu et al. 2025 (arXiv:2510.12157)"
R1 = "DeepSeek-AI 2025 (arXiv:2501.12948)"
OWN = "expected, this laboratory"
ADDED = "(added after a first judged run)"

PRETRAINING = (
    Claim(
        key="search_beats_optimal",
        text="At as many updates, a network that learns from search traces solves more held-out "
        "instances than one that learns from optimal paths, of about as many predicted tokens; "
        "greedy.",
        source=f"{SOS}: 51.3% against 25.7%; threshold of this laboratory",
        paper=0.255,
        reading=score("search", "solved", how="greedy") - score("direct", "solved", how="greedy"),
        expect=Expect.above(0.10),
    ),
    Claim(
        key="search_beats_optimal_targets",
        text="The same on held-out targets.",
        source=f"{SOS}; threshold of this laboratory",
        reading=score("search", "solved", "targets", "greedy")
        - score("direct", "solved", "targets", "greedy"),
        expect=Expect.above(0.10),
    ),
    Claim(
        key="clean_search_beats_optimal",
        text="So does one whose traces have right verdicts.",
        source=f"{SOS}; threshold of this laboratory",
        reading=score("clean", "solved", how="greedy") - score("direct", "solved", how="greedy"),
        expect=Expect.above(0.10),
    ),
    Claim(
        key="same_samples_budget",
        text="Drawing as many answers as a search may make attempts, the optimal-path network "
        "covers fewer instances than the search network solves with right verdicts (pass@4 against "
        "one trace, drawn at temperature 1).",
        source=f"{QIN}: parallel samples against sequential search; sign expected, this laboratory",
        reading=score("clean", "solved") - passed("direct", 4),
        expect=Expect.above(0.0),
    ),
    Claim(
        key="direct_beats_chance",
        text="One answer of the optimal-path network, drawn at temperature 1, is right more often "
        "than a plan drawn evenly.",
        source=OWN,
        reading=score("direct", "solved", minus="one_plan"),
        expect=Expect.above(0.02),
    ),
    Claim(
        key="clean_search_like_random_search",
        text="A network that learned from attempts in random order, with right verdicts, solves as "
        "many instances as random search with the teacher's budget.",
        source=OWN,
        reading=score("clean", "solved", minus="random_search"),
        expect=Expect.between(-0.05, 0.05),
    ),
    Claim(
        key="noise_costs",
        text="Verdict noise costs accuracy: drawn traces of the network that learned from noisy "
        "verdicts solve fewer instances than those of one that learned from right verdicts.",
        source=OWN,
        reading=score("clean", "solved") - score("search", "solved"),
        expect=Expect.above(0.10),
    ),
    Claim(
        key="noise_is_copied",
        text="Drawn verdicts carry the noise of the traces: wrong attempts that keep the rules are "
        "marked ok about as often as the teacher marked them so, in 2,000 traces.",
        source=OWN,
        reading=score("search", "false_ok", minus="noise"),
        expect=Expect.between(-0.03, 0.03),
    ),
    Claim(
        key="arithmetic",
        text="Attempts drawn at temperature 1 keep the rules: numbers in hand, right results.",
        source=f"{SOS}: 0.8% of states are wrong; threshold of this laboratory",
        paper=0.992,
        reading=score("search", "sound"),
        expect=Expect.above(0.95),
    ),
    Claim(
        key="parsed_before",
        text="Drawn traces read as traces to their end, before reward.",
        source="threshold of the notes",
        reading=score("search", "parsed"),
        expect=Expect.above(0.95),
    ),
)

REWARD = (
    Claim(
        key="reward_gain",
        text="Reward raises the share of held-out instances solved by a drawn trace by at least 10 "
        "points.",
        source=f"{QIN}: 41.5% to 68% at 3M parameters; threshold of this laboratory",
        paper=0.265,
        reading=score("reward", "solved") - score("search", "solved"),
        expect=Expect.above(0.10),
    ),
    Claim(
        key="reward_gain_greedy",
        text="And of greedy traces by at least 5 points: the gain is more than less noise.",
        source=OWN,
        reading=score("reward", "solved", how="greedy") - score("search", "solved", how="greedy"),
        expect=Expect.above(0.05),
    ),
    Claim(
        key="reward_gain_targets",
        text="On held-out targets the gain of drawn traces is at least 10 points too.",
        source=OWN,
        reading=score("reward", "solved", "targets") - score("search", "solved", "targets"),
        expect=Expect.above(0.10),
    ),
    Claim(
        key="reward_repairs_noise",
        text="After reward the network that learned from noisy verdicts solves at least as many "
        "instances as one that learned from right ones and had no reward.",
        source=OWN,
        reading=score("reward", "solved") - score("clean", "solved"),
        expect=Expect.above(0.0),
    ),
    Claim(
        key="reward_beats_random_search",
        text="After reward it solves more instances than random search with the whole room of "
        "attempts: it has learned which attempts to make.",
        source=OWN,
        reading=score("reward", "solved", minus="random_room"),
        expect=Expect.above(0.0),
    ),
    Claim(
        key="false_ok_falls",
        text="Reward at least halves the share of wrong attempts that are marked ok, among those "
        "that keep the rules.",
        source=f"{YU} saw reward raise it; region of this laboratory",
        reading=score("reward", "false_ok") / score("search", "false_ok"),
        expect=Expect.below(0.5),
    ),
    Claim(
        key="false_ok_rises",
        text="Reward raises that share.",
        source=f"{YU}: false positives rise",
        reading=score("reward", "false_ok") - score("search", "false_ok"),
        expect=Expect.above(0.0),
    ),
    Claim(
        key="false_no_falls",
        text="Reward lowers the share of right attempts that are marked no.",
        source=f"{YU}: false negatives fall",
        reading=score("reward", "false_no") - score("search", "false_no"),
        expect=Expect.below(0.0),
    ),
    Claim(
        key="clean_reward_gain",
        text="Networks of right verdicts, without noise to unlearn, gain from reward too: 5 points "
        f"of drawn accuracy {ADDED}.",
        source=OWN,
        reading=score("clean reward", "solved") - score("clean", "solved"),
        expect=Expect.above(0.05),
    ),
    Claim(
        key="noise_is_unlearned",
        text="The share of wrong attempts marked ok falls by 5 points more in networks of noisy "
        f"verdicts than in those of right ones {ADDED}.",
        source=OWN,
        reading=score("search", "false_ok")
        - score("reward", "false_ok")
        - (score("clean", "false_ok") - score("clean reward", "false_ok")),
        expect=Expect.above(0.05),
    ),
    Claim(
        key="clean_false_ok_rises",
        text="Where there is no noise to unlearn, reward raises the share of wrong attempts marked "
        f"ok {ADDED}.",
        source=f"{YU}: false positives rise",
        reading=score("clean reward", "false_ok") - score("clean", "false_ok"),
        expect=Expect.above(0.0),
    ),
    Claim(
        key="traces_grow",
        text="Drawn traces make more attempts after reward.",
        source=f"{R1}: responses grow longer under reward",
        reading=score("reward", "attempts") - score("search", "attempts"),
        expect=Expect.above(0.0),
    ),
    Claim(
        key="parsed_after",
        text="Drawn traces still read as traces to their end.",
        source="threshold of the notes",
        reading=score("reward", "parsed"),
        expect=Expect.above(0.95),
    ),
    Claim(
        key="sound_after",
        text="Attempts still keep the rules.",
        source=OWN,
        reading=score("reward", "sound"),
        expect=Expect.above(0.95),
    ),
    Claim(
        key="openings_narrow",
        text="Diversity falls: of the traces drawn for one prompt, fewer open with different "
        "attempts.",
        source=f"{QIN}: reward costs diversity; sign of the notes",
        reading=score("reward", "openings") - score("search", "openings"),
        expect=Expect.below(0.0),
    ),
    Claim(
        key="search_coverage_kept",
        text="Reward does not lower the search network's pass@16.",
        source=f"{QIN}: the search model's gain holds at full budget",
        reading=coverage("reward") - coverage("search"),
        expect=Expect.above(0.0),
    ),
)

DIRECT = (
    Claim(
        key="direct_gain",
        text="Reward raises the optimal-path network's pass@1.",
        source=f"{QIN}: 8.5% to 33% at 3M parameters",
        paper=0.245,
        reading=passed("direct reward", 1) - passed("direct", 1),
        expect=Expect.above(0.05),
    ),
    Claim(
        key="direct_coverage_falls",
        text="And lowers its pass@16: diversity collapses.",
        source=f"{QIN}: pass@32 falls from 69.5% to 42.5%",
        paper=-0.27,
        reading=coverage("direct reward") - coverage("direct"),
        expect=Expect.below(0.0),
    ),
    Claim(
        key="spurious_reward",
        text="Rewards exchanged at random within a group leave pass@1 within 5 points of where it "
        "was.",
        source=f"control; {OWN}",
        reading=passed("direct spurious", 1) - passed("direct", 1),
        expect=Expect.between(-0.05, 0.05),
    ),
    Claim(
        key="search_gains_more",
        text="Reward gives the search network more than the optimal-path network, in points of "
        "drawn accuracy.",
        source=f"{QIN}: 26.5 against 24.5 points, at different budgets; sign of this laboratory",
        reading=score("reward", "solved")
        - score("search", "solved")
        - (score("direct reward", "solved") - score("direct", "solved")),
        expect=Expect.above(0.0),
    ),
)

CLAIMS = PRETRAINING + REWARD + DIRECT
