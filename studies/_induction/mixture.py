"""Part 4: labels of mixture items, copied from the context or kept in the weights."""

import dataclasses
from typing import Any

import jax.numpy as jnp
import polars as pl
from jax import Array

from studies._induction.curves import curves
from studies._induction.vector_attention import VectorAttention
from tasks.mixture_labels import MixtureLabels
from toylab.losses import cross_entropy
from toylab.members import Members, zipped
from toylab.optim import AdamW
from toylab.population import Population
from toylab.random import stream
from toylab.store import RunFolder
from toylab.taps import Model, Params
from toylab.task import Task

ARMS = ("least", "classes", "middle", "bursts", "most")  # of bursts and of classes
# What the context and the weights can tell of: fresh means, moved labels, an absent class.
TESTS = {"in_context": {"novel": 1.0}, "swapped": {"swapped": 1.0}, "in_weights": {"absent": 1.0}}


def populations(config: Any) -> dict[str, Population]:
    """One network per seed and arm: burstiness and number of classes are member columns."""
    task = MixtureLabels(
        n_labels=config.labels,
        max_classes=max(config.classes),
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
            metrics=Watch(4 * config.evaluation),
            record_every=max(1, steps // config.records),
            snapshots=(0,),
        )
    }


def arms(config: Any) -> Members:
    """Every arm (copies, classes) with every seed, which is the seed of its world too."""
    pairs = zip(config.copies, config.classes, strict=True)
    rows = [(b, k, seed) for b, k in pairs for seed in range(config.seeds)]
    copies, classes, seed = zip(*rows, strict=True)
    return zipped(init_seed=seed, data_seed=seed, world=seed, copies=copies, n_classes=classes)


@dataclasses.dataclass(frozen=True)
class Watch:
    """Accuracies of one network on sequences common to all records.

    Attributes:
        size: number of sequences of each test.
    """

    size: int

    def __call__(self, model: Model, params: Params, task: Task) -> dict[str, Array]:
        """Accuracy of each test, and of naming a random label of the context (``picked``)."""
        assert isinstance(task, MixtureLabels)
        found = {}
        for name, change in TESTS.items():
            batch = dataclasses.replace(task, **change).batch(stream(0, name), self.size)
            right_B = model.apply(params, batch.inputs).argmax(-1) == batch.targets
            found[name] = right_B.astype(jnp.float32).mean()
            if name == "in_context":
                same_BN = batch.latents["labels"] == batch.targets[:, None]
                found["picked"] = same_BN.astype(jnp.float32).mean()
        return found


def measure(config: Any, folder: RunFolder) -> dict[str, pl.DataFrame]:
    """Accuracies over training, arm by arm."""
    pairs = zip(ARMS, config.copies, config.classes, strict=True)
    names = [{"arm": a, "copies": float(b), "n_classes": float(k)} for a, b, k in pairs]
    table = curves(folder, "mixture").join(pl.DataFrame(names), on=["copies", "n_classes"])
    skill = (pl.col("in_context") - pl.col("picked")) / (1 - pl.col("picked"))
    return {"mixture": table.with_columns(skill=skill)}
