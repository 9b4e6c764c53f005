"""Fourier analysis of networks that learned an operation modulo p: Nanda's progress measures.

A network that adds modulo p by trigonometry has logits ``sum_k a_k cos(w_k (r - c))``, with r the
right answer to the input, c the class and ``w_k = 2 pi k / p``, for a few key frequencies k. What
is measured here: how much of a network is of that form, and what it would do with only that form
(restricted) or without it (excluded). Written in terms of the right answer r, it holds for any
operation whose answer is a sum in a cyclic group, such as x - y.

Shape suffixes: N rows of the table, C classes (p of them), K frequencies, F neurons, D width.

Source: Nanda et al. 2023 (arXiv:2301.05217), sections 4 and 5, and appendix B.
"""

import jax.numpy as jnp
import numpy as np
from jax import Array
from jaxtyping import Bool, Float, Int

from toylab.losses import cross_entropy_from_logits


def frequencies(p: int) -> np.ndarray:
    """Return the frequencies 1 to (p - 1) / 2, (K,), whose cosine and sine are independent."""
    return np.arange(1, (p - 1) // 2 + 1)


def waves(values_N: Int[Array, " N"] | np.ndarray, p: int) -> Float[Array, "K 2 N"]:
    """Return ``cos(w_k v)`` and ``sin(w_k v)`` of each frequency at some values, of unit norm."""
    angle_Kp = (2 * np.pi / p) * (frequencies(p)[:, None] * np.arange(p)[None] % p)
    table_K2p = jnp.asarray(np.stack([np.cos(angle_Kp), np.sin(angle_Kp)], 1), jnp.float32)
    pair_K2N = table_K2p[:, :, jnp.asarray(values_N)]
    return pair_K2N / jnp.sqrt(jnp.sum(pair_K2N**2, -1, keepdims=True))


def spectrum(table_pD: Float[Array, "p D"]) -> Float[Array, " K"]:
    """Return the norm of a table's component at each frequency, over its first axis.

    Args:
        table_pD: one row per residue, such as an embedding, or ``W_out W_U`` transposed.

    Returns:
        ``sqrt(|<cos w_k, W>|^2 + |<sin w_k, W>|^2)`` with unit waves, (K,).
    """
    p = table_pD.shape[0]
    parts = jnp.einsum("ktp,pd->ktd", waves(np.arange(p), p), table_pD)
    return jnp.sqrt(jnp.sum(parts**2, (1, 2)))


def gini(values: Float[Array, " n"]) -> Array:
    """Return the Gini coefficient ``mean |x_i - x_j| / (2 mean x)``: 0 even, near 1 sparse."""
    gaps = jnp.abs(values[:, None] - values[None, :])
    return jnp.mean(gaps) / (2 * jnp.mean(values))


def neuron_shares(
    post_NF: Float[Array, "N F"], x_N: Int[Array, " N"], y_N: Int[Array, " N"], p: int
) -> Float[Array, "F K"]:
    """Return the share of each neuron's variance that each frequency explains.

    A frequency's part is the span of {1, cos w_k x, sin w_k x} times {1, cos w_k y, sin w_k y},
    without the constant: eight directions.

    Args:
        post_NF: activations on the whole table; pairs that it lacks count as the mean.
        x_N: first number of each pair.
        y_N: second number.
        p: the modulus.
    """
    centred_NF = post_NF - jnp.mean(post_NF, 0, keepdims=True)
    grid = jnp.zeros((p, p, post_NF.shape[1]), post_NF.dtype).at[x_N, y_N].set(centred_NF)
    one = jnp.full((len(frequencies(p)), 1, p), p**-0.5, jnp.float32)
    basis_K3p = jnp.concatenate([one, waves(np.arange(p), p)], 1)
    parts_KuvF = jnp.einsum("kux,kvy,xyf->kuvf", basis_K3p, basis_K3p, grid)
    energy_FK = jnp.sum(parts_KuvF**2, (1, 2)).T
    return energy_FK / jnp.maximum(jnp.sum(centred_NF**2, 0)[:, None], 1e-12)


def key_frequencies(shares_FK: Float[Array, "F K"], least: float = 0.02) -> Bool[Array, " K"]:
    """Return which frequencies are key: the best of at least a share ``least`` of the neurons.

    A neuron counts for its best frequency if that explains half of its variance.
    """
    best_F = jnp.argmax(shares_FK, -1)
    counts = jnp.arange(shares_FK.shape[1])[None] == best_F[:, None]
    counts = counts & (jnp.max(shares_FK, -1) > 0.5)[:, None]
    return jnp.mean(counts.astype(jnp.float32), 0) >= least


def other_frequencies(key_PK: np.ndarray) -> np.ndarray:
    """Return as many frequencies per member as are key, drawn from those that are not, (P, K)."""
    rng = np.random.default_rng(0)
    chosen = np.zeros_like(key_PK)
    for row, keys in zip(chosen, key_PK, strict=True):
        rest = np.flatnonzero(~keys)
        row[rng.choice(rest, min(int(keys.sum()), len(rest)), replace=False)] = True
    return chosen


def wave_parts(
    logits_NC: Float[Array, "N C"], answers_N: Int[Array, " N"]
) -> Float[Array, "K N C"]:
    """Return the logits' component along ``cos(w_k r)`` and ``sin(w_k r)`` of the inputs, per k."""
    waves_K2N = waves(answers_N, logits_NC.shape[1])
    parts_K2C = jnp.einsum("ktn,nc->ktc", waves_K2N, logits_NC)
    return jnp.einsum("ktn,ktc->knc", waves_K2N, parts_K2C)


def restricted(
    logits_NC: Float[Array, "N C"], answers_N: Int[Array, " N"], key_K: Bool[Array, " K"]
) -> Float[Array, "N C"]:
    """Return the logits with only their mean over inputs and their key components."""
    parts_KNC = wave_parts(logits_NC, answers_N)
    kept = jnp.einsum("k,knc->nc", key_K.astype(jnp.float32), parts_KNC)
    return kept + jnp.mean(logits_NC, 0, keepdims=True)


def excluded(
    logits_NC: Float[Array, "N C"], answers_N: Int[Array, " N"], key_K: Bool[Array, " K"]
) -> Float[Array, "N C"]:
    """Return the logits without their key components."""
    parts_KNC = wave_parts(logits_NC, answers_N)
    return logits_NC - jnp.einsum("k,knc->nc", key_K.astype(jnp.float32), parts_KNC)


def cosine_shares(
    logits_NC: Float[Array, "N C"], answers_N: Int[Array, " N"]
) -> Float[Array, " K"]:
    """Return the share of the logits' variance that ``a_k cos(w_k (r - c))`` explains, per k.

    The mean over classes of each row is taken out first, as a softmax does not see it. The waves
    are orthogonal, so that shares add up.
    """
    centred_NC = logits_NC - jnp.mean(logits_NC, 1, keepdims=True)
    along_K = _along_cosines(centred_NC, answers_N)
    squares = logits_NC.size / 2  # of each wave over the table: p/2 per row
    return along_K**2 / squares / jnp.maximum(jnp.sum(centred_NC**2), 1e-12)


def cosine_logits(
    logits_NC: Float[Array, "N C"],
    answers_N: Int[Array, " N"],
    key_K: Bool[Array, " K"],
    rows_N: Bool[Array, " N"],
) -> Float[Array, "N C"]:
    """Return ``sum_k a_k cos(w_k (r - c))`` over the key frequencies, fitted on some rows alone.

    Fitted on held-out rows it tells a circuit from memorised answers, which are right on the
    training rows and thus have a part along every cosine of :func:`restricted`.
    """
    p = logits_NC.shape[1]
    centred_NC = logits_NC - jnp.mean(logits_NC, 1, keepdims=True)
    mask_N1 = rows_N.astype(jnp.float32)[:, None]
    weight_K = _along_cosines(centred_NC * mask_N1, answers_N) / (jnp.sum(mask_N1) * p / 2)
    by_gap = (weight_K * key_K.astype(jnp.float32)) @ _cosines(p)
    return by_gap[_gaps(answers_N, p)]


def _along_cosines(centred_NC: Array, answers_N: Array) -> Array:
    """Inner product of logits with each wave ``cos(w_k (r - c))``, (K,)."""
    p = centred_NC.shape[1]
    # All entries of one gap r - c share the value of every wave, so sum the logits by gap first.
    gaps = _gaps(answers_N, p).reshape(-1)
    by_gap = jnp.zeros(p, jnp.float32).at[gaps].add(centred_NC.reshape(-1))
    return _cosines(p) @ by_gap


def _gaps(answers_N: Array, p: int) -> Array:
    return (jnp.asarray(answers_N, jnp.int32)[:, None] - jnp.arange(p)[None]) % p


def _cosines(p: int) -> Array:
    angle_Kp = 2 * np.pi / p * (frequencies(p)[:, None] * np.arange(p)[None] % p)
    return jnp.asarray(np.cos(angle_Kp), jnp.float32)


def answer_share(centred_NV: Float[Array, "N V"], answers_N: Array) -> Array:
    """Return the share of the logits' squares that their mean at each distance from r keeps."""
    v = centred_NV.shape[-1]
    places_NV = (answers_N[:, None] + jnp.arange(v, dtype=answers_N.dtype)[None]) % v
    mean_V = jnp.mean(jnp.take_along_axis(centred_NV, places_NV, -1), 0)
    return jnp.sum(mean_V**2) * len(answers_N) / (jnp.sum(centred_NV**2) + 1e-20)


def loss_on(
    logits_NC: Float[Array, "N C"], answers_N: Int[Array, " N"], rows_N: Bool[Array, " N"]
) -> Array:
    """Return the mean cross-entropy over some rows of the table, in nats."""
    nats_N = cross_entropy_from_logits(logits_NC, jnp.asarray(answers_N))
    mask_N = rows_N.astype(jnp.float32)
    return jnp.sum(nats_N * mask_N) / jnp.sum(mask_N)
