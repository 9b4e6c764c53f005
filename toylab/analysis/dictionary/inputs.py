"""What a dictionary is fitted to and how: checks, a setting per member, activations at scale 1."""

from collections.abc import Sequence

import jax.numpy as jnp
import numpy as np
from jax import Array
from jaxtyping import Float

from toylab.errors import ToylabError, check_number, nearest

KINDS = ("topk", "l1")


def check_fit(
    owner: str,
    x: np.ndarray,
    features: int,
    kind: str,
    steps: int,
    batch: int,
    rate: float,
    resamples: int,
) -> None:
    """Refuse activations that are not floats (N, D), an unknown kind, or numbers out of range."""
    if np.ndim(x) != 2 or len(x) < 2 or not np.issubdtype(x.dtype, np.floating):
        raise ToylabError(
            f"{owner}: x is {x.dtype} of shape {np.shape(x)}; give floats (N, D), N >= 2."
        )
    if kind not in KINDS:
        raise ToylabError(f"{owner}: unknown kind {kind!r}: {nearest(str(kind), KINDS)}")
    for name, value, low in (
        ("features", features, 1),
        ("steps", steps, 0),
        ("batch_size", batch, 1),
        ("resamples", resamples, 0),
    ):
        check_number(owner, name, value, low, whole=True)
    check_number(owner, "learning_rate", rate, above=0)


def settings(
    owner: str,
    kind: str,
    features: int,
    k: int | Sequence[int],
    l1: float | Sequence[float],
    seeds: Sequence[int],
) -> tuple[Array, Array, int]:
    """Return k and l1 of each member, (P,), and the largest k; F for the L1 kind."""
    k_P, l1_P = _per_seed(owner, "k", k, seeds), _per_seed(owner, "l1", l1, seeds)
    for value in k_P if kind == "topk" else ():
        check_number(owner, "k", value, 1, features, whole=True)
    for value in l1_P:
        check_number(owner, "l1", value, low=0)
    k_P = k_P if kind == "topk" else np.full(len(seeds), features)
    return jnp.asarray(k_P, jnp.int32), jnp.asarray(l1_P, jnp.float32), int(k_P.max())


def standardised(
    owner: str, x: Float[np.ndarray, "N D"]
) -> tuple[Float[Array, "N D"], Float[np.ndarray, " D"], float]:
    """Return activations at mean 0 and total variance 1, their mean, and their scale.

    Raises:
        ToylabError: activations that are all alike, or not finite.
    """
    mean_D = np.asarray(np.mean(x, 0, dtype=np.float64))
    scale = np.sqrt(np.mean(np.sum((x - mean_D) ** 2, 1)))
    if not scale > 0 or not np.isfinite(scale):
        raise ToylabError(f"{owner}: the activations are all alike, or not finite.")
    return jnp.asarray((x - mean_D) / scale, jnp.float32), mean_D, scale


def _per_seed(
    owner: str, name: str, value: float | Sequence[float], seeds: Sequence[int]
) -> np.ndarray:
    values = np.atleast_1d(np.asarray(value))
    if values.shape not in ((1,), (len(seeds),)) or not len(seeds):
        raise ToylabError(
            f"{owner}: {len(seeds)} seeds and {values.size} values of {name}; give one value, or "
            "one per seed."
        )
    return np.broadcast_to(values, len(seeds))
