"""Scores of policies, of a round's data, of refiners, and of the best of many samples.

Shapes: P networks, B prompts, K samples of each, S tokens of a list, W words, V tokens.
"""

import dataclasses
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import polars as pl
from jax import Array

from toylab.models import Transformer
from toylab.models.sampling import generate
from toylab.read.networks import networks
from toylab.read.tables import labelled, long_table
from toylab.rl.drift import drift_among
from toylab.rl.language_feedback import OWN, REFINED
from toylab.rl.policy_gradient import until_stop
from toylab.runs.run_folder import RunFolder
from toylab.tasks.language_feedback.taste import ANOTHERS, GUESSED, TRUE, Comparisons, Taste
from toylab.train.fast_compile import compiler_options
from toylab.trees import in_tiles

JUDGED, ROUND, BEST = 61, 62, 63  # seeds of what is drawn to be measured
KINDS = {"guessed": GUESSED, "true": TRUE, "another's": ANOTHERS}


def mapped(call: Any, *trees: Any) -> dict[str, np.ndarray]:
    """Call a function of one network on every network, compiled once."""
    every = lambda parts: in_tiles(lambda one: call(*one), parts)
    found = jax.jit(every, compiler_options=compiler_options())(trees)
    return {name: np.asarray(value, np.float64) for name, value in found.items()}


def policy_score(model: Transformer, world: Taste, size: int) -> Callable[..., dict[str, Array]]:
    """Return what scores a policy, ``f(params, first params, world_seed) -> {name: number}``.

    Means over lists: ``unwanted`` and ``wanted`` words, ``clean``, no unwanted word; ``sound``;
    ``nats``, whose mean is the policy's entropy; ``drift``, KL per place of words among wanted ones
    from the first policy's law. A network whose numbers are not finite has no score.
    """

    def score(params: Any, first: Any, seed: Array) -> dict[str, Array]:
        own = dataclasses.replace(world, world_seed=seed)
        asked = own.asked(size, JUDGED)
        rules = (own.length, jax.random.key(JUDGED), 1.0, own.end, own.pad)
        answers_BS, logp_BS = generate(model, params, asked.inputs, *rules)
        counts = own.counts(answers_BS, asked)
        counts["clean"] = (counts["unwanted"] == 0).astype(jnp.float32)
        told = {name: value.mean() for name, value in counts.items()}
        told["nats"] = -logp_BS.sum(1).mean()
        whole_BS = jnp.concatenate([asked.inputs, answers_BS[:, :-1]], 1)
        among = (own.wanted_of(asked), until_stop(answers_BS, own.end))
        told["drift"] = drift_among(model, params, first, whole_BS, *among)
        return _sound(told, told["nats"] + told["drift"])

    return score


joined = lambda trees: jax.tree.map(lambda *leaves: np.concatenate(leaves), *trees)


def policy_rows(config: Any, run: RunFolder, names: np.ndarray) -> pl.DataFrame:
    """One row per policy and round: every arm, and GRPO."""
    trees, firsts, labels = [], [], []
    for population, arms in (("ilf", names), ("grpo", np.repeat("grpo", config.seeds))):
        about = networks(run, population)
        label = about.select("world_seed", "diverged", init_seed="data_seed")
        for step in run.steps(population):
            trees.append(run.params(population, step))
            firsts.append(run.params(population, 0))
            own = label.with_columns(arm=pl.Series(arms))
            labels.append(labelled(own, round=step // config.round_steps))
    rows = pl.concat(labels)
    score = policy_score(config.model(), config.taste(), config.judged)
    world_P = rows["world_seed"].to_numpy().astype(np.uint32)
    found = mapped(score, joined(trees), joined(firsts), world_P)
    return rows.drop("world_seed").hstack(pl.DataFrame(found))


def data_rows(config: Any, run: RunFolder) -> pl.DataFrame:
    """What the first round of each seed's best refiner gives to imitate: one row per kind.

    Kinds are those of feedback, and "verdicts", own outputs chosen by verdicts. ``first`` and
    ``chosen`` are shares of criticised lists whose first refinement, or the one that the judge
    chose, has none of the words left that *true* feedback names. ``unwanted``, ``wanted`` and
    ``clean`` are of what is imitated; ``law`` is the share that verdicts should leave clean.
    """
    members = networks(run, "first").filter(pl.col("member") < config.seeds)
    params = jax.tree.map(lambda leaf: leaf[: config.seeds], run.params("first"))
    found = mapped(lambda *one: _first_round(config, *one), params, worlds(run))
    axes = {"init_seed": members["init_seed"].to_numpy(), "kind": (*KINDS, "verdicts")}
    label = members.select("init_seed", "diverged")
    return long_table(axes, **found).join(label, on="init_seed", maintain_order="left")


def worlds(run: RunFolder) -> np.ndarray:
    """Seed of the world of every seed's networks, (P,): who reads, and the topics."""
    return run.members("judge")["world_seed"].to_numpy().astype(np.uint32)


def _first_round(config: Any, params: Any, seed: Array) -> dict[str, Array]:
    """Scores of one network's first round, (C,) for the kinds, then verdicts."""
    world = dataclasses.replace(config.taste(), world_seed=seed)
    asked = world.asked(config.judged // world.topics * world.topics, ROUND)
    loss = config.feedback(reference=params, behaviour=params)

    def draw(kind: Array, source: Array, error: Array) -> dict[str, Array]:
        own = dataclasses.replace(loss, feedback=kind, source=source, error=error)
        return own.draw(config.model(), asked)

    each = [(kind, REFINED, config.error) for kind in KINDS.values()] + [(TRUE, OWN, 0.0)]
    told = jax.vmap(draw)(*jnp.asarray(each, jnp.float32).T)
    truth_BF, criticised_B = told["said"][TRUE], ~told["silent"][TRUE]
    share = lambda right_B: (right_B & criticised_B).sum() / criticised_B.sum()
    heeds = jax.vmap(lambda answers: share(world.incorporates(answers, truth_BF)))
    counts = jax.vmap(lambda answers: world.counts(answers, asked))(told["imitated"])
    scores = {"first": heeds(told["refined"][:, :, 0]), "chosen": heeds(told["imitated"])}
    scores |= {name: counts[name].mean(1) for name in ("unwanted", "wanted")}
    scores["clean"] = (counts["unwanted"] == 0).mean(1)
    clean_KB = jax.vmap(lambda a: world.pleases(a, asked), 1)(told["own"][0])
    # The law of the best of K by topic, as a policy knows which it writes about.
    clean_T = clean_KB.reshape(config.samples, -1, world.topics).mean((0, 1))
    scores["law"] = jnp.full(len(each), (1 - (1 - clean_T) ** config.samples).mean())
    return _sound(scores, sum(leaf.sum() for leaf in jax.tree.leaves(params)))


def _sound(scores: dict[str, Array], of: Any) -> dict[str, Array]:
    """Scores, or NaN where a number that they rest on is not finite."""
    sound = jnp.isfinite(of)
    return {n: jnp.where(sound, v.astype(jnp.float32), jnp.nan) for n, v in scores.items()}


def refiner_rows(config: Any, run: RunFolder, worse: int) -> pl.DataFrame:
    """One row per network before feedback: how often its greedy answers to requests are right.

    ``exact`` is of requests that leave a word: where all are named, even one who always answers
    with an empty list is right. ``empty`` is the share of such answers to the others.
    """
    world, model = config.world(), config.model()
    cells = world.cells(config.cells, ROUND)
    leaves = np.flatnonzero(cells["names"] < cells["words"])
    request, answer = (jnp.asarray(cells[name][leaves]) for name in ("request", "answer"))

    def one(params: Any) -> dict[str, Array]:
        rules = (world.length, jax.random.key(0), 0.0, world.end, world.pad)
        told, logp = generate(model, params, request, *rules)
        exact, empty = (told == answer).all(1).mean(), (told[:, 1] == world.end).mean()
        return _sound({"exact": exact, "empty": empty}, logp.sum())

    columns = {"skill": pl.col("init_seed") // worse, "init_seed": pl.col("init_seed") % worse}
    found = pl.DataFrame(mapped(one, run.params("first")))
    return networks(run, "first").with_columns(**columns).hstack(found)


def best_rows(config: Any, run: RunFolder) -> pl.DataFrame:
    """The best of many lists by each seed's reward model: one row per policy.

    ``unwanted`` and ``wanted`` are of the list that the reward model likes best, out of ``best_of``
    of one topic; ``right`` is the share of new pairs in which it likes the better list better.
    """
    about = networks(run, "judge").select("init_seed", "diverged")
    # In all of them the first members are those of the main arm.
    main = lambda name: jax.tree.map(lambda leaf: leaf[: config.seeds], run.params(name))
    policies = ("first", "ilf", "grpo")
    rows = pl.concat([labelled(about, policy=name) for name in policies])
    trees = joined([main(name) for name in policies])
    judges = joined([run.params("judge")] * len(policies))
    world_P = np.tile(worlds(run), len(policies))
    found = mapped(lambda *one: _best(config, *one), trees, judges, world_P)
    return rows.hstack(pl.DataFrame(found))


def _best(config: Any, params: Any, judge: Any, seed: Array) -> dict[str, Array]:
    """Scores of one policy's best lists by one reward model."""
    world = dataclasses.replace(config.taste(), world_seed=seed)
    topics = max(1, config.judged // config.best_of) * world.topics
    asked = world.asked(topics * config.best_of, BEST)
    rules = (world.length, jax.random.key(BEST), 1.0, world.end, world.pad)
    answers_NS, logp_NS = generate(config.model(), params, asked.inputs, *rules)
    pairs = dataclasses.replace(config.taste(Comparisons), world_seed=seed)
    read_NR = jax.vmap(lambda answer: pairs.judged(pairs.written(answer)))(answers_NS)
    reward_N = config.judge().apply(judge, read_NR)[:, 0]
    # Topics come in turn, so that a column holds lists of one.
    place_C = reward_N.reshape(config.best_of, topics).argmax(0)
    scores = {
        name: jnp.take_along_axis(x.reshape(config.best_of, topics), place_C[None], 0).mean()
        for name, x in world.counts(answers_NS, asked).items()
    }
    batch = pairs.batch(jax.random.key(BEST), config.judged)
    both = config.judge().apply(judge, batch.inputs.reshape(-1, batch.inputs.shape[-1]))
    first_B, second_B = both.reshape(-1, 2).T
    weight_B = batch.weights[:, 0]
    scores["right"] = jnp.sum(weight_B, where=first_B > second_B) / weight_B.sum()
    return _sound(scores, reward_N.sum() + logp_NS.sum())
