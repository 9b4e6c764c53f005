"""Tensor-product binding of fillers to roles that are orthonormal, and its exact inverse.

    x = sum_k f_k (x) r_k,        f_k = x r_k

It is binding by matrices ``A_k = I (x) r_k``, whose images lie in subspaces that are orthogonal to
each other; the price is a width of fillers times roles.

Source: Smolensky 1990; Wattenberg & Viegas 2024 (arXiv:2407.14662).
"""

import numpy as np
from jaxtyping import Float

from toylab.errors import ToylabError

TOLERANCE = 1e-6  # of the roles' inner products


def tensor_bind(
    fillers: Float[np.ndarray, "*n K D"], roles: Float[np.ndarray, "K R"]
) -> Float[np.ndarray, "*n DR"]:
    """Sum of the products of fillers and roles, with the role's index fastest.

    Args:
        fillers: one for each role.
        roles: orthonormal rows.

    Raises:
        ToylabError: roles that are not orthonormal, or another number of fillers.

    Example:
        >>> tensor_bind(np.array([[1.0, 2.0], [3.0, 4.0]]), np.eye(2)).tolist()
        [1.0, 3.0, 2.0, 4.0]
    """
    roles = _orthonormal("tensor_bind", roles)
    if np.ndim(fillers) < 2 or fillers.shape[-2] != len(roles):
        raise ToylabError(
            f"tensor_bind: fillers of shape {np.shape(fillers)} for {len(roles)} roles; give "
            "(..., roles, width)."
        )
    product = np.einsum("...kd,kr->...dr", fillers, roles)
    return product.reshape(*product.shape[:-2], -1)


def tensor_unbind(
    bound: Float[np.ndarray, "*n DR"], roles: Float[np.ndarray, "K R"]
) -> Float[np.ndarray, "*n K D"]:
    """The filler of every role.

    Raises:
        ToylabError: roles that are not orthonormal, or a width that is no multiple of theirs.
    """
    roles = _orthonormal("tensor_unbind", roles)
    if not np.ndim(bound) or bound.shape[-1] % roles.shape[1]:
        raise ToylabError(
            f"tensor_unbind: width {np.shape(bound)[-1:]} is no multiple of the roles' "
            f"{roles.shape[1]}."
        )
    table = bound.reshape(*bound.shape[:-1], -1, roles.shape[1])
    return np.einsum("...dr,kr->...kd", table, roles)


def _orthonormal(owner: str, roles: Float[np.ndarray, "K R"]) -> Float[np.ndarray, "K R"]:
    roles = np.asarray(roles, np.float64)
    if roles.ndim != 2 or not np.allclose(roles @ roles.T, np.eye(len(roles)), atol=TOLERANCE):
        raise ToylabError(
            f"{owner}: roles of shape {roles.shape} are not orthonormal rows, so that they cannot "
            "be told apart exactly; take those of a QR decomposition."
        )
    return roles
