"""A volume coder: a sentence is a box in the unit cube, as large as it is likely.

Begin with the whole cube. Token t splits the box along axis ``t mod d`` into intervals, one for
each token of the vocabulary in its order, as long as ``p(token | tokens before)``; the sentence's
token takes its own. What remains after the end token is the sentence's box, its code the box's
centre, and its volume is ``p(sentence)``. A point is decoded by following the splits. With d = 1
this is arithmetic coding.

The same lines serve three kinds of numbers: float32 and float64, whose boxes collapse to nothing
after about 24 and 53 bits of an axis, and :class:`fractions.Fraction`, which are exact.

Source: AriEL, Celotti, Brodeur and Rouat 2020 (arXiv:2003.13600); its axes are dealt as in a k-d
tree. Arithmetic coding: Rissanen 1976; Witten, Neal and Cleary 1987.

Shape suffixes: N sentences, L length, d axes, V vocabulary.
"""

from collections.abc import Callable
from fractions import Fraction
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int

from toylab.check.tokens import check_ids
from toylab.errors import ToylabError, check_number

Next = Callable[[Int[np.ndarray, "N t"]], Float[np.ndarray, "N V"]]
"""A model of the next token: from the first t tokens of N sentences to chances (N, V)."""

Reals = np.ndarray  # of float32, float64, or of Fractions with the dtype object


class Boxes(NamedTuple):
    """Half-open boxes ``[low, high)`` in the unit cube, one for each sentence.

    Attributes:
        low: lower corners (N, d).
        high: upper corners (N, d).
    """

    low: Reals
    high: Reals

    @property
    def centres(self) -> Reals:
        """The codes (N, d); in floats a collapsed box has its lower corner."""
        return self.low + (self.high - self.low) / 2

    @property
    def volumes(self) -> Reals:
        """The product of the sides (N,)."""
        return np.prod(self.high - self.low, axis=1)


def boxes(
    following: Next,
    sentences: Int[np.ndarray, "N L"],
    axes: int,
    end: int,
    number: type = np.float64,
) -> Boxes:
    """Return the box of every sentence.

    Args:
        following: the model of the next token.
        sentences: tokens; what stands behind the first ``end`` is not read, and one without an end
            has the box of all sentences that begin as it does.
        axes: number of axes d.
        end: the token that ends a sentence; it has its interval as any other.
        number: ``np.float32``, ``np.float64`` or ``Fraction``, to calculate in.

    Raises:
        ToylabError: no axes, unknown tokens, or a token of chance 0, whose box would be empty.

    Example:
        >>> coin = lambda before: np.full((len(before), 2), 0.5)
        >>> box = boxes(coin, np.array([[1, 1, 0]]), 2, 0)
        >>> box.low.tolist(), box.high.tolist()
        ([[0.5, 0.5]], [[0.75, 1.0]])
    """
    check_number("boxes", "axes", axes, 1, whole=True)
    n, length = sentences.shape
    low, high = (np.full((n, axes), number(side), _dtype(number)) for side in (0, 1))
    live_N = np.ones(n, bool)
    for t in range(length):
        chances_NV = chances(following, sentences[:, :t])
        check_ids("boxes", "sentences", sentences, chances_NV.shape[1])
        rows, axis = np.flatnonzero(live_N), t % axes
        token = sentences[rows, t]
        _refuse_empty(chances_NV[rows, token], rows, t)
        cuts_NC = cuts(chances_NV[rows], number)
        _narrow(low, high, (rows, axis), cuts_NC, token)
        live_N[rows] = token != end
    return Boxes(low, high)


def decode(following: Next, points: Reals, length: int, end: int) -> Int[np.ndarray, "N {length}"]:
    """Return the sentence in whose box each point lies, filled up with ``end``.

    Args:
        following: the model of the next token.
        points: (N, d) of float32, float64 or Fractions, from 0 to 1 without 1; they are followed in
            numbers of their own kind.
        length: tokens after which a sentence is left without an end.
        end: the token that ends a sentence.

    Raises:
        ToylabError: a point outside of the half-open cube, or chances that are none.

    Example:
        >>> coin = lambda before: np.full((len(before), 2), 0.5)
        >>> decode(coin, np.array([[0.6, 0.9]]), 4, 0).tolist()
        [[1, 1, 0, 0]]
    """
    _check_points(points, length)
    number = Fraction if points.dtype == object else points.dtype.type
    n, axes = points.shape
    tokens_NL = np.full((n, length), end)
    low, high = (np.full((n, axes), number(side), points.dtype) for side in (0, 1))
    live_N = np.ones(n, bool)
    for t in range(length):
        rows, axis = np.flatnonzero(live_N), t % axes
        cuts_NC = cuts(chances(following, tokens_NL[:, :t])[rows], number)
        lo, hi = low[rows, axis], high[rows, axis]
        edges_NC = place(lo[:, None], hi[:, None], cuts_NC[:, 1:-1])
        token = (edges_NC <= points[rows, axis][:, None]).astype(bool).sum(1)
        _narrow(low, high, (rows, axis), cuts_NC, token)
        tokens_NL[rows, t] = token
        live_N[rows] = token != end
    return tokens_NL


def returns(
    following: Next,
    sentences: Int[np.ndarray, "N L"],
    axes: int,
    end: int,
    number: type = np.float64,
) -> Bool[np.ndarray, " N"]:
    """Whether each sentence comes back from the centre of its box; see :func:`boxes`.

    In Fractions all do. In floats a box of more bits along an axis than a float holds does not.
    """
    codes = boxes(following, sentences, axes, end, number).centres
    inside_N = np.all((codes >= 0) & (codes < 1), axis=1)
    found_NL = decode(
        following, np.where(inside_N[:, None], codes, number(0)), sentences.shape[1], end
    )
    return inside_N & (found_NL == ended(sentences, end)).all(1)


def ended(sentences: Int[np.ndarray, "N L"], end: int) -> Int[np.ndarray, "N L"]:
    """Return sentences with nothing but ``end`` behind their first one.

    Example:
        >>> ended(np.array([[2, 0, 1], [2, 1, 1]]), 0).tolist()
        [[2, 0, 0], [2, 1, 1]]
    """
    behind = np.cumsum(sentences == end, 1) > 0
    return np.where(behind, end, sentences)


def place(low: Reals, high: Reals, cut: Reals) -> Reals:
    """Return ``low + (high - low) cut``, never above ``high``, and ``high`` itself where cut is 1.

    Both directions use it, so that they round alike.
    """
    return np.where(cut == 1, high, np.minimum(low + (high - low) * cut, high))


def chances(following: Next, before: Int[np.ndarray, "N t"]) -> Float[np.ndarray, "N V"]:
    """Return a model's chances of the next token in float64, if they are any.

    Raises:
        ToylabError: chances that are not finite, negative, or all 0.
    """
    chances_NV = np.asarray(following(before), np.float64)
    if not (np.isfinite(chances_NV).all() and (chances_NV >= 0).all()):
        raise ToylabError(
            "volumes: the model's chances of the next token hold NaN, infinity or a negative "
            "number; leave out networks that have diverged."
        )
    if not chances_NV.any(1).all():
        raise ToylabError("volumes: the model gives no token a chance; a row of chances is all 0.")
    return chances_NV


def cuts(chances_NV: Float[np.ndarray, "N V"], number: type) -> Reals:
    """Return where boxes are cut for the next token (N, V + 1): from 0, in sums, to 1."""
    own: Any = np.vectorize(Fraction, otypes=[object]) if number is Fraction else number
    sums_NV = np.cumsum(own(chances_NV), 1)
    first: Any = np.full((len(sums_NV), 1), number(0), _dtype(number))
    return np.concatenate([first, sums_NV / sums_NV[:, -1:]], 1)


def _narrow(low: Reals, high: Reals, where: Any, cuts_NC: Reals, token_N: np.ndarray) -> None:
    """Leave of the boxes, along an axis, the interval of a token."""
    left, right = (cuts_NC[np.arange(len(token_N)), token_N + side] for side in (0, 1))
    lo, hi = low[where], high[where]
    low[where], high[where] = place(lo, hi, left), place(lo, hi, right)


def _check_points(points: Reals, length: int) -> None:
    check_number("decode", "length", length, 1, whole=True)
    if points.ndim != 2 or not points.shape[1]:
        raise ToylabError(f"decode: points of shape {points.shape}; give (N, d) with d >= 1.")
    outside_N = ~((points >= 0) & (points < 1)).astype(bool).all(1)
    if outside_N.any():
        row = int(np.flatnonzero(outside_N)[0])
        raise ToylabError(
            f"decode: point {row} = {points[row].tolist()} is outside of the cube, whose sides are "
            "[0, 1), without 1 itself."
        )


def _refuse_empty(chance_N: np.ndarray, rows_N: np.ndarray, t: int) -> None:
    if not chance_N.all():
        raise ToylabError(
            f"boxes: token {t} of sentence {rows_N[chance_N == 0][0]} has chance 0 there, so that "
            "its box is empty; leave the sentence out, or smooth the model."
        )


def _dtype(number: type) -> Any:
    if number not in (Fraction, np.float32, np.float64):
        raise ToylabError(f"volumes: number = {number!r}; give Fraction, np.float64 or np.float32.")
    return object if number is Fraction else number
