"""Two sets of activations of the same inputs."""

import jax.numpy as jnp
from jax import Array
from jaxtyping import Float

from toylab.errors import ToylabError


def checked(owner: str, x: Array, y: Array, least: int) -> None:
    """Refuse two arrays that are not floats (N, D) and (N, E) with at least so many inputs."""
    fits = jnp.ndim(x) == jnp.ndim(y) == 2 and x.shape[0] == y.shape[0] >= least
    if not fits or not all(jnp.issubdtype(a.dtype, jnp.floating) for a in (x, y)):
        raise ToylabError(
            f"{owner}: {x.dtype} {x.shape} and {y.dtype} {y.shape}; give floats (N, D) and (N, E) "
            f"of the same N >= {least} inputs, and jax.vmap over what comes before."
        )


def centred(x: Float[Array, "N D"]) -> Float[Array, "N D"]:
    """Return activations less their mean over inputs."""
    return x - jnp.mean(x, 0, keepdims=True)
