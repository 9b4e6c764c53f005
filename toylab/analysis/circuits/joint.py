"""Queries and keys of one head in one space, in which near means attended to.

Two things leave a head's attention as it is: the same vector added to every key, which moves all
scores of a query alike, and ``q <- c q, k <- k / c``. They are spent on making distance mirror the
score, as ``||c q - k / c||^2 = c^2 ||q||^2 + ||k||^2 / c^2 - 2 q.k``.

Source: Yeh, Chen, Wu, Chen, Viégas and Wattenberg 2023, "AttentionViz: A Global View of Transformer
Attention" (2305.03210), who search for c; the closed forms are derived here.
"""

from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float
from scipy.spatial.distance import cdist

from toylab.errors import ToylabError

CHOICES = ("correlation", "distance")


class Joint(NamedTuple):
    """Queries and keys in one space.

    Attributes:
        queries: ``c q``, (N, K).
        keys: ``(k + t) / c``, (M, K).
        scale: c.
        shift: t (K,), ``mean(q) - mean(k)``.
    """

    queries: Float[np.ndarray, "N K"]
    keys: Float[np.ndarray, "M K"]
    scale: float
    shift: Float[np.ndarray, " K"]

    def distances(self) -> Float[np.ndarray, "N M"]:
        """Return the squared distance of every query and key."""
        return cdist(self.queries, self.keys, "sqeuclidean")

    def within(self, sequences: int) -> Float[np.ndarray, "B L M"]:
        """Return squared distances inside each of several sequences, which follow each other."""
        q_BLK, k_BMK = (x.reshape(sequences, -1, x.shape[-1]) for x in (self.queries, self.keys))
        lengths = (q_BLK**2).sum(-1)[..., None] + (k_BMK**2).sum(-1)[:, None]
        return lengths - 2 * np.einsum("blk,bmk->blm", q_BLK, k_BMK)


def joint_embedding(
    q: Float[np.ndarray, "N K"],
    k: Float[np.ndarray, "M K"],
    scale: str | float = "correlation",
    *,
    centred: bool = True,
) -> Joint:
    """Put a head's queries and keys into one space without changing its attention.

    With ``k + t`` in place of k, the scale is a number or

        ``distance``: ``c^4 = E[k.k] / E[q.q]``, the least mean squared distance;
        ``correlation``: ``c^8 = Var[k.k] / Var[q.q]``, the best correlation of distance and score,
        where lengths say nothing of scores.

    Args:
        q, k: of one head, as its scores multiply them (rotated, with rope).
        scale: ``correlation``, ``distance``, or c itself.
        centred: whether keys are moved to the queries' mean.

    Raises:
        ToylabError: shapes that do not fit, an unknown choice, or vectors all of one length where
            their variance is needed.

    Example:
        >>> rng = np.random.default_rng(0)
        >>> q, k = 3 * rng.normal(size=(2_000, 16)), 0.3 * rng.normal(size=(2_000, 16))
        >>> abs(joint_embedding(q, k, centred=False).scale - 0.1**0.5) < 0.01
        True
    """
    q, k = np.asarray(q, np.float64), np.asarray(k, np.float64)
    if q.ndim != 2 or k.ndim != 2 or q.shape[1] != k.shape[1] or not (len(q) and len(k)):
        raise ToylabError(
            f"joint_embedding: queries {q.shape} and keys {k.shape}; give (N, K) and (M, K)."
        )
    shift = q.mean(0) - k.mean(0) if centred else np.zeros(q.shape[1])
    c = _scale(q, k + shift, scale) if isinstance(scale, str) else float(scale)
    if not c > 0:
        raise ToylabError(f"joint_embedding: scale = {c}; give a number above 0.")
    return Joint(c * q, (k + shift) / c, c, shift)


def mirrored(
    found: Joint, scores: Float[np.ndarray, "B L M"], visible: Bool[np.ndarray, "L M"]
) -> float:
    """Correlation of nearness in a joint space with scores, less each query's mean of these.

    Args:
        found: queries and keys of B sequences.
        scores: of every query and key, before the softmax.
        visible: which keys a query sees; of others nothing is asked.
    """
    mean_BL1 = (scores * visible).sum(-1, keepdims=True) / visible.sum(-1)[:, None]
    sides = scores - mean_BL1, -found.within(len(scores))
    return float(np.corrcoef([x[:, visible].ravel() for x in sides])[0, 1])


def _scale(q: np.ndarray, k: np.ndarray, choice: str) -> float:
    if choice not in CHOICES:
        raise ToylabError(f"joint_embedding: scale {choice!r}; give a number or {CHOICES}.")
    length_q, length_k = ((x**2).sum(1) for x in (q, k))
    if choice == "distance":
        up, down, root = length_k.mean(), length_q.mean(), 4
    else:
        up, down, root = length_k.var(), length_q.var(), 8
    if up == 0 or down == 0:
        raise ToylabError(
            f"joint_embedding: no {choice} scale, as squared lengths of queries or keys have a "
            f"{'mean' if root == 4 else 'variance'} of 0; give a number."
        )
    return float((up / down) ** (1 / root))
