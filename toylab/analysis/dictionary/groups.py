"""Scores of classifiers and of trees in each group of inputs: R inputs, K properties, G groups."""

from typing import Any

import jax.numpy as jnp
import numpy as np
import polars as pl

from toylab.analysis.dictionary.choice import VALIDATION
from toylab.analysis.dictionary.rule_trees import RULE_LIKE, RuleTrees, grow


def sums(mask_RK: Any, group_R: np.ndarray) -> np.ndarray:
    """Count a mask's rows per group, in the order of the groups: (G, K)."""
    mask_RK = np.asarray(mask_RK)
    return np.stack([mask_RK[group_R == g].sum(0) for g in np.unique(group_R)])


def f1(told_RK: Any, holds_RK: np.ndarray, group_R: np.ndarray, pooled: bool) -> np.ndarray:
    """F1 per group: pooled over properties, or the mean of theirs (of those that ever hold)."""
    told_RK = np.asarray(told_RK)
    both = sums(told_RK & holds_RK, group_R)
    told, holds = sums(told_RK, group_R), sums(holds_RK, group_R)
    if pooled:
        return 2 * both.sum(1) / np.maximum(told.sum(1) + holds.sum(1), 1)
    each = np.where(holds > 0, 2 * both / np.maximum(told + holds, 1), np.nan)
    return np.nanmean(each, 1)


def group_r2(trees: RuleTrees, answers: np.ndarray, y_RF: np.ndarray, group_R: np.ndarray) -> Any:
    """R^2 of every neuron in every group of held-out rows, (G, F); NaN for a constant neuron."""
    error_RF = (np.asarray(trees.predict(jnp.asarray(answers))) - y_RF) ** 2
    found = []
    for group in np.unique(group_R):
        here = group_R == group
        spread_F = ((y_RF[here] - y_RF[here].mean(0)) ** 2).sum(0)
        varies_F = np.ptp(y_RF[here], 0) > 0  # rounding leaves a constant some spread
        explained_F = 1 - error_RF[here].sum(0) / np.where(varies_F, spread_F, np.nan)
        found.append(explained_F)
    return np.stack(found)


def rule_tables(
    parts: dict[str, tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]],
    group_R: np.ndarray,
    depth: int,
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Grow trees and score them in each group of held-out inputs.

    Args:
        parts: by name, answers and neurons of the rows to grow on, and of those to score.
        group_R: group of each scored row; the validation group is left out.
        depth: of the trees.

    Returns:
        Share of rule-like neurons per name and group; median R^2 over the groups per neuron.
    """
    keep = group_R != VALIDATION
    shares, neurons = [], []
    for name, (asked_train, y_train, asked_test, y_test) in parts.items():
        trees = grow(jnp.asarray(asked_train), jnp.asarray(y_train), depth)
        r2_GF = group_r2(trees, asked_test[keep], y_test[keep], group_R[keep])
        share_G = np.nan_to_num(r2_GF, nan=-1) > RULE_LIKE
        columns = {"group": np.unique(group_R[keep]), "rule_like": share_G.mean(1)}
        shares.append(pl.DataFrame(columns).with_columns(name=pl.lit(name)))
        found = {"neuron": np.arange(r2_GF.shape[1]), "r2": np.median(r2_GF, 0)}
        neurons.append(pl.DataFrame(found).with_columns(name=pl.lit(name)))
    return pl.concat(shares), pl.concat(neurons)
