"""Successor heads: one head whose OV map moves an ordinal word on by one.

    toylab run successor

Gould et al. find in language models heads that map "Monday" to "Tuesday" and "3" to "4" whatever
stands in the prompt, because embedding, first MLP, OV map and unembedding alone say so. Their
tasks' lists are the world here: a sequence holds a word of each, a query names the list, and the
answer is the successor of that list's word. As attention is needed and an MLP comes before it only,
the answer has to pass through the OV map, of one head or of four.

A score of 1 says little by itself: on a ring a map of rank 2 reaches it, on a line one of rank 3.
So scores stand beside the exact law of hits under a random relabelling, margins, and a head of four
dimensions. Whether lists share one increment is a question of what else is trained: succession
alone leaves lists exchangeable, and a held-out successor is never a target there (none is right;
this was a claim until it was seen that it could not fail). Arms add naming the same index in
another list (copy), the successor in another list (across), or a number's units.

What is done otherwise: no language model; five lists in place of eight, every word one token; the
index is split off by ridge regression, not by gradient descent; features modulo 10 are differences
of means, not an autoencoder's.

Did not reproduce: one head that stands out. The best of four has 1.28 times the score of the next
(1.06 to 1.64 by seed), and ablating it costs nothing, as the others do the same, so that whether
scores rank what heads cost cannot be asked. With copying to do as well scores are 0.3 at most and
every head's ablation costs 0.28 to 0.58: a high score goes with heads that are not needed. Naming
the same index in another list teaches no held-out succession; naming the successor there teaches
89% of those in reach, and none beyond. Units are decoded where they are asked for, but a number
moved to other units is followed by the right number in 10% of cases. Left open: whether words after
the successor are preferred to words before it (0.005 spreads, -0.017 to 0.028).

Tried: a decay of 0.1 to 4; with 4 networks do not learn. While every fifth succession was held out,
units 1 and 6 were marked by that; every seventh is unrelated to ten. The units' probe had less
ridge, and pairs to recombine held words whose index no other list has: changed on pilots. Sides of
the successor were compared by means of diagonals, which are shorter on one side than on the other:
maps that fall off alike on both had -0.05 to -0.26, and the networks of that run -0.08.

Source: Gould, Ong, Ogden and Conmy 2023 (arXiv:2312.09230). The bar of the score is that of a
replication in Anthropic's Circuits Updates of September 2024.
"""

import dataclasses
from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import polars as pl

from toylab.errors import check_counts
from toylab.losses import cross_entropy
from toylab.members import zipped
from toylab.models.toys.reading_heads import ReadingHeads
from toylab.optim import AdamW, cosine
from toylab.population import Population, ladder
from toylab.runs.run_folder import RunFolder
from toylab.study import Study
from toylab.tasks.successor.lists import paper_lists, small_lists
from toylab.tasks.successor.ordinals import BASE, Ordinals
from toylab.tasks.successor.questions import Exam, draw_exam, pairs_of

from . import geometry, scores
from .claims import CLAIMS

JUDGED = 31  # seed of the questions' contexts
HALF = 0.5  # share of the queries of an arm that are not plain successions
# Arm: its population, and which queries it has besides successions.
ARMS = {
    "plain": ("one", ""),
    "copy": ("one", "copy"),
    "across": ("one", "across"),
    "units": ("one", "units"),
    "four": ("four", ""),
    "four copy": ("four", "copy"),
    "narrow": ("narrow", ""),
}
EXTRA = ("copy", "across", "units")


@dataclasses.dataclass(frozen=True, kw_only=True)
class Config:
    """Settings; heads of one number and width are a population."""

    seeds: int = 8
    numbers: int = 50
    all_lists: bool = False  # the paper's eight
    width: int = 48
    hidden: int = 192
    head_dim: int = 8
    narrow_dim: int = 4
    steps: int = 4_000
    batch_size: int = 128
    learning_rate: float = 2e-3
    weight_decay: float = 0.5
    snapshots: int = 14  # log-spaced
    contexts: int = 4  # of every question

    def __post_init__(self) -> None:
        check_counts("successor", self, "seeds", "steps", "snapshots", "contexts")
        check_counts("successor", self, "numbers", low=20)

    def world(self) -> Ordinals:
        """The task, with no queries besides successions."""
        return Ordinals((paper_lists if self.all_lists else small_lists)(self.numbers))

    def model(self, population: str) -> ReadingHeads:
        """One head, four, or one of few dimensions."""
        task, heads = self.world(), 4 if population == "four" else 1
        head_dim = self.narrow_dim if population == "narrow" else self.head_dim
        sizes = {"heads": heads, "head_dim": head_dim, "hidden": self.hidden}
        return ReadingHeads(task.vocab, task.n_words, self.width, **sizes)


def populations(config: Config) -> dict[str, Population]:
    """One head in four worlds, four heads in two, and a narrow head on successions alone."""
    found, schedule = {}, cosine(config.steps, warmup=config.steps // 40, floor=0.01)
    for name in dict.fromkeys(population for population, _ in ARMS.values()):
        extras = [extra for population, extra in ARMS.values() if population == name]
        seed = list(range(config.seeds)) * len(extras)
        shares = {e: np.repeat([HALF * (e == x) for x in extras], config.seeds) for e in EXTRA}
        found[name] = Population(
            model=config.model(name),
            task=config.world(),
            members=zipped(init_seed=seed, data_seed=seed, **shares),
            optimizer=AdamW(config.learning_rate, config.weight_decay, b2=0.99, schedule=schedule),
            steps=config.steps,
            batch_size=config.batch_size,
            loss=cross_entropy,
            snapshots=ladder(config.steps, config.snapshots),
        )
    return found


def measure(config: Config, run: RunFolder) -> Mapping[str, pl.DataFrame | np.ndarray]:
    """Answers and scores over training; ablations, lists and geometry at both ends."""
    task, rows = config.world(), {name: [] for name in ("answers", "heads", "lists", "geometry")}
    exam, maps = draw_exam(task, config.contexts, JUDGED), []
    for arm, (population, extra) in ARMS.items():
        members = run.members(population)
        own_P = np.all([members[e].to_numpy() == HALF * (e == extra) for e in EXTRA], 0)
        lost_P = (run.dead_at(population) >= 0)[own_P].tolist()
        for step in run.steps(population):
            params = run.params(population, step)
            params = jax.tree.map(lambda leaf, own=own_P: leaf[own], params)
            found = look(config, population, params, exam, step in (0, config.steps))
            for seed, (network, written) in enumerate(found):
                label = {"arm": arm, "step": step, "init_seed": seed, "diverged": lost_P[seed]}
                for name, own in network.items():
                    rows[name] += [label | row for row in own]
                if (arm, seed, step) == ("plain", 0, config.steps):
                    maps.append(written[0])
    tables = {name: pl.DataFrame(own, infer_schema_length=None) for name, own in rows.items()}
    return tables | {"maps": np.stack(maps)}


def look(
    config: Config, population: str, params_P: Any, exam: Exam, end: bool
) -> list[tuple[dict[str, list[dict[str, Any]]], np.ndarray]]:
    """Rows of each network for every table, and its heads' OV maps (H, V, V)."""
    model, task = config.model(population), config.world()
    e_PVD, written_PHVV = scores.effective(model, task.n_words, params_P)
    written_PHVV = np.asarray(written_PHVV, np.float64)
    answered = scores.answers(model, params_P, exam, ablate=end)
    attention_PH = answered.pop("attention")
    networks = []
    for p, e_VD in enumerate(np.asarray(e_PVD, np.float64)):
        lists = scores.list_scores(written_PHVV[p], task, exact=end)
        heads = scores.pooled(lists)
        for h, row in enumerate(heads):
            row |= {"attention": float(attention_PH[p, h])}
            if end:
                right_C, loss_C = answered["trained"][:, p], answered["loss"][:, p]
                row |= {"cost": right_C[0] - right_C[1 + h], "rise": loss_C[1 + h] - loss_C[0]}
        best = {row["head"]: row["best"] for row in heads}
        tables = {
            "answers": [{name: float(value_CP[0, p]) for name, value_CP in answered.items()}],
            "heads": heads,
            "lists": [row | {"best": best[row["head"]]} for row in lists] if end else [],
            "geometry": [geometry_row(config, model, params_P, p, e_VD)] if end else [],
        }
        networks.append((tables, written_PHVV[p]))
    return networks


def geometry_row(
    config: Config, model: ReadingHeads, params_P: Any, p: int, e_VD: np.ndarray
) -> dict[str, float]:
    """Index and list recombined, units decoded, and numbers moved to other units."""
    task, names = config.world(), ("recombined", "units_decoded", "moved", "moved_units")
    if not np.isfinite(e_VD).all():
        return dict.fromkeys(names, np.nan)
    made_ND, follow_N = geometry.moved_units(e_VD, task)
    params = jax.tree.map(lambda leaf: leaf[p], params_P)
    first = task.starts[-2]
    written_NV = np.asarray(model.written(params, jnp.asarray(made_ND, jnp.float32))).sum(0)
    said_N, right_N = written_NV[:, first:].argmax(1), follow_N - first
    found = [
        geometry.recombined(e_VD, pairs_of(task), JUDGED),
        geometry.units_decoded(e_VD, task),
        float((said_N == right_N).mean()),
        float((said_N % BASE == right_N % BASE).mean()),
    ]
    return dict(zip(names, found, strict=True))


SMALL = Config(seeds=2, numbers=20, width=16, hidden=16, contexts=1)
PAPER = Config(numbers=200, all_lists=True, width=256, hidden=1_024, head_dim=32)
LARGE = dataclasses.replace(PAPER, steps=20_000, batch_size=1_024, learning_rate=1e-3)

study = Study(
    name="successor",
    title="Successor heads: an OV map that moves ordinal words on by one",
    paper="Gould, Ong, Ogden and Conmy 2023 (arXiv:2312.09230)",
    presets={
        "smoke": dataclasses.replace(SMALL, steps=20, batch_size=8, snapshots=3),
        "laptop": Config(),
        "paper": LARGE,
    },
    costs={
        "smoke": "280 steps; compiling takes most of it",
        "laptop": "224,000 model-steps of 0.1 GFLOP: 8 minutes; measures: 1",
        "paper": "1,120,000 model-steps of 40 GFLOP, for one GPU",
    },
    populations=populations,
    measure=measure,
    claims=CLAIMS,
)
