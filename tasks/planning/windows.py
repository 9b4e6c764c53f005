"""Windows of the tokens ahead, and their weights, which fall with the distance."""

import jax.numpy as jnp
import numpy as np
from jax import Array
from jaxtyping import Float, Int

from toylab.errors import check_number
from toylab.task import Number


def check_ahead(owner: str, ahead: Number, decay: Number, horizon: Number) -> None:
    """Refuse what :func:`weights_ahead` cannot weigh.

    Raises:
        ToylabError: no token ahead, a decay outside [0, 1], a horizon below 1.
    """
    check_number(owner, "ahead", ahead, low=1, whole=True)
    check_number(owner, "decay", decay, low=0, high=1)
    check_number(owner, "horizon", horizon, low=1, whole=True)


def windows(tokens_L: Int[Array, " L"], ahead: int) -> Int[Array, "T N"]:
    """Return the next N tokens of each of the first L - N positions.

    Example:
        >>> windows(jnp.array([5, 6, 7, 8]), 2).tolist()
        [[6, 7], [7, 8]]
    """
    place_TN = np.arange(len(tokens_L) - ahead)[:, None] + 1 + np.arange(ahead)
    return tokens_L[place_TN]


def weights_ahead(ahead: int, decay: Number, horizon: Number) -> Float[Array, " N"]:
    """Return ``decay^j`` for the token j + 1 ahead, 0 beyond the horizon.

    Source: Walker 2024 (arXiv:2410.18160), by an account of it: losses fall exponentially.

    Example:
        >>> weights_ahead(3, 0.5, 2).tolist()
        [1.0, 0.5, 0.0]
    """
    j = jnp.arange(ahead, dtype=jnp.float32)
    fall = jnp.power(jnp.asarray(decay, jnp.float32), j)
    return jnp.where(j < jnp.asarray(horizon, jnp.float32), fall, 0.0)
