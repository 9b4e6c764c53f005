"""What an autoencoder's codes give: sentences back, samples, what lies between, a square.

Shape suffixes: S sentences of the grammar, L length, C numbers of the code.
"""

from collections.abc import Callable, Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import polars as pl
from scipy.stats import norm

from toylab.analysis.volumes.latent import latent_points
from toylab.models.sentences.autoencoder import SentenceAutoencoder
from toylab.models.sentences.writing import read_all, write_all
from toylab.taps import Params
from toylab.tasks.ariel.phrases import shifted

from .lines import Asked, between, pairs, points, square

WORDS = {"likeliest": 0.0, "drawn": 1.0}  # temperatures of the decoder
Write = Callable[[np.ndarray, str], np.ndarray]  # from codes (N, C) to sentences (N, L)


def writer(asked: Asked, model: SentenceAutoencoder, params: Params) -> Write:
    """Return what writes sentences from codes."""
    key, block = jax.random.key(asked.seed), asked.grammar.size
    return lambda code, words: write_all(model, params, code, key, WORDS[words], block)


def encoded(asked: Asked, model: SentenceAutoencoder, params: Params) -> tuple[np.ndarray, float]:
    """Codes of all sentences (S, C), and their mean divergence from the prior in nats."""
    before_SL = shifted(jnp.asarray(asked.grammar.table.tokens, jnp.int32))
    code_SC, nats_S = read_all(model, params, before_SL)
    return code_SC, float(nats_S.mean())


def restored(asked: Asked, write: Write, code_SC: np.ndarray) -> dict[str, float]:
    """Share of the sentences in and not in the corpus that are written again from their codes."""
    right_S = (write(code_SC, "likeliest") == asked.grammar.table.tokens).all(1)
    told_S = asked.told_S
    return {"restored": right_S[told_S].mean(), "restored_new": right_S[~told_S].mean()}


def places(asked: Asked, code_SC: np.ndarray, row: Mapping[str, Any]) -> dict[str, np.ndarray]:
    """Codes to write from, as many as there are sentences."""
    rng, bounded, used = np.random.default_rng([asked.seed, 4]), row["bounded"] > 0, row["dims"]
    return latent_points(code_SC[asked.told_S], len(code_SC), rng, bounded=bounded, used=used)


def drawn(asked: Asked, write: Write, codes: Mapping[str, np.ndarray]) -> pl.DataFrame:
    """Scores of sentences written from codes, with the likeliest words and with drawn ones."""
    score = lambda code, words: asked.grammar.scores(write(code, words), asked.told_S)
    rows = [
        {"how": how, "words": words} | score(code, words)
        for how, code in codes.items()
        for words in WORDS
    ]
    return pl.DataFrame(rows)


def lines(asked: Asked, write: Write, code_SC: np.ndarray) -> pl.DataFrame:
    """Sentences on straight lines between the codes of pairs."""
    return between(asked, code_SC[pairs(asked)], lambda code: write(code, "likeliest"))


def pictured(asked: Asked, write: Write, width: int) -> pl.DataFrame:
    """Sentences of a square, which the prior fills evenly."""
    code_NC = np.zeros((asked.grid**2, width))
    code_NC[:, :2] = norm.ppf(points(asked.grid))
    return square(asked, code_NC, lambda code: write(code, "likeliest"))
