"""Which single weights does a behaviour need? Scores to first order, and masks made of them.

Taking a weight out changes a loss by ``L(w_i = 0) - L = -w_i g_i`` to first order, and exactly
where the loss is linear in the weight. The signed score is that change. SNIP drops its sign, and so
marks weights that hold a behaviour down along with those that hold it up.

Source: Lee et al. 2019 (1810.02340); per sample: Wei et al. 2024 (2402.05162); signed: Orgad et al.
2026 (2604.09544).
"""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jaxtyping import Bool, Float
from numpy.typing import ArrayLike

from toylab.errors import ToylabError, check_number, nearest

KINDS = ("signed", "snip", "per_sample")


def prune_scores(
    loss: Callable[[Any, Any], Float[Array, " B"]],
    params: Any,
    batch: Any,
    kind: str = "signed",
) -> Any:
    """Score every weight by what the loss is expected to gain if it is set to 0.

    ============ ==================================================
    signed       ``-w_i g_i``, g the gradient of the mean loss
    snip         ``abs(w_i g_i)``
    per_sample   ``abs(w_i) mean_b abs(g_bi)``, g_b of one example
    ============ ==================================================

    Args:
        loss: from parameters and a batch to one number per example.
        params: of one network; ``jax.vmap`` takes it over a population.
        batch: a tree of arrays (B, ...), of the behaviour alone: its prompts and its answers.
        kind: see above.

    Returns:
        A tree of the parameters' shapes.

    Raises:
        ToylabError: another kind.

    Example:
        >>> found = prune_scores(lambda w, x: x @ w, jnp.array([2.0, -1.0]), jnp.eye(2))
        >>> found.tolist()
        [-1.0, 0.5]
    """
    if kind not in KINDS:
        raise ToylabError(f"prune_scores: kind {kind!r}; {nearest(str(kind), KINDS)}")
    if kind == "per_sample":
        alone = lambda w, one: loss(w, jax.tree.map(lambda leaf: leaf[None], one))[0]
        each = jax.vmap(jax.grad(alone), in_axes=(None, 0))(params, batch)
        return jax.tree.map(lambda w, g: jnp.abs(w) * jnp.mean(jnp.abs(g), 0), params, each)
    gradient = jax.grad(lambda w: jnp.mean(loss(w, batch)))(params)
    change = jax.tree.map(lambda w, g: -w * g, params, gradient)
    return jax.tree.map(jnp.abs, change) if kind == "snip" else change


def top_share(scores: Float[ArrayLike, "*lead W"], share: float) -> Bool[np.ndarray, "*lead W"]:
    """Mark the share of weights with the largest scores, ``round(share W)`` of each row.

    Over all weights at once, not by matrix: quotas for each matrix hide how few are needed.

    Raises:
        ToylabError: a share outside (0, 1].
    """
    s = np.asarray(scores, np.float64)
    check_number("top_share", "share", share, above=0, high=1)
    mask = np.zeros(s.shape, bool)
    chosen = np.argsort(-s, axis=-1, kind="stable")[..., : round(share * s.shape[-1])]
    np.put_along_axis(mask, chosen, True, -1)
    return mask


def spared(
    harm: Float[ArrayLike, "*lead W"], utility: Float[ArrayLike, "*lead W"], q: float, p: float
) -> Bool[np.ndarray, "*lead W"]:
    """Mark the top q of the harm scores but for the top p of the utility scores.

    Choose q and p on other examples than those that judge the mask.

    Source: Wei et al. 2024, set difference.

    Example:
        >>> spared([3.0, 2.0, 1.0, 0.0], [0.0, 9.0, 1.0, 0.0], q=0.5, p=0.25).tolist()
        [True, False, False, False]
    """
    return top_share(harm, q) & ~top_share(utility, p)


def matched_magnitude(
    mask: Bool[ArrayLike, " W"], weights: Float[ArrayLike, " W"], seed: int = 0
) -> Bool[np.ndarray, " W"]:
    """Draw another mask of as many weights of the same magnitudes: the control.

    For each marked weight, one of the 10 unmarked ones next to it in magnitude, at random, each
    once.

    Raises:
        ToylabError: more than half of the weights are marked.

    Example:
        >>> mask = np.arange(100) == 50
        >>> int(matched_magnitude(mask, np.arange(100.0)).nonzero()[0][0]) in range(45, 56)
        True
    """
    marked, size = np.asarray(mask, bool), np.abs(np.asarray(weights, np.float64))
    if marked.shape != size.shape or 2 * marked.sum() > marked.size:
        raise ToylabError(
            f"matched_magnitude: {marked.sum()} marked of weights {size.shape}; mark half at most."
        )
    rng, found, free = np.random.default_rng(seed), np.zeros_like(marked), ~marked
    for place in np.flatnonzero(marked):
        left = np.flatnonzero(free)
        near = left[np.argsort(np.abs(size[left] - size[place]), kind="stable")[:10]]
        chosen = rng.choice(near)
        found[chosen], free[chosen] = True, False
    return found


def jaccard(a: Bool[ArrayLike, "*lead W"], b: Bool[ArrayLike, "*lead W"]) -> np.ndarray:
    """Weights in both masks as a share of those in either, (...); NaN for two empty ones.

    Example:
        >>> jaccard([True, True, False], [True, False, False])
        np.float64(0.5)
    """
    a, b = np.asarray(a, bool), np.asarray(b, bool)
    either = (a | b).sum(-1)
    return (a & b).sum(-1) / np.where(either, either, np.nan)


def jaccard_null(share: float) -> float:
    """Jaccard index of two independent masks of one share s, for many weights: ``s / (2 - s)``.

    Example:
        >>> jaccard_null(0.5).__round__(4)
        0.3333
    """
    check_number("jaccard_null", "share", share, low=0, high=1)
    return share / (2 - share)
