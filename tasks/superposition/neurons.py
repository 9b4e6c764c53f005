"""What ReLU neurons read and write: features per neuron, and the asymmetric motif.

Shapes: M neurons, N features; W (..., M, N) reads the input, V (..., N, M) writes the output.

Source: Elhage et al. 2022 (arXiv:2209.10652), "Superposition in a privileged basis" and
"Computation in superposition".
"""

import numpy as np
from jaxtyping import Bool, Float

SECOND = 0.1
"""A second weight above this share of the largest makes a neuron polysemantic."""

MOTIF_RATIO = 2.0  # the paper's motif has 4; twice is asked for
MOTIF_GAIN = 0.5  # share of its absolute value a feature gets from the neuron


def normalised(
    W: Float[np.ndarray, "*P M N"], V: Float[np.ndarray, "*P N M"]
) -> tuple[Float[np.ndarray, "*P M N"], Float[np.ndarray, "*P M N"]]:
    """Input and output weights after each neuron is rescaled so that its largest ``|input|`` is 1.

    A ReLU neuron computes the same with inputs divided and outputs multiplied by one number.
    """
    scale = np.maximum(np.abs(W).max(-1, keepdims=True), 1e-9)
    return W / scale, np.swapaxes(V, -1, -2) * scale


def live(
    W: Float[np.ndarray, "*P M N"], V: Float[np.ndarray, "*P N M"]
) -> Bool[np.ndarray, "*P M"]:
    """Neurons with a path of gain above 0.1 from some feature to some output."""
    return np.abs(normalised(W, V)[1]).max(-1) > 0.1


def second_share(W: Float[np.ndarray, "*P M N"]) -> Float[np.ndarray, "*P M"]:
    """Second largest input weight over the largest, of each neuron."""
    size = np.sort(np.abs(W), -1)
    return size[..., -2] / np.maximum(size[..., -1], 1e-9)


def participation(W: Float[np.ndarray, "*P M N"], axis: int = -1) -> Float[np.ndarray, "*P K"]:
    """Participation number ``(sum w^2)^2 / sum w^4``: features per neuron; axis -2, the reverse."""
    square = W.astype(np.float64) ** 2
    return square.sum(axis) ** 2 / np.maximum((square**2).sum(axis), 1e-30)


def own_neurons(W_MN: np.ndarray) -> float:
    """Share of the (feature, sign) pairs that some monosemantic neuron reads alone."""
    alone_M = second_share(W_MN) < SECOND
    top_M = np.abs(W_MN).argmax(1)
    pairs = {(i, W_MN[k, i] > 0) for k, i in enumerate(top_M) if alone_M[k]}
    return len(pairs) / (2 * W_MN.shape[1])


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
    """Log ``|input|`` and log output weight of each feature of a neuron, minus the neuron's mean.

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
