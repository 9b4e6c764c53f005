"""What neurons read and write: how many features each serves, and what a model computes.

Shapes: M neurons, N features; ``W_MN`` reads the input, ``V_NM`` writes the output.
"""

import numpy as np
from jaxtyping import Bool, Float

from toylab.task import Batch
from toylab.tasks.superposition.stratified import Stratified

SECOND = 0.1  # a second weight above this share of the largest makes a neuron polysemantic
KEPT = 0.5  # norm above which a feature counts as kept


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


def own_neurons(W_MN: np.ndarray) -> float:
    """Share of the (feature, sign) pairs that some monosemantic neuron reads alone."""
    alone_M = second_share(W_MN) < SECOND
    top_M = np.abs(W_MN).argmax(1)
    pairs = {(i, W_MN[k, i] > 0) for k, i in enumerate(top_M) if alone_M[k]}
    return len(pairs) / (2 * W_MN.shape[1])


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
        "neurons": float(participation(np.maximum(kept_MK, 0), axis=0).mean()),
    }
