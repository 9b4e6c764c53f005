"""Logit lens and tuned lens: what each layer would answer through the final unembedding.

I layers, D width, V vocabulary.

Source: logit lens: nostalgebraist 2020; tuned lens: Belrose et al. 2023 (2303.08112), with their
code: translators start at zero and minimise the KL to the final distribution.
"""

from typing import Any

import jax
import jax.numpy as jnp
import optax
from jax import Array
from jaxtyping import Float

from toylab.models.functional import norm, readout
from toylab.models.transformer import Transformer
from toylab.taps import Params

Translators = dict[str, Array]


def logit_lens(model: Transformer, params: Params, h: Float[Array, "*lead D"]) -> Array:
    """Return the logits of a residual activation, ``norm(h) W_U + b_U``; float (..., V)."""
    return readout(model, params, norm(model.norm, params.get("norm"), h))


def no_translators(layers: int, width: int) -> Translators:
    """Translators ``A`` (I, D, D) and ``b`` (I, D) of zeros: the tuned lens is the logit lens."""
    return {
        "A": jnp.zeros((layers, width, width), jnp.float32),
        "b": jnp.zeros((layers, width), jnp.float32),
    }


def translate(lens: Translators, h_IND: Float[Array, "I N D"]) -> Float[Array, "I N D"]:
    """Move each layer's activations to the last layer's: ``h + A_l h + b_l``."""
    return h_IND + jnp.einsum("ind,ide->ine", h_IND, lens["A"]) + lens["b"][:, None]


def kl_to_final(
    final_NV: Float[Array, "N V"], lens_INV: Float[Array, "I N V"], weight_N: Float[Array, " N"]
) -> Float[Array, " I"]:
    """Weighted mean of ``KL(softmax(final) || softmax(lens))`` at each layer, in nats."""
    p, q = jax.nn.log_softmax(final_NV, -1)[None], jax.nn.log_softmax(lens_INV, -1)
    kl_IN = jnp.sum(jnp.exp(p) * (p - q), -1)
    return jnp.einsum("in,n->i", kl_IN, weight_N / weight_N.sum())


def fit_translators(
    model: Transformer,
    params: Params,
    h_TIND: Float[Array, "T I N D"],
    final_TNV: Float[Array, "T N V"],
    weight_TN: Float[Array, "T N"],
    optimizer: optax.GradientTransformation,
    epochs: int = 1,
) -> Translators:
    """Minimise the KL to the final distribution, summed over layers, one update per batch.

    Args:
        model: the model, for its unembedding.
        params: its parameters; they stay as they are.
        h_TIND: activations of T batches at I layers.
        final_TNV: the model's logits.
        weight_TN: weight of each sample.
        optimizer: an Optax transformation.
        epochs: passes over the batches.
    """
    start = no_translators(h_TIND.shape[1], h_TIND.shape[-1])

    def loss(lens: Translators, h: Array, final: Array, weight: Array) -> Array:
        return kl_to_final(final, logit_lens(model, params, translate(lens, h)), weight).sum()

    def step(state: tuple[Translators, Any], batch: tuple[Array, ...]) -> tuple[Any, None]:
        lens, memory = state
        gradient = jax.grad(loss)(lens, *batch)
        with jax.numpy_dtype_promotion("standard"):  # Optax counts in whole numbers
            change, memory = optimizer.update(gradient, memory, lens)
            return (optax.apply_updates(lens, change), memory), None

    def epoch(state: Any, _: None) -> tuple[Any, None]:
        return jax.lax.scan(step, state, (h_TIND, final_TNV, weight_TN))[0], None

    state, _ = jax.lax.scan(epoch, (start, optimizer.init(start)), None, length=epochs)
    return state[0]
