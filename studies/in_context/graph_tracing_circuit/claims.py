"""Claims of the study ``graph_tracing_circuit``.

Llama's numbers are Arditi's, for 32 layers of 32 heads; here two of eight heads are one kind.
Thresholds were set before any run: from those numbers where they exist, else by this laboratory.
"""

import functools

from toylab.claims import Claim, Expect

from .readings import LEAD, beyond_mixing, final, kept, last_change, lost, moved

ARDITI = "Arditi 2026, induction circuits behind in-context representations (ICLR blog track)"
PARK = "Park et al. 2025"
OWN = "expected, this laboratory"
network_claim = functools.partial(Claim, unit="network")

CLAIMS = (
    Claim(
        key="previous_accuracy",
        text="Without the two best previous-token heads the late rule mass falls by 0.3 or more.",
        source=ARDITI,
        reading=lost("previous"),
        expect=Expect.above(0.3),
        paper="0.90 to below 0.60 without 2 heads, to 0.30 without 32",
    ),
    Claim(
        key="induction_accuracy",
        text="Without the two best induction heads the late rule mass falls by 0.3 or more.",
        source=ARDITI,
        reading=lost("induction"),
        expect=Expect.above(0.3),
        paper="0.90 to 0.60 without 4 heads, to 0.40 without 32",
    ),
    Claim(
        key="other_accuracy",
        text="Without two other heads the late rule mass falls by 0.1 at most, over pairs.",
        source=ARDITI,
        reading=lost("other"),
        expect=Expect.below(0.1),
        paper="0.90 to 0.85 without 32 random heads",
    ),
    Claim(
        key="mean_ablation",
        text="The same two previous-token heads, set to their mean in place of zero, cost 0.3 too.",
        source=OWN + ": an ablation's effect should not hang on its kind",
        reading=lost("previous", ablation="mean"),
        expect=Expect.above(0.3),
    ),
    Claim(
        key="previous_geometry",
        text="Without the two best previous-token heads the distance correlation of class means, "
        "at the layer where it is highest, falls by half or more.",
        source=ARDITI,
        reading=1 - kept("previous"),
        expect=Expect.above(0.5),
        paper="the grid is gone from the PCA",
    ),
    Claim(
        key="induction_geometry",
        text="Without the two best induction heads it falls by a fifth at most (networks with such "
        "a head before that layer).",
        source=ARDITI,
        reading=1 - kept("induction"),
        expect=Expect.below(0.2),
        paper="the grid stays in the PCA",
    ),
    Claim(
        key="induction_geometry_last",
        text="After the last block, too, the distance correlation without the two best induction "
        "heads is no lower than with them, by 0.1 (networks with a correlation of 0.2 there).",
        source=ARDITI,
        reading=last_change("induction"),
        expect=Expect.above(-0.1),
        paper="the grid stays in the PCA",
    ),
    Claim(
        key="other_geometry",
        text="Without two other heads it falls by a fifth at most.",
        source=OWN + ": the control of the two before",
        reading=1 - kept("other"),
        expect=Expect.below(0.2),
    ),
    Claim(
        key="previous_suffices",
        text="With the two best previous-token heads alone, all others at zero, four fifths of the "
        "highest layer's distance correlation stay.",
        source=OWN + ", from the neighbour mixing of " + ARDITI,
        reading=kept("previous only"),
        expect=Expect.above(0.8),
    ),
    Claim(
        key="beyond_mixing",
        text="At its best layer the distance correlation exceeds that of one neighbour mix of the "
        "network's own embeddings.",
        source=PARK + ", section 4 (representations reorganise); judged against " + ARDITI,
        reading=beyond_mixing("correlation"),
        expect=Expect.above(0.0),
    ),
    Claim(
        key="energy_beyond_mixing",
        text="There its normalised Dirichlet energy is below that of the same neighbour mix.",
        source=PARK + ", section 4 (the energy falls); judged against " + ARDITI,
        reading=beyond_mixing("energy"),
        expect=Expect.below(0.0),
    ),
    Claim(
        key="causal_two",
        text="Two principal components of the last place's residual stream, replaced by those of a "
        "far node's class mean before the last block, put 0.2 more on that node's neighbours than "
        "a random push does.",
        source=PARK + ", their code's causal test (its numbers are not known; 0.2 is ours)",
        reading=moved(2),
        expect=Expect.above(0.2),
    ),
    Claim(
        key="causal_hit",
        text="So moved, the likeliest next token is one of that node's neighbours more often, by "
        "0.2, than under a random push.",
        source=PARK + ", their code's causal test (its numbers are not known; 0.2 is ours)",
        reading=moved(2, "hit"),
        expect=Expect.above(0.2),
    ),
    Claim(
        key="causal_all",
        text="All principal components, so replaced before the last block, put 0.5 more on that "
        "node's neighbours than a random push of the same norm does.",
        source=OWN + ": the test's own ceiling",
        reading=moved(None),
        expect=Expect.above(0.5),
    ),
    network_claim(
        key="one_layer_accuracy",
        text="Networks of one layer end with a late rule mass of 0.35 at most.",
        source=OWN + ": an induction circuit takes two layers (Olsson et al. 2022)",
        reading=final("rule", deep=False),
        expect=Expect.below(0.35),
    ),
    network_claim(
        key="one_layer_geometry",
        text="The distance correlation of their class means gains 0.2 or more in training all the "
        "same.",
        source=OWN + ", from the neighbour mixing of " + ARDITI,
        reading=final("gain", deep=False),
        expect=Expect.above(0.2),
    ),
    network_claim(
        key="geometry_first",
        text="In deeper networks the distance correlation is half grown no later in training than "
        "the rule mass (networks in which both rise, by 0.1 and 0.2).",
        source=OWN + ", after " + PARK + ", section 4.1 (the energy's minimum comes shortly before "
        "the accuracy's rise, there over the context)",
        reading=LEAD,
        expect=Expect.above(0.0),
    ),
)
