"""Grokking between two look-up tables: three ingredients are enough.

    toylab run circuit_efficiency

A circuit that generalises and one that memorises compete for one output; only the strengths of the
two are learned, four scalars in all. Grokking should follow where (1) both fit the training set,
(2) the generalising one is more efficient, that is, takes less parameter norm for the same logits,
and (3) it is learned more slowly. Take (2) away and it never generalises; take (3) away and it
generalises at once. The authors call it "validation of the three ingredients, rather than a
quantitative prediction"; the predictions tested here are derived in
``toylab.tasks.grokking.theory.circuits_theory``.

Training is deterministic. A seed is a draw of the two initial sub-weights, log-normal about the
paper's values, of both together and of C_gen's alone (not where the circuits are to be equally
fast); the intervals say how far conclusions depend on these, and nothing else.

Not in the paper's text, as far as known: the learning rate (0.01 here) and what the inefficient
C_gen's norm is (here the two norms change places). Appendix C writes the decay as alpha, appendix D
as alpha / 2: ``convention`` chooses, and two of the cases have the other one, and a learning rate
5 times as high. Ungrokking by swapping the norms is ours: the paper ungroks
transformers. So is the map.

Source: Varma et al. 2023 (arXiv:2309.02390), section 3, figure 2, appendices C and D.

Did not reproduce: circuits take over 24% later than the closed law of the delay says: it leaves out
the slow end of the takeover, with which the prediction is off by half a per cent.

Tried: the map's speeds were extended below 1, as none of its cells was immediate. The law of the
delay was first judged by 0.8 to 1.25, which a measured 1.24 just met; it now has the region that
the integral meets. That the weights end at theorem D.4's ratio, with its exponent, and that the
integral's time is that of the simulation, were claims until it was seen that they compare a
simulation with its own closed form; they are tests of the code. Claims about circuits learned
equally fast are gone for the same reason: two equal weights leave a test loss of 2.35 nats when the
training loss is 0.5, and ln 2 at best, so that how soon it falls is a matter of the loss that is
asked for (0.96 times the steps of the training loss to half of a guess's, 3 times to 1 nat).
"""

import dataclasses
from typing import Literal

import numpy as np
import polars as pl

from toylab.errors import ToylabError, check_counts, check_number, nearest
from toylab.members import Members, grid, zipped
from toylab.optim import SGD
from toylab.population import Population
from toylab.runs.run_folder import RunFolder
from toylab.study import Study
from toylab.tasks.grokking.circuits import CircuitLoss, Circuits, Tables, circuit_metrics

from .claims import CLAIMS
from .laws import CASES, cells, describe, follow, weights

CONVENTIONS = {"alpha": 1.0, "alpha/2": 0.5}
LADDER = 64  # times at which the map is looked at, evenly on a log scale


@dataclasses.dataclass(frozen=True)
class Config:
    """Settings; the numbers of the two circuits are those of the paper's appendix C."""

    seeds: int = 24
    P_g: float = 1.0
    P_m: float = 2.0
    kappa: float = 1.2
    alpha: float = 0.005
    convention: Literal["alpha", "alpha/2"] = "alpha"
    start_g: float = 0.005
    start_m: float = 1.0
    jitter: float = 0.2
    n_labels: int = 113
    learning_rate: float = 0.01
    rate_factor: float = 5.0  # the other learning rate, over the first
    steps: int = 20_000
    record_every: int = 10
    map_seeds: int = 8
    map_points: int = 24  # along each axis
    norm_ratios: tuple[float, ...] = (0.5, 3.0)  # P_m / P_g, ends of the map
    speed_ratios: tuple[float, ...] = (0.3, 1000.0)  # w_m2(0) / w_g2(0), ends of the map
    map_rate: float = 0.05
    map_steps: int = 10_000

    def __post_init__(self) -> None:
        check_counts("circuit_efficiency", self, "steps", "record_every", "map_seeds", "map_steps")
        check_number("circuit_efficiency", "map_points", self.map_points, low=2, whole=True)
        check_number("circuit_efficiency", "rate_factor", self.rate_factor, above=0)
        for field in ("norm_ratios", "speed_ratios"):
            ends = getattr(self, field)
            if len(ends) != 2 or not 0 < ends[0] < ends[1]:
                raise ToylabError(
                    f"circuit_efficiency: {field} = {ends}; give two positive ends, rising."
                )
        if self.convention not in CONVENTIONS:
            hint = nearest(str(self.convention), CONVENTIONS)
            raise ToylabError(f"circuit_efficiency: convention {self.convention!r}; {hint}")

    @property
    def decay(self) -> float:
        """Strength of the decay under the chosen convention."""
        return self.alpha * CONVENTIONS[self.convention]

    @property
    def other_decay(self) -> float:
        """Strength of the decay under the other convention."""
        return self.alpha * (1.5 - CONVENTIONS[self.convention])


def populations(config: Config) -> dict[str, Population]:
    """The paper's setting, its controls, its ungrokking, and the map."""
    shared = dict(
        model=Circuits(
            config.n_labels, config.start_g, config.start_m, config.jitter, config.jitter
        ),
        task=Tables(config.n_labels),
        loss=CircuitLoss(config.P_g, config.P_m, config.kappa, config.decay),
        batch_size=1,
    )
    curves = dict(
        optimizer=SGD(config.learning_rate),
        steps=config.steps,
        record_every=config.record_every,
        snapshots=(0,),
        metrics=circuit_metrics,
    )
    swap = zipped(P_g=(config.P_m, config.P_g), P_m=(config.P_g, config.P_m))
    # A population goes on from members of unique seeds: those of the first case.
    grokked = grid(init_seed=range(0, config.seeds * len(CASES), len(CASES)))
    return {
        "circuits": Population(members=case_members(config), **shared, **curves),
        "ungrokking": Population(members=grokked * swap, start="circuits", **shared, **curves),
        "map": Population(
            members=grid(init_seed=range(config.map_seeds), **map_axes(config)),
            optimizer=SGD(config.map_rate),
            steps=config.map_steps,
            record_every=config.map_steps,
            snapshots=(0, *map_ladder(config)),
            **shared,
        ),
    }


def case_members(config: Config) -> Members:
    """Each seed with each of ``CASES``, which varies fastest; every member draws its own start."""
    count, rate = len(CASES), config.learning_rate
    columns = dict(
        P_g=(config.P_g, config.P_m, config.P_g, config.P_g, config.P_g),
        P_m=(config.P_m, config.P_g, config.P_m, config.P_m, config.P_m),
        start_g=(config.start_g, config.start_g, config.start_m, config.start_g, config.start_g),
        jitter_g=(config.jitter, config.jitter, 0.0, config.jitter, config.jitter),
        learning_rate=(rate, rate, rate, rate * config.rate_factor, rate),
        decay=(*(config.decay,) * (count - 1), config.other_decay),
    )
    tiled = {name: np.tile(values, config.seeds) for name, values in columns.items()}
    return zipped(init_seed=range(config.seeds * count), **tiled)


def map_axes(config: Config) -> dict[str, np.ndarray]:
    """Columns of the map: P_m and w_g2(0), the other circuit's numbers kept."""
    return {
        "P_m": config.P_g * np.geomspace(*config.norm_ratios, config.map_points),
        "start_g": config.start_m / np.geomspace(*config.speed_ratios, config.map_points),
    }


def map_ladder(config: Config) -> tuple[int, ...]:
    """Steps at which the map is looked at."""
    first = min(10, config.map_steps)
    steps = np.round(np.geomspace(first, config.map_steps, LADDER)).astype(int)
    return tuple(int(s) for s in np.unique(steps))


def measure(config: Config, run: RunFolder) -> dict[str, pl.DataFrame]:
    """Curves and one row per member of the cases, and one row per cell of the map."""
    curves, runs = [], []
    for name in ("circuits", "ungrokking"):
        step_S, w_g_SP, w_m_SP = weights(run, name)
        members = describe(run, name, config)
        table, rows = follow(step_S, w_g_SP, w_m_SP, members, config)
        curves.append(table)
        runs.append(rows)
    return {"curves": pl.concat(curves), "runs": pl.concat(runs), "map": cells(config, run)}


study = Study(
    name="circuit_efficiency",
    title="Circuit efficiency: grokking between two look-up tables",
    paper="Varma et al. 2023, Explaining grokking through circuit efficiency (arXiv:2309.02390)",
    presets={
        "smoke": Config(
            seeds=2, steps=12_000, record_every=40, map_seeds=1, map_points=6, map_steps=2000
        ),
        "laptop": Config(),
        "paper": Config(seeds=100, map_seeds=20, map_points=64, map_steps=20_000),
    },
    costs={
        "smoke": "240,000 model-steps of four scalars; compiling and drawing take the time",
        "laptop": "50 million model-steps of four scalars, 5 GFLOP; most of the time is compiling "
        "and drawing",
        "paper": "1.7 billion model-steps of four scalars, 170 GFLOP: a minute or two on 2 cores",
    },
    populations=populations,
    measure=measure,
    claims=CLAIMS,
)
