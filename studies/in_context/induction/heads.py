"""Part 1: induction heads form in two attention layers and not in one."""

import dataclasses
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import polars as pl
from jax import Array

from toylab.analysis.heads import induction_score, previous_token_score
from toylab.change import head, run_changes, zero
from toylab.losses import cross_entropy, cross_entropy_from_logits
from toylab.members import seeds
from toylab.models import Transformer
from toylab.optim import AdamW, cosine
from toylab.population import Population
from toylab.random import stream
from toylab.runs.records import records
from toylab.runs.run_folder import RunFolder
from toylab.taps import Model, Params, run
from toylab.task import Batch, Task
from toylab.tasks.in_context.repeats import Repeats

DEPTHS = {"two-layer": 2, "one-layer": 1}
PATTERNS = ("blocks/*/attn/pattern",)


def populations(config: Any) -> dict[str, Population]:
    """Attention-only networks of two layers and of one."""
    periods = (config.shortest, config.longest)
    task = Repeats(config.tokens, config.repeat_length, *periods, lead=config.lead)
    steps = config.repeat_steps
    schedule = cosine(steps, warmup=max(1, steps // 20), floor=0.1)
    return {
        name: Population(
            model=Transformer(
                vocab=config.tokens,
                length=config.repeat_length,
                width=config.repeat_width,
                depth=depth,
                heads=config.repeat_heads,
                positions="rope",
                norm="rms",
            ),
            task=task,
            members=seeds(config.seeds),
            optimizer=AdamW(config.repeat_rate, 0.01, b2=0.98, schedule=schedule),
            steps=steps,
            batch_size=config.batch_size,
            loss=cross_entropy,
            metrics=Watch(config.evaluation),
            record_every=max(1, steps // config.records),
            snapshots=(0,),
        )
        for name, depth in DEPTHS.items()
    }


@dataclasses.dataclass(frozen=True)
class Watch:
    """Scalars of one network on the same sequences at every record.

    Attributes:
        size: number of sequences.
    """

    size: int

    def __call__(self, model: Model, params: Params, task: Task) -> dict[str, Array]:
        """Best induction and previous-token score of any head; loss and accuracy of copies."""
        induction_H, previous_H = scores(model, params, task, self.size)
        best = {"induction": induction_H.max(), "previous": previous_H.max()}
        batch = drawn(task, self.size)
        return best | copied(run(model, params, batch.inputs)[0], batch)


def drawn(task: Any, size: int) -> Batch:
    """Sequences of the world, on which copies are judged."""
    return task.batch(stream(0, "induction, common batch"), size)


def scores(model: Model, params: Params, task: Any, size: int) -> tuple[Array, Array]:
    """Induction and previous-token scores of every head, layer after layer.

    On sequences of the longest period without a lead, so that copies are at one distance.
    """
    plain = dataclasses.replace(task, shortest=task.longest, lead=0)
    acts = run(model, params, drawn(plain, size).inputs, record=PATTERNS)[1]
    every_BHLL = jnp.concatenate(list(acts.values()), 1)
    induction_BH = induction_score(every_BHLL, task.longest)
    return induction_BH.mean(0), previous_token_score(every_BHLL).mean(0)


def copied(logits: Array, batch: Batch) -> dict[str, Array]:
    """Loss and accuracy on tokens that the context decides."""
    nats = cross_entropy_from_logits(logits, batch.targets)
    right = (logits.argmax(-1) == batch.targets).astype(jnp.float32)
    mean = lambda values: jnp.sum(values * batch.weights) / jnp.sum(batch.weights)
    return {"copy_loss": mean(nats), "accuracy": mean(right)}


def measure(config: Any, folder: RunFolder) -> dict[str, pl.DataFrame]:
    """Curves of both populations, and each head's scores and what is lost without it."""
    every = populations(config)
    tables = [records(folder, name).with_columns(layers=pl.lit(d)) for name, d in DEPTHS.items()]
    heads = [_heads(config, folder, name, every[name]) for name in DEPTHS]
    return {"repeats": pl.concat(tables), "repeats_heads": pl.concat(heads)}


def even_score(config: Any) -> float:
    """Induction score of uniform attention."""
    length = config.repeat_length
    even_LL = np.tril(np.ones((length, length))) / np.arange(1, length + 1)[:, None]
    score = induction_score(jnp.asarray(even_LL, jnp.float32)[None], config.longest)
    return float(np.asarray(score)[0])


def _heads(config: Any, folder: RunFolder, name: str, population: Population) -> pl.DataFrame:
    """Scores of every head, trained and not, and the accuracy without it."""
    model = population.model
    assert isinstance(model, Transformer)
    size, task = config.evaluation, population.task
    scored = jax.jit(jax.vmap(lambda params: scores(model, params, task, size)))
    stages = {"": folder.params(name), "_untrained": folder.params(name, 0)}
    found = {when: scored(params) for when, params in stages.items()}
    batch = jax.jit(lambda: drawn(task, size))()
    members = folder.members(name).select("init_seed", diverged=folder.dead_at(name) >= 0)
    layer_H = np.repeat(np.arange(model.depth), model.heads)
    places = pl.DataFrame({"layer": layer_H, "head": np.arange(len(layer_H))})
    wide = lambda values: pl.Series(np.asarray(values, np.float64).ravel())
    return members.join(places, how="cross").with_columns(
        layers=model.depth,
        accuracy_without=wide(_without_each(model, folder.params(name), batch)),
        induction_even=even_score(config),
        **{f"induction{when}": wide(pair[0]) for when, pair in found.items()},
        **{f"previous{when}": wide(pair[1]) for when, pair in found.items()},
    )


def _without_each(model: Transformer, params_P: Params, batch: Batch) -> Array:
    """Accuracy (P, H) on copied tokens with each head of a network ablated in turn."""
    every = [zero(head(i, j)) for i in range(model.depth) for j in range(model.heads)]
    read = lambda logits, acts: copied(logits, batch)["accuracy"]
    return run_changes(model, params_P, batch.inputs, every, read).T
