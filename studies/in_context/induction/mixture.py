"""Part 4: labels of mixture items, copied from the context or kept in the weights."""

import dataclasses
from typing import Any

import jax
import jax.numpy as jnp
import polars as pl
from jax import Array

from toylab.losses import cross_entropy
from toylab.members import Members, zipped
from toylab.models.toys.vector_attention import VectorAttention
from toylab.optim import AdamW
from toylab.population import Population
from toylab.random import stream
from toylab.runs.records import records
from toylab.runs.run_folder import RunFolder
from toylab.taps import Model, Params
from toylab.task import Task
from toylab.tasks.in_context.mixture_labels import MixtureLabels

ARMS = ("least", "classes", "middle", "bursts", "most")  # of bursts and of classes
MIDDLE = ARMS.index("middle")
# Sequences that are novel, swapped and absent, in the task's words.
TESTS = ("in_context", "swapped", "in_weights")


def populations(config: Any) -> dict[str, Population]:
    """One network per seed and arm: burstiness and number of classes are member columns."""
    task = MixtureLabels(
        n_labels=config.labels,
        pairs=config.pairs,
        dim=config.item_dim,
        n_places=config.places,
    )
    steps = config.mixture_steps
    return {
        "mixture": Population(
            model=VectorAttention(task.width, config.labels, hidden=config.hidden),
            task=task,
            members=arms(config),
            optimizer=AdamW(config.mixture_rate, 0.0),
            steps=steps,
            batch_size=config.mixture_batch,
            loss=cross_entropy,
            metrics=Watch(4 * config.evaluation, config.copies[MIDDLE], config.classes[MIDDLE]),
            record_every=max(1, steps // config.records),
            snapshots=(0,),
        )
    }


def arms(config: Any) -> Members:
    """Every arm (copies, classes) with every seed, which is the seed of its world too."""
    pairs = zip(config.copies, config.classes, strict=True)
    rows = [(b, k, seed) for b, k in pairs for seed in range(config.mixture_seeds)]
    copies, classes, seed = zip(*rows, strict=True)
    return zipped(init_seed=seed, data_seed=seed, world=seed, copies=copies, n_classes=classes)


@dataclasses.dataclass(frozen=True)
class Watch:
    """Accuracies of one network on sequences common to all records.

    Arms differ in training only: every test has the same burstiness, and that of new classes is
    the same sequences. The other two are about the classes that the arm was trained on.

    Attributes:
        size: number of sequences of each test.
        copies: burstiness of every test.
        n_classes: classes whose labels the new classes bear.
    """

    size: int
    copies: int
    n_classes: int

    def __call__(self, model: Model, params: Params, task: Task) -> dict[str, Array]:
        """Accuracy of each test, and of naming a random label of the context (``picked``)."""
        assert isinstance(task, MixtureLabels)

        def test(flags_3: Array, key: Array) -> tuple[Array, Array]:
            novel, swapped, absent = flags_3
            own = jnp.asarray(task.n_classes, jnp.float32)
            world = dataclasses.replace(
                task,
                novel=novel,
                swapped=swapped,
                absent=absent,
                copies=self.copies,
                n_classes=jnp.where(novel > 0.5, jnp.float32(self.n_classes), own),
            )
            batch = world.batch(key, self.size)
            right_B = model.apply(params, batch.inputs).argmax(-1) == batch.targets
            same_BN = batch.latents["labels"] == batch.targets[:, None]
            return right_B.astype(jnp.float32).mean(), same_BN.astype(jnp.float32).mean()

        keys = jnp.stack([stream(0, name) for name in TESTS])
        right_T, same_T = jax.vmap(test)(jnp.eye(len(TESTS), dtype=jnp.float32), keys)
        return dict(zip(TESTS, right_T, strict=True)) | {"picked": same_T[0]}


def measure(config: Any, folder: RunFolder) -> dict[str, pl.DataFrame]:
    """Accuracies over training, arm by arm."""
    pairs = zip(ARMS, config.copies, config.classes, strict=True)
    names = [{"arm": a, "copies": float(b), "n_classes": float(k)} for a, b, k in pairs]
    table = records(folder, "mixture").join(pl.DataFrame(names), on=["copies", "n_classes"])
    skill = (pl.col("in_context") - pl.col("picked")) / (1 - pl.col("picked"))
    return {"mixture": table.with_columns(skill=skill)}
