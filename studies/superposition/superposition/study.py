"""Superposition: which features a model keeps, and what shapes they take.

    toylab run superposition

*Pictures*: which features does a model of few dimensions keep as they grow sparse, with a linear
and with a ReLU output? *Geometry*: when all features are equally important, how much of a dimension
does each get, and does that number stick at the fractions of regular polytopes?

Departures from the paper at the laptop preset: the larger model of the pictures and the sweep of
the geometry train for fewer steps with a decaying learning rate, and the geometry is that of the
paper's own scaled-down notebook (200 features in 20 dimensions).

Source: Elhage et al. 2022 (arXiv:2209.10652), "Demonstrating superposition" and "The geometry of
superposition".

Did not reproduce: nearly all features at the lowest density. At density 0.001 the 20-feature model
keeps 13.8 features on average over eight seeds, where the paper's picture has all 20. Left open, at
their bars: that sparser always keeps more (rank correlation -0.97, -1.00 to -0.85) and that the
dimensionality sticks at 1/2 within 0.03 (0.028, 0.025 to 0.037).

Tried: after a first laptop run, "least important first" moved from density 0.1, where four of five
seeds have no feature with a dimension of its own left, to 0.3, and the plateau's span from 2.2 to
2.19, because the sweep's first point there is 2.1998. No threshold moved.
"""

import dataclasses

import jax
import numpy as np
import polars as pl

from toylab.errors import check_number
from toylab.members import grid, seeds
from toylab.models import Autoencoder
from toylab.optim import AdamW
from toylab.population import Population
from toylab.read.networks import entries, networks
from toylab.runs.run_folder import RunFolder
from toylab.study import Study
from toylab.tasks.superposition.arrangements import cosines
from toylab.tasks.superposition.superposition import Sparse
from toylab.tasks.superposition.superposition_geometry import (
    dimensions_per_feature,
    feature_dimensionality,
    interference,
)

from ..training import DECAY, annealed, sweep
from .claims import CLAIMS

DENSITIES = (1.0, 0.3, 0.1, 0.03, 0.01, 0.003, 0.001)  # the paper's seven panels


@dataclasses.dataclass(frozen=True)
class Config:
    """Settings; the sizes of the pictures are the paper's and stay fixed."""

    seeds: int = 8
    densities: tuple[float, ...] = DENSITIES
    steps: int = 10_000  # pictures, 20 features in 5 dimensions
    batch_size: int = 1024
    learning_rate: float = 1e-3
    large_steps: int = 3_000  # pictures, 80 features in 20 dimensions
    geometry_features: int = 200
    geometry_hidden: int = 20
    geometry_points: int = 20  # densities from 1 to 1/20, log-spaced
    geometry_steps: int = 4_000
    geometry_batch: int = 256
    geometry_rate: float = 5e-3

    def __post_init__(self) -> None:
        check_number("superposition", "geometry_points", self.geometry_points, low=2, whole=True)


def populations(config: Config) -> dict[str, Population]:
    """Linear and ReLU models over density, a larger ReLU model, and the uniform sweep."""
    members = seeds(config.seeds) * grid(density=config.densities)
    n, m = config.geometry_features, config.geometry_hidden
    small = dict(
        task=Sparse(20, density=1.0, importance=0.7),
        members=members,
        optimizer=AdamW(config.learning_rate, DECAY),
        steps=config.steps,
        batch_size=config.batch_size,
        snapshots=(0,),
    )
    return {
        "linear": Population(model=Autoencoder(20, 5, activation="linear"), **small),
        "relu": Population(model=Autoencoder(20, 5), **small),
        "large": Population(
            model=Autoencoder(80, 20),
            task=Sparse(80, density=1.0, importance=0.9),
            members=members,
            batch_size=config.batch_size // 2,
            **annealed(5e-3, config.large_steps),
        ),
        "geometry": Population(
            model=Autoencoder(n, m),
            task=Sparse(n, density=1.0),
            members=seeds(config.seeds) * grid(density=sweep(config.geometry_points)),
            batch_size=config.geometry_batch,
            **annealed(config.geometry_rate, config.geometry_steps),
        ),
    }


def measure(config: Config, run: RunFolder) -> dict[str, pl.DataFrame | np.ndarray]:
    """Tabulate every feature of every model, trained and untrained, and keep some matrices."""
    tables = {name: features(run, name, run.steps(name)[-1]) for name in run.populations()}
    first = np.flatnonzero(run.members("relu")["init_seed"] == 0)
    pictures = {f"W_{name}": run.params(name)["W"][first] for name in ("linear", "relu", "large")}
    return tables | pictures | {"untrained": features(run, "geometry", 0)}


def features(run: RunFolder, population: str, step: int) -> pl.DataFrame:
    """One row per member and feature: norm, bias, interference, D_i, lowest cosine, D*."""
    params = run.params(population, step)
    W_PMN = params["W"]
    star_P1 = np.asarray(jax.vmap(dimensions_per_feature)(W_PMN))[:, None]
    members = networks(run, population).select("member", "init_seed", "density", "diverged")
    return entries(
        members,
        "feature",
        norm=np.linalg.norm(W_PMN, axis=1),
        bias=params["b"],
        interference=np.asarray(jax.vmap(interference)(W_PMN)),
        dimensionality=np.asarray(jax.vmap(feature_dimensionality)(W_PMN)),
        lowest_cosine=cosines(W_PMN).min(-1),
        d_star=np.broadcast_to(star_P1, params["b"].shape),
    )


study = Study(
    name="superposition",
    title="Superposition: which features a model keeps, and the shapes they take",
    paper="Elhage et al. 2022, Toy Models of Superposition (arXiv:2209.10652)",
    presets={
        "smoke": Config(
            seeds=2,
            steps=300,
            batch_size=128,
            learning_rate=5e-3,
            large_steps=50,
            geometry_steps=50,
            geometry_batch=64,
            geometry_points=5,
        ),
        "laptop": Config(),
        "paper": Config(
            seeds=10,
            large_steps=10_000,
            geometry_features=400,
            geometry_hidden=30,
            geometry_points=40,
            geometry_steps=20_000,
            geometry_batch=1024,
            geometry_rate=1e-3,
        ),
    },
    costs={
        "smoke": "13,000 model-steps; compiling takes most of it",
        "laptop": "1.9 million model-steps of up to 200 features, 9.1 TFLOP: 5 minutes",
        "paper": "10 million model-steps of up to 400 features, 1 PFLOP; not run yet",
    },
    populations=populations,
    measure=measure,
    claims=CLAIMS,
)
