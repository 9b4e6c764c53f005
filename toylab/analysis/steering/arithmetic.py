"""Task arithmetic: what fine-tuning added to the weights, as a vector to add or to subtract."""

from collections.abc import Sequence

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from toylab import random
from toylab.errors import ToylabError
from toylab.taps import Params
from toylab.task import Number


def _same_tree(owner: str, *trees: Params) -> None:
    shapes = [jax.tree.map(jnp.shape, tree) for tree in trees]
    if any(shape != shapes[0] for shape in shapes):
        raise ToylabError(f"{owner}: parameters of different shapes; give networks of one shape.")


def task_vector(tuned: Params, base: Params) -> Params:
    """Return ``tau = theta_tuned - theta_base``.

    Args:
        tuned: parameters after fine-tuning on the task.
        base: those it started from.

    Raises:
        ToylabError: parameters of different shapes.

    Source: Ilharco et al. 2023 (arXiv:2212.04089), section 2.
    """
    _same_tree("task_vector", tuned, base)
    return jax.tree.map(lambda a, b: a - b, tuned, base)


def add_vectors(base: Params, vectors: Sequence[Params], strength: Number = 1.0) -> Params:
    """Return ``theta_base + strength * sum_i tau_i``; a negative strength forgets.

    An analogy "C is to D as A is to B" is the sum of tau_C, tau_B and -tau_A.

    Args:
        base: parameters to change.
        vectors: task vectors of the same shapes, at least one.
        strength: lambda, chosen on held-out examples.

    Raises:
        ToylabError: no vector, or shapes that differ.

    Source: Ilharco et al. 2023 (arXiv:2212.04089), section 2.

    Example:
        >>> base, tuned = {"w": jnp.zeros(2)}, {"w": jnp.ones(2)}
        >>> add_vectors(base, [task_vector(tuned, base)], -0.5)["w"].tolist()
        [-0.5, -0.5]
    """
    if not vectors:
        raise ToylabError("add_vectors: no vectors; give at least one.")
    _same_tree("add_vectors", base, *vectors)
    scale = jnp.asarray(strength, jnp.float32)
    return jax.tree.map(lambda w, *taus: w + scale * sum(taus), base, *vectors)


def random_like(vector: Params, key: Array) -> Params:
    """Return a random vector with the norm of each of the vector's arrays, as a control.

    Args:
        vector: a task vector.
        key: random key.
    """
    leaves, tree = jax.tree.flatten(vector)
    sizes = [np.size(leaf) for leaf in leaves]
    pieces = jnp.split(random.normal(key, (sum(sizes),)), np.cumsum(sizes)[:-1])
    rescaled = lambda z, leaf: z * (jnp.linalg.norm(jnp.ravel(leaf)) / jnp.linalg.norm(z))
    pairs = zip(pieces, leaves, strict=True)
    return tree.unflatten([rescaled(z, leaf).reshape(jnp.shape(leaf)) for z, leaf in pairs])
