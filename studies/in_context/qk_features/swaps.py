"""The causal test: exchange the asked key's part in a subspace with another key's.

B contexts of C keys, K head dimension.
"""

from typing import Any

import numpy as np

from toylab.analysis.contrastive import KeyQueryFeature, random_basis, swap, union_basis

from .features import Head

RANDOM_BASES = 10


def pick_targets(z_BC2R: np.ndarray, match_B: np.ndarray, seed: int) -> np.ndarray:
    """For each context a random token of which both latents differ from the asked one's; else -1.

    Args:
        z_BC2R: latents of the context tokens.
        match_B: token that is asked for.
        seed: decides among the fit ones.
    """
    asked_B12R = z_BC2R[np.arange(len(match_B)), match_B][:, None]
    fits_BC = (z_BC2R != asked_B12R).any(-1).all(-1)
    order_BC = np.random.default_rng(seed).random(fits_BC.shape)
    return np.where(fits_BC.any(1), np.where(fits_BC, order_BC, -1).argmax(1), -1)


def attention_after(
    q_BK: np.ndarray,
    k_BCK: np.ndarray,
    asked_B: np.ndarray,
    target_B: np.ndarray,
    basis: np.ndarray,
) -> tuple[float, float]:
    """Mean attention on the asked token and on the target after the swap."""
    rows = np.arange(len(q_BK))
    keys_BCK = np.array(k_BCK, np.float64)
    keys_BCK[rows, asked_B], keys_BCK[rows, target_B] = swap(
        k_BCK[rows, asked_B], k_BCK[rows, target_B], basis
    )
    score_BC = np.einsum("bk,bck->bc", q_BK, keys_BCK) / np.sqrt(q_BK.shape[1])
    weight_BC = np.exp(score_BC - score_BC.max(1, keepdims=True))
    weight_BC /= weight_BC.sum(1, keepdims=True)
    return float(weight_BC[rows, asked_B].mean()), float(weight_BC[rows, target_B].mean())


def bases(
    head: Head, features: dict[str, KeyQueryFeature], k_BCK: np.ndarray, seed: int
) -> dict[str, list[np.ndarray]]:
    """Subspaces to swap in, by condition; a random condition has several, to average over.

    ``key PCs`` holds the r1 + r2 first principal components of keys, found without contrast.
    """
    k = k_BCK.shape[-1]
    one, two = (features[name].key_KR for name in ("z1", "z2"))
    r1, r2 = head.sizes
    flat = k_BCK.reshape(-1, k).astype(np.float64)
    components = np.linalg.eigh(np.cov(flat.T))[1][:, ::-1]
    found = {
        "none": [np.zeros((k, 0))],
        "z1": [one],
        "z2": [two],
        "z1 + z2": [union_basis([one, two])],
        "key PCs": [components[:, : min(k, r1 + r2)]],
    }
    for i, (name, rank) in enumerate((("r1", r1), ("r2", r2), ("r1 + r2", r1 + r2))):
        first = 1000 * seed + 100 * i
        draws = [random_basis(k, min(k, rank), first + j) for j in range(RANDOM_BASES)]
        found[f"random {name}"] = draws
    return found


def swap_rows(
    head: Head, features: dict[str, KeyQueryFeature], context: dict[str, np.ndarray], seed: int
) -> list[dict[str, Any]]:
    """One row per condition: attention on both tokens, and the share of it that moved.

    ``moved`` is the attention on the target over that on the asked token before any swap.

    Args:
        head: the head.
        features: of ``z1`` and ``z2``.
        context: ``q`` (B, K), ``k`` (B, C, K), ``z`` (B, C, 2, R) and ``match`` (B,).
        seed: decides targets and random bases.
    """
    target_B = pick_targets(context["z"], context["match"], seed)
    kept = target_B >= 0
    q, k, asked, target = (
        x[kept] for x in (context["q"], context["k"], context["match"], target_B)
    )
    before = attention_after(q, k, asked, target, np.zeros((k.shape[-1], 0)))[0]
    rows: list[dict[str, Any]] = []
    for name, drawn in bases(head, features, k, seed).items():
        after = np.mean([attention_after(q, k, asked, target, v) for v in drawn], axis=0)
        rows.append(
            {
                "condition": name,
                "on_asked": float(after[0]),
                "on_target": float(after[1]),
                "moved": float(after[1] / before),
            }
        )
    return rows
