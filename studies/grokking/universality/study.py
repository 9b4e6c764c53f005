"""Universality: do networks that learn one group use the same representations every time?

    toylab run universality
    toylab run universality --set groups=S5 --set fraction=0.4 --set steps=20000   # an hour

A network with one hidden layer learns the multiplication table of a group from half of it. Chughtai
et al. find one family of circuits in every network: it embeds elements as the matrices of some
irreducible representations of the group and gives the answer c to (a, b) a logit that grows with
the character chi(a b c^-1). Which representations it takes, the *key* ones, differs from seed to
seed: the algorithm is universal, they conclude, the choice is not.

A representation is key when the cosine of its characters with the logits exceeds 0.05, as in the
authors' code. The excluded loss is measured on the training pairs, the restricted loss on all of
them. During training the restricted loss misleads: half the memorised answers are right, so they
have a part in the characters too. There the characters' weights are taken from the held-out pairs'
logits, which memorising makes wrong.

What is done otherwise. The laptop preset takes two groups of about 60 elements, A5 and the dihedral
group of the 29-gon, in place of the paper's S5, and a learning rate of 0.01 instead of 0.001, which
is some ten times faster.

Source: Chughtai, Chan and Nanda 2023 (arXiv:2302.03025).

Left open: the standard representation of A5 is key in 15 of 16 seeds, where the paper has all, and
which others are key differs in three pairs of seeds of eight: neither is decided.

Tried: on one or two seeds before, at rates of 0.003 to 0.02 and decays of 0.5 to 2, a network
without embeddings (a look-up table for a first layer) does not learn A5 in 5,000 steps, and learns
D29 with nearly all its representations. With embeddings of width 256, as in the paper, and a decay
of 1, D29 takes 600 steps and A5 2,000 to 4,000. That the choice varies was first judged by each
seed's differences from all others, of which two odd seeds of six are enough; now by disjoint pairs.
"""

import collections
import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np
import polars as pl

from toylab.errors import ToylabError, check_number
from toylab.losses import cross_entropy
from toylab.members import zipped
from toylab.models.toys.folded_mlp import FoldedTokenMLP
from toylab.optim import AdamW
from toylab.population import Population
from toylab.runs.records import records
from toylab.runs.run_folder import RunFolder
from toylab.study import Study
from toylab.tasks.grokking.groups import group
from toylab.tasks.grokking.modular import GroupComposition, scores
from toylab.tasks.grokking.theory import group_circuits as circuits
from toylab.tasks.grokking.theory.irreps import characters

from .claims import CLAIMS
from .networks import irrep_rows, network_row, neuron_rows, progress_row


@dataclasses.dataclass(frozen=True)
class Config:
    """Settings; every group is one population."""

    seeds: int = 16
    groups: tuple[str, ...] = ("A5", "D29")
    fraction: float = 0.5
    embed: int = 256  # 0 for a plain look-up table
    hidden: int = 128
    steps: tuple[int, ...] = (6_000, 3_000)  # by group; the last for all further ones
    learning_rate: float = 1e-2
    weight_decay: float = 1.0
    key_cosine: float = 0.05
    rungs: int = 20  # snapshots, denser early

    def __post_init__(self) -> None:
        for steps in self.steps:
            check_number("universality", "steps", steps, low=2, whole=True)
        check_number("universality", "rungs", self.rungs, low=1, whole=True)
        check_number("universality", "key_cosine", self.key_cosine, 0, 1)
        if len(set(self.groups)) < len(self.groups):
            raise ToylabError(f"universality: groups = {self.groups} names one group twice.")
        for name in self.groups:
            if len(characters(name)) < 3:
                raise ToylabError(
                    f"universality: group {name} has too few representations; try A5 or D29."
                )


def populations(config: Config) -> dict[str, Population]:
    """One population per group; a seed decides the initial weights and the split."""
    return {name: _population(config, name) for name in config.groups}


def _population(config: Config, name: str) -> Population:
    task = GroupComposition(group=name, fraction=config.fraction, equals=False)
    steps = config.steps[min(config.groups.index(name), len(config.steps) - 1)]
    rungs = (steps * np.linspace(0, 1, config.rungs + 1) ** 2).round().astype(int)
    return Population(
        model=FoldedTokenMLP(vocab=task.vocab, hidden=(config.hidden,), embed=config.embed or None),
        task=task,
        members=zipped(init_seed=range(config.seeds), split_seed=range(config.seeds)),
        optimizer=AdamW(config.learning_rate, config.weight_decay, b2=0.98),
        steps=steps,
        batch_size=task.n_train,
        loss=cross_entropy,
        metrics=scores,
        record_every=max(1, steps // 200),
        snapshots=tuple(sorted(set(rungs.tolist()))),
    )


def measure(config: Config, run: RunFolder) -> Mapping[str, pl.DataFrame | np.ndarray]:
    """Tabulate curves, representations, final networks, and key circuits over training."""
    tables: dict[str, list[dict[str, Any]]] = collections.defaultdict(list)
    for name in config.groups:
        start, end = run.params(name, 0), run.params(name)
        series = [(step, run.params(name, step)) for step in run.steps(name)]
        for member in run.members(name).iter_rows(named=True):
            index = member["member"]
            labels = {"group": name, "init_seed": member["init_seed"]}
            first, last = (circuits.network(p, index) for p in (start, end))
            similar = circuits.cosines(circuits.logits(last), name)
            key = circuits.key_irreps(similar, config.key_cosine)
            train_NN = training_pairs(config, name, int(member["split_seed"]))
            random = int(member["init_seed"])
            tables["irreps"] += [labels | r for r in irrep_rows(last, name, key, train_NN)]
            tables["networks"].append(
                labels | network_row(last, first, name, key, train_NN, random)
            )
            tables["neurons"] += [labels | row for row in neuron_rows(last, first, name)]
            nets = ((step, circuits.network(p, index)) for step, p in series)
            tables["progress"] += [
                labels | {"step": s} | progress_row(n, name, key, train_NN) for s, n in nets
            ]
    found = {table: pl.DataFrame(rows) for table, rows in tables.items()}
    curves = [records(run, name).with_columns(group=pl.lit(name)) for name in config.groups]
    return found | {"curves": pl.concat(curves)}


def training_pairs(config: Config, name: str, split_seed: int) -> np.ndarray:
    """Return which pairs a seed trains on, (N, N) bool."""
    split = GroupComposition(
        group=name, fraction=config.fraction, equals=False, split_seed=split_seed
    )
    return np.asarray(split.in_training()).reshape(group(name).order, -1)


study = Study(
    name="universality",
    title="Universality: the representations that networks use to multiply group elements",
    paper="Chughtai, Chan and Nanda 2023, A Toy Model of Universality (arXiv:2302.03025)",
    presets={
        "smoke": Config(seeds=2, groups=("A4",), embed=16, hidden=32, steps=(200,), rungs=4),
        "laptop": Config(),
        "paper": Config(
            seeds=50,
            groups=("S5",),
            learning_rate=1e-3,
            steps=(250_000,),
            fraction=0.4,
            rungs=100,
        ),
    },
    costs={
        "smoke": "400 model-steps of 12 elements; compiling takes most of it",
        "laptop": "144,000 model-steps of 1,700 pairs, 32 TFLOP: 7 minutes",
        "paper": "12.5 million model-steps of 5,760 pairs, 15 PFLOP; not run yet",
    },
    populations=populations,
    measure=measure,
    claims=CLAIMS,
)
