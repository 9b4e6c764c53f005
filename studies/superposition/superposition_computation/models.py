"""Single models with a hidden ReLU: what they compute, what their neurons hold, an example.

Shapes: B examples, M neurons, N features; ``W_MN`` reads the input, ``V_NM`` writes the output.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
import polars as pl
from jaxtyping import Float

from toylab.task import Batch
from toylab.tasks.superposition.neurons import SECOND, participation, second_share
from toylab.tasks.superposition.sparse import Sparse

KEPT = 0.5  # norm above which a feature counts as kept
EXAMPLE = (
    dict.fromkeys(("part", "kind"), pl.String)
    | dict.fromkeys(("seed", "neuron", "feature"), pl.Int64)
    | dict.fromkeys(("density", "input", "output", "net"), pl.Float64)
)


def squared_errors(params: Mapping[str, np.ndarray], batch: Batch) -> Float[np.ndarray, "B N"]:
    """Squared errors of one model with a hidden ReLU, tied where it has no ``V``."""
    W_MN = params["W"]
    hidden_BM = np.maximum(np.asarray(batch.inputs) @ W_MN.T, 0)
    out_BN = np.maximum(hidden_BM @ params.get("V", W_MN.T).T + params["b"], 0)
    return (np.asarray(batch.targets) - out_BN) ** 2


def mean_loss(params: Mapping[str, np.ndarray], batch: Batch) -> float:
    """Mean loss of one model on a batch."""
    return float((np.asarray(batch.weights) * squared_errors(params, batch)).sum(1).mean())


def explained(
    params: Mapping[str, np.ndarray], task: Sparse, batch: Batch
) -> Float[np.ndarray, " N"]:
    """Share of each absolute value's variance that a model computes; 0 for the best constant."""
    share_BN = np.asarray(batch.weights) / np.asarray(task.importances())
    error_N = (share_BN * squared_errors(params, batch)).mean(0)
    s = float(np.asarray(task.density))
    return 1 - error_N / (s / 3 - s**2 / 4)


def basis_row(W_MN: np.ndarray) -> dict[str, float]:
    """Kept features, polysemantic neurons over these, alignment, neurons that carry a feature."""
    kept_MK = W_MN[:, np.linalg.norm(W_MN, axis=0) > KEPT]
    if kept_MK.shape[1] == 0:
        return {"kept": 0.0, "polysemantic": 0.0, "alignment": np.nan, "neurons": np.nan}
    share_MK = kept_MK**2 / (kept_MK**2).sum(0)
    many = kept_MK.shape[1] > 1
    poly_M = second_share(kept_MK) >= SECOND if many else np.zeros(len(W_MN), bool)
    poly_M &= np.abs(kept_MK).max(1) > 0.1  # a neuron of tiny weights holds no feature
    return {
        "kept": float(kept_MK.shape[1]),
        "polysemantic": float(poly_M.sum()),
        "alignment": float(share_MK.max(0).mean()),
        # A neuron of negative weight is silent for the feature: it does not carry it.
        "neurons": float(participation(np.maximum(kept_MK, 0), axis=-2).mean()),
    }


def example_rows(
    W_MN: np.ndarray, V_NM: np.ndarray, row: np.ndarray, about: dict[str, Any]
) -> pl.DataFrame:
    """Weights of a motif's neuron on its two features, and of the neuron that inhibits most."""
    k, i, j = (int(v) for v in row[:3])
    hidden_M = np.maximum(np.sign(W_MN[k, i]) * W_MN[:, i], 0)
    inhibitor = int(np.argmin(hidden_M * V_NM[j]))
    # The paper's scale: the two products of one feature's weights are equal.
    scale = float(np.sqrt(np.abs(V_NM[i, k] * V_NM[j, k] / (W_MN[k, i] * W_MN[k, j]))))
    scales = {k: np.sqrt(scale), inhibitor: 1.0}
    rows = [
        about
        | {"kind": kind, "neuron": q, "feature": f, "net": float(row[3])}
        | {"input": float(W_MN[q, f] * scales[q]), "output": float(V_NM[f, q] / scales[q])}
        for kind, q in (("motif", k), ("inhibiting", inhibitor))
        for f in (i, j)
    ]
    return pl.DataFrame(rows, schema=EXAMPLE)
