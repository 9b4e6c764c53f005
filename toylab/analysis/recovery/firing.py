"""Whether latents fire when features are active: the F1 of firing, and absorption.

N inputs, F latents, G features.
"""

from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int

from toylab.errors import ToylabError


def firing_f1(
    codes_NF: Float[np.ndarray, "N F"], active_NG: Bool[np.ndarray, "N G"]
) -> Float[np.ndarray, "F G"]:
    """Return the F1 of every latent's firing, a code above 0, with every feature's activity.

    A latent that never fires has 0; so has a feature that never is active.

    Raises:
        ToylabError: codes and activities of different inputs.

    Example:
        >>> codes = np.array([[1.0, 0.0], [2.0, 0.0], [0.0, 0.0]])
        >>> firing_f1(codes, np.array([[True], [False], [False]])).round(2).tolist()
        [[0.67], [0.0]]
    """
    if len(codes_NF) != len(active_NG):
        raise ToylabError(
            f"firing_f1: codes of {len(codes_NF)} inputs, activities of {len(active_NG)}."
        )
    fires_NF, holds_NG = (codes_NF > 0).astype(np.float64), active_NG.astype(np.float64)
    both_FG = fires_NF.T @ holds_NG
    total_FG = np.add.outer(fires_NF.sum(0), holds_NG.sum(0))
    found_FG = 2 * both_FG / np.maximum(total_FG, 1)
    return np.where(np.isfinite(codes_NF.sum(0))[:, None], found_FG, np.nan)


class Absorption(NamedTuple):
    """What becomes of parents' latents where a child is active, too.

    Attributes:
        rate: share of the inputs with parent and child at which the parent's latent is silent.
        alone: share of the inputs with the parent alone at which it is silent.

    Both are over all children; NaN where there is no such input, or codes are not finite.
    """

    rate: float
    alone: float


def absorption(
    codes_NF: Float[np.ndarray, "N F"],
    active_NG: Bool[np.ndarray, "N G"],
    latent_G: Int[np.ndarray, " G"],
    parent_G: Int[np.ndarray, " G"],
) -> Absorption:
    """Measure how often a parent's latent is silent since a child's has absorbed it.

    ``latent_G`` is the latent that stands for each feature, ``parent_G`` its parent, or -1.

    Source: after Chanin et al. 2024 (arXiv:2409.14507), with the features known.

    Example:
        >>> codes, active = np.array([[1.0, 0.0], [0.0, 1.0]]), np.array([[1, 0], [1, 1]]) > 0
        >>> absorption(codes, active, np.array([0, 1]), np.array([-1, 0]))
        Absorption(rate=1.0, alone=0.0)
    """
    mother_C = parent_G[parent_G >= 0]
    silent_NC = codes_NF[:, latent_G[mother_C]] <= 0
    with_NC = active_NG[:, parent_G >= 0] & active_NG[:, mother_C]
    any_child_NC = with_NC @ (mother_C[:, None] == mother_C[None])
    alone_NC = active_NG[:, mother_C] & ~any_child_NC
    return Absorption(*(_share(codes_NF, silent_NC[mask]) for mask in (with_NC, alone_NC)))


def _share(codes_NF: np.ndarray, silent: np.ndarray) -> float:
    known = silent.size and np.isfinite(codes_NF).all()
    return float(silent.mean()) if known else float("nan")
