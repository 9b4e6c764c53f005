"""Claims of the study ``graph_tracing_circuit``.

Llama's numbers are Arditi's, for 32 layers of 32 heads; here two of 8 or of 32 are ablated, or
all previous-token heads. Thresholds were set before any run, from those numbers where they exist,
else by this laboratory, as each ``bar`` says; but for ``grid_goes``, which was asked after a first
look at the night's networks.
"""

import dataclasses

from toylab.claims import Claim, Condition, Expect

from .readings import (
    ALL,
    KNOWS,
    LEAD,
    RISES,
    best_head,
    final,
    gain,
    kept,
    last_change,
    lost,
    moved,
    rule,
)

ARDITI = "Arditi 2026, induction circuits behind in-context representations (ICLR blog track)"
PARK = "Park et al. 2025 (arXiv:2501.00070)"
CAUSAL = PARK + ", their code's causal test (its numbers are not known)"
OURS = "this laboratory"

FOLLOWS = Condition(
    "unablated, the network puts 0.8 of its mass on neighbours", rule("none"), Expect.above(0.8)
)
PREVIOUS = Condition(
    "the best previous-token head gives half of its attention to the previous token",
    best_head("previous"),
    Expect.above(0.5),
)
INDUCTION = Condition(
    "the best induction head gives half of its attention to what followed the last copy",
    best_head("induction"),
    Expect.above(0.5),
)
LEARNED = Condition(
    "three of four networks have learned: late in the context their loss is within 0.05 nats of "
    "the undirected counter's",
    KNOWS,
    Expect.above(0.75),
)
DEEPER = Condition(
    "deeper networks that are trained alike reach more than 0.35",
    final("rule", deep=True),
    Expect.above(0.35),
)
MOST_RISE = Condition(
    "accuracy and geometry rise in three of four deeper networks",
    RISES,
    Expect.above(0.75),
)


def others_draw(kind: str) -> Condition:
    """Other heads beside those of a kind do not draw the grid."""
    return Condition(
        "ablating as many other heads, of the same blocks where these have any left, costs a fifth "
        "of the distance correlation at most",
        1 - kept("other", kind),
        Expect.below(0.2),
    )


def others(kind: str) -> Condition:
    """Other heads beside those of a kind matter little."""
    return Condition(
        "ablating two other heads of the same blocks costs 0.1 of rule mass at most",
        lost("other", kind),
        Expect.below(0.1),
    )


ACCURACY = (
    Claim(
        "previous_accuracy",
        "Ablating the two best previous-token heads takes 0.3 of the late rule mass or more, and "
        "ablating two other heads does not.",
        ARDITI,
        lost("previous"),
        Expect.above(0.3),
        bar="paper: 0.90 to below 0.60, a fall of 0.3",
        paper="0.90 to below 0.60 without 2 heads, to 0.30 without 32",
        requires=(LEARNED, FOLLOWS, PREVIOUS),
        control=(others("previous"),),
    ),
    Claim(
        "induction_accuracy",
        "Ablating the two best induction heads takes 0.3 of the late rule mass or more, and "
        "ablating two other heads does not.",
        ARDITI,
        lost("induction"),
        Expect.above(0.3),
        bar="paper: 0.90 to 0.60, a fall of 0.3",
        paper="0.90 to 0.60 without 4 heads, to 0.40 without 32",
        requires=(LEARNED, FOLLOWS, INDUCTION),
        control=(others("induction"),),
    ),
    Claim(
        "other_accuracy",
        "Ablating two heads of neither kind, in the blocks of the two kinds' heads, takes 0.1 of "
        "the late rule mass at most (mean over pairs).",
        ARDITI,
        lost("other"),
        Expect.below(0.1),
        bar="ours: twice the paper's fall of 0.05",
        paper="0.90 to 0.85 without 32 random heads",
        requires=(LEARNED, FOLLOWS),
    ),
)

GEOMETRY = (
    Claim(
        "previous_geometry",
        "Previous-token heads draw the grid: ablating the two best takes half or more of the "
        "distance correlation of class means at the layer where it is highest, and ablating two "
        "other heads does not.",
        ARDITI,
        1 - kept("previous"),
        Expect.above(0.5),
        bar="ours: half of the correlation, where in the paper the grid is gone",
        paper="the grid is gone from the PCA",
        requires=(LEARNED, PREVIOUS),
        control=(others_draw("previous"),),
    ),
    Claim(
        "grid_goes",
        "Without all heads that give half of their attention to the previous token the grid is "
        "gone: they take four fifths or more of that correlation, and as many other heads do not.",
        f"{ARDITI}; asked after a first look at these networks",
        1 - kept(ALL),
        Expect.above(0.8),
        bar="ours: four fifths, nearly all of the correlation",
        paper="the grid is gone from the PCA, without 32 heads of 1,024",
        requires=(LEARNED, PREVIOUS),
        control=(others_draw(ALL),),
        headline=True,
    ),
    Claim(
        "induction_geometry_last",
        "Induction heads do not draw it: ablating the two best lowers the distance correlation "
        "after the last block by 0.1 at most (networks with 0.2 there).",
        ARDITI,
        last_change("induction"),
        Expect.above(-0.1),
        bar="ours: 0.1, half of the least correlation of these networks",
        paper="the grid stays in the PCA",
        requires=(LEARNED, INDUCTION),
    ),
    Claim(
        "previous_suffices",
        "The two best previous-token heads alone, with all other heads ablated, keep four fifths "
        "of the highest layer's distance correlation.",
        OURS + ", from the neighbour mixing of " + ARDITI,
        kept("previous only"),
        Expect.above(0.8),
        bar="ours: four fifths, nearly all of the correlation",
        requires=(LEARNED, PREVIOUS),
    ),
    Claim(
        "causal_two",
        "Moving two principal components of the last place's residual stream to a far node's class "
        "mean, before the last block, puts 0.2 more mass on that node's neighbours than a random "
        "push of the same norm.",
        CAUSAL,
        moved(2),
        Expect.above(0.2),
        bar="ours: 0.2 of the mass, a move seen by eye",
        requires=(LEARNED, FOLLOWS),
    ),
    Claim(
        "causal_all",
        "Moving all principal components puts 0.5 more there than a random push of the same norm.",
        OURS + ": the test's own ceiling",
        moved(None),
        Expect.above(0.5),
        bar="ours: half of the mass",
        requires=(LEARNED, FOLLOWS),
    ),
)

TRAINING = (
    Claim(
        "one_layer_accuracy",
        "Networks of one layer end with a late rule mass of 0.35 at most.",
        OURS + ": an induction circuit takes two layers (Olsson et al. 2022)",
        final("rule", deep=False),
        Expect.below(0.35),
        bar="ours: 0.35, less than half of the 0.8 asked of two layers",
        unit="network",
        requires=(DEEPER,),
    ),
    Claim(
        "one_layer_geometry",
        "Training still adds 0.2 or more to the distance correlation of their class means.",
        OURS + ", from the neighbour mixing of " + ARDITI,
        gain("correlation", deep=False),
        Expect.above(0.2),
        bar="ours: 0.2, a correlation seen by eye",
        unit="network",
        requires=(DEEPER,),
    ),
    Claim(
        "geometry_first",
        "In deeper networks the distance correlation is half grown no later in training than the "
        "rule mass (steps, where they rise by 0.1 and 0.2).",
        OURS + ", after " + PARK + ", section 4.1 (the energy's minimum comes shortly before the "
        "accuracy's rise, there over the context)",
        LEAD,
        Expect.above(0.0),
        bar="theory: halves at one step are 0 steps apart",
        unit="network",
        requires=(MOST_RISE,),
    ),
)


def of_those_that_know(claim: Claim) -> Claim:
    """The same claim about the networks that have learned, its conditions too."""
    limited = lambda own: dataclasses.replace(own, reading=own.reading.where(KNOWS))
    requires = (c if c is LEARNED else limited(c) for c in claim.requires)
    more = {"requires": tuple(requires), "control": tuple(map(limited, claim.control))}
    text = f"In networks that have learned: {claim.text[0].lower()}{claim.text[1:]}"
    return dataclasses.replace(limited(claim), text=text, **more)


CLAIMS = (*map(of_those_that_know, (*ACCURACY, *GEOMETRY)), *TRAINING)
