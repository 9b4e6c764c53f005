"""Do two forms of the same things have one representation, or one each?

Shape suffixes: N things, D dimensions.
"""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float
from numpy.typing import ArrayLike

from toylab.errors import ToylabError


class Unification(NamedTuple):
    """How unified two sets of representations are.

    Attributes:
        score: ``same - other``; 1 at most, about 0 where a thing's two forms are as unlike as two
            things are.
        same: mean cosine of a thing in one form with itself in the other.
        other: mean cosine of a thing with another one in the same form.
    """

    score: float
    same: float
    other: float


def unification(x: Float[ArrayLike, "N D"], y: Float[ArrayLike, "N D"]) -> Unification:
    """Return how much closer a thing is to its other form than to other things in its own form.

    ``mean_n cos(x_n, y_n) - mean_{n != m} (cos(x_n, x_m) + cos(y_n, y_m)) / 2``

    Hazard: an offset that all share makes every cosine high; centre both sides by one mean first,
    or each by its own where their difference does not matter.

    Args:
        x: representations of N things in one form.
        y: of the same things in the other.

    Returns:
        NaN where a representation is 0 or not finite.

    Raises:
        ToylabError: shapes that differ, or fewer than two things.

    Source:
        The unification score of Blum et al. 2025 (arXiv:2508.11017), in words there.

    Example:
        >>> x = np.eye(3)
        >>> unification(x, x), round(unification(x, x[[1, 2, 0]]).score, 6)
        (Unification(score=1.0, same=1.0, other=0.0), 0.0)
    """
    x_ND, y_ND = _unit("unification", x, y)
    n = len(x_ND)
    same = float(np.sum(x_ND * y_ND) / n)
    # The sum over all pairs is the square of the sum, and a thing with itself has 1.
    pairs = [np.sum(side.sum(0) ** 2) - n for side in (x_ND, y_ND)]
    other = float(sum(pairs) / (2 * n * (n - 1)))
    return Unification(same - other, same, other)


def retrieval(x: Float[ArrayLike, "N D"], y: Float[ArrayLike, "N D"]) -> float:
    """Return how often the nearest thing in the other form, by cosine, is the thing itself.

    Both ways; ``1 / N`` by chance. Arguments and errors are those of :func:`unification`.

    Example:
        >>> retrieval(np.eye(4), np.eye(4)[[0, 1, 3, 2]])
        0.5
    """
    x_ND, y_ND = _unit("retrieval", x, y)
    cosine_NN = x_ND @ y_ND.T
    if not np.isfinite(cosine_NN).all():
        return float("nan")
    own_N = np.arange(len(x_ND))
    return float(np.mean([cosine_NN.argmax(axis) == own_N for axis in (0, 1)]))


def form_share(x: Float[ArrayLike, "N D"], y: Float[ArrayLike, "N D"]) -> float:
    """Return the share of all variance that lies between the means of the two forms.

    ``|mean x - mean y|^2 / 4`` over the variance of both together; NaN where that is 0. Arguments
    and errors are those of :func:`unification`.

    Example:
        >>> form_share([[0.0, 1], [0, -1]], [[1.0, 1], [1, -1]])
        0.2
    """
    x_ND, y_ND = _checked("form_share", x, y)
    both = np.concatenate([x_ND, y_ND])
    total = np.sum((both - both.mean(0)) ** 2) / len(both)
    between = np.sum((x_ND.mean(0) - y_ND.mean(0)) ** 2) / 4
    return float(between / total) if total > 0 else float("nan")


def _unit(owner: str, x: ArrayLike, y: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
    """Both sides with rows of length 1; NaN for a row of 0."""
    sides = _checked(owner, x, y)
    lengths = (np.linalg.norm(side, axis=1, keepdims=True) for side in sides)
    first, second = (
        side / np.where(length > 0, length, np.nan)
        for side, length in zip(sides, lengths, strict=True)
    )
    return first, second


def _checked(owner: str, x: ArrayLike, y: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
    x_ND, y_ND = np.asarray(x, np.float64), np.asarray(y, np.float64)
    if x_ND.ndim != 2 or x_ND.shape != y_ND.shape or len(x_ND) < 2:
        raise ToylabError(
            f"{owner}: {x_ND.shape} and {y_ND.shape}; give (N, D) twice, of two things or more."
        )
    return x_ND, y_ND
