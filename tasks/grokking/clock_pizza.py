"""Clock and Pizza: two ways to add on a circle, and the measures that tell them apart.

With tokens on a circle, ``w = 2 pi k / p``, both algorithms give the answer c = a + b the largest
logit. The Clock adds angles and the Pizza averages the two points, whose mean is short when a and b
lie opposite to each other:

    Clock  Q_abc = cos(w (a + b - c))
    Pizza  Q_abc = |cos(w (a - b) / 2)| cos(w (a + b - c))

Shape suffixes: P population, X and Y the summands' values, C the answers' (all p), V tokens,
D width, K components, S samples.

Source: Zhong, Liu, Tegmark and Andreas 2023 (arXiv:2306.17844).
"""

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jaxtyping import Float, Int

from toylab.taps import Model, Params

TINY = 1e-12

CIRCULAR = 0.99  # least circularity of a circular model; the paper's table uses 0.995
PIZZA = (0.98, 0.6)  # a Pizza has a symmetricity above the first and q below the second: figure 7


def all_pairs(p: int) -> Int[np.ndarray, "N 2"]:
    """Return every pair (x, y), x varying slowest, as int32."""
    return np.stack(np.meshgrid(np.arange(p), np.arange(p), indexing="ij"), -1).reshape(-1, 2)


def clock_logits(p: int, k: int) -> Float[np.ndarray, "X Y C"]:
    """Return ``cos(w (a + b - c))``, the logits of a Clock of frequency k."""
    a, b, c = np.ogrid[:p, :p, :p]
    return np.cos(2 * np.pi * k * (a + b - c) / p)


def pizza_logits(p: int, k: int) -> Float[np.ndarray, "X Y C"]:
    """Return ``|cos(w (a - b) / 2)| cos(w (a + b - c))``, the logits of a Pizza of frequency k."""
    a, b, _ = np.ogrid[:p, :p, :p]
    return np.abs(np.cos(np.pi * k * (a - b) / p)) * clock_logits(p, k)


def correct_logits(logits_XYC: Float[np.ndarray, "X Y C"]) -> Float[np.ndarray, "p p"]:
    """Return the logit of a + b at [d, i], for a = i and b = i + d: one row per distance."""
    p = logits_XYC.shape[-1]
    d, i = np.ogrid[:p, :p]
    return logits_XYC[i, (i + d) % p, (2 * i + d) % p]


def distance_irrelevance(correct_DI: Float[np.ndarray, "p p"]) -> float:
    """Share of the correct logits' spread that distances leave unexplained.

    ``q = mean_d std_i(L[d, i]) / std(L)``: 0 if the logit depends on a - b alone, 1 if a - b says
    nothing about it.

    Args:
        correct_DI: correct logits, one row per distance, as :func:`correct_logits` gives them.

    Returns:
        q, or NaN where all correct logits are equal.

    Source:
        Zhong et al. 2023, definition 4.2.

    Example:
        >>> distance_irrelevance(correct_logits(pizza_logits(7, 1))) < 1e-9
        True
    """
    L = np.asarray(correct_DI, np.float64)
    spread = L.std()
    return float(L.std(axis=1).mean() / spread) if spread > TINY * np.abs(L).max() else np.nan


def principal_scores(
    embedding_VD: Float[np.ndarray, "V D"], components: int = 4
) -> Float[np.ndarray, "V K"]:
    """Return the tokens' scores on an embedding's first principal components, by falling spread."""
    E = np.asarray(embedding_VD, np.float64)
    if not np.isfinite(E).all():
        return np.full((len(E), components), np.nan)
    left_VK, spread_K, _ = np.linalg.svd(E - E.mean(0), full_matrices=False)
    return (left_VK * spread_K)[:, :components]


def circularity(embedding_VD: Float[np.ndarray, "V D"], components: int = 4) -> float:
    """How nearly the first principal components of an embedding are single waves over the tokens.

    ``c = mean over components of max_k (2 / p) |sum_t v_t exp(2 pi i k t / p)|^2`` for scores v
    brought to unit length; 1 if each is a sine wave.

    Args:
        embedding_VD: one row per token.
        components: how many principal components are looked at.

    Source:
        Zhong et al. 2023, appendix B.1, who call a model circular from 0.995 on.
    """
    v_VK = principal_scores(embedding_VD, components)
    v_VK = v_VK / np.maximum(np.linalg.norm(v_VK, axis=0), TINY)
    power_FK = 2 / len(v_VK) * np.abs(np.fft.fft(v_VK, axis=0)[1:]) ** 2
    return float(np.minimum(power_FK.max(0), 1.0).mean())


def main_frequency(embedding_VD: Float[np.ndarray, "V D"]) -> int:
    """Frequency with the most power in an embedding, from 1 to (p - 1) / 2."""
    E = np.asarray(embedding_VD, np.float64)
    power_F = (np.abs(np.fft.rfft(E, axis=0)) ** 2).sum(1)
    return int(power_F[1:].argmax()) + 1


def isolate(embedding_VD: Float[np.ndarray, "V D"], k: int) -> Float[np.ndarray, "V D"]:
    """Return an embedding with one circle left: its mean and its waves of frequency k."""
    E = np.asarray(embedding_VD)
    wave_FD = np.fft.rfft(E, axis=0)
    wave_FD[[f for f in range(1, len(wave_FD)) if f != k]] = 0
    return np.fft.irfft(wave_FD, n=len(E), axis=0).astype(E.dtype)


def explained(
    logits_XYC: Float[np.ndarray, "X Y C"], formula_XYC: Float[np.ndarray, "X Y C"]
) -> float:
    """Fraction of the logits' variance that a multiple of a formula explains.

    The mean over answers, which no probability depends on, is taken out of both first; the one
    free number is the multiple.
    """
    centred = lambda q: np.asarray(q, np.float64) - np.mean(q, -1, keepdims=True, dtype=np.float64)
    q, f = centred(logits_XYC), centred(formula_XYC)
    return float(np.sum(q * f) ** 2 / max(np.sum(q * q) * np.sum(f * f), TINY))


def gradient_cosines(
    model: Model, params: Params, triples_S3: Int[Array, "S 3"]
) -> Float[Array, " S"]:
    """Cosines of the gradients of a logit with respect to the two summands' embeddings.

    ``cos(dQ_abc / dE_a, dQ_abc / dE_b)``; their mean over random triples (a, b, c) is the gradient
    symmetricity s_g, which is 1 for a function of E_a + E_b.

    Args:
        model: gives logits (B, p) for tokens (B, 2), with a site "embed" (B, 2, D).
        params: parameters of one member.
        triples_S3: a, b and the answer c whose logit is taken.

    Source:
        Zhong et al. 2023, definition 4.1.
    """
    pairs_S2, shapes = triples_S3[:, :2], {}

    def look(site: str, x: Array) -> Array:
        shapes[site] = x.shape
        return x

    logits = jax.eval_shape(lambda: model.apply(params, pairs_S2, look))
    chosen_SC = jax.nn.one_hot(triples_S3[:, 2], logits.shape[-1], dtype=jnp.float32)

    def total(shift_S2D: Array) -> Array:
        moved = lambda site, x: x + shift_S2D if site == "embed" else x
        return jnp.sum(model.apply(params, pairs_S2, moved) * chosen_SC)

    gradient_S2D = jax.grad(total)(jnp.zeros(shapes["embed"], jnp.float32))
    a_SD, b_SD = gradient_S2D[:, 0], gradient_S2D[:, 1]
    norm = lambda g: jnp.sqrt(jnp.sum(g * g, -1))
    return jnp.sum(a_SD * b_SD, -1) / jnp.maximum(norm(a_SD) * norm(b_SD), TINY)


def phase_line(rate_N: np.ndarray, pizza_N: np.ndarray) -> float:
    """Return the rate that parts Pizzas below it from Clocks above it with the fewest errors.

    It lies half-way between two rates, or at 0 or 1 if all are of one kind. Of several equally
    good lines the mean is taken. Fewer than three models draw no line: NaN.
    """
    if len(rate_N) < 3:
        return np.nan
    known = np.unique(rate_N)
    cuts = np.concatenate([[0.0], (known[1:] + known[:-1]) / 2, [1.0]])
    sides = np.concatenate([[-np.inf], cuts[1:-1], [np.inf]])
    errors = ((rate_N[None] < sides[:, None]) != pizza_N[None]).sum(1)
    return float(cuts[errors == errors.min()].mean())


def attention_mix(rate: np.ndarray) -> np.ndarray:
    """Return the share of free attention in a pattern whose rows sum to 1, for the paper's rate."""
    return rate / (2 - rate)
