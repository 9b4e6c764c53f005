"""How far back heads look: mean attention by lag."""

import numpy as np
from jaxtyping import Float


def attention_by_lag(pattern: Float[np.ndarray, "*lead L L"]) -> Float[np.ndarray, "*lead T"]:
    """Return mean attention to the place ``lag`` back, over queries of the context's second half.

    ``mean_{t >= L / 2} A[t, t - lag]`` for lags 0 to T - 1 with T = L / 2, which those queries all
    have.

    Args:
        pattern: attention, queries before keys.
    """
    half = pattern.shape[-1] // 2
    lags = [np.diagonal(pattern, -lag, -2, -1)[..., half - lag :].mean(-1) for lag in range(half)]
    return np.stack(lags, axis=-1)
