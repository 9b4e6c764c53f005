"""Features of one head by contrastive covariance, against the world's own directions.

N pairs, R latents of a kind (padded), K head dimension, D width. Worlds and weights are NumPy.
"""

from typing import Any, NamedTuple

import numpy as np

from toylab.analysis.contrastive import (
    KeyQueryFeature,
    block_leak,
    contrastive_covariance,
    key_query_feature,
    latent_interaction,
    subspace_overlap,
)
from toylab.tasks.in_context.payloads import World

KINDS = {"z1": (0,), "z2": (1,), "both": (0, 1)}


class Head(NamedTuple):
    """A head's weights (D, K), its world, and how many latents of each kind there are."""

    w_q: np.ndarray
    w_k: np.ndarray
    world: World
    sizes: tuple[int, int]


class Pairs(NamedTuple):
    """Latents (N, 2, R): of the query, those that keys hold besides, and new ones."""

    asked: np.ndarray
    other: np.ndarray
    new: np.ndarray


def draw_pairs(n: int, r_max: int, normal: bool, seed: int) -> Pairs:
    """Draw latents for N pairs, normal ones or signs; all are independent."""
    drawn = np.random.default_rng(seed).normal(size=(3, n, 2, r_max)).astype(np.float32)
    return Pairs(*(drawn if normal else np.sign(drawn)))


def maps(head: Head) -> tuple[np.ndarray, np.ndarray]:
    """Each latent's direction in head space among queries and keys, (2, R, K) each."""
    return np.asarray(head.world.b) @ head.w_q, np.asarray(head.world.a) @ head.w_k


def covariance(head: Head, pairs: Pairs, kinds: tuple[int, ...]) -> np.ndarray:
    """Contrastive covariance (K, K) of one kind of latent, or of both at once.

    Positive keys share these latents with the query, negative ones have them drawn anew; other
    latents are the same in both. So are payload and noise, which cancel and are left out.
    """
    b_2RK, a_2RK = maps(head)
    shared = np.isin(np.arange(2), kinds)[None, :, None]
    show = lambda z, m: z.reshape(len(z), -1) @ m.reshape(-1, m.shape[-1])
    positive = show(np.where(shared, pairs.asked, pairs.other), a_2RK)
    negative = show(np.where(shared, pairs.new, pairs.other), a_2RK)
    return contrastive_covariance(show(pairs.asked, b_2RK), positive, negative)


def features(head: Head, pairs: Pairs) -> dict[str, KeyQueryFeature]:
    """The head's feature for each kind of latent and for both at once, ranks at 99%."""
    return {n: key_query_feature(covariance(head, pairs, kinds)) for n, kinds in KINDS.items()}


def feature_rows(head: Head, features: dict[str, KeyQueryFeature]) -> list[dict[str, Any]]:
    """One row per kind: how many latents there are, the rank found, and the singular values."""
    count = 2 * head.world.a.shape[1]
    rows: list[dict[str, Any]] = []
    for name, kinds in KINDS.items():
        found = features[name]
        values = np.zeros(count)
        kept = min(count, len(found.values_K))
        values[:kept] = found.values_K[:kept] / found.values_K[0]
        true = sum(head.sizes[i] for i in kinds)
        row = {"feature": name, "true": true, "rank": float(found.rank)}
        rows.append(row | {"values": values.tolist()})
    return rows


def interaction(head: Head) -> np.ndarray:
    """G (r1 + r2, r1 + r2): how each latent of the query meets each of the key."""
    b, a = (
        np.concatenate([np.asarray(m)[i, :r] for i, r in enumerate(head.sizes)])
        for m in (head.world.b, head.world.a)
    )
    return latent_interaction(head.w_q, head.w_k, b, a)


def network_row(head: Head, features: dict[str, KeyQueryFeature]) -> dict[str, Any]:
    """Leak of G out of its blocks, and how far the two features' key subspaces coincide.

    ``shared_chance`` is the mean overlap of two random subspaces with the ranks that were found.
    """
    one, two = (features[name].key_KR for name in ("z1", "z2"))
    leak = block_leak(interaction(head), head.sizes)
    chance = max(one.shape[1], two.shape[1]) / len(one)
    return {"leak": leak, "shared": subspace_overlap(one, two), "shared_chance": chance}
