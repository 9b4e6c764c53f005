"""Moving a state to another class: a class mean's leading components take the place of its own."""

import numpy as np
from jaxtyping import Float, Int


def toward_class_mean(
    here: Float[np.ndarray, "*lead B D"],
    means: Float[np.ndarray, "*lead N D"],
    target: Int[np.ndarray, "*lead B"],
    count: int,
) -> Float[np.ndarray, "*lead B D"]:
    """Return what moves states to a class mean in its leading components.

    ``U U^T (m_target - x)`` with U (D, K) the first K principal directions of the class means.

    Args:
        here: states x.
        means: class means; one with NaN, of a class that was not met, stands in the middle.
        target: the class to go to; leading axes of length 1 are for all.
        count: K.

    Source: Park et al. 2025 (arXiv:2501.00070), the causal test of their code.
    """
    known = np.isfinite(means)
    total = np.where(known, means, 0).sum(-2, keepdims=True)
    means = np.where(known, means, total / np.maximum(known.sum(-2, keepdims=True), 1))
    centred = means - means.mean(-2, keepdims=True)
    basis_KD = np.linalg.svd(centred, full_matrices=False)[2][..., :count, :]
    goal = np.take_along_axis(means, target[..., None], -2)
    return (goal - here) @ basis_KD.swapaxes(-1, -2) @ basis_KD
