"""What is trained: independent networks of several shapes, and twins that share their first steps.

Rows 2 i and 2 i + 1 of every population are pair i. Independent networks differ in all seeds; twins
have one start and, from the fork on, batches of their own.
"""

import dataclasses
from collections.abc import Iterator
from typing import Any

import numpy as np

from toylab.errors import ToylabError, check_number
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

    seeds: int = 16  # pairs of networks
    widths: tuple[int, ...] = (16, 32, 64, 128, 256)  # of one hidden layer
    depths: tuple[int, ...] = (1, 2, 3)  # numbers of hidden layers of the width below
    width: int = 64
    examples: int = 8_000
    noise: float = 0.2  # chance that a label is drawn anew
    steps: int = 1_500
    batch_size: int = 128
    learning_rate: float = 0.1
    twins_rate: float = 0.4  # at the usual one twins never part
    momentum: float = 0.9
    forks: tuple[int, ...] = (0, 15, 75, 300, 750)  # steps that twins share
    snapshots: int = 8
    tests: int = 2_000  # points that losses are judged on
    grid: int = 41  # points on a side of the landscape's plane
    runs: int = 1_000  # pairs on the ridge
    shared: tuple[int, ...] = (0, 5, 10, 20, 40)  # steps that they share, of 400

    def __post_init__(self) -> None:
        for name in ("seeds", "steps", "width", "batch_size"):
            check_number("mode_connectivity", name, getattr(self, name), low=1, whole=True)
        most = {"grid": 1_000, "snapshots": 1_000, "runs": 100_000, "tests": self.examples}
        for name, high in most.items():
            check_number("mode_connectivity", name, getattr(self, name), 2, high, whole=True)
        for name, low in (("widths", 1), ("depths", 1), ("forks", 0), ("shared", 0)):
            own = getattr(self, name)
            if list(own) != sorted({*own}) or min(own, default=-1) < low:
                raise ToylabError(
                    f"mode_connectivity: {name} = {own}; give rising numbers from {low} on."
                )
        wrong = {
            f"width = {self.width} is none of widths = {self.widths}": self.width in self.widths,
            f"depths = {self.depths}; begin with 1 and give another": (
                self.depths[0] == 1 < len(self.depths)
            ),
            f"forks = {self.forks}; begin with 0 and end before step {self.steps}": (
                self.forks[0] == 0 and self.forks[-1] < self.steps
            ),
            f"shared = {self.shared}; at most the {STEPS // 2} steps with noise": (
                self.shared[-1] <= STEPS // 2
            ),
        }
        for text, right in wrong.items():
            if not right:
                raise ToylabError(f"mode_connectivity: {text}.")
        self.world()

    def world(self) -> Blobs:
        """The task."""
        return Blobs(examples=self.examples, noise=self.noise)

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
        kinds: comparisons it stands in: width, depth, deepest, time, smooth, fork.
        width, depth: of its hidden layers.
        fork: steps that a pair shares, -1 where it shares not even the start.
    """

    name: str
    model: MLP
    kinds: tuple[str, ...]
    width: int
    depth: int = 1
    fork: int = -1


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
    yield Arm("smooth", config.model(own, activation="gelu"), ("smooth",), own)
    for fork in config.forks:
        yield Arm(f"fork {fork}", config.model(own), ("fork",), own, fork=fork)


def populations(config: Config) -> dict[str, Population]:
    """Independent networks, then trunks and the twins that leave them."""
    found = {}
    for arm in arms(config):
        if arm.fork < 0:
            rate = SGD(config.learning_rate, config.momentum, cosine(config.steps))
            watched = ladder(config.steps, config.snapshots) if "time" in arm.kinds else ()
            found[arm.name] = _population(
                config, arm.model, rate, seeds(2 * config.seeds), config.steps, snapshots=watched
            )
    return found | _twins(config)


def _twins(config: Config) -> dict[str, Population]:
    """Trunks end at the forks, each going on from the one before; momentum begins anew there."""
    found, trunk, pair = {}, "", np.arange(config.seeds)
    model, both = config.model(config.width), np.repeat(pair, 2)
    for i, fork in enumerate(config.forks):
        if fork:
            length = fork - (config.forks[i - 1] if i else 0)
            members = zipped(init_seed=pair, data_seed=FRESH * (i + 1) + pair)
            rate = SGD(config.twins_rate, config.momentum, constant())
            start, trunk = trunk, f"trunk {fork}"
            found[trunk] = _population(config, model, rate, members, length, start=start)
        members = zipped(init_seed=both, data_seed=np.arange(2 * config.seeds))
        left = config.steps - fork
        rate = SGD(config.twins_rate, config.momentum, cosine(left))
        found[f"fork {fork}"] = _population(config, model, rate, members, left, start=trunk)
    return found


def _population(
    config: Config, model: MLP, rate: SGD, members: Members, steps: int, **more: Any
) -> Population:
    return Population(
        model=model,
        task=config.world(),
        members=members,
        optimizer=rate,
        steps=steps,
        batch_size=config.batch_size,
        loss=cross_entropy,
        record_every=max(1, steps // 20),
        **more,
    )
