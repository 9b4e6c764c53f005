"""What all networks are judged on: prompts, what is known of them exactly, and each network's rows.

P members, B texts, T actions, S layers, N targets, D width.
"""

import dataclasses
import functools
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from toylab.losses import cross_entropy
from toylab.models import Transformer
from toylab.models.sampling import generate
from toylab.probes.states import state_directions
from toylab.taps import Edit, Params
from toylab.task import Batch
from toylab.tasks.karel.grid import HEADINGS, MOVE_IS_LEFT, MOVE_IS_RIGHT, TRUE
from toylab.tasks.karel.karel import Karel
from toylab.tasks.karel.programs import END
from toylab.tasks.karel.texts import (
    TARGETS,
    Texts,
    classes,
    endpoints,
    halves,
    labels,
    read,
    record,
)

from .probes import MEAN, Exam, streams

NEVER = -1e9  # added to a logit
MEANINGS = (TRUE, MOVE_IS_LEFT, MOVE_IS_RIGHT)
AHEAD = 2  # actions
BELIEVED = ("turned", "to_turn")
Rows = list[dict[str, Any]]


class Decoded(NamedTuple):
    """What probes find in one network.

    Attributes:
        rows: scores.
        belief: the scores of each class of ``BELIEVED`` in the picture's text (2, T + 1, 4).
        directions: vectors of the classes of ``to_turn`` under the first two meanings (2, S, 4, D).
        scale: root mean square of each layer's distance from its mean (S,).
    """

    rows: Rows
    belief: np.ndarray
    directions: np.ndarray
    scale: np.ndarray


@dataclasses.dataclass(frozen=True, eq=False)
class Bench:
    """Prompts to judge networks on, with the programs that they were made of.

    Args:
        task: the world.
        count: number of prompts.
        seed: of the prompts.
    """

    task: Karel
    count: int
    seed: int

    @functools.cached_property
    def batch(self) -> Batch:
        """The prompts with their programs."""
        draw = jax.jit(lambda key: self.task.batch(key, self.count))
        return jax.tree.map(np.asarray, draw(jax.random.key(self.seed)))

    @property
    def prompts(self) -> np.ndarray:
        """Tokens up to CODE."""
        return self.batch.inputs[:, : self.task.prompt]

    @functools.cached_property
    def given(self) -> Texts:
        """The prompts with their own programs."""
        return self._texts(self.batch.inputs[:, self.task.prompt :] - self.task.code - 1)

    @functools.cached_property
    def exact(self) -> dict[str, Any]:
        """Of the exact law: mean length of the programs that fit, its greedy program, floors."""
        task, programs = self.task, self.task.programs
        starts, ends = endpoints(task, self.prompts)
        fits_BN = programs.fitting(starts, ends, task.size)
        weight_BN = fits_BN * programs.chances
        first_BN = programs.fitting(starts[:, :1], ends[:, :1], task.size)
        return {
            "length": weight_BN @ programs.lengths / weight_BN.sum(1),
            "greedy": self._texts(programs.greedy(fits_BN)),
            "first_only": self._texts(programs.greedy(first_BN)).solved.mean(),
            "floor": programs.floor(task.size, task.examples),
            "one_example": programs.floor(task.size, 1),
            "by_chance": programs.satisfied_by_chance(task.size, task.examples),
        }

    def _texts(self, actions_BT: np.ndarray) -> Texts:
        ended = np.pad(actions_BT, ((0, 0), (0, 1)), constant_values=END)
        return read(self.task, self.prompts, ended + self.task.code + 1)

    def answered(self, own: Texts, loss: float) -> dict[str, float]:
        """How well a network writes programs, beside what can be known exactly.

        ``longer`` is the length of solving programs beyond the mean of all that fit, and
        ``exact_longer`` that of the exact law's greedy programs, for the same prompts.
        """
        exact = self.exact
        mean = lambda x, rows: float(x[rows].mean()) if rows.any() else np.nan
        found = {
            "solved": float(own.solved.mean()),
            "longer": mean(own.lengths - exact["length"], own.solved),
            "exact_longer": mean(exact["greedy"].lengths - exact["length"], own.solved),
            "loss": loss,
        }
        sound = np.isfinite(loss)
        found = {name: value if sound else np.nan for name, value in found.items()}
        names = ("first_only", "floor", "one_example", "by_chance")
        return found | {name: exact[name] for name in names}

    @functools.cached_property
    def exam(self) -> Exam:
        """States of the given programs under every meaning."""
        every = [labels(self.task, self.given, meaning) for meaning in MEANINGS]
        return Exam(self.task, self.given, np.concatenate(every, -1))

    @functools.cached_property
    def record_rows(self) -> Rows:
        """Scores of probes of the mere record of the given programs."""
        x = record(self.task, self.given)[None]
        return [
            {"text": "given", "source": "record", "probe": probe, "ahead": 0} | row
            for probe in ("linear", "mlp")
            for row in self.exam.scores(self.exam.fitted(x, probe), x, (MEAN,))
        ]

    @functools.cached_property
    def shown(self) -> int:
        """The text of the picture: a program that the exact law writes too, of most turns."""
        same_B = (self.exact["greedy"].actions == self.given.actions).all(1) & ~halves(self.given)
        turned_B = (np.diff(self.batch.latents["turned"], axis=1) != 0).sum(1)
        moved_B = np.abs(np.diff(self.batch.latents["row"], axis=1)).sum(1)
        moved_B += np.abs(np.diff(self.batch.latents["column"], axis=1)).sum(1)
        return int(np.argmax(same_B * (self.given.lengths + np.minimum(turned_B, moved_B))))

    def decoded(self, model: Transformer, params: Params, own: Texts, end: bool) -> Decoded:
        """Probe one network's streams: on the given programs, and on its own.

        Args:
            model: the model.
            params: of one member.
            own: the programs it writes.
            end: whether to ask also for what is asked of trained networks alone.
        """
        task, exam, layers = self.task, self.exam, (*range(model.depth + 1), MEAN)
        about = lambda rows, *is_: [
            dict(zip(("text", "source", "probe", "ahead"), is_, strict=True)) | row for row in rows
        ]
        x = streams(model, task, params, self.given)
        probe = exam.fitted(x, "linear")
        rows = about(exam.scores(probe, x, layers), "given", "network", "linear", 0)
        x_own, own_labels = streams(model, task, params, own), labels(task, own)
        sources = {"network": x_own[-1:]} | ({"record": record(task, own)[None]} if end else {})
        for ahead in (0, AHEAD) if end else (0,):
            asked = Exam(task, own, own_labels, ahead)
            for source, y in sources.items():
                found = asked.scores(asked.fitted(y, "linear"), y, (MEAN,))
                rows += about(found, "own", source, "linear", ahead)
        if end:
            found = exam.scores(exam.fitted(x[-1:], "mlp"), x[-1:], (MEAN,))
            rows += about(found, "given", "network", "mlp", 0) + self.record_rows
        scores = np.asarray(probe.scores(jnp.asarray(x[:, self.shown])))[-1]
        scores = scores.reshape(len(scores), len(MEANINGS), len(TARGETS), classes(task))
        at = [TARGETS.index(name) for name in BELIEVED]
        vectors = state_directions(probe, classes(task))[:, :, :HEADINGS]
        both = [meaning * len(TARGETS) + at[1] for meaning in (0, 1)]
        flat = x.reshape(len(x), -1, x.shape[-1])
        return Decoded(
            rows,
            scores[:, 0, at, :HEADINGS].swapaxes(0, 1),
            vectors[:, both].swapaxes(0, 1),
            np.sqrt(flat.var(1).sum(-1)),
        )


@functools.partial(jax.jit, static_argnums=(0, 1))
def write(model: Transformer, task: Karel, params_P: Params, prompts_BL: Array) -> Array:
    """Programs (P, B, T + 1) by the likeliest token, among actions and END alone, until END."""
    grammar = jnp.where(jnp.arange(task.vocab) > task.code, 0.0, NEVER).astype(jnp.float32)
    edits, end = (Edit("final/logits", "add", grammar),), task.vocab - 1

    def one(params: Params) -> Array:
        key, length = jax.random.key(0), task.longest + 1
        return generate(model, params, prompts_BL, length, key, 0, end, end, edits)[0]

    return jax.vmap(one)(params_P)


@functools.partial(jax.jit, static_argnums=0)
def losses(model: Transformer, params_P: Params, batch: Batch) -> Array:
    """Mean loss of every member (P,)."""
    return jax.vmap(lambda params: cross_entropy(model, params, batch).mean())(params_P)
