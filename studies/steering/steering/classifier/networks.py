"""The classifier half of ``steering``: scenes, hierarchical equality, and what is done to them.

Scenes: a perceptron learns four rules, with a cue that says which is asked for, first for a while
(``before``), then on (``mixed``), or on one rule alone (one network per rule). Task arithmetic is
about these; the other methods look at the mixed network. Equality: a perceptron of three layers of
width 16, as in the tutorial of pyvene, in fewer examples.
"""

import dataclasses
import functools
from collections.abc import Mapping
from typing import Any, NamedTuple

import jax
import numpy as np
import polars as pl
from jax import Array

from toylab.errors import check_number
from toylab.losses import cross_entropy
from toylab.members import grid, seeds
from toylab.models.mlp import MLP
from toylab.optim import AdamW, cosine
from toylab.population import Population
from toylab.runs.run_folder import RunFolder
from toylab.taps import Params
from toylab.tasks.steering.equality import HierarchicalEquality
from toylab.tasks.steering.scenes import RULES, Scenes

from .alignment import alignment_tables
from .arithmetic import arithmetic_table
from .choice import choice_table
from .concepts import concept_tables, pool_size
from .saliency import saliency_tables
from .skills import skill_table

JUDGED = 101  # seed of the scenes that are judged


@dataclasses.dataclass(frozen=True, kw_only=True)
class ClassifierConfig:
    """Settings of the classifier half; laptop values."""

    seeds: int = 5
    toy_hidden: tuple[int, ...] = (128, 64)
    toy_before_steps: int = 500
    toy_steps: int = 2_000
    toy_batch: int = 128
    toy_learning_rate: float = 2e-3
    toy_equality_steps: int = 4_000
    toy_equality_batch: int = 512
    toy_scenes: int = 512  # judged scenes of most measures
    toy_images: int = 100  # of a concept's set
    toy_align_steps: int = 800
    toy_align_pairs: int = 8_192

    def __post_init__(self) -> None:
        for name in ("seeds", "toy_steps", "toy_scenes", "toy_images", "toy_align_steps"):
            check_number("steering", name, getattr(self, name), low=1, whole=True)

    def scene_model(self) -> MLP:
        """The perceptron on scenes."""
        return MLP(sizes=(Scenes().n_inputs, *self.toy_hidden, 4))

    def equality_model(self) -> MLP:
        """The perceptron on equality."""
        return MLP(sizes=(16, 16, 16, 16, 2))


PRESETS: dict[str, dict[str, Any]] = {
    "smoke": {
        "toy_hidden": (16, 12),
        "toy_before_steps": 10,
        "toy_steps": 20,
        "toy_batch": 16,
        "toy_equality_steps": 20,
        "toy_equality_batch": 16,
        "toy_scenes": 64,
        "toy_images": 10,
        "toy_align_steps": 3,
        "toy_align_pairs": 64,
    },
    "laptop": {},
    "paper": {"toy_equality_steps": 3_000, "toy_equality_batch": 1_024, "toy_align_steps": 5_000},
}


class SceneNets(NamedTuple):
    """Networks on scenes, every array with the leading axis of seeds S; ``tuned`` one per rule."""

    untrained: Params
    before: Params
    mixed: Params
    tuned: list[Params]


def populations(config: ClassifierConfig) -> dict[str, Population]:
    """Networks on scenes: on all rules for a while, then on, or on one rule; and on equality."""
    rate, members = config.toy_learning_rate, seeds(config.seeds)
    shared = {"model": config.scene_model(), "task": Scenes(), "loss": cross_entropy}
    shared |= {"batch_size": config.toy_batch}
    before = AdamW(rate, 0.0)
    after = AdamW(rate, 0.0, schedule=cosine(config.toy_steps, floor=0.01))
    return {
        "toy_scenes": Population(
            members=members,
            optimizer=before,
            steps=config.toy_before_steps,
            snapshots=(0,),
            **shared,
        ),
        "toy_tuned": Population(
            members=members * grid(rule=range(-1, len(RULES))),
            optimizer=after,
            steps=config.toy_steps,
            start="toy_scenes",
            **shared,
        ),
        "toy_equality": Population(
            model=config.equality_model(),
            task=HierarchicalEquality(),
            members=members,
            optimizer=AdamW(5e-3, 0.0, schedule=cosine(config.toy_equality_steps, floor=0.01)),
            steps=config.toy_equality_steps,
            batch_size=config.toy_equality_batch,
            loss=cross_entropy,
            snapshots=(0,),
        ),
    }


def scene_nets(config: ClassifierConfig, run: RunFolder) -> SceneNets:
    """The run's networks on scenes."""
    tuned = run.params("toy_tuned")
    # Seeds vary slowest: rows of one seed are the mixed network and those of the four rules.
    split = lambda leaf: leaf.reshape(config.seeds, 1 + len(RULES), *leaf.shape[1:])
    by_rule = jax.tree.map(split, tuned)
    pick = lambda i: jax.tree.map(lambda leaf: leaf[:, i], by_rule)
    before = run.params("toy_scenes")
    return SceneNets(
        run.params("toy_scenes", 0), before, pick(0), [pick(i + 1) for i in range(len(RULES))]
    )


@functools.partial(jax.jit, static_argnums=0)
def _draw(n: int) -> dict[str, Array]:
    batch = Scenes().batch(jax.random.key(JUDGED), n)
    return batch.latents | {"pictures": batch.inputs[:, : -len(RULES)]}


def draw_scenes(n: int) -> dict[str, np.ndarray]:
    """Pictures (N, 192) and latents of the scenes on which everything is measured."""
    return {name: np.asarray(leaf) for name, leaf in _draw(n).items()}


def measure(config: ClassifierConfig, run: RunFolder) -> Mapping[str, pl.DataFrame | np.ndarray]:
    """Tables of every method; a dead network's rows are NaN."""
    model, nets = config.scene_model(), scene_nets(config, run)
    tuned_dead = run.dead_at("toy_tuned").reshape(config.seeds, -1) >= 0
    lost = np.flatnonzero(tuned_dead.any(1) | (run.dead_at("toy_scenes") >= 0))
    untrained, trained = run.params("toy_equality", 0), run.params("toy_equality")
    unequal = np.flatnonzero(run.dead_at("toy_equality") >= 0)
    n, images = config.toy_scenes, config.toy_images
    # Drawn once, for compiling the draw takes longer than the draw; parts do not overlap.
    drawn = draw_scenes(7 * n + pool_size(images))
    part = lambda start, stop: {name: leaf[start:stop] for name, leaf in drawn.items()}
    split = lambda start, stop: (drawn["pictures"][start:stop], drawn["labels"][start:stop])
    valid, test, fit = split(0, n), split(n, 2 * n), split(2 * n, 6 * n)
    accuracy, arithmetic = arithmetic_table(model, nets, valid, test)
    tables = {
        "toy_networks": accuracy,
        "toy_arithmetic": arithmetic,
        **concept_tables(model, nets.mixed, part(7 * n, None), images),
        **saliency_tables(model, nets, part(6 * n, 7 * n)),
        "toy_skills": skill_table(model, nets, valid, test),
        "toy_choice": choice_table(model, nets, fit, test),
    }
    found = {name: without(table, lost) for name, table in tables.items()}
    solved, aligned = alignment_tables(
        config.equality_model(),
        (untrained, trained),
        config.toy_align_pairs,
        config.toy_align_steps,
    )
    found["toy_alignment"] = without(aligned, unequal)
    found["toy_networks"] = pl.concat([found["toy_networks"], without(solved, unequal)])
    return found


def without(table: Any, lost: np.ndarray) -> Any:
    """The table with NaN for every measured number of these seeds; arrays stay as they are."""
    if not isinstance(table, pl.DataFrame):
        return table
    dead = pl.col("init_seed").is_in(lost.tolist())
    floats = [name for name, kind in table.schema.items() if kind.is_float()]
    return table.with_columns(
        pl.when(dead).then(float("nan")).otherwise(pl.col(n)).alias(n) for n in floats
    )
