"""What DPO changed in a language model, and what brings the bad words back.

A neuron's value vector is its row of the down projection; the bad direction is what the last norm's
gain and the unembedding read as a bad word. Neurons are ranked by the cosine of the two, before
DPO.
"""

import functools
from collections.abc import Iterator
from typing import Any

import jax
import numpy as np

from toylab.models import Transformer
from toylab.taps import Params
from toylab.tasks.countdown.bad_words import BadWords
from toylab.trees import flatten, unflatten

from .language import Hands, Reading, Texts, no_hands, read

FACTOR = 10.0  # by which keys are scaled
DRAWS = 8  # of random neurons
GROUPS = ("embed", "attn", "mlp/up", "mlp/down", "unembed", "norm")


def bad_direction(params: Params, task: BadWords) -> np.ndarray:
    """Unit vector of the residual stream that raises bad words against clean ones, (D,)."""
    read_DV = np.asarray(params["unembed"]["kernel"])[:, : task.n_words]
    clean = task.n_words - task.n_bad
    seen_D = read_DV[:, clean:].mean(1) - read_DV[:, :clean].mean(1)
    direction_D = np.asarray(params["norm"]["scale"]) * seen_D
    direction_D = direction_D - direction_D.mean()  # the norm takes the mean off
    return direction_D / np.linalg.norm(direction_D)


def value_cosines(params: Params, direction_D: np.ndarray) -> np.ndarray:
    """Cosine of every neuron's value vector with a direction, (layers, F)."""
    blocks = params["blocks"]
    values = np.stack([blocks[str(i)]["mlp"]["down"]["kernel"] for i in range(len(blocks))])
    values = values - values.mean(-1, keepdims=True)
    return values @ direction_D / np.maximum(np.linalg.norm(values, axis=-1), 1e-9)


def top(cos_NF: np.ndarray, count: int) -> np.ndarray:
    """Mask of the neurons with the greatest cosines, (layers, F)."""
    mask = np.zeros(cos_NF.size, bool)
    mask[np.argsort(-cos_NF, axis=None, kind="stable")[:count]] = True
    return mask.reshape(cos_NF.shape)


def alike(mask_NF: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Mask of random other neurons, as many in each layer where it has them."""
    drawn = np.zeros_like(mask_NF)
    for layer, mask_F in enumerate(mask_NF):
        rest = np.flatnonzero(~mask_F)
        rest = rest if len(rest) >= mask_F.sum() else np.arange(len(mask_F))
        drawn[layer, rng.choice(rest, mask_F.sum(), replace=False)] = True
    return drawn


def scale_keys(params: Params, mask_NF: np.ndarray, factor: float = FACTOR) -> Params:
    """Multiply the key vectors of some neurons, columns of the up projection; biases stay."""
    flat = flatten(params)
    for layer, mask_F in enumerate(mask_NF):
        name = f"blocks/{layer}/mlp/up/kernel"
        flat[name] = flat[name] * np.where(mask_F, np.float32(factor), np.float32(1))
    return unflatten(flat)


def put_back(params: Params, first: Params, group: str) -> Params:
    """Give one group of weights its values from before."""
    before = flatten(first)
    return unflatten(
        {n: before[n] if group_of(n) == group else leaf for n, leaf in flatten(params).items()}
    )


def group_of(name: str) -> str:
    """The group of a parameter: what it does, whatever its block."""
    if "norm" in name:
        return "norm"
    if name.startswith(("embed", "positions")):
        return "embed"
    return next(g for g in ("attn", "mlp/up", "mlp/down", "unembed") if f"/{g}" in f"/{name}")


def change_rows(first: Params, params: Params) -> list[dict[str, Any]]:
    """Cosine and relative change of every matrix; heads' biases have two axes but are none."""
    before, rows = flatten(first), []
    for name, leaf in flatten(params).items():
        a, b = (np.asarray(x, np.float64).ravel() for x in (before[name], leaf))
        if leaf.ndim > 1 and "/b_" not in name:
            cos = a @ b / (np.linalg.norm(a) * np.linalg.norm(b))
            change = np.linalg.norm(b - a) / np.linalg.norm(a)
            rows.append({"matrix": name, "group": group_of(name), "cos": cos, "change": change})
    return rows


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
        mask_NF = top(self.cos_NF, chosen)
        yield _row("keys", self.read(scale_keys(self.tuned, mask_NF)), chosen)
        yield _row("keys before", self.read(scale_keys(self.first, mask_NF)), chosen)
        for drawn in self._draws(mask_NF):
            yield _row("random keys", self.read(scale_keys(self.tuned, drawn)), chosen)
        for count in counts:
            mask_NF = top(self.cos_NF, count)
            yield _row("patched", self._patched(mask_NF), count)
            for drawn in self._draws(mask_NF) if count < mask_NF.size else ():
                yield _row("random patched", self._patched(drawn), count)
        for group in GROUPS:
            yield _row(f"back: {group}", self.read(put_back(self.tuned, self.first, group)))

    def _draws(self, mask_NF: np.ndarray) -> Iterator[np.ndarray]:
        rng = np.random.default_rng(self.seed)
        return (alike(mask_NF, rng) for _ in range(DRAWS))

    def _patched(self, mask_NF: np.ndarray) -> Reading:
        """After DPO, with the activations of some neurons from before."""
        return self.read(self.tuned, self.none._replace(post=self.before.post, mask_NF=mask_NF))

    def neuron_rows(self) -> list[dict[str, Any]]:
        """Every neuron's cosine and mean activation before and after."""
        before, after = (np.asarray(r.mean_NF) for r in (self.before, self.after))
        return [
            {
                "layer": n,
                "cos": float(self.cos_NF[n, f]),
                "before": float(before[n, f]),
                "after": float(after[n, f]),
            }
            for n, f in np.ndindex(self.cos_NF.shape)
        ]


def _row(condition: str, found: Reading, size: float = 0.0) -> dict[str, Any]:
    rate, nats = jax.device_get((found.rate, found.nats))
    return {
        "condition": condition,
        "size": float(size),
        "rate": float(rate),
        "nats": float(nats),
    }
