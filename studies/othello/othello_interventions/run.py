"""Making edits in one network: choosing how strong and where, and scoring every case."""

import dataclasses
from typing import Any

import jax.numpy as jnp
import numpy as np

from toylab.analysis.steering.at_place import add, towards
from toylab.analysis.steering.battery import descend
from toylab.chunks import in_chunks
from toylab.task import Batch
from toylab.tasks.othello.othello_edits import Cases
from toylab.tasks.othello.othello_moves import (
    from_uniform,
    move_errors,
    move_scores,
    square_chances,
)

from ..network import Player, draw_games, unseen
from .probes import Probes

Rows = list[dict[str, Any]]


@dataclasses.dataclass(frozen=True)
class Choice:
    """How an edit is made.

    Attributes:
        start: first layer edited; all after it are, too.
        strength: length of one square's vector, or how far Adam can go along an axis: in units of
            the activations' distance from their mean, or of its root mean square along an axis.
        penalty: which of the linear probes.
    """

    start: int
    strength: float
    penalty: int = 0


@dataclasses.dataclass(frozen=True)
class Bench:
    """One network with its probes, on which edits are made.

    Attributes:
        net: the network.
        probes: its probes.
        length: most moves of a game that are read.
        chunk: cases at a time.
        steps: Adam's steps for an edit by gradient.
    """

    net: Player
    probes: Probes
    length: int
    chunk: int = 64
    steps: int = 30

    @property
    def layers(self) -> int:
        """S, layers that can be edited."""
        return self.net.model.depth

    def draw(self, count: int, seed: int) -> Batch:
        """Draw games; places whose moves begin a game that probes were fitted on do not count."""
        return unseen(draw_games(self.net.task, count, seed), self.probes.games)

    def mask(self, start: int) -> np.ndarray:
        """1 for the layers from ``start`` to the last (S,)."""
        return (np.arange(self.layers) >= start).astype(np.float32)

    def logits(self, cases: Cases, delta_SCD: np.ndarray) -> np.ndarray:
        """Logits (C, V) with vectors added."""
        model, params = self.net.model, self.net.params
        run = lambda tokens, place, delta_CSD: (
            add(model, params, tokens, place, jnp.swapaxes(delta_CSD, 0, 1)),
        )
        arrays = (*self._inputs(cases), np.swapaxes(delta_SCD, 0, 1))
        return in_chunks(run, arrays, self.chunk)[0]

    def _inputs(self, cases: Cases) -> tuple[np.ndarray, np.ndarray]:
        return cases.tokens[:, : self.length].astype(np.int32), cases.place.astype(np.int32)

    def unedited(self, cases: Cases) -> np.ndarray:
        """Logits (C, V) of the network as it is."""
        shape = (self.layers, cases.count, self.net.model.width)
        return self.logits(cases, np.zeros(shape, np.float32))

    def vectors(
        self,
        cases: Cases,
        choice: Choice,
        directions: np.ndarray,
        states: tuple[np.ndarray, np.ndarray] | None = None,
        squares: np.ndarray | None = None,
    ) -> np.ndarray:
        """Vectors (S, C, D) that edit each case as chosen, along given probe vectors."""
        old, new = states or (cases.old, cases.new)
        where = cases.squares if squares is None else squares
        delta = towards(directions[choice.penalty], where, old, new)
        size = choice.strength * self.probes.scale * self.mask(choice.start)
        return (delta * size[:, None, None]).astype(np.float32)

    def descend(self, cases: Cases, choice: Choice) -> tuple[np.ndarray, np.ndarray]:
        """Logits (C, V) edited by gradient, and how far each layer was moved (S, C, D)."""
        net, battery = self.net, self.probes.battery
        used, steps = jnp.asarray(self.mask(choice.start)), jnp.int32(self.steps)
        rate = jnp.float32(choice.strength / self.steps)
        run = lambda *cases: descend(net.model, net.params, battery, *cases, used, rate, steps)
        edits = (cases.squares.astype(np.int32), cases.new.astype(np.int32))
        logits, moved = in_chunks(run, (*self._inputs(cases), *edits), self.chunk, axes=(0, 1))
        return logits, moved

    def error(self, cases: Cases, logits: np.ndarray) -> float:
        """Mean error against the moves of the edited boards."""
        return float(move_errors(self.net.task, logits, cases.legal).mean())


def choose_vector(
    bench: Bench,
    cases: Cases,
    directions: np.ndarray,
    strengths: tuple[float, ...],
    states: tuple[np.ndarray, np.ndarray] | None = None,
) -> tuple[Choice, Rows]:
    """Return the penalty, first layer and strength of least error, and the error of all tried."""
    tried = [
        Choice(start, strength, penalty)
        for penalty in range(len(directions))
        for start in range(bench.layers)
        for strength in strengths
    ]
    found = [
        bench.error(cases, bench.logits(cases, bench.vectors(cases, c, directions, states)))
        for c in tried
    ]
    return _best(tried, found)


def choose_gradient(bench: Bench, cases: Cases, reaches: tuple[float, ...]) -> tuple[Choice, Rows]:
    """Return the first layer and the reach of least error, and the error of all tried."""
    tried = [Choice(start, r) for start in range(bench.layers) for r in reaches]
    found = [bench.error(cases, bench.descend(cases, choice)[0]) for choice in tried]
    return _best(tried, found)


def _best(tried: list[Choice], found: list[float]) -> tuple[Choice, Rows]:
    best = tried[int(np.argmin(found))]
    rows = [
        dataclasses.asdict(choice) | {"error": error, "chosen": choice == best}
        for choice, error in zip(tried, found, strict=True)
    ]
    return best, rows


def score_rows(bench: Bench, cases: Cases, logits: np.ndarray, moved: float) -> Rows:
    """One row per case: its errors, and what became of the moves that the edit concerns.

    ``error`` counts the N most probable moves that are wrong and the legal ones that are not among
    them, N the number of legal ones on the edited board. ``dropped`` is the fraction of the newly
    illegal moves outside the N most probable, ``risen`` that of the newly legal ones among them,
    ``given`` the probability of the newly legal ones over what is due to them, 1/N each; null where
    there are none. ``apart`` is the total variation between the prediction and the uniform choice
    of a legal move.
    """
    legal, before = cases.legal, cases.legal_before
    scores = move_scores(bench.net.task, logits)
    n = legal.sum(-1, keepdims=True)
    top = np.argsort(np.argsort(-scores, -1, kind="stable"), -1, kind="stable") < n
    p = square_chances(bench.net.task, logits)
    error = move_errors(bench.net.task, logits, legal)
    gone, come = before & ~legal, legal & ~before
    apart = from_uniform(p, legal)
    return [
        {
            "case": i,
            "ply": int(cases.place[i]) + 1,
            "error": int(error[i]),
            "dropped": _share(~top[i], gone[i]),
            "risen": _share(top[i], come[i]),
            "given": float(p[i][come[i]].mean() * n[i, 0]) if come[i].any() else None,
            "p_legal": float(p[i][legal[i]].sum()),
            "apart": float(apart[i]),
            "moved": moved,
        }
        for i in range(cases.count)
    ]


def _share(flags: np.ndarray, among: np.ndarray) -> float | None:
    return float(flags[among].mean()) if among.any() else None


def length(delta_SCD: np.ndarray) -> float:
    """Root of the mean squared distance moved, all layers together."""
    return float(np.sqrt(np.square(delta_SCD).sum((0, 2)).mean()))
