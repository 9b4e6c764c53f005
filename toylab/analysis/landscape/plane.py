"""A function of parameters on the plane through three networks: the landscape as a picture.

Source: the pictures of Garipov et al. 2018 (arXiv:1802.10026).
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.flatten_util import ravel_pytree
from jaxtyping import Float

from toylab.errors import ToylabError, check_number

Tree = Any  # of arrays, such as a network's parameters


class Plane(NamedTuple):
    """Values on a plane; coordinates are Euclidean distances of parameters.

    Attributes:
        values_YX: at every point of the grid.
        x_X, y_Y: coordinates of its columns and rows.
        corners_32: where the three networks lie: the first at 0, the second on the first axis, the
            third above it.
    """

    values_YX: Float[np.ndarray, "Y X"]
    x_X: Float[np.ndarray, " X"]
    y_Y: Float[np.ndarray, " Y"]
    corners_32: Float[np.ndarray, "3 2"]


def on_plane(
    value: Callable[[Tree], Array],
    a: Tree,
    b: Tree,
    c: Tree,
    side: int = 41,
    margin: float = 0.3,
) -> Plane:
    """Return a function on a grid of the plane through three networks.

    Args:
        value: from parameters to one number, such as a loss.
        a: parameters at the origin.
        b: on the first axis.
        c: on the same side of it as the second axis.
        side: points on a side of the grid.
        margin: left around the three, as a share of their larger extent.

    Raises:
        ToylabError: three networks on one line.

    Example:
        >>> at = [jnp.array(p) for p in ([0.0, 0.0, 0.0], [2.0, 0.0, 0.0], [1.0, 0.0, 1.0])]
        >>> on_plane(lambda w: w[1], *at, side=3).corners_32.tolist()
        [[0.0, 0.0], [2.0, 0.0], [1.0, 1.0]]
    """
    check_number("on_plane", "side", side, 2, whole=True)
    check_number("on_plane", "margin", margin, 0)
    origin_N, back = ravel_pytree(a)
    first_N, third_N = (ravel_pytree(tree)[0] - origin_N for tree in (b, c))
    length = jnp.linalg.norm(first_N)
    along_N = first_N / length
    rest_N = third_N - (third_N @ along_N) * along_N
    if not length > 0 or not jnp.linalg.norm(rest_N) > 1e-6 * length:
        raise ToylabError("on_plane: three networks on one line span no plane; give others.")
    axes_2N = jnp.stack([along_N, rest_N / jnp.linalg.norm(rest_N)])
    points_3N = jnp.stack([jnp.zeros_like(first_N), first_N, third_N])
    corners_32 = np.asarray(points_3N @ axes_2N.T)
    low_2, high_2 = corners_32.min(0), corners_32.max(0)
    around = margin * float((high_2 - low_2).max())
    x_X, y_Y = (np.linspace(low_2[i] - around, high_2[i] + around, side) for i in range(2))
    at = lambda xy: value(back(origin_N + xy @ axes_2N))
    grid_YX2 = jnp.asarray(np.stack(np.meshgrid(x_X, y_Y), -1), origin_N.dtype)
    values_YX = jax.jit(lambda grid: jax.lax.map(jax.vmap(at), grid))(grid_YX2)
    return Plane(np.asarray(values_YX), x_X, y_Y, corners_32)
