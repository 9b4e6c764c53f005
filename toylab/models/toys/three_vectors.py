"""Three vectors whose outer product must become a given tensor, by plain gradient descent.

``loss = 1/2 mean (a (x) b (x) c - a* (x) b* (x) c*)^2`` over the D^3 entries. As a circuit works
only when all its parts do, each gradient is scaled by the other two vectors: hence a plateau.

With b and c at the answer, the gradient on a is ``s (a - a*)`` with ``s = |b*|^2 |c*|^2 / D^3``, so
that the loss falls as ``(1 - rate s)^(2 t)`` exactly.

Source: Singh et al. 2024 (arXiv:2404.07129), "What needs to go right for an induction head?".
"""

import jax
import jax.numpy as jnp
from jax import Array
from jaxtyping import Float

from toylab.task import Number


def tensor_loss(vectors_3D: Float[Array, "3 D"], answer_3D: Float[Array, "3 D"]) -> Array:
    """Half the mean squared error of the product over its D^3 entries, without forming them.

    As ``<a (x) b (x) c, a* (x) b* (x) c*> = (a . a*)(b . b*)(c . c*)``, the squared error is the
    product of the three ``|.|^2``, minus twice that of the overlaps, plus that of the answer.

    Example:
        >>> float(tensor_loss(jnp.ones((3, 2)), jnp.ones((3, 2))))
        0.0
    """
    dot = lambda left_3D, right_3D: jnp.prod(jnp.sum(left_3D * right_3D, -1))
    squared = dot(vectors_3D, vectors_3D) - 2 * dot(vectors_3D, answer_3D)
    return 0.5 * (squared + dot(answer_3D, answer_3D)) / vectors_3D.shape[1] ** 3


def descend(
    start_3D: Float[Array, "3 D"],
    answer_3D: Float[Array, "3 D"],
    trained_3: Float[Array, " 3"],
    rate: Number,
    steps: int,
) -> Float[Array, " S"]:
    """Return the loss before each of ``steps`` updates.

    Args:
        start_3D: the vectors at the start.
        answer_3D: factors of the tensor.
        trained_3: 1 for a vector that is trained, 0 for one that stays.
        rate: learning rate.
        steps: number of updates S.
    """

    def step(vectors_3D: Array, _: None) -> tuple[Array, Array]:
        value, grad_3D = jax.value_and_grad(tensor_loss)(vectors_3D, answer_3D)
        return vectors_3D - rate * trained_3[:, None] * grad_3D, value

    return jax.lax.scan(step, start_3D, length=steps)[1]


def contraction(answer_3D: Float[Array, "3 D"]) -> Array:
    """Return ``s = |b*|^2 |c*|^2 / D^3``, the curvature for a with b and c at the answer."""
    return jnp.prod(jnp.sum(answer_3D[1:] ** 2, -1)) / answer_3D.shape[1] ** 3
