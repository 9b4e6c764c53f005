"""What encoders keep for tokens ahead: losses, topics, smoothness; pairs and paths.

P members, B sequences, T positions, N tokens ahead, D width, C topics.
"""

import dataclasses
import functools
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from toylab.losses import cross_entropy_from_logits
from toylab.models.toys.futures import FutureTransformer
from toylab.probes.linear import ridge
from toylab.taps import Params, run
from toylab.task import Batch, Task
from toylab.tasks.planning.star_graph import StarGraph
from toylab.tasks.planning.topic_chain import TopicChain
from toylab.train.fast_compile import compute, quick_jit

BURN = 8  # first positions, at which even the exact filter hardly knows the topic
L2 = 1e-2


class Chains(NamedTuple):
    """Chains that every network is judged by.

    Attributes:
        tokens: (B, T + 1), the last of them to be predicted only.
        topic: of each of the T positions (B, T).
        bayes: mean loss of the exact filter on the next token, in nats.
        filtered: share of positions whose topic the exact filter names.
    """

    tokens: np.ndarray
    topic: np.ndarray
    bayes: float
    filtered: float


@functools.lru_cache(maxsize=4)
def draw(task: Task, count: int, seed: int) -> Batch:
    """Draw sequences to judge by."""
    return compute(lambda key: task.batch(key, count), jax.random.key(seed))


def draw_chains(task: TopicChain, count: int, seed: int) -> Chains:
    """Draw chains and filter them."""
    latents = draw(dataclasses.replace(task, ahead=1), count, seed).latents
    tokens, topic = (np.asarray(latents[name]) for name in ("tokens", "topic"))
    belief_BLC, next_BLV = task.filtered(tokens)
    said_BT = np.take_along_axis(next_BLV[:, :-1], tokens[:, 1:, None], 2)[..., 0]
    right_BT = (belief_BLC.argmax(-1) == topic)[:, :-1]
    late = np.s_[:, BURN:]
    return Chains(tokens, topic[:, :-1], -np.log(said_BT[late]).mean(), right_BT[late].mean())


def next_only(model: FutureTransformer, params_P: Params) -> tuple[FutureTransformer, Params]:
    """Return the same networks without what predicts tokens beyond the next."""
    block = params_P["block"]
    if model.kind == "heads":
        block = jax.tree.map(lambda leaf: leaf[:, :1], block)
    else:
        places = block["positions"]["embedding"][:, : model.slots + 1]
        block = block | {"positions": {"embedding": places}}
    return dataclasses.replace(model, ahead=1), params_P | {"block": block}


@quick_jit(static_argnums=0)
def seen(
    model: FutureTransformer, params_P: Params, tokens_BL: Array
) -> tuple[Array, dict[str, Array]]:
    """Loss on the next token (P, B, T), and ``encoded`` and ``ahead`` vectors (P, B, T, D)."""
    logits, acts = run(model, params_P, tokens_BL[:, :-1], record=("encoded", "ahead"))
    targets = jnp.broadcast_to(tokens_BL[:, 1:], logits.shape[:3])
    loss_PBT = cross_entropy_from_logits(logits[:, :, :, 0], targets)
    return loss_PBT, acts | {"ahead": acts["ahead"][:, :, :, 0]}


def chain_scores(
    model: FutureTransformer, params_P: Params, chains: Chains
) -> dict[str, np.ndarray]:
    """Loss on the next token, topics decoded, and smoothness, of each network (P,)."""
    model, params_P = next_only(model, params_P)
    loss_PBT, acts = seen(model, params_P, jnp.asarray(chains.tokens))
    found = {"loss": np.asarray(loss_PBT)[:, :, BURN:].mean((1, 2))}
    for name in ("encoded", "ahead"):
        found[f"topic {name}"] = topics_decoded(acts[name], chains.topic)
    return found | {"smooth": smoothness(np.asarray(acts["encoded"]), chains.tokens)}


def topics_decoded(h_PBTD: Array, topic_BT: np.ndarray) -> np.ndarray:
    """Held-out accuracy of a linear probe of the topic, by least squares on half the chains."""
    half, late_BT = len(topic_BT) // 2, topic_BT[:, BURN:]
    vectors = lambda rows: h_PBTD[:, rows, BURN:].reshape(len(h_PBTD), -1, h_PBTD.shape[-1])
    fitted, judged = slice(0, half), slice(half, None)
    one_hot = np.eye(late_BT.max() + 1, dtype=np.float32)[late_BT[fitted].ravel()]
    scores_PNC = np.asarray(
        ridge(vectors(fitted), jnp.asarray(one_hot), L2).scores(vectors(judged))
    )
    right_PN = scores_PNC.argmax(-1) == late_BT[judged].ravel()
    return np.where(np.isfinite(scores_PNC).all((1, 2)), right_PN.mean(1), np.nan)


def smoothness(h_PBTD: np.ndarray, tokens_BL: np.ndarray) -> np.ndarray:
    """Mean cosine of neighbours whose tokens differ, the mean vector removed (P,).

    Neighbours with one token would be alike by their embeddings alone.
    """
    late = h_PBTD[:, :, BURN:].astype(np.float64)
    centred = late - late.mean((1, 2), keepdims=True)
    length = np.linalg.norm(centred, axis=-1, keepdims=True)
    unit = centred / np.where(length == 0, 1, length)
    cosine_PBT = (unit[:, :, 1:] * unit[:, :, :-1]).sum(-1)
    own = tokens_BL[:, BURN : BURN + h_PBTD.shape[2] - BURN]
    return cosine_PBT[:, own[:, 1:] != own[:, :-1]].mean(-1)


@quick_jit(static_argnums=0)
def pair_losses(model: FutureTransformer, params_P: Params, batch: Batch) -> Array:
    """Mean losses of both tokens of a pair, in nats (P, 2)."""
    logits, _ = run(model, params_P, batch.inputs)
    targets = jnp.broadcast_to(batch.targets, logits.shape[:-1])
    return cross_entropy_from_logits(logits, targets).mean((1, 2))


def path_scores(
    model: FutureTransformer, task: StarGraph, params_P: Params, batch: Batch
) -> dict[str, np.ndarray]:
    """Share of first steps that are right, and of paths that solve the star (P,).

    Paths are written token by token, each the likeliest next one.
    """
    model, params_P = next_only(model, params_P)
    first, n = np.asarray(batch.latents["path"])[:, 0], task.prompt
    members = len(jax.tree.leaves(params_P)[0])
    written = np.repeat(np.asarray(batch.inputs)[None, :, : task.length], members, 0).copy()
    written[:, :, n:] = task.labels
    path, finite = [], np.ones(members, bool)
    for r in range(task.reach):
        logits = np.asarray(_each(model, params_P, jnp.asarray(written)))[:, :, n - 1 + r]
        finite &= np.isfinite(logits).all((1, 2))
        path.append(logits.argmax(-1))
        if r + 1 < task.reach:
            written[:, :, n + r] = path[-1]
    edges = np.asarray(batch.latents["edges"])
    solved = [task.solves(own.T, edges, batch).mean() for own in np.stack(path, 1)]
    mask = lambda share: np.where(finite, share, np.nan)
    return {"first": mask((path[0] == first).mean(1)), "solved": mask(np.array(solved))}


@quick_jit(static_argnums=0)
def _each(model: FutureTransformer, params_P: Params, tokens_PBT: Array) -> Array:
    """Logits of the next token, each network on its own sequences."""
    return jax.vmap(model.apply)(params_P, tokens_PBT)[:, :, :, 0]
