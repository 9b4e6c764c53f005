"""Reading vectors: the main direction of paired differences (representation engineering).

N pairs of activations of width D: the same input but for the concept.

Source: Zou et al. 2023, "Representation Engineering" (2310.01405), linear artificial tomography.
"""

from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
from jax import Array
from jaxtyping import ArrayLike, Float

from toylab.errors import ToylabError


class ReadingVector(NamedTuple):
    """A unit direction (D,) towards the first of each pair, and the centre (D,) of scores."""

    direction: Array
    centre: Array

    def score(self, x: Float[Array, "*lead D"]) -> Float[Array, "*lead"]:
        """``(x - centre) . v``: positive towards the first of each pair."""
        x = jnp.asarray(x)
        return jnp.einsum("...d,d->...", x, self.direction) - jnp.vdot(self.centre, self.direction)


def reading_vector(
    plus: Float[ArrayLike, "N D"], minus: Float[ArrayLike, "N D"], seed: int = 0
) -> ReadingVector:
    """First principal component of differences whose order was shuffled.

    ``d_n = s_n (plus_n - minus_n)`` with random signs s, recentred; v is the first right singular
    vector of d, its sign such that ``plus`` scores higher than ``minus`` on average. Without
    random signs recentring would take the concept itself away.

    Both are NaN where an activation is not finite.

    Args:
        plus: activations with the concept.
        minus: activations of the same inputs without it.
        seed: decides the signs.

    Raises:
        ToylabError: shapes that differ, or fewer than two pairs.

    Source: Zou et al. 2023, section 3.1.

    Example:
        >>> x = np.array([[0.0, 1.0], [0.0, 3.0]])
        >>> reading_vector(x + np.array([2.0, 0.0]), x).direction.round(3).tolist()
        [1.0, 0.0]
    """
    plus, minus = np.asarray(plus, np.float64), np.asarray(minus, np.float64)
    if plus.ndim != 2 or plus.shape != minus.shape or len(plus) < 2:
        raise ToylabError(
            f"reading_vector: pairs {plus.shape} and {minus.shape}; give (N, D) both, N >= 2."
        )
    sign_N = np.random.default_rng(seed).permutation(np.where(np.arange(len(plus)) % 2, 1.0, -1.0))
    gap_ND = sign_N[:, None] * (plus - minus)
    if not np.isfinite(gap_ND).all():  # of a diverged network; LAPACK would raise
        return ReadingVector(*(jnp.full(plus.shape[1], jnp.nan, jnp.float32) for _ in range(2)))
    v = np.linalg.svd(gap_ND - gap_ND.mean(0), full_matrices=False)[2][0]
    v = v if ((plus - minus) @ v).mean() >= 0 else -v
    centre = (plus.mean(0) + minus.mean(0)) / 2
    return ReadingVector(jnp.asarray(v, jnp.float32), jnp.asarray(centre, jnp.float32))
