"""Claims of the study ``othello_dictionary``.

There is one large network, and one dictionary of each kind and setting: intervals are over groups
of held-out games, and say how sure a number of these is. The small networks, on 4x4, have five
seeds, each with a dictionary of its own. Where the papers take the best of a sweep, here the
setting is the one that is best on validation games. Thresholds that ask for a difference ask for
half of the papers' own, unless a claim says otherwise.
"""

from toylab.claims import Claim, Expect

from .readings import best, main, pattern_ratio, rule_like, small

KARVONEN = "Karvonen et al. 2024"
SINGH = "Singh et al. 2025 (arXiv:2511.00059)"
GAMES = "group of held-out games, of one network"

CLAIMS = (
    Claim(
        key="coverage_over_untrained",
        text="A TopK dictionary's features cover mine and theirs better than those of a "
        "dictionary of the untrained network: mean best F1 of a single feature.",
        source=f"{KARVONEN}, table 1 and their results files",
        paper="0.494 against 0.27",
        reading=main("topk", "coverage") - main("untrained", "coverage"),
        expect=Expect.above(0.11),
        unit=GAMES,
    ),
    Claim(
        key="coverage_over_random_directions",
        text="The same against random directions in the trained network, same code length.",
        source=f"{KARVONEN}, for the number; the control is ours",
        paper="0.494 against 0.27",
        reading=main("topk", "coverage") - main("random", "coverage"),
        expect=Expect.above(0.11),
        unit=GAMES,
    ),
    Claim(
        key="coverage_over_always",
        text="The better dictionary covers more than one feature that always fires, whose F1 is "
        "2 p / (1 + p) of a property that holds in a share p.",
        source="control; the paper has none",
        reading=best("coverage") - main("always", "coverage"),
        expect=Expect.above(0.0),
        unit=GAMES,
    ),
    Claim(
        key="coverage_over_moves",
        text="The better dictionary covers more than the moves themselves: which squares were "
        "played on, by whom if turns strictly alternated.",
        source="control; the paper has none",
        reading=best("coverage") - main("moves", "coverage"),
        expect=Expect.above(0.0),
        unit=GAMES,
    ),
    Claim(
        key="coverage_like_neurons",
        text="In coverage dictionaries are no better than the MLP's neurons (difference).",
        source=f"{KARVONEN}, table 1",
        paper="0.52 against 0.53",
        reading=best("coverage") - main("neurons", "coverage"),
        expect=Expect.between(-0.1, 0.1),
        unit=GAMES,
    ),
    Claim(
        key="blanks_are_easy",
        text="With empty squares among the properties a TopK dictionary covers more (difference).",
        source=f"{KARVONEN}, their results files",
        paper="0.768 against 0.494",
        reading=main("topk", "coverage_all") - main("topk", "coverage"),
        expect=Expect.above(0.137),
        unit=GAMES,
    ),
    Claim(
        key="reconstruction_over_untrained",
        text="Features of precision 0.95 of a TopK dictionary rebuild the board, those of the "
        "untrained network do not: F1 of mine and theirs (difference).",
        source=f"{KARVONEN}, table 1 and their results files",
        paper="0.870 against 0.08",
        reading=main("topk", "reconstruction") - main("untrained", "reconstruction"),
        expect=Expect.above(0.395),
        unit=GAMES,
    ),
    Claim(
        key="reconstruction_untrained",
        text="The untrained network's dictionary rebuilds next to nothing: F1 at most 0.2.",
        source=f"{KARVONEN}, table 1",
        paper=0.08,
        reading=main("untrained", "reconstruction"),
        expect=Expect.below(0.2),
        unit=GAMES,
    ),
    Claim(
        key="reconstruction_of_the_probes",
        text="The better dictionary rebuilds at least 0.9 of what a linear probe reads (F1, "
        "quotient).",
        source=f"{KARVONEN}, table 1",
        paper="0.95 against 0.99",
        reading=best("reconstruction") / main("probe", "reconstruction"),
        expect=Expect.above(0.9),
        unit=GAMES,
    ),
    Claim(
        key="reconstruction_over_neurons",
        text="The better dictionary rebuilds the board better than MLP neurons (difference of F1).",
        source=f"{KARVONEN}, table 1",
        paper="0.95 against 0.82",
        reading=best("reconstruction") - main("neurons", "reconstruction"),
        expect=Expect.above(0.065),
        unit=GAMES,
    ),
    Claim(
        key="l1_rebuilds_better",
        text="The L1 kind rebuilds the board better than TopK (difference of F1).",
        source=f"{KARVONEN}, their results files",
        paper="0.954 against 0.870",
        reading=main("l1", "reconstruction") - main("topk", "reconstruction"),
        expect=Expect.above(0.042),
        unit=GAMES,
    ),
    Claim(
        key="topk_covers_better",
        text="TopK covers the board better than the L1 kind (difference).",
        source=f"{KARVONEN}, their results files",
        paper="0.494 against 0.403",
        reading=main("topk", "coverage") - main("l1", "coverage"),
        expect=Expect.above(0.045),
        unit=GAMES,
    ),
    Claim(
        key="small_coverage_over_untrained",
        text="On 4x4, seed by seed: a TopK dictionary covers mine and theirs better than that of "
        "the untrained network.",
        source=f"{KARVONEN}, for the number",
        paper="0.494 against 0.27",
        reading=small("topk", "coverage") - small("untrained", "coverage"),
        expect=Expect.above(0.11),
    ),
    Claim(
        key="small_reconstruction_over_untrained",
        text="On 4x4, seed by seed: it rebuilds the board better (difference of F1).",
        source=f"{KARVONEN}, for the number",
        paper="0.870 against 0.08",
        reading=small("topk", "reconstruction") - small("untrained", "reconstruction"),
        expect=Expect.above(0.395),
    ),
    Claim(
        key="rule_like_neurons",
        text="A decision tree that sees the board, the move and its captures predicts the "
        "activation of at least 30% of the neurons with R^2 > 0.7 on games it has not seen.",
        source=f"{SINGH}, layer 5 of 8; trees of depth 8 in their code, 6 here",
        paper="0.446 (913 of 2,048)",
        reading=rule_like("trained"),
        expect=Expect.above(0.3),
        unit=GAMES,
    ),
    Claim(
        key="rules_are_learned",
        text="That share exceeds the untrained network's by at least 0.2.",
        source="control; the paper has none, half of its share",
        reading=rule_like("trained") - rule_like("untrained"),
        expect=Expect.above(0.2),
        unit=GAMES,
    ),
    Claim(
        key="rules_need_the_board",
        text="Of trees that see the board of another game at the same place, at most 5% reach it.",
        source="control; the paper has none",
        reading=rule_like("shuffled"),
        expect=Expect.below(0.05),
        unit=GAMES,
    ),
    Claim(
        key="pattern_ablation",
        text="Ablating the 5 neurons that best follow one legality pattern (a square, a direction) "
        "and vote for its move costs the move at least 5 times more log-probability where that "
        "pattern alone makes it legal than where another one does (a control's loss counts as 0.01 "
        "nats at least). First tried without the vote: such neurons of the middle block carry "
        "less than 0.1 nats, and of all blocks they speak against the move.",
        source=SINGH,
        paper="5 to 10 times",
        reading=pattern_ratio("elsewhere"),
        expect=Expect.above(5),
        unit="pattern, of one network",
        statistic="median",
    ),
    Claim(
        key="pattern_ablation_over_random",
        text="It costs at least 5 times more than ablating 5 other neurons.",
        source=f"{SINGH}, for the number; the control is ours",
        reading=pattern_ratio("random"),
        expect=Expect.above(5),
        unit="pattern, of one network",
        statistic="median",
    ),
)
