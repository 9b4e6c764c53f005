"""Claims of the study ``world_model``.

The network on the larger board is one; its intervals are over held-out games, edits or pairs of
prefixes, and say how sure a number of this network is. The small networks repeat the tests over
seeds. A margin is taken over the best control. Thresholds without another source are those of
:class:`toylab.analysis.world.outcomes.Bars`, set before any network was tested.
"""

from toylab.analysis.world.outcomes import BARS
from toylab.claims import Claim, Expect

from .readings import build_up, by_seed, changes, margin, met, spurious, value

PAPER = "Li, Viégas and Wattenberg 2025"
ALONE = "; of one network"
MET_BY_NONE = ("T1", "T2", "T4", "T6", "T7")  # what an untrained network should fail

CLAIMS = (
    Claim(
        "T1_read",
        "T1: a linear probe reads 93% of the squares of held-out games, the least expected of "
        "a board of this size" + ALONE + ".",
        "Nanda et al. 2023, table 1 (8x8, eight layers)",
        value("T1"),
        Expect.above(BARS.accuracy),
        0.996,
        "game",
    ),
    Claim(
        "T2_learned",
        "T2: with mine, theirs and empty weighed alike, it reads 0.1 more than probes of the bag "
        "of moves, of the embedding or of the untrained network" + ALONE + ".",
        PAPER + " (learned); nothello_world's logs: 99.2% against 73.9% of the untrained network",
        margin("T2"),
        Expect.above(BARS.margin),
        0.25,
        "game",
    ),
    Claim(
        "T3_selective",
        "T3: it reads 0.1 more than of boards whose states are renamed at random at every place "
        "and square" + ALONE + ".",
        "Hewitt and Liang 2019 (control tasks), as asked for in the reviews of " + PAPER,
        margin("T3"),
        Expect.above(BARS.margin),
        None,
        "game",
    ),
    Claim(
        "T4_this_world",
        "T4: where a wrong world's board differs from the real one, the real state is read more "
        "often than the wrong one by 0.1, for every wrong world" + ALONE + ".",
        "nothello_world's logs: over all squares 99.2%, without flips 89.1%",
        margin("T4"),
        Expect.above(BARS.margin),
        "0.10 over all squares",
        "game",
    ),
    Claim(
        "T5_emergent",
        "T5: the board is not in the task's answer: the same probes of the legal moves or of the "
        "logits read 0.1 less, states weighed alike" + ALONE + ".",
        PAPER + " (emergent)",
        margin("T5"),
        Expect.above(BARS.margin),
        None,
        "game",
    ),
    Claim(
        "T6_causal",
        "T6: turning a disc over along the probe mends three quarters of the error against the "
        "moves legal then, a fourfold cut" + ALONE + ".",
        PAPER + " (causal); Nanda et al. 2023, table 3: 2.723 to 0.10",
        value("T6"),
        Expect.above(BARS.repaired),
        0.96,
        "edit",
    ),
    Claim(
        "T6_controls",
        "T6: steps of the same length in a random direction, or to turn another disc over, mend "
        "less than a quarter" + ALONE + ".",
        PAPER + " (causal)",
        spurious(),
        Expect.below(BARS.spurious),
        None,
        "edit",
    ),
    Claim(
        "T7_one_state",
        "T7: between move orders that reach one board, outputs differ by less than a quarter of "
        "what they differ between boards, and so do they after the last place's activation has "
        "been swapped" + ALONE + ".",
        PAPER + " (the factored diagram commutes)",
        changes(),
        Expect.below(BARS.unchanged),
        None,
        "pair",
    ),
    Claim(
        "T7_compression",
        "T7: for 90% of such pairs, all that the network continues the one with is accepted after "
        "the other" + ALONE + ".",
        "Vafa et al. 2024 (compression precision; the network on synthetic games has the world)",
        value("T7", "compression"),
        Expect.above(BARS.language),
        None,
        "pair",
    ),
    Claim(
        "T7_distinction",
        "T7: of the shortest continuations that tell two boards apart, 90% of the network's are "
        "the rules', and 90% of the rules' are the network's" + ALONE + ".",
        "Vafa et al. 2024 (distinction precision and recall)",
        value("T7", "distinction precision", "distinction recall"),
        Expect.above(BARS.language),
        None,
        "pair",
    ),
    Claim(
        "small_build_up",
        "T4 on the smallest board: the real board gains more accuracy over the layers than any "
        "wrong one.",
        "nothello_world's logs (8x8): 87.1% to 99.2% over the layers",
        build_up,
        Expect.above(0.0),
    ),
    Claim(
        "small_learned",
        "T2 on the smallest board: the trained network's probe reads 0.1 more than the untrained "
        "network's, states weighed alike.",
        PAPER + " (learned)",
        by_seed("T2", minus="untrained"),
        Expect.above(BARS.margin),
        0.25,
    ),
    Claim(
        "small_causal",
        "T6 on the smallest board: editing along the probe mends three quarters of the error.",
        PAPER + " (causal); Nanda et al. 2023, table 3",
        by_seed("T6"),
        Expect.above(BARS.repaired),
        0.96,
    ),
    Claim(
        "T8_moves",
        "T8 on the smallest board: in games of the one opening that was left out of training, the "
        "likeliest move is legal nearly as often as in others, within 0.02.",
        "Li et al. 2022, section 2.3: 0.02% illegal moves against 0.01%",
        by_seed("T8", "likeliest token allowed", minus="seen"),
        Expect.above(-BARS.drop),
        -0.0001,
    ),
    Claim(
        "T8_board",
        "T8 on the smallest board: the probe fitted on the other openings reads nearly as much of "
        "the board in games of the one left out, within 0.02.",
        "Li et al. 2022, section 2.3",
        by_seed("T8", "variables read right", minus="seen"),
        Expect.above(-BARS.drop),
    ),
    Claim(
        "untrained",
        "Control of the tests: a network before training meets none of T1, T2, T4, T6 and T7.",
        PAPER + " (learned)",
        met("small untrained", MET_BY_NONE),
        Expect.below(0.0),
    ),
)
