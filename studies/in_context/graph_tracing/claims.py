"""Claims of the study ``graph_tracing``.

Thresholds of accuracy and geometry were set before any run, for a 4x4 grid: guessing among its
nodes gives a rule mass of about 1/8, and energies are in units of chance, 24 edges of 120 pairs.
The paper's own numbers are of large language models. Where "this laboratory" is the source, the
expectation is ours, and no paper's.
"""

from toylab.claims import Claim, Expect

from .readings import (
    STRONGEST_LAG,
    after_block,
    curve,
    fit,
    geometry,
    law,
    neighbour_mix,
    order,
)

PARK = "Park et al. 2025 (arXiv:2501.00070)"
TOLD = PARK + ", as a replication tells it"
ARDITI = "Arditi 2026, neighbour mixing"
OURS = "expected, this laboratory"
UNDIRECTED = "undirected counter"
COPIER = "copier"

ACCURACY = (
    Claim(
        "accuracy_late",
        "On 4x4 grids, held out in training, the network puts 0.8 of its mass on neighbours other "
        "than the previous node in the last quarter of the context.",
        OURS,
        curve("mass", "late"),
        Expect.above(0.8),
        paper="0.90 with the previous node, Llama-3.1-8B (Arditi 2026)",
    ),
    Claim(
        "accuracy_early",
        "In the first ten places it puts at most 0.35 there.",
        OURS,
        curve("mass", "early"),
        Expect.below(0.35),
    ),
    Claim(
        "accuracy_held_out",
        "Late in context, grids are followed as well as regular graphs of 16 nodes of the trained "
        "family (difference of mass, less the undirected counter's own, within 0.05).",
        OURS,
        curve("mass", "late", graph="regular 16")
        - curve("mass", "late")
        - (curve("mass", "late", UNDIRECTED, "regular 16") - curve("mass", "late", UNDIRECTED)),
        Expect.between(-0.05, 0.05),
    ),
    Claim(
        "accuracy_beyond_counter",
        "Late in context, the network's mass exceeds that of a copier, which puts all of it on "
        "nodes seen beside this one on the same walk.",
        TOLD + ": memorisation baselines do not explain the accuracy",
        curve("mass", "late") - curve("mass", "late", COPIER),
        Expect.above(0.0),
    ),
    Claim(
        "loss_near_counter",
        "Late in context, the network's loss is at most 0.05 nats above that of the counter of "
        "undirected bigrams.",
        OURS,
        curve("loss", "late") - curve("loss", "late", UNDIRECTED),
        Expect.below(0.05),
    ),
)

GEOMETRY = (
    Claim(
        "energy_late",
        "At the end of the context the normalised Dirichlet energy of the class means at the best "
        "layer is at most 0.6 of chance.",
        OURS,
        geometry("energy", "late"),
        Expect.below(0.6),
    ),
    Claim(
        "correlation_late",
        "There, distances between class means correlate with distances on the grid by 0.6.",
        OURS,
        geometry("correlation", "late"),
        Expect.above(0.6),
    ),
    Claim(
        "energy_early",
        "After 25 tokens the energy is at least 0.85 of chance, with as many visits per node.",
        OURS,
        geometry("energy", "middle"),
        Expect.above(0.85),
    ),
    Claim(
        "correlation_early",
        "After 25 tokens distances correlate by 0.25 at most, with as many visits per node.",
        OURS,
        geometry("correlation", "middle"),
        Expect.below(0.25),
    ),
    Claim(
        "permutation",
        "The late energy is below that of all but 1% of relabelled grids (median p over grids).",
        OURS,
        geometry("p", "late"),
        Expect.below(0.01),
    ),
    Claim(
        "energy_beats_mix",
        "The late energy at the best layer is below that of one step of neighbour mixing of the "
        "network's own embeddings (ratio).",
        ARDITI + ": geometry beyond it would need another cause",
        geometry("energy", "late") / neighbour_mix("energy"),
        Expect.below(1.0),
    ),
    Claim(
        "correlation_beats_mix",
        "The late correlation of distances exceeds that of neighbour mixing (difference).",
        ARDITI + ": geometry beyond it would need another cause",
        geometry("correlation", "late") - neighbour_mix("correlation"),
        Expect.above(0.0),
    ),
    Claim(
        "overlap_beats_mix",
        "The two leading principal components overlap with the grid's spectral embedding more "
        "than those of neighbour mixing do (difference).",
        ARDITI + ": geometry beyond it would need another cause",
        geometry("overlap", "late") - neighbour_mix("overlap"),
        Expect.above(0.0),
    ),
    Claim(
        "shuffled",
        "With the same tokens in random order, the correlation is at most 0.25.",
        OURS,
        geometry("correlation", "late", "shuffled context"),
        Expect.below(0.25),
    ),
    Claim(
        "untrained",
        "The correlation of the trained network exceeds the untrained one's by 0.3 at least.",
        OURS,
        geometry("correlation", "late") - geometry("correlation", "late", "untrained"),
        Expect.above(0.3),
    ),
    Claim(
        "energy_by_layer",
        "The late energy falls with the layers: the last block's is below the first block's "
        "(difference, in units of chance).",
        "Yang et al. 2025 (arXiv:2507.13540), double convergence, as told by Arditi 2026",
        after_block("energy", first=False) - after_block("energy", first=True),
        Expect.below(0.0),
    ),
    Claim(
        "previous_token",
        "What mixes neighbours is there: of all earlier places, the first block's heads attend "
        "most to the previous one (lag of the largest mean attention; claim added after an "
        "exploring run on other sizes, whose first block looked 15 places back).",
        ARDITI + ": previous-token heads draw the graph",
        STRONGEST_LAG,
        Expect.between(0.5, 1.5),
        paper=1.0,
    ),
)

CHANGE = (
    Claim(
        "two_segments",
        "Up to nine tenths of its last height, accuracy in the logarithm of context is told by "
        "two segments better than by one (delta BIC).",
        TOLD + ": accuracy has two phases",
        fit("delta_bic"),
        Expect.above(10.0),
    ),
    Claim(
        "inflection",
        "The second segment is the steeper (difference of slopes per e-fold).",
        TOLD + ": slow first, then a sharp rise",
        fit("after") - fit("before"),
        Expect.above(0.0),
    ),
    Claim(
        "beyond_counter_segments",
        "The evidence for two segments exceeds that of the undirected counter's own curve "
        "(difference of delta BIC per fitted point).",
        TOLD + ": memorisation baselines do not explain the accuracy",
        fit("evidence") - fit("evidence", UNDIRECTED),
        Expect.above(0.0),
    ),
    Claim(
        "energy_first",
        "The energy reaches its minimum before the break point of accuracy (doublings of context; "
        "networks whose energy falls by a tenth of chance and whose accuracy quickens).",
        PARK + ", section 4.1",
        order("minimum_to_break"),
        Expect.above(0.0),
    ),
    Claim(
        "energy_half_first",
        "The energy has made half of its fall before accuracy has made half of its rise "
        "(doublings of context; networks whose energy falls by a tenth of chance).",
        OURS + ", as a steadier measure of the same order",
        order("half_to_half"),
        Expect.above(0.0),
    ),
    Claim(
        "power_law",
        "The place where mass reaches 0.5 is consistent with a power law of the number of nodes, "
        "four grids of 9 to 20 (R^2 of logarithms).",
        TOLD + ": the transition point is a power law of graph size",
        law("half", "r2"),
        Expect.above(0.9),
    ),
    Claim(
        "exponent_half",
        "Its exponent is the undirected counter's on the same walks (difference within 0.3).",
        OURS + ": counting alone gives a power law",
        law("half", "exponent") - law("half", "exponent", UNDIRECTED),
        Expect.between(-0.3, 0.3),
    ),
    Claim(
        "exponent_break",
        "The break point's exponent is the undirected counter's (difference within 0.5).",
        OURS + ": counting alone gives a power law",
        law("break", "exponent") - law("break", "exponent", UNDIRECTED),
        Expect.between(-0.5, 0.5),
    ),
)

CLAIMS = ACCURACY + GEOMETRY + CHANGE
