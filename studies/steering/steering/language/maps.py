"""Task vectors: one activation at the arrow, taken from examples, put where there are none.

F functions, T sets of five examples, Q dummy queries, X asked items, I + 1 layers, P members.
"""

import functools
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import polars as pl
from jax import Array

from toylab.analysis.steering.task_vectors import best_layer, patch_last, task_vector
from toylab.models.transformer import Transformer
from toylab.taps import Params, run
from toylab.tasks.steering.phrases import FUNCTIONS
from toylab.tasks.steering.phrases_truth import map_table

from .network import JUDGED, Config, layers

DUMMIES = 2
ASKED = 2


class Prompts(NamedTuple):
    """Prompts with examples (F, T, Q + X, L), items asked (F, T, X), their values (F, T, X)."""

    tokens: np.ndarray
    asked: np.ndarray
    value: np.ndarray


def draw_prompts(config: Config) -> Prompts:
    """Example sets of each function, each followed by dummy queries and by items to ask for.

    Examples, dummies and asked items of a set are distinct.
    """
    task, rng = config.world(), np.random.default_rng(JUDGED)
    table, first = map_table(task.n_items), task.starts
    shown, queries = task.triples - 1, min(DUMMIES + ASKED, task.n_items - task.triples + 1)
    tokens, asked = [], []
    for row in table:
        for _ in range(config.lm_demo_sets):
            item = rng.permutation(task.n_items)[: shown + queries]
            demo = np.stack([item[:shown], np.full(shown, first["ARROW"]), row[item[:shown]]], 1)
            for query in item[shown:]:
                tokens.append([first["MAP"], *demo.ravel(), query, first["ARROW"]])
            asked.append(item[shown + DUMMIES :])
    shape = (len(table), config.lm_demo_sets)
    asked = np.array(asked).reshape(*shape, -1)
    value = table[np.arange(len(table))[:, None, None], asked]
    return Prompts(np.array(tokens, np.int32).reshape(*shape, queries, -1), asked, value)


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
        edit = lambda theta_TD: (
            patch_last(
                site,
                jnp.broadcast_to(
                    theta_TD[None, :, None], (*bare_FTX3.shape[:3], theta_TD.shape[-1])
                ).reshape(len(flat), -1),
                3,
            ),
        )
        answer = lambda theta: run(model, params, flat, edits=edit(theta))[0][:, -1].argmax(-1)
        return jax.lax.map(answer, theta_FTD).reshape(n_functions, *bare_FTX3.shape[:3])

    def one(params: Params) -> tuple[Array, Array, Array]:
        logits, acts = run(model, params, tokens_FTQL.reshape(-1, length), record=sites)
        told = logits[:, -1].argmax(-1).reshape(tokens_FTQL.shape[:3])
        bare = run(model, params, flat)[0][:, -1].argmax(-1).reshape(bare_FTX3.shape[:3])
        found = []
        for site in sites:
            act = acts[site].reshape(*tokens_FTQL.shape, -1)[:, :, :DUMMIES]
            found.append(patched(params, site, task_vector(act)))
        return told[..., DUMMIES:], bare, jnp.stack(found)

    return jax.vmap(one)(params_P)


def map_tables(config: Config, params_P: Params) -> dict[str, Any]:
    """Table ``task_vectors``: accuracies of each layer; the first half of the sets chooses one."""
    task, prompts = config.world(), draw_prompts(config)
    first, sites = task.starts, layers(config)
    ends = [np.full_like(prompts.asked, first[name]) for name in ("MAP", "ARROW")]
    bare = np.stack([ends[0], prompts.asked, ends[1]], -1).astype(np.int32)
    tokens = jnp.asarray(prompts.tokens)
    found = _answers(config.model(), sites, params_P, tokens, jnp.asarray(bare))
    told_P, bare_P, patched_P = (np.asarray(a) for a in found)
    rows = []
    for seed in range(len(told_P)):
        rows += [
            {"init_seed": seed} | row
            for row in layer_rows(told_P[seed], bare_P[seed], patched_P[seed], prompts.value)
        ]
    return {"task_vectors": pl.DataFrame(rows)}


def layer_rows(
    told: np.ndarray, bare: np.ndarray, patched: np.ndarray, value: np.ndarray
) -> list[dict[str, Any]]:
    """One member's rows, one per layer, all accuracies on the second half of the sets.

    Args:
        told: answers with examples (F, T, X).
        bare: answers without (F, T, X).
        patched: answers (I + 1, F, F, T, X) with the vector of one function, the prompt of another.
        value: right answers (F, T, X).
    """
    half = value.shape[1] // 2
    right = patched == value[None, None]
    own = np.einsum("ifftx->iftx", right)
    mean = lambda a: a.mean((-3, -2, -1))
    best = best_layer(mean(own[:, :, :half]))
    n, wrong = len(FUNCTIONS), right[:, :, :, half:].sum((1, 2)) - own[:, :, half:].sum(1)
    wrong = wrong.mean((-2, -1)) / (n * (n - 1))
    return [
        {
            "layer": i,
            "chosen": i == best,
            "interior": float(0 < best < len(patched) - 1),
            "patched": float(mean(own[i, :, half:])),
            "wrong": float(wrong[i]),
            "examples": float(mean((told == value)[:, half:])),
            "none": float(mean((bare == value)[:, half:])),
        }
        for i in range(len(patched))
    ]
