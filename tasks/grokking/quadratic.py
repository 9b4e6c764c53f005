"""Weights that solve modular arithmetic in a quadratic network, written down without training.

The network of Gromov 2023 (arXiv:2301.02679) is ``z_q = sum_k W_kq (U_kx + V_ky)^2``. With

    U_kx = cos(2 pi s_k f(x) / m + phi1_k),    V_ky = cos(2 pi s_k g(y) / m + phi2_k),
    W_kq = cos(2 pi s_k r(q) / m + phi3_k),    phi1_k + phi2_k = phi3_k,

the product of two cosines in the square and the third give ``cos(2 pi s_k (f(x) + g(y) - r(q)) /
m) / 2``, whose phases cancel, so that all neurons agree where ``r(q) = f(x) + g(y) mod m``. Every
other term keeps a random phase and averages out as the width N grows. Gromov gives f = g = r =
identity, and n -> f(n) in the input layer for f(n) + g(m). What is derived here rather than taken
from there: products as sums of discrete logarithms, both roots of a square, the expected accuracy.
"""

import functools
from typing import Literal, NamedTuple

import jax.numpy as jnp
import numpy as np
from jax import Array
from jaxtyping import Float, Int
from scipy import special

from toylab.errors import ToylabError, nearest

from .theory.primes import is_prime

SEPARABLE = ("x+y", "x-y", "x^2+y^2", "(x+y)^2", "x*y")


class AdditiveForm(NamedTuple):
    """An operation as ``answer[(f(x) + g(y)) mod m]``.

    Attributes:
        modulus: m.
        f: f(x) of every x, (p,); -1 where there is none, as for the logarithm of 0.
        g: g(y) of every y, (p,).
        answer: the operation's answer for every sum, (m,).
    """

    modulus: int
    f: Int[np.ndarray, " p"]
    g: Int[np.ndarray, " p"]
    answer: Int[np.ndarray, " m"]


class Weights(NamedTuple):
    """A quadratic network: U (p, N) reads x, V (p, N) reads y, W (N, p) gives the outputs."""

    U: Float[np.ndarray, "p N"]
    V: Float[np.ndarray, "p N"]
    W: Float[np.ndarray, "N p"]


def has_form(p: int, operation: str) -> bool:
    """Whether an operation modulo p is a function of some f(x) + g(y), as far as is known here."""
    return operation in SEPARABLE and (operation != "x*y" or is_prime(p))


@functools.lru_cache(maxsize=64)
def additive_form(p: int, operation: str) -> AdditiveForm:
    """Write an operation as a function of f(x) + g(y).

    Args:
        p: the modulus; a prime for ``x*y``, whose f and g are discrete logarithms, m = p - 1.
        operation: one of :data:`SEPARABLE`.

    Raises:
        ToylabError: no such form is known.
    """
    if not has_form(p, operation):
        hint = "p must be a prime." if operation == "x*y" else nearest(operation, SEPARABLE)
        raise ToylabError(f"additive_form: {operation!r} modulo {p} has none; {hint}")
    n = np.arange(p)
    if operation == "x*y":
        powers = _powers(p)
        log = np.full(p, -1)
        log[powers] = np.arange(p - 1)
        return AdditiveForm(p - 1, log, log, powers)
    if operation == "x^2+y^2":
        return AdditiveForm(p, n**2 % p, n**2 % p, n)
    answer = n**2 % p if operation == "(x+y)^2" else n
    return AdditiveForm(p, n, -n % p if operation == "x-y" else n, answer)


def _powers(p: int) -> np.ndarray:
    """Powers 0 to p - 2 of the least primitive root of a prime."""
    for root in range(1, p):
        powers = np.array([pow(root, e, p) for e in range(p - 1)])
        if len(np.unique(powers)) == p - 1:
            return powers
    raise ToylabError(f"{p} has no primitive root; give a prime.")


def analytic_weights(
    form: AdditiveForm,
    width: int,
    seed: int,
    phases: Literal["tied", "free"] = "tied",
    roots: Literal["one", "all"] = "one",
) -> Weights:
    """Write the solution down, with frequencies in a random order and random phases.

    Neurons go through the frequencies 1 to (m - 1) / 2 in turn, so the first N of them are
    themselves a solution of width N.

    Args:
        form: the operation.
        width: N.
        seed: of order and phases.
        phases: "tied" keeps phi3 = phi1 + phi2; "free" draws phi3 too, as a control.
        roots: where several sums have one answer, whether the output neuron listens to the least
            of them or to all.
    """
    rng = np.random.default_rng(seed)
    m, p = form.modulus, len(form.f)
    cycle = rng.permutation(np.arange(1, (m - 1) // 2 + 1))
    if not len(cycle):
        raise ToylabError(f"analytic_weights: modulus {m} has no frequency; give p >= 5.")
    turn_N = 2 * np.pi * cycle[np.arange(width) % len(cycle)] / m
    phi_3N = rng.uniform(0, 2 * np.pi, (3, width))
    if phases == "tied":
        phi_3N[2] = phi_3N[0] + phi_3N[1]
    wave = lambda place, phi_N: np.cos(place[:, None] * turn_N + phi_N)
    read = lambda place, phi_N: np.where(place[:, None] >= 0, wave(place, phi_N), 0.0)
    listens_MQ = np.zeros((m, p))
    listens_MQ[np.arange(m), form.answer] = 1
    if roots == "one":
        listens_MQ *= np.cumsum(listens_MQ, axis=0) == 1
    W_NQ = wave(np.arange(m), phi_3N[2]).T @ listens_MQ
    parts = (read(form.f, phi_3N[0]), read(form.g, phi_3N[1]), W_NQ)
    return Weights(*(np.asarray(part, np.float32) for part in parts))


def gaussian_weights(p: int, width: int, seed: int) -> Weights:
    """Draw weights from N(0, 1/2): the mean square of the analytic ones, without their form."""
    rng = np.random.default_rng(seed)
    draw = lambda *shape: rng.normal(0, np.sqrt(0.5), shape).astype(np.float32)
    return Weights(draw(p, width), draw(p, width), draw(width, p))


def accuracy_by_width(
    weights: Weights,
    pairs: np.ndarray,
    answers: np.ndarray,
    widths: tuple[int, ...],
    activation: Literal["quadratic", "relu"] = "quadratic",
) -> Float[np.ndarray, " widths"]:
    """Share of right answers of the network's first N neurons, for every N.

    Args:
        weights: of a network at least as wide as the widest N.
        pairs: inputs, (B, 2).
        answers: right outputs, (B,).
        widths: ascending N.
        activation: of the hidden neurons.
    """
    logits_BQ = np.zeros((len(pairs), weights.W.shape[1]), np.float32)
    found, start = [], 0
    for width in widths:
        part = slice(start, width)
        h_BN = weights.U[pairs[:, 0], part] + weights.V[pairs[:, 1], part]
        h_BN = np.square(h_BN, out=h_BN) if activation == "quadratic" else np.maximum(h_BN, 0)
        logits_BQ += h_BN @ weights.W[part]
        found.append(np.mean(logits_BQ.argmax(1) == answers))
        start = width
    return np.array(found)


def expected_accuracy(width: np.ndarray | int, p: int) -> np.ndarray:
    """Accuracy to expect of tied phases on x + y, taking all other terms as Gaussian noise.

    A neuron gives the right output cos(0)/2 and the others -1/(2(p-1)) on average; the terms that
    keep a random phase have variance 1 together (1/2 + 1/8 + 1/4 + 1/8). The right output is the
    greatest of p with probability ``E_u Phi(u + d)^(p-1)``, ``d = sqrt(N) p / (2 (p - 1))``.

    Source:
        Derived here from the products of the three cosines.
    """
    nodes, shares = np.polynomial.hermite_e.hermegauss(101)
    gap = np.sqrt(np.asarray(width, np.float64)) * p / (2 * (p - 1))
    above = special.ndtr(nodes + gap[..., None]) ** (p - 1)
    return above @ shares / np.sqrt(2 * np.pi)


def coordinates(p: int, operation: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the tokens x, y and q in the order of f(x), g(y) and the sum they answer, (m,) each.

    In that order the rows of the analytic weights are cosines. An operation whose f, g or answer
    is not one-to-one, or which has no additive form, leaves the tokens in their own order.
    """
    if has_form(p, operation):
        form = additive_form(p, operation)
        orders = [np.argsort(place)[np.sort(place) >= 0] for place in (form.f, form.g)]
        places = [form.f[orders[0]], form.g[orders[1]]]
        count = np.arange(form.modulus)
        if all(np.array_equal(place, count) for place in places):
            if len(np.unique(form.answer)) == form.modulus:
                return orders[0], orders[1], form.answer
    return np.arange(p), np.arange(p), np.arange(p)


def participation(rows: Float[Array, "*N m"]) -> Float[Array, "*N"]:
    """Inverse participation ratio of each row's spectrum: 1 for one frequency, 2/n for noise.

    ``sum_k |w_k|^4 / (sum_k |w_k|^2)^2`` over the n = m // 2 + 1 coefficients of the real Fourier
    transform. A row of zeros gives 0.

    Source:
        Gromov 2023 (2301.02679), with r = 2, on rows as in d-doshi/Grokking.
    """
    power = jnp.abs(jnp.fft.rfft(rows, axis=-1)) ** 2
    power = power / jnp.maximum(jnp.max(power, -1, keepdims=True), jnp.float32(1e-30))
    return jnp.sum(power**2, -1) / jnp.maximum(jnp.sum(power, -1) ** 2, jnp.float32(1e-30))


def neuron_phases(
    U_NM: np.ndarray, V_NM: np.ndarray, W_NM: np.ndarray
) -> tuple[Float[np.ndarray, "3 N"], Int[np.ndarray, " N"]]:
    """Phases of a neuron's three rows at the frequency that the three share most.

    The frequency is the one with the greatest product of the three amplitudes, the constant left
    out.

    Returns:
        ``phi_3N``, ``frequency_N``.
    """
    spectra_3NK = np.fft.rfft(np.stack([U_NM, V_NM, W_NM]), axis=-1)
    product_NK = np.abs(spectra_3NK).prod(0)
    product_NK[:, 0] = -1
    top_N = product_NK.argmax(-1)
    return np.angle(spectra_3NK[:, np.arange(len(top_N)), top_N]), top_N


def concentration(angles: np.ndarray) -> float:
    """Length of the mean of unit vectors at these angles: 1 if all agree, about 0 if random."""
    return float(np.abs(np.mean(np.exp(1j * np.asarray(angles))))) if len(angles) else np.nan
