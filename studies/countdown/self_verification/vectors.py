"""Value vectors of the gated MLP: rows of W_down that lie along the verdict probe.

Source: Lee et al. 2025 (arXiv:2504.14379) with their code; 50 vectors of 11,008 in each of the
upper 18 of 36 blocks there.
"""

from typing import Any, NamedTuple

import numpy as np
import polars as pl

from toylab.analysis.neurons import mlp_weights
from toylab.analysis.steering.at_place import unit
from toylab.models import Transformer
from toylab.read.tables import long_table
from toylab.stats.ranks import auc
from toylab.taps import Params
from toylab.tasks.countdown.countdown_pairs import Rows, Signs, is_right

from .passes import Seen

READ_OUT = (("norm", "scale"), ("unembed", "kernel"))


class Vectors(NamedTuple):
    """Neurons (block, index) along the probe.

    Attributes:
        valid_UF: those of the largest cosine with "right", in each upper block.
        invalid_UF: those of the smallest.
        pool: (block, neuron) of the valid vectors that heads are scored by.
        cosine_UF: with the probe of the stream after the neuron's own block.
    """

    valid_UF: np.ndarray
    invalid_UF: np.ndarray
    pool: list[tuple[int, int]]
    cosine_UF: np.ndarray


def upper(model: Transformer) -> range:
    """The upper half of the blocks."""
    return range(model.depth // 2, model.depth)


def find(model: Transformer, params: Params, direction_SD: np.ndarray, count: int) -> Vectors:
    """Find the vectors along the probe's directions, ``count`` of each sign in each block."""
    down_UFD, along = unit(mlp_weights(params, "down")), unit(direction_SD[1:])
    cosine_UF = np.einsum("ufd,ud->uf", down_UFD, along)
    valid_UF, invalid_UF = np.zeros((2, *cosine_UF.shape), bool)
    best: dict[tuple[int, int], float] = {}
    for u in upper(model):
        order = np.argsort(cosine_UF[u])
        valid_UF[u, order[-count:]] = True
        invalid_UF[u, order[:count]] = True
        for m in range(u + 1):
            cosine_F = down_UFD[m] @ along[u]
            for f in np.argsort(cosine_F)[-count:]:
                best[m, int(f)] = max(best.get((m, int(f)), -1.0), float(cosine_F[f]))
    size = count * len(upper(model))
    pool = sorted(best, key=lambda place: -best[place])[:size]
    return Vectors(valid_UF, invalid_UF, pool, cosine_UF)


def lens(params: Params, signs: Signs) -> np.ndarray:
    """Whether a value vector's logits put ok first (1), no first (-1) or another token (0)."""
    gain_D, unembed_DV = (np.asarray(params[a][b]) for a, b in READ_OUT)
    top_UF = ((mlp_weights(params, "down") * gain_D) @ unembed_DV).argmax(-1)
    return (top_UF == signs.ok).astype(int) - (top_UF == signs.no).astype(int)


def vector_rows(
    model: Transformer, params: Params, found: Vectors, seen: Seen, rows: Rows, signs: Signs
) -> list[dict[str, Any]]:
    """A row per neuron of the upper blocks; what matches follows from the sign of its cosine."""
    sign_UF, is_right_R = np.where(found.cosine_UF > 0, 1, -1), is_right(rows) == 1
    area_UF = np.array([[auc(x_R, is_right_R) for x_R in x_RF.T] for x_RF in seen.post_URF])
    table = long_table(
        {"block": None, "neuron": None},
        cosine=found.cosine_UF,
        aligned=found.valid_UF | found.invalid_UF,
        first=(lens(params, signs) == sign_UF).astype(float),
        auc=np.where(sign_UF > 0, area_UF, 1 - area_UF),
    )
    return table.filter(pl.col("block").is_in(upper(model))).to_dicts()
