"""What a dictionary is fitted to and how: checks, a setting per member, activations at scale 1.

Activations may have leading axes, such as a population's members and snapshots: dictionaries are
then fitted to each by itself, all in one program.
"""

from collections.abc import Callable, Sequence
from typing import Any

import jax
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
    """Refuse activations that are no floats (..., N, D), an unknown kind, numbers out of range."""
    if x.ndim < 2 or x.shape[-2] < 2 or not x.size or not np.issubdtype(x.dtype, np.floating):
        raise ToylabError(
            f"{owner}: x is {x.dtype} of shape {x.shape}; give floats (..., N, D), N >= 2."
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
    owner: str, x: Float[np.ndarray, "*lead N D"]
) -> tuple[Float[Array, "*lead N D"], Float[np.ndarray, "*lead D"], Float[np.ndarray, "*lead"]]:
    """Return activations at mean 0 and total variance 1, their mean, and their scale.

    Raises:
        ToylabError: activations that are all alike, or not finite.
    """
    mean = np.asarray(np.mean(x, -2, dtype=np.float64))
    away = x - mean[..., None, :]
    scale = np.sqrt(np.mean(np.sum(away**2, -1), -1))
    bad = ~(np.isfinite(scale) & (scale > 0))
    if bad.any():
        where = f" at {tuple(np.argwhere(bad)[0].tolist())}" if bad.ndim else ""
        raise ToylabError(f"{owner}: the activations{where} are all alike, or not finite.")
    return jnp.asarray(away / scale[..., None, None], jnp.float32), mean, scale


def check_inputs(owner: str, x: Any, lead: tuple[int, ...], inner: tuple[int | None, ...]) -> int:
    """Return how many leading axes inputs have: none, or the first ones of the fitted members.

    Args:
        owner: for the message.
        x: inputs, (..., inner axes).
        lead: leading axes of what was fitted.
        inner: the last axes, None where any size will do.

    Raises:
        ToylabError: other shapes.
    """
    count = x.ndim - len(inner)
    fits = 0 <= count <= len(lead) and x.shape[:count] == lead[:count]
    if not fits or any(n not in (None, m) for n, m in zip(inner, x.shape[count:], strict=True)):
        names = ", ".join("N" if n is None else str(n) for n in inner)
        rest = f", or the first of the axes {lead} before these" if lead else ""
        raise ToylabError(f"{owner}: x has shape {x.shape}; give ({names}){rest}.")
    return count


def each(one: Callable[..., Any], lead: int, *given: int) -> Callable[..., Any]:
    """Return ``one`` over leading axes of its arguments, one member after another.

    Args:
        one: a function of what was fitted, and of data.
        lead: leading axes of its first argument.
        given: of each further argument how many of these axes it has, the first ones.
    """
    for axis in reversed(range(lead)):
        one = _over(one, [True, *(axis < count for count in given)])
    return one


def _over(one: Callable[..., Any], varies: Sequence[bool]) -> Callable[..., Any]:
    def run(*args: Any) -> Any:
        def member(parts: list[Any]) -> Any:
            own = iter(parts)
            rows = zip(args, varies, strict=True)
            return one(*(next(own) if moves else arg for arg, moves in rows))

        return jax.lax.map(member, [a for a, moves in zip(args, varies, strict=True) if moves])

    return run


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
