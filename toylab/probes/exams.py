"""Probes of many discrete variables on sequences: places to fit on, places to judge on, accuracies.

Variables that describe one thing together make a *feature*, which is read right where all of them
are. Beside every probe stands the commonest class of its place in the sequence.

Shape suffixes: S layers, B sequences, T places, D width, N variables, F features, R rows.
"""

import functools
from collections.abc import Mapping, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Bool, Float, Int

from toylab.probes.linear import Probe, mlp_probe
from toylab.probes.states import one_hot_rows, predicted_states, state_probe


class StateExam:
    """States of sequences that probes are fitted on, and others that they are judged on.

    Args:
        labels: classes of the variables at every place.
        fit: places to fit on.
        judged: places to judge on.
        features: for each the variables that it is made of.
        classes: most classes of a variable.

    Example:
        >>> state = np.array([[[0], [1], [1]], [[0], [1], [0]]])
        >>> fit = np.array([[True] * 3, [False] * 3])
        >>> exam = StateExam(state, fit, ~fit, {"state": [0]}, 2)
        >>> exam.majority.round(2).tolist()  # 0, 1, 1 is the guess
        [0.67]
    """

    def __init__(
        self,
        labels: Int[np.ndarray, "B T N"],
        fit: Bool[np.ndarray, "B T"],
        judged: Bool[np.ndarray, "B T"],
        features: Mapping[Any, Sequence[int]],
        classes: int,
    ):
        self.span, self.classes = labels.shape[1], classes
        self.columns = [list(own) for own in features.values()]
        self.labels = labels.reshape(-1, labels.shape[-1]).astype(np.int32)
        self.fit, self.judged = fit.ravel(), judged.ravel()
        self.place = np.indices(fit.shape)[1].ravel()

    def rows(self, x: Float[np.ndarray, "S B T D"]) -> Float[np.ndarray, "S R D"]:
        """Return activations as rows; places beyond those of the labels are left out."""
        return x[:, :, : self.span].reshape(len(x), -1, x.shape[-1])

    def fitted(self, x: Float[np.ndarray, "S B T D"], hidden: Mapping[str, Any] = {}) -> Probe:
        """Return probes of all variables, one for each layer.

        Args:
            x: activations.
            hidden: settings of :func:`toylab.probes.mlp.mlp_probe`; linear without any.
        """
        rows, weights = self.rows(x), jnp.asarray(self.fit, jnp.float32)
        if not hidden:
            return state_probe(rows, self.labels, self.classes, weights)
        targets = one_hot_rows(jnp.asarray(self.labels), self.classes)
        return mlp_probe(jnp.asarray(rows), targets, jax.random.key(0), weights=weights, **hidden)

    def accuracy(self, probe: Probe, x: Float[np.ndarray, "S B T D"]) -> Float[np.ndarray, "S F"]:
        """Return each feature's accuracy on the judged places; NaN where a probe is not finite."""
        read_SRN = predicted_states(probe, self.rows(x), self.classes)
        found_SF = np.array([self._right(own == self.labels) for own in read_SRN])
        sound_S1 = np.isfinite(np.asarray(probe.bias)).all(-1, keepdims=True)
        return np.where(sound_S1, found_SF, np.nan)

    @functools.cached_property
    def majority(self) -> Float[np.ndarray, " F"]:
        """Accuracy of each feature's commonest class at a place, among those to fit on."""
        found = []
        for own in self.columns:
            y_R = np.unique(self.labels[:, own], axis=0, return_inverse=True)[1].reshape(-1)
            guess_R = np.full(len(y_R), -1)
            for place in np.unique(self.place[self.fit]):
                here = self.place == place
                guess_R[here] = np.bincount(y_R[self.fit & here]).argmax()
            found.append(self._share(np.equal(guess_R, y_R)))
        return np.array(found)

    def _right(self, right_RN: Any) -> list[float]:
        return [self._share(right_RN[:, own].all(1)) for own in self.columns]

    def _share(self, right_R: Any) -> float:
        return float(right_R[self.judged].mean()) if self.judged.any() else np.nan
