"""What is trained: independent networks of several shapes, and twins that share their first steps.

Rows 2 i and 2 i + 1 of every population are pair i. Independent networks differ in all seeds; twins
have one start and, from the fork on, batches of their own.
"""

import dataclasses
import functools
from collections.abc import Iterator
from typing import Any

import numpy as np

from toylab.errors import ToylabError, check_counts, check_rising
from toylab.losses import cross_entropy
from toylab.members import Members, seeds, zipped
from toylab.models.mlp import MLP
from toylab.optim import SGD, constant, cosine
from toylab.population import Population, ladder
from toylab.tasks.mode_connectivity.blobs import Blobs
from toylab.tasks.mode_connectivity.ridge import STEPS

FRESH = 100_000  # seeds of a trunk's batches begin here; each trunk has its own


@dataclasses.dataclass(frozen=True, kw_only=True)
class Config:
    """Settings; every shape, every fork and every trunk is a population."""

    seeds: int = 32  # pairs of networks
    widths: tuple[int, ...] = (16, 32, 64, 128, 256)  # of one hidden layer
    depths: tuple[int, ...] = (1, 2, 3)  # numbers of hidden layers of the width below
    width: int = 64
    examples: int = 8_000
    noise: float = 0.2  # chance that a label is drawn anew, but for an arm of clean labels
    steps: int = 1_500
    batch_size: int = 128
    learning_rate: float = 0.1
    twins_rate: float = 0.4  # at the usual one twins never part
    momentum: float = 0.9
    forks: tuple[int, ...] = (0, 15, 75, 300, 750)  # steps that twins share
    snapshots: int = 12
    tests: int = 2_000  # points that losses are judged on
    grid: int = 41  # points on a side of the landscape's plane
    runs: int = 1_000  # pairs on the ridge
    shared: tuple[int, ...] = (0, 5, 10, 20, 40)  # steps that they share, of 400

    def __post_init__(self) -> None:
        name = "mode_connectivity"
        check_counts(name, self, "seeds", "steps", "width", "batch_size")
        check_counts(name, self, "grid", "snapshots", low=2, high=1_000)
        check_counts(name, self, "runs", low=2, high=100_000)
        check_counts(name, self, "tests", low=2, high=self.examples)
        check_rising(name, self, "widths", "depths", low=1)
        check_rising(name, self, "forks", "shared")
        wrong = ""
        if self.width not in self.widths:
            wrong = f"width = {self.width} is none of widths = {self.widths}"
        elif not self.depths[0] == 1 < len(self.depths):
            wrong = f"depths = {self.depths}; begin with 1 and give another"
        elif self.forks[0] or self.forks[-1] >= self.steps:
            wrong = f"forks = {self.forks}; begin with 0 and end before step {self.steps}"
        elif self.shared[-1] > STEPS // 2:
            wrong = f"shared = {self.shared}; at most the {STEPS // 2} steps with noise"
        if wrong:
            raise ToylabError(f"{name}: {wrong}.")
        self.world()

    def world(self, clean: bool = False) -> Blobs:
        """The task, with some wrong labels or with none."""
        return Blobs(examples=self.examples, noise=0 if clean else self.noise)

    def model(self, width: int, depth: int = 1, activation: Any = "relu") -> MLP:
        """A multilayer perceptron of hidden layers of one width."""
        task = self.world()
        return MLP((task.n_inputs, *(width,) * depth, task.n_classes), activation=activation)


@dataclasses.dataclass(frozen=True)
class Arm:
    """One population whose pairs are measured.

    Attributes:
        name: of the population.
        model: its model.
        kinds: comparisons it stands in: width, depth, deepest, time, clean, smooth, fork.
        width, depth: of its hidden layers.
        fork: steps that a pair shares, -1 where it shares not even the start.
        clean: whether no label is wrong.
    """

    name: str
    model: MLP
    kinds: tuple[str, ...]
    width: int
    depth: int = 1
    fork: int = -1
    clean: bool = False

    @property
    def over_time(self) -> tuple[str, ...]:
        """The comparisons that look at it during training."""
        return tuple(kind for kind in self.kinds if kind in ("time", "clean"))


def arms(config: Config) -> Iterator[Arm]:
    """Yield the populations to measure."""
    own = config.width
    for width in config.widths:
        kinds = ("width", "time", "depth") if width == own else ("width",)
        yield Arm(f"width {width}", config.model(width), kinds, width)
    for depth in config.depths:
        if depth > 1:
            kinds = ("depth", "deepest") if depth == max(config.depths) else ("depth",)
            yield Arm(f"depth {depth}", config.model(own, depth), kinds, own, depth)
    yield Arm("clean", config.model(own), ("clean",), own, clean=True)
    yield Arm("smooth", config.model(own, activation="gelu"), ("smooth",), own)
    for fork in config.forks:
        yield Arm(f"fork {fork}", config.model(own), ("fork",), own, fork=fork)


def populations(config: Config) -> dict[str, Population]:
    """Independent networks, then trunks and the twins that leave them."""
    found, members = {}, seeds(2 * config.seeds)
    for arm in arms(config):
        if arm.fork < 0:
            kept = ladder(config.steps, config.snapshots) if arm.over_time else ()
            more = {"snapshots": kept, "task": config.world(arm.clean)}
            found[arm.name] = _population(config, arm.model, members, config.steps, **more)
    return found | _twins(config)


def _twins(config: Config) -> dict[str, Population]:
    """Trunks end at the forks, each going on from the one before; momentum begins anew there."""
    found, trunk, before, pair = {}, "", 0, np.arange(config.seeds)
    twins = zipped(init_seed=np.repeat(pair, 2), data_seed=np.arange(2 * config.seeds))
    own = functools.partial(_population, config, config.model(config.width), rate=config.twins_rate)
    for i, fork in enumerate(config.forks):
        if fork:
            members = zipped(init_seed=pair, data_seed=FRESH * (i + 1) + pair)
            start, trunk = trunk, f"trunk {fork}"
            found[trunk] = own(members, fork - before, schedule=constant(), start=start)
        found[f"fork {fork}"] = own(twins, config.steps - fork, start=trunk)
        before = fork
    return found


def _population(
    config: Config, model: MLP, members: Members, steps: int, rate: float = 0, **more: Any
) -> Population:
    schedule, task = more.pop("schedule", cosine(steps)), more.pop("task", config.world())
    return Population(
        model=model,
        task=task,
        members=members,
        optimizer=SGD(rate or config.learning_rate, config.momentum, schedule),
        steps=steps,
        batch_size=config.batch_size,
        loss=cross_entropy,
        record_every=max(1, steps // 20),
        **more,
    )
