"""Which heads look back at the target, and how well what they move meets the valid neurons.

Source: Lee et al. 2025 (arXiv:2504.14379) with their code.
"""

from typing import NamedTuple

import numpy as np
from scipy import special

from toylab.analysis.head_choice import Head
from toylab.analysis.neurons import mlp_weights
from toylab.taps import Params

from .passes import Seen

LOOKS = 0.1  # mean weight on the target above which a head looks at it
CHOSEN = 3


class Heads(NamedTuple):
    """Scores of all heads, (U, H), and the choice that follows.

    Attributes:
        look_U2H: mean attention to the target from the result and from "(".
        previous_UH: mean attention to the token before.
        diagonal_UH: mean over valid neurons of ``silu(g . o) (u . o)`` with o the diagonal of
            ``W_V W_O``, as in the paper's code.
        looking: heads that look at the target.
        chosen: those of them with the largest diagonal score.
    """

    look_U2H: np.ndarray
    previous_UH: np.ndarray
    diagonal_UH: np.ndarray
    looking: list[Head]
    chosen: list[Head]

    @property
    def look_UH(self) -> np.ndarray:
        """The larger of the two places' attention."""
        return self.look_U2H.max(1)


def score_heads(params: Params, pool: list[tuple[int, int]], seen: Seen) -> Heads:
    """Score every head by the valid neurons of a pool of (block, neuron)."""
    attn = [params["blocks"][str(u)]["attn"] for u in range(len(params["blocks"]))]
    w_v, w_o = (np.stack([np.asarray(a[name]) for a in attn]) for name in ("w_v", "w_o"))
    look_U2H = np.asarray(seen.look_UR2H).mean(1)
    diagonal_UHD = np.einsum("uhkd,udhk->uhd", w_o, w_v)
    kernels_UDF = (mlp_weights(params, name) for name in ("gate", "up"))
    gate_PD, up_PD = (np.stack([w_UDF[u, :, f] for u, f in pool]) for w_UDF in kernels_UDF)
    score = lambda x: special.expit(x @ gate_PD.T) * (x @ gate_PD.T) * (x @ up_PD.T)
    diagonal_UH = score(diagonal_UHD).mean(-1)
    looking = [(int(u), int(h)) for u, h in np.argwhere(look_U2H.max(1) > LOOKS)]
    chosen = sorted(looking, key=lambda head: -diagonal_UH[head])[:CHOSEN]
    previous_UH = np.asarray(seen.previous_UH)
    return Heads(look_U2H, previous_UH, diagonal_UH, looking, chosen)
