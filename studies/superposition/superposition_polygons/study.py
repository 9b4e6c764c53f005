"""The one-hot limit: trained models against the exact minima, polygon by polygon.

    toylab run superposition_polygons

With exactly one of c features active, the loss of two hidden dimensions has a closed form, and
its known minima are regular k-gons with the other c - k features dead. The losses of those k-gons,
found numerically from the closed form, are levels: training should end on one, and linger at
others.

Source: Chen et al. 2023, Dynamical versus Bayesian Phase Transitions in a Toy Model of
Superposition (arXiv:2310.06301). Here models are trained by Adam on fresh batches, and judged by
their exact loss.
"""

import dataclasses
from collections.abc import Mapping
from typing import Any

import jax.numpy as jnp
import numpy as np
import polars as pl
from jax import Array

from toylab import random
from toylab.claims import Claim, Expect
from toylab.errors import check_number
from toylab.members import grid, seeds
from toylab.models import Autoencoder
from toylab.optim import AdamW, cosine
from toylab.population import Population
from toylab.runs.run_folder import RunFolder
from toylab.study import Study
from toylab.taps import Model, Params
from toylab.task import Batch, Number, Task
from toylab.tasks.superposition.superposition import OneHot
from toylab.tasks.superposition.superposition_theory import (
    best_polygon,
    cross_error,
    own_error,
    polygon_level,
    polygon_levels,
)

GROUP = 30  # seeds of which the best is taken; of 10, some groups miss the 7-gon
SLOW = 0.01  # relative change of the loss per record below which it lingers


@dataclasses.dataclass(frozen=True)
class FirstFeatures(OneHot):
    """One-hot features of which only the first ``n_used`` exist: one shape for every c.

    Attributes:
        n_used: c, features that occur and count; the others weigh nothing.
    """

    n_used: Number = 1

    def __post_init__(self) -> None:
        super().__post_init__()
        check_number("FirstFeatures", "n_used", self.n_used, low=1, high=self.n_features)

    def used(self) -> Array:
        """1 for a feature that exists, (N,)."""
        return (jnp.arange(self.n_features, dtype=jnp.float32) < self.n_used).astype(jnp.float32)

    def batch(self, key: Array, size: int) -> Batch:
        """Draw ``size`` examples: inputs (B, N), weights (1, N)."""
        which_B, magnitude_B = random.uniform(key, (2, size))
        which_B = jnp.minimum(jnp.floor(which_B * self.n_used), self.n_used - 1.0)
        members_N = jnp.arange(self.n_features, dtype=jnp.float32)
        active_BN = which_B[:, None] == members_N[None]
        x_BN = jnp.where(active_BN, magnitude_B[:, None], jnp.float32(0))
        return Batch(x_BN, x_BN, self.used()[None], {"active": active_BN, "magnitude": x_BN})


def exact_loss(model: Model, params: Params, task: Task) -> dict[str, Array]:
    """Exact loss summed over features, averaged over which of the c is active."""
    assert isinstance(task, FirstFeatures)
    W_MN, b_N, used_N = params["W"], params["b"], task.used()
    gram_NN = W_MN.T @ W_MN  # [j, i]: what feature i puts on output j
    own_N = own_error(jnp.diagonal(gram_NN), b_N)
    cross_NN = cross_error(gram_NN, jnp.broadcast_to(b_N[:, None], gram_NN.shape))
    cross_NN = cross_NN * (1 - jnp.eye(len(b_N), dtype=jnp.float32))
    total = jnp.sum(used_N * own_N) + used_N @ cross_NN @ used_N
    return {"exact": total / jnp.sum(used_N)}


@dataclasses.dataclass(frozen=True)
class Config:
    """Settings; ``seeds`` counts groups of 30, of which the best is kept."""

    seeds: int = 5
    features: tuple[int, ...] = (4, 5, 6, 7, 8, 9, 12)
    steps: int = 2_000
    batch_size: int = 512
    learning_rate: float = 1e-2


def populations(config: Config) -> dict[str, Population]:
    """One population: every c, with 30 seeds per group."""
    return {
        "polygons": Population(
            model=Autoencoder(max(config.features), 2),
            task=FirstFeatures(max(config.features)),
            members=seeds(GROUP * config.seeds) * grid(n_used=config.features),
            optimizer=AdamW(config.learning_rate, 0.0, schedule=cosine(config.steps)),
            steps=config.steps,
            batch_size=config.batch_size,
            metrics=exact_loss,
            record_every=max(1, config.steps // 200),
            snapshots=(0,),
        )
    }


def measure(config: Config, run: RunFolder) -> dict[str, pl.DataFrame | np.ndarray]:
    """Exact loss over training of every member, and radius, bias and corners at the end."""
    members = run.members("polygons").with_columns(
        pl.col("n_used").cast(pl.Int64).alias("c"), (pl.col("init_seed") // GROUP).alias("group")
    )
    params = run.params("polygons")
    norm_PN = np.linalg.norm(params["W"], axis=1)
    exists_PN = np.arange(norm_PN.shape[1]) < members["c"].to_numpy()[:, None]
    live_PN = (norm_PN > 0.5) & exists_PN
    mean = lambda v_PN: np.where(live_PN, v_PN, 0).sum(1) / np.maximum(live_PN.sum(1), 1)
    curves = run.metrics().filter(pl.col("name") == "exact").select("member", "step", "value")
    last = curves.filter(pl.col("step") == pl.col("step").max()).select("member", loss="value")
    table = members.with_columns(
        pl.Series("corners", live_PN.sum(1)),
        pl.Series("radius", mean(norm_PN)),
        pl.Series("bias", mean(params["b"])),
    ).join(last, on="member")
    curves = members.select("member", "group", "init_seed", "c").join(curves, on="member")
    return {
        "models": table.with_columns(pl.col("loss").fill_nan(None)),
        "curves": curves,
        "W": params["W"],
    }


def best(models: pl.DataFrame) -> pl.DataFrame:
    """The member of lowest exact loss of every group and c."""
    rows = models.filter(pl.col("loss").is_not_null())
    return rows.sort("loss").group_by("group", "c", maintain_order=True).first().sort("group", "c")


def best_values(measures: Mapping[str, Any], c: int, column: str) -> np.ndarray:
    """One value per group: a column of the best model of c features."""
    return best(measures["models"]).filter(pl.col("c") == c)[column].to_numpy()


def lowest_level(c: int) -> float:
    """The lowest loss of any k-gon of c features."""
    return min(polygon_levels(c).values())


def excess(measures: Mapping[str, Any], low: int, high: int) -> np.ndarray:
    """Greatest of (best loss - lowest level), as a share of an ignored feature, per group."""
    rows = best(measures["models"]).filter(pl.col("c").is_between(low, high))
    # A dead feature costs 1/(3c); c = 4 has the level 0, so a ratio of losses would not do.
    gap = [
        3 * c * abs(loss - lowest_level(c)) for c, loss in zip(rows["c"], rows["loss"], strict=True)
    ]
    table = rows.with_columns(pl.Series("gap", gap)).group_by("group").agg(pl.col("gap").max())
    return table.sort("group")["gap"].to_numpy()


def lingering(measures: Mapping[str, Any], c: int, shift: float) -> np.ndarray:
    """Share of the slow records that lie on a level, per group.

    Args:
        measures: the study's measures.
        c: number of features.
        shift: 0 for the levels; 0.5 for the control, points half-way between neighbours.
    """
    levels = np.array(sorted({0.0, *polygon_levels(c).values()}))
    levels = levels[1:] - shift * np.diff(levels)
    rows = measures["curves"].filter((pl.col("c") == c) & (pl.col("value") < levels.max() * 1.1))
    change = (pl.col("value").diff().abs() / pl.col("value")).over("member", order_by="step")
    slow = rows.with_columns(change.alias("change")).filter(pl.col("change") < SLOW)
    near = np.abs(slow["value"].to_numpy()[:, None] / levels - 1).min(1) < 0.02
    share = slow.with_columns(pl.Series("near", near)).group_by("group").agg(pl.col("near").mean())
    return share.sort("group")["near"].to_numpy()


def ends_on_level(measures: Mapping[str, Any], c: int) -> np.ndarray:
    """Share of all seeds whose final loss is within 1% of a level, per group."""
    levels = np.array(list(polygon_levels(c).values()))
    rows = measures["models"].filter(pl.col("c") == c).sort("group")
    near = np.abs(rows["loss"].to_numpy()[:, None] / levels - 1).min(1) < 0.01
    return near.reshape(-1, GROUP).mean(1)


def visits_square(measures: Mapping[str, Any]) -> np.ndarray:
    """Share of seeds of 5 features that linger on the 4-gon's level, per group."""
    levels = np.array([polygon_level(4, 5, plus) for plus in (0, 1)])
    rows = measures["curves"].filter(pl.col("c") == 5)
    near = np.abs(rows["value"].to_numpy()[:, None] / levels - 1).min(1) < 0.02
    count = rows.with_columns(pl.Series("near", near)).group_by("group", "member")
    seen = count.agg((pl.col("near").sum() >= 3).alias("seen"))
    return seen.group_by("group").agg(pl.col("seen").mean()).sort("group")["seen"].to_numpy()


UNIT = f"group of {GROUP} seeds"
CLAIMS = (
    Claim(
        key="pentagon_loss",
        text="The best of 30 models of 5 features has the exact pentagon's loss (relative gap).",
        source="Chen et al. 2023, L(5,5) = 0.01583",
        paper=0.0,
        measure=lambda m: np.abs(best_values(m, 5, "loss") / polygon_level(5, 5) - 1),
        expect=Expect.below(0.01),
        unit=UNIT,
    ),
    Claim(
        key="pentagon_radius",
        text="Its features have the exact pentagon's norm (difference).",
        source="Chen et al. 2023, radius 1.17046",
        paper=0.0,
        measure=lambda m: best_values(m, 5, "radius") - best_polygon(5).radius,
        expect=Expect.near(0, 0.01),
        unit=UNIT,
    ),
    Claim(
        key="pentagon_bias",
        text="Its biases are the exact pentagon's (difference).",
        source="Chen et al. 2023, bias -0.28230",
        paper=0.0,
        measure=lambda m: best_values(m, 5, "bias") - best_polygon(5).bias,
        expect=Expect.near(0, 0.01),
        unit=UNIT,
    ),
    Claim(
        key="lowest_polygon_4_to_8",
        text="For every c from 4 to 8 the best of 30 lies on the lowest k-gon level (greatest gap, "
        "in units of the loss of one dropped feature).",
        source="Chen et al. 2023, section 4",
        paper=0.0,
        measure=lambda m: excess(m, 4, 8),
        expect=Expect.below(0.01),
        unit=UNIT,
    ),
    Claim(
        key="no_large_polygon",
        text="With 9 or more features the best of 30 is no c-gon: it keeps at most 8 (most kept).",
        source="derived numerically: from 9 features on a 7-gon with the rest dropped costs less",
        measure=lambda m: (
            best(m["models"])
            .filter(pl.col("c") >= 9)
            .group_by("group")
            .agg(pl.col("corners").max())
            .sort("group")["corners"]
            .to_numpy()
        ),
        expect=Expect.below(8),
        unit=UNIT,
    ),
    Claim(
        key="ends_on_level_5",
        text="Whatever the seed, 5 features end within 1% of some k-gon's loss (share of seeds).",
        source="Chen et al. 2023, critical points",
        measure=lambda m: ends_on_level(m, 5),
        expect=Expect.above(0.9),
        unit=UNIT,
    ),
    Claim(
        key="ends_on_level_6",
        text="Whatever the seed, 6 features end within 1% of some k-gon's loss (share of seeds).",
        source="Chen et al. 2023, critical points",
        measure=lambda m: ends_on_level(m, 6),
        expect=Expect.above(0.9),
        unit=UNIT,
    ),
    Claim(
        key="plateaus_are_levels",
        text="Where training of 6 features lingers it lies on a k-gon's level: share of slow "
        "records within 2% of one, less the share near the points half-way between levels.",
        source="Chen et al. 2023, figures 1 and 2",
        measure=lambda m: lingering(m, 6, 0.0) - lingering(m, 6, 0.5),
        expect=Expect.above(0.5),
        unit=UNIT,
    ),
    Claim(
        key="square_on_the_way",
        text="On the way to the pentagon, training lingers on the 4-gon's level (share of seeds).",
        source="Chen et al. 2023, figure 1: the route 4-gon to 5-gon",
        measure=visits_square,
        expect=Expect.above(0.2),
        unit=UNIT,
    ),
)

study = Study(
    name="superposition_polygons",
    title="The one-hot limit: training ends on, and lingers at, exact polygons",
    paper="Chen et al. 2023, Dynamical versus Bayesian Phase Transitions (arXiv:2310.06301)",
    presets={
        "smoke": Config(seeds=1, features=(4, 5, 6, 9), steps=200, batch_size=64),
        "laptop": Config(),
        "paper": Config(seeds=20, steps=20_000, batch_size=1024, learning_rate=3e-3),
    },
    costs={
        "smoke": "24,000 model-steps; compiling takes most of it",
        "laptop": "2.1 million model-steps of up to 12 features, 0.3 TFLOP",
        "paper": "84 million model-steps, 21 TFLOP; not run yet",
    },
    populations=populations,
    measure=measure,
    claims=CLAIMS,
)
