"""Linear relational embedding on the stored facts: fidelity and causality of one affine map.

Prompts are ``FACT s r``; s is read at the subject, the object after the last block at the relation.
Layer, beta and rank are chosen on development subjects.

R relations, S subjects, I layers, D width, P members.
"""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import polars as pl
from jax import Array

from toylab.analysis.attribution.lenses import logit_lens
from toylab.analysis.steering.activation import random_like
from toylab.analysis.steering.relations import Relation, mean_jacobian, other_subjects, subject_move
from toylab.models.transformer import Transformer
from toylab.stats.means import mean_or_nan
from toylab.taps import Edit, Params, run
from toylab.tasks.steering.phrases import RELATIONS
from toylab.tasks.steering.phrases_prompts import fact_prompts

from .network import JUDGED, Config, layers

BETAS = (0.5, 1.0, 1.5, 2.0, 3.0, 4.0, 6.0)
RANKS = (1, 2, 3, 4, 8, 16)
SUBJECT = np.arange(3)[:, None] == 1


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
    prompts, n_train = fact_prompts(config.world()), config.lm_train_subjects
    order = np.random.default_rng(JUDGED).permutation(prompts.shape[1])
    prompts, truth = prompts[:, order], config.world().objects()[:, order]
    seen = _relations(model, sites, n_train, params_P, jnp.asarray(prompts))
    index = np.arange(prompts.shape[1])
    development, test = (index >= n_train) & (index < 2 * n_train), index >= 2 * n_train
    rows = []
    for seed in range(config.seeds):
        params, own = (jax.tree.map(lambda a, p=seed: a[p], x) for x in (params_P, seen))
        for r, name in enumerate(RELATIONS):
            found = {k: own[k][:, r] for k in ("w", "b", "s")} | {"o": own["o"][r]}
            answer = np.asarray(own["answer"][r])
            known = answer == truth[r]
            agree = agreement(model, params, found, answer, n_train)
            right, kept = moved(model, params, sites, found, (prompts[r], truth[r], known), seed)
            map_at = chosen(agree[:, 1:], development & known)
            move_at = chosen(right[:, 0], development & kept)
            scores = {
                "known": known,
                "faithful": agree[:, 1:][map_at][test & known],
                "constant": agree[map_at[0], 0][test & known],
                "causal": right[:, 0][move_at][test & kept],
                "causal_random": right[:, 1][move_at][test & kept],
            }
            means = {column: mean_or_nan(values) for column, values in scores.items()}
            rows.append({"init_seed": seed, "relation": name} | means)
    return pl.DataFrame(rows)


def chosen(correct_IKS: np.ndarray, development_S: np.ndarray) -> tuple[int, int]:
    """The layer and the setting of highest accuracy on development subjects."""
    if not development_S.any():
        return 0, 0
    score_IK = correct_IKS[..., development_S].mean(-1)
    layer, setting = np.unravel_index(score_IK.argmax(), score_IK.shape)
    return int(layer), int(setting)


def agreement(
    model: Transformer, params: Params, found: dict[str, Array], answer_S: np.ndarray, n_train: int
) -> np.ndarray:
    """Whether each layer's map gives the network's own answer, (I, 1 + betas, S).

    First stands a map that sees no subject: the mean object of those that it was fitted to.
    """
    answers, mean_D = [], found["o"][:n_train].mean(0)
    for w, b, s in zip(found["w"], found["b"], found["s"], strict=True):
        outputs = jnp.stack([Relation(w, b, beta)(s) for beta in (0.0, *BETAS)])
        outputs = outputs.at[0].set(jnp.broadcast_to(mean_D, outputs.shape[1:]))
        answers.append(np.asarray(logit_lens(model, params, outputs).argmax(-1)))
    return np.stack(answers) == answer_S


def moved(
    model: Transformer,
    params: Params,
    sites: tuple[str, ...],
    found: dict[str, Array],
    facts: tuple[np.ndarray, np.ndarray, np.ndarray],
    seed: int,
) -> tuple[np.ndarray, np.ndarray]:
    """Whether a moved subject's answer is the wanted object, (I, 2, ranks, S), and for which (S,).

    Each subject is moved towards the next one with another object, by the inverse of the map and,
    as a control, at random as far.

    Args:
        model: the decoder.
        params: its parameters.
        sites: where subjects are moved.
        found: maps of the relation, and its objects.
        facts: prompts (S, 3), objects (S,), and which the network knows (S,).
        seed: of the random moves.
    """
    tokens, truth_S, known_S = facts
    target_S = other_subjects(truth_S, known_S)
    wanted_S = np.where(target_S >= 0, truth_S[target_S], -1)
    change_SD = found["o"][np.maximum(target_S, 0)] - found["o"]
    move_IKSD = jnp.stack(
        [
            jnp.stack([subject_move(Relation(w, b), change_SD, rank) for rank in RANKS])
            for w, b in zip(found["w"], found["b"], strict=True)
        ]
    )
    both = jnp.concatenate([move_IKSD, random_like(move_IKSD, seed)], 1)
    answer_IKS = np.asarray(_moved(model, sites, params, jnp.asarray(tokens), both))
    right = (answer_IKS == wanted_S).reshape(len(sites), 2, len(RANKS), -1)
    return right, known_S & (target_S >= 0)
