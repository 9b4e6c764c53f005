"""Holographic binding: circular convolution with a role vector, and its inverses.

    (r * f)_n = sum_m r_(n-m) f_m        (indices modulo D)

Convolution with r is multiplication by the circulant matrix C_r, and commutes. Where every entry of
the role's Fourier transform has modulus 1, C_r is orthogonal: holographic binding *is* then binding
by matrices, and correlation undoes it exactly. With a Gaussian role correlation undoes it in part:
the cosine with the filler tends to 1/sqrt(2). Filler convolved with filler is the same in either
order, so that order is lost.

Source: Plate 1995 (Holographic reduced representations); its place among other bindings: Wattenberg
& Viegas 2024 (arXiv:2407.14662).
"""

import numpy as np
import scipy.linalg
from jaxtyping import Float

from toylab.errors import ToylabError, check_number

Vectors = Float[np.ndarray, "*n D"]


def bind(role: Vectors, filler: Vectors) -> Vectors:
    """Circular convolution along the last axis.

    Example:
        >>> bind(np.array([0.0, 1.0, 0.0]), np.array([1.0, 2.0, 3.0])).round(6).tolist()
        [3.0, 1.0, 2.0]
    """
    role, filler = _checked("bind", role, filler)
    spectrum = np.fft.rfft(role) * np.fft.rfft(filler)
    return np.fft.irfft(spectrum, role.shape[-1])


def unbind(role: Vectors, bound: Vectors) -> Vectors:
    """Circular correlation along the last axis: multiplication by ``C_r^T``.

    Exactly the filler where the role is unitary, and a noisy one where it is not.
    """
    role, bound = _checked("unbind", role, bound)
    spectrum = np.conj(np.fft.rfft(role)) * np.fft.rfft(bound)
    return np.fft.irfft(spectrum, role.shape[-1])


def circulant(role: Float[np.ndarray, " D"]) -> Float[np.ndarray, "D D"]:
    """The matrix C_r with ``C_r f = bind(r, f)``."""
    return scipy.linalg.circulant(role)


def unitary_role(rng: np.random.Generator, width: int) -> Float[np.ndarray, " D"]:
    """Draw a role whose Fourier transform has modulus 1 everywhere, and which is real.

    Frequencies 0 and, where the width is even, width / 2 have no phase but a sign; the others a
    phase each, shared with their conjugate.

    Args:
        rng: random numbers.
        width: D.

    Example:
        >>> role = unitary_role(np.random.default_rng(0), 7)
        >>> np.allclose(np.abs(np.fft.fft(role)), 1)
        True
    """
    check_number("unitary_role", "width", width, 1, whole=True)
    spectrum = np.exp(2j * np.pi * rng.random(width // 2 + 1))
    real = [0, width // 2] if width % 2 == 0 else [0]
    spectrum[real] = rng.choice([-1.0, 1.0], len(real))
    return np.fft.irfft(spectrum, width)


def gaussian_role(rng: np.random.Generator, width: int) -> Float[np.ndarray, " D"]:
    """Draw a role of entries N(0, 1 / D)."""
    check_number("gaussian_role", "width", width, 1, whole=True)
    return rng.normal(size=width) / np.sqrt(width)


def _checked(owner: str, role: Vectors, other: Vectors) -> tuple[Vectors, Vectors]:
    role, other = np.asarray(role, np.float64), np.asarray(other, np.float64)
    if not role.ndim or not other.ndim or role.shape[-1] != other.shape[-1]:
        raise ToylabError(f"{owner}: {role.shape} and {other.shape}; give vectors of one width.")
    return role, other
