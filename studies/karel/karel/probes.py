"""Probes of states in the residual stream, beside a record of the text and the majority class.

S layers, B texts, T actions, D width, N targets, R rows.
"""

import functools
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from toylab.change import stream
from toylab.models import Transformer
from toylab.probes.linear import Probe, mlp_probe
from toylab.probes.states import one_hot_rows, predicted_states, state_probe
from toylab.taps import Params, run
from toylab.tasks.karel.karel import Karel
from toylab.tasks.karel.texts import FEATURES, TARGETS, Texts, classes, halves, inner

MEAN = -1  # the mean of the streams behind all blocks
CONTENT = ("to_turn", "to_go", "blocked")  # heading, position, obstacle
MLP = {"width": 128, "steps": 250, "l2": 1e-3}


def streams(model: Transformer, task: Karel, params: Params, texts: Texts) -> np.ndarray:
    """The stream of every layer, then the mean behind blocks, after 0 to T actions (S, B, T+1, D).

    A state is looked for where the network has read the action that led to it.
    """
    sites = stream(model)
    _, acts = run(model, params, jnp.asarray(texts.tokens), record=sites)
    found = np.stack([np.asarray(acts[site])[:, task.prompt - 1 :] for site in sites])
    return np.concatenate([found, found[1:].mean(0, keepdims=True)])


class Exam:
    """Rows that probes are fitted and judged on, of states after 0 to T actions.

    Args:
        task: the world.
        texts: the texts.
        labels: classes of the targets (B, T + 1, N); several meanings may stand side by side.
        ahead: how many actions later the state is that a row asks for.
    """

    def __init__(self, task: Karel, texts: Texts, labels: np.ndarray, ahead: int = 0):
        span = labels.shape[1] - ahead
        counts_BT = inner(texts)[:, :span]
        if ahead:
            counts_BT = counts_BT & (np.arange(span) + ahead <= texts.lengths[:, None])
        text_R, self.after = (x.ravel() for x in np.indices(counts_BT.shape))
        fit_R, counts_R = halves(texts)[text_R], counts_BT.ravel()
        self.classes, self.span = classes(task), span
        self.labels = labels[:, ahead:].reshape(len(text_R), -1).astype(np.int32)
        self.fit, self.judged = counts_R & fit_R, counts_R & ~fit_R

    def rows(self, x_SBTD: np.ndarray) -> np.ndarray:
        """Activations as rows (S, R, D)."""
        return x_SBTD[:, :, : self.span].reshape(len(x_SBTD), -1, x_SBTD.shape[-1])

    def fitted(self, x_SBTD: np.ndarray, kind: str) -> Probe:
        """Probes of all targets, one for each layer: "linear", or "mlp" with a hidden layer."""
        weights = jnp.asarray(self.fit, jnp.float32)
        if kind == "linear":
            return state_probe(self.rows(x_SBTD), self.labels, self.classes, weights)
        targets, key = one_hot_rows(jnp.asarray(self.labels), self.classes), jax.random.key(0)
        return mlp_probe(jnp.asarray(self.rows(x_SBTD)), targets, key, weights=weights, **MLP)

    def scores(
        self, probe: Probe, x_SBTD: np.ndarray, layers: Sequence[int]
    ) -> Iterator[dict[str, Any]]:
        """Accuracy on judged rows of every layer, feature and meaning, beside the majority's."""
        read_SRN = predicted_states(probe, self.rows(x_SBTD), self.classes)
        right_SRN = np.equal(read_SRN, self.labels)
        sound_S = np.isfinite(np.asarray(probe.bias)).all(-1)
        for s, (layer, right_RN) in enumerate(zip(layers, right_SRN, strict=True)):
            for meaning, accuracy in enumerate(self._by_feature(right_RN)):
                for name, value in accuracy.items():
                    value = value if sound_S[s] else np.nan
                    constant = self.majority[meaning][name]
                    yield {
                        "layer": layer,
                        "meaning": meaning,
                        "feature": name,
                        "accuracy": value,
                        "majority": constant,
                        "gain": value - constant,
                        "skill": (value - constant) / (1 - constant) if constant < 1 else np.nan,
                    }

    @functools.cached_property
    def majority(self) -> list[dict[str, float]]:
        """Accuracy of each feature's commonest class, given how many actions were written."""
        found = []
        for y_RN in np.split(self.labels, self.labels.shape[1] // len(TARGETS), 1):
            own = {}
            for name, parts in FEATURES.items():
                own_RN = y_RN[:, [TARGETS.index(p) for p in parts]]
                y_R = own_RN @ self.classes ** np.arange(len(parts))
                guess_R = np.full(len(y_R), -1)
                for t in np.unique(self.after[self.fit]):
                    at_t = self.after == t
                    guess_R[at_t] = np.bincount(y_R[self.fit & at_t]).argmax()
                own[name] = _mean(np.equal(guess_R, y_R)[self.judged])
            found.append(own | {"content": content(own)})
        return found

    def _by_feature(self, right_RN: np.ndarray) -> Iterator[dict[str, float]]:
        for own in np.split(right_RN[self.judged], right_RN.shape[1] // len(TARGETS), 1):
            found = {
                name: _mean(own[:, [TARGETS.index(p) for p in parts]].all(1))
                for name, parts in FEATURES.items()
            }
            yield found | {"content": content(found)}


def content(accuracy: Mapping[str, float]) -> float:
    """Semantic content: the geometric mean over heading, position and obstacle."""
    return float(np.prod([accuracy[name] for name in CONTENT]) ** (1 / len(CONTENT)))


def _mean(right_R: np.ndarray) -> float:
    return float(right_R.mean()) if len(right_R) else np.nan
