"""Eigenvalues and spectral density of a loss's Hessian by Lanczos, from its products with vectors.

K steps of Lanczos turn the Hessian H (N, N), which is never formed, into a tridiagonal T (K, K)
of the same extreme eigenvalues: ``H Q = Q T + beta_K q_{K+1} e_K^T`` with orthonormal columns Q.
An eigenvector s of T with eigenvalue theta gives ``|H Q s - theta Q s| = beta_K |s_K|``, so an
eigenvalue of H lies within that of theta.

Hazards: the Hessian of a minibatch has a larger top than that of all data; the second derivative
of a ReLU's kink is 0 here; weight decay in the loss adds its constant to every eigenvalue. The
arithmetic is that of the parameters: in float32 nothing below about ``1e-6 |H|`` can be told from
0. For float64 give float64 parameters inside ``jax.enable_x64(True)``. All of it is pure JAX:
``jax.vmap`` takes it over members and snapshots, ``jax.jit`` keeps it compiled.

Sources: Golub and Van Loan, Matrix Computations, chapter 10; density after Lin, Saad and Yang
2016 and Ghorbani, Krishnan and Xiao 2019 (arXiv:1901.10159).
"""

from collections.abc import Callable
from typing import Literal, NamedTuple

import jax
import jax.numpy as jnp
from jax import Array
from jaxtyping import Float

from toylab.analysis.landscape.flat import Loss, Tree, flat
from toylab.errors import ToylabError, check_number, nearest
from toylab.random import fold_in, normal

ENDS = ("largest", "smallest", "magnitude")


class Ritz(NamedTuple):
    """What K steps of Lanczos know of a matrix.

    Attributes:
        values_K: eigenvalues theta of T, ascending.
        weights_K: squared first components of T's eigenvectors; they sum to 1.
        bounds_K: some eigenvalue of the matrix lies within this of theta, up to rounding.
        vectors_KN: Ritz vectors ``Q s`` of length 1.
    """

    values_K: Array
    weights_K: Array
    bounds_K: Array
    vectors_KN: Array


class Eigenvalues(NamedTuple):
    """Some eigenvalues of a Hessian.

    Attributes:
        values_C: the C asked for, the first of its kind first.
        bounds_C: some eigenvalue lies within this of each, up to rounding.
        vectors: eigenvectors of length 1, a tree like the parameters with a leading axis C.
    """

    values_C: Array
    bounds_C: Array
    vectors: Tree


class Density(NamedTuple):
    """A Hessian's spectrum as weighted points, one row for each of R random probes.

    Attributes:
        values_RK: points.
        weights_RK: their weights, which sum to 1 in each row.
        trace_R: N times the Rayleigh quotient of each probe, whose mean estimates the trace.
    """

    values_RK: Array
    weights_RK: Array
    trace_R: Array


def hvp(loss: Loss, params: Tree, vector: Tree) -> Tree:
    """Return the product of a loss's Hessian with a vector, the jvp of the gradient.

    Args:
        loss: parameters to one number.
        params: where the Hessian is taken.
        vector: a tree like ``params``.

    Example:
        >>> half_square = lambda p: jnp.sum(jnp.array([3.0, 1.0]) * p["w"] ** 2) / 2
        >>> hvp(half_square, {"w": jnp.ones(2)}, {"w": jnp.array([1.0, 2.0])})["w"].tolist()
        [3.0, 2.0]
    """
    return jax.jvp(jax.grad(loss), (params,), (vector,))[1]


def lanczos(product: Callable[[Array], Array], start_N: Float[Array, " N"], steps: int) -> Ritz:
    """Run Lanczos with full reorthogonalisation, done twice, on a symmetric matrix.

    Where the vectors span an invariant space before the last step (repeated eigenvalues), a random
    vector orthogonal to it starts the next block; such values have weight 0. With ``steps = N`` all
    eigenvalues come out, as often as they are repeated.

    Args:
        product: the matrix times a vector, (N,) to (N,).
        start_N: first vector, of any length but 0.
        steps: K, at most N.

    Raises:
        ToylabError: more steps than dimensions, or none.

    Example:
        >>> a = jnp.diag(jnp.array([1.0, 1.0, 4.0]))
        >>> lanczos(lambda v: a @ v, jnp.ones(3), 3).values_K.round(4).tolist()
        [1.0, 1.0, 4.0]
    """
    size = start_N.shape[0]
    check_number("lanczos", "steps", steps, 1, size, whole=True)
    alpha_K, beta_K, basis_KN = _tridiagonal(product, start_N, steps)
    tridiagonal = jnp.diag(alpha_K) + jnp.diag(beta_K[:-1], 1) + jnp.diag(beta_K[:-1], -1)
    values_K, s_KK = jnp.linalg.eigh(tridiagonal)
    bounds_K = jnp.abs(beta_K[-1] * s_KK[-1])
    return Ritz(values_K, s_KK[0] ** 2, bounds_K, s_KK.T @ basis_KN)


def _tridiagonal(
    product: Callable[[Array], Array], start_N: Array, steps: int
) -> tuple[Array, Array, Array]:
    """Diagonal (K,), what stands below it (K,), the last of which is left over, and Q (K, N)."""
    size, kind = start_N.shape[0], start_N.dtype
    # A remainder of this size is rounding: the space is invariant.
    least = 10 * jnp.finfo(kind).eps * size**0.5

    def step(j: Array, state: tuple[Array, ...]) -> tuple[Array, ...]:
        basis, alpha_K, beta_K, scale = state
        orthogonal = lambda v: v - (basis @ v) @ basis  # rows to come are 0
        moved = product(basis[j])
        alpha = basis[j] @ moved
        rest = orthogonal(moved)
        scale = jnp.maximum(scale, jnp.maximum(jnp.abs(alpha), jnp.linalg.norm(rest)))
        done = jnp.linalg.norm(rest) <= least * scale
        fresh = normal(fold_in(jax.random.key(0, impl="threefry2x32"), j), (size,)).astype(kind)
        rest = orthogonal(orthogonal(jnp.where(done, fresh, rest)))
        beta = jnp.linalg.norm(rest)
        basis = basis.at[j + 1].set(rest / jnp.maximum(beta, jnp.finfo(kind).tiny))
        return basis, alpha_K.at[j].set(alpha), beta_K.at[j].set(jnp.where(done, 0, beta)), scale

    basis = jnp.zeros((steps + 1, size), kind).at[0].set(start_N / jnp.linalg.norm(start_N))
    empty = jnp.zeros(steps, kind)
    state = jax.lax.fori_loop(0, steps, step, (basis, empty, empty, jnp.zeros((), kind)))
    return state[1], state[2], state[0][:-1]


def top_eigenvalues(
    loss: Loss,
    params: Tree,
    key: Array,
    count: int = 1,
    steps: int = 40,
    which: Literal["largest", "smallest", "magnitude"] = "largest",
) -> Eigenvalues:
    """Return the extreme eigenvalues of a loss's Hessian, with vectors and residual bounds.

    The largest eigenvalue, the *sharpness*, wants 20 to 40 steps; look at its bound. It is not the
    largest in magnitude where a negative one is larger.

    Args:
        loss: parameters to one number, on all data or a fixed batch.
        params: where the Hessian is taken, a tree with N numbers.
        key: of the random first vector.
        count: C, how many.
        steps: K; no more than N are taken.
        which: from the largest down, from the smallest up, or by magnitude from the largest down.

    Raises:
        ToylabError: a loss that is not one number, an unknown ``which``, or more eigenvalues than
            steps.

    Example:
        >>> loss = lambda p: (3 * p["a"] ** 2 + jnp.sum(p["b"] ** 2)) / 2
        >>> params = {"a": jnp.array(0.0), "b": jnp.zeros(4)}
        >>> top_eigenvalues(loss, params, jax.random.key(0), count=2).values_C.round(4).tolist()
        [3.0, 1.0]
    """
    if which not in ENDS:
        raise ToylabError(f"top_eigenvalues: which = {which!r}; {nearest(str(which), ENDS)}")
    w_N, flat_loss, back = flat("top_eigenvalues", loss, params)
    check_number("top_eigenvalues", "steps", steps, 1, whole=True)
    steps = min(steps, w_N.size)
    check_number("top_eigenvalues", "count", count, 1, steps, whole=True)
    start_N = normal(key, w_N.shape).astype(w_N.dtype)
    found = lanczos(lambda v_N: hvp(flat_loss, w_N, v_N), start_N, steps)
    rank_K = {
        "largest": -found.values_K,
        "smallest": found.values_K,
        "magnitude": -jnp.abs(found.values_K),
    }[which]
    first_C = jnp.argsort(rank_K)[:count]
    vectors = jax.vmap(back)(found.vectors_KN[first_C])
    return Eigenvalues(found.values_K[first_C], found.bounds_K[first_C], vectors)


def spectral_density(
    loss: Loss, params: Tree, key: Array, steps: int = 40, probes: int = 8
) -> Density:
    """Estimate the spectral density of a loss's Hessian by stochastic Lanczos quadrature.

    ``density(t) = mean_r sum_k weights_rk delta(t - values_rk)``: from R random first vectors,
    each weight is the squared *first* component of an eigenvector of T. Its moments up to
    ``2 K - 1`` are, in expectation, those of the spectrum.

    Args:
        loss: parameters to one number, on all data or a fixed batch.
        params: where the Hessian is taken, a tree with N numbers.
        key: of the probes.
        steps: K; no more than N are taken.
        probes: R; five or more, and look at how much the rows differ.

    Raises:
        ToylabError: a loss that is not one number, or numbers out of range.

    Example:
        >>> loss = lambda w: jnp.sum(jnp.array([5.0, 1.0, 1.0, 1.0]) * w**2) / 2
        >>> found = spectral_density(loss, jnp.zeros(4), jax.random.key(0), probes=64)
        >>> found.weights_RK.sum(1).round(4).tolist() == [1.0] * 64
        True
    """
    w_N, flat_loss, _ = flat("spectral_density", loss, params)
    check_number("spectral_density", "steps", steps, 1, whole=True)
    check_number("spectral_density", "probes", probes, 1, whole=True)
    product = lambda v_N: hvp(flat_loss, w_N, v_N)

    def one(index: Array) -> Ritz:
        start_N = normal(fold_in(key, index), w_N.shape).astype(w_N.dtype)
        return lanczos(product, start_N, min(steps, w_N.size))

    found = jax.lax.map(one, jnp.arange(probes, dtype=jnp.int32))
    rayleigh_R = jnp.sum(found.weights_K * found.values_K, -1)
    return Density(found.values_K, found.weights_K, w_N.size * rayleigh_R)


def smoothed(density: Density, grid_X: Float[Array, " X"], width: float) -> Float[Array, " X"]:
    """Return the density on a grid, each point widened into a Gaussian of standard deviation width.

    Example:
        >>> one = Density(jnp.zeros((1, 1)), jnp.ones((1, 1)), jnp.zeros(1))
        >>> smoothed(one, jnp.array([0.0, 1.0]), 1.0)
        Array([0.3989423 , 0.24197073], dtype=float32)
    """
    check_number("smoothed", "width", width, above=0)
    away = (grid_X[:, None, None] - density.values_RK[None]) / width
    bell = jnp.exp(-(away**2) / 2) / (width * (2 * jnp.pi) ** 0.5)
    return jnp.mean(jnp.sum(bell * density.weights_RK[None], -1), -1)
