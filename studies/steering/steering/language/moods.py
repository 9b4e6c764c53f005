"""Moods of stories, read and steered: heads (ITI), reading vectors (RepE), activation addition.

Prompts begin with OPEN and hold plain nouns alone, so they have no mood: good nouns have half of
the share. A dose moves that share; its cost is the KL at verbs, where moods have no say.

I blocks, H heads, K head dimension, C conditions, S seeds; the others as everywhere.
"""

import functools
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import polars as pl
from jax import Array

from toylab.analysis.steering.activation import add_front, contrast, random_like
from toylab.analysis.steering.heads import (
    MassMean,
    best_heads,
    head_accuracy,
    head_push,
    mass_mean,
    push_heads,
)
from toylab.analysis.steering.reading import reading_vector
from toylab.models.transformer import Transformer
from toylab.taps import Edit, Params, run
from toylab.tasks.steering.phrases_prompts import stories

from .doses import Steered, conditions, dose_table, steered_table
from .network import JUDGED, Config

RANDOM_VECTORS = 20


class Stories(NamedTuple):
    """Stories and one seed's activations where the last noun is due.

    In order: stories with their mood's marker, to fit and to test; pairs, which differ in the
    marker GOOD or BAD alone; stories that begin with OPEN. ``good`` is each one's mood.
    """

    good: np.ndarray
    heads_NIHK: np.ndarray
    resid_NID: np.ndarray
    n: int

    def part(self, x: np.ndarray, i: int) -> np.ndarray:
        """Part i: 0 and 1 marked (to fit, to test), 2 and 3 the pairs, 4 open."""
        return x[i * self.n : (i + 1) * self.n]


def sample_stories(config: Config) -> tuple[np.ndarray, np.ndarray]:
    """Tokens (5 n, L) of the parts of :class:`Stories`, and their moods."""
    task, n = config.world(), config.lm_stories
    rng, first, shares = np.random.default_rng(JUDGED), task.starts, task.noun_shares()
    good = np.arange(2 * n) % 2
    marked = stories(task, first["BAD"] + good, shares[good], rng)
    even = np.broadcast_to(shares.mean(0), (n, shares.shape[1]))
    plus = stories(task, np.full(n, first["GOOD"]), even, rng)
    minus = plus.copy()
    minus[:, 0] = first["BAD"]
    unmarked = stories(task, np.full(n, first["OPEN"]), shares[good[:n]], rng)
    moods = np.concatenate([good, np.ones(n, int), np.zeros(n, int), good[:n]])
    return np.concatenate([marked, plus, minus, unmarked]), moods


@functools.partial(jax.jit, static_argnums=0)
def _look(
    model: Transformer, params_P: Params, tokens: Array, markers: Array
) -> tuple[Array, Array, Array]:
    """Head outputs (P, N, I, H, K), residuals (P, N, I, D), and ActAdd's contrasts (P, I, D).

    The first two where the last noun is due.
    """
    after = [f"blocks/{i}/resid_post" for i in range(model.depth)]
    last = (tokens.shape[1] - 1) // 2 * 2

    def one(params: Params) -> tuple[Array, Array, Array]:
        _, acts = run(model, params, tokens, record=("blocks/*/attn/z", *after))
        z = [acts[f"blocks/{i}/attn/z"][:, last] for i in range(model.depth)]
        gap = [contrast(model, params, markers[0], markers[1], site)[0] for site in after]
        return jnp.stack(z, 1), jnp.stack([acts[s][:, last] for s in after], 1), jnp.stack(gap)

    return jax.vmap(one)(params_P)


@functools.partial(jax.jit, static_argnums=(0, 1))
def _steer(
    model: Transformer,
    nouns: tuple[int, int],
    params_P: Params,
    tokens: Array,
    heads_PCIHK: Array,
    resid_PCID: Array,
    front_PCID: Array,
) -> tuple[Array, Array]:
    """Share of good nouns and KL at verbs, (P, C), under each condition's additions.

    ``front`` is added to the residual at the first position only, the others everywhere.
    """
    noun, size = nouns

    def read(params: Params, heads: Array, resid: Array, front: Array) -> tuple[Array, Array]:
        edits = list(push_heads(heads))
        for i in range(model.depth):
            site = f"blocks/{i}/resid_post"
            edits.append(Edit(site, "add", resid[i]))
            edits.append(add_front(site, front[i][None], tokens.shape[1]))
        logp = jax.nn.log_softmax(run(model, params, tokens, edits=edits)[0], -1)
        p_noun = jnp.exp(logp[:, 2::2])
        bad, good = (p_noun[..., noun + i * size : noun + (i + 1) * size].sum(-1) for i in range(2))
        return (good / (good + bad)).mean(), logp[:, 1::2]

    def member(params: Params, *added: Array) -> tuple[Array, Array]:
        # Condition 0 adds nothing.
        _, clean = read(params, *(rows[0] for rows in added))

        def condition(row: tuple[Array, Array, Array]) -> tuple[Array, Array]:
            share, logp = read(params, *row)
            return share, (jnp.exp(clean) * (clean - logp)).sum(-1).mean()

        return jax.lax.map(condition, added)

    return jax.vmap(member)(params_P, heads_PCIHK, resid_PCID, front_PCID)


def head_arms(config: Config, seen: Stories, seed: int) -> list[tuple]:
    """ITI's arms: name, draw, push (I, H, K) of the heads that encode the mood best."""
    x, y = (np.asarray(seen.part(a, 0)) for a in (seen.heads_NIHK, seen.good))
    test, y_test = seen.part(seen.heads_NIHK, 1), seen.part(seen.good, 1)
    turn = lambda a: jnp.asarray(np.moveaxis(a, 0, -2), jnp.float32)
    labels = [jnp.asarray(v, jnp.int32) for v in (y, y_test)]
    score = np.asarray(head_accuracy(turn(x), labels[0], turn(test), labels[1]))
    found, chosen = mass_mean(turn(x), y == 1), best_heads(score, config.lm_top_heads)
    arms = [("mass mean", 0, head_push(found, chosen))]
    rng = np.random.default_rng(seed)
    for draw in range(config.lm_random):
        other = MassMean(random_like(found.direction, 100 * seed + draw), found.sigma)
        arms.append(("random direction", draw, head_push(other, chosen)))
        pick = rng.choice(np.flatnonzero(~chosen), config.lm_top_heads, replace=False)
        among = np.isin(np.arange(chosen.size), pick).reshape(chosen.shape)
        arms.append(("random heads", draw, head_push(found, among)))
    return arms


def reading_arms(config: Config, seen: Stories, seed: int) -> tuple[list[dict], list[tuple]]:
    """RepE: one row per layer, and arms: name, draw, layer, vector (D,) at dose 1."""
    rows, arms = [], []
    unmarked, mood = seen.part(seen.resid_NID, 4), seen.part(seen.good, 4) == 1
    plus, minus = (seen.part(seen.resid_NID, i) for i in (2, 3))
    for i in range(config.lm_depth):
        v = np.asarray(reading_vector(plus[:, i], minus[:, i], seed).direction)
        others = np.asarray(random_like(jnp.tile(v, (RANDOM_VECTORS, 1)), 100 * seed + i))
        by_chance = [_accuracy(unmarked[:, i] @ w, mood) for w in others]
        rows.append(
            {
                "layer": i,
                "middle": i == (config.lm_depth - 1) // 2,
                "accuracy": _accuracy(unmarked[:, i] @ v, mood),
                "random_accuracy": float(np.mean([max(a, 1 - a) for a in by_chance])),
            }
        )
        half = ((plus[:, i] - minus[:, i]) @ v).mean() / 2
        arms.append(("reading vector", 0, i, half * v))
        arms += [("random direction", d, i, half * others[d]) for d in range(config.lm_random)]
    return rows, arms


def _accuracy(score: np.ndarray, mood: np.ndarray) -> float:
    """Accuracy of a mood read as a score above its median, a threshold that needs no label."""
    correct = (score > np.median(score)) == mood
    return float(np.where(np.isfinite(score).all(), correct.mean(), np.nan))


def contrast_arms(config: Config, gap_ID: np.ndarray, seed: int) -> list[tuple]:
    """ActAdd's arms: name, draw, layer, vector (D,) at dose 1."""
    arms = []
    for i, gap in enumerate(gap_ID):
        arms.append(("contrast", 0, i, gap))
        for d in range(config.lm_random):
            other = np.asarray(random_like(jnp.asarray(gap), 1000 + 100 * seed + 10 * d + i))
            arms.append(("random direction", d, i, other))
    return arms


def sample_prompts(config: Config) -> tuple[np.ndarray, np.ndarray]:
    """Prompts (B, L) without a mood: those that judge, and those that choose dose and layer."""
    task, rng, n = config.world(), np.random.default_rng(JUDGED + 1), config.lm_prompts
    plain = np.repeat([0.0, 0.0, 1.0], task.n_nouns) / task.n_nouns
    sample = lambda: stories(task, np.full(n, task.starts["OPEN"]), np.tile(plain, (n, 1)), rng)
    return sample(), sample()


def mood_tables(config: Config, params_P: Params) -> dict[str, Any]:
    """Tables ``doses``, ``steered`` and ``reading``."""
    task, model = config.world(), config.model()
    tokens, good = sample_stories(config)
    markers = jnp.array([[task.starts["GOOD"]], [task.starts["BAD"]]], jnp.int32)
    found = _look(model, params_P, jnp.asarray(tokens), markers)
    heads_P, resid_P, gap_PID = (np.asarray(a) for a in found)
    reading_rows, added = [], []
    for seed, (heads, resid) in enumerate(zip(heads_P, resid_P, strict=True)):
        seen = Stories(good, heads, resid, config.lm_stories)
        rows, repe = reading_arms(config, seen, seed)
        reading_rows += [{"init_seed": seed} | row for row in rows]
        iti, actadd = head_arms(config, seen, seed), contrast_arms(config, gap_PID[seed], seed)
        added.append(conditions(config, {"ITI": iti, "RepE": repe, "ActAdd": actadd}))
    pushes = [jnp.asarray(np.stack([a[1][i] for a in added]), jnp.float32) for i in range(3)]
    nouns = (task.starts["noun"], task.n_nouns)

    def steer(prompts: np.ndarray) -> Steered:
        share, cost = _steer(model, nouns, params_P, jnp.asarray(prompts), *pushes)
        return np.asarray(share), np.asarray(cost)

    doses = dose_table(added[0][0], *map(steer, sample_prompts(config)))
    return {
        "doses": doses,
        "steered": steered_table(doses),
        "reading": pl.DataFrame(reading_rows),
    }
