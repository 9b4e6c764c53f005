"""Pre-caching and breadcrumbs: does a network compute what later positions alone will need?

    toylab run pre_caching

The gradient of the loss at position t reaches what earlier positions compute. So these may prepare
what is of use to later positions only (pre-caching), or what they compute for themselves may serve
later ones too (breadcrumbs). Wu, Morris and Levine stop that gradient: a myopic network, whose
outputs are computed as before, can leave breadcrumbs but cannot learn to pre-cache. In their
synthetic world sums of sin(a x) of the last k numbers are asked for, so that no position needs the
sine of its own number.

Arms, at sixteen seeds each: vanilla and myopic training; doses of the gradient between; myopic
training whose W_K and W_V do learn from later positions, as with shared weights these have little
to learn from otherwise; myopic training at half the rate; sums that begin with a position's own
term (breadcrumbs); x alone as the target; a flag on 30% of positions; eight heads, two for each
term, whose W_K and W_V learn likewise; and LayerNorm. Probes are linear, read f(x_n) at position n,
and are judged on sequences that they were not fitted on. The steered term shows that the probed one
is what is read.

What is done otherwise: k = 4 terms of frequency 3 in sequences of 12, where a linear map of x
explains 0.2% of f; squared error; blocks without norms except in one arm, since a norm before
attention makes keys and values nonlinear in x; no language model and no multiplication.

Did not reproduce: breadcrumbs that serve as well as the whole gradient. Myopic networks leave 67%
of the variance of a sum that begins with their own term, which alone leaves 75%; the paper's leave
8% after 65 times as many steps. With LayerNorm networks learn the sum (11% left) but hardly prepare
for it: R^2 of the sine is 0.35, a moved sine moves later outputs by 0.1 or less in the mean, and
the first attention alone gives the sum with R^2 of 0.45, which without norms it cannot; a low error
is then no sign of pre-caching. Eight heads do not help myopic networks, whose W_K and W_V learn
from later positions as well. Vanilla networks pay nothing at present where x is asked for. Open:
fourteen of sixteen vanilla networks follow a moved sine within 0.21 of a slope of 1, two are off by
0.4 and 0.7; and the error falls with the dose up to a half, but with a rank correlation of -0.78
(-0.89 to -0.64), as small doses do little: errors are 0.92 at an eighth, 0.81 at three, 0.46 at a
half.

Tried, on pilots: frequency 4, with which some networks stay at a plateau for 1,000 steps. Myopic
networks with breadcrumbs left 40 to 70% at three rates, with three blocks, or with 1,600 steps.
Random ReLU features of x give the sine with R^2 of 0.26 before training, so controls are half of
the variance, and a myopic network is compared with its own start. In a first judged run of eight
seeds doses went up to 1, where those from a half on had one error, and the eight heads' W_K and W_V
did not learn.

Source: Wu, Morris and Levine 2024 (arXiv:2404.00859), with their code and its outputs.
"""

import dataclasses
from collections.abc import Mapping
from typing import Any

import jax
import numpy as np
import polars as pl

from toylab.errors import check_number
from toylab.losses import squared_error
from toylab.members import zipped
from toylab.models.toys.foresight import ForesightTransformer
from toylab.optim import AdamW, cosine
from toylab.population import Population, ladder
from toylab.read.tables import long_table, stacked
from toylab.runs.run_folder import RunFolder
from toylab.study import Study
from toylab.tasks.planning.delayed_sums import DelayedSums

from .claims import CLAIMS
from .foresight import FIRST, PROBED, decoded, draw, errors, moved, seen

JUDGED = 31  # seed of the sequences that networks are judged by
MYOPIC = {"foresight": 0.0}
# Arm: its population, and what it has other than vanilla networks of sums everywhere.
ARMS: dict[str, tuple[str, dict[str, float]]] = {
    "vanilla": ("main", {}),
    "myopic": ("main", MYOPIC),
    "slow": ("main", MYOPIC | {"slower": 1}),
    "reading": ("main", MYOPIC | {"reading": 1.0}),
    "dose 0.125": ("main", {"foresight": 0.125}),
    "dose 0.25": ("main", {"foresight": 0.25}),
    "dose 0.375": ("main", {"foresight": 0.375}),
    "dose 0.5": ("main", {"foresight": 0.5}),
    "crumbs": ("main", MYOPIC | {"first": 0}),
    "plain": ("main", {"asked": 0.0}),
    "rare": ("rare", {"asked": -1}),
    "rare myopic": ("rare", MYOPIC | {"asked": -1}),
    "heads": ("heads", {}),
    "heads reading": ("heads", MYOPIC | {"reading": 1.0}),
    "norm": ("norm", {}),
}
COLUMNS = {"foresight": 1.0, "reading": 0.0, "asked": 1.0, "first": 1}


@dataclasses.dataclass(frozen=True, kw_only=True)
class Config:
    """Settings."""

    seeds: int = 16
    length: int = 12
    terms: int = 4
    frequency: float = 3.0
    rare: float = 0.3  # share of positions with a flag, in the arms named so
    width: int = 32
    heads: int = 2
    many: int = 8  # heads, in the arms named so
    steps: int = 900
    rare_steps: int = 1_200
    batch_size: int = 32
    learning_rate: float = 6e-3
    weight_decay: float = 0.01
    snapshots: int = 10  # log-spaced
    judged: int = 1_024  # sequences

    def __post_init__(self) -> None:
        for name in ("seeds", "steps", "rare_steps", "snapshots"):
            check_number("pre_caching", name, getattr(self, name), low=1, whole=True)
        check_number("pre_caching", "rare", self.rare, above=0, high=1)
        check_number("pre_caching", "judged", self.judged, low=32, whole=True)
        check_number("pre_caching", "length", self.length, low=self.terms + 4, whole=True)
        for population in POPULATIONS:
            self.model(population)

    def world(self, asked: float = 1.0, first: float = 1) -> DelayedSums:
        """The task."""
        return DelayedSums(self.length, self.terms, self.frequency, asked, first)

    def model(self, population: str) -> ForesightTransformer:
        """Two blocks, of two heads or many, with LayerNorm or without."""
        heads = self.many if population == "heads" else self.heads
        norm = "layer" if population == "norm" else "none"
        sizes = {"length": self.length, "width": self.width, "hidden": 4 * self.width}
        return ForesightTransformer(2, heads=heads, norm=norm, **sizes)

    def numbers(self, arm: str) -> dict[str, float]:
        """The numbers of an arm's members."""
        own = COLUMNS | ARMS[arm][1]
        rate = self.learning_rate / 2 if own.pop("slower", 0) else self.learning_rate
        own["asked"] = self.rare if own["asked"] < 0 else own["asked"]
        return own | {"learning_rate": rate}


POPULATIONS = tuple(dict.fromkeys(population for population, _ in ARMS.values()))


def populations(config: Config) -> dict[str, Population]:
    """One population for each number of heads, norm and length of training."""
    found = {}
    for name in POPULATIONS:
        arms = [config.numbers(arm) for arm, (population, _) in ARMS.items() if population == name]
        vary = [c for c in arms[0] if any(own[c] != COLUMNS.get(c) for own in arms)]
        columns = {c: np.repeat([own[c] for own in arms], config.seeds) for c in vary}
        seed = list(range(config.seeds)) * len(arms)
        steps = config.rare_steps if name == "rare" else config.steps
        found[name] = Population(
            model=config.model(name),
            task=config.world(),
            members=zipped(init_seed=seed, data_seed=seed, **columns),
            optimizer=AdamW(
                config.learning_rate,
                config.weight_decay,
                b2=0.99,
                schedule=cosine(steps, warmup=steps // 20, floor=0.01),
            ),
            steps=steps,
            batch_size=config.batch_size,
            loss=squared_error,
            snapshots=ladder(steps, config.snapshots),
        )
    return found


def measure(config: Config, run: RunFolder) -> Mapping[str, pl.DataFrame]:
    """Errors and probes over training; every probed site, and moved terms, at both ends."""
    parts, place = [], dict.fromkeys(POPULATIONS, 0)
    for arm, (population, _) in ARMS.items():
        own = slice(place[population], place[population] + config.seeds)
        place[population] += config.seeds
        names = {
            "init_seed": run.members(population)["init_seed"].to_numpy()[own],
            "diverged": (run.dead_at(population) >= 0)[own],
        }
        steps = run.steps(population)
        for step in steps:
            params_P = jax.tree.map(lambda leaf, o=own: leaf[o], run.params(population, step))
            found = look(config, arm, params_P, step in (steps[0], steps[-1]))
            parts.append({n: _labelled(t, arm, step, names) for n, t in found.items()})
    return stacked(parts)


def look(config: Config, arm: str, params_P: Any, end: bool) -> dict[str, pl.DataFrame]:
    """Tables of an arm's networks, which a column ``member`` numbers."""
    population, _ = ARMS[arm]
    own, model = config.numbers(arm), config.model(population)
    task = config.world(own["asked"], own["first"])
    batch = draw(task, config.judged, JUDGED)
    sites = tuple(PROBED.values()) if end else (FIRST,)
    outputs_PBT, acts = seen(model, params_P, batch.inputs, sites)
    curves = errors(task, outputs_PBT, batch) | {"probe": decoded(task, acts[FIRST], batch)}
    tables = {"curves": long_table({"member": None}, **curves)}
    if end:
        of = lambda latent: [decoded(task, acts[s], batch, latent) for s in PROBED.values()]
        found = {"r2": np.stack(of("term")), "sum_r2": np.stack(of("sum"))}
        tables["sites"] = long_table({"site": list(PROBED), "member": None}, **found)
        slope_PL, lag_L = moved(model, task, params_P, acts[FIRST], batch)
        tables["slopes"] = long_table({"member": None, "lag": lag_L}, slope=slope_PL)
    return tables


def _labelled(
    rows: pl.DataFrame, arm: str, step: int, names: Mapping[str, np.ndarray]
) -> pl.DataFrame:
    """Rows of an arm's networks with the networks' names in place of their numbers."""
    member = rows["member"].to_numpy()
    named = {name: pl.Series(column[member]) for name, column in names.items()}
    return rows.drop("member").with_columns(arm=pl.lit(arm), step=pl.lit(step), **named)


LARGE: Mapping[str, Any] = {"length": 64, "terms": 10, "frequency": 10.0, "width": 128}

study = Study(
    name="pre_caching",
    title="Pre-caching and breadcrumbs: what networks compute for later positions",
    paper="Wu, Morris and Levine 2024, Do language models plan ahead? (arXiv:2404.00859)",
    presets={
        "smoke": Config(
            seeds=2, width=8, many=4, steps=10, rare_steps=10, batch_size=8, snapshots=2, judged=64
        ),
        "laptop": Config(),
        "paper": Config(
            **LARGE, steps=58_593, rare_steps=58_593, batch_size=512, learning_rate=1e-3
        ),
    },
    costs={
        "smoke": "280 model-steps; compiling takes most of it",
        "laptop": "226,000 model-steps of 0.05 GFLOP: 6 minutes; measures: 1",
        "paper": "6.6 million model-steps of 60 GFLOP, for one GPU",
    },
    populations=populations,
    measure=measure,
    claims=CLAIMS,
)
