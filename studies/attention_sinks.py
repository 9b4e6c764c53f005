"""Attention sinks: a head that has nothing to do looks at the first token.

    toylab run attention_sinks

In Bigram-Backcopy a few trigger symbols call for the symbol before them and all others for the
bigram. One head copies; on any other symbol it should stay quiet, yet softmax makes it look
somewhere. Guo et al. find that it looks at ``<s>`` (the sink), whose value shrinks (the drain)
and, under Adam, whose residual grows without end (the peak).

What is done otherwise. The source is a random Markov chain of 32 symbols, not a text; width 64,
MLP 128 and length 64 instead of 256, 1,024 and 256; one layer for every arm, where the paper's SGD
has three. Embeddings start with unit variance, as theirs do. Controls beside theirs: a source
without triggers, the second place instead of the first, a sink closed by hand, a symbol in the
place of ``<s>``, and the untrained network. All seeds share one source: units are initialisations
and data.

Tried before, on one seed: with embeddings that start at 1 / sqrt(width), so that what attention
adds outweighs the token, no sink forms in 500 steps at rates of 1e-3 to 1e-2; with unit variance it
forms in 100 to 600, the sooner the higher the rate. SGD's 0.1 forms the sink when Adam's 3e-3 does
(0.03 learns too slowly); at 0.3 the residual of ``<s>`` grew under SGD as well, by a third.

Source: Guo, Pai, Bai, Jiao, Jordan and Mei 2024 (arXiv:2410.13835), with their code.
"""

import dataclasses
from collections.abc import Mapping
from typing import Any

import jax
import numpy as np
import polars as pl

from studies._attention_sinks.claims import CLAIMS
from studies._attention_sinks.growth import fits
from studies._attention_sinks.model import WideTransformer
from studies._attention_sinks.scores import conditions, pattern, scores
from tasks.backcopy import BigramBackcopy
from toylab.errors import check_number
from toylab.losses import cross_entropy
from toylab.members import seeds
from toylab.optim import SGD, AdamW, Optimizer
from toylab.population import Population, ladder
from toylab.store import RunFolder
from toylab.study import Study

ARMS = ("adam", "sgd", "relu", "plain")
JUDGED = 77  # seed of the sequences that are judged


@dataclasses.dataclass(frozen=True, kw_only=True)
class Config:
    """Settings; every arm is one population."""

    seeds: int = 5
    n_symbols: int = 32
    n_triggers: int = 3
    length: int = 64
    width: int = 64
    hidden: int = 128
    steps: int = 1_500
    batch_size: int = 32
    learning_rate: float = 3e-3
    relu_rate: float = 3e-3
    sgd_rate: float = 0.1
    momentum: float = 0.9
    weight_decay: float = 1e-4
    rungs: int = 30  # snapshots, log-spaced
    judged: int = 64  # sequences

    def __post_init__(self) -> None:
        for name in ("seeds", "steps", "rungs", "judged"):
            check_number("attention_sinks", name, getattr(self, name), low=1, whole=True)
        check_number("attention_sinks", "n_triggers", self.n_triggers, low=1, whole=True)

    def world(self, arm: str) -> BigramBackcopy:
        """The arm's task; ``plain`` has no triggers."""
        k = 0 if arm == "plain" else self.n_triggers
        return BigramBackcopy(self.n_symbols, self.length, k)

    def model(self, arm: str) -> WideTransformer:
        """One layer with one head; ``relu`` has attention without softmax."""
        return WideTransformer(
            vocab=self.n_symbols + 1,
            length=self.length,
            width=self.width,
            depth=1,
            heads=1,
            hidden=self.hidden,
            norm="layer",
            attention="relu" if arm == "relu" else "softmax",
            embed_scale=self.width**0.5,
        )

    def optimizer(self, arm: str) -> Optimizer:
        """Adam at a constant rate, or gradient descent with momentum."""
        if arm == "sgd":
            return SGD(self.sgd_rate, self.momentum)
        rate = self.relu_rate if arm == "relu" else self.learning_rate
        return AdamW(rate, self.weight_decay, b2=0.99)


def populations(config: Config) -> dict[str, Population]:
    """One population per arm, of the same seeds."""
    return {
        arm: Population(
            model=config.model(arm),
            task=config.world(arm),
            members=seeds(config.seeds),
            optimizer=config.optimizer(arm),
            steps=config.steps,
            batch_size=config.batch_size,
            loss=cross_entropy,
            snapshots=ladder(config.steps, config.rungs),
        )
        for arm in ARMS
    }


def measure(config: Config, run: RunFolder) -> Mapping[str, pl.DataFrame | np.ndarray]:
    """Symptoms over training, laws of growth, ablations, and patterns on one sequence."""
    curves: list[dict[str, Any]] = []
    cut: list[dict[str, Any]] = []
    maps = []
    key, k = jax.random.key(JUDGED), config.n_triggers
    shown = config.world("adam").batch(key, 1).inputs[0]
    for arm in ARMS:
        model, task, dead = config.model(arm), config.world(arm), run.dead_at(arm) >= 0
        batch = task.batch(key, config.judged)
        for step in run.steps(arm):
            found = scores(model, task, k, run.params(arm, step), batch)
            curves += _rows({"arm": arm, "step": step}, found, dead)
        params = run.params(arm)
        for condition, found in conditions(model, task, k, params, batch).items():
            cut += _rows({"arm": arm, "condition": condition}, found, dead)
        first = jax.tree.map(lambda leaf: leaf[0], params)
        maps.append(np.asarray(pattern(model, first, shown)))
    table = pl.DataFrame(curves)
    return {
        "curves": table,
        "growth": fits(table),
        "conditions": pl.DataFrame(cut),
        "maps": np.stack(maps),
        "tokens": np.asarray(shown),
    }


def _rows(
    labels: dict[str, Any], found: Mapping[str, Any], dead: np.ndarray
) -> list[dict[str, Any]]:
    """One row per member; a dead one's scores are NaN."""
    columns = {name: np.where(dead, np.nan, np.asarray(v)) for name, v in found.items()}
    return [
        labels | {"init_seed": i} | {name: float(v[i]) for name, v in columns.items()}
        for i in range(len(dead))
    ]


study = Study(
    name="attention_sinks",
    title="Attention sinks: active on triggers, dormant elsewhere",
    paper="Guo et al. 2024, Active-Dormant Attention Heads (arXiv:2410.13835)",
    presets={
        "smoke": Config(
            seeds=2,
            n_symbols=8,
            length=16,
            width=16,
            hidden=16,
            steps=20,
            batch_size=8,
            rungs=5,
            judged=8,
        ),
        "laptop": Config(),
        "paper": Config(
            n_symbols=64,
            length=256,
            width=256,
            hidden=1_024,
            steps=10_000,
            batch_size=512,
            learning_rate=3e-4,
            sgd_rate=0.03,
        ),
    },
    costs={
        "smoke": "160 steps; compiling takes most of it",
        "laptop": "30,000 model-steps of 0.5 GFLOP",
        "paper": "200,000 model-steps of 1 TFLOP, for one GPU",
    },
    populations=populations,
    measure=measure,
    claims=CLAIMS,
)
