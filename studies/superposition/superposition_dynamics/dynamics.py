"""What curves and trajectories show: jumps, rates of fall, stages of an octahedron.

Shapes: P members, S records, M hidden dimensions, N features; K features of one set.
"""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float

Curve = Float[np.ndarray, "P S"]

# The regular octahedron of unit vectors, seen as two opposite triangles.
APART = 2 / np.sqrt(3)  # distance of the triangles' centres
WIDE = 1.0  # both singular values of the corners of a triangle about its centre


def fall_rate(loss_PS: Curve, steps_S: Float[np.ndarray, " S"], half: int) -> Curve:
    """Rate at which the loss falls, ``-d log(loss) / d step``, over ``2 half`` records.

    Near the ends the window is cut.
    """
    low, high = _window(len(steps_S), half)
    span_S = (steps_S[high] - steps_S[low]).astype(np.float64)
    log_PS = np.log(loss_PS.astype(np.float64))
    return (log_PS[:, low] - log_PS[:, high]) / span_S


def stir(D_PSN: Float[np.ndarray, "P S N"], half: int) -> Curve:
    """How far all dimensionalities move in a window, ``sum_i |D_i(k + half) - D_i(k - half)|``."""
    low, high = _window(D_PSN.shape[1], half)
    return np.abs(D_PSN[:, high] - D_PSN[:, low]).sum(-1)


def _window(length: int, half: int) -> tuple[np.ndarray, np.ndarray]:
    place_S = np.arange(length)
    return np.maximum(place_S - half, 0), np.minimum(place_S + half, length - 1)


def jumps(
    D_SN: Float[np.ndarray, "S N"], half: int, least: float, start: int = 0
) -> list[tuple[int, int]]:
    """Jumps of features between levels: moves of at least ``least`` within ``2 half`` records.

    Of overlapping moves of a feature, the greatest counts.

    Args:
        D_SN: dimensionalities of one member.
        half: half the window, in records.
        least: least change of D_i over the window.
        start: first record at which the middle of a jump may lie.

    Returns:
        (record, feature) of the middle of every jump, by record.
    """
    found = []
    first = max(start, half)
    for feature, D_S in enumerate(D_SN.T):
        change_S = np.zeros(len(D_S))
        middle = np.arange(first, len(D_S) - half)
        change_S[middle] = np.abs(D_S[middle + half] - D_S[middle - half])
        while len(D_S) and change_S.max() >= least:
            k = int(change_S.argmax())
            found.append((k, feature))
            change_S[max(k - 2 * half, 0) : k + 2 * half + 1] = 0
    return sorted(found)


def peak(rate_S: Float[np.ndarray, " S"], places: np.ndarray, shift: int) -> float:
    """Mean rate at some records, over that ``shift`` records before and after them.

    A trend cancels; above 1 the curve falls faster there than around. NaN without records.
    """
    around = np.clip(np.concatenate([places - shift, places + shift]), 0, len(rate_S) - 1)
    if not len(places) or rate_S[around].mean() <= 0:
        return np.nan
    return float(rate_S[places].mean() / rate_S[around].mean())


def peaks(
    rate_PS: Curve, places_P: Sequence[np.ndarray], shift: int
) -> tuple[Float[np.ndarray, " P"], Float[np.ndarray, " P"]]:
    """Peak of each member's rate at its own records, and at those of all other members.

    Args:
        rate_PS: a curve per member.
        places_P: records at which something happens, per member.
        shift: see :func:`peak`.
    """
    own_P, others_P = np.full((2, len(rate_PS)), np.nan)
    for p, rate_S in enumerate(rate_PS):
        others = [t for q, t in enumerate(places_P) if q != p]
        own_P[p] = peak(rate_S, places_P[p], shift)
        others_P[p] = peak(rate_S, np.concatenate([*others, np.zeros(0, int)]), shift)
    return own_P, others_P


def own_over_others(rate_PS: Curve, place_P: np.ndarray) -> Float[np.ndarray, " P"]:
    """Rate of each member at its own record, over its mean rate at those of all other members."""
    table_PP = rate_PS[:, place_P]  # [rate of p, record of q]
    own_P = np.diagonal(table_PP)
    others_P = (table_PP.sum(1) - own_P) / max(len(own_P) - 1, 1)
    return np.where(others_P > 0, own_P / np.where(others_P > 0, others_P, 1), np.nan)


def own_less_others(x_PS: Curve, y_PS: Curve) -> Float[np.ndarray, " P"]:
    """Correlation of x and y of one member, less the mean of that with the x of the others."""
    with np.errstate(invalid="ignore", divide="ignore"):
        table_PP = np.corrcoef(x_PS, y_PS)[len(x_PS) :, : len(x_PS)]  # [y of p, x of q]
    own_P = np.diagonal(table_PP)
    others_P = (table_PP.sum(1) - own_P) / max(len(x_PS) - 1, 1)
    return own_P - others_P if len(x_PS) > 1 else np.full(len(x_PS), np.nan)


def settled(values_PSX: np.ndarray, tolerance: float) -> np.ndarray:
    """First record from which all values stay within a tolerance of their end, (P,).

    The end is the mean over the last fifth of the records.
    """
    values = values_PSX.reshape(*values_PSX.shape[:2], int(np.prod(values_PSX.shape[2:])))
    end = values[:, -max(1, values.shape[1] // 5) :].mean(1, keepdims=True)
    off_PS = (np.abs(values - end) > tolerance).any(-1)
    back_P = np.argmax(off_PS[:, ::-1], axis=1)
    return np.where(off_PS.any(1), values.shape[1] - back_P, 0)


def cosines(W: Float[np.ndarray, "*A M N"]) -> Float[np.ndarray, "*A N N"]:
    """Cosine between every two features."""
    unit = W / np.maximum(np.linalg.norm(W, axis=-2, keepdims=True), 1e-9)
    return np.einsum("...mi,...mj->...ij", unit, unit)


def in_other_set(W: Float[np.ndarray, "*A M N"]) -> Float[np.ndarray, " *A"]:
    """Share of features whose most opposite feature is in the other half of the features."""
    n = W.shape[-1]
    return np.mean(cosines(W).argmin(-1) // (n // 2) != np.arange(n) // (n // 2), axis=-1)


def worst_antipode(
    W: Float[np.ndarray, "*A M N"], across: bool = False
) -> Float[np.ndarray, " *A"]:
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


def triangles(W: Float[np.ndarray, "*A 3 6"]) -> dict[str, Float[np.ndarray, " *A"]]:
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


def plateau(rate_PS: Curve, first_P: np.ndarray, last_P: np.ndarray) -> Float[np.ndarray, " P"]:
    """Least rate between two records, over the lesser rate at the two; NaN if out of order."""
    depth_P = np.full(len(rate_PS), np.nan)
    for p, (rate_S, a, b) in enumerate(zip(rate_PS, first_P, last_P, strict=True)):
        if a < b and min(rate_S[a], rate_S[b]) > 0:
            depth_P[p] = rate_S[a : b + 1].min() / min(rate_S[a], rate_S[b])
    return depth_P
