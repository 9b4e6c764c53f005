"""Attention sinks: a head that has nothing to do looks at the first token.

    toylab run attention_sinks

In Bigram-Backcopy a few trigger symbols call for the symbol before them and all others for the
bigram. One head copies; on any other symbol it should stay quiet, yet softmax makes it look
somewhere. Guo et al. find that it looks at ``<s>`` (the sink), whose value shrinks (the drain)
and, under Adam, whose residual grows without end (the peak).

What is done otherwise. The source is a random Markov chain of 32 symbols, not a text; width 64, MLP
128 and length 64 instead of 256, 1,024 and 256; one layer for every arm. In the paper the runs with
SGD, and those with ReLU whose residual does not grow, have three layers; by our reading of its code
a run of one layer with ReLU, at the rate used here, does show growth. Embeddings start with unit
variance, as theirs do. Controls: a source without triggers, the second position instead of the
first, attention to ``<s>`` blocked, a symbol in the place of ``<s>``, and the untrained network.
All seeds share one source: units are initialisations and data.

Did not reproduce: with Adam the residual of ``<s>`` grows linearly but does not exceed that of
other positions, which grow too (0.81 times their norm at the end). Its growth is not special to
softmax or to triggers: with ReLU attention it has 0.72 of that rate, without triggers 0.72; with
SGD 0.11, on both sides of the bar. Over the last decade of steps the score of ``<s>`` is as well a
line in t as in log t. The network does not need the sink: with attention to ``<s>`` blocked the
risk rises by 0.01 nats. A first measurement of the ablations had the numbers of eight networks
twice (XLA added wrongly, see docs/reliability.md); measured again, no verdict changed.

Tried: on one seed, with embeddings that start at 1 / sqrt(width), so that what attention adds
outweighs the token, no sink forms in 500 steps at rates of 1e-3 to 1e-2; with unit variance it
forms in 100 to 600, the sooner the higher the rate. SGD's 0.1 forms the sink when Adam's 3e-3 does
(0.03 learns too slowly); at 0.3 the residual of ``<s>`` grew with SGD as well, by a third. After a
review of the first judged run growth relative to Adam's is a median over seeds in which Adam's
grows, what ReLU attention and SGD show counts where they learned, and ReLU's sink is a share of the
pattern's sum.

Source: Guo, Pai, Bai, Jiao, Jordan and Mei 2024 (arXiv:2410.13835), with their code.
"""

import dataclasses
from collections.abc import Mapping

import jax
import numpy as np
import polars as pl

from toylab.errors import check_counts
from toylab.losses import cross_entropy
from toylab.members import zipped
from toylab.models.wide_transformer import WideTransformer
from toylab.optim import SGD, AdamW, Optimizer
from toylab.population import Population, ladder
from toylab.read.tables import labelled, long_table
from toylab.runs.run_folder import RunFolder
from toylab.study import Study
from toylab.tasks.in_context.backcopy import BigramBackcopy

from .claims import CLAIMS
from .scores import draw_exam, risks_under, scores

POPULATIONS = ("adam", "sgd", "relu")
# Arm: its population, and whether its task has triggers.
ARMS = {
    "adam": ("adam", True),
    "sgd": ("sgd", True),
    "relu": ("relu", True),
    "plain": ("adam", False),
}
JUDGED = 77  # seed of the sequences that are judged


@dataclasses.dataclass(frozen=True, kw_only=True)
class Config:
    """Settings; every arm is one population."""

    seeds: int = 16
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
    snapshots: int = 30  # log-spaced
    judged: int = 64  # sequences

    def __post_init__(self) -> None:
        check_counts("attention_sinks", self, "seeds", "steps", "snapshots", "judged", "n_triggers")

    def world(self) -> BigramBackcopy:
        """The task, with triggers."""
        return BigramBackcopy(self.n_symbols, self.length, self.n_triggers)

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
    """Adam, SGD and ReLU attention on the same seeds; under Adam also without triggers."""
    found = {}
    for name in POPULATIONS:
        numbers = [config.n_triggers, 0] if name == "adam" else [config.n_triggers]
        seed = list(range(config.seeds)) * len(numbers)
        found[name] = Population(
            model=config.model(name),
            task=config.world(),
            members=zipped(
                init_seed=seed, data_seed=seed, n_triggers=np.repeat(numbers, config.seeds)
            ),
            optimizer=config.optimizer(name),
            steps=config.steps,
            batch_size=config.batch_size,
            loss=cross_entropy,
            snapshots=ladder(config.steps, config.snapshots),
        )
    return found


def measure(config: Config, run: RunFolder) -> Mapping[str, pl.DataFrame | np.ndarray]:
    """Symptoms over training, ablations, and patterns on one sequence."""
    curves: list[pl.DataFrame] = []
    ablated: list[pl.DataFrame] = []
    maps, tokens = [], []
    for arm, (name, has_triggers) in ARMS.items():
        model, n_triggers = config.model(name), config.n_triggers * has_triggers
        drawn = (config.n_triggers, config.judged, np.float32(n_triggers))
        exam = draw_exam(config.world(), *drawn, jax.random.key(JUDGED))
        chosen_P = run.members(name)["n_triggers"].to_numpy() == n_triggers
        lost_P = (run.dead_at(name) >= 0)[chosen_P]
        rows = lambda found, lost_P=lost_P: long_table(
            {"init_seed": None}, diverged=lost_P, **found
        )
        for step in run.steps(name):
            params = jax.tree.map(lambda leaf, own=chosen_P: leaf[own], run.params(name, step))
            found, pattern = scores(model, params, exam)
            curves.append(labelled(rows(found), arm=arm, step=step))
        maps.append(np.asarray(pattern[0]))
        tokens.append(np.asarray(exam.batch.inputs[0]))
        under = risks_under(model, params, exam, config.n_symbols - 1)
        ablated += [labelled(rows(r), arm=arm, condition=c) for c, r in under.items()]
    return {
        "curves": pl.concat(curves),
        "conditions": pl.concat(ablated),
        "maps": np.stack(maps),
        "tokens": np.stack(tokens),
    }


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
            snapshots=5,
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
        "laptop": "96,000 model-steps of 0.5 GFLOP: 20 minutes; measures: 4",
        "paper": "640,000 model-steps of 1 TFLOP, for one GPU",
    },
    populations=populations,
    measure=measure,
    claims=CLAIMS,
)
