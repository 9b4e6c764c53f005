"""Learning coefficients known exactly, to compare estimates with. NumPy in float64 on the host.

Sources: the quadratic follows from the stationary variance of the linear recursion; Aoyagi and
Watanabe 2005 (Stochastic complexities of reduced rank regression in Bayesian estimation).
"""

import numpy as np
from jaxtyping import Float
from numpy.typing import ArrayLike

from toylab.errors import ToylabError, check_number


def quadratic_coefficient(
    curvature: Float[ArrayLike, " N"], n_beta: float, localization: float, step_size: float = 0.0
) -> float:
    """Return what SGLD of a step size estimates on ``L = sum_i h_i w_i^2 / 2``.

    ``sum_i n_beta h_i / (2 a_i (1 - eps a_i / 4))`` with ``a_i = n_beta h_i + gamma``: flat
    directions, with ``n_beta h`` not far above gamma, are lost, and sharp ones are inflated by eps.

    Args:
        curvature: h, (N,), eigenvalues of the Hessian.
        n_beta: inverse temperature.
        localization: gamma.
        step_size: eps; 0 for exact sampling.

    Raises:
        ToylabError: a step at which SGLD diverges, ``eps max a >= 4``, or one of no restraint.

    Example:
        >>> round(quadratic_coefficient([1.0, 1.0, 1.0, 0.0], 100, 1, 1e-3), 3)
        1.524
    """
    h_N = np.asarray(curvature, np.float64)
    a_N = n_beta * h_N + localization
    if not (a_N > 0).all() or not (step_size * a_N < 4).all():
        raise ToylabError(
            f"quadratic_coefficient: n_beta h + localization from {a_N.min():.3g} to "
            f"{a_N.max():.3g}; it must be above 0 and below 4 / step_size."
        )
    return float((n_beta * h_N / (2 * a_N * (1 - step_size * a_N / 4))).sum())


def reduced_rank_coefficient(inputs: int, hidden: int, outputs: int, rank: int) -> float:
    """Return the learning coefficient of a two-layer linear network whose truth has a rank.

    ``f(x) = B A x`` with A (H, M) and B (N, H) where the true ``B A`` has rank r. In the balanced
    case it is ``(2 (H + r) (M + N) - (M - N)^2 - (H + r)^2) / 8``, and 1/8 more where ``M + H + N +
    r`` is odd; where one width exceeds what the others need, the dimension over 2 of a smaller
    model. With ``r = H`` it is half the dimension of the matrices of rank H, ``H (M + N - H) / 2``.

    Args:
        inputs: M.
        hidden: H.
        outputs: N.
        rank: r, at most all three.

    Raises:
        ToylabError: a rank that no such network has.

    Source: Aoyagi and Watanabe 2005, main theorem.

    Example:
        >>> reduced_rank_coefficient(5, 2, 5, 2)
        8.0
    """
    m, h, n, r = inputs, hidden, outputs, rank
    for name, value in (("inputs", m), ("hidden", h), ("outputs", n)):
        check_number("reduced_rank_coefficient", name, value, 1, whole=True)
    check_number("reduced_rank_coefficient", "rank", r, 0, min(m, h, n), whole=True)
    if m + h < n + r:
        return (h * m - h * r + n * r) / 2
    if n + h < m + r:
        return (h * n - h * r + m * r) / 2
    if m + n < h + r:
        return m * n / 2
    odd = (m + h + n + r) % 2
    return (2 * (h + r) * (m + n) - (m - n) ** 2 - (h + r) ** 2 + odd) / 8
