"""The phase diagram of superposition: N features in N - 1 dimensions, one of them special.

The candidate losses are those of the paper; what they leave out is in
``toylab.tasks.superposition.superposition_exact``. Losses are sums over features.

Source: Elhage et al. 2022 (arXiv:2209.10652), "Superposition as a Phase Change".
"""

import numpy as np

from toylab.errors import ToylabError

from .superposition_theory import Values

PHASES = ("not represented", "superposition", "dedicated dimension")
"""What becomes of the extra feature; :func:`phase_argmin` gives indices into this."""

TRIPLE_POINT = (1.0, 4 / 7)
"""Relative importance and density at which the three phases of N = 2 meet."""


def phase_losses(density: Values, ratio: Values, n_features: int = 2) -> dict[str, np.ndarray]:
    """Losses of the candidate solutions with N features in N - 1 dimensions.

    With density s, importance 1 of the others and r of the last feature:

        ignore first     s/3 - s^2/4        the ignored feature has bias s/2
        ignore last      r (s/3 - s^2/4)
        superpose first  s^2/3              the two first features antipodal; N = 3 only
        superpose last   (1 + r) s^2/6      the last feature antipodal to another

    The embedded features have norm 1 and bias 0, which is not the minimum: for N = 2 the
    exact one is up to 15% lower (17% near r = 1) at the boundary.

    Args:
        density: probability that a feature is active, in (0, 1].
        ratio: importance of the last feature over that of the others.
        n_features: 2 or 3.

    Returns:
        Losses by name, in the broadcast shape of density and ratio.
    """
    if n_features not in (2, 3):
        raise ToylabError(f"phase_losses: n_features = {n_features!r}; only 2 and 3 are solved.")
    s, r = np.broadcast_arrays(np.asarray(density, float), np.asarray(ratio, float))
    losses = {"ignore first": s / 3 - s**2 / 4, "ignore last": r * (s / 3 - s**2 / 4)}
    if n_features == 3:
        losses["superpose first"] = s**2 / 3
    return losses | {"superpose last": (1 + r) * s**2 / 6}


def phase_argmin(density: Values, ratio: Values, n_features: int = 2) -> np.ndarray:
    """Phase of the extra feature, as indices into :data:`PHASES`, by the least candidate."""
    phase = {"ignore first": 2, "ignore last": 0, "superpose first": 2, "superpose last": 1}
    losses = phase_losses(density, ratio, n_features)
    best = np.argmin(np.stack(list(losses.values())), axis=0)
    return np.asarray([phase[name] for name in losses])[best]


def superposition_boundary(ratio: Values, n_features: int = 2) -> np.ndarray:
    """Density below which superposing some pair is the least candidate.

    For r <= 1 the last feature joins the pair, below s = 4 r / (2 + 5 r). For r > 1 and
    N = 2 so it does below s = 4 / (5 + 2 r), beside a feature 1 that is ignored above it; for
    N = 3 the first two pair up below s = 4/7 and the last keeps a dimension on both sides.
    Above the boundary the line r = 1 parts "not represented" from "dedicated dimension".

    Args:
        ratio: relative importance r of the last feature.
        n_features: 2 or 3.

    Returns:
        Densities, in the shape of ``ratio``.
    """
    r = np.asarray(ratio, float)
    above = 4 / (5 + 2 * r) if n_features == 2 else np.full_like(r, 4 / 7)
    return np.where(r <= 1, 4 * r / (2 + 5 * r), above)


def classify(W_MN: Values, norm: float = 0.5, overlap: float = 0.25) -> Values:
    """Phase of the last feature of a trained model, as an index into :data:`PHASES`.

    Args:
        W_MN: feature directions, in columns; a NumPy or a JAX array.
        norm: least norm of a feature that counts as represented.
        overlap: least sum_{j != i} (Wh_i . W_j)^2 that counts as superposition.

    Returns:
        0, 1 or 2.
    """
    xp = W_MN.__array_namespace__()
    last_M = W_MN[:, -1]
    size = (last_M**2).sum() ** 0.5
    overlap_N = (last_M @ W_MN[:, :-1]) ** 2
    crowded = overlap_N.sum() >= overlap * size**2
    return xp.where(size < norm, 0, xp.where(crowded, 1, 2))


def edges(phase_SR: np.ndarray) -> np.ndarray:
    """Cells of a diagram of which one of the eight neighbours has another phase.

    Args:
        phase_SR: phases over two axes.
    """
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
