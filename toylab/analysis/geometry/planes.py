"""Which principal components of a set of vectors carry a given plane."""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from toylab.analysis.geometry.measures import principal_components


class InPlane(NamedTuple):
    """How vectors lie in a plane V (N, 2) of the space of their N indices.

    Attributes:
        share: part of the vectors' variance in the plane.
        first, second: overlaps ``|U^T V|_F^2 / 2`` of the plane with components 1 and 2, and with
            components 3 and 4.
    """

    share: np.ndarray
    first: np.ndarray
    second: np.ndarray


def in_plane(
    vectors: Float[np.ndarray, "*lead N D"], plane_N2: Float[np.ndarray, "N 2"]
) -> InPlane:
    """Measure vectors against a plane, such as a graph's spectral embedding.

    Random vectors of N indices have 2 / (N - 1) of each, in the mean.

    Args:
        vectors: one per index; they are centred first.
        plane_N2: orthonormal columns with mean 0.
    """
    scores, _ = principal_components(vectors, min(4, vectors.shape[-1]))
    unit = scores / np.maximum(np.linalg.norm(scores, axis=-2, keepdims=True), 1e-12)
    centred = vectors - vectors.mean(-2, keepdims=True)
    total = np.maximum((centred**2).sum((-1, -2)), 1e-30)
    along = (np.swapaxes(unit, -1, -2) @ plane_N2) ** 2
    return InPlane(
        ((plane_N2.T @ centred) ** 2).sum((-1, -2)) / total,
        along[..., :2, :].sum((-1, -2)) / 2,
        along[..., 2:4, :].sum((-1, -2)) / 2,
    )
