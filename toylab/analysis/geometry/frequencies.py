"""Frequencies of vectors that belong to the numbers 0 to V - 1: is one wave most of them?

V numbers, D width, F frequencies.
"""

import numpy as np
from jaxtyping import Float

from toylab.errors import ToylabError, check_number


def frequency_shares(rows_VD: Float[np.ndarray, "V D"]) -> Float[np.ndarray, " F"]:
    """Return the share of the rows' variance at each frequency 1, 2, ..., V / 2 of their number.

    With ``x_n = mean + sum_k a_k cos(2 pi k n / V) + b_k sin(2 pi k n / V)``, the share of ``k`` is
    that of the two terms; the shares add up to 1.

    Raises:
        ToylabError: fewer than two rows.

    Example:
        >>> wave = np.cos(2 * np.pi * 3 * np.arange(10) / 10)[:, None]
        >>> frequency_shares(wave).round(3).tolist()
        [0.0, 0.0, 1.0, 0.0, 0.0]
    """
    if rows_VD.ndim != 2 or len(rows_VD) < 2:
        raise ToylabError(f"frequency_shares: shape {rows_VD.shape}; give (V, D) with V >= 2.")
    power_F = (np.abs(np.fft.rfft(rows_VD, axis=0)) ** 2).sum(1)
    # All but the highest of an even number stand for the negative frequency too.
    twice_F = np.full(len(power_F), 2.0)
    twice_F[-1] = 2.0 if len(rows_VD) % 2 else 1.0
    power_F = (twice_F * power_F)[1:]
    return power_F / power_F.sum()


def strongest_frequency(
    rows_VD: Float[np.ndarray, "V D"], seed: int, permutations: int = 200
) -> tuple[float, float]:
    """Return the largest share of a frequency, and the same of a null.

    The null gives the rows other numbers and takes their strongest frequency anew: its mean over
    random permutations. With few numbers it is large; of three it is 1, as is any share.

    Args:
        rows_VD: a row per number; NaN gives NaN.
        seed: of the permutations.
        permutations: how many.
    """
    check_number("strongest_frequency", "permutations", permutations, low=1, whole=True)
    if not np.isfinite(rows_VD).all():
        return float("nan"), float("nan")
    rng = np.random.default_rng(seed)
    mixed = [rows_VD[rng.permutation(len(rows_VD))] for _ in range(permutations)]
    null = np.mean([frequency_shares(rows).max() for rows in mixed])
    return float(frequency_shares(rows_VD).max()), float(null)
