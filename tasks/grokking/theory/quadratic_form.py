"""How close a quadratic network is to the analytic solution: its rows, phases and cosines.

Shape suffixes: N neurons, M coordinates of a row, K frequencies.
"""

import jax
import numpy as np
from jax import Array

from toylab.taps import Params

from ..modular import POLYNOMIALS
from ..quadratic import (
    Weights,
    accuracy_by_width,
    concentration,
    coordinates,
    neuron_phases,
    participation,
)

SHUFFLES = 100
LIVE = 0.01  # a neuron counts if the product of its rows' norms is this share of the greatest
GONE = 1e-12  # below this product a neuron has decayed to nothing, whatever the others do


def ordered_rows(params: Params, p: int, operation: str) -> tuple[Array, Array, Array]:
    """Return U, V and W with one row per neuron, (..., N, m), in the operation's coordinates.

    NumPy's arrays give NumPy's, without compiling anything.
    """
    x, y, q = coordinates(p, operation)
    first, last = (params["layers"][i]["kernel"] for i in "01")
    turned = first.swapaxes(-1, -2)
    return turned[..., x], turned[..., p + y], last[..., q]


def network_form(
    rows_3NM: np.ndarray, seed: int
) -> tuple[dict[str, float], np.ndarray, np.ndarray]:
    """Measure how close a network is to the analytic form.

    Args:
        rows_3NM: U, V and W, a row per neuron, in the operation's coordinates.
        seed: of the shuffles.

    Returns:
        Mean participation of the live neurons' rows, concentration of phi1 + phi2 - phi3, the
        same with the neurons' phi3 shuffled (mean of 100), share of live neurons; then the
        live neurons' phases (3, n) and frequencies (n,). NaN where no neuron is live.
    """
    size_N = np.linalg.norm(rows_3NM, axis=-1).prod(0)
    live_N = size_N >= max(LIVE * size_N.max(), GONE)
    # Of all neurons, so that every network has one shape and nothing is compiled twice.
    ratio_3N = np.asarray(jax.jit(participation)(np.asarray(rows_3NM, np.float32)))[:, live_N]
    phi_3N, top_N = neuron_phases(*rows_3NM[:, live_N])
    sum_N, rng = phi_3N[0] + phi_3N[1], np.random.default_rng(seed)
    shuffled = [concentration(sum_N - rng.permutation(phi_3N[2])) for _ in range(SHUFFLES)]
    part_3 = ratio_3N.mean(1) if live_N.any() else np.full(3, np.nan)
    facts = {
        "participation": float(part_3.mean()),
        **{f"participation_{name}": float(r) for name, r in zip("UVW", part_3, strict=True)},
        "concentration": concentration(sum_N - phi_3N[2]),
        "shuffled": float(np.mean(shuffled)),
        "live": float(live_N.mean()),
    }
    return facts, phi_3N, top_N


def answers_in_order(p: int, operation: str) -> np.ndarray:
    """Place of the answer to every pair, all in the operation's coordinates, (m, m)."""
    x, y, q = coordinates(p, operation)
    place = np.zeros(p, int)
    place[q] = np.arange(len(q))
    return place[POLYNOMIALS[operation](x[:, None], y[None]) % p]


def cut_accuracy(rows_3NM: np.ndarray, answers_MM: np.ndarray) -> dict[str, float]:
    """Accuracy over the whole table with one cosine per row only, and with all but that one.

    The cosine is that of the frequency which a neuron's three rows share most.
    """
    spectra_3NK = np.fft.rfft(rows_3NM, axis=-1)
    top_N = neuron_phases(*rows_3NM)[1]
    own_NK = np.arange(spectra_3NK.shape[-1]) == top_N[:, None]
    one_3NM = np.fft.irfft(spectra_3NK * own_NK, n=rows_3NM.shape[-1], axis=-1)
    m = len(answers_MM)
    pairs = np.indices((m, m)).reshape(2, -1).T
    found = {}
    for name, (u, v, w) in (("one_cosine", one_3NM), ("rest", rows_3NM - one_3NM)):
        weights = Weights(u.T, v.T, w)
        found[name] = float(accuracy_by_width(weights, pairs, answers_MM.ravel(), (len(u),))[0])
    return found
