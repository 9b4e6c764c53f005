"""Checks of curves over training, one or many."""

import numpy as np
from jaxtyping import Float
from numpy.typing import ArrayLike

from toylab.errors import ToylabError


def checked_curves(owner: str, values: ArrayLike, least: int) -> Float[np.ndarray, "*lead S"]:
    """Return curves in float64; refuse those that are not finite, or too short."""
    y = np.asarray(values, np.float64)
    if y.ndim < 1 or y.shape[-1] < least or not y.size:
        raise ToylabError(
            f"{owner}: values have shape {y.shape}; give (S,) or (..., S), S >= {least}."
        )
    if not np.isfinite(y).all():
        raise ToylabError(
            f"{owner}: the value{where(~np.isfinite(y))} is not finite; a diverged or unfinished "
            "curve has no change points, leave it out."
        )
    return y


def check_phi(owner: str, phi: ArrayLike, lead: tuple[int, ...]) -> Float[np.ndarray, "*lead"]:
    """Return the autocorrelation of every curve; refuse one outside of (-1, 1)."""
    given = np.asarray(phi, np.float64)
    for value in given.ravel():
        if not -1 < value < 1:
            raise ToylabError(
                f"{owner}: autocorrelation = {value:g} is out of range; give one between -1 and 1."
            )
    if given.ndim and given.shape != lead:
        raise ToylabError(
            f"{owner}: autocorrelation of shape {given.shape} for curves {lead}; give one number, "
            "or one per curve."
        )
    return np.broadcast_to(given, lead)


def about_two_means(y: np.ndarray, place: np.ndarray) -> Float[np.ndarray, "*lead S"]:
    """Return curves (..., S) less their means before and from a place (...) on."""
    size, place = y.shape[-1], np.asarray(place)[..., None]
    before = np.arange(size) < place
    first = (y * before).sum(-1, keepdims=True) / place
    second = (y * ~before).sum(-1, keepdims=True) / (size - place)
    return y - np.where(before, first, second)


def where(bad: np.ndarray) -> str:
    """Return " at 3" or " at (2, 3)": the first place where something is wrong; "" of a number."""
    if not bad.ndim:
        return ""
    first = tuple(np.argwhere(bad)[0].tolist())
    return f" at {first[0] if len(first) == 1 else first}"
