"""Centred kernel alignment (CKA): do two sets of activations order the same inputs alike?

Linear CKA compares the Gram matrices K and L of the same N inputs:

    CKA = HSIC(K, L) / sqrt(HSIC(K, K) HSIC(L, L)),    |X^T Y|_F^2 / (|X^T X|_F |Y^T Y|_F)

for centred X (N, D) and Y (N, E) with the biased estimate of HSIC. It is blind to rotations and
one common scale, not to other linear maps. The biased one is far above 0 for independent
activations where there are few inputs (:func:`biased_null`); the unbiased estimate of HSIC, the
default, has mean near 0 and may be negative.

The directions of most variance decide CKA, often one direction or a few inputs: give it for
:func:`without_top` of both, too, and beside :func:`permuted_rows`. All of it is pure JAX on one
pair; ``jax.vmap`` takes it over members and snapshots.

Sources: Kornblith et al. 2019 (arXiv:1905.00414); unbiased HSIC: Song et al. 2012 (Feature
selection via dependence maximization, theorem 2), for CKA Nguyen et al. 2021 (arXiv:2010.15327).
"""

from collections.abc import Callable

import jax
import jax.numpy as jnp
from jax import Array
from jaxtyping import Float

from toylab.analysis.similarity.pairs import centred, checked
from toylab.errors import check_number
from toylab.random import fold_in


def hsic(x: Float[Array, "N D"], y: Float[Array, "N E"], debiased: bool = True) -> Float[Array, ""]:
    """Return the Hilbert-Schmidt independence criterion of two linear kernels.

    Biased, of centred X and Y: ``|X^T Y|_F^2 / (N - 1)^2``. Unbiased, with diagonals of ``K = X
    X^T`` and ``L = Y Y^T`` set to 0:

        (tr K L + sum K sum L / ((N - 1)(N - 2)) - 2 / (N - 2) sum K L) / (N (N - 3)),

    reckoned without a matrix of N by N.

    Args:
        x: activations (N, D).
        y: activations of the same inputs (N, E).
        debiased: the unbiased estimate.

    Raises:
        ToylabError: shapes that do not fit, or fewer than 4 inputs.

    Source: Song et al. 2012, theorem 2.

    Example:
        >>> x = jnp.array([[-1.0], [1.0], [-1.0], [1.0]])
        >>> float(hsic(x, x, debiased=False)).__round__(4)
        1.7778
    """
    checked("hsic", x, y, 4)
    n = float(x.shape[0])
    x_ND, y_NE = centred(x), centred(y)  # changes neither estimate, and keeps digits
    product = jnp.sum((x_ND.T @ y_NE) ** 2)
    if not debiased:
        return product / (n - 1) ** 2
    k_N, l_N = jnp.sum(x_ND**2, 1), jnp.sum(y_NE**2, 1)
    # Rows of centred data sum to 0: a row of K without its diagonal sums to -k.
    trace = product - k_N @ l_N
    sums = jnp.sum(k_N) * jnp.sum(l_N) / ((n - 1) * (n - 2))
    return (trace + sums - 2 / (n - 2) * (k_N @ l_N)) / (n * (n - 3))


def linear_cka(
    x: Float[Array, "N D"], y: Float[Array, "N E"], debiased: bool = True
) -> Float[Array, ""]:
    """Return the linear CKA of two sets of activations of the same inputs; at most about 1.

    Args:
        x: activations (N, D), N at least 4.
        y: activations of the same inputs (N, E).
        debiased: with the unbiased HSIC, so that it is about 0 for independent activations.

    Returns:
        One number; NaN where one side has no variance, or so little signal that its unbiased HSIC
        is not above 0.

    Raises:
        ToylabError: shapes that do not fit, or fewer than 4 inputs.

    Source: Kornblith et al. 2019; Nguyen et al. 2021.

    Example:
        >>> x = jax.random.normal(jax.random.key(0), (50, 3))
        >>> abs(float(linear_cka(x, 5 * x[:, ::-1])) - 1) < 1e-5
        True
    """
    checked("linear_cka", x, y, 4)
    own = hsic(x, x, debiased), hsic(y, y, debiased)
    # Two roots, for the product of two large sums could overflow.
    roots = (jnp.sqrt(jnp.where(value > 0, value, jnp.nan)) for value in own)
    value = hsic(x, y, debiased)
    for root in roots:
        value = value / root
    return value


def biased_null(samples: int, width: int, other_width: int) -> float:
    """Return the biased CKA of independent Gaussian activations, ``sqrt(p q / ((N + p) (N + q)))``.

    It is ``E|X^T Y|_F^2 / sqrt(E|X^T X|_F^2 E|Y^T Y|_F^2)``, exactly: the three expectations are
    ``n p q``, ``n p (n + p + 1)`` and ``n q (n + q + 1)`` with ``n = N - 1``.

    Args:
        samples: N.
        width: p.
        other_width: q.

    Example:
        >>> biased_null(100, 100, 100)
        0.5
    """
    check_number("biased_null", "samples", samples, 2, whole=True)
    check_number("biased_null", "width", width, 1, whole=True)
    check_number("biased_null", "other_width", other_width, 1, whole=True)
    share = width / (samples + width) * (other_width / (samples + other_width))
    return share**0.5


def without_top(x: Float[Array, "N D"], count: int = 1) -> Float[Array, "N D"]:
    """Return activations, centred, without their first principal components.

    Hazard: XLA on two cores can lock up when two decompositions run side by side in one program;
    take the sides one after the other, or as one batch.

    Args:
        x: activations (N, D).
        count: components to remove, fewer than N and D have.

    Raises:
        ToylabError: not (N, D), or a count out of range.

    Example:
        >>> x = jnp.array([[3.0, 0.0], [-3.0, 0.0], [0.0, 1.0], [0.0, -1.0]])
        >>> jnp.abs(without_top(x)).sum(0).round(4).tolist()
        [0.0, 2.0]
    """
    checked("without_top", x, x, 2)
    check_number("without_top", "count", count, 0, min(x.shape) - 1, whole=True)
    u_NK, s_K, v_KD = jnp.linalg.svd(centred(x), full_matrices=False)
    return (u_NK[:, count:] * s_K[None, count:]) @ v_KD[count:]


def permuted_rows(
    measure: Callable[[Array, Array], Array],
    x: Float[Array, "N D"],
    y: Float[Array, "N E"],
    key: Array,
    draws: int = 100,
) -> Float[Array, "R ..."]:
    """Return a measure of similarity with the inputs of one side shuffled, R times.

    What two such spectra share anyway stays; what the inputs make shared goes.

    Args:
        measure: of (N, D) and (N, E), such as :func:`linear_cka`.
        x: activations (N, D).
        y: activations of the same inputs (N, E).
        key: of the shufflings.
        draws: R.

    Example:
        >>> x = jax.random.normal(jax.random.key(0), (50, 3))
        >>> null = permuted_rows(linear_cka, x, x, jax.random.key(1))
        >>> bool(null.max() < 0.5)
        True
    """
    checked("permuted_rows", x, y, 2)
    check_number("permuted_rows", "draws", draws, 1, whole=True)

    def one(index: Array) -> Array:
        return measure(x, jax.random.permutation(fold_in(key, index), y))

    return jax.lax.map(one, jnp.arange(draws, dtype=jnp.int32))
