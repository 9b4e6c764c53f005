"""Progress measures of the study ``grokking``: what frequencies hold of a network, and times."""

import dataclasses
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import polars as pl
from jax import Array

from toylab.population import Population
from toylab.stats.survival import crossing_times
from toylab.taps import run as run_model
from toylab.tasks.grokking.theory import fourier

REACHED = 0.99  # accuracy at which a set counts as learned
EXPLAINED = 0.85  # share of a neuron's variance that its best frequency explains
TABLE = "blocks/0/mlp/post"


def inside(pop: Population, params: Any, split_seed: Array) -> dict[str, Array]:
    """Run one member over the whole table: logits, and what frequencies hold of each part."""
    task = dataclasses.replace(pop.task, split_seed=split_seed)  # pyright: ignore
    whole = task.enumerate()
    x, y = whole.latents["x"], whole.latents["y"]
    logits, acts = run_model(pop.model, params, whole.inputs, record=(TABLE,))
    output_CF = (params["blocks"]["0"]["mlp"]["down"]["kernel"] @ params["unembed"]["kernel"]).T
    return {
        "logits": logits,
        "train": whole.latents["train"],
        "neurons": fourier.neuron_shares(acts[TABLE][:, 0], x, y, task.p),
        "cosines": fourier.cosine_shares(logits, whole.targets),
        "embedding": fourier.spectrum(params["embed"]["embedding"][: task.p]),
        "output": fourier.spectrum(output_CF),
        "squares": sum(jnp.sum(leaf**2) for leaf in jax.tree.leaves(params)),
    }


def progress(
    pop: Population, look: dict[str, Array], key_K: Array, other_K: Array
) -> dict[str, Array]:
    """The progress measures of one member, and what they give for other frequencies.

    The restricted loss takes its cosines' weights from the held-out pairs: from all pairs, as in
    the paper, a network that has only memorised has half a uniform guess's loss or less.
    """
    answers = np.asarray(pop.task.table()[1])  # pyright: ignore
    logits, train = look["logits"], look["train"]
    every = jnp.ones(len(answers), bool)
    loss = lambda logits, pairs: fourier.loss_on(logits, answers, pairs)
    circuit = lambda key: loss(fourier.cosine_logits(logits, answers, key, ~train), every)
    only = fourier.restricted(logits, answers, key_K)
    without, without_others = (fourier.excluded(logits, answers, k) for k in (key_K, other_K))
    return {
        "train_loss": loss(logits, train),
        "test_loss": loss(logits, ~train),
        "restricted": circuit(key_K),
        "restricted_others": circuit(other_K),
        "excluded": loss(without, train),
        "excluded_others": loss(without_others, train),
        "test_only": loss(only, ~train),
        "test_without": loss(without, ~train),
        "test_without_others": loss(without_others, ~train),
        "cosine_share": jnp.sum(jnp.where(key_K, look["cosines"], 0.0)),
        "neuron_share": jnp.mean((jnp.max(look["neurons"], -1) > EXPLAINED).astype(jnp.float32)),
        "gini_embedding": fourier.gini(look["embedding"]),
        "gini_output": fourier.gini(look["output"]),
        "squares": look["squares"],
        "n_key": jnp.sum(key_K.astype(jnp.float32)),
        "uniform": jnp.float32(pop.task.uniform_loss()),
    }


def times(table: pl.DataFrame) -> pl.DataFrame:
    """When each member memorised, began to clean up and generalised; the last seen if it did not.

    Memorised and generalised: accuracy of 99% on training and test set. Clean-up begins when the
    test loss has fallen to half of its peak.

    Args:
        table: as :func:`curves` gives it.
    """
    rows = []
    for (member,), one in table.group_by("member", maintain_order=True):
        step = one["step"].to_numpy()
        labels = ("init_seed", "weight_decay", "diverged")
        found: dict[str, Any] = {"member": member} | {n: one[n][0] for n in labels}
        for name, column in (("memorised", "train_accuracy"), ("generalised", "test_accuracy")):
            time, event = crossing_times(step, one[column].to_numpy()[None], REACHED)
            found |= {name: float(time[0]), f"has_{name}": bool(event[0])}
        loss = one["test_loss"].to_numpy()
        peak = int(np.where(np.isnan(loss), -np.inf, loss).argmax())
        fallen = np.flatnonzero(loss[peak:] < 0.5 * loss[peak])
        found["cleanup"] = float(step[peak + fallen[0]]) if len(fallen) else float(step[-1])
        rows.append(found)
    return pl.DataFrame(rows)
