"""Ablations of attention: uniform, mean and zero, of all heads and of each.

``uniform`` sets scores to 0, so that EOS reads the mean over the string: how many symbols of each
kind there are survives, and where they stand does not. ``mean`` sets the pattern to its mean over
strings of the same length seen in training: what depends on the symbols is gone, what depends on
positions survives. ``zero`` removes what a head writes, and with it the counts.

Source: Li et al. 2025, section 5, take uniform and mean; zero is ours.

N strings, L tokens, H heads, S sizes.
"""

from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import polars as pl
from jax import Array

from toylab.change import NOTHING, Change, Target, edge, head, patch, run_changes, zero
from toylab.models import Transformer
from toylab.taps import run
from toylab.tasks.brackets import strings
from toylab.tasks.brackets.exams import outcomes

from .answers import log_odds

METHODS = ("uniform", "mean", "zero")
ALL = -1  # head or layer: all of them


def mean_patterns(
    model: Transformer, params: Any, seen_NL: np.ndarray, tokens_NL: np.ndarray
) -> dict[int, Array]:
    """Return, per layer, the mean pattern over seen strings of each string's length (N, H, L, L).

    Args:
        model: the model.
        params: of one member.
        seen_NL: strings that the mean is over.
        tokens_NL: strings, each of a size that some of the former have.
    """
    sizes, own_N = np.unique(strings.sizes(tokens_NL), return_inverse=True)
    is_S = (strings.sizes(seen_NL)[None] == sizes[:, None]).astype(np.float32)
    weight_SN = jnp.asarray(is_S / is_S.sum(1, keepdims=True))
    acts = run(model, params, jnp.asarray(seen_NL), record=("blocks/*/attn/pattern",))[1]
    by_size = lambda p_NHLL: jnp.einsum("sn,nhlm->shlm", weight_SN, p_NHLL)[own_N]
    return {layer: by_size(p_NHLL) for layer, p_NHLL in enumerate(acts.values())}


def changes(model: Transformer, means: Mapping[int, Array]) -> dict[tuple[str, int, int], Change]:
    """Return changes by method, layer and head; ``ALL`` for all layers and heads."""
    found = {("none", ALL, ALL): NOTHING}
    for method in METHODS:
        whole = NOTHING
        for layer in range(model.depth):
            for number in range(model.heads):
                found[method, layer, number] = _change(method, layer, (number,), means)
            whole = whole + _change(method, layer, tuple(range(model.heads)), means)
        found[method, ALL, ALL] = whole
    return found


def _change(method: str, layer: int, heads: tuple[int, ...], means: Mapping[int, Array]) -> Change:
    if method == "mean":
        return patch(Target(f"blocks/{layer}/attn/pattern", ((1, heads),)), means[layer])
    return zero(edge(layer, heads) if method == "uniform" else head(layer, heads))


def effects(model: Transformer, params: Any, exams: Mapping[str, np.ndarray]) -> pl.DataFrame:
    """Return how outcomes of one member change without heads: a row per ablation.

    Args:
        model: the model.
        params: of one member.
        exams: strings by kind; those of a size that no seen string has are left out.
    """
    sizes = strings.sizes(exams["seen"])
    exams = {kind: x[np.isin(strings.sizes(x), sizes)] for kind, x in exams.items()}
    tokens_NL = np.concatenate(list(exams.values()))
    grid = changes(model, mean_patterns(model, params, exams["seen"], tokens_NL))
    inputs_NL = jnp.asarray(tokens_NL)
    logits_CNLV = run_changes(model, params, inputs_NL, list(grid.values()))
    odds_CN = np.asarray(jax.vmap(log_odds, (0, None))(logits_CNLV, inputs_NL))
    ends = np.cumsum([len(x) for x in exams.values()])[:-1]
    parts = np.split(odds_CN, ends, axis=1)
    found = outcomes(dict(zip(exams, parts, strict=True)), exams)
    changed = {f"{name} change": value_C - value_C[0] for name, value_C in found.items()}
    rows = pl.DataFrame(list(grid), ["method", "layer", "head"], orient="row")
    return rows.with_columns(**{"seen after": found["seen"]}, **changed)[1:]
