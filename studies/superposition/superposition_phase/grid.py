"""The grid of density and importance: the phase of each cell, and what each column shows."""

import jax
import numpy as np
import polars as pl

from toylab.tasks.superposition.superposition_phase import classify

REPRESENTED = 0.5  # a feature of norm above this counts as represented


def phases(W_PMN: np.ndarray) -> np.ndarray:
    """Phase of the extra feature of each model."""
    return np.asarray(jax.jit(jax.vmap(classify))(W_PMN))


def opposed_norm(W_PMN: np.ndarray) -> np.ndarray:
    """Lesser norm of the two features that share a dimension from opposite sides; 0 if none do.

    That is the greatest over pairs of cosine below -1/2. Sharing with one sign does not count:
    dense features of equal importance do that, as all directions are then alike to principal
    components.
    """
    norm_PN = np.linalg.norm(W_PMN, axis=1).astype(float)
    gram_PNN = np.einsum("pmi,pmj->pij", W_PMN, W_PMN).astype(float)
    opposite_PNN = gram_PNN < -0.5 * norm_PN[:, :, None] * norm_PN[:, None, :]
    lesser_PNN = np.minimum(norm_PN[:, :, None], norm_PN[:, None, :])
    return np.where(opposite_PNN, lesser_PNN, 0.0).max((1, 2))


def edges(phase_SR: np.ndarray) -> np.ndarray:
    """Cells of which one of the eight neighbours has another phase: the one-cell band."""
    rows, cols = phase_SR.shape
    padded = np.pad(phase_SR, 1, mode="edge")
    shifts = [padded[i : i + rows, j : j + cols] for i in range(3) for j in range(3)]
    return np.any(np.stack(shifts) != phase_SR, axis=0)


def onset(density_S: np.ndarray, superposed_S: np.ndarray) -> float:
    """Density below which superposition begins: the cut with fewest cells on its wrong side.

    Args:
        density_S: rising densities.
        superposed_S: whether features are superposed.

    Returns:
        The geometric mean of the densities beside the cut; an end of the axis if it is there.
    """
    false_below_S = np.concatenate([[0], np.cumsum(~superposed_S)])
    true_above_S = superposed_S.sum() - np.concatenate([[0], np.cumsum(superposed_S)])
    cut = int(np.argmin(false_below_S + true_above_S))
    beside = density_S[max(cut - 1, 0)], density_S[min(cut, len(density_S) - 1)]
    return float(np.sqrt(beside[0] * beside[1]))


def columns(table: pl.DataFrame) -> pl.DataFrame:
    """One row per group and importance: onsets, greatest fall of the lesser norm, loss gap."""
    rows = []
    for (group, ratio), column in table.group_by("group", "importance", maintain_order=True):
        column = column.sort("density")
        density_S = column["density"].to_numpy()
        at = lambda name, s=density_S, c=column: onset(s, c[name].to_numpy() > REPRESENTED)
        rows.append(
            {
                "group": group,
                "importance": ratio,
                "diverged": column["diverged"].any(),
                "onset": at("opposed_norm"),
                "exact_onset": at("exact_opposed_norm"),
                "fall": float(-np.diff(column["least_norm"].to_numpy()).min()),
                "gap": (column["loss"] / column["exact_loss"] - 1).mean(),
            }
        )
    return pl.DataFrame(rows, infer_schema_length=None).sort("group", "importance")
