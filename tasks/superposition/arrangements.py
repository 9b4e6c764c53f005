"""How features are arranged in a hidden space: pairs, polygons in a plane, two triangles.

Everything here is NumPy. Columns of W (..., M, N) are the features' directions, for any number of
networks at once.

Source: Elhage et al. 2022 (arXiv:2209.10652), "The geometry of superposition" and "Superposition
and learning dynamics".
"""

import numpy as np
from jaxtyping import Float, Int

APART = 2 / np.sqrt(3)
"""Distance of the centres of two opposite triangles of the regular octahedron of unit vectors."""

WIDE = 1.0
"""Both singular values of the corners of such a triangle about its centre."""


def cosines(W: Float[np.ndarray, "*P M N"]) -> Float[np.ndarray, "*P N N"]:
    """Cosine between every two features; 0 with a feature that has no direction."""
    unit = W / np.maximum(np.linalg.norm(W, axis=-2, keepdims=True), 1e-9)
    return np.einsum("...mi,...mj->...ij", unit, unit)


def opposed_norm(W: Float[np.ndarray, "*P M N"]) -> Float[np.ndarray, " *P"]:
    """Lesser norm of the two features that share a dimension from opposite sides; 0 if none do.

    That is the greatest over pairs of cosine below -1/2. Sharing with one sign does not count:
    dense features of equal importance do that, as all directions are then alike to principal
    components.
    """
    norm = np.linalg.norm(W, axis=-2).astype(float)
    gram = np.einsum("...mi,...mj->...ij", W, W).astype(float)
    opposite = gram < -0.5 * norm[..., :, None] * norm[..., None, :]
    lesser = np.minimum(norm[..., :, None], norm[..., None, :])
    return np.where(opposite, lesser, 0.0).max((-2, -1))


def worst_antipode(
    W: Float[np.ndarray, "*P M N"], across: bool = False
) -> Float[np.ndarray, " *P"]:
    """Cosine of the feature whose most opposite feature is least opposite; -1 is all in pairs.

    A feature opposite to two others at once (cosines below -0.9) is in no pair and counts as 0:
    sets collapsed to two opposite points hold no pairs.

    Args:
        W: feature directions, in columns.
        across: seek the opposite in the other half of the features only.
    """
    cosine = cosines(W)
    n = W.shape[-1]
    if across:
        other_NN = np.kron(1 - np.eye(2), np.ones((n // 2, n // 2))) > 0
        cosine = np.where(other_NN, cosine, 1.0)
    two = np.sort(cosine, axis=-1)[..., :2]
    return np.where(two[..., 1] < -0.9, 0.0, two[..., 0]).max(-1)


def antipode_in_other_half(W: Float[np.ndarray, "*P M N"]) -> Float[np.ndarray, " *P"]:
    """Share of features whose most opposite feature is in the other half of the features."""
    n = W.shape[-1]
    return np.mean(cosines(W).argmin(-1) // (n // 2) != np.arange(n) // (n // 2), axis=-1)


def circle(
    W: Float[np.ndarray, "*P 2 N"],
) -> tuple[Int[np.ndarray, "*P N"], Float[np.ndarray, "*P N"]]:
    """Order of the features round the circle, and the gap after each in that order, in degrees."""
    angle = np.degrees(np.arctan2(W[..., 1, :], W[..., 0, :]))
    order = np.argsort(angle, axis=-1)
    ascending = np.take_along_axis(angle, order, -1)
    return order, np.diff(ascending, axis=-1, append=ascending[..., :1] + 360)


def gap_error(W: Float[np.ndarray, "*P 2 N"]) -> Float[np.ndarray, " *P"]:
    """Greatest distance of a gap from that of the regular polygon, in degrees."""
    _, gap = circle(W)
    return np.abs(gap - 360 / W.shape[-1]).max(-1)


def triangles(W: Float[np.ndarray, "*P 3 6"]) -> dict[str, Float[np.ndarray, " *P"]]:
    """Two sets of three features as two triangles.

    Returns:
        ``apart``, the distance of the sets' means, along whose axis the sets part; ``wide``, the
        lesser of the second singular values of the sets' corners about their means, both
        seen along that axis: 0 where a set is a point or a line; ``twist``, the angle in degrees
        between the first triangle and the mirror image of the second: 0 for an antiprism, 60 for
        a prism, 30 on average for random triangles.
    """
    mean_A, mean_B = W[..., :3].mean(-1), W[..., 3:].mean(-1)
    apart = np.linalg.norm(mean_A - mean_B, axis=-1)
    axis = (mean_A - mean_B) / np.maximum(apart, 1e-9)[..., None]
    helper = np.eye(3)[np.abs(axis).argmin(-1)]
    first = np.cross(axis, helper)
    first /= np.maximum(np.linalg.norm(first, axis=-1, keepdims=True), 1e-9)
    plane = np.stack([first, np.cross(axis, first)], -2)
    corners = []
    for part in (W[..., :3], W[..., 3:]):
        corners.append(np.einsum("...km,...mi->...ki", plane, part - part.mean(-1, keepdims=True)))
    wide = np.minimum(*(np.linalg.svd(c, compute_uv=False)[..., 1] for c in corners))
    # The third harmonic of a triangle's corners turns three times as fast as the triangle.
    third_A, third_B = (((c[..., 0, :] + 1j * c[..., 1, :]) ** 3).sum(-1) for c in corners)
    twist = np.degrees(np.abs(np.angle(-third_A * np.conj(third_B)))) / 3
    return {"apart": apart, "wide": wide, "twist": twist}


def side_view(W_MN: Float[np.ndarray, "3 6"]) -> Float[np.ndarray, "2 3"]:
    """Two axes to look along at two sets of three features, what parts them upright and tilted."""
    axis = W_MN[:, :3].mean(1) - W_MN[:, 3:].mean(1)
    axis = axis / np.maximum(np.linalg.norm(axis), 1e-9)
    across = W_MN[:, 0] - axis * (axis @ W_MN[:, 0])
    across = across / np.maximum(np.linalg.norm(across), 1e-9)
    depth = np.cross(axis, across)
    turn, tilt = np.radians(20), np.radians(24)
    side = np.cos(turn) * across + np.sin(turn) * depth
    toward = -np.sin(turn) * across + np.cos(turn) * depth
    return np.stack([side, np.cos(tilt) * axis + np.sin(tilt) * toward])
