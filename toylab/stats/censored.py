"""A straight line through the logarithms of times of which some are only bounded from below."""

import numpy as np
from jaxtyping import Bool, Float
from numpy.typing import ArrayLike
from scipy import optimize, special

LEAST = np.log(1e-9)  # of log s: times on one exact line would send it to minus infinity


def censored_line(
    x_ND: Float[ArrayLike, "N D"], time_N: Float[ArrayLike, " N"], event_N: Bool[ArrayLike, " N"]
) -> np.ndarray:
    """Fit ``log t = b_0 + b x + s noise`` by maximum likelihood, with right-censored times.

    A time that was seen adds ``log phi(z) - log s``, one that was not adds ``log Phi(-z)``, with
    ``z = (log t - b_0 - b x) / s`` and normal noise: the log-normal accelerated failure time model.

    Args:
        x_ND: covariates.
        time_N: times, or lower bounds of them.
        event_N: True where the time was seen.

    Returns:
        ``b_0, b`` (D + 1,); NaN where fewer events than numbers to fit were seen.

    Source:
        Kalbfleisch and Prentice 2002, section 3.6.
    """
    x_ND, event_N = np.asarray(x_ND, np.float64), np.asarray(event_N, bool)
    design = np.column_stack([np.ones(len(x_ND)), x_ND])
    log_t = np.log(np.asarray(time_N, np.float64))
    if event_N.sum() <= design.shape[1] or np.linalg.matrix_rank(design[event_N]) < len(design.T):
        return np.full(design.shape[1], np.nan)
    start = np.linalg.lstsq(design[event_N], log_t[event_N], rcond=None)[0]

    def loss(values: np.ndarray) -> float:
        log_scale = max(values[-1], LEAST)
        z_N = (log_t - design @ values[:-1]) / np.exp(log_scale)
        seen = -0.5 * z_N**2 - log_scale
        return -float(np.sum(np.where(event_N, seen, special.log_ndtr(-z_N))))

    spread = max(float(np.std(log_t[event_N] - design[event_N] @ start)), 1e-2)
    options = {"maxiter": 20_000, "maxfev": 20_000, "xatol": 1e-6, "fatol": 1e-9}
    first = np.append(start, np.log(spread))
    return optimize.minimize(loss, first, method="Nelder-Mead", options=options).x[:-1]
