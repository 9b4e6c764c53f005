"""The bench: what a transformer's parts do, for one member, a population or its snapshots alike.

Every function takes parameters with any leading axes and gives its result with the same:

    logit_lens_by_layer     what each layer would answer
    tuned_lens              the same with a translator per layer, beside a bias alone
    direct_logit_attribution  each part's own share of a logit difference
    patch_effects           patch a grid of targets, denoising or noising
    attribution_patching    the same to first order, in one backward pass
    edge_attribution        every edge between parts, to first order (EAP, EAP-IG)
    edge_effects            the same edges, patched exactly
    path_effects            from a part to another, MLPs between frozen or computed anew
    composition             how much one head reads what another writes, with its null
    ov_circuit, qk_circuit  heads as matrices; copying_score
    alignment_search        coordinates that carry a causal variable (DAS), with their nulls
    score_heads             previous-token, induction, duplicate-token heads, with their nulls

Where no null is computed, set a control beside the number. Untrained networks go beside trained
ones in any call, as one snapshot more. A circuit stands beside as many random edges
(``Edges.drawn``), a path beside other senders to its receiver, a blurred subject beside other
blurred tokens, a patch beside a resampled one, a head's OV or QK circuit beside those of its layer.
"""

from toylab.analysis.circuits.alignments import Aligned, alignment_search
from toylab.analysis.circuits.direct import Parts, direct_logit_attribution
from toylab.analysis.circuits.edges import edge_attribution, edge_effects, keep_edges
from toylab.analysis.circuits.given.parts import Edges
from toylab.analysis.circuits.grids import (
    attribution_patching,
    causal_tracing,
    layer_by_head,
    layer_by_position,
    patch_effects,
)
from toylab.analysis.circuits.head_scores import score_heads
from toylab.analysis.circuits.lens import Lens, logit_lens_by_layer
from toylab.analysis.circuits.metrics import log_probability, logit_difference
from toylab.analysis.circuits.paths import path_effects
from toylab.analysis.circuits.tuned import TunedLens, tuned_lens
from toylab.analysis.circuits.weights import composition, copying_score, ov_circuit, qk_circuit

__all__ = [
    "Aligned",
    "Edges",
    "Lens",
    "Parts",
    "TunedLens",
    "alignment_search",
    "attribution_patching",
    "causal_tracing",
    "composition",
    "copying_score",
    "direct_logit_attribution",
    "edge_attribution",
    "edge_effects",
    "keep_edges",
    "layer_by_head",
    "layer_by_position",
    "log_probability",
    "logit_difference",
    "logit_lens_by_layer",
    "ov_circuit",
    "patch_effects",
    "path_effects",
    "qk_circuit",
    "score_heads",
    "tuned_lens",
]
