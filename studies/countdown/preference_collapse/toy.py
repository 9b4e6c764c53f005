"""The toy policy while it learns: what is recorded of it, and the tables made of that."""

import math
from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import polars as pl
from jax import Array

from toylab.models.toys.policy import Policy
from toylab.population import Population
from toylab.rl.preference import pair_log_probs
from toylab.runs.run_folder import RunFolder
from toylab.taps import Params
from toylab.task import Task
from toylab.tasks.countdown.preferences import Answers, Preferences

BETA = 0.1
TABLES = 1_000  # added to the seed of a member that is a table of free logits
LABELS = ("arm", "init_seed", "chosen_likely", "rejected_likely", "diverged")


def probabilities(model: Policy, params: Params, task: Task) -> Mapping[str, Array]:
    """Probabilities, logits and derivatives, averaged over prompts (or pairs).

    ========== ================================================================================
    chosen     probability of the prompt's two chosen responses together; rejected, unseen alike
    raw_chosen mean logit of a chosen response; raw_rejected, raw_unseen alike
    d_chosen   mean over pairs of log10 ``|dl/dp(chosen)|``, plain DPO; d_rejected alike
    distance   total variation distance from the given reference (before DPO)
    ========== ================================================================================
    """
    if not isinstance(task, Preferences):
        return {"distance": _distance(model, params, task)}
    pairs = task.enumerate()
    logits_PR = model.apply(params, jnp.eye(task.prompts, dtype=jnp.float32))
    p_PR = jax.nn.softmax(logits_PR, axis=-1)
    target_P22 = pairs.targets.reshape(task.prompts, 2, 2)  # prompt, pair, (chosen, rejected)
    hot_P2R = jax.nn.one_hot(target_P22, task.responses, dtype=jnp.float32).sum(1)
    kinds_P3R = jnp.concatenate([hot_P2R, 1 - hot_P2R.sum(1, keepdims=True)], axis=1)
    mass_3 = jnp.einsum("pkr,pr->k", kinds_P3R, p_PR) / task.prompts
    raw_3 = jnp.einsum("pkr,pr->k", kinds_P3R, logits_PR) / kinds_P3R.sum((0, 2))
    names = ("chosen", "rejected", "unseen")
    found = dict(zip(names, mass_3, strict=True))
    found |= dict(zip([f"raw_{n}" for n in names], raw_3, strict=True))
    logp_B2 = pair_log_probs(model, params, pairs)
    reward_B2 = BETA * (logp_B2 - jnp.log(pairs.latents["reference"]))
    # dl/dr is the same for both but for its sign, and dr/dp = beta / p.
    slope_B = jax.nn.log_sigmoid(reward_B2[:, 1] - reward_B2[:, 0])
    size_2 = (slope_B[:, None] - logp_B2).mean(0) + math.log(BETA)
    return found | dict(zip(("d_chosen", "d_rejected"), size_2 / math.log(10), strict=True))


def _distance(model: Policy, params: Params, task: Task) -> Array:
    """Half the summed difference between the policy and the given distribution."""
    assert isinstance(task, Answers)
    rows = task.enumerate()
    p_BR = jax.nn.softmax(model.apply(params, rows.inputs), axis=-1)
    p_B = jnp.take_along_axis(p_BR, rows.targets[:, None], axis=1)[:, 0]
    return jnp.abs(p_B - rows.weights / task.responses).sum() / (2 * task.prompts)


def toy_tables(run: RunFolder, population: Population, arms: list[str]) -> dict[str, pl.DataFrame]:
    """The toy's curves, and per member its end, its start and the peak of the chosen.

    Args:
        run: the trained run.
        population: the policies.
        arms: the name of each member's arm.
    """
    labels = run.members("policy").with_columns(
        pl.Series("arm", arms),
        pl.col("init_seed") % TABLES,
        diverged=pl.Series(run.dead_at("policy") >= 0),
    )
    labels = labels.select("member", *LABELS)
    long = run.metrics().filter(pl.col("population") == "policy")
    later = long.pivot(on="name", index=["member", "step"], values="value").drop("loss")
    curves = pl.concat([_first(run, population, later.columns), later]).sort("member", "step")
    numbers = [c for c in later.columns if c not in ("member", "step")]
    ends = curves.group_by("member", maintain_order=True).agg(
        *(pl.col(n).last() for n in numbers),
        *(pl.col(n).first().alias(f"{n}_start") for n in numbers),
        pl.col("chosen").max().alias("peak"),
    )
    ends = labels.join(ends, on="member").join(_distances(run), on="init_seed", how="left")
    return {"toy": ends, "curves": labels.join(curves, on="member")}


def _first(run: RunFolder, population: Population, names: list[str]) -> pl.DataFrame:
    """The curves at step 0."""

    def one(params: Params, row: dict[str, Any]) -> Any:
        bound = population.bind(row)
        return probabilities(bound.model, params, bound.task)  # pyright: ignore[reportArgumentType]

    kind = lambda name: np.uint32 if name.endswith("_seed") else np.float32
    rows = {n: c.astype(kind(n)) for n, c in population.members.columns.items()}
    found = jax.device_get(jax.jit(jax.vmap(one))(run.params("policy", 0), rows))
    places = {"member": np.arange(len(population.members)), "step": np.zeros(population.size, int)}
    whole = pl.col("member", "step").cast(pl.Int64)
    return pl.DataFrame(places | found).with_columns(whole).select(names)


def _distances(run: RunFolder) -> pl.DataFrame:
    """How far each seed's reference network is from the given distribution."""
    last = run.metrics().filter(population="reference", name="distance")
    last = last.filter(pl.col("step") == pl.col("step").max())
    members = run.members("reference").filter(pl.col("free") == 0)
    return last.join(members, on="member").select("init_seed", pl.col("value").alias("distance"))
