"""Signed pruning: which hundredth of the weights holds up what a language should not say?

Shape suffixes: P networks, B questions, V words, W weights, S shares pruned.
"""

import functools
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import polars as pl
from jax import Array

from toylab.analysis.pruning.scores import (
    jaccard,
    jaccard_null,
    matched_magnitude,
    prune_scores,
    spared,
)
from toylab.claims import Condition, Expect
from toylab.conditions import passage
from toylab.losses import ExpectedCrossEntropy
from toylab.members import seeds
from toylab.models import TokenMLP
from toylab.population import Population
from toylab.probes.places import held_out_by_block
from toylab.read import Reading, table
from toylab.read.networks import networks
from toylab.runs.run_folder import RunFolder
from toylab.taps import Params
from toylab.taps import run as run_model
from toylab.tasks.tools.provoked import PROVOKING, TOPICS, Provoked

from ..methods.settings import Config, population, spread

WORLD = Provoked()
NET = TokenMLP(vocab=WORLD.vocab, length=3, hidden=(128,), n_out=WORLD.n_out, embed=16, shared=True)
SHARES, JUDGED = (0.0025, 0.005, 0.01, 0.02), 0.01  # of the weights
SPARED = 0.05  # of the weights, those that plain answers need most
KINDS = ("signed", "snip")
MASKS = (*KINDS, "random", "matched")


def populations(config: Config) -> dict[str, Population]:
    """Networks that speak the language."""
    more: dict[str, Any] = {"loss": ExpectedCrossEntropy(WORLD)}
    return {"provoked": population(config, NET, WORLD, seeds(config.seeds), 1_500, **more)}


def measure(config: Config, run: RunFolder) -> dict[str, pl.DataFrame]:
    """What pruning by each score does, and by the scores of one topic to the other."""
    members, params_P = networks(run, "provoked"), run.params("provoked")
    w_PW, rng = np.nan_to_num(flat(params_P)), np.random.default_rng(0)
    masks = {kind: np.stack([mask(params_P, kind, share) for share in SHARES]) for kind in KINDS}
    masks["random"] = rng.permuted(masks["signed"], axis=-1)
    both = lambda of: [matched_magnitude(*pair) for pair in zip(of, w_PW, strict=True)]
    masks["matched"] = np.array([both(of) for of in masks["signed"]])
    was, plain = judged(params_P, np.zeros((1, *w_PW.shape), bool))
    found = [judged(params_P, masks[name]) for name in MASKS]
    bad, cost = (np.stack([f[i] for f in found]) for i in range(2))
    axes = {"mask": list(MASKS), "share": list(SHARES)}
    rows = spread(members, axes, bad=bad, cut=1 - bad / was, cost=cost / plain - 1)
    members = members.with_columns(was=was[0], excess=plain[0] - np.log(WORLD.words // 2))
    return {"pruned": rows, "topics": topics(params_P, members)}


def topics(params_P: Params, members: pl.DataFrame) -> pl.DataFrame:
    """What each topic's scores do to the other, and what is known of the manner after pruning.

    Returns:
        Columns: those of the members; cut (of the other topic's bad words, mean of both ways),
        overlap and by_chance (of the two masks, Jaccard), recognised (share of manners that a probe
        of hidden units tells after pruning by both topics' scores).
    """
    by_TPW = np.stack([mask(params_P, "signed", JUDGED, topic) for topic in range(TOPICS)])
    none = np.zeros((1, *by_TPW.shape[1:]), bool)
    cuts = [
        1 - judged(params_P, by_TPW[1 - t : 2 - t], t)[0] / judged(params_P, none, t)[0]
        for t in range(TOPICS)
    ]
    both = mask(params_P, "signed", JUDGED)
    found = {
        "cut": np.mean(cuts, axis=(0, 1)),
        "overlap": jaccard(*by_TPW),
        "by_chance": [jaccard_null(share) for share in by_TPW.mean((0, -1))],
        "recognised": recognised(without(params_P, both)),
    }
    return members.with_columns(pl.Series(name, value) for name, value in found.items())


def recognised(params_P: Params) -> np.ndarray:
    """Share of manners that a probe tells, of subjects left out, from the hidden units (P,)."""
    batch, site = WORLD.questions(), "layers/0/post"
    _, acts = jax.jit(lambda params: run_model(NET, params, batch.inputs, (site,)))(params_P)
    manner_B = 2.0 * np.asarray(batch.latents["manner"]) - 1
    subject_B = np.asarray(batch.latents["subject"])
    told = [held_out_by_block(x, manner_B[:, None], subject_B, 0.1)[:, 0] for x in acts[site]]
    return np.where(np.isfinite(told).all(1), (np.sign(told) == manner_B).mean(1), np.nan)


def questions(manner: int, held_out: bool, topic: int | None = None) -> tuple[Array, Array]:
    """Questions of a manner (B, 3), on even subjects or on those held out; chances of words."""
    batch = WORLD.questions()
    at = {name: np.asarray(latent) for name, latent in batch.latents.items()}
    kept = (at["manner"] == manner) & (at["subject"] % 2 == held_out)
    kept &= (topic is None) | (at["topic"] == topic)
    rows = np.tile(np.flatnonzero(kept), 1 if topic is None else TOPICS)  # one shape, one program
    return batch.inputs[rows], WORLD.chances(batch)[rows]


def loss(params: Params, batch: tuple[Array, Array]) -> Array:
    """Cross-entropy with chances of words (B,)."""
    return -(batch[1] * jax.nn.log_softmax(NET.apply(params, batch[0]))).sum(-1)


def flat(params_P: Params) -> np.ndarray:
    """The weights that may be pruned, those of both layers (P, W)."""
    kernels = [np.asarray(params_P["layers"][i]["kernel"]) for i in "01"]
    return np.concatenate([kernel.reshape(len(kernel), -1) for kernel in kernels], 1)


def without(params_P: Params, mask_PW: np.ndarray) -> Params:
    """The networks with marked weights at 0."""
    layers, at = {}, 0
    for i in "01":
        kernel = np.asarray(params_P["layers"][i]["kernel"])
        size = kernel[0].size
        layers[i] = {
            "kernel": np.where(mask_PW[:, at : at + size].reshape(kernel.shape), 0, kernel)
        }
        at += size
    return params_P | {"layers": layers}


def mask(params_P: Params, kind: str, share: float, topic: int | None = None) -> np.ndarray:
    """The share of weights that bad words need most, but for those that plain ones need."""
    inputs, _ = questions(PROVOKING, False, topic)
    bad_V = jnp.asarray(WORLD.bad_words() / WORLD.bad, jnp.float32)
    harm = scores(params_P, (inputs, jnp.tile(bad_V, (len(inputs), 1))), kind)
    utility = scores(params_P, questions(1 - PROVOKING, False), "per_sample")
    return spared(flat(harm), flat(utility), share, SPARED)


@functools.partial(jax.jit, static_argnums=2)
def scores(params_P: Params, batch: tuple[Array, Array], kind: str) -> Params:
    """Scores of every weight of every network."""
    return jax.vmap(lambda params: prune_scores(loss, params, batch, kind))(params_P)


def judged(
    params_P: Params, mask_SPW: np.ndarray, topic: int | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Chance of bad words when provoked, and cross-entropy of plain answers, held out (S, P)."""
    provoked, plain = questions(PROVOKING, True, topic), questions(1 - PROVOKING, True, topic)
    bad_V = WORLD.bad_words()
    found = [_judged(without(params_P, mask_PW), provoked[0], plain) for mask_PW in mask_SPW]
    bad_SP = [np.asarray(p, float)[..., bad_V].sum(-1).mean(-1) for p, _ in found]
    return np.array(bad_SP), np.array([np.asarray(ce, float).mean(-1) for _, ce in found])


@jax.jit
def _judged(
    params_P: Params, provoked_B3: Array, plain: tuple[Array, Array]
) -> tuple[Array, Array]:
    words = jax.vmap(lambda params: jax.nn.softmax(NET.apply(params, provoked_B3)))(params_P)
    return words, jax.vmap(lambda params: loss(params, plain))(params_P)


TOPIC_ROWS = table("topics")


def pruned(column: str, kind: str = "signed") -> Reading:
    """What pruning at most a hundredth of the weights does, per seed."""
    return table("pruned").filter(mask=kind, share=JUDGED).value(column)


SPEAKS = (
    Condition("provoked, bad words come", TOPIC_ROWS.value("was"), Expect.above(0.85)),
    Condition(
        "plain answers are best, to 0.05 nats", TOPIC_ROWS.value("excess"), Expect.below(0.05)
    ),
)
orgad = passage("Orgad et al. 2026 (2604.09544)", requires=SPEAKS)
CLAIMS = (
    orgad(
        "hundredth_of_weights_pruned",
        "Pruning: without the hundredth of the weights that signed scores name, four fifths of the "
        "bad words are gone.",
        pruned("cut"),
        Expect.above(0.8),
        bar="ours: four fifths",
        control=(
            Condition("plain cross-entropy grows by 2%", pruned("cost"), Expect.below(0.02)),
            Condition("at random: a tenth", pruned("cut", "random"), Expect.below(0.1)),
            Condition("of equal magnitudes: a tenth", pruned("cut", "matched"), Expect.below(0.1)),
        ),
    ),
    orgad(
        "scores_cross_topics",
        "As many, named by the scores of one topic, take half of the bad words of the other.",
        TOPIC_ROWS.value("cut"),
        Expect.above(0.5),
        bar="ours: half",
        control=(
            Condition(
                "the topics' masks share ten times what chance would",
                TOPIC_ROWS.value("overlap") / TOPIC_ROWS.value("by_chance"),
                Expect.above(10),
            ),
            Condition(
                "a probe still tells who provokes",
                TOPIC_ROWS.value("recognised"),
                Expect.above(0.95),
            ),
        ),
    ),
)
