"""The Clock and the Pizza: one task, two algorithms, and the attention that decides between them.

    toylab run clock_pizza

One-layer transformers without normalisation learn a + b mod p. Their attention is interpolated
between constant (rate 0) and free (rate 1). With constant attention they are said to average the
two points on a circle (Pizza), with free attention to add angles (Clock). Two measures tell which:
gradient symmetricity, and distance irrelevance (:mod:`tasks.clock_pizza`). Claims are judged on the
members that know the whole table and whose embedding is circular; how many those are is a claim.

Departures from the paper. It interpolates ``M' = rate M + (1 - rate) J`` with J all ones, whose
rows sum to ``2 - rate``; ``attention_mix = rate / (2 - rate)`` gives the same pattern with rows
that sum to 1, a factor that the output weights can make up for. Rates are the paper's. The MLP has
no biases. The laptop preset has a smaller p, a narrower model, a larger, falling learning rate and
fewer steps.

Controls: the same models untrained, and models that memorise random answers to the same pairs.

Source: Zhong, Liu, Tegmark and Andreas 2023 (arXiv:2306.17844); the runs its authors released.
"""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import polars as pl
from jax import Array

from tasks.clock_pizza import (
    all_pairs,
    circularity,
    clock_logits,
    correct_logits,
    distance_irrelevance,
    explained,
    gradient_cosines,
    isolate,
    main_frequency,
    pizza_logits,
    principal_scores,
)
from tasks.modular import ModularArithmetic, scores
from toylab import random
from toylab.claims import Claim, Expect
from toylab.errors import ToylabError, check_number
from toylab.losses import cross_entropy
from toylab.members import grid, zipped
from toylab.models.transformer import Transformer
from toylab.optim import AdamW, cosine
from toylab.population import Population
from toylab.store import RunFolder
from toylab.study import Study
from toylab.taps import Params
from toylab.units import per_unit

CIRCULAR = 0.99  # least circularity of a circular model; the paper's table uses 0.995
PIZZA = (0.98, 0.6)  # a Pizza has a symmetricity above the first and q below the second: figure 7
TRIPLES = 100  # random (a, b, c) for the gradient symmetricity, as in the paper


@dataclasses.dataclass(frozen=True)
class Config:
    """Settings."""

    seeds: int = 8
    p: int = 31
    fraction: float = 0.8
    width: int = 64
    rates: tuple[float, ...] = (0.0, 0.2, 0.4, 0.6, 0.8, 1.0)  # the paper's attention rates
    steps: int = 2_000
    learning_rate: float = 5e-3
    weight_decay: float = 2.0
    floor: float = 0.0  # last learning rate, as a share of the first
    memorising_steps: int = 500

    def __post_init__(self) -> None:
        for field in ("steps", "memorising_steps"):
            check_number("clock_pizza", field, getattr(self, field), low=0, whole=True)
        check_number("clock_pizza", "p", self.p, low=5, whole=True)
        for rate in self.rates:
            check_number("clock_pizza", "rates", rate, low=0, high=1)
        if {0.0, 1.0} - set(self.rates):
            raise ToylabError("clock_pizza: rates must hold 0 and 1, which the claims compare.")
        populations(self)


def populations(config: Config) -> dict[str, Population]:
    """Every seed at every attention rate; and models that memorise, at rates 0 and 1."""
    task = ModularArithmetic(p=config.p, fraction=config.fraction, equals=False)
    each = zipped(init_seed=range(config.seeds), split_seed=range(config.seeds))
    common = dict(
        model=transformer(config),
        batch_size=task.n_train,
        loss=cross_entropy,
        metrics=scores,
    )
    return {
        "models": Population(
            task=task,
            members=each * grid(attention_mix=mix(np.array(config.rates))),
            optimizer=optimizer(config, config.weight_decay, config.steps),
            steps=config.steps,
            snapshots=(0,),
            **common,
        ),
        "memorising": Population(
            task=dataclasses.replace(task, labels="random"),
            members=each * grid(attention_mix=(0.0, 1.0)),
            optimizer=optimizer(config, 0.0, config.memorising_steps),
            steps=config.memorising_steps,
            **common,
        ),
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


def optimizer(config: Config, weight_decay: float, steps: int) -> AdamW:
    """AdamW with the paper's ten steps of warm-up."""
    shape = cosine(steps, warmup=min(10, steps), floor=config.floor)
    return AdamW(config.learning_rate, weight_decay=weight_decay, b2=0.98, schedule=shape)


def mix(rate: np.ndarray) -> np.ndarray:
    """Share of free attention in a pattern whose rows sum to 1, for the paper's rate."""
    return rate / (2 - rate)


def measure(config: Config, run: RunFolder) -> dict[str, pl.DataFrame | np.ndarray]:
    """Tabulate every model, trained, untrained and memorising; keep a Pizza and a Clock."""
    models, seen = observe(config, run, "models", config.steps)
    models = models.with_columns(
        qualifies=(pl.col("accuracy") == 1) & (pl.col("circularity") >= CIRCULAR),
        pizza=(pl.col("symmetricity") > PIZZA[0]) & (pl.col("q") < PIZZA[1]),
    )
    examples = [example(models, rate) for rate in (0.0, 1.0)]
    return {
        "models": models,
        "untrained": observe(config, run, "models", 0)[0],
        "memorising": observe(config, run, "memorising", config.memorising_steps)[0],
        "lines": phase_lines(models),
        "examples": models[examples],
        **{f"example_{name}": array[examples] for name, array in seen.items()},
    }


def observe(
    config: Config, run: RunFolder, population: str, step: int
) -> tuple[pl.DataFrame, dict[str, np.ndarray]]:
    """Measure each member of a population at a step.

    Returns:
        One row per member; and for figures ``circles`` (P, p, 4), the tokens' scores on the
        embedding's principal components, and ``correct`` (P, p, p), the correct logits by
        distance with nothing but the main circle in the embedding.
    """
    p, members, params = config.p, run.members(population), run.params(population, step)
    task = populations(config)[population].task
    embedding_PVD = params["embed"]["embedding"]
    main_P = [main_frequency(E) for E in embedding_PVD]
    lone_PVD = np.stack([isolate(E, k) for E, k in zip(embedding_PVD, main_P, strict=True)])
    lone = params | {"embed": {"embedding": lone_PVD}}
    share = np.asarray(members["attention_mix"], np.float32)
    logits_PXYC, cosine_P = forward(config, params, share)
    lone_PXYC, _ = forward(config, lone, share)
    rows, correct_PDI = [], []
    for i, k in enumerate(main_P):
        seed = int(members["split_seed"][i])
        answers_XY = np.asarray(dataclasses.replace(task, split_seed=seed).answers())
        answers_XY = answers_XY.reshape(p, p)
        correct_PDI.append(correct_logits(lone_PXYC[i], answers_XY))
        rows.append(
            {
                "accuracy": float((logits_PXYC[i].argmax(-1) == answers_XY).mean()),
                "symmetricity": float(cosine_P[i]),
                "q": distance_irrelevance(correct_logits(logits_PXYC[i], answers_XY)),
                "circularity": circularity(embedding_PVD[i]),
                "frequency": k,
                "clock_fve": explained(lone_PXYC[i], clock_logits(p, k)),
                "pizza_fve": explained(lone_PXYC[i], pizza_logits(p, k)),
            }
        )
    rate = (2 * pl.col("attention_mix") / (1 + pl.col("attention_mix"))).round(6)
    table = members.with_columns(rate=rate).hstack(pl.DataFrame(rows))
    circles = np.stack([principal_scores(E) for E in embedding_PVD])
    return table, {"circles": circles, "correct": np.stack(correct_PDI)}


def forward(config: Config, params: Params, share_P: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the logits of every pair (P, p, p, p) and the gradient symmetricity (P,)."""
    model, p = transformer(config), config.p
    pairs = jnp.asarray(all_pairs(p), jnp.int32)
    drawn = random.uniform(random.stream(0, "triples"), (TRIPLES, 3)) * p
    triples = jnp.minimum(drawn.astype(jnp.int32), p - 1)

    def one(member: tuple[Params, Array]) -> tuple[Array, Array]:
        params, share = member
        own = dataclasses.replace(model, attention_mix=share)
        return own.apply(params, pairs), jnp.mean(gradient_cosines(own, params, triples))

    logits_PNC, cosine_P = jax.jit(lambda members: jax.lax.map(one, members))((params, share_P))
    return np.asarray(logits_PNC).reshape(-1, p, p, p), np.asarray(cosine_P)


def example(models: pl.DataFrame, rate: float) -> int:
    """Row of the most circular member at a rate, of those that qualify if there are any."""
    table = models.filter(pl.col("rate") == rate)
    best = table.sort("qualifies", pl.col("circularity").fill_nan(-1), descending=True)
    return int(best["member"][0])


def phase_lines(models: pl.DataFrame) -> pl.DataFrame:
    """One row per seed: the attention rate at which Pizza gives way to Clock."""
    good = models.filter("qualifies")
    rows = []
    for seed in models["init_seed"].unique(maintain_order=True):
        own = good.filter(pl.col("init_seed") == seed)
        line = phase_line(own["rate"].to_numpy(), own["pizza"].to_numpy())
        rows.append({"init_seed": seed, "n": len(own), "line": line})
    return pl.DataFrame(rows, schema={"init_seed": pl.Int64, "n": pl.Int64, "line": pl.Float64})


def phase_line(rate_N: np.ndarray, pizza_N: np.ndarray) -> float:
    """Return the rate that parts Pizzas below it from Clocks above it with the fewest errors.

    It lies half-way between two rates, or at 0 or 1 if all are of one kind. Of several equally
    good lines the mean is taken. Fewer than three models draw no line: NaN.
    """
    if len(rate_N) < 3:
        return np.nan
    known = np.unique(rate_N)
    cuts = np.concatenate([[0.0], (known[1:] + known[:-1]) / 2, [1.0]])
    sides = np.concatenate([[-np.inf], cuts[1:-1], [np.inf]])
    errors = ((rate_N[None] < sides[:, None]) != pizza_N[None]).sum(1)
    return float(cuts[errors == errors.min()].mean())


QUALIFIES = pl.col("qualifies")


def of_seed(table: pl.DataFrame, rate: float, value: pl.Expr) -> np.ndarray:
    """A column at one rate, one value per seed; NaN where the member does not qualify."""
    own = pl.when(QUALIFIES).then(value) if "qualifies" in table.columns else value
    return per_unit(table.filter(pl.col("rate") == rate), own.first())


SYMMETRY, Q = pl.col("symmetricity"), pl.col("q")

CLAIMS = (
    Claim(
        key="constant_attention_symmetric",
        text="With constant attention the gradients to both summands are alike: the symmetricity "
        "is at least 0.98 (median over members that know the table and are circular).",
        source="section 4.1 and figure 7, model A",
        paper=0.9937,
        measure=lambda m: of_seed(m["models"], 0.0, SYMMETRY),
        expect=Expect.above(0.98),
        statistic="median",
    ),
    Claim(
        key="constant_attention_distance",
        text="With constant attention the correct logit depends on a - b: q is at most 0.4 (median "
        "over the same).",
        source="section 4.2, model A",
        paper=0.17,
        measure=lambda m: of_seed(m["models"], 0.0, Q),
        expect=Expect.below(0.4),
        statistic="median",
    ),
    Claim(
        key="free_attention_asymmetric",
        text="With free attention the gradients differ: the symmetricity is at most 0.8 (median "
        "over members that know the table and are circular).",
        source="section 4.1, model B",
        paper=0.3336,
        measure=lambda m: of_seed(m["models"], 1.0, SYMMETRY),
        expect=Expect.below(0.8),
        statistic="median",
    ),
    Claim(
        key="free_attention_distance",
        text="With free attention the correct logit depends little on a - b: q is at least 0.5 "
        "(median over the same).",
        source="section 4.2, model B",
        paper=0.85,
        measure=lambda m: of_seed(m["models"], 1.0, Q),
        expect=Expect.above(0.5),
        statistic="median",
    ),
    Claim(
        key="pizza_formula",
        text="With constant attention and the main circle alone, the Pizza's formula explains at "
        "least 0.15 more of the logits' variance than the Clock's does.",
        source="table 2: 99.2% against 75.5%",
        paper=0.238,
        measure=lambda m: of_seed(m["models"], 0.0, pl.col("pizza_fve") - pl.col("clock_fve")),
        expect=Expect.above(0.15),
    ),
    Claim(
        key="circular_share",
        text="At least 30% of the members know the whole table and are circular (share over the "
        "attention rates).",
        source="appendix B.1: 34.31% of the one-layer runs, at 0.995 and over several widths",
        paper=0.3431,
        measure=lambda m: per_unit(m["models"], QUALIFIES.mean()),
        expect=Expect.above(0.3),
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
        "that know the table and are circular).",
        source="figures 6 and 7",
        paper=1.0,
        measure=lambda m: per_unit(
            m["models"], ((SYMMETRY > PIZZA[0]) == (Q < PIZZA[1])).filter(QUALIFIES).mean()
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
            of_seed(m["models"], 0.0, SYMMETRY)
            - of_seed(m["models"], 1.0, SYMMETRY)
            - of_seed(m["untrained"], 0.0, SYMMETRY)
            + of_seed(m["untrained"], 1.0, SYMMETRY)
        ),
        expect=Expect.above(0.18),
    ),
    Claim(
        key="distance_is_not_memorised",
        text="Control: with constant attention q is at least 0.5 lower in models that add than in "
        "models that memorise random answers.",
        source="q is 1 where a - b says nothing about the correct logit",
        measure=lambda m: of_seed(m["memorising"], 0.0, Q) - of_seed(m["models"], 0.0, Q),
        expect=Expect.above(0.5),
    ),
)

study = Study(
    name="clock_pizza",
    title="Clock and Pizza: attention decides between two algorithms for one task",
    paper="Zhong et al. 2023, The Clock and the Pizza (arXiv:2306.17844)",
    presets={
        "smoke": Config(
            seeds=2, p=11, width=16, rates=(0.0, 0.5, 1.0), steps=200, memorising_steps=100
        ),
        "laptop": Config(),
        "paper": Config(
            seeds=16,
            p=59,
            width=128,
            rates=tuple(round(0.1 * i, 1) for i in range(11)),
            steps=20_000,
            learning_rate=1e-3,
            floor=1.0,
            memorising_steps=5_000,
        ),
    },
    costs={},
    populations=populations,
    measure=measure,
    claims=CLAIMS,
)
