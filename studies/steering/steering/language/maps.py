"""Task vectors: one activation at the arrow, from a prompt with examples to one without.

F functions, T sets of five examples, Q dummy queries, X asked items, I + 1 layers, P members.
"""

import functools
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import polars as pl
from jax import Array

from toylab.analysis.steering.task_vectors import best_layer, patch_last, task_vector
from toylab.models.transformer import Transformer
from toylab.taps import Edit, Params, run
from toylab.tasks.steering.phrases import FUNCTIONS
from toylab.tasks.steering.phrases_prompts import map_prompts

from .network import JUDGED, Config, layers

DUMMIES = 2
ASKED = 2


@functools.partial(jax.jit, static_argnums=(0, 1))
def _answers(
    model: Transformer,
    sites: tuple[str, ...],
    params_P: Params,
    tokens_FTQL: Array,
    bare_FTX3: Array,
) -> tuple[Array, Array, Array]:
    """Answers to asked items: with examples (P, F, T, X), bare, and patched (P, I + 1, F, F, T, X).

    The patched ones have the vector's function before the prompt's.
    """
    n_functions, length = len(tokens_FTQL), tokens_FTQL.shape[-1]
    flat = bare_FTX3.reshape(-1, 3)

    def patched(params: Params, site: str, theta_FTD: Array) -> Array:
        def edit(theta_TD: Array) -> tuple[Edit]:
            shape = (*bare_FTX3.shape[:3], theta_TD.shape[-1])
            theta = jnp.broadcast_to(theta_TD[None, :, None], shape)
            return (patch_last(site, theta.reshape(len(flat), -1), 3),)

        answer = lambda theta: run(model, params, flat, edits=edit(theta))[0][:, -1].argmax(-1)
        return jax.lax.map(answer, theta_FTD).reshape(n_functions, *bare_FTX3.shape[:3])

    def one(params: Params) -> tuple[Array, Array, Array]:
        logits, acts = run(model, params, tokens_FTQL.reshape(-1, length), record=sites)
        shown = logits[:, -1].argmax(-1).reshape(tokens_FTQL.shape[:3])
        bare = run(model, params, flat)[0][:, -1].argmax(-1).reshape(bare_FTX3.shape[:3])
        found = []
        for site in sites:
            act = acts[site].reshape(*tokens_FTQL.shape, -1)[:, :, :DUMMIES]
            found.append(patched(params, site, task_vector(act)))
        return shown[..., DUMMIES:], bare, jnp.stack(found)

    return jax.vmap(one)(params_P)


def map_table(config: Config, params_P: Params) -> pl.DataFrame:
    """Table ``task_vectors``: accuracies of each layer; the first half of the sets chooses one."""
    rng = np.random.default_rng(JUDGED)
    prompts = map_prompts(config.world(), config.lm_demo_sets, DUMMIES + ASKED, rng)
    shown, bare = jnp.asarray(prompts.shown), jnp.asarray(prompts.bare[:, :, DUMMIES:])
    found = _answers(config.model(), layers(config), params_P, shown, bare)
    shown_P, bare_P, patched_P = (np.asarray(a) for a in found)
    rows = [
        {"init_seed": seed} | row
        for seed in range(len(bare_P))
        for row in layer_rows(
            shown_P[seed], bare_P[seed], patched_P[seed], prompts.value[:, :, DUMMIES:]
        )
    ]
    return pl.DataFrame(rows)


def layer_rows(
    shown: np.ndarray, bare: np.ndarray, patched: np.ndarray, value: np.ndarray
) -> list[dict[str, Any]]:
    """One member's rows, one per layer, all accuracies on the second half of the sets.

    Args:
        shown: answers with examples (F, T, X).
        bare: answers without (F, T, X).
        patched: answers (I + 1, F, F, T, X) with the vector of one function, the prompt of another.
        value: correct answers (F, T, X).
    """
    half = value.shape[1] // 2
    correct = patched == value[None, None]
    own = np.einsum("ifftx->iftx", correct)
    mean = lambda a: a.mean((-3, -2, -1))
    best = best_layer(mean(own[:, :, :half]))
    n, wrong = len(FUNCTIONS), correct[:, :, :, half:].sum((1, 2)) - own[:, :, half:].sum(1)
    wrong = wrong.mean((-2, -1)) / (n * (n - 1))
    return [
        {
            "layer": i,
            "chosen": i == best,
            "patched": float(mean(own[i, :, half:])),
            "wrong": float(wrong[i]),
            "examples": float(mean((shown == value)[:, half:])),
            "none": float(mean((bare == value)[:, half:])),
        }
        for i in range(len(patched))
    ]
