"""What ``clock_pizza`` measures of its models: one row per model."""

import dataclasses
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import polars as pl
from jax import Array

from toylab import random
from toylab.models.transformer import Transformer
from toylab.taps import Params
from toylab.tasks.grokking.clock_pizza import (
    CIRCULAR,
    PIZZA,
    all_pairs,
    circularity,
    clock_logits,
    correct_logits,
    distance_irrelevance,
    explained,
    gradient_cosines,
    isolate,
    main_frequency,
    pizza_logits,
    principal_scores,
)

TRIPLES = 100  # random (a, b, c) for the gradient symmetricity, as in the paper


class Group(NamedTuple):
    """Models to be measured together: the table of their members, and their parameters."""

    members: pl.DataFrame
    params: Params


def group(members: pl.DataFrame, params: Params, keep_P: np.ndarray) -> Group:
    """Return the members that are marked, numbered anew."""
    kept = members.filter(pl.Series(keep_P)).drop("member").with_row_index("member")
    return Group(kept, jax.tree.map(lambda leaf: leaf[keep_P], params))


def observe(
    model: Transformer, groups: dict[str, Group]
) -> tuple[dict[str, pl.DataFrame], dict[str, np.ndarray]]:
    """Measure every model of every group, all in one compiled call.

    Args:
        model: the shape that all groups share.
        groups: ``{name: group}``.

    Returns:
        Per group a table with one row per member; and for figures of the first group ``circles``
        (P, p, 4), the tokens' scores on the embedding's principal components, and ``correct``
        (P, p, p), the correct logits by distance with only the main circle in the embedding.
    """
    parts = [g.params for g in groups.values()]
    parts += [main_circle(g.params) for g in groups.values()]
    share = [np.asarray(g.members["attention_mix"], np.float32) for g in groups.values()] * 2
    params = jax.tree.map(lambda *leaves: np.concatenate(leaves), *parts)
    logits_RXYC, cosine_R = forward(model, params, np.concatenate(share))
    first_R = np.split(np.arange(len(cosine_R)), np.cumsum([len(s) for s in share])[:-1])
    tables, pictures = {}, {}
    for i, (name, own) in enumerate(groups.items()):
        whole, lone = (logits_RXYC[first_R[j]] for j in (i, i + len(groups)))
        embedding_PVD = own.params["embed"]["embedding"]
        rows = [row(*one) for one in zip(whole, lone, embedding_PVD, strict=True)]
        symmetry = pl.Series("symmetricity", cosine_R[first_R[i]].astype(np.float64))
        tables[name] = with_rate(own.members).hstack(pl.DataFrame(rows)).with_columns(symmetry)
        if not pictures:
            pictures["circles"] = np.stack([principal_scores(E) for E in embedding_PVD])
            pictures["correct"] = np.stack([correct_logits(q) for q in lone])
    return tables, pictures


def main_circle(params: Params) -> Params:
    """Return the models with nothing but their main circle left in the embedding."""
    embedding_PVD = params["embed"]["embedding"]
    lone_PVD = np.stack([isolate(E, main_frequency(E)) for E in embedding_PVD])
    return params | {"embed": {"embedding": lone_PVD}}


def row(whole_XYC: np.ndarray, lone_XYC: np.ndarray, embedding_VD: np.ndarray) -> dict[str, float]:
    """Measure one model by its logits, those with its main circle alone, and its embedding."""
    p, k = len(embedding_VD), main_frequency(embedding_VD)
    sums_XY = np.add.outer(np.arange(p), np.arange(p)) % p
    return {
        "accuracy": float((whole_XYC.argmax(-1) == sums_XY).mean()),
        "q": distance_irrelevance(correct_logits(whole_XYC)),
        "circularity": circularity(embedding_VD),
        "frequency": k,
        "clock_fve": explained(lone_XYC, clock_logits(p, k)),
        "pizza_fve": explained(lone_XYC, pizza_logits(p, k)),
    }


def with_rate(members: pl.DataFrame) -> pl.DataFrame:
    """Add the paper's attention rate, of which ``attention_mix`` is ``rate / (2 - rate)``."""
    share = pl.col("attention_mix")
    return members.with_columns(rate=(2 * share / (1 + share)).round(6))


def forward(
    model: Transformer, params: Params, share_R: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return the logits of every pair (R, p, p, p) and the gradient symmetricity (R,)."""
    p = model.vocab
    pairs = jnp.asarray(all_pairs(p), jnp.int32)
    drawn = random.uniform(random.stream(0, "triples"), (TRIPLES, 3)) * p
    triples = jnp.minimum(drawn.astype(jnp.int32), p - 1)

    def one(member: tuple[Params, Array]) -> tuple[Array, Array]:
        params, share = member
        own = dataclasses.replace(model, attention_mix=share)
        return own.apply(params, pairs), jnp.mean(gradient_cosines(own, params, triples))

    logits_RNC, cosine_R = jax.jit(lambda members: jax.lax.map(one, members))((params, share_R))
    return np.asarray(logits_RNC).reshape(-1, p, p, p), np.asarray(cosine_R)


def judged(models: pl.DataFrame) -> pl.DataFrame:
    """Add which models answer every pair correctly, which of those are circular, and Pizzas."""
    accurate = pl.col("accuracy") == 1
    return models.with_columns(
        accurate=accurate,
        circular=accurate & (pl.col("circularity") >= CIRCULAR),
        pizza=(pl.col("symmetricity") > PIZZA[0]) & (pl.col("q") < PIZZA[1]),
    )


def example(models: pl.DataFrame, rate: float) -> int:
    """Row of the most circular model at a rate, if possible of one that answers every pair."""
    order = ["accurate", pl.col("circularity").fill_nan(-1)]
    return int(models.filter(pl.col("rate") == rate).sort(order, descending=True)["member"][0])
