"""Value vectors of the gated MLP: rows of W_down that lie along the verdict probe.

Source: Lee et al. 2025 (arXiv:2504.14379) with their code; 50 vectors of 11,008 in each of the
upper 18 of 36 blocks there.
"""

from typing import Any, NamedTuple

import numpy as np

from toylab.models import Transformer
from toylab.taps import Params

from .pairs import is_right
from .passes import Rows, Seen, Signs


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


def weights(params: Params, name: str) -> np.ndarray:
    """A matrix of every block's MLP, (U, ., .)."""
    blocks = params["blocks"]
    return np.stack([np.asarray(blocks[str(u)]["mlp"][name]["kernel"]) for u in range(len(blocks))])


def upper(model: Transformer) -> range:
    """The upper half of the blocks."""
    return range(model.depth // 2, model.depth)


def find(model: Transformer, params: Params, direction_SD: np.ndarray, count: int) -> Vectors:
    """Find the vectors along the probe's directions, ``count`` of each sign in each block."""
    down_UFD = _unit(weights(params, "down"))
    along = _unit(direction_SD[1:])
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
    gain_D, unembed_DV = (
        np.asarray(params["norm"]["scale"]),
        np.asarray(params["unembed"]["kernel"]),
    )
    top_UF = ((weights(params, "down") * gain_D) @ unembed_DV).argmax(-1)
    return (top_UF == signs.ok).astype(int) - (top_UF == signs.no).astype(int)


def auc(values_RF: np.ndarray, label_R: np.ndarray) -> np.ndarray:
    """Area under the ROC curve of each column for labels 1 against 0, ties counted half."""
    high, low = values_RF[label_R == 1][:, None], values_RF[label_R == 0][None]
    return ((high > low) + 0.5 * (high == low)).mean((0, 1))


def vector_rows(
    model: Transformer, params: Params, found: Vectors, seen: Seen, rows: Rows, signs: Signs
) -> list[dict[str, Any]]:
    """A row per neuron of the upper blocks; what matches follows from the sign of its cosine."""
    top_UF, label_R, table = lens(params, signs), is_right(rows), []
    for u in upper(model):
        sign_F = np.where(found.cosine_UF[u] > 0, 1, -1)
        area_F = auc(np.asarray(seen.post_URF)[u], label_R)
        fitting_F = np.where(sign_F > 0, area_F, 1 - area_F)
        for f in range(model.hidden):
            table.append(
                {
                    "block": u,
                    "neuron": f,
                    "cosine": float(found.cosine_UF[u, f]),
                    "aligned": bool(found.valid_UF[u, f] or found.invalid_UF[u, f]),
                    "first": float(top_UF[u, f] == sign_F[f]),
                    "auc": float(fitting_F[f]),
                }
            )
    return table


def _unit(x: np.ndarray) -> np.ndarray:
    return x / np.maximum(np.linalg.norm(x, axis=-1, keepdims=True), 1e-12)
