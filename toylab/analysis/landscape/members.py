"""Eigenvalues of the Hessians of many networks, each of its own loss, in float64.

A population's members differ in their parameters, and perhaps in their data. One program takes all
of them; what it finds is exact up to the bounds that come with it, whatever the arithmetic of
training was. Call it on snapshots, not within training: an eigendecomposition beside other work of
a training step may lock up on a CPU.
"""

import functools
from collections.abc import Callable
from typing import Any, Literal

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from toylab.analysis.landscape.flat import Tree
from toylab.analysis.landscape.lanczos import Eigenvalues, top_eigenvalues


def member_eigenvalues(
    loss: Callable[[Tree, Any], Array],
    params_P: Tree,
    given_P: Any = (),
    count: int = 1,
    steps: int = 40,
    which: Literal["largest", "smallest", "magnitude"] = "largest",
) -> Eigenvalues:
    """Return extreme eigenvalues of every member's Hessian, as NumPy arrays of float64.

    Args:
        loss: from one member's parameters and what it is given, such as its data, to one number; a
            function that is kept is compiled once.
        params_P: the members' parameters, a tree with leading axes P.
        given_P: the same for what they are given; floats become float64.
        count: C, how many.
        steps: of Lanczos; no more than there are parameters are taken.
        which: as in :func:`toylab.analysis.landscape.lanczos.top_eigenvalues`.

    Returns:
        ``values_C`` and ``bounds_C`` (P, C), and ``vectors`` with leading axes (P, C); NaN where a
        member's parameters are.

    Raises:
        ToylabError: as there.

    Example:
        >>> bowl = lambda w, h: jnp.sum(h * w**2) / 2
        >>> found = member_eigenvalues(bowl, np.ones((2, 3)), np.array([[1.0, 5, 2], [7, 1, 1]]))
        >>> found.values_C.round(6).tolist()
        [[5.0], [7.0]]
    """
    with jax.enable_x64(True):
        params_P, given_P = jax.tree.map(_double, (params_P, given_P))
        found = _all(loss, params_P, given_P, count, steps, which)
        return jax.tree.map(np.asarray, found)


def _double(leaf: Any) -> Array:
    array = np.asarray(leaf)
    return jnp.asarray(array, jnp.float64 if array.dtype.kind == "f" else array.dtype)


@functools.partial(jax.jit, static_argnums=(0, 3, 4, 5))
def _all(loss: Any, params_P: Tree, given_P: Any, count: int, steps: int, which: Any) -> Any:
    def one(params: Tree, given: Any) -> Eigenvalues:
        own = lambda p: loss(p, given)
        return top_eigenvalues(own, params, jax.random.key(0), count, steps, which)

    return jax.vmap(one)(params_P, given_P)
