"""Claims of the study ``othello_dictionary``.

There is one large network, and one dictionary of each kind and setting: intervals are over groups
of held-out games, and say how sure a number of these is. The small networks, on 4x4, are a
population of seeds, each with dictionaries of its own. Where the papers take the best of a sweep,
here the setting is the one that is best on validation games. Bars that ask for a difference ask for
half of the papers' own, unless a claim says otherwise.
"""

import functools

from toylab.claims import Claim, Condition, Expect

from ..learned import plays
from .readings import best, main, pattern_ratio, rule_like, small

KARVONEN = "Karvonen et al. 2024"
TABLE, FILES = f"{KARVONEN}, table 1", f"{KARVONEN}, their results files"
SINGH = "Singh et al. 2025 (arXiv:2511.00059)"

of_seeds = functools.partial(Claim, requires=(plays("small"),))
of_groups = functools.partial(
    Claim, unit="group of held-out games", scope="network", requires=(plays(),)
)
of_patterns = functools.partial(
    Claim, unit="pattern", scope="network", requires=(plays(),), statistic="median"
)
always_firing = Condition(
    "its features also cover more than one that always fires",
    main("topk", "coverage") - main("always", "coverage"),
    Expect.above(0.0),
)

SMALL = (
    of_seeds(
        key="small_reconstruction_over_untrained",
        text="Features of sparse autoencoders that fire with precision 0.95 reconstruct the board "
        "of 4x4 networks: the F1 of mine and theirs is 0.395 higher than for the untrained "
        "network.",
        source=f"{TABLE} and their results files (8x8)",
        paper="0.870 against 0.08",
        reading=small("topk", "reconstruction") - small("untrained", "reconstruction"),
        expect=Expect.above(0.395),
        bar="paper: half of 0.870 less 0.08",
        headline=True,
    ),
    of_seeds(
        key="small_coverage_over_untrained",
        text="On 4x4 single features cover the properties mine and theirs of squares: their mean "
        "best F1 is 0.11 higher than for a dictionary of the untrained network.",
        source=f"{TABLE} and their results files (8x8)",
        paper="0.494 against 0.27",
        reading=small("topk", "coverage") - small("untrained", "coverage"),
        expect=Expect.above(0.11),
        bar="paper: half of 0.494 less 0.27",
    ),
    of_seeds(
        key="small_coverage_over_moves",
        text="On 4x4 features cover the board better than the moves themselves do: which squares "
        "were played on, by whom if turns strictly alternated.",
        source="this laboratory",
        reading=small("topk", "coverage") - small("moves", "coverage"),
        expect=Expect.above(0.0),
        bar="control: what the moves themselves cover",
    ),
)

COVERAGE = (
    of_groups(
        key="coverage_over_untrained",
        text="Features of a TopK dictionary cover mine and theirs: their mean best F1 is 0.11 "
        "higher than for a dictionary of the untrained network.",
        source=f"{TABLE} and their results files",
        paper="0.494 against 0.27",
        reading=main("topk", "coverage") - main("untrained", "coverage"),
        expect=Expect.above(0.11),
        bar="paper: half of 0.494 less 0.27",
        control=(always_firing,),
    ),
    of_groups(
        key="coverage_over_random_directions",
        text="Their mean best F1 is 0.11 higher than that of random directions in the trained "
        "network, at the same number of active features.",
        source=TABLE,
        paper="0.494 against 0.27",
        reading=main("topk", "coverage") - main("random", "coverage"),
        expect=Expect.above(0.11),
        bar="ours: 0.11, half of the paper's 0.494 less 0.27",
        control=(always_firing,),
    ),
    of_groups(
        key="coverage_over_moves",
        text="The better dictionary covers the board better than the moves themselves do.",
        source="this laboratory",
        reading=best("coverage") - main("moves", "coverage"),
        expect=Expect.above(0.0),
        bar="control: what the moves themselves cover",
    ),
    of_groups(
        key="coverage_like_neurons",
        text="The better dictionary covers the board as well as the MLP's neurons, within 0.1.",
        source=TABLE,
        paper="0.52 against 0.53",
        reading=best("coverage") - main("neurons", "coverage"),
        expect=Expect.between(-0.1, 0.1),
        bar="ours: within 0.1, where the paper has 0.52 and 0.53",
    ),
    of_groups(
        key="blanks_are_easy",
        text="With empty squares among the properties a TopK dictionary's coverage is 0.137 "
        "higher.",
        source=FILES,
        paper="0.768 against 0.494",
        reading=main("topk", "coverage_all") - main("topk", "coverage"),
        expect=Expect.above(0.137),
        bar="paper: half of 0.768 less 0.494",
    ),
    of_groups(
        key="topk_covers_better",
        text="TopK covers the board better than the L1 kind, by 0.045.",
        source=FILES,
        paper="0.494 against 0.403",
        reading=main("topk", "coverage") - main("l1", "coverage"),
        expect=Expect.above(0.045),
        bar="paper: half of 0.494 less 0.403",
        control=(always_firing,),
    ),
)

RECONSTRUCTION = (
    of_groups(
        key="reconstruction_over_untrained",
        text="Features of precision 0.95 of a TopK dictionary reconstruct the board: the F1 of "
        "mine and theirs is 0.395 higher than for the untrained network.",
        source=f"{TABLE} and their results files",
        paper="0.870 against 0.08",
        reading=main("topk", "reconstruction") - main("untrained", "reconstruction"),
        expect=Expect.above(0.395),
        bar="paper: half of 0.870 less 0.08",
    ),
    of_groups(
        key="reconstruction_of_the_probes",
        text="The better dictionary reconstructs 90% of what a linear probe reads (ratio of F1).",
        source=TABLE,
        paper="0.95 against 0.99",
        reading=best("reconstruction") / main("probe", "reconstruction"),
        expect=Expect.above(0.9),
        bar="ours: 90%, where the paper has 0.95 of 0.99",
    ),
    of_groups(
        key="reconstruction_over_neurons",
        text="The better dictionary reconstructs the board better than MLP neurons, by 0.065 of "
        "F1.",
        source=TABLE,
        paper="0.95 against 0.82",
        reading=best("reconstruction") - main("neurons", "reconstruction"),
        expect=Expect.above(0.065),
        bar="paper: half of 0.95 less 0.82",
    ),
    of_groups(
        key="l1_rebuilds_better",
        text="The L1 kind reconstructs the board better than TopK, by 0.042 of F1.",
        source=FILES,
        paper="0.954 against 0.870",
        reading=main("l1", "reconstruction") - main("topk", "reconstruction"),
        expect=Expect.above(0.042),
        bar="paper: half of 0.954 less 0.870",
    ),
)

RULES = (
    of_groups(
        key="rule_like_neurons",
        text="For 30% of the neurons a decision tree that sees the board, the move and its "
        "captures predicts the activation with R² > 0.7 on held-out games.",
        source=f"{SINGH}, layer 5 of 8; trees of depth 8 in their code, 6 here",
        paper="0.446 (913 of 2,048)",
        reading=rule_like("trained"),
        expect=Expect.above(0.3),
        bar="ours: 30%, two thirds of the paper's 44.6%",
    ),
    of_groups(
        key="rules_are_learned",
        text="The fraction of such neurons is 0.2 higher than in the untrained network.",
        source="this laboratory",
        reading=rule_like("trained") - rule_like("untrained"),
        expect=Expect.above(0.2),
        bar="ours: 0.2, about half of the paper's fraction of 0.446",
    ),
    of_patterns(
        key="pattern_ablation",
        text="Ablating the 5 neurons that best follow one legality pattern (a square, a direction) "
        "and vote for its move costs the move 5 times more log-probability where that pattern "
        "alone makes it legal than where another one does (a control's loss counts as 0.01 nats "
        "at least). First tried without the vote: such neurons of the middle block carry less "
        "than 0.1 nats, and of all blocks they speak against the move.",
        source=SINGH,
        paper="5 to 10 times",
        reading=pattern_ratio("elsewhere"),
        expect=Expect.above(5),
        bar="paper: the lower end of its 5 to 10 times",
    ),
    of_patterns(
        key="pattern_ablation_over_random",
        text="Ablating those 5 neurons costs the move 5 times more than ablating 5 other ones.",
        source=SINGH,
        reading=pattern_ratio("random"),
        expect=Expect.above(5),
        bar="ours: 5 times, the lower end of the paper's 5 to 10",
    ),
)

CLAIMS = (*SMALL, *COVERAGE, *RECONSTRUCTION, *RULES)
