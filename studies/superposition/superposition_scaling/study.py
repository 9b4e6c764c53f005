"""Loss against width under weak and strong superposition.

    toylab run superposition_scaling

Features occur with power-law frequencies, p_i proportional to i^-alpha. Under *weak*
superposition (weight decay) a model of m dimensions keeps about the m most frequent features, and
the loss is what the dropped ones cost: its exponent in m depends on alpha. Under *strong*
superposition (norms pulled to 1) every feature is kept, the loss is interference, squared overlaps
of about 1/m, and falls as 1/m whatever the frequencies, as long as they are not too skewed.

Source: Liu, Liu, Gore 2025, Superposition Yields Robust Neural Scaling (arXiv:2505.10465). The
paper has 1000 features and widths 10 to 100; the laptop preset has 256 features, widths 4 to 32,
fewer steps and a smaller batch. Biases start at 0 here, at N(0, 1) there. A first look with two
seeds (seven widths, batch 512) had decay at gamma = 1 shrink the kept features of the narrowest
models, so that they lose more than the dropped features cost.
"""

import dataclasses
from collections.abc import Mapping
from typing import Any

import jax.numpy as jnp
import numpy as np
import optax
import polars as pl

from toylab.claims import Claim, Expect
from toylab.errors import check_number
from toylab.lab import final_loss
from toylab.members import grid, seeds
from toylab.models import Autoencoder
from toylab.optim import Shape, cosine
from toylab.population import Population
from toylab.runs.run_folder import RunFolder
from toylab.study import Study
from toylab.task import Number
from toylab.tasks.superposition.superposition import ZipfSparse
from toylab.tasks.superposition.superposition_theory import truncated_loss
from toylab.units import per_unit

WEAK, STRONG = 1.0, -1.0  # the coefficient gamma of the two regimes


@dataclasses.dataclass(frozen=True)
class NormDecay:
    """Adam with the paper's decay: towards 0 for gamma >= 0, towards norm 1 for gamma < 0.

    ``W_i <- W_i - lr gamma W_i``                    for gamma >= 0,
    ``W_i <- W_i - lr gamma W_i (1/||W_i|| - 1)``    for gamma < 0; biases do not decay.

    Args:
        learning_rate: peak learning rate.
        gamma: coefficient of the decay.
        schedule: normalised shape of the learning rate.

    Source:
        Liu et al. 2025, section 2.
    """

    learning_rate: Number
    gamma: Number
    schedule: Shape

    def __post_init__(self) -> None:
        check_number("NormDecay", "learning_rate", self.learning_rate, low=0)
        check_number("NormDecay", "gamma", self.gamma)

    def transform(self) -> optax.GradientTransformation:
        """Build the Optax chain."""

        def decay(updates: Any, params: Any) -> Any:
            W_MN = params["W"]
            norm_N = jnp.sqrt(jnp.sum(W_MN**2, 0) + 1e-12)
            pull_N = jnp.where(jnp.float32(self.gamma) >= 0, 1.0, 1 / norm_N - 1)
            return updates | {"W": updates["W"] + self.gamma * pull_N[None] * W_MN}

        rate = lambda step: jnp.float32(self.learning_rate) * self.schedule(step)
        return optax.chain(
            optax.scale_by_adam(),
            optax.stateless(decay),
            optax.scale_by_learning_rate(rate),
        )


@dataclasses.dataclass(frozen=True)
class Config:
    """Settings."""

    seeds: int = 5
    n_features: int = 256
    widths: tuple[int, ...] = (4, 8, 16, 32)
    alphas: tuple[float, ...] = (0.0, 1.0, 1.5, 2.0)
    steps: int = 2_000
    batch_size: int = 256
    learning_rate: float = 1e-2

    def __post_init__(self) -> None:
        for width in self.widths:
            check_number(
                "superposition_scaling", "widths", width, low=1, high=self.n_features, whole=True
            )


def populations(config: Config) -> dict[str, Population]:
    """One population per width: every seed, regime and exponent of the frequencies."""
    n = config.n_features
    schedule = cosine(config.steps, warmup=config.steps // 10, floor=0.05)
    return {
        f"width{m}": Population(
            # Weights start at N(0, 1/m).
            model=Autoencoder(n, m, init_scale=((n + m) / (2 * m)) ** 0.5),
            task=ZipfSparse(n, alpha=0.0, expected_active=1.0),
            members=seeds(config.seeds) * grid(gamma=(STRONG, WEAK), alpha=config.alphas),
            optimizer=NormDecay(config.learning_rate, 0.0, schedule),
            steps=config.steps,
            batch_size=config.batch_size,
            record_every=max(1, config.steps // 20),
        )
        for m in config.widths
    }


def measure(config: Config, run: RunFolder) -> dict[str, pl.DataFrame | np.ndarray]:
    """One row per member: final loss, kept features, overlaps, and the predicted weak loss."""
    tables = [members_of_width(config, run, m) for m in config.widths]
    return {"models": pl.concat(tables)}


def members_of_width(config: Config, run: RunFolder, m: int) -> pl.DataFrame:
    """The rows of one width."""
    name = f"width{m}"
    W_PMN = run.params(name)["W"].astype(np.float64)
    norm_PN = np.linalg.norm(W_PMN, axis=1)
    kept_P = (norm_PN > 0.5).sum(1)
    unit_PMN = W_PMN / np.maximum(norm_PN[:, None], 1e-9)
    square_PNN = np.einsum("pmi,pmj->pij", unit_PMN, unit_PMN) ** 2
    off_diagonal = ~np.eye(config.n_features, dtype=bool)
    overlaps_PK = square_PNN[:, off_diagonal]
    table = run.members(name)
    predicted = [
        float(truncated_loss(np.asarray(ZipfSparse(config.n_features, a).densities()), int(k)))
        for a, k in zip(table["alpha"], kept_P, strict=True)
    ]
    return table.select(
        "init_seed",
        "gamma",
        "alpha",
        pl.lit(m).alias("width"),
        pl.lit(config.n_features).alias("n_features"),
        pl.Series("loss", final_loss(run, name).astype(np.float64)).fill_nan(None),
        pl.Series("kept", kept_P),
        pl.Series("overlap", overlaps_PK.mean(1)),
        pl.Series("overlap_variance", overlaps_PK.var(1)),
        pl.Series("predicted", predicted),
    )


def exponents(measures: Mapping[str, Any], gamma: float, alpha: float) -> np.ndarray:
    """Exponent a of loss ~ m^-a, least squares on logarithms, one per seed."""
    rows = of(measures, gamma, alpha)
    x, y = pl.col("width").log(), pl.col("loss").log()
    slope = rows.group_by("init_seed").agg((-pl.cov(x, y) / x.var()).alias("a"))
    return slope.sort("init_seed")["a"].to_numpy()


def of(measures: Mapping[str, Any], gamma: float, alpha: float | None = None) -> pl.DataFrame:
    """Rows of a regime, and of one exponent of the frequencies."""
    rows = measures["models"].filter(pl.col("gamma") == gamma)
    return rows if alpha is None else rows.filter((pl.col("alpha") - alpha).abs() < 1e-9)


def random_variance(width: pl.Expr) -> pl.Expr:
    """Variance of the squared overlap of random directions, 2(m - 1) / (m^2 (m + 2))."""
    return 2 * (width - 1) / (width**2 * (width + 2))


FIGURES = "Liu et al. 2025, toy model"
CLAIMS = (
    Claim(
        key="strong_flat_exponent",
        text="Strong superposition, equally frequent features: loss falls as m^-1 (exponent).",
        source=FIGURES,
        paper=1.0,
        measure=lambda m: exponents(m, STRONG, 0.0),
        expect=Expect.between(0.8, 1.2),
    ),
    Claim(
        key="strong_zipf_exponent",
        text="Strong superposition, frequencies 1/i: still m^-1 (exponent).",
        source=FIGURES,
        paper=1.0,
        measure=lambda m: exponents(m, STRONG, 1.0),
        expect=Expect.between(0.8, 1.2),
    ),
    Claim(
        key="strong_skewed_exponent",
        text="Strong superposition, skewed frequencies i^-2: the exponent is 2(alpha - 1) = 2.",
        source=FIGURES,
        paper=2.0,
        measure=lambda m: exponents(m, STRONG, 2.0),
        expect=Expect.between(1.5, 2.5),
    ),
    Claim(
        key="weak_exponent_2",
        text="Weak superposition, frequencies i^-2: the exponent is alpha - 1 = 1.",
        source=FIGURES,
        paper=1.0,
        measure=lambda m: exponents(m, WEAK, 2.0),
        expect=Expect.between(0.75, 1.25),
    ),
    Claim(
        key="weak_exponent_15",
        text="Weak superposition, frequencies i^-1.5: the exponent is alpha - 1 = 0.5.",
        source=FIGURES,
        paper=0.5,
        measure=lambda m: exponents(m, WEAK, 1.5),
        expect=Expect.between(0.25, 0.75),
    ),
    Claim(
        key="strong_beats_weak",
        text="With equally frequent features the loss falls faster in width under strong "
        "superposition than under weak (difference of exponents).",
        source=FIGURES,
        measure=lambda m: exponents(m, STRONG, 0.0) - exponents(m, WEAK, 0.0),
        expect=Expect.above(0.3),
    ),
    Claim(
        key="weak_loss_is_what_is_dropped",
        text="Under weak superposition at alpha 2 the loss is 4/3 of the frequencies of the "
        "features not kept (mean over widths of |ratio - 1|).",
        source=FIGURES,
        paper=0.0,
        measure=lambda m: per_unit(
            of(m, WEAK, 2.0), (pl.col("loss") / pl.col("predicted") - 1).abs().mean()
        ),
        expect=Expect.below(0.15),
    ),
    Claim(
        key="strong_keeps_all",
        text="Under strong superposition nearly all features are kept (least share over widths).",
        source=FIGURES,
        paper=1.0,
        measure=lambda m: per_unit(of(m, STRONG), (pl.col("kept") / pl.col("n_features")).min()),
        expect=Expect.above(0.95),
    ),
    Claim(
        key="weak_keeps_width",
        text="Under weak superposition at alpha 2 about as many features are kept as there are "
        "dimensions (mean over widths of kept / m).",
        source=FIGURES,
        paper=1.0,
        measure=lambda m: per_unit(of(m, WEAK, 2.0), (pl.col("kept") / pl.col("width")).mean()),
        expect=Expect.between(0.75, 1.5),
    ),
    Claim(
        key="overlaps_are_one_over_m",
        text="Under strong superposition, equal frequencies: squared overlaps average 1/m (mean "
        "over widths of overlap x m; random directions give 1).",
        source=FIGURES,
        paper=1.0,
        measure=lambda m: per_unit(
            of(m, STRONG, 0.0), (pl.col("overlap") * pl.col("width")).mean()
        ),
        expect=Expect.between(0.8, 1.2),
    ),
    Claim(
        key="more_even_than_random",
        text="These overlaps are more even than those of random directions (mean over widths of "
        "their variance, as a share of the random one).",
        source=FIGURES,
        measure=lambda m: per_unit(
            of(m, STRONG, 0.0),
            (pl.col("overlap_variance") / random_variance(pl.col("width"))).mean(),
        ),
        expect=Expect.below(0.9),
    ),
)


study = Study(
    name="superposition_scaling",
    title="Loss against width: weak superposition drops features, strong superposition shares",
    paper="Liu, Liu, Gore 2025, Superposition Yields Robust Neural Scaling (arXiv:2505.10465)",
    presets={
        "smoke": Config(
            seeds=2, n_features=32, widths=(4, 8), alphas=(0.0, 2.0), steps=60, batch_size=64
        ),
        "laptop": Config(),
        "paper": Config(
            n_features=1000,
            widths=(10, 15, 25, 39, 63, 100),
            alphas=(0.0, 0.5, 1.0, 1.5, 2.0),
            steps=20_000,
            batch_size=2048,
        ),
    },
    costs={
        "smoke": "1,000 model-steps; compiling takes most of it",
        "laptop": "0.32 million model-steps of 256 features, 1.6 TFLOP",
        "paper": "6 million model-steps of 1000 features, 5 PFLOP; not run yet",
    },
    populations=populations,
    measure=measure,
    claims=CLAIMS,
)
