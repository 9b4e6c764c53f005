"""Population losses of the tied autoencoder on sparse features, without sampling.

The loss is a sum over the 2^N patterns of active features, each an integral over the magnitudes
of the active ones, which Gauss-Legendre quadrature does. No noise is left, so that the losses of
many models can be compared, and minimised. For N of 2 or 3.
"""

from functools import partial
from itertools import combinations

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jax import Array
from jaxtyping import Float

FINE = (1, 48, 32, 14)  # nodes per axis, by number of active features
COARSE = (1, 24, 12)  # enough to find a minimum
STARTS = ((1.0, -0.9), (1.0, 0.1), (0.7, 0.7))  # superposed, second ignored, both confused


def pattern_grid(n_features: int, nodes: tuple[int, ...] = FINE) -> tuple[Array, Array, Array]:
    """Nodes of all patterns: inputs (N, Q), weights (Q,), numbers of active features (Q,).

    The weights of one pattern sum to 1.
    """
    inputs, weights, counts = [], [], []
    for k in range(n_features + 1):
        node, weight = np.polynomial.legendre.leggauss(nodes[k])
        axes = np.meshgrid(*[(node + 1) / 2] * k, indexing="ij")
        product = np.ones(1)
        for _ in range(k):
            product = np.multiply.outer(product, weight / 2).ravel()
        for active in combinations(range(n_features), k):
            x_NQ = np.zeros((n_features, len(product)))
            for feature, axis in zip(active, axes, strict=True):
                x_NQ[feature] = axis.ravel()
            inputs.append(x_NQ)
            weights.append(product)
            counts.append(np.full(len(product), k))
    return (
        jnp.asarray(np.concatenate(inputs, 1), jnp.float32),
        jnp.asarray(np.concatenate(weights), jnp.float32),
        jnp.asarray(np.concatenate(counts), jnp.int32),
    )


def _loss(W_MN: Array, b_N: Array, s: Array, I_N: Array, grid: tuple[Array, Array, Array]) -> Array:
    """Loss of one model; see :func:`sparse_losses`."""
    x_NQ, weight_Q, count_Q = grid
    n = len(b_N)
    out_NQ = jax.nn.relu(W_MN.T @ (W_MN @ x_NQ) + b_N[:, None])
    active_K = jnp.arange(n + 1, dtype=jnp.float32)
    chance_K = s**active_K * (1 - s) ** (n - active_K)
    return I_N @ ((x_NQ - out_NQ) ** 2 @ (weight_Q * chance_K[count_Q]))


@jax.jit
def _losses(W_PMN: Array, b_PN: Array, s_P: Array, I_PN: Array) -> Array:
    grid = pattern_grid(b_PN.shape[1])

    def one(member: tuple[Array, Array, Array, Array]) -> Array:
        W_MN, b_N, s, I_N = member
        return _loss(W_MN, b_N, s, I_N, grid)

    return jax.lax.map(one, (W_PMN, b_PN, s_P, I_PN), batch_size=32)


def sparse_losses(
    W_PMN: Float[np.ndarray, "P M N"],
    b_PN: Float[np.ndarray, "P N"],
    density_P: Float[np.ndarray, " P"],
    last_importance_P: Float[np.ndarray, " P"],
) -> Float[np.ndarray, " P"]:
    """Population losses on ``Sparse`` of many models x' = ReLU(W^T W x + b).

        L = sum over patterns A of s^|A| (1 - s)^(N - |A|) E[sum_i I_i (x_i - x'_i)^2 | A].

    Args:
        W_PMN: feature directions, in columns.
        b_PN: output biases.
        density_P: probability s that a feature is active.
        last_importance_P: weight of the last feature; the others have 1.

    Returns:
        Losses, summed over features; within 0.2% for weights of order 1.

    Source: Elhage et al. 2022, the loss decomposed by number of active features.
    """
    importance_PN = np.ones_like(b_PN)
    importance_PN[:, -1] = last_importance_P
    as_float = partial(jnp.asarray, dtype=jnp.float32)
    arrays = as_float(W_PMN), as_float(b_PN), as_float(density_P), as_float(importance_PN)
    return np.asarray(_losses(*arrays))


def pair_optima(
    density_C: Float[np.ndarray, " C"], ratio_C: Float[np.ndarray, " C"], steps: int = 800
) -> tuple[np.ndarray, np.ndarray]:
    """Optima of two features in one dimension, for many cells at once.

    Adam on the population loss from three starts per cell, of which the best end counts.

    Args:
        density_C: density of each cell.
        ratio_C: importance of the second feature over that of the first.
        steps: updates.

    Returns:
        Losses (C,) and weights (C, 2).
    """
    s_C, r_C = np.asarray(density_C, float), np.asarray(ratio_C, float)
    # Swapping the features and dividing the loss by r turns the ratio r into 1/r.
    lesser_C = np.minimum(r_C, 1 / r_C)
    table, back_C = np.unique(np.round(np.stack([s_C, lesser_C]), 9), axis=1, return_inverse=True)
    s_T, r_T = np.repeat(table, len(STARTS), axis=1)
    w_T2 = np.tile(np.asarray(STARTS), (table.shape[1], 1))
    as_float = partial(jnp.asarray, dtype=jnp.float32)
    ends = _descend(as_float(w_T2), as_float(s_T), as_float(r_T), steps)
    w_T2, b_T2 = (np.asarray(a) for a in ends)
    loss_UK = sparse_losses(w_T2[:, None], b_T2, s_T, r_T).reshape(-1, len(STARTS))
    best_U = loss_UK.argmin(1)
    w_U2 = w_T2.reshape(-1, len(STARTS), 2)[np.arange(len(best_U)), best_U]
    loss_C, w_C2 = loss_UK.min(1)[back_C.ravel()], w_U2[back_C.ravel()]
    swap_C = r_C > 1
    return np.where(swap_C, r_C, 1) * loss_C, np.where(swap_C[:, None], w_C2[:, ::-1], w_C2)


@partial(jax.jit, static_argnums=3)
def _descend(w_T2: Array, s_T: Array, r_T: Array, steps: int) -> tuple[Array, Array]:
    optimizer = optax.adam(optax.cosine_decay_schedule(0.03, steps))
    grid = pattern_grid(2, COARSE)

    def one(start: tuple[Array, Array, Array]) -> tuple[Array, Array]:
        w_2, s, r = start
        I_2 = jnp.stack([jnp.ones_like(r), r])
        slope = jax.grad(lambda p: _loss(p[0][None], p[1], s, I_2, grid))

        def step(_: Array, carry: tuple) -> tuple:
            params, state = carry
            # Optax mixes Python floats with int32 counts, which strict promotion would refuse.
            with jax.numpy_dtype_promotion("standard"):
                updates, state = optimizer.update(slope(params), state)
            return optax.apply_updates(params, updates), state

        params = (w_2, jnp.full((2,), 0.05, jnp.float32))
        return jax.lax.fori_loop(0, steps, step, (params, optimizer.init(params)))[0]

    return jax.lax.map(one, (w_T2, s_T, r_T), batch_size=128)
