"""Opposing signals: two groups of outliers that take gradient descent to the edge of stability.

    toylab run opposing_signals

A tenth of the examples share a large feature, with either sign, and ask for the same output at
both: what helps one group harms the other, and a linear network has to keep its response to the
feature at 0. Rosenfeld and Risteski find such groups in real data. They say that sharpness along
the feature grows while the network learns everything else, until the groups' losses oscillate, high
on one and then on the other, and the overall loss spikes; and that Adam suffers less than SGD. For
a two-layer linear network and a simple model of data they prove the first under gradient flow.

That model is exact: sharpness is alpha |b| for outliers of variance alpha and a network with
response b, and gradient descent is unstable beyond 2 / rate. Arms, on the same samples: a rate at
which networks reach this edge, and a lower one; no outliers; one group; outliers as long in random
directions; groups that ask for the same response; a normal feature of the same variance; momentum.
Then a grid of signals and outliers; and SGD, clipped SGD and Adam on minibatches, compared at one
excess loss. Sharpness is by Lanczos in float64.

What is done otherwise: the paper's sizes and rates are not known here, so that all numbers are this
laboratory's. Samples are finite, with groups of one size. A linear network sees second moments
only: of heavy tails it can say no more than that it does not need them.

Not testable: that momentum moves the edge. A fifth of its networks reach an edge of (2 + 2 m) /
rate; the others end where alpha |b| has them, as without momentum at the low rate (it was called
reproduced until a review asked who reaches it). Nothing else failed. With 20 seeds two claims
stayed open. Of the largest changes 93% are of outliers, but 73% in one network of 64; and clipped
gradients help SGD by only 2%. Neither heavy tail nor opposition is needed: a normal feature swings
too, and groups that ask for the same response spike.

Tried, on pilots: with 400 examples one network in eight reaches the edge without outliers. Up to a
fifth of |beta| the gradient's own curvature is the larger, so that sharpness is read from a third.
Momentum 0.6 overshoots. Below the edge losses may oppose too, down to -0.9, by drift: hence the
claim on their swing. One group has half the variance: hence ``alike``.

Source: Rosenfeld and Risteski 2023 (arXiv:2311.04163); the edge, Cohen et al. 2021
(arXiv:2103.00065).
"""

import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np
import polars as pl

from toylab.errors import ToylabError, check_number
from toylab.members import zipped
from toylab.models import MLP
from toylab.optim import SGD, AdamW
from toylab.optim.clipped import ClippedSGD
from toylab.population import Population
from toylab.read.networks import as_trained
from toylab.runs.run_folder import RunFolder
from toylab.study import Study
from toylab.tasks.opposing_signals.opposing_signals import OpposingSignals

from .claims import CLAIMS
from .tables import arms, cells, spikes
from .watch import path, whole_loss

# Arm: what its members have other than the settings; a rate or a momentum names its setting.
ARMS: dict[str, dict[str, Any]] = {
    "edge": {},
    "below": {"learning_rate": "low_rate"},
    "none": {"plus": 0, "minus": 0},
    "one": {"minus": 0},
    "aligned": {"aligned": 1, "learning_rate": "middle_rate"},
    "scattered": {"scattered": 1},
    "gaussian": {"gaussian": 1},
    "momentum": {"momentum": "momentum", "learning_rate": "middle_rate"},
}
# Optimiser on minibatches: its population, the setting with its rates, and its other numbers.
OPTIMIZERS: dict[str, tuple[str, str, dict[str, float]]] = {
    "sgd": ("sgd", "sgd_rates", {"longest": 1e9}),
    "clipped": ("sgd", "clipped_rates", {"longest": 1.0}),
    "adam": ("adam", "adam_rates", {"b1": 0.9}),
    "plain adam": ("adam", "adam_rates", {"b1": 0.0}),  # no average of gradients
}
DENSE = 60  # steps within which networks learn the signal and reach the edge


@dataclasses.dataclass(frozen=True, kw_only=True)
class Config:
    """Settings."""

    seeds: int = 64
    size: int = 800
    signals: int = 10
    features: int = 5
    hidden: int = 10
    fraction: float = 0.1
    magnitude: float = 6.0
    strength: float = 3.0
    init_scale: float = 0.1
    learning_rate: float = 0.25
    low_rate: float = 0.1
    middle_rate: float = 0.2
    momentum: float = 0.3
    steps: int = 200
    lanczos: int = 20
    strengths: tuple[float, ...] = (1.5, 2.0, 2.5, 3.0, 3.5)
    magnitudes: tuple[float, ...] = (4.0, 5.0, 6.0, 6.5)
    batch_size: int = 50
    batch_steps: int = 1_000
    sgd_rates: tuple[float, ...] = (0.01, 0.02, 0.04, 0.08)
    clipped_rates: tuple[float, ...] = (0.02, 0.04, 0.08, 0.16)
    adam_rates: tuple[float, ...] = (0.004, 0.008, 0.016, 0.032)

    def __post_init__(self) -> None:
        for name in ("seeds", "hidden", "steps", "batch_steps", "lanczos"):
            check_number("opposing_signals", name, getattr(self, name), low=1, whole=True)
        for name, most in (("signals", 500), ("features", 500), ("steps", 100_000)):
            check_number("opposing_signals", name, getattr(self, name), high=most)
        check_number("opposing_signals", "momentum", self.momentum, low=0, high=1)
        trained = {f"arm {arm!r}": self.numbers(arm) for arm in ARMS}
        trained |= {
            f"cell {cell}": cell | {"learning_rate": self.middle_rate} for cell in self.grid()
        }
        for name, own in trained.items():
            self.world(own)
            rate, strength = own["learning_rate"], own.get("strength", self.strength)
            if rate * strength >= 1 + own.get("momentum", 0):
                raise ToylabError(
                    f"opposing_signals: rate {rate:.3g} of {name} is beyond the edge without "
                    f"outliers too; give one below (1 + momentum) / |beta|, of |beta| = "
                    f"{strength:g}."
                )
        if self.batch_size * self.fraction < 2 or self.batch_size > self.size:
            raise ToylabError(
                f"opposing_signals: batch_size = {self.batch_size}; give one up to size = "
                f"{self.size} in which {self.fraction:g} are 2 outliers or more."
            )

    def numbers(self, arm: str) -> dict[str, float]:
        """The numbers of an arm's members."""
        named = {k: getattr(self, v) if isinstance(v, str) else v for k, v in ARMS[arm].items()}
        plain = {"plus": 1, "minus": 1, "aligned": 0, "scattered": 0, "gaussian": 0, "momentum": 0}
        shared = {n: getattr(self, n) for n in ("learning_rate", "fraction", "magnitude")}
        return shared | plain | named

    def world(self, numbers: Mapping[str, float] | None = None) -> OpposingSignals:
        """The sample of an arm, by the numbers of its members, or the plain one."""
        sizes = {n: getattr(self, n) for n in ("size", "signals", "features", "fraction")}
        sizes |= {"magnitude": self.magnitude, "strength": self.strength}
        fields = {f.name for f in dataclasses.fields(OpposingSignals)}
        own = {n: v for n, v in (numbers or {}).items() if n in fields}
        return OpposingSignals(**sizes | own)

    def tried(self, population: str) -> list[tuple[str, dict[str, float]]]:
        """The optimisers of a population, each at every rate, with their members' numbers."""
        return [
            (name, numbers | {"learning_rate": rate})
            for name, (own, setting, numbers) in OPTIMIZERS.items()
            if own == population
            for rate in getattr(self, setting)
        ]

    def grid(self) -> list[dict[str, float]]:
        """The cells of the grid."""
        return [{"strength": s, "magnitude": m} for s in self.strengths for m in self.magnitudes]


def populations(config: Config) -> dict[str, Population]:
    """Arms, all on the whole sample; the grid; and three optimisers on minibatches."""
    sizes = (config.signals + config.features, config.hidden, 1)
    model = MLP(sizes, "identity", biases=False, init_scale=config.init_scale)
    common = {"model": model, "task": config.world(), "batch_size": config.size}
    main = {
        "members": _members(config, [config.numbers(arm) for arm in ARMS]),
        "optimizer": SGD(config.learning_rate),
        "steps": config.steps,
        "metrics": path,
        "record_every": 1,
        "snapshots": looks(config.steps),
    }
    grid = {
        "members": _members(config, config.grid()),
        "optimizer": SGD(config.middle_rate),
        "metrics": None,
        "record_every": 0,
        "snapshots": looks(config.steps, 4),
    }
    found = {"main": Population(**common | main), "grid": Population(**common | main | grid)}
    for name, optimizer in {"sgd": ClippedSGD(0.01), "adam": AdamW(0.01, 0.0)}.items():
        own = {
            "members": _members(config, [numbers for _, numbers in config.tried(name)]),
            "optimizer": optimizer,
            "steps": config.batch_steps,
            "batch_size": config.batch_size,
            "metrics": whole_loss,
            "record_every": 2,
        }
        found[name] = Population(**common | own)
    return found


def looks(steps: int, every: int = 1) -> tuple[int, ...]:
    """Steps at which the sharpness is measured: close together at first, then at odd distances."""
    early = min(steps, DENSE)
    return (*range(every, early, every), *range(early, steps + 1, 10 * every - 1))


def _members(config: Config, groups: list[dict[str, float]]) -> Any:
    """The members of groups, each of all seeds; a seed has its own sample."""
    seed = np.tile(np.arange(config.seeds), len(groups))
    columns = {n: np.repeat([g[n] for g in groups], config.seeds) for n in groups[0]}
    return zipped(init_seed=seed, data_seed=seed, world_seed=seed, **columns)


def measure(config: Config, run: RunFolder) -> Mapping[str, pl.DataFrame]:
    """Curves and summaries of the arms, cells of the grid, and spikes by optimiser and rate."""
    made = {name: as_trained(run, name, p) for name, p in populations(config).items()}
    found = arms(run, made["main"], list(ARMS), config.lanczos)
    found["cells"] = cells(run, made["grid"], config.lanczos)
    found["spikes"] = pl.concat(
        [spikes(run, p, made[p], [name for name, _ in config.tried(p)]) for p in ("sgd", "adam")]
    )
    return found


CELLS: Mapping[str, Any] = {"strengths": (2.0, 3.0), "magnitudes": (4.0, 7.0)}
SMALL: Mapping[str, Any] = {"seeds": 2, "size": 80, "signals": 4, "hidden": 4, **CELLS}
LARGE: Mapping[str, Any] = {"seeds": 64, "size": 8_000, "signals": 40, "features": 10, "hidden": 50}

study = Study(
    name="opposing_signals",
    title="Opposing signals: two groups of outliers at the edge of stability",
    paper="Rosenfeld and Risteski 2023, Outliers with opposing signals have an outsized effect on "
    "neural network optimization (arXiv:2311.04163)",
    presets={
        "smoke": Config(**SMALL, steps=12, lanczos=8, batch_size=20, batch_steps=12),
        "laptop": Config(),
        "paper": Config(**LARGE, steps=1_000, lanczos=40, batch_size=200, batch_steps=4_000),
    },
    costs={
        "smoke": "670 model-steps; compiling takes most of it",
        "laptop": "1.4 million model-steps of 0.5 MFLOP: 3 to 5 minutes, measures included",
        "paper": "6 million model-steps of 0.1 GFLOP at most, for one GPU",
    },
    populations=populations,
    measure=measure,
    claims=CLAIMS,
)
