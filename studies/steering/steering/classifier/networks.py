"""Settings of the classifier half, its networks, and the scenes on which they are measured.

Scenes: a perceptron learns four rules, with a cue that says which is asked for, first for a while
(``before``), then on (``mixed``), or on one rule alone (one network per rule). Task arithmetic is
about these; the other methods look at the mixed network. Equality: a perceptron of three layers of
width 16, as in the tutorial of pyvene, in fewer examples.

S seeds, N scenes, R rules.
"""

import dataclasses
import functools
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from toylab.errors import check_number
from toylab.losses import cross_entropy
from toylab.members import grid, seeds
from toylab.models.mlp import MLP
from toylab.optim import AdamW, cosine
from toylab.population import Population
from toylab.runs.run_folder import RunFolder
from toylab.taps import Edit, Params, run
from toylab.tasks.steering.equality import HierarchicalEquality
from toylab.tasks.steering.scenes import RULES, Scenes, cued

JUDGED = 101  # seed of the scenes that are judged
Split = tuple[Array, Array]  # pictures (N, 192), answers under all rules (N, R)


@dataclasses.dataclass(frozen=True, kw_only=True)
class ClassifierConfig:
    """Settings of the classifier half; laptop values."""

    seeds: int = 8
    toy_hidden: tuple[int, ...] = (128, 64)
    toy_before_steps: int = 500
    toy_steps: int = 2_000
    toy_batch: int = 128
    toy_learning_rate: float = 2e-3
    toy_equality_steps: int = 4_000
    toy_equality_batch: int = 512
    toy_equality_rate: float = 5e-3
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
    after = AdamW(rate, 0.0, schedule=cosine(config.toy_steps, floor=0.01))
    decay = cosine(config.toy_equality_steps, floor=0.01)
    return {
        "toy_scenes": Population(
            members=members,
            optimizer=AdamW(rate, 0.0),
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
            optimizer=AdamW(config.toy_equality_rate, 0.0, schedule=decay),
            steps=config.toy_equality_steps,
            batch_size=config.toy_equality_batch,
            loss=cross_entropy,
            snapshots=(0,),
        ),
    }


def scene_nets(config: ClassifierConfig, run: RunFolder) -> SceneNets:
    """The run's networks on scenes."""
    # Seeds vary slowest: rows of one seed are the mixed network and those of the four rules.
    split = lambda leaf: leaf.reshape(config.seeds, 1 + len(RULES), *leaf.shape[1:])
    by_rule = jax.tree.map(split, run.params("toy_tuned"))
    mixed, *tuned = (
        jax.tree.map(lambda leaf, i=i: leaf[:, i], by_rule) for i in range(1 + len(RULES))
    )
    return SceneNets(run.params("toy_scenes", 0), run.params("toy_scenes"), mixed, tuned)


@functools.partial(jax.jit, static_argnums=0)
def _sample(n: int) -> dict[str, Array]:
    batch = Scenes().batch(jax.random.key(JUDGED), n)
    return batch.latents | {"pictures": batch.inputs[:, : -len(RULES)]}


def sample_scenes(n: int) -> dict[str, np.ndarray]:
    """Pictures (N, 192) and latents of the scenes on which everything is measured."""
    return {name: np.asarray(leaf) for name, leaf in _sample(n).items()}


def hidden_sites(model: MLP) -> tuple[str, ...]:
    """Post-activations of every hidden layer."""
    return tuple(site for site in model.sites if site.endswith("/post"))


def accuracies(
    model: MLP, params: Params, pictures: Array, labels: Array, edits: tuple[Edit, ...] = ()
) -> Array:
    """Accuracy of one network on each rule, (R,), asked for by its cue."""

    def one(rule: Array, label: Array) -> Array:
        asked = cued(pictures, jnp.full(len(pictures), rule))
        logits = run(model, params, asked, edits=edits)[0]
        return jnp.mean((logits.argmax(-1) == label).astype(jnp.float32))

    return jax.vmap(one)(jnp.arange(len(RULES), dtype=jnp.int32), labels.T)
