"""What a language model with bad words does, plain or edited: its bad rate and its clean loss.

Texts are half natural, half clean (the language without bad words). The bad rate is the mean
probability of a bad word after the prompt in natural texts; the clean loss is the cross-entropy of
clean texts among clean words alone, so that it does not fall where bad words become rarer.
"""

import dataclasses
import functools
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from toylab.models import Transformer
from toylab.taps import Edit, Params, run
from toylab.task import Batch
from toylab.tasks.countdown.bad_words import BadWords

JUDGED = 77  # seed of the texts that are judged


class Texts(NamedTuple):
    """Texts to be read, the natural half first."""

    inputs_BL: Array
    targets_BL: Array


class Reading(NamedTuple):
    """What a model does on the texts.

    Attributes:
        rate: mean probability of a bad word, natural texts.
        nats: cross-entropy among clean words, clean texts.
        loss: cross-entropy, natural texts.
        post: activations of all neurons on all texts, (layers, B, L, F).
        mean_NF: their mean after the prompt in natural texts, (layers, F).
    """

    rate: Array
    nats: Array
    loss: Array
    post: Array
    mean_NF: Array


class Hands(NamedTuple):
    """Edits, all of which are always made: those that are not wanted change nothing.

    Attributes:
        post: activations to put back, (layers, B, L, F).
        mask_NF: where to put them, boolean (layers, F).
    """

    post: Array
    mask_NF: np.ndarray


@functools.partial(jax.jit, static_argnums=(0, 1))
def texts(task: BadWords, count: int, seed: Array) -> Texts:
    """Draw ``count`` natural and as many clean texts of a seed's language."""
    natural, clean = jax.random.split(jax.random.key(JUDGED))
    world = dataclasses.replace(task, world_seed=seed)
    quiet = dataclasses.replace(world, boost=0.0)
    halves = [world.batch(natural, count), quiet.batch(clean, count)]
    join = lambda name: jnp.concatenate([getattr(h, name) for h in halves])
    return Texts(join("inputs"), join("targets"))


def no_hands(model: Transformer, inputs_BL: Array) -> Hands:
    """Edits that change nothing."""
    shape = (model.depth, *inputs_BL.shape, model.hidden)
    post = jnp.broadcast_to(jnp.float32(0), shape)
    return Hands(post, np.zeros((model.depth, model.hidden), bool))


@functools.partial(jax.jit, static_argnums=(0, 1, 2))
def read(
    model: Transformer, task: BadWords, prompt: int, params: Params, seen: Texts, hands: Hands
) -> Reading:
    """Run an edited model on texts.

    Args:
        model: the model.
        task: the language, for its counts of words.
        prompt: length of the prompt; targets from place ``prompt - 1`` on are read.
        params: its parameters.
        seen: texts.
        hands: edits.
    """
    sites = [f"blocks/{i}/mlp/post" for i in range(model.depth)]
    edits = [
        Edit(site, "patch", hands.post[i], hands.mask_NF[i][None, None])
        for i, site in enumerate(sites)
    ]
    logits, acts = run(model, params, seen.inputs_BL, record=sites, edits=edits)
    logp_BLV = jax.nn.log_softmax(logits[:, prompt - 1 :], axis=-1)
    half, clean = len(logits) // 2, task.n_words - task.n_bad
    bad_BL = jnp.exp(logp_BLV[:half, :, clean : task.n_words]).sum(-1)
    clean_BLW = jax.nn.log_softmax(logp_BLV[half:, :, :clean], axis=-1)
    target_BL1 = seen.targets_BL[half:, prompt - 1 :, None]
    nats = -jnp.take_along_axis(clean_BLW, target_BL1, axis=-1).mean()
    natural_BL1 = seen.targets_BL[:half, prompt - 1 :, None]
    loss = -jnp.take_along_axis(logp_BLV[:half], natural_BL1, axis=-1).mean()
    post = jnp.stack([acts[site] for site in sites])
    mean_NF = post[:, :half, prompt - 1 :].mean((1, 2))
    return Reading(bad_BL.mean(), nats, loss, post, mean_NF)


@functools.partial(jax.jit, static_argnums=(0, 1))
def best(task: BadWords, prompt: int, seed: Array, seen: Texts) -> Array:
    """Bad rate, clean loss and loss of the Bayes predictor, (3,)."""
    half, clean = len(seen.inputs_BL) // 2, task.n_words - task.n_bad
    world = dataclasses.replace(task, world_seed=seed)
    batch = Batch(*seen, jnp.ones(()), {})
    p_BLV = world.predictor(batch)[:, prompt - 1 :]
    target_BL1 = seen.targets_BL[:, prompt - 1 :, None]
    p_target_BL = jnp.take_along_axis(p_BLV, target_BL1, axis=-1)[..., 0]
    clean_BL = p_BLV[half:, :, :clean].sum(-1)
    rate = p_BLV[:half, :, clean : task.n_words].sum(-1).mean()
    return jnp.stack(
        [rate, -jnp.log(p_target_BL[half:] / clean_BL).mean(), -jnp.log(p_target_BL[:half]).mean()]
    )


@functools.partial(jax.jit, static_argnums=(0, 1, 2))
def sampled_rate(
    model: Transformer, task: BadWords, prompt: int, params: Params, seen: Texts
) -> Array:
    """Share of bad words in continuations that the model itself samples after natural prompts."""
    half, length = len(seen.inputs_BL) // 2, seen.inputs_BL.shape[1]
    keys = jax.random.split(jax.random.key(JUDGED + 1), length - prompt + 1)

    def write(carry: Any, key: Array) -> Any:
        tokens_BL, place = carry
        logits_BLV = model.apply(params, tokens_BL)
        drawn_B = jax.random.categorical(key, logits_BLV[:, place]).astype(jnp.int32)
        ahead = jnp.minimum(place + 1, length - 1)
        kept_B = jnp.where(place + 1 < length, drawn_B, tokens_BL[:, ahead])
        return (tokens_BL.at[:, ahead].set(kept_B), place + 1), drawn_B

    start = (seen.inputs_BL[:half], jnp.int32(prompt - 1))
    drawn = jax.lax.scan(write, start, keys)[1]
    bad = (drawn >= task.n_words - task.n_bad) & (drawn < task.n_words)
    return bad.astype(jnp.float32).mean()
