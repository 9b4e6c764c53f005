"""Probes of states in the residual stream, beside a record of the text and the majority class.

S layers, B texts, T actions, D width, N targets, M meanings, F features.
"""

from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np
import polars as pl

from toylab.change import stream
from toylab.models import Transformer
from toylab.probes.exams import StateExam
from toylab.probes.linear import Probe
from toylab.probes.states import state_directions
from toylab.read.tables import labelled, long_table
from toylab.taps import Params, run
from toylab.tasks.karel.exams import Exam
from toylab.tasks.karel.grid import HEADINGS, MOVE_IS_LEFT, MOVE_IS_RIGHT, TRUE
from toylab.tasks.karel.karel import Karel
from toylab.tasks.karel.texts import (
    FEATURES,
    TARGETS,
    Texts,
    classes,
    halves,
    inner,
    labels,
    record,
)

MEAN = -1  # the mean of the streams behind all blocks
MEANINGS = (TRUE, MOVE_IS_LEFT, MOVE_IS_RIGHT)
AHEAD = 2  # actions
CONTENT = ("to_turn", "to_go", "blocked")  # heading, position, obstacle
BELIEVED = ("turned", "to_turn")
MLP = {"width": 128, "steps": 250, "l2": 1e-3}


class Decoded(NamedTuple):
    """What probes find in one network.

    Attributes:
        scores: rows.
        belief: the scores of each class of ``BELIEVED`` in the picture's text (2, T + 1, 4).
        directions: vectors of the classes of ``to_turn`` under the first two meanings (2, S, 4, D).
        scale: root mean square of each layer's distance from its mean (S,).
    """

    scores: pl.DataFrame
    belief: np.ndarray
    directions: np.ndarray
    scale: np.ndarray


def streams(model: Transformer, task: Karel, params: Params, texts: Texts) -> np.ndarray:
    """The stream of every layer, then the mean behind blocks, after 0 to T actions (S, B, T+1, D).

    A state is looked for where the network has read the action that led to it.
    """
    sites = stream(model)
    _, acts = run(model, params, jnp.asarray(texts.tokens), record=sites)
    found = np.stack([np.asarray(acts[site])[:, task.prompt - 1 :] for site in sites])
    return np.concatenate([found, found[1:].mean(0, keepdims=True)])


def state_exam(task: Karel, texts: Texts, labels_BTN: np.ndarray, ahead: int = 0) -> StateExam:
    """States inside programs, ``ahead`` actions later; several meanings may stand side by side."""
    span, count = labels_BTN.shape[1] - ahead, len(TARGETS)
    counts_BT = inner(texts)[:, :span]
    if ahead:
        counts_BT = counts_BT & (np.arange(span) + ahead <= texts.lengths[:, None])
    fit_B1 = halves(texts)[:, None]
    features = {
        (meaning, name): [meaning * count + TARGETS.index(part) for part in parts]
        for meaning in range(labels_BTN.shape[2] // count)
        for name, parts in FEATURES.items()
    }
    own = labels_BTN[:, ahead:], counts_BT & fit_B1, counts_BT & ~fit_B1
    return StateExam(*own, features, classes(task))


def scores(exam: StateExam, probe: Probe, x_SBTD: np.ndarray, /, **about: Any) -> pl.DataFrame:
    """Accuracy of every layer, meaning and feature, beside the majority's; the last is the mean."""
    shape = (len(x_SBTD), -1, len(FEATURES))
    accuracy_SMF = with_content(exam.accuracy(probe, x_SBTD).reshape(shape))
    majority_MF = with_content(exam.majority.reshape(shape[1:]))
    gain_SMF, left_MF = accuracy_SMF - majority_MF, 1 - majority_MF
    skill_SMF = gain_SMF / np.where(left_MF > 0, left_MF, np.nan)
    axes = {"layer": (*range(len(x_SBTD) - 1), MEAN), "meaning": None}
    axes |= {"feature": (*FEATURES, "content")}
    constant = np.broadcast_to(majority_MF, gain_SMF.shape)
    columns = {"accuracy": accuracy_SMF, "majority": constant, "gain": gain_SMF}
    return labelled(long_table(axes, **columns, skill=skill_SMF), **about)


def with_content(accuracy: np.ndarray) -> np.ndarray:
    """Add semantic content (..., F + 1): the geometric mean over heading, position and obstacle."""
    parts = [accuracy[..., [*FEATURES].index(name)] for name in CONTENT]
    mean = np.vectorize(lambda *own: np.prod(own) ** (1 / len(own)))
    return np.concatenate([accuracy, mean(*parts)[..., None]], -1)


class Bench:
    """Asks networks for the states of an exam's programs, by every meaning."""

    def __init__(self, exam: Exam):
        self.task, self.given, self.shown = exam.task, exam.given, exam.shown
        every = [labels(self.task, self.given, meaning) for meaning in MEANINGS]
        self.exam = state_exam(self.task, self.given, np.concatenate(every, -1))
        x = record(self.task, self.given)[None]
        about = {"text": "given", "source": "record", "ahead": 0}
        self.record_scores = [
            scores(self.exam, self.exam.fitted(x, how), x, probe=name, **about)
            for name, how in (("linear", {}), ("mlp", MLP))
        ]

    def decoded(self, model: Transformer, params: Params, own: Texts, end: bool) -> Decoded:
        """Probe one network's streams: on the given programs, and on its own.

        Args:
            model: the model.
            params: of one member.
            own: the programs it writes.
            end: whether to ask also for what is asked of trained networks alone.
        """
        x, exam = streams(model, self.task, params, self.given), self.exam
        probe, of_network = exam.fitted(x), {"source": "network", "ahead": 0}
        found = [scores(exam, probe, x, text="given", probe="linear", **of_network)]
        found += self._own_scores(streams(model, self.task, params, own)[-1:], own, end)
        if end:
            mlp = exam.fitted(x[-1:], MLP)
            found.append(scores(exam, mlp, x[-1:], text="given", probe="mlp", **of_network))
            found += self.record_scores
        score = np.asarray(probe.scores(jnp.asarray(x[:, self.shown])))[-1]
        score = score.reshape(len(score), len(MEANINGS), len(TARGETS), exam.classes)
        at = [TARGETS.index(name) for name in BELIEVED]
        belief = score[:, 0, at, :HEADINGS].swapaxes(0, 1)
        vectors = state_directions(probe, exam.classes)[:, :, :HEADINGS]
        both = vectors[:, [meaning * len(TARGETS) + at[1] for meaning in (0, 1)]].swapaxes(0, 1)
        scale_S = np.sqrt(x.reshape(len(x), -1, x.shape[-1]).var(1).sum(-1))
        return Decoded(pl.concat(found, how="diagonal"), belief, both, scale_S)

    def _own_scores(self, x: np.ndarray, own: Texts, end: bool) -> list[pl.DataFrame]:
        sources = {"network": x} | ({"record": record(self.task, own)[None]} if end else {})
        found, own_labels = [], labels(self.task, own)
        for ahead in (0, AHEAD) if end else (0,):
            exam = state_exam(self.task, own, own_labels, ahead)
            for name, y in sources.items():
                about = {"text": "own", "source": name, "probe": "linear", "ahead": ahead}
                found.append(scores(exam, exam.fitted(y), y, **about))
        return found
