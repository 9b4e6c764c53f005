"""What neurons read and write: how many features each serves, and what a model computes.

Shapes: M neurons, N features; W (..., M, N) reads the input, V (..., N, M) writes the output.
"""

from collections.abc import Mapping

import numpy as np
from jaxtyping import Bool, Float

from toylab.task import Batch
from toylab.tasks.superposition.sparse import Sparse

SECOND = 0.1  # a second weight above this share of the largest makes a neuron polysemantic
KEPT = 0.5  # norm above which a feature counts as kept


def normalised(
    W: Float[np.ndarray, "*P M N"], V: Float[np.ndarray, "*P N M"]
) -> tuple[Float[np.ndarray, "*P M N"], Float[np.ndarray, "*P M N"]]:
    """Input and output weights after each neuron is rescaled so that its largest |input| is 1.

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
        "neurons": float(participation(np.maximum(kept_MK, 0), axis=-2).mean()),
    }
