"""What each layer would answer: logit lens and tuned lens."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import optax
import polars as pl
from jax import Array

from toylab.analysis.attribution.lenses import fit_translators, kl_to_final, logit_lens, translate
from toylab.models.transformer import Transformer
from toylab.read.tables import long_table
from toylab.taps import Params, run
from toylab.tasks.steering.phrases import KINDS

from .network import LENS_BATCH, Config, layers, phrases

LEARNING_RATE = 3e-3


@functools.partial(jax.jit, static_argnums=(0, 1, 2))
def _lenses(
    model: Transformer,
    sites: tuple[str, ...],
    epochs: int,
    params_P: Params,
    fit: tuple[Array, Array],
    test: tuple[Array, Array],
) -> dict[str, Array]:
    """KL to the final distribution by layer and kind of phrase, (P, kinds, I + 1)."""
    tokens_TBL, weight_TBL = fit

    def look(params: Params, tokens: Array) -> tuple[Array, Array]:
        logits, acts = run(model, params, tokens, record=sites)
        flat = lambda a: a.reshape(-1, a.shape[-1])
        return jnp.stack([flat(acts[s]) for s in sites]), flat(logits)

    def one(params: Params) -> dict[str, Array]:
        h, final = jax.lax.map(lambda tokens: look(params, tokens), tokens_TBL)
        updates = epochs * len(tokens_TBL)
        rule = optax.adam(optax.cosine_decay_schedule(LEARNING_RATE, updates))
        flat = weight_TBL.reshape(len(tokens_TBL), -1)
        lens = fit_translators(model, params, h, final, flat, rule, epochs)
        h, final = look(params, test[0])
        kl = lambda x: jnp.stack(
            [kl_to_final(final, logit_lens(model, params, x), w.reshape(-1)) for w in test[1]]
        )
        return {"logit": kl(h), "tuned": kl(translate(lens, h))}

    return jax.vmap(one)(params_P)


def lens_table(config: Config, params_P: Params) -> pl.DataFrame:
    """Table ``lenses``: KL of both lenses by seed, kind of phrase ("all" too) and layer.

    The last layer's lens has no translator to learn: its KL is 0.
    """
    sites, (test, fit) = layers(config)[:-1], phrases(config)
    shape = (config.lm_lens_batches, LENS_BATCH, -1)
    part = tuple(jnp.asarray(x).reshape(shape) for x in (fit.inputs, fit.weights))
    kinds = [test.latents["kind"] == k for k in range(len(KINDS))]
    kind_KB = np.stack([np.ones(len(test.inputs)), *kinds])
    weight_KBL = jnp.asarray(kind_KB[..., None] * test.weights[None], jnp.float32)
    judged = (jnp.asarray(test.inputs), weight_KBL)
    found = _lenses(config.model(), sites, config.lm_lens_epochs, params_P, part, judged)
    return long_table({"init_seed": None, "kind": ("all", *KINDS), "layer": None}, **found)
