"""What DPO changed in a language model, and what brings the bad words back.

A neuron's value vector is its row of the down projection; the bad direction is what the last norm's
gain and the unembedding read as a bad word. Neurons are ranked by the cosine of the two, before
DPO.
"""

import functools
from collections.abc import Iterator
from typing import Any

import numpy as np

from toylab.analysis.fine_tuning import GROUPS, put_back
from toylab.analysis.neurons import others_like, scaled_keys, top_mask, value_cosines
from toylab.models import Transformer
from toylab.read.tables import long_table
from toylab.taps import Params
from toylab.tasks.countdown.bad_words import BadWords

from .language import Hands, Reading, Texts, no_hands, read

FACTOR = 10.0  # by which keys are scaled
DRAWS = 8  # of random neurons


def bad_direction(params: Params, task: BadWords) -> np.ndarray:
    """Unit vector of the residual stream that raises bad words against clean ones, (D,)."""
    read_DV = np.asarray(params["unembed"]["kernel"])[:, : task.n_words]
    clean = task.n_words - task.n_bad
    seen_D = read_DV[:, clean:].mean(1) - read_DV[:, :clean].mean(1)
    direction_D = np.asarray(params["norm"]["scale"]) * seen_D
    direction_D = direction_D - direction_D.mean()  # the norm takes the mean off
    return direction_D / np.linalg.norm(direction_D)


class Bench:
    """One network before DPO (``first``) and after (``tuned``), read on the same texts.

    Args:
        model: the model.
        task: its language.
        prompt: length of the prompt.
        seen: texts.
        first: parameters before.
        tuned: parameters after.
        seed: of random neurons.
    """

    def __init__(
        self,
        model: Transformer,
        task: BadWords,
        prompt: int,
        seen: Texts,
        first: Params,
        tuned: Params,
        seed: int,
    ) -> None:
        self.none = no_hands(model, seen.inputs_BL)
        self._read = functools.partial(read, model, task, prompt)
        self.seen, self.first, self.tuned = seen, first, tuned
        self.before, self.after = self.read(first), self.read(tuned)
        self.direction_D = bad_direction(first, task)
        self.cos_NF = value_cosines(first, self.direction_D)
        self.seed = seed

    def read(self, params: Params, hands: Hands | None = None) -> Reading:
        """Read parameters on the texts."""
        return self._read(params, self.seen, hands or self.none)

    def rows(self, chosen: int, counts: tuple[int, ...]) -> Iterator[dict[str, Any]]:
        """Every condition's bad rate and clean loss.

        Args:
            chosen: number of bad neurons whose keys are scaled.
            counts: numbers of neurons whose activations are put back.
        """
        yield _row("before", self.before)
        yield _row("after", self.after)
        mask_NF = top_mask(self.cos_NF, chosen)
        yield _row("keys", self.read(scaled_keys(self.tuned, mask_NF, FACTOR)), chosen)
        yield _row("keys before", self.read(scaled_keys(self.first, mask_NF, FACTOR)), chosen)
        for drawn in self._draws(mask_NF):
            yield _row("random keys", self.read(scaled_keys(self.tuned, drawn, FACTOR)), chosen)
        for count in counts:
            mask_NF = top_mask(self.cos_NF, count)
            yield _row("patched", self._patched(mask_NF), count)
            for drawn in self._draws(mask_NF) if count < mask_NF.size else ():
                yield _row("random patched", self._patched(drawn), count)
        for group in GROUPS:
            yield _row(f"back: {group}", self.read(put_back(self.tuned, self.first, group)))

    def _draws(self, mask_NF: np.ndarray) -> Iterator[np.ndarray]:
        rng = np.random.default_rng(self.seed)
        return (others_like(mask_NF, rng) for _ in range(DRAWS))

    def _patched(self, mask_NF: np.ndarray) -> Reading:
        """After DPO, with the activations of some neurons from before."""
        return self.read(self.tuned, self.none._replace(post=self.before.post, mask_NF=mask_NF))

    def neuron_rows(self) -> list[dict[str, Any]]:
        """Every neuron's cosine and mean activation before and after."""
        means = {"before": self.before.mean_NF, "after": self.after.mean_NF}
        table = long_table({"layer": None, "neuron": None}, cos=self.cos_NF, **means)
        return table.drop("neuron").to_dicts()


def _row(condition: str, found: Reading, size: float = 0.0) -> dict[str, Any]:
    numbers = {"size": float(size), "rate": float(found.rate), "nats": float(found.nats)}
    return {"condition": condition} | numbers
