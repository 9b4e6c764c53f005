"""What a prediction owes to a token: the fall of its logit when the token becomes another.

P members, R replacements, B examples, L positions, V logits.
"""

import functools

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jaxtyping import Float, Int

from toylab.errors import ToylabError
from toylab.taps import Model, Params


@functools.partial(jax.jit, static_argnums=0)
def _logits(model: Model, params_P: Params, inputs_BL: Array) -> Array:
    return jax.lax.map(lambda params: model.apply(params, inputs_BL), params_P)


def logit_drops(
    model: Model,
    params_P: Params,
    inputs_BL: Int[np.ndarray, "B L"],
    others_RBL: Int[np.ndarray, "R B L"],
) -> Float[np.ndarray, "P R L"]:
    """Return the mean fall of the logit that was largest, at each position, on other inputs.

    Args:
        model: with logits at every position, (B, L, V).
        params_P: parameters of a population.
        inputs_BL: tokens.
        others_RBL: the same with some of the tokens replaced, R times.

    Raises:
        ToylabError: other inputs of another shape.

    Source: long-range logit attribution of Bai et al. 2025 (arXiv:2510.00184).
    """
    if others_RBL.shape[1:] != inputs_BL.shape:
        raise ToylabError(
            f"logit_drops: inputs of shape {inputs_BL.shape}, others of {others_RBL.shape}; give "
            "(B, L) and (R, B, L)."
        )
    each = lambda x: np.asarray(_logits(model, params_P, jnp.asarray(x)))
    first_PBLV = each(inputs_BL)
    top_PBL1 = first_PBLV.argmax(-1)[..., None]
    of = lambda logits: np.take_along_axis(logits, top_PBL1, -1)[..., 0]
    return np.stack([(of(first_PBLV) - of(each(x))).mean(1) for x in others_RBL], 1)
