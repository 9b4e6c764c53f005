"""The Clock and the Pizza: one task, two algorithms, and the attention that decides between them.

    toylab run clock_pizza

One-layer transformers without normalisation learn a + b mod p. Their attention is interpolated
between constant (rate 0) and free (rate 1). With constant attention they are said to average the
two points on a circle (Pizza), with free attention to add angles (Clock). Two measures tell which:
gradient symmetricity, and distance irrelevance (:mod:`toylab.tasks.grokking.clock_pizza`).

The paper looks at circular models alone. Circularity is read off principal components, and two
circles of nearly equal size mix there; of 36 models explored at the laptop's size 4
were accurate and circular at the end, few of them with constant attention. So claims are judged on
all members that know the whole table, and four of them again on those that are circular too; how
many these are is a claim of its own. Members that fall out are counted as dead. No threshold moved.

Departures from the paper. It interpolates ``M' = rate M + (1 - rate) J`` with J all ones, whose
rows sum to ``2 - rate``; ``attention_mix = rate / (2 - rate)`` gives the same pattern with rows
that sum to 1, a factor that the output weights can make up for. Rates are the paper's. The MLP has
no biases. The laptop preset has a smaller p, a narrower model, a larger, falling learning rate and
fewer steps.

Tried for the optimisation, one to four seeds each, at p 31 and 37 and width 64: with a decay of 1
or 2 three to six circles of nearly equal size remain; with 6 and more one or two, some models miss
a few answers, and free attention dies out; 4 to 5.5 lies between. A rate of 0.01 makes worse Pizzas
than 0.003 (their formula's share was 0.92 to 0.96 against 0.99), a rate that does not fall mixes
the circles, and width 128 keeps more of them.

Controls: the same models untrained, and models with constant attention that memorise a small part
of the table, without weight decay.

Source: Zhong, Liu, Tegmark and Andreas 2023 (arXiv:2306.17844); the runs its authors released.
"""

import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np
import polars as pl

from toylab.claims import Claim, Expect
from toylab.errors import ToylabError, check_number
from toylab.losses import cross_entropy
from toylab.members import zipped
from toylab.models.transformer import Transformer
from toylab.optim import AdamW, cosine
from toylab.population import Population
from toylab.runs.run_folder import RunFolder
from toylab.study import Study
from toylab.tasks.grokking.modular import ModularArithmetic
from toylab.units import per_unit

from .symmetries import PIZZA, example, group, judged, observe, phase_lines


@dataclasses.dataclass(frozen=True)
class Config:
    """Settings."""

    seeds: int = 10
    p: int = 31
    fraction: float = 0.8
    width: int = 64
    rates: tuple[float, ...] = (0.0, 0.2, 0.4, 0.5, 0.6, 0.8, 1.0)  # the paper's attention rates
    steps: int = 1_000
    learning_rate: float = 3e-3
    weight_decay: float = 4.5
    floor: float = 0.0  # last learning rate, as a share of the first
    memorised: float = 0.2  # share of the table that the memorising models train on

    def __post_init__(self) -> None:
        check_number("clock_pizza", "steps", self.steps, low=0, whole=True)
        check_number("clock_pizza", "p", self.p, low=5, whole=True)
        for rate in self.rates:
            check_number("clock_pizza", "rates", rate, low=0, high=1)
        if {0.0, 1.0} - set(self.rates):
            raise ToylabError("clock_pizza: rates must hold 0 and 1, which the claims compare.")
        if self.memorised >= self.fraction:
            raise ToylabError(
                f"clock_pizza: memorised = {self.memorised} must be less than fraction = "
                f"{self.fraction}."
            )
        populations(self)


def populations(config: Config) -> dict[str, Population]:
    """Every seed at every attention rate, and once more with constant attention, to memorise.

    One population: one shape, one compilation. Its memorising members have their own ``fraction``
    and no weight decay.
    """
    task = ModularArithmetic(p=config.p, fraction=config.fraction, equals=False)
    rates = np.array([*config.rates, 0.0])
    learn = len(config.rates)
    kinds = zipped(
        attention_mix=mix(rates),
        fraction=[config.fraction] * learn + [config.memorised],
        weight_decay=[config.weight_decay] * learn + [0.0],
    )
    shape = cosine(config.steps, warmup=min(10, config.steps), floor=config.floor)
    return {
        "models": Population(
            model=transformer(config),
            task=task,
            members=zipped(init_seed=range(config.seeds), split_seed=range(config.seeds)) * kinds,
            optimizer=AdamW(config.learning_rate, config.weight_decay, b2=0.98, schedule=shape),
            steps=config.steps,
            batch_size=task.n_train,
            loss=cross_entropy,
            snapshots=(0,),
        )
    }


def transformer(config: Config) -> Transformer:
    """One block that reads its answer at b, the last of two tokens."""
    return Transformer(
        vocab=config.p,
        length=2,
        width=config.width,
        depth=1,
        heads=4,
        hidden=4 * config.width,
        causal=False,
        read="last",
    )


def mix(rate: np.ndarray) -> np.ndarray:
    """Share of free attention in a pattern whose rows sum to 1, for the paper's rate."""
    return rate / (2 - rate)


def measure(config: Config, run: RunFolder) -> dict[str, pl.DataFrame | np.ndarray]:
    """Tabulate every model, trained, untrained and memorising; keep a Pizza and a Clock."""
    members = run.members("models")
    learn = np.asarray(members["fraction"] == config.fraction)
    groups = {
        "models": group(members, run.params("models"), learn),
        "untrained": group(members, run.params("models", 0), learn),
        "memorising": group(members, run.params("models"), ~learn),
    }
    tables, pictures = observe(transformer(config), groups)
    models = judged(tables["models"])
    examples = [example(models, rate) for rate in (0.0, 1.0)]
    arrays = {f"example_{name}": array[examples] for name, array in pictures.items()}
    lines = {"lines": phase_lines(models), "examples": models[examples]}
    return tables | {"models": models} | lines | arrays


SYMMETRY, Q = pl.col("symmetricity"), pl.col("q")
ACCURATE, CIRCULAR = pl.col("accurate"), pl.col("circular")


def of_seed(table: pl.DataFrame, rate: float, value: pl.Expr) -> np.ndarray:
    """A column at one rate, one value per seed."""
    return per_unit(table.filter(pl.col("rate") == rate), value.first())


def accurate(m: Mapping[str, Any], rate: float, value: pl.Expr) -> np.ndarray:
    """The same of the trained models; NaN for a member that does not know the whole table."""
    return of_seed(m["models"], rate, pl.when(ACCURATE).then(value))


def circular(m: Mapping[str, Any], rate: float, value: pl.Expr) -> np.ndarray:
    """The same; NaN also for a member whose embedding is not circular."""
    return of_seed(m["models"], rate, pl.when(CIRCULAR).then(value))


CLAIMS = (
    Claim(
        key="constant_attention_symmetric",
        text="With constant attention the gradients to both summands are alike: the symmetricity "
        "is at least 0.98 (median over members that know the table).",
        source="section 4.1 and figure 7, model A",
        paper=0.9937,
        measure=lambda m: accurate(m, 0.0, SYMMETRY),
        expect=Expect.above(0.98),
        statistic="median",
    ),
    Claim(
        key="constant_attention_distance",
        text="With constant attention the correct logit depends on a - b: q is at most 0.4 (median "
        "over the same).",
        source="section 4.2, model A",
        paper=0.17,
        measure=lambda m: accurate(m, 0.0, Q),
        expect=Expect.below(0.4),
        statistic="median",
    ),
    Claim(
        key="free_attention_asymmetric",
        text="With free attention the gradients differ: the symmetricity is at most 0.8 (median "
        "over members that know the table and are circular).",
        source="section 4.1, model B",
        paper=0.3336,
        measure=lambda m: accurate(m, 1.0, SYMMETRY),
        expect=Expect.below(0.8),
        statistic="median",
    ),
    Claim(
        key="free_attention_distance",
        text="With free attention the correct logit depends little on a - b: q is at least 0.5 "
        "(median over the same).",
        source="section 4.2, model B",
        paper=0.85,
        measure=lambda m: accurate(m, 1.0, Q),
        expect=Expect.above(0.5),
        statistic="median",
    ),
    Claim(
        key="pizza_formula",
        text="With constant attention and the main circle alone, the Pizza's formula explains at "
        "least 0.15 more of the logits' variance than the Clock's does.",
        source="table 2: 99.2% against 75.5%",
        paper=0.238,
        measure=lambda m: accurate(m, 0.0, pl.col("pizza_fve") - pl.col("clock_fve")),
        expect=Expect.above(0.15),
    ),
    Claim(
        key="circular_share",
        text="At least 30% of the members know the whole table and are circular (share over the "
        "attention rates).",
        source="appendix B.1: 34.31% of the one-layer runs, at 0.995 and over several widths",
        paper=0.3431,
        measure=lambda m: per_unit(m["models"], CIRCULAR.mean()),
        expect=Expect.above(0.3),
    ),
    Claim(
        key="circular_constant_symmetric",
        text="The same of members that are circular as well: with constant attention the "
        "symmetricity is at least 0.98 (median).",
        source="section 4.1 and figure 7, model A",
        paper=0.9937,
        measure=lambda m: circular(m, 0.0, SYMMETRY),
        expect=Expect.above(0.98),
        statistic="median",
    ),
    Claim(
        key="circular_constant_distance",
        text="The same of circular members: with constant attention q is at most 0.4 (median).",
        source="section 4.2, model A",
        paper=0.17,
        measure=lambda m: circular(m, 0.0, Q),
        expect=Expect.below(0.4),
        statistic="median",
    ),
    Claim(
        key="circular_free_asymmetric",
        text="The same of circular members: with free attention the symmetricity is at most 0.8 "
        "(median).",
        source="section 4.1, model B",
        paper=0.3336,
        measure=lambda m: circular(m, 1.0, SYMMETRY),
        expect=Expect.below(0.8),
        statistic="median",
    ),
    Claim(
        key="circular_free_distance",
        text="The same of circular members: with free attention q is at least 0.5 (median).",
        source="section 4.2, model B",
        paper=0.85,
        measure=lambda m: circular(m, 1.0, Q),
        expect=Expect.above(0.5),
        statistic="median",
    ),
    Claim(
        key="phase_line",
        text="Pizza (symmetricity above 0.98, q below 0.6) gives way to Clock at a rate within 0.2 "
        "of 0.57; the paper's line moves with the width.",
        source="figure 7; of its released one-layer runs of width 128 the Pizzas end between 0.54 "
        "and 0.59",
        paper=0.57,
        measure=lambda m: m["lines"]["line"].to_numpy(),
        expect=Expect.near(0.57, 0.2),
    ),
    Claim(
        key="measures_agree",
        text="Symmetricity above 0.98 and q below 0.6 call the same members Pizzas (share of those "
        "that know the table).",
        source="figures 6 and 7",
        paper=1.0,
        measure=lambda m: per_unit(
            m["models"], ((SYMMETRY > PIZZA[0]) == (Q < PIZZA[1])).filter(ACCURATE).mean()
        ),
        expect=Expect.above(0.8),
    ),
    Claim(
        key="asymmetry_is_learned",
        text="Control: the symmetricity falls from constant to free attention by 0.18 more in "
        "trained models than in the same models untrained.",
        source="0.98 less 0.8, of the claims above",
        paper=0.66,
        measure=lambda m: (
            accurate(m, 0.0, SYMMETRY)
            - accurate(m, 1.0, SYMMETRY)
            - of_seed(m["untrained"], 0.0, SYMMETRY)
            + of_seed(m["untrained"], 1.0, SYMMETRY)
        ),
        expect=Expect.above(0.18),
    ),
    Claim(
        key="distance_is_not_memorised",
        text="Control: with constant attention q is at least 0.5 lower in models that add than in "
        "models that memorise a fifth of the table.",
        source="q is 1 where a - b says nothing about the correct logit",
        measure=lambda m: of_seed(m["memorising"], 0.0, Q) - accurate(m, 0.0, Q),
        expect=Expect.above(0.5),
    ),
)

study = Study(
    name="clock_pizza",
    title="Clock and Pizza: attention decides between two algorithms for one task",
    paper="Zhong et al. 2023, The Clock and the Pizza (arXiv:2306.17844)",
    presets={
        "smoke": Config(
            seeds=2,
            p=11,
            width=16,
            rates=(0.0, 0.5, 1.0),
            steps=200,
            learning_rate=5e-3,
            weight_decay=2.0,
        ),
        "laptop": Config(),
        "paper": Config(
            seeds=16,
            p=59,
            width=128,
            rates=tuple(round(0.1 * i, 1) for i in range(11)),
            steps=20_000,
            learning_rate=1e-3,
            weight_decay=2.0,
            floor=1.0,
        ),
    },
    costs={
        "smoke": "1,600 model-steps of 2.4 MFLOP; compiling takes most of it",
        "laptop": "80,000 model-steps of 0.29 GFLOP, 23 TFLOP",
        "paper": "3.8 million model-steps of 4.2 GFLOP, 16 PFLOP; not run yet",
    },
    populations=populations,
    measure=measure,
    claims=CLAIMS,
)
