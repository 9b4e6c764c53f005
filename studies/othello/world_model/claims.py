"""Claims of the study ``world_model``.

The network on the larger board is one; its intervals are over held-out games, edits or pairs of
prefixes, and say how sure a number of this network is. The small networks repeat the tests over
seeds. A margin is taken over the best control. The paper sets no bars: they are those of
:class:`toylab.analysis.world.outcomes.Bars`, set before any network was tested.

T3, that states renamed at random at every place and square are read less well, is no claim here:
no probe of an affine map could read them. Nor is that networks before training fail the tests.
"""

import functools

from toylab.analysis.world.outcomes import BARS
from toylab.claims import Claim, Condition, Expect
from toylab.conditions import only

from ..learned import plays
from .readings import build_up, by_seed, changes, margin, spurious, value

PAPER = "Li, Viégas and Wattenberg 2025"
ABOVE = "ours: 0.1 above every control, set before a network was tested"
FOURFOLD = "ours: a fourfold cut, an edit that works"
NINE = "ours: nine of ten"
MARGIN, LANGUAGE = Expect.above(BARS.margin), Expect.above(BARS.language)

of_network = functools.partial(Claim, scope="network", requires=(plays(),))
of_seeds = functools.partial(Claim, requires=(plays("small"),))

SMALL = (
    of_seeds(
        "small_learned",
        "T2: in networks that play on 4x4, a linear probe of the board is 0.1 more accurate than "
        "in the same networks before training, with mine, theirs and empty weighed alike.",
        PAPER + " (learned)",
        by_seed("T2", minus="untrained"),
        MARGIN,
        bar=ABOVE,
        paper=0.25,
        headline=True,
    ),
    of_seeds(
        "small_build_up",
        "T4: on 4x4 the probe of the real board gains more accuracy over the layers than that of "
        "any wrong world.",
        "nothello_world's logs (8x8): 87.1% to 99.2% over the layers",
        build_up,
        Expect.above(0.0),
        bar="control: the wrong world that gains most",
    ),
    of_seeds(
        "small_causal",
        "T6: on 4x4, edits along the probe repair three quarters of the error in legal moves.",
        PAPER + " (causal); Nanda et al. 2023, table 3",
        by_seed("T6"),
        Expect.above(BARS.repaired),
        bar=FOURFOLD,
        paper=0.96,
        control=(
            Condition(
                "steps as long in a random direction repair less than a quarter",
                by_seed("T6", name="random direction"),
                Expect.below(BARS.spurious),
            ),
            Condition(
                "steps as long that flip another disc repair less than a quarter",
                by_seed("T6", name="another edit"),
                Expect.below(BARS.spurious),
            ),
        ),
    ),
    of_seeds(
        "T8_moves",
        "T8: on 4x4, in games of the one opening that was left out of training, the most probable "
        "move is legal nearly as often as in others, within 0.02.",
        "Li et al. 2022, section 2.3: 0.02% illegal moves against 0.01%",
        by_seed("T8", "likeliest token allowed", minus="seen"),
        Expect.above(-BARS.drop),
        bar="ours: 0.02, hardly a loss; the paper has 0.0001",
        paper=-0.0001,
    ),
    of_seeds(
        "T8_board",
        "T8: on 4x4, the probe fitted on the other openings reads nearly as much of the board in "
        "games of the one left out, within 0.02.",
        "Li et al. 2022, section 2.3",
        by_seed("T8", "variables read right", minus="seen"),
        Expect.above(-BARS.drop),
        bar="ours: 0.02, hardly a loss",
    ),
)

LARGE = (
    of_network(
        "T1_read",
        "T1: a linear probe reads 93% of the squares of held-out games, the least expected of a "
        "board of this size.",
        "Nanda et al. 2023, table 1 (8x8, eight layers)",
        value("T1"),
        Expect.above(BARS.accuracy),
        bar="ours: 93%, the least expected of a board of this size",
        paper=0.996,
        unit="game",
    ),
    of_network(
        "T2_learned",
        "T2: with mine, theirs and empty weighed alike, the probe is 0.1 more accurate than probes "
        "of the bag of moves, of the embedding and of the untrained network.",
        PAPER + " (learned); nothello_world's logs: 99.2% against 73.9% of the untrained network",
        margin("T2"),
        MARGIN,
        bar=ABOVE,
        paper=0.25,
        unit="game",
    ),
    of_network(
        "T4_this_world",
        "T4: where the board of a wrong world differs from the real one, the real state is read "
        "more often than the wrong one by 0.1, for every wrong world.",
        "nothello_world's logs: over all squares 99.2%, without flips 89.1%",
        margin("T4"),
        MARGIN,
        bar=ABOVE,
        paper="0.10 over all squares",
        unit="game",
    ),
    of_network(
        "T5_emergent",
        "T5: the board is not in the task's answer: the same probes of the legal moves and of the "
        "logits are 0.1 less accurate, states weighed alike.",
        PAPER + " (emergent)",
        margin("T5"),
        MARGIN,
        bar=ABOVE,
        unit="game",
    ),
    of_network(
        "T6_causal",
        "T6: flipping a disc along the probe repairs three quarters of the error against the moves "
        "that are then legal, a fourfold cut.",
        PAPER + " (causal); Nanda et al. 2023, table 3: 2.723 to 0.10",
        value("T6"),
        Expect.above(BARS.repaired),
        bar=FOURFOLD,
        paper=0.96,
        unit="edit",
        control=only(
            "steps as long in a random direction, or that flip another disc, repair less than "
            "a quarter",
            spurious(),
            Expect.below(BARS.spurious),
        ),
    ),
    of_network(
        "T7_one_state",
        "T7: between move orders that reach one board, outputs differ by less than a quarter of "
        "what they differ between boards, also after the last place's activation has been patched.",
        PAPER + " (the factored diagram commutes)",
        changes(),
        Expect.below(BARS.unchanged),
        bar="ours: a quarter of what outputs differ between boards",
        unit="pair",
    ),
    of_network(
        "T7_compression",
        "T7: for 90% of such pairs, all that the network continues the one with is accepted after "
        "the other.",
        "Vafa et al. 2024 (compression precision; the network on synthetic games has the world)",
        value("T7", "compression"),
        LANGUAGE,
        bar=NINE,
        unit="pair",
    ),
    of_network(
        "T7_distinction",
        "T7: of the shortest continuations that tell two boards apart, 90% of the network's are "
        "the rules', and 90% of the rules' are the network's.",
        "Vafa et al. 2024 (distinction precision and recall)",
        value("T7", "distinction precision", "distinction recall"),
        LANGUAGE,
        bar=NINE,
        unit="pair",
    ),
)

CLAIMS = (*SMALL, *LARGE)
