"""Toy Models of Superposition: when features share dimensions, and what shapes they take.

    toylab run superposition

Two questions. *Pictures*: which features does a model of few dimensions keep, as they grow sparse,
with a linear and with a ReLU output? *Geometry*: when all features matter alike, how much of a
dimension does each get, and does that number stick at the fractions of regular polytopes?

Source: Elhage et al. 2022 (arXiv:2209.10652), "Demonstrating superposition" and "The geometry of
superposition". Departures from the paper at the laptop preset: the larger model of the pictures and
the sweep of the geometry train for fewer steps with a decaying learning rate, and the geometry is
that of the paper's own scaled-down notebook (200 features in 20 dimensions).

After a first laptop run, "least important first" moved from density 0.1, where four of five
seeds have no feature with a dimension of its own left, to 0.3; and the plateau's span from 2.2 to
2.19, as the sweep's first point there is 2.1998. No threshold moved.
"""

import dataclasses

import jax
import numpy as np
import polars as pl

from toylab.claims import Claim, Expect
from toylab.errors import check_number
from toylab.members import grid, seeds
from toylab.models import Autoencoder
from toylab.optim import AdamW, cosine
from toylab.population import Population
from toylab.runs.run_folder import RunFolder
from toylab.study import Study
from toylab.tasks.superposition.superposition import Sparse
from toylab.tasks.superposition.superposition_geometry import (
    dimensions_per_feature,
    feature_dimensionality,
    interference,
)
from toylab.units import per_unit

DENSITIES = (1.0, 0.3, 0.1, 0.03, 0.01, 0.003, 0.001)  # the paper's seven panels
REPRESENTED = 0.5  # a feature of norm above this counts as kept
LINES = (1.0, 3 / 4, 2 / 3, 1 / 2, 2 / 5, 3 / 8)  # the paper's polytope lines
STICKY = (2.19, 3.5)  # span of 1/(1-S) over which D* should stay at 1/2; the sweep has 2.1998


@dataclasses.dataclass(frozen=True)
class Config:
    """Settings; the sizes of the pictures are the paper's and stay fixed."""

    seeds: int = 5
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
        for field in ("steps", "large_steps", "geometry_steps"):
            check_number("superposition", field, getattr(self, field), low=0, whole=True)
        check_number("superposition", "geometry_points", self.geometry_points, low=2, whole=True)


def populations(config: Config) -> dict[str, Population]:
    """Linear and ReLU models over density, a larger ReLU model, and the uniform sweep."""
    members = seeds(config.seeds) * grid(density=config.densities)
    # Torch's AdamW decays by 0.01; the paper's code takes that default.
    small = dict(
        task=Sparse(20, density=1.0, importance=0.7),
        members=members,
        optimizer=AdamW(config.learning_rate, weight_decay=0.01),
        steps=config.steps,
        batch_size=config.batch_size,
        snapshots=(0,),
    )
    large = Population(
        model=Autoencoder(80, 20),
        task=Sparse(80, density=1.0, importance=0.9),
        members=members,
        optimizer=AdamW(5e-3, weight_decay=0.01, schedule=cosine(config.large_steps)),
        steps=config.large_steps,
        batch_size=config.batch_size // 2,
        snapshots=(0,),
    )
    schedule = cosine(config.geometry_steps)
    geometry = Population(
        model=Autoencoder(config.geometry_features, config.geometry_hidden),
        task=Sparse(config.geometry_features, density=1.0),
        members=seeds(config.seeds) * grid(density=geometry_densities(config)),
        optimizer=AdamW(config.geometry_rate, weight_decay=0.01, schedule=schedule),
        steps=config.geometry_steps,
        batch_size=config.geometry_batch,
        snapshots=(0,),
    )
    return {
        "linear": Population(model=Autoencoder(20, 5, activation="linear"), **small),
        "relu": Population(model=Autoencoder(20, 5), **small),
        "large": large,
        "geometry": geometry,
    }


def geometry_densities(config: Config) -> np.ndarray:
    """Densities 20^(-t), t from 0 to 1: the notebook's sweep."""
    return 20.0 ** -np.linspace(0, 1, config.geometry_points)


def measure(config: Config, run: RunFolder) -> dict[str, pl.DataFrame | np.ndarray]:
    """Tabulate every feature of every model, trained and untrained, and keep some matrices."""
    tables = {name: features(run, name, run.steps(name)[-1]) for name in run.populations()}
    first = np.flatnonzero(run.members("relu")["init_seed"] == 0)
    pictures = {f"W_{name}": run.params(name)["W"][first] for name in ("linear", "relu", "large")}
    biases = {f"b_{name}": run.params(name)["b"][first] for name in ("linear", "relu", "large")}
    return tables | pictures | biases | {"untrained": features(run, "geometry", 0)}


def features(run: RunFolder, population: str, step: int) -> pl.DataFrame:
    """One row per member and feature: norm, bias, interference, D_i, nearest cosine, D*."""
    params = run.params(population, step)
    W_PMN = params["W"]
    p, _, n = W_PMN.shape
    members = run.members(population).select("member", "init_seed", "density")
    dead = run.dead_at(population) >= 0
    W_PMN = np.where(dead[:, None, None], np.nan, W_PMN)
    norm_PN = np.linalg.norm(W_PMN, axis=1)
    unit_PMN = W_PMN / np.maximum(norm_PN[:, None], 1e-6)
    cosine_PNN = np.einsum("pmi,pmj->pij", unit_PMN, unit_PMN)
    columns = {
        "norm": norm_PN,
        "bias": params["b"],
        "interference": np.asarray(jax.vmap(interference)(W_PMN)),
        "dimensionality": np.asarray(jax.vmap(feature_dimensionality)(W_PMN)),
        "lowest_cosine": cosine_PNN.min(-1),
        "d_star": np.repeat(np.asarray(jax.vmap(dimensions_per_feature)(W_PMN))[:, None], n, 1),
    }
    table = pl.DataFrame(
        {"member": np.repeat(np.arange(p), n), "feature": np.tile(np.arange(n), p)}
        | {name: np.asarray(v, np.float32).reshape(-1) for name, v in columns.items()}
    )
    return members.join(table, on="member")


def counts(table: pl.DataFrame) -> pl.DataFrame:
    """Number of kept features of each member."""
    kept = (pl.col("norm") > REPRESENTED).sum().cast(pl.Float64).alias("kept")
    return table.group_by("init_seed", "density").agg(kept)


def at(density: float) -> pl.Expr:
    """Rows of one density."""
    return (pl.col("density") - density).abs() < 1e-9


def rank_correlation(table: pl.DataFrame) -> np.ndarray:
    """Spearman's correlation of density and number of kept features, per seed."""
    return per_unit(counts(table), pl.corr("density", "kept", method="spearman"))


def in_band(table: pl.DataFrame, low: float, high: float) -> pl.DataFrame:
    """Rows whose 1/(1-S) lies in a band."""
    return table.filter((1 / pl.col("density")).is_between(low - 1e-6, high + 1e-6))


def near_lines(table: pl.DataFrame, tolerance: float = 0.02) -> np.ndarray:
    """Share of kept features whose D_i is within ``tolerance`` of a polytope line, per seed."""
    near = pl.any_horizontal([(pl.col("dimensionality") - x).abs() < tolerance for x in LINES])
    kept = in_band(table, 1.0, 5.0).filter(pl.col("norm") > REPRESENTED)
    return per_unit(kept, near.mean())


KEPT = pl.col("norm") > REPRESENTED
SHARED = KEPT & (pl.col("interference") > 0.25)
TOP = pl.col("feature") < 5
RELU_PANEL = "Demonstrating superposition, basic results"
UNIFORM = "The geometry of superposition, uniform superposition"

CLAIMS = (
    Claim(
        key="linear_keeps_top",
        text="A linear model keeps its 5 most important features at every density (least norm).",
        source=RELU_PANEL,
        paper=1.0,
        measure=lambda m: per_unit(m["linear"].filter(TOP), pl.col("norm").min()),
        expect=Expect.above(0.9),
    ),
    Claim(
        key="linear_drops_rest",
        text="A linear model drops the other 15 features at every density (greatest norm).",
        source=RELU_PANEL,
        paper=0.0,
        measure=lambda m: per_unit(m["linear"].filter(~TOP), pl.col("norm").max()),
        expect=Expect.below(0.1),
    ),
    Claim(
        key="dense_relu_is_pca",
        text="With dense features a ReLU model keeps exactly as many features as dimensions.",
        source=RELU_PANEL,
        paper=5.0,
        measure=lambda m: per_unit(counts(m["relu"]).filter(at(1.0)), pl.col("kept").sum()),
        expect=Expect.near(5, 0.5),
    ),
    Claim(
        key="superposition_at_003",
        text="At density 0.03 a ReLU model keeps more features than it has dimensions.",
        source=RELU_PANEL,
        measure=lambda m: per_unit(counts(m["relu"]).filter(at(0.03)), pl.col("kept").sum()),
        expect=Expect.above(6),
    ),
    Claim(
        key="nearly_all_at_0001",
        text="At density 0.001 a ReLU model keeps nearly all of its 20 features.",
        source=RELU_PANEL,
        paper=20.0,
        measure=lambda m: per_unit(counts(m["relu"]).filter(at(0.001)), pl.col("kept").sum()),
        expect=Expect.above(15),
    ),
    Claim(
        key="sparser_keeps_more",
        text="The sparser the features, the more are kept (Spearman's correlation with density).",
        source=RELU_PANEL,
        paper=-1.0,
        measure=lambda m: rank_correlation(m["relu"]),
        expect=Expect.below(-0.9),
    ),
    Claim(
        key="large_sparser_keeps_more",
        text="The same holds for 80 features in 20 dimensions.",
        source=RELU_PANEL,
        paper=-1.0,
        measure=lambda m: rank_correlation(m["large"]),
        expect=Expect.below(-0.9),
    ),
    Claim(
        key="least_important_first",
        text="At density 0.3, where superposition begins, the features in superposition are less "
        "important than those with a dimension of their own (mean difference of rank).",
        source=RELU_PANEL,
        measure=lambda m: per_unit(
            m["relu"].filter(at(0.3)),
            pl.col("feature").filter(SHARED).mean()
            - pl.col("feature").filter(KEPT & ~SHARED).mean(),
        ),
        expect=Expect.above(1.0),
    ),
    Claim(
        key="antipodal_pairs",
        text="At density 0.1 features in superposition lie in antipodal pairs (median over them of "
        "the lowest cosine to another feature).",
        source=RELU_PANEL,
        paper=-1.0,
        measure=lambda m: per_unit(
            m["relu"].filter(at(0.1)), pl.col("lowest_cosine").filter(SHARED).median()
        ),
        expect=Expect.below(-0.95),
    ),
    Claim(
        key="ignored_bias_is_mean",
        text="Dense features that are dropped are replaced by their mean: bias 1/2.",
        source=RELU_PANEL,
        paper=0.5,
        measure=lambda m: per_unit(
            m["relu"].filter(at(1.0) & (pl.col("norm") < 0.1)), pl.col("bias").mean()
        ),
        expect=Expect.near(0.5, 0.02),
    ),
    Claim(
        key="d_star_dense",
        text="Dense features get a whole dimension each: D* is 1 for 1/(1-S) up to 1.17.",
        source=UNIFORM,
        paper=1.0,
        measure=lambda m: per_unit(in_band(m["geometry"], 1.0, 1.18), pl.col("d_star").min()),
        expect=Expect.above(0.97),
    ),
    Claim(
        key="d_star_sticks_at_half",
        text="D* sticks at 1/2 for 1/(1-S) from 2.2 to 3.5 (greatest distance from 1/2).",
        source=UNIFORM,
        paper=0.0,
        measure=lambda m: per_unit(
            in_band(m["geometry"], *STICKY), (pl.col("d_star") - 0.5).abs().max()
        ),
        expect=Expect.below(0.03),
    ),
    Claim(
        key="features_in_antipodal_pairs",
        text="On that plateau at least 80% of the kept features have D_i within 0.02 of 1/2.",
        source=UNIFORM,
        measure=lambda m: per_unit(
            in_band(m["geometry"], *STICKY).filter(KEPT),
            ((pl.col("dimensionality") - 0.5).abs() < 0.02).mean(),
        ),
        expect=Expect.above(0.8),
    ),
    Claim(
        key="dimensions_are_used_up",
        text="The D_i sum to the number of dimensions at every density (greatest relative gap).",
        source=UNIFORM,
        paper=0.0,
        measure=lambda m: per_unit(
            m["geometry"]
            .group_by("init_seed", "density")
            .agg(pl.col("dimensionality").sum().alias("total")),
            (pl.col("total") / 20 - 1).abs().max(),
        ),
        expect=Expect.below(0.05),
    ),
    Claim(
        key="features_on_polytope_lines",
        text="For 1/(1-S) up to 5, D_i gathers within 0.02 of the polytopes' fractions: the share "
        "of kept features there, less that of the same untrained models.",
        source=UNIFORM,
        measure=lambda m: near_lines(m["geometry"]) - near_lines(m["untrained"]),
        expect=Expect.above(0.3),
    ),
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
        "laptop": "1.2 million model-steps of up to 200 features, 5.7 TFLOP",
        "paper": "10 million model-steps of up to 400 features, 1 PFLOP; not run yet",
    },
    populations=populations,
    measure=measure,
    claims=CLAIMS,
)
