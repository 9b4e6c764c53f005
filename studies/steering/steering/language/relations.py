"""Linear relational embedding on the stored facts: fidelity and causality of one affine map.

Prompts are ``FACT s r``; s is read at the subject, the object after the last block at the relation.
Layer, beta and rank are chosen on development subjects.

R relations, S subjects, I layers, D width, P members.
"""

import functools
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import polars as pl
from jax import Array

from toylab.analysis.attribution.lenses import logit_lens
from toylab.analysis.steering.activation import random_like
from toylab.analysis.steering.relations import Relation, mean_jacobian, subject_move
from toylab.models.transformer import Transformer
from toylab.taps import Edit, Params, run
from toylab.tasks.steering.phrases import RELATIONS

from .network import JUDGED, Config, layers

BETAS = (0.5, 1.0, 1.5, 2.0, 3.0, 4.0, 6.0)
RANKS = (1, 2, 3, 4, 8, 16)
SUBJECT = np.arange(3)[:, None] == 1


def fact_prompts(config: Config) -> np.ndarray:
    """Prompts ``FACT s r`` (R, S, 3)."""
    task = config.world()
    first = task.starts
    subject, relation = np.arange(task.n_subjects), np.arange(len(RELATIONS))
    shape = (len(relation), len(subject))
    words = (
        np.full(shape, first["FACT"]),
        np.broadcast_to(subject + first["subject"], shape),
        np.broadcast_to(relation[:, None] + first["relation"], shape),
    )
    return np.stack(words, -1).astype(np.int32)


def _object(model: Transformer, params: Params, site: str, s_D: Array, tokens: Array) -> Array:
    """Last residual at the relation (D,) when the subject's activation is this one."""
    last = f"blocks/{model.depth - 1}/resid_post"
    edit = Edit(site, "set", s_D[None, None], SUBJECT)
    return run(model, params, tokens[None], record=(last,), edits=(edit,))[1][last][0, -1]


@functools.partial(jax.jit, static_argnums=(0, 1, 2))
def _relations(
    model: Transformer, sites: tuple[str, ...], n_train: int, params_P: Params, prompts_RS3: Array
) -> dict[str, Array]:
    """Maps from the first subjects, (P, I, R, ...), and what the network does on all."""
    last = f"blocks/{model.depth - 1}/resid_post"

    def one(params: Params) -> dict[str, Array]:
        flat = prompts_RS3.reshape(-1, 3)
        logits, acts = run(model, params, flat, record=(*sites, last))
        shape = prompts_RS3.shape[:2]
        s_IRSD = jnp.stack([acts[site][:, 1].reshape(*shape, -1) for site in sites])
        w, b = [], []
        for i, site in enumerate(sites):
            f = lambda s, tokens, site=site: _object(model, params, site, s, tokens)
            fit = lambda s_ND, tokens, f=f: mean_jacobian(f, s_ND, tokens)[:2]
            chosen = (s_IRSD[i, :, :n_train], prompts_RS3[:, :n_train])
            found = jax.lax.map(lambda x, fit=fit: fit(*x), chosen)
            w.append(found[0])
            b.append(found[1])
        o_RSD = acts[last][:, -1].reshape(*shape, -1)
        answer = logits[:, -1].argmax(-1).reshape(shape)
        return {"w": jnp.stack(w), "b": jnp.stack(b), "s": s_IRSD, "o": o_RSD, "answer": answer}

    return jax.vmap(one)(params_P)


@functools.partial(jax.jit, static_argnums=(0, 1))
def _moved(
    model: Transformer, sites: tuple[str, ...], params: Params, tokens_N3: Array, move_IKND: Array
) -> Array:
    """Answers (I, K, N) with the subject moved at each layer by each of K moves."""

    def answer(site: str, move_ND: Array) -> Array:
        edit = Edit(site, "add", move_ND[:, None], SUBJECT)
        return run(model, params, tokens_N3, edits=(edit,))[0][:, -1].argmax(-1)

    by_site = [
        jax.lax.map(functools.partial(answer, site), rows)
        for site, rows in zip(sites, move_IKND, strict=True)
    ]
    return jnp.stack(by_site)


def relation_table(config: Config, params_P: Params) -> pl.DataFrame:
    """Table ``relations``: one row per seed and relation, on held-out subjects."""
    model, sites = config.model(), layers(config)[: max(2, config.lm_depth - 1)]
    prompts = fact_prompts(config)
    n_train = config.lm_train_subjects
    order = np.random.default_rng(JUDGED).permutation(prompts.shape[1])
    prompts, truth = prompts[:, order], config.world().objects()[:, order]
    told = _relations(model, sites, n_train, params_P, jnp.asarray(prompts))
    rows = []
    for seed in range(config.seeds):
        params, own = (jax.tree.map(lambda a, p=seed: a[p], x) for x in (params_P, told))
        for r, name in enumerate(RELATIONS):
            found = {k: own[k][:, r] for k in ("w", "b", "s")} | {"o": own["o"][r]}
            known = np.asarray(own["answer"][r]) == truth[r]
            row = faithful_row(model, params, found, np.asarray(own["answer"][r]), known, n_train)
            moves = (params, jnp.asarray(prompts[r]), truth[r], known)
            row |= causal_row(model, sites, found, moves, n_train, seed)
            rows.append({"init_seed": seed, "relation": name, "known": float(known.mean())} | row)
    return pl.DataFrame(rows)


def _parts(n: int, n_train: int) -> tuple[np.ndarray, np.ndarray]:
    """Masks of development and of test subjects: as many as trained on, and the rest."""
    place = np.arange(n)
    return (place >= n_train) & (place < 2 * n_train), place >= 2 * n_train


def faithful_row(
    model: Transformer,
    params: Params,
    found: dict[str, Array],
    answer_S: np.ndarray,
    known_S: np.ndarray,
    n_train: int,
) -> dict[str, Any]:
    """Share of known test subjects whose answer the map gives, at the best layer and beta.

    ``constant`` is the share that the mean object of the trained-on subjects gives.
    """
    told, mean_D = [], found["o"][:n_train].mean(0)
    for w, b, s in zip(found["w"], found["b"], found["s"], strict=True):
        outputs = jnp.stack([Relation(w, b, beta)(s) for beta in (0.0, *BETAS)])
        # What a map that sees no subject would say.
        outputs = outputs.at[0].set(jnp.broadcast_to(mean_D, outputs.shape[1:]))
        told.append(np.asarray(logit_lens(model, params, outputs).argmax(-1)))
    agree_IBS = np.stack(told) == answer_S
    dev, test = (part & known_S for part in _parts(len(answer_S), n_train))
    score_IB = agree_IBS[:, 1:, dev].mean(-1) if dev.any() else np.zeros(agree_IBS[:, 1:, 0].shape)
    layer, beta = np.unravel_index(score_IB.argmax(), score_IB.shape)
    share = lambda x: float(x[test].mean()) if test.any() else float("nan")
    return {
        "layer": int(layer),
        "beta": BETAS[beta],
        "faithful": share(agree_IBS[layer, 1 + beta]),
        "constant": share(agree_IBS[layer, 0]),
    }


def causal_row(
    model: Transformer,
    sites: tuple[str, ...],
    found: dict[str, Array],
    moves: tuple[Params, Array, np.ndarray, np.ndarray],
    n_train: int,
    seed: int,
) -> dict[str, Any]:
    """Share of test subjects whose answer becomes another's object, at the best layer and rank.

    Each subject is moved towards the next one with another object; the control's moves are random
    and as long.
    """
    params, tokens, truth_S, known_S = moves
    o_SD = found["o"]
    target_S = other_object(truth_S, known_S)
    kept = known_S & (target_S >= 0)
    wanted_S = np.where(target_S >= 0, truth_S[target_S], -1)
    change_SD = o_SD[np.maximum(target_S, 0)] - o_SD
    move_IKSD = jnp.stack(
        [
            jnp.stack([subject_move(Relation(w, b), change_SD, rank) for rank in RANKS])
            for w, b in zip(found["w"], found["b"], strict=True)
        ]
    )
    both = jnp.concatenate([move_IKSD, random_like(move_IKSD, seed)], 1)
    answer_IKS = np.asarray(_moved(model, sites, params, tokens, both))
    right = (answer_IKS == wanted_S).reshape(len(sites), 2, len(RANKS), -1)
    dev, test = (part & kept for part in _parts(len(truth_S), n_train))
    score = right[:, 0][..., dev].mean(-1) if dev.any() else np.zeros((*right.shape[:1], 1))
    layer, rank = np.unravel_index(score.argmax(), score.shape)
    share = lambda x: float(x[test].mean()) if test.any() else float("nan")
    return {
        "causal_layer": int(layer),
        "rank": RANKS[rank],
        "causal": share(right[layer, 0, rank]),
        "causal_random": share(right[layer, 1, rank]),
    }


def other_object(truth_S: np.ndarray, known_S: np.ndarray) -> np.ndarray:
    """For each subject the next known one, in a ring, with another object; -1 if there is none."""
    n = len(truth_S)
    found = np.full(n, -1)
    for s in range(n):
        ring = (s + 1 + np.arange(n - 1)) % n
        fits = ring[known_S[ring] & (truth_S[ring] != truth_S[s])]
        if len(fits):
            found[s] = fits[0]
    return found
