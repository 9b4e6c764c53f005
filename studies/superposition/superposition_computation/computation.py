"""Parts of the study ``superposition_computation``: its sampler, and what its neurons do.

Shapes: M neurons, N features; ``W_MN`` reads the input, ``V_NM`` writes the output.
"""

import numpy as np
from jaxtyping import Bool, Float

from toylab.task import Batch
from toylab.tasks.superposition.stratified import Stratified

SECOND = 0.1  # a second weight above this share of the largest makes a neuron polysemantic
MOTIF_RATIO = 2.0  # the paper's motif has 4; twice is asked for
MOTIF_GAIN = 0.5  # share of its absolute value a feature gets from the neuron


def normalised(
    W_MN: Float[np.ndarray, "M N"], V_NM: Float[np.ndarray, "N M"]
) -> tuple[Float[np.ndarray, "M N"], Float[np.ndarray, "M N"]]:
    """Input and output weights after each neuron is rescaled so that its largest |input| is 1.

    A ReLU neuron computes the same with inputs divided and outputs multiplied by one number.
    """
    scale_M1 = np.maximum(np.abs(W_MN).max(1, keepdims=True), 1e-9)
    return W_MN / scale_M1, V_NM.T * scale_M1


def live(W_MN: Float[np.ndarray, "M N"], V_NM: Float[np.ndarray, "N M"]) -> Bool[np.ndarray, " M"]:
    """Neurons with a path of gain above 0.1 from some feature to some output."""
    _, out_MN = normalised(W_MN, V_NM)
    return np.abs(out_MN).max(1) > 0.1


def second_share(W_MN: Float[np.ndarray, "M N"]) -> Float[np.ndarray, " M"]:
    """Second largest input weight over the largest, of each neuron."""
    size_MN = np.sort(np.abs(W_MN), 1)
    return size_MN[:, -2] / np.maximum(size_MN[:, -1], 1e-9)


def participation(W_MN: Float[np.ndarray, "M N"], axis: int = 1) -> Float[np.ndarray, " K"]:
    """Participation number ``(sum w^2)^2 / sum w^4``: features per neuron, or with axis 0 back."""
    square_MN = W_MN.astype(np.float64) ** 2
    return square_MN.sum(axis) ** 2 / np.maximum((square_MN**2).sum(axis), 1e-30)


def explained(
    params: dict[str, np.ndarray], task: Stratified, batch: Batch
) -> Float[np.ndarray, " N"]:
    """Share of each feature's variance that the model computes; 0 for the best constant."""
    x_BN, y_BN = np.asarray(batch.inputs), np.asarray(batch.targets)
    share_BN = np.asarray(batch.weights) / np.asarray(task.importances())
    hidden_BM = np.maximum(x_BN @ params["W"].T, 0)
    out_BN = np.maximum(hidden_BM @ params["V"].T + params["b"], 0)
    error_N = (share_BN * (y_BN - out_BN) ** 2).mean(0)
    s = float(np.asarray(task.density))
    return 1 - error_N / (s / 3 - s**2 / 4)


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
