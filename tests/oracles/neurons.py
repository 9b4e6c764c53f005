"""Networks with ReLU neurons whose features and motifs are known."""

import numpy as np


def absolute_model(n: int) -> dict[str, np.ndarray]:
    """Exact absolute values: two neurons per feature."""
    eye = np.eye(n, dtype=np.float32)
    V = np.concatenate([eye, eye], 1)
    return {"W": np.concatenate([eye, -eye]), "V": V, "b": np.zeros(n, np.float32)}


def motif_model() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The paper's motif: inputs (2, -1/2), outputs (1/2, 2), and a neuron that inhibits."""
    W_MN = np.array([[2.0, -0.5, 0.0], [1.0, 0.0, 0.0], [0.0, 0.0, 1.0]])
    V_NM = np.array([[0.5, 0.0, 0.0], [2.0, -5.0, 0.0], [0.0, 0.0, 1.0]])
    return W_MN, V_NM, np.zeros(3)
