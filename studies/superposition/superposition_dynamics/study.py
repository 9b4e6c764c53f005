"""Learning dynamics: features jump between levels, and an octahedron forms in stages.

    toylab run superposition_dynamics

*Levels*: a network with equally important features ends with all its features in antipodal pairs.
Over training, the dimensionality D_i of each feature moves in jumps, and the loss drops as they
jump. *Octahedron*: two sets of three correlated features in three dimensions. The sets separate
along an axis, each spreads to a triangle, and the triangles turn until they form an octahedron with
antipodal pairs across the sets.

The paper states no sizes of the first model, and neither learning rate, density nor initial scale
of the second. Losses are those on one common batch, so that drops are not the noise of batches. A
rate of fall is compared with the rate just before and after: the loss falls ever more slowly, so
raw rates would compare early with late times. Seeds below 100 were used to find measures and
settings; the claims are judged on seeds from 100 on.

Source: Elhage et al. 2022 (arXiv:2209.10652), "Superposition and learning dynamics".

Did not reproduce: discrete jumps. After the opening few features move half a level within 2% of the
run (0.19 jumps per seed of 16 features), and the rate of fall goes with a network's own moves by
only 0.08 more than with others' (0.1 is asked). The stages of the octahedron come in order in half
of the networks with independent features as well (91% with sets), so that the correlation is not
all of it; no kink is found when the last pair becomes antipodal. Left open: that the features of
the plain task end dropped or in pairs (a rise of 0.96, 0.83 to 0.998; 0.9 is asked). Whether drops
are a network's own is not testable: six networks of 32 have a jump to look at.

Tried: density 0.28 and 0.25 with 8 dimensions ends partly in pentagons, 0.33 in pairs; of 40
features in 10 dimensions so many move at once that no drop can be told from the next, of 16 in 5
the last moves stand alone. Octahedron: density 0.2 seldom ends as one, 0.01 to 0.05 mostly do; with
Xavier's initial scale the stages overlap, at a tenth of it they follow each other. A first run (40
features, 2,500 steps; commit a8d00be) compared raw rates of fall; a second (commit 9e1d597) found
few moves fast enough to count as jumps, and those early; the claim ``drop_at_last_move`` was then
added. The least number of jumps went from 3 (of 40 features) to 1 (of 16), gaps from fractions of
the run to windows. With 20 fresh seeds the two bars on the last drop did not hold, so 32 are
trained now.
"""

import dataclasses

import jax.numpy as jnp
import numpy as np
import polars as pl
from jax import Array

from toylab.errors import check_number
from toylab.losses import squared_error
from toylab.members import grid, seeds
from toylab.models import Autoencoder
from toylab.optim import AdamW
from toylab.population import Population
from toylab.random import stream
from toylab.read.networks import entries, networks
from toylab.runs.run_folder import RunFolder
from toylab.study import Study
from toylab.taps import Model, Params
from toylab.task import Task
from toylab.tasks.superposition.by_member import Tied
from toylab.tasks.superposition.superposition import Sparse
from toylab.tasks.superposition.superposition_geometry import feature_dimensionality

from .claims import CLAIMS
from .trajectories import (
    dims,
    half_window,
    jump_records,
    levels,
    octahedra,
    octahedron_shares,
    on_levels,
)

WORLDS = ("independent", "correlated")  # by the number ``tied``
FIRST_SEED = 100  # seeds below were used to find measures and settings


@dataclasses.dataclass(frozen=True)
class Config:
    """Settings; the octahedron's sizes, 6 features in 3 dimensions, are the paper's."""

    seeds: int = 32
    n_features: int = 16
    n_hidden: int = 5
    density: float = 1 / 3
    steps: int = 6_000
    learning_rate: float = 5e-3
    octahedron_seeds: int = 32
    octahedron_density: float = 0.03
    octahedron_steps: int = 4_000
    octahedron_rate: float = 3e-3
    init_scale: float = 0.1
    batch_size: int = 1024
    evaluation: int = 4096  # examples of the common batch
    records: int = 500
    octahedron_records: int = 200

    def __post_init__(self) -> None:
        for field in ("steps", "octahedron_steps", "records", "octahedron_records", "evaluation"):
            check_number("superposition_dynamics", field, getattr(self, field), low=1, whole=True)


@dataclasses.dataclass(frozen=True)
class Watch:
    """Scalars kept at every record: loss on a common batch, and every D_i or entry of W.

    Attributes:
        size: examples of the common batch.
        weights: keep the entries of W instead of the D_i.
    """

    size: int
    weights: bool = False

    def __call__(self, model: Model, params: Params, task: Task) -> dict[str, Array]:
        """Scalars of one member: ``common``, and ``x000``, ``x001``, ..."""
        batch = task.batch(stream(0, "common batch"), self.size)
        watched = params["W"] if self.weights else feature_dimensionality(params["W"])
        entries = {f"x{i:03d}": value for i, value in enumerate(watched.ravel())}
        return {"common": jnp.mean(squared_error(model, params, batch))} | entries


def populations(config: Config) -> dict[str, Population]:
    """The model of equal features, and the six features of both worlds."""
    common = dict(batch_size=config.batch_size, snapshots=(0,))
    return {
        "levels": Population(
            model=Autoencoder(config.n_features, config.n_hidden),
            task=Sparse(config.n_features, density=config.density),
            members=seeds(config.seeds, FIRST_SEED),
            optimizer=AdamW(config.learning_rate, 0.0),
            steps=config.steps,
            metrics=Watch(config.evaluation),
            record_every=max(1, config.steps // config.records),
            **common,
        ),
        "octahedra": Population(
            model=Autoencoder(6, 3, init_scale=config.init_scale),
            task=Tied(6, config.octahedron_density),
            members=grid(tied=range(len(WORLDS))) * seeds(config.octahedron_seeds, FIRST_SEED),
            optimizer=AdamW(config.octahedron_rate, 0.0),
            steps=config.octahedron_steps,
            metrics=Watch(2 * config.evaluation, weights=True),
            record_every=max(1, config.octahedron_steps // config.octahedron_records),
            **common,
        ),
    }


def measure(config: Config, run: RunFolder) -> dict[str, pl.DataFrame | np.ndarray]:
    """Trajectories of all networks, and one row per network of what they show."""
    return level_measures(run) | octahedron_measures(run)


def level_measures(run: RunFolder) -> dict[str, pl.DataFrame | np.ndarray]:
    """Trajectories and readings of the networks with equal features, and their jumps."""
    steps_S, loss_PS, D_PSN = watched(run, "levels")
    members = networks(run, "levels")
    finite_P = ~members["diverged"].to_numpy()
    table = levels(steps_S, loss_PS[finite_P], D_PSN[finite_P]).with_columns(
        digons_untrained=on_levels(dims(run.params("levels", 0)["W"][finite_P]))
    )
    jumped = [
        {"member": p, "step": int(steps_S[k])}
        for p in np.flatnonzero(finite_P)
        for k in jump_records(D_PSN[p], half_window(steps_S))
    ]
    return {
        "levels": with_diverged(table, members),
        "levels_step": steps_S,
        "levels_loss": loss_PS,
        "levels_D": D_PSN,
        "levels_jumps": pl.DataFrame(jumped, schema={"member": pl.Int64, "step": pl.Int64}),
    }


def octahedron_measures(run: RunFolder) -> dict[str, pl.DataFrame | np.ndarray]:
    """Trajectories of the correlated networks of six features, and readings of both worlds."""
    steps_S, loss_PS, flat_PSX = watched(run, "octahedra")
    W_PSMN = flat_PSX.reshape(*flat_PSX.shape[:2], 3, 6)
    start_PMN, members = run.params("octahedra", 0)["W"], networks(run, "octahedra")
    tables = {}
    for i, world in enumerate(WORLDS):
        own = members.filter(tied=i)
        finite_P = own.filter(~pl.col("diverged"))["member"].to_numpy()
        table = octahedra(steps_S, loss_PS[finite_P], W_PSMN[finite_P], start_PMN[finite_P])
        tables[world] = with_diverged(table, own).with_columns(world=pl.lit(world))
    finite = tables["correlated"].filter(~pl.col("diverged")).select("member")
    here_P = (members["tied"] == WORLDS.index("correlated")).to_numpy()
    shares = octahedron_shares(W_PSMN[here_P][finite["member"]])
    return {
        "octahedra": pl.concat(tables.values()),
        "octahedra_shape": entries(finite, "record", **shares),
        "octahedra_step": steps_S,
        "octahedra_start": start_PMN[here_P],
        "octahedra_loss": loss_PS[here_P],
        "octahedra_W": W_PSMN[here_P],
    }


def with_diverged(table: pl.DataFrame, members: pl.DataFrame) -> pl.DataFrame:
    """Add the names of the networks, and rows without numbers for those that diverged.

    ``member`` becomes the position among these networks.
    """
    names = members.select(pl.int_range(pl.len()).alias("member"), "init_seed", "diverged")
    own = table.with_columns(names.filter(~pl.col("diverged"))["member"])
    return names.join(own, on="member", how="left", maintain_order="left").fill_nan(None)


def watched(run: RunFolder, name: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Steps (S,), common loss (P, S) and watched entries (P, S, X) of a population."""
    rows = run.metrics().filter(pl.col("name").str.contains(r"^(common|x\d+)$"), population=name)
    wide = rows.pivot("name", index=("member", "step"), values="value").sort("member", "step")
    steps_S = wide["step"].unique().sort().to_numpy()
    names = sorted(rows["name"].unique())  # "common" before "x000", "x001", ...
    values_PSX = wide.select(names).to_numpy().reshape(-1, len(steps_S), len(names))
    return steps_S, values_PSX[..., 0], values_PSX[..., 1:]


study = Study(
    name="superposition_dynamics",
    title="Learning dynamics: jumps between levels, and an octahedron that forms in stages",
    paper="Elhage et al. 2022, Toy Models of Superposition (arXiv:2209.10652)",
    presets={
        "smoke": Config(
            seeds=2,
            n_features=8,
            n_hidden=3,
            steps=60,
            octahedron_seeds=3,
            octahedron_steps=60,
            batch_size=64,
            evaluation=128,
            records=30,
            octahedron_records=30,
        ),
        "laptop": Config(),
        "paper": Config(
            seeds=32,
            n_features=100,
            n_hidden=20,
            steps=30_000,
            learning_rate=1e-3,
            octahedron_seeds=100,
            octahedron_steps=12_000,
            octahedron_rate=1e-3,
            evaluation=16_384,
            records=1_000,
            octahedron_records=1_000,
        ),
    },
    costs={
        "smoke": "about 500 model-steps: compilation",
        "laptop": "about 450,000 model-steps: 90 s",
        "paper": "about 3,000,000 model-steps",
    },
    populations=populations,
    measure=measure,
    claims=CLAIMS,
)
