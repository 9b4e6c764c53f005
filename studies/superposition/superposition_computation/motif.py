"""The asymmetric motif: a neuron that reads one feature strongly and writes another strongly.

Shapes: M neurons, N features; ``W_MN`` reads the input, ``V_NM`` writes the output.
"""

from typing import Any

import numpy as np
import polars as pl
from jaxtyping import Float

from .neurons import SECOND, normalised

MOTIF_RATIO = 2.0  # the paper's motif has 4; twice is asked for
MOTIF_GAIN = 0.5  # share of its absolute value a feature gets from the neuron
EXAMPLE = {
    "part": pl.String,
    "seed": pl.Int64,
    "density": pl.Float64,
    "kind": pl.String,
    "neuron": pl.Int64,
    "feature": pl.Int64,
    "input": pl.Float64,
    "output": pl.Float64,
    "net": pl.Float64,
}


def motifs(
    W_MN: Float[np.ndarray, "M N"], V_NM: Float[np.ndarray, "N M"], b_N: Float[np.ndarray, " N"]
) -> np.ndarray:
    """Asymmetric motifs: rows ``neuron, feature read strongly, feature written strongly, net``.

    A neuron reads feature i at least twice as strongly as feature j, with the opposite sign, and
    writes j at least twice as strongly as i; both get a gain of 1/2 or more. ``net`` is what i,
    active with that sign at magnitude 1, adds to the output j by all neurons and the bias: below 0
    the interference is inhibited, and the output's ReLU removes it.
    """
    in_MN, out_MN = normalised(W_MN, V_NM)
    size_MN = np.abs(in_MN)
    good_MN = size_MN * out_MN >= MOTIF_GAIN
    pair_MNN = (
        (in_MN[:, :, None] * in_MN[:, None] < 0)
        & (size_MN[:, :, None] >= MOTIF_RATIO * size_MN[:, None])
        & (out_MN[:, None] >= MOTIF_RATIO * out_MN[:, :, None])
        & (good_MN[:, :, None] & good_MN[:, None])
    )
    rows = []
    for k, i, j in np.argwhere(pair_MNN):
        hidden_M = np.maximum(np.sign(W_MN[k, i]) * W_MN[:, i], 0)
        rows.append((k, i, j, float(hidden_M @ V_NM[j] + b_N[j])))
    return np.array(rows, np.float64).reshape(-1, 4)


def shuffled(
    W_MN: Float[np.ndarray, "M N"], V_NM: Float[np.ndarray, "N M"], rng: np.random.Generator
) -> Float[np.ndarray, "N M"]:
    """Output weights, permuted within each neuron among the features that it reads."""
    V_NM = V_NM.copy()
    in_MN, _ = normalised(W_MN, V_NM)
    for k, reads_N in enumerate(np.abs(in_MN) >= SECOND):
        V_NM[reads_N, k] = rng.permutation(V_NM[reads_N, k])
    return V_NM


def log_pairs(
    W_MN: Float[np.ndarray, "M N"], V_NM: Float[np.ndarray, "N M"]
) -> Float[np.ndarray, "2 K"]:
    """Log |input| and log output weight of each feature a neuron serves, less the neuron's mean.

    A feature is served that is read with 0.1 or more of the largest weight, and whose gain is 0.1
    or more.
    """
    in_MN, out_MN = normalised(W_MN, V_NM)
    size_MN = np.abs(in_MN)
    serves_MN = (size_MN >= SECOND) & (size_MN * out_MN >= 0.1)
    pairs = [np.zeros((2, 0))]
    for k, serves_N in enumerate(serves_MN):
        if serves_N.sum() > 1:
            logs_2K = np.log(np.stack([size_MN[k, serves_N], out_MN[k, serves_N]]))
            pairs.append(logs_2K - logs_2K.mean(1, keepdims=True))
    return np.concatenate(pairs, 1)


def moments(W_MN: np.ndarray, outputs: list[np.ndarray]) -> list[float]:
    """Sums of x^2, xy and y^2 over the log pairs, from which a correlation can be pooled."""
    x_K, y_K = np.concatenate([log_pairs(W_MN, V_NM) for V_NM in outputs], 1)
    return [float((x_K**2).sum()), float((x_K * y_K).sum()), float((y_K**2).sum())]


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
