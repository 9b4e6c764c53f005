"""Dictionaries of every setting of a kind, trained together."""

from collections.abc import Iterator
from typing import Literal, NamedTuple

import jax.numpy as jnp
import numpy as np

from toylab.analysis.dictionary.autoencoder import Dictionary, fit_dictionary, quality


class Sweep(NamedTuple):
    """How dictionaries are trained: one for each ``k`` of the TopK kind, each ``l1`` of the L1."""

    features: int
    k: tuple[int, ...]
    l1: tuple[float, ...]
    steps: int
    batch_size: int
    learning_rate: float

    def fit(self, x_RD: np.ndarray, kind: Literal["topk", "l1"], steps: int) -> Dictionary:
        """Train a dictionary of every setting of a kind on activations."""
        settings = self.k if kind == "topk" else self.l1
        rest = {"batch_size": self.batch_size, "learning_rate": self.learning_rate, "steps": steps}
        chosen = {kind.removeprefix("top"): settings}
        seeds = range(len(settings))
        return fit_dictionary(x_RD, self.features, kind, seeds=seeds, **chosen, **rest)


def coded(
    dictionary: Dictionary, label_RD: np.ndarray, score_RD: np.ndarray
) -> Iterator[tuple[np.ndarray, np.ndarray, dict[str, float]]]:
    """Codes of the label and the score inputs for each member, with its quality on the latter."""
    cut, both = len(label_RD), np.concatenate([label_RD, score_RD])
    for index in range(len(dictionary.k)):
        member = dictionary.member(index)
        good = quality(member, jnp.asarray(score_RD))
        codes = np.asarray(member.encode(jnp.asarray(both)))  # together: one shape, one compilation
        facts = {name: float(value) for name, value in good._asdict().items()}
        yield codes[:cut], codes[cut:], facts
