"""Tools: does what looks for circuits find one that was planted?

    toylab run tools

An induction circuit is set by hand among heads of noise, so that the edges which carry a behaviour
are known. Pairs of sequences differ in one token: the key, the query or the answer of a recall.
Edge attribution patching with one gradient (EAP), with integrated gradients (EAP-IG), exact
patching of every edge, path patching, attribution patching over heads, composition scores and head
scores are marked against the plan. Four programs (a copy, a sum, an induction, a walk in three hops
with two lookups between) are compiled into networks as well; there pairs are sequences drawn apart.
Nothing is trained: a seed draws the noise.

What is done otherwise. The papers judge tools by faithfulness on GPT-2, where nobody knows the
circuit. Here precision and recall are exact, and the noise is a dose.

Did not reproduce: integrated gradients give only 79% of the walk's edges a tenth of the largest
score, where nine in ten were asked. Two more bars lie inside their intervals. Integrated gradients
order the ten largest edges nearly as exact patches do (0.96), but one network in sixteen falls
short. The planted pair's composition in keys stands out from other pairs by 4.8 of their standard
deviations, not by five: half of what the later head's keys read is the guard of position 0, so that
its score is 0.20 where a pair that reads nothing else would have 0.29.

Tried: a pilot on eight other seeds counted how often one gradient ranks edges into queries and keys
among the highest (19%); as ranks change with the noise alone, the claim is now about what it
predicts of their effect (a thousandth). More noise lifts the saturation: at a standard deviation of
0.1 one gradient finds 99% of the path; at 0.2 exact patches find 65%. A pilot of the programs, on
16 seeds from 10,000, came before their claims: integrated gradients rank 99% of the walk's edges
first, but give only 79% of them a tenth of the largest score. Exact patches give each edge nearly
the whole answer, and gradients share it out; edges of the first hop get least, as would a gate that
has opened before the later ones do. At a noise of 0.1, of the edges with a tenth of the largest
score 64% are the walk's by integrated gradients and 46% by exact patches. The claims about path
patching and attribution patching over heads came later, before their pilot on 8 seeds from 10,000
(all hold there).

Source: Syed, Rager and Conmy 2023 (2310.10348); Hanna, Pezzelle and Belinkov 2024 (2403.17806);
Conmy et al. 2023 (2304.14997); Wang et al. 2022 (2211.00593), path patching; Nanda 2023,
Attribution Patching; Elhage et al. 2021; Olsson et al. 2022.
"""

import dataclasses
from collections.abc import Mapping
from typing import Any

import jax
import polars as pl

from toylab.errors import check_number
from toylab.losses import cross_entropy
from toylab.members import grid, seeds
from toylab.models.toys.planted import PlantedInduction
from toylab.optim import AdamW
from toylab.population import Population
from toylab.runs.run_folder import RunFolder
from toylab.study import Study
from toylab.tasks.tools.programs import PROGRAMS, Programs
from toylab.tasks.tools.recall import Recall

from .claims import CLAIMS
from .marks import circuits, edge_scores, head_scores
from .nodes import node_scores
from .programs import compiled, program_marks

JUDGED = 77  # seed of the sequences


@dataclasses.dataclass(frozen=True, kw_only=True)
class Config:
    """Settings."""

    seeds: int = 16
    vocab: int = 12
    length: int = 8
    heads: int = 4
    noises: tuple[float, ...] = (0.02, 0.05, 0.1, 0.2)  # the first is judged
    pairs: int = 32
    steps: tuple[int, ...] = (0, 5, 20)  # of EAP (0) and EAP-IG
    random_circuits: int = 20
    programs: tuple[str, ...] = tuple(PROGRAMS)
    size: int = 6  # tokens of the programs, and positions

    def __post_init__(self) -> None:
        for name in ("seeds", "heads", "pairs", "random_circuits"):
            check_number("tools", name, getattr(self, name), 1, whole=True)


def populations(config: Config) -> dict[str, Population]:
    """The planted induction and the compiled programs, at every noise; they are not trained."""
    settings: dict[str, Any] = {"members": seeds(config.seeds) * grid(noise=config.noises)}
    settings |= {"optimizer": AdamW(1e-3, 0.0), "loss": cross_entropy, "steps": 0, "batch_size": 1}
    model = PlantedInduction.of(config.vocab, config.length, config.heads)
    found = {
        "planted": Population(model=model, task=Recall(config.vocab, config.length), **settings)
    }
    for kind in config.programs:
        model = compiled(kind, config.size, config.heads)
        found[kind] = Population(model=model, task=Programs(kind, config.size), **settings)
    return found


def measure(config: Config, run: RunFolder) -> Mapping[str, pl.DataFrame]:
    """Mark every tool on every network."""
    model = PlantedInduction.of(config.vocab, config.length, config.heads)
    params, members = run.params("planted"), run.members("planted")
    world = Recall(config.vocab, config.length)
    batch = world.batch(jax.random.key(JUDGED), config.pairs)
    sizes = config.size, config.heads, config.pairs, max(config.steps), config.random_circuits
    return {
        **program_marks(run, config.programs, *sizes),
        "edges": edge_scores(model, params, members, world, batch, config.steps),
        "circuits": circuits(model, params, members, world, batch, config.random_circuits),
        "heads": head_scores(model, params, members),
        "nodes": node_scores(model, params, members, world, batch),
    }


study = Study(
    name="tools",
    title="Tools that look for circuits, marked on one that was planted",
    paper="Hanna, Pezzelle and Belinkov 2024, Have Faith in Faithfulness",
    presets={
        "smoke": Config(
            seeds=2,
            noises=(0.02, 0.1),
            pairs=4,
            random_circuits=2,
            programs=("induction",),
            size=4,
        ),
        "laptop": Config(),
        "paper": Config(seeds=32, vocab=40, length=32, heads=12, pairs=128, size=12),
    },
    costs={
        "smoke": "no training; compiling takes most of it",
        "laptop": "64 networks, 81 edges each, on 32 pairs, and as many of four programs",
        "paper": "128 networks, 529 edges each, on 128 pairs; not run yet",
    },
    populations=populations,
    measure=measure,
    claims=CLAIMS,
)
