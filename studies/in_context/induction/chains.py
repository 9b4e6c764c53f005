"""Part 2: networks on in-context Markov chains pass from uniform to unigram to bigram."""

import dataclasses
import itertools
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import polars as pl
from jax import Array
from jaxtyping import Float

from toylab.losses import cross_entropy
from toylab.members import grid, seeds
from toylab.models import Transformer
from toylab.optim import AdamW
from toylab.population import Population, ladder
from toylab.random import stream
from toylab.runs.records import records
from toylab.runs.run_folder import RunFolder
from toylab.taps import Model, Params
from toylab.task import Batch, Task
from toylab.tasks.in_context.markov_chains import MarkovChains

PREDICTORS = ("uniform", "unigram", "bigram")
WORLDS = {"chains": 2, "chains-one-layer": 1}
COMPARED = (*itertools.product(PREDICTORS, PREDICTORS), ("unigram", "between"))
SHARES = np.linspace(0, 1, 51, dtype=np.float32)  # of the bigram counter, the rest uniform
EARLY = 24  # snapshots, log-spaced, for the records they bring


def populations(config: Any) -> dict[str, Population]:
    """Two layers on chains and on balanced chains, which unigrams tell nothing of; and one."""
    steps = config.chain_steps
    members = {2: seeds(config.seeds) * grid(balanced=(0, 1)), 1: seeds(config.seeds)}
    return {
        name: Population(
            model=Transformer(
                vocab=config.states,
                length=config.chain_length,
                width=config.chain_width,
                depth=depth,
                heads=1,
                positions="rope",
            ),
            task=MarkovChains(config.states, config.chain_length),
            members=members[depth],
            optimizer=AdamW(config.chain_rate, 0.0),
            steps=steps,
            batch_size=config.batch_size,
            loss=cross_entropy,
            metrics=Watch(2 * config.evaluation),
            record_every=max(1, steps // config.records),
            snapshots=ladder(steps, min(EARLY, config.records)),
        )
        for name, depth in WORLDS.items()
    }


@dataclasses.dataclass(frozen=True)
class Watch:
    """Mean KL divergence from each predictor to the network, on chains common to all records.

    Attributes:
        size: number of sequences.
    """

    size: int

    def __call__(self, model: Model, params: Params, task: Task) -> dict[str, Array]:
        """``mean_t sum_v r_t[v] log(r_t[v] / q_t[v])``, nats, for each predictor r."""
        assert isinstance(task, MarkovChains)
        batch = common(task, self.size)
        log_q = jax.nn.log_softmax(model.apply(params, batch.inputs))
        return {name: divergence(getattr(task, name)(batch), log_q) for name in PREDICTORS}


def common(task: MarkovChains, size: int) -> Batch:
    """Sequences on which divergences are taken."""
    return task.batch(stream(0, "chains, common batch"), size)


def divergence(p_BLV: Float[Array, "B L V"], log_q_BLV: Float[Array, "B L V"]) -> Array:
    """Mean over positions of ``KL(p || q)`` in nats."""
    return jnp.mean(jnp.sum(p_BLV * (jnp.log(p_BLV) - log_q_BLV), -1))


def measure(config: Any, folder: RunFolder) -> dict[str, pl.DataFrame]:
    """Divergences over training, and of the predictors from each other."""
    tables = [records(folder, name).with_columns(layers=depth) for name, depth in WORLDS.items()]
    table = pl.concat(tables, how="diagonal").with_columns(pl.col("balanced").fill_null(0.0))
    return {"chains": table, "chains_predictors": references(config)}


def references(config: Any) -> pl.DataFrame:
    """Divergence of every predictor from every other, in both worlds.

    And ``min_lambda KL(unigram || (1 - lambda) uniform + lambda bigram)``, to ``between``: how near
    to the unigram counter one comes on the straight way from uniform to bigram.
    """

    def divergences(task: MarkovChains) -> list[Array]:
        batch = common(task, 2 * config.evaluation)
        p = {name: getattr(task, name)(batch) for name in PREDICTORS}
        mixed = lambda share: (1 - share) * p["uniform"] + share * p["bigram"]
        to_mixed = lambda share: divergence(p["unigram"], jnp.log(mixed(share)))
        pairs = [divergence(p[of], jnp.log(p[to])) for of, to in COMPARED[:-1]]
        return [*pairs, jax.vmap(to_mixed)(SHARES).min()]

    rows = []
    for balanced in (0.0, 1.0):
        task = MarkovChains(config.states, config.chain_length, balanced)
        values = jax.jit(lambda task=task: divergences(task))()
        rows += [(balanced, *pair, float(v)) for pair, v in zip(COMPARED, values, strict=True)]
    return pl.DataFrame(rows, ["balanced", "of", "to", "divergence"], orient="row")
