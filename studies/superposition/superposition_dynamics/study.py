"""Learning dynamics: features jump between levels, and an octahedron forms in stages.

    toylab run superposition_dynamics

*Levels*: a model of equally important features that ends with all its features in antipodal pairs.
Over training, each feature's dimensionality D_i moves in jumps, and the loss drops as they jump.
*Octahedron*: two sets of three correlated features in three dimensions. The sets part along an
axis, each spreads to a triangle, and the triangles turn until they form an octahedron with
antipodal pairs across the sets.

Source: Elhage et al. 2022 (arXiv:2209.10652), "Superposition and learning dynamics". The paper
states no sizes of the first model, and neither learning rate, density nor initial scale of the
second. Losses are those on one common batch, so that drops are not the noise of batches.

Optimisation tried: density 0.28 and 0.25 with 8 dimensions ends partly in pentagons, 0.33 in pairs;
of 40 features in 10 dimensions so many move at once that no drop can be told from the next, of
16 in 5 the last moves stand alone. Octahedron: density 0.2 seldom ends as one, 0.01 to 0.05
mostly do; with Xavier's initial scale the stages overlap, at a tenth of it they follow each other.

How the measures came about: a first run (40 features, 2,500 steps; commit a8d00be) compared raw
rates of fall at own and at other seeds' times. As the loss falls ever more slowly, this compared
early with late times; rates are now set against those just before and after. A second run (commit
9e1d597) found few moves fast enough to count as jumps, and those early; the claim
``drop_at_last_move`` was then added. Both ran on seeds from 0. The claims as they stand are
judged on seeds from 100, which nobody had looked at. Thresholds of ratios were never moved; the
least number of jumps went from 3 (of 40 features) to 1 (of 16), gaps from shares of the run to
windows.
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
from toylab.runs.run_folder import RunFolder
from toylab.stats.survival import crossing_times
from toylab.study import Study
from toylab.taps import Model, Params
from toylab.task import Task
from toylab.tasks.superposition.by_member import Tied
from toylab.tasks.superposition.superposition import Sparse
from toylab.tasks.superposition.superposition_geometry import feature_dimensionality

from . import dynamics as shape
from .claims import CLAIMS

WORLDS = ("independent", "correlated")  # by the number ``tied``
FIRST_SEED = 100  # seeds below were used to find measures and settings
JUMP = 0.25  # a jump is half the way from one level, 0, to the next, 1/2
CLOSE = 0.05  # distance at which D_i counts as near its end
WINDOW = 0.02  # share of the run a jump may take; the first is left out: all features move
ANTIPODAL = -0.95  # cosine from which two features count as a pair
NEAR = 0.02  # distance at which D_i counts as on a level


@dataclasses.dataclass(frozen=True)
class Config:
    """Settings; the octahedron's sizes, 6 features in 3 dimensions, are the paper's."""

    seeds: int = 20
    n_features: int = 16
    n_hidden: int = 5
    density: float = 1 / 3
    steps: int = 6_000
    learning_rate: float = 5e-3
    octahedron_seeds: int = 20
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
    levels = Population(
        model=Autoencoder(config.n_features, config.n_hidden),
        task=Sparse(config.n_features, density=config.density),
        members=seeds(config.seeds, FIRST_SEED),
        optimizer=AdamW(config.learning_rate, 0.0),
        steps=config.steps,
        batch_size=config.batch_size,
        metrics=Watch(config.evaluation),
        record_every=max(1, config.steps // config.records),
        snapshots=(0,),
    )
    octahedra = Population(
        model=Autoencoder(6, 3, init_scale=config.init_scale),
        task=Tied(6, config.octahedron_density),
        members=grid(tied=range(len(WORLDS))) * seeds(config.octahedron_seeds, FIRST_SEED),
        optimizer=AdamW(config.octahedron_rate, 0.0),
        steps=config.octahedron_steps,
        batch_size=config.batch_size,
        metrics=Watch(2 * config.evaluation, weights=True),
        record_every=max(1, config.octahedron_steps // config.octahedron_records),
        snapshots=(0,),
    )
    return {"levels": levels, "octahedra": octahedra}


def measure(config: Config, run: RunFolder) -> dict[str, pl.DataFrame | np.ndarray]:
    """Trajectories of all models, and one row per seed of what they show."""
    steps_S, loss_PS, D_PSN = watched(run, "levels")
    untrained_PMN = run.params("levels", 0)["W"]
    table = levels(steps_S, loss_PS, D_PSN).with_columns(
        pl.Series("digons_untrained", on_levels(np.stack([dims(W) for W in untrained_PMN])))
    )
    found = {"levels": table, "levels_step": steps_S, "levels_loss": loss_PS, "levels_D": D_PSN}
    steps_S, loss_PS, flat_PSX = watched(run, "octahedra")
    W_PSMN, start_PMN = flat_PSX.reshape(*flat_PSX.shape[:2], 3, 6), run.params("octahedra", 0)["W"]
    tied_P = run.members("octahedra")["tied"].to_numpy()
    tables = [
        octahedra(steps_S, loss_PS[tied_P == i], W_PSMN[tied_P == i], start_PMN[tied_P == i])
        for i in range(len(WORLDS))
    ]
    worlds = [t.with_columns(pl.lit(w).alias("world")) for t, w in zip(tables, WORLDS, strict=True)]
    found |= {"octahedra_step": steps_S, "octahedra_start": start_PMN[tied_P == 1]}
    found |= {"octahedra_loss": loss_PS[tied_P == 1], "octahedra_W": W_PSMN[tied_P == 1]}
    return found | {"octahedra": pl.concat(worlds)}


def watched(run: RunFolder, name: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Steps (S,), common loss (P, S) and watched entries (P, S, X) of a population."""
    rows = run.metrics().filter(
        (pl.col("population") == name) & ((pl.col("name") == "common") | _entry())
    )
    wide = rows.pivot("name", index=("member", "step"), values="value").sort("member", "step")
    steps_S = np.unique(wide["step"].to_numpy())
    shape_PS = (wide["member"].n_unique(), len(steps_S))
    entries = sorted(c for c in wide.columns if c.startswith("x"))
    loss_PS = wide["common"].to_numpy().reshape(shape_PS)
    return steps_S, loss_PS, wide.select(entries).to_numpy().reshape(*shape_PS, -1)


def _entry() -> pl.Expr:
    return pl.col("name").str.contains(r"^x\d+$")


def dims(W_MN: np.ndarray) -> np.ndarray:
    """Dimensionality of every feature, (N,)."""
    return np.asarray(feature_dimensionality(jnp.asarray(W_MN, jnp.float32)))


def on_levels(D_PN: np.ndarray) -> np.ndarray:
    """Share of features that are dropped or in an antipodal pair: D_i of 0 or 1/2."""
    return ((np.abs(D_PN) < NEAR) | (np.abs(D_PN - 0.5) < NEAR)).mean(1)


def half_window(steps_S: np.ndarray) -> int:
    """Half of the window of a jump, in records."""
    return max(1, round(WINDOW * len(steps_S) / 2))


def levels(steps_S: np.ndarray, loss_PS: np.ndarray, D_PSN: np.ndarray) -> pl.DataFrame:
    """One row per seed: levels at the end, jumps, and how the loss goes with them."""
    half = half_window(steps_S)
    window = 2 * half
    rate_PS = shape.fall_rate(loss_PS, steps_S, half)
    places_P = [
        np.array([k for k, _ in shape.jumps(D_SN, half, JUMP, window)], int) for D_SN in D_PSN
    ]
    own_P, others_P = shape.peaks(rate_PS, places_P, window)
    last_P = shape.settled(D_PSN, JUMP / 2).astype(np.float64)
    # 0.2% is above the wobble that noisy gradients give the loss, and below what one jump does.
    calm_P = shape.settled(loss_PS / loss_PS[:, -1:], 0.002).astype(np.float64)
    gap_PP = np.abs(last_P[None] - calm_P[:, None]) / window
    close_P = shape.settled(D_PSN, CLOSE)
    sharp_PS = shape.fall_rate(loss_PS, steps_S, max(1, half // 2))
    others_gap_P = (gap_PP.sum(1) - np.diagonal(gap_PP)) / max(len(gap_PP) - 1, 1)
    moves_PS = shape.stir(D_PSN, half)[:, window:]
    return pl.DataFrame(
        {
            "member": np.arange(len(D_PSN)),
            "digons": on_levels(D_PSN[:, -1]),
            "jumps": [len(t) for t in places_P],
            "peak": own_P,
            "peak_others": others_P,
            "correlation": shape.own_less_others(moves_PS, rate_PS[:, window:]),
            "settled": close_P,
            "last_drop": shape.own_over_others(sharp_PS, np.minimum(close_P, len(steps_S) - 1)),
            "gap": np.diagonal(gap_PP),
            "gap_others": others_gap_P,
        }
    )


def octahedra(
    steps_S: np.ndarray, loss_PS: np.ndarray, W_PSMN: np.ndarray, start_PMN: np.ndarray
) -> pl.DataFrame:
    """One row per seed: its end, its stages' times (first record, censored), its loss there."""
    shapes = shape.triangles(W_PSMN)
    pairs_PS = shape.worst_antipode(W_PSMN, across=True)
    stages = {
        "apart": crossing_times(steps_S, shapes["apart"], shape.APART / 2, hold=3),
        "triangles": crossing_times(steps_S, shapes["wide"], shape.WIDE / 2, hold=3),
        "pairs": crossing_times(steps_S, pairs_PS, ANTIPODAL, hold=3, direction="below"),
    }
    record = {name: np.searchsorted(steps_S, time) for name, (time, _) in stages.items()}
    seen = {name: event for name, (_, event) in stages.items()}
    times = lambda name: [
        np.array([k] if e else [], int) for k, e in zip(record[name], seen[name], strict=True)
    ]
    half = half_window(steps_S)
    rate_PS = shape.fall_rate(loss_PS, steps_S, half)
    kinks = {name: shape.peaks(rate_PS, times(name), 4 * half) for name in stages}
    end_PMN = W_PSMN[:, -1]
    D_PN = np.stack([dims(W) for W in end_PMN])
    level_P = np.abs(D_PN - 0.5).max(1) < NEAR
    every = seen["apart"] & seen["triangles"] & seen["pairs"]
    order = (record["apart"] < record["triangles"]) & (record["triangles"] < record["pairs"])
    member = np.arange(len(end_PMN))
    return pl.DataFrame(
        {
            "member": member,
            "octahedron": level_P & (shape.worst_antipode(end_PMN) <= ANTIPODAL),
            "other_set": shape.in_other_set(end_PMN),
            "other_set_untrained": shape.in_other_set(start_PMN),
            "in_order": every & order,
            "twist": shapes["twist"][member, record["triangles"]],
            "twist_end": shapes["twist"][:, -1],
            "plateau": shape.plateau(rate_PS, record["apart"], record["triangles"]),
        }
        | {f"{name}_step": time for name, (time, _) in stages.items()}
        | {f"{name}_seen": event for name, event in seen.items()}
        | {f"{name}_peak": own for name, (own, _) in kinks.items()}
        | {f"{name}_peak_others": others for name, (_, others) in kinks.items()}
    )


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
            seeds=20,
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
        "laptop": "about 280,000 model-steps",
        "paper": "about 3,000,000 model-steps",
    },
    populations=populations,
    measure=measure,
    claims=CLAIMS,
)
