"""A loss of a parameter tree as a function of one vector."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jax import Array
from jax.flatten_util import ravel_pytree

from toylab.errors import ToylabError

Tree = Any  # of arrays, such as a model's parameters
Loss = Callable[[Any], Array]  # of the parameters alone; the data are inside


def flat(
    owner: str, loss: Loss, params: Tree
) -> tuple[Array, Callable[[Array], Array], Callable[[Array], Tree]]:
    """Return the parameters as a vector (N,), the loss of such a vector, and the way back.

    Args:
        owner: who asks, for the message.
        loss: parameters to one number; the batch is inside, fixed, and all randomness is off.
        params: a tree of floats of one kind.

    Raises:
        ToylabError: parameters that are not floats of one kind, or a loss that is not one number.
    """
    kinds = {jnp.asarray(leaf).dtype for leaf in jax.tree.leaves(params)}
    if len(kinds) != 1 or not jnp.issubdtype(next(iter(kinds)), jnp.floating):
        told = ", ".join(sorted(map(str, kinds))) or "nothing"
        raise ToylabError(f"{owner}: parameters of {told}; give a tree of floats of one kind.")
    shape = jax.eval_shape(loss, params).shape
    if shape:
        raise ToylabError(
            f"{owner}: the loss has shape {shape}; give one number, such as the mean over a batch."
        )
    w_N, back = ravel_pytree(params)
    return w_N, lambda v_N: loss(back(v_N)), back
