"""The interpretability illusion: top inputs of two data sets that tell two stories of one unit.

In the inputs that a direction likes best, a reader sees a concept; in another data set, another
one. Whether one is there at all has to be asked against random directions: where a concept is
common, the top inputs of any direction show it.

Source: Bolukbasi et al. 2021 (2104.07143). NumPy on the host.

Shape suffixes: N inputs, C concepts, U units or directions, K top inputs.
"""

from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int
from numpy.typing import ArrayLike

from toylab.errors import ToylabError, check_number


class Story(NamedTuple):
    """What the top inputs of each unit show.

    Attributes:
        concept: the concept of largest lift (U,).
        purity: share of the top inputs that have it (U,).
        lift: that share less the share in all inputs (U,); NaN for a unit that is not finite.
    """

    concept: Int[np.ndarray, " U"]
    purity: Float[np.ndarray, " U"]
    lift: Float[np.ndarray, " U"]


def top_inputs(values: Float[ArrayLike, "N U"], count: int = 10) -> Int[np.ndarray, "K U"]:
    """Numbers of the inputs with the largest values, for each unit; ties go to the earlier.

    Example:
        >>> top_inputs([[0.0], [2.0], [1.0]], 2)[:, 0].tolist()
        [1, 2]
    """
    values = np.asarray(values)
    if values.ndim != 2:
        raise ToylabError(f"top_inputs: values of shape {values.shape}; give (N, U).")
    check_number("top_inputs", "count", count, low=1, high=len(values), whole=True)
    return np.argsort(-values, axis=0, kind="stable")[:count]


def story(
    values: Float[ArrayLike, "N U"], concepts: Bool[ArrayLike, "N C"], count: int = 10
) -> Story:
    """Name for each unit the concept that its top inputs have more often than all inputs.

    ``lift = max_c (share of the K top inputs with c - share of all with c)``.

    Args:
        values: of each unit on each input of one data set.
        concepts: which concepts each input has.
        count: K, at most N; 10 in the source.

    Raises:
        ToylabError: shapes that do not fit, or K out of range.

    Source: after Bolukbasi et al. 2021, section 3, where people name the concepts.

    Example:
        >>> found = story([[3.0], [2.0], [1.0], [0.0]], [[1, 1], [1, 0], [0, 1], [0, 1]], 2)
        >>> found.concept.item(), found.purity.item(), found.lift.item()
        (0, 1.0, 0.5)
    """
    values, has = np.asarray(values, np.float64), np.asarray(concepts, bool)
    if has.ndim != 2 or values.shape[:1] != has.shape[:1]:
        raise ToylabError(
            f"story: values {values.shape}, concepts {has.shape}; give (N, U), (N, C)."
        )
    share_UC = has[top_inputs(values, count)].mean(0)
    lift_UC = share_UC - has.mean(0)
    best_U = lift_UC.argmax(1)
    rows, sound_U = np.arange(len(best_U)), np.isfinite(values).all(0)
    purity_U, lift_U = (np.where(sound_U, of[rows, best_U], np.nan) for of in (share_UC, lift_UC))
    return Story(best_U, purity_U, lift_U)


def random_directions(
    activations: Float[ArrayLike, "N D"], draws: int = 200, seed: int = 0
) -> Float[np.ndarray, "N R"]:
    """Values of the same inputs along random directions: the null of :func:`story`.

    Example:
        >>> random_directions(np.eye(5), draws=7).shape
        (5, 7)
    """
    x_ND = np.asarray(activations, np.float64)
    check_number("random_directions", "draws", draws, low=1, whole=True)
    drawn_DR = np.random.default_rng(seed).normal(size=(x_ND.shape[1], draws))
    return x_ND @ (drawn_DR / np.linalg.norm(drawn_DR, axis=0))
