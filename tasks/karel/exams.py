"""Prompts to judge networks on, and what is known of them exactly.

P members, B texts, T actions, N programs.
"""

import dataclasses
import functools
from typing import Any

import jax
import numpy as np

from toylab.task import Batch

from .karel import Karel
from .programs import END
from .texts import Texts, endpoints, halves, read


@dataclasses.dataclass(frozen=True, eq=False)
class Exam:
    """Prompts, with the programs that they were made of.

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
        return np.asarray(self.batch.inputs)[:, : self.task.prompt]

    @functools.cached_property
    def given(self) -> Texts:
        """The prompts with their own programs."""
        written = np.asarray(self.batch.inputs)[:, self.task.prompt :]
        return self._texts(written - self.task.code - 1)

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
        """Return how well a network writes programs, beside what can be known exactly.

        ``longer`` is the length of solving programs beyond the mean of all that fit, and
        ``exact_longer`` that of the exact law's greedy programs, for the same prompts.

        Args:
            own: what it writes after the prompts.
            loss: of the network; where it is not finite, neither is what it does.
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
    def shown(self) -> int:
        """A text for a picture: a program that the exact law writes too, of most turns."""
        same_B = (self.exact["greedy"].actions == self.given.actions).all(1) & ~halves(self.given)
        turned_B = (np.diff(self.batch.latents["turned"], axis=1) != 0).sum(1)
        moved_B = np.abs(np.diff(self.batch.latents["row"], axis=1)).sum(1)
        moved_B += np.abs(np.diff(self.batch.latents["column"], axis=1)).sum(1)
        return int(np.argmax(same_B * (self.given.lengths + np.minimum(turned_B, moved_B))))
