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

import jax.numpy as jnp
import numpy as np
import polars as pl
from jax import Array

from toylab import random
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
from toylab.tasks.superposition.superposition_theory import cross_error, own_error

from .claims import CLAIMS

GROUP = 30  # seeds of which the best is taken; of 10, some groups miss the 7-gon


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
