"""What a language model's boxes give: samples, sentences back, what lies between, a square.

Shape suffixes: S sentences of the grammar, N samples, L length, V vocabulary.
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

from .lines import Asked, kept, pairs, points, straight

WORDS = 3  # of the beginnings whose boxes are outlined


def following(asked: Asked, model: Transformer, params: Params) -> Next:
    """Return a network's chances of the next word."""
    return networks.following(model, params, END, asked.grammar.size)


def logits(asked: Asked, model: Transformer, params: Params) -> np.ndarray:
    """Logits before each token of all sentences (S, L, V), of which their volumes are made."""
    tokens_SL = jnp.asarray(asked.grammar.table.tokens, jnp.int32)
    return networks.logits(model, params, shifted(tokens_SL))


def volumes(asked: Asked, logits_SLV: np.ndarray, temperature: float = 1.0) -> np.ndarray:
    """Volume of each sentence (S,), its chance."""
    tokens_SL = asked.grammar.table.tokens
    return networks.sentence_chances(logits_SLV, tokens_SL, END, temperature)


def temperatures(asked: Asked, logits_SLV: np.ndarray, taus: tuple[float, ...]) -> pl.DataFrame:
    """Expected scores where words are drawn at each temperature."""
    law = lambda p_S: asked.grammar.law(p_S, asked.told_S, asked.grammar.size)
    return pl.DataFrame(
        [{"temperature": tau} | law(volumes(asked, logits_SLV, tau)) for tau in taus]
    )


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
    n, length, rows = grammar.size, grammar.task.length, []
    for _ in range(asked.repeats):
        even = decode(model, rng.random((n, asked.axes)), length, END)
        null = ancestral(model, n, length, END, rng)
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
    found_N = asked.grammar.places(decode(model, even, asked.grammar.task.length, END))
    none = np.where(found_N < 0, len(p_S), found_N)  # in the last place
    return frequency_p_value(np.bincount(none, minlength=len(p_S) + 1), p_S)


def given_back(asked: Asked, model: Next) -> float:
    """Share of some sentences outside of the corpus that exact boxes give back."""
    held = np.random.default_rng([asked.seed, 3]).permutation(np.flatnonzero(~asked.told_S))
    tokens = asked.grammar.table.tokens[held[: asked.exact]]
    return float(returns(model, tokens, asked.axes, END, Fraction).mean())


def between(asked: Asked, model: Next) -> pl.DataFrame:
    """Sentences on straight lines between the codes of pairs."""
    two_K2 = pairs(asked)
    rows = asked.grammar.table.tokens[two_K2.ravel()]
    codes = boxes(model, rows, asked.axes, END).centres
    path = straight(codes.reshape(*two_K2.shape, -1))
    return kept(asked, decode(model, path, rows.shape[1], END), two_K2)


def square(asked: Asked, model: Next) -> np.ndarray:
    """The sentence at each point of a grid in the square, -1 for none of the grammar's."""
    tokens = decode(model, points(asked.grid), asked.grammar.task.length, END)
    return asked.grammar.places(tokens)


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
