"""What a language model's boxes give: samples, sentences back, what lies between, a square.

Shape suffixes: S sentences of the grammar, N samples, K pairs, C axes.
"""

from fractions import Fraction

import jax.numpy as jnp
import numpy as np
import polars as pl

from toylab.analysis.volumes import networks
from toylab.analysis.volumes.chances import (
    ancestral,
    distinct_spread,
    expected_distinct,
    frequency_p_value,
)
from toylab.analysis.volumes.coder import Next, boxes, decode, returns
from toylab.models import Transformer
from toylab.taps import Params
from toylab.tasks.ariel.phrases import END, shifted

from .lines import Asked, Decode, between, pairs

WORDS = 3  # of the beginnings whose boxes are outlined


def following(asked: Asked, model: Transformer, params: Params) -> Next:
    """Return a network's chances of the next word."""
    return networks.following(model, params, END, asked.grammar.size)


def volumes(
    asked: Asked, model: Transformer, params: Params, temperature: float = 1.0
) -> np.ndarray:
    """Volume of each sentence (S,), its chance where words are drawn at a temperature."""
    tokens_SL = asked.grammar.table.tokens
    before_SL = shifted(jnp.asarray(tokens_SL, jnp.int32))
    logits_SLV = networks.logits(model, params, before_SL)
    return networks.sentence_chances(logits_SLV, tokens_SL, END, temperature)


def law(asked: Asked, p_S: np.ndarray) -> dict[str, float]:
    """What follows from volumes alone.

    Returns:
        ``excess``, bits needed beyond the grammar's entropy; ``expected`` and ``spread``, mean and
        standard deviation of the share of sentences among as many draws.
    """
    q_S, n = asked.grammar.table.chance, asked.grammar.size
    excess = float((q_S * np.log2(q_S / p_S)).sum())
    mean, spread = expected_distinct(p_S, n) / n, distinct_spread(p_S, n) / n
    return {"excess": excess, "expected": mean, "spread": spread}


def drawn(asked: Asked, model: Next) -> pl.DataFrame:
    """Mean scores of points drawn evenly from the cube, of ancestral samples, and of nulls."""
    grammar, told_S, rng = asked.grammar, asked.told_S, np.random.default_rng([asked.seed, 1])
    n, rows, read = grammar.size, [], reader(asked, model)
    for _ in range(asked.repeats):
        even = read(rng.random((n, asked.axes)))
        null = ancestral(model, n, grammar.task.length, END, rng)
        rows += [{"kind": "ariel"} | grammar.scores(even, told_S)]
        rows += [{"kind": "ancestral"} | grammar.scores(null, told_S)]
    q_S = grammar.table.chance
    rows += [{"kind": "grammar"} | grammar.law(q_S, told_S, n)]
    rows += [{"kind": "corpus"} | grammar.law(q_S * told_S / q_S[told_S].sum(), told_S, n)]
    columns = pl.col("valid", "distinct", "new").mean()
    return pl.DataFrame(rows).group_by("kind", maintain_order=True).agg(columns)


def frequencies(asked: Asked, model: Next, p_S: np.ndarray) -> float:
    """p-value of chi-square: are sentences of even points as frequent as their boxes are large?"""
    shape = asked.repeats * asked.grammar.size, asked.axes
    even = np.random.default_rng([asked.seed, 2]).random(shape)
    found_N = asked.grammar.places(reader(asked, model)(even))
    none = np.where(found_N < 0, len(p_S), found_N)  # in the last place
    return frequency_p_value(np.bincount(none, minlength=len(p_S) + 1), p_S)


def given_back(asked: Asked, model: Next) -> float:
    """Share of some sentences outside of the corpus that exact boxes give back."""
    held = np.random.default_rng([asked.seed, 3]).permutation(np.flatnonzero(~asked.told_S))
    tokens = asked.grammar.table.tokens[held[: asked.exact]]
    return float(returns(model, tokens, asked.axes, END, Fraction).mean())


def reader(asked: Asked, model: Next) -> Decode:
    """Return what reads sentences off points."""
    return lambda code: decode(model, code, asked.grammar.task.length, END)


def lines(asked: Asked, model: Next) -> pl.DataFrame:
    """Sentences on straight lines between the codes of pairs."""
    tokens_KL = asked.grammar.table.tokens[pairs(asked).ravel()]
    ends_K2C = boxes(model, tokens_KL, asked.axes, END).centres.reshape(asked.pairs, 2, -1)
    return between(asked, ends_K2C, reader(asked, model))


def outlines(asked: Asked, model: Next) -> pl.DataFrame:
    """Boxes in the square of the beginnings of sentences."""
    tables = []
    for t in range(1, WORDS + 1):
        known = np.unique(asked.grammar.table.tokens[:, :t], axis=0)
        low, high = boxes(model, known, 2, END)
        words = [asked.grammar.task.names[token] for token in known[:, -1].tolist()]
        corners = {"x": low[:, 0], "y": low[:, 1], "right": high[:, 0], "top": high[:, 1]}
        tables.append(pl.DataFrame({"words": t, "word": words} | corners))
    return pl.concat(tables)
