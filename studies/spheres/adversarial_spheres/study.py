"""Adversarial spheres: classifiers that are nearly always right, with an error next to every point.

    toylab run adversarial_spheres

Points of two concentric spheres are told apart. Of all error sets of one size a cap is the farthest
away, and in many dimensions even that is near: the mean distance is at most about z / sqrt(D), with
z the normal quantile of the error rate. Gilmer et al. ask whether trained networks come near that
bound, so that nearby errors follow from there being any.

A quadratic network's boundary is an ellipsoid, so everything about it is exact here: its error rate
(a contour integral that holds in the far tail), the distance from any point to the nearest error
(one root), and the cap's distance in finite dimensions, so that nothing rests on large D. A network
is seen at many steps of its training, which gives it many error rates. For ReLU networks rates are
counts and distances what an attack finds, which is an upper limit.

Two controls are new. An untrained network whose bias is moved to give the same error rate: is
nearness to the bound learned, or what every ellipsoid has? And the attack on quadratic networks,
beside the exact distance.

What is done otherwise: up to 200 dimensions instead of 500; 10,000 steps at a rate that falls from
3e-3 to 0, instead of up to a million at 1e-4; training sets of 1,000 to 64,000, not a million;
ReLU networks of two narrow layers in 100 dimensions, without batch normalisation.

Did not reproduce: that training brings error sets to the bound. At an error rate of 1% in 200
dimensions trained networks keep 0.72 of the cap's distance, and untrained ones with another bias
0.71 (a difference of 0.004, -0.005 to 0.012): 0.7 is what an ellipsoid has, so that the headline,
which asks for 0.6, is confounded. The slope of the distance on the cap's, 0.72 as training sets
grow, is confounded alike: 0.74 over error rates of an untrained network. Nor is the paper's
estimate of the error rate by the central limit theorem right in the tail: where the exact rate is
below 1 in 10,000 it is four times too high, at 3 in 10 million 34 times. Left open: ReLU networks.
At the last look with 20 counted errors the attack's distance is 0.62 of the cap's (0.60 to 0.64,
where 0.6 is asked); over all looks, some before training, it was 0.69, and called reproduced.

Tried: after 10,000 steps 7 of 20 networks in 100 dimensions are free of errors, after 12,000 all of
a pilot's: errors are those of a training that stops, not of the model. An attack on ReLU networks
of high error rates finds distances near the cap's or above it, which only says that the attack is
weak there. Random ellipsoids of uniform alphas keep 0.7 of the bound as well, two opposite caps 0.6
to 0.85.

Source: Gilmer, Metz, Faghri, Schoenholz, Raghu, Wattenberg and Goodfellow 2018, Adversarial Spheres
(arXiv:1801.02774; later "The Relationship Between High-Dimensional Geometry and Adversarial
Examples").
"""

import dataclasses
from collections.abc import Mapping

import jax
import numpy as np
import polars as pl

from toylab.errors import ToylabError, check_number
from toylab.losses import cross_entropy
from toylab.members import Members, grid, seeds, zipped
from toylab.models import MLP
from toylab.models.quadrics.ellipsoid import Ellipsoid
from toylab.optim import AdamW, cosine
from toylab.population import Population
from toylab.random import stream
from toylab.read.networks import networks
from toylab.runs.run_folder import RunFolder
from toylab.study import Study
from toylab.tasks.spheres.spheres import TRAINING_SET, Spheres

from .claims import CLAIMS
from .scores import (
    attack_excess,
    bound,
    ellipsoid_row,
    relu_scores,
    spectra,
    training_errors,
    untrained_row,
)

RATES = (1e-1, 1e-2, 1e-3, 1e-4)  # at which untrained networks are looked at


@dataclasses.dataclass(frozen=True, kw_only=True)
class Config:
    """Settings; every number of dimensions is a population."""

    seeds: int = 20
    dims: tuple[int, ...] = (10, 25, 50, 100, 200)
    radius: float = 1.3  # of the outer sphere
    width: int = 2  # hidden units for each dimension
    steps: int = 10_000
    rungs: int = 15  # looks at a training, log-spaced
    pool_dim: int = 100  # of the networks with a training set, and of the ReLU networks
    pools: tuple[int, ...] = (1_000, 4_000, 16_000, 64_000)
    pool_steps: int = 4_000
    relu_hidden: int = 200
    relu_steps: int = 4_000
    learning_rate: float = 3e-3
    relu_rate: float = 1e-3
    batch_size: int = 50
    points: int = 300  # whose nearest errors are found

    def __post_init__(self) -> None:
        whole = ("width", "steps", "rungs", "pool_steps", "relu_hidden", "relu_steps")
        for name in (*whole, "batch_size"):
            check_number("adversarial_spheres", name, getattr(self, name), low=1, whole=True)
        check_number("adversarial_spheres", "points", self.points, low=1, high=100_000, whole=True)
        for dim in (*self.dims, self.pool_dim):
            check_number("adversarial_spheres", "dims", dim, low=2, whole=True)
        for pool in self.pools:
            check_number("adversarial_spheres", "pools", pool, low=1, whole=True)
        for name, values in (("dims", self.dims), ("pools", self.pools)):
            if len(set(values)) < len(values):
                raise ToylabError(f"adversarial_spheres: {name} = {values} names one twice.")

    def ellipsoid(self, dim: int) -> Ellipsoid:
        """The quadratic network in a number of dimensions."""
        return Ellipsoid(dim, self.width * dim)

    def relu(self) -> MLP:
        """The ReLU network."""
        return MLP(sizes=(self.pool_dim, self.relu_hidden, self.relu_hidden, 2))


def populations(config: Config) -> dict[str, Population]:
    """Quadratic networks on fresh points and on training sets, and ReLU networks."""

    def trained(model: Ellipsoid | MLP, members: Members, steps: int, rungs: int) -> Population:
        quadratic = isinstance(model, Ellipsoid)
        dim = model.n_in if quadratic else config.pool_dim
        rate = config.learning_rate if quadratic else config.relu_rate
        return Population(
            model=model,
            task=Spheres(dim, config.radius),
            members=members,
            optimizer=AdamW(rate, 0.0, schedule=cosine(steps)),
            steps=steps,
            batch_size=config.batch_size,
            loss=cross_entropy,
            snapshots=looks(steps, rungs),
        )

    own = seeds(config.seeds)
    sets = zipped(**own.columns, pool_seed=own["init_seed"]) * grid(pool=config.pools)
    model = config.ellipsoid
    found = {f"{dim}": trained(model(dim), own, config.steps, config.rungs) for dim in config.dims}
    found["pools"] = trained(model(config.pool_dim), sets, config.pool_steps, 1)
    found["relu"] = trained(config.relu(), own, config.relu_steps, 1 + config.rungs // 2)
    return found


def looks(steps: int, rungs: int) -> tuple[int, ...]:
    """Steps at which networks are looked at: 0, and log-spaced from 1/400 of the training on."""
    spaced = np.geomspace(max(1.0, steps / 400), steps, rungs) if rungs > 1 else [steps]
    return (0, *sorted({int(step) for step in np.round(spaced)} - {0}))


def measure(config: Config, run: RunFolder) -> Mapping[str, pl.DataFrame | np.ndarray]:
    """Rates, spectra and distances of all networks, trained, untrained and attacked."""
    names = [*map(str, config.dims), "pools"]
    parts = [_networks(config, run, name, step) for name in names for step in run.steps(name)]
    shown = str(max(config.dims))
    return {
        "networks": pl.concat(parts),
        "untrained": _untrained(config, run),
        "pools": _training_sets(config, run),
        "relu": _relu(config, run),
        "attacked": _attacked(config, run),
        "spectra": np.stack([spectra(run.params(shown, s))[0] for s in run.steps(shown)]),
    }


def _networks(config: Config, run: RunFolder, name: str, step: int) -> pl.DataFrame:
    """One row per quadratic network at a step."""
    alpha_PD, members = spectra(run.params(name, step)), networks(run, name)
    pool = pl.col("pool") if name == "pools" else pl.lit(0.0)
    labels = {"dim": pl.lit(alpha_PD.shape[1]), "pool": pool, "step": pl.lit(step)}
    about = members.select("init_seed", "diverged", population=pl.lit(name), **labels)
    rows = [
        ellipsoid_row(alpha_D, config.radius, config.points, seed)
        for alpha_D, seed in zip(alpha_PD, members["init_seed"], strict=True)
    ]
    return about.hstack(pl.DataFrame(rows))


def _untrained(config: Config, run: RunFolder) -> pl.DataFrame:
    """One row per seed and rate in the most dimensions: the first network, its bias moved."""
    rows = []
    for dim in sorted(config.dims)[-1:]:
        names = networks(run, str(dim)).select("init_seed", "diverged", dim=pl.lit(dim))
        for about, alpha_D in zip(names.to_dicts(), spectra(run.params(str(dim), 0)), strict=True):
            found = lambda rate, a=about, own=alpha_D: (
                a | untrained_row(own, rate, config.points, a["init_seed"])
            )
            rows += map(found, RATES)
    return pl.DataFrame(rows)


def _training_sets(config: Config, run: RunFolder) -> pl.DataFrame:
    """One row per network with a training set: the share of the set that it gets wrong."""
    members, params = networks(run, "pools"), run.params("pools")
    task, parts = Spheres(config.pool_dim, config.radius), []
    for pool in sorted(set(config.pools)):
        own = members.filter(pool=pool)
        mine = {k: v[own["member"].to_numpy()] for k, v in params.items()}
        rows = lambda seed, row_B: task.rows(stream(seed, TRAINING_SET), row_B)
        wrong = training_errors(mine, own["pool_seed"].to_numpy().astype(int), rows, pool)
        labels = own.select("init_seed", "diverged", "pool")
        parts.append(labels.with_columns(wrong=pl.Series(wrong)))
    return pl.concat(parts)


def _relu(config: Config, run: RunFolder) -> pl.DataFrame:
    """One row per look and ReLU network."""
    looks = [run.params("relu", step) for step in run.steps("relu")]
    both = jax.tree.map(lambda *leaves: np.concatenate(leaves), *looks)
    found = relu_scores(config.relu(), both, config.radius, config.points // 3)
    limits = pl.DataFrame([bound(rate, config.pool_dim) for rate in found["inner"]])
    about = networks(run, "relu").select("init_seed", "diverged")
    about = pl.concat([about.with_columns(step=pl.lit(step)) for step in run.steps("relu")])
    return about.hstack(pl.DataFrame(found)).hstack(limits)


def _attacked(config: Config, run: RunFolder) -> pl.DataFrame:
    """One row per quadratic network with the fewest examples: the attack's excess."""
    members = networks(run, "pools")
    fewest = members.filter(pl.col("pool") == pl.col("pool").min())
    params = {k: v[fewest["member"].to_numpy()] for k, v in run.params("pools").items()}
    excess = attack_excess(params, config.points)
    return fewest.select("init_seed", "diverged").with_columns(excess=pl.Series(excess))


study = Study(
    name="adversarial_spheres",
    title="Adversarial spheres: rare errors that are near every point",
    paper="Gilmer et al. 2018, Adversarial Spheres (arXiv:1801.02774)",
    presets={
        "smoke": Config(
            seeds=2,
            dims=(3, 8),
            steps=60,
            rungs=4,
            pool_dim=8,
            pools=(20, 80),
            pool_steps=40,
            relu_hidden=8,
            relu_steps=40,
            points=30,
        ),
        "laptop": Config(),
        "paper": Config(
            dims=(100, 200, 500),
            steps=1_000_000,
            pool_dim=500,
            pools=(10_000, 100_000, 1_000_000),
            pool_steps=1_000_000,
            relu_hidden=1_000,
            relu_steps=100_000,
            learning_rate=1e-4,
            relu_rate=1e-4,
        ),
    },
    costs={
        "smoke": "500 model-steps; compiling takes most of it",
        "laptop": "1.8 million model-steps of up to 50 MFLOP: 5 minutes; measures: 1",
        "paper": "120 million model-steps of up to 150 MFLOP, for one GPU",
    },
    populations=populations,
    measure=measure,
    claims=CLAIMS,
)
