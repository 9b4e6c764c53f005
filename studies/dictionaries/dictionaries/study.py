"""Dictionaries: do they find the same features twice, and does time make features predictable?

    toylab run dictionaries

Two questions about sparse dictionaries, asked where the features are known. First, stability. Sums
of a few of 64 planted directions in 32 dimensions are explained by TopK dictionaries of several
sizes, by archetypal ones, whose atoms are mixtures of data (Fel et al.), and by other kinds; each
twice in every world, from other weights and other data. *Recovery* is the mean over features of
the best signed cosine of an atom; *stability*, the mean cosine of two dictionaries' atoms under the
best one-to-one assignment; random dictionaries stand beside both. Second, time. Features that
persist and features that do not are explained by dictionaries with attention to the past (Lubana et
al.), against shuffled sequences, a strictly causal variant, and the exact bound of any forecast.

What is done otherwise. Numbers are small, data are never seen twice, no latents are revived.
Archetypal dictionaries have 128 candidates, k-means centroids of each run's own sample in random
order, so that no two runs begin alike; TopK from the same centroids tells what the beginning does
without the constraint. Temporal dictionaries have atoms of length 1, and values that begin as the
identity.

Confounded: changes in stability, most of them due to dead atoms. Dictionaries of two atoms for each
feature repeat less, by 0.12, but of atoms that fire they repeat more, 0.97 in place of 0.90: what
falls is of atoms that never fire, as none are revived. So with archetypes: they repeat more by
0.09, but a tenth of TopK's atoms are dead and a hundredth of theirs, and of atoms that fire the
gain is 0.03. (What the constraint adds to the same start is 0.10, and 0.05 of atoms that fire.) A
hull costs 0.13 of the variance, but 0.11 where three inputs in ten are one feature and in theory
nothing is lost: there its atoms come to features at a cosine of 0.90 only, so that whether the hull
itself costs cannot be told. Did not reproduce: a predictable part that holds no more of what goes
on than of what sets in: it is 7.9 times as long along the former. Not testable: whether prefixes
absorb less, as flat dictionaries by BatchTopK do not absorb (parents are as often silent alone),
where TopK with two latents does. Left open: recovery next to the true number lacks 0.006 of the
best (0.002 to 0.011).

Tried: at TopK's rate of learning archetypes were not trained after 1,000 steps (0.84 explained) and
no more stable than TopK; each now has the rate at which it explains most. Where children always
bring their parents, no k recovers more than 0.81, and flat dictionaries absorb 0.06 in all. With a
price of 0.2 gates keep 23 latents active. A first judged run counted dead atoms for the fall in
stability, and made the candidates of the second hull of the first one's data. On worlds 0 to 7 the
leak of the predictable part was read of all features, where what it writes along fast ones cancels
it (0.99 of the best forecast); worlds from 100 on judge it of slow ones (0.84, of which 0.81 can be
foretold; on shuffled sequences 0.83, where the causal variant has 0.33), and recovery by what it
lacks, not by the k of its peak.

Sources: Fel, Lubana, Prince and co-authors 2025, Archetypal SAE (arXiv:2502.12892); Lubana, Rager,
Hindupur and co-authors 2025, Priors in Time (arXiv:2511.01836); Chanin & Garriga-Alonso 2025
(arXiv:2508.16560) on the number of active latents; Bussmann et al. 2024 and 2025 (arXiv:2412.06410,
arXiv:2503.17547) for BatchTopK and Matryoshka.
"""

import dataclasses
import functools
from collections.abc import Mapping
from typing import Any

import numpy as np
import polars as pl

from toylab.analysis.recovery.scores import looks
from toylab.errors import ToylabError, check_counts, check_number, nearest
from toylab.models.dictionaries.archetypal import ArchetypalDictionary
from toylab.models.dictionaries.sparse import SparseDictionary, reconstruction
from toylab.models.dictionaries.starts import Centroids
from toylab.models.dictionaries.temporal import TemporalDictionary
from toylab.optim import AdamW, cosine
from toylab.optim.projected import ProjectedAdam
from toylab.population import Population
from toylab.runs.run_folder import RunFolder
from toylab.study import Study
from toylab.tasks.dictionaries.chains import Chains
from toylab.tasks.dictionaries.planted import Planted

from . import arms as ways
from .arms import HULL, KINDS, LONE, TIME, Arm
from .claims import CLAIMS
from .scores import arm_rows, in_time, time_rows, traces

PRICES = {"jumprelu": 0.5, "gated": 1.5}


@dataclasses.dataclass(frozen=True, kw_only=True)
class Config:
    """Settings."""

    seeds: int = 16  # worlds, each with one or two runs of every arm
    first_world: int = 100  # added to a world's number, it names its features and its data
    features: int = 64
    width: int = 32
    active: int = 3
    sizes: tuple[int, ...] = (32, 64, 96, 128)
    ks: tuple[int, ...] = (1, 2, 3, 4, 6)  # in worlds where about 2.5 features are active
    kinds: tuple[str, ...] = KINDS  # of dictionary, beside TopK and BatchTopK
    candidates: int = 128
    points: int = 2_048
    steps: int = 1_000
    batch_size: int = 128
    learning_rate: float = 4e-3  # each rate is the one at which most is explained
    hull_rate: float = 1.6e-2  # of archetypal dictionaries
    slow: int = 8
    fast: int = 24
    atoms: int = 40  # of temporal dictionaries
    length: int = 32
    rho: float = 0.9
    novel: int = 3
    sae_ks: tuple[int, ...] = (3, 6, 12)
    time_steps: int = 1_200
    sequences: int = 16
    time_rate: float = 3e-3
    inputs: int = 1_024  # that dictionaries are scored on

    def __post_init__(self) -> None:
        counts = ("seeds", "batch_size", "sequences", "steps", "time_steps")
        check_counts("dictionaries", self, *counts)
        check_counts("dictionaries", self, "inputs", low=32)
        check_number("dictionaries", "first_world", self.first_world, 0, 10**7, whole=True)
        compared = (self.features, 2 * self.features)
        if not {*compared} <= {*self.sizes}:
            raise ToylabError(f"dictionaries: sizes = {self.sizes} lack one of {compared}.")
        for name in ("sizes", "ks", "sae_ks"):
            given = getattr(self, name)
            if list(given) != sorted(set(given)) or len(given) < 2:
                raise ToylabError(f"dictionaries: {name} = {given}; give two or more, rising.")
        unknown = [kind for kind in self.kinds if kind not in KINDS]
        if unknown:
            raise ToylabError(
                f"dictionaries: kinds: {unknown[0]!r}; {nearest(str(unknown[0]), KINDS)}"
            )
        if min(self.sae_ks) != self.novel:
            raise ToylabError(f"dictionaries: sae_ks = {self.sae_ks}; begin at {self.novel}.")
        _ = populations(self)

    def planted(self, **changes: Any) -> Planted:
        """The world of sums."""
        return Planted(self.features, self.width, **{"active": self.active} | changes)

    def chains(self) -> Chains:
        """The world of sequences."""
        return Chains(self.slow, self.fast, self.width, self.length, rho=self.rho)

    def arms(self) -> dict[str, tuple[Arm, ...]]:
        """The arms of every population."""
        kinds = {kind: (Arm(kind, 2, {}),) for kind in self.kinds}
        sparse = ways.sparse_arms(self.features, self.sizes, self.ks)
        found = {ways.SPARSE: sparse, HULL: ways.HULLS, LONE: ways.LONES, ways.BATCH: ways.BATCHES}
        return found | kinds | {TIME: ways.time_arms(self.sae_ks)}


def models(config: Config) -> dict[str, Any]:
    """The dictionary of every population."""
    f, d, k = config.features, config.width, config.active
    start = lambda count, **world: Centroids(config.planted(**world), count, config.points, 10)
    hull = lambda **world: ArchetypalDictionary(
        d, f, k=k, most=k, start=start(config.candidates, **world)
    )
    make: Any = SparseDictionary
    plain = lambda **more: make(**{"width": d, "features": f, "k": k} | more)
    sizes = {"features": max(config.sizes), "most": max(*config.ks, k)}
    kinds = {kind: plain(kind=kind, price=PRICES[kind]) for kind in config.kinds}
    return {
        ways.SPARSE: plain(start=start(max(config.sizes)), central=0.0, **sizes),
        HULL: hull(),
        LONE: hull(**ways.SINGLE),
        ways.BATCH: plain(kind="batchtopk", prefixes=(f // 2,), nested=0.0),
        **kinds,
        TIME: TemporalDictionary(d, config.atoms, most=max(config.sae_ks), k=config.novel),
    }


def populations(config: Config) -> dict[str, Population]:
    """A population for every kind of dictionary."""
    found = {}
    for name, model in models(config).items():
        sequences = name == TIME
        task = config.chains() if sequences else config.planted()
        rates = {TIME: config.time_rate} | dict.fromkeys((HULL, LONE), config.hull_rate)
        rate = rates.get(name, config.learning_rate)
        steps = config.time_steps if sequences else config.steps
        decay = cosine(steps, warmup=steps // 40, floor=0.05)
        rest = _numbers(task) | _numbers(model)
        rule: Any = AdamW(rate, 0.0, schedule=decay)
        if name in (HULL, LONE):
            rule = ProjectedAdam(learning_rate=rate, project=model.project, schedule=decay)
        found[name] = Population(
            model=model,
            task=task,
            members=ways.members(config.arms()[name], config.seeds, config.first_world, rest),
            optimizer=rule,
            loss=reconstruction,
            steps=steps,
            batch_size=config.sequences if sequences else config.batch_size,
        )
    return found


def _numbers(part: Any) -> dict[str, Any]:
    return {field.name: getattr(part, field.name) for field in dataclasses.fields(part)}


def measure(config: Config, run: RunFolder) -> Mapping[str, pl.DataFrame]:
    """A row per arm and world, of sums in ``cells``, of sequences in ``times``; one sequence."""
    cells: list[Any] = []
    found: dict[str, pl.DataFrame] = {}
    frame = functools.partial(pl.DataFrame, infer_schema_length=None)
    for name, population in populations(config).items():
        arms, lost_P = config.arms()[name], np.asarray(run.dead_at(name)) >= 0
        params = run.params(name)
        if name == TIME:
            own = in_time(population, params, max(config.inputs // config.length, 1))
            found["times"] = frame(time_rows(arms, config.seeds, config.slow, own, lost_P))
            found["traces"] = traces(arms, config.seeds, config.slow, own)
        else:
            own = looks(population, params, config.inputs, ("codes",))
            cells += arm_rows(arms, config.seeds, config.planted(), own, lost_P)
    return {"cells": frame(cells)} | found


LARGE: dict[str, Any] = {"seeds": 32, "features": 1_024, "width": 256, "active": 8}
LARGE |= {"sizes": (512, 1_024, 2_048, 4_096), "ks": (2, 4, 8, 12, 16), "candidates": 4_096}
LARGE |= {"steps": 30_000, "batch_size": 1_024, "points": 32_768}
SMALL: dict[str, Any] = {"features": 8, "width": 6, "active": 2, "sizes": (8, 16), "kinds": ()}
SMALL |= {"ks": (1, 2), "candidates": 16, "points": 64, "steps": 20}
SMALL |= {"batch_size": 16, "inputs": 64, "slow": 2, "fast": 4, "atoms": 8, "length": 8}
SMALL |= {"novel": 2, "sae_ks": (2, 4), "time_steps": 20, "sequences": 4}
LARGE |= {"length": 64, "time_steps": 30_000, "sequences": 64, "learning_rate": 5e-4}

study = Study(
    name="dictionaries",
    title="Dictionaries: features found twice, and features foretold",
    paper="Fel et al. 2025, Archetypal SAE (arXiv:2502.12892); Lubana et al. 2025, Priors in Time "
    "(arXiv:2511.01836)",
    presets={
        "smoke": Config(seeds=2, **SMALL),
        "laptop": Config(),
        "paper": Config(**LARGE, hull_rate=2e-3, time_rate=1e-3),
    },
    costs={
        "smoke": "1,300 model-steps; compiling takes most of it",
        "laptop": "690,000 model-steps of 10 to 20 MFLOP: 6 minutes",
        "paper": "34,000,000 model-steps of up to 20 GFLOP, for one GPU",
    },
    populations=populations,
    measure=measure,
    claims=CLAIMS,
)
