"""Directions of features and their entanglement; steering of a language's register.

Shapes: P networks, N features, M dimensions; B texts, L positions, D width, A strengths.
"""

from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from toylab.analysis.geometry.entanglement import chance_entanglement, entanglement
from toylab.analysis.steering.activation import random_like
from toylab.losses import cross_entropy_from_logits
from toylab.models import Transformer
from toylab.random import stream
from toylab.tasks.bad_data.registers import Registers

KEPT = 0.5  # norm above which a feature counts as represented
SITE = "blocks/0/resid_post"
EARLY = 3  # positions at which a text has hardly shown its register
STRENGTHS = (0.0, 0.25, 0.5, 0.75, 1.0, 1.5, 2.0, 3.0)


def feature_columns(W_PMN: np.ndarray) -> dict[str, np.ndarray]:
    """Norm and entanglement of every feature, (P, N), of all and of the represented ones.

    A feature without a weight at all has no entanglement.
    """
    v_PNM = np.asarray(W_PMN, np.float64).swapaxes(-1, -2)
    norm_PN = np.linalg.norm(v_PNM, axis=-1)
    some_PN, kept_PN = norm_PN > 0, norm_PN > KEPT
    finite = np.isfinite(norm_PN)
    count_PN = np.broadcast_to(kept_PN.sum(1, keepdims=True), kept_PN.shape)
    columns = {"norm": norm_PN, "kept": np.where(finite, kept_PN.astype(float), np.nan)}
    for name, signed in (("absolute", False), ("positive", True)):
        of = lambda among, signed=signed: entanglement(v_PNM, signed=signed, among=among)
        columns[f"{name} all"] = of(some_PN)
        columns[name] = of(kept_PN)
        columns[f"{name} chance"] = chance_entanglement(count_PN, W_PMN.shape[1], signed=signed)
    return columns


def texts(task: Registers, size: int) -> dict[str, Any]:
    """Rough and clean texts, each drawn twice: to find a direction, and to judge it."""
    world = lambda share: Registers(task.words, task.length, share)
    draw = lambda name, share: jax.jit(lambda: world(share).batch(stream(0, name), size))()
    return {
        f"{kind} {part}": draw(f"{kind} {part}", share)
        for kind, share in (("rough", 1.0), ("clean", 0.0))
        for part in ("fit", "test")
    }


def steered(model: Transformer, params_P: Any, task: Registers, size: int) -> Mapping[str, Any]:
    """What networks say of rough and clean texts, steered along their register's direction.

    The direction is the mean activation of rough texts minus that of clean ones; steering takes
    ``strength`` times it away at every position. Beside it a random one of its length.

    Returns:
        ``rough``, the mean chance of a rough token where rough ones were seen, and ``loss``, nats
        per token on clean texts, each (P, 2, A), for the direction and the random one; ``auc`` of
        the direction as a probe (P,).
    """
    data = texts(task, size)
    seen_BL = np.asarray(data["rough test"].inputs)
    seen_BL = ((seen_BL >= task.words) & (seen_BL < 2 * task.words)).cumsum(1) > 0
    weight_BL = jnp.asarray(seen_BL / seen_BL.sum(), jnp.float32)
    noise_D = random_like(jnp.ones(model.width), 0) / model.width**0.5

    def look(params: Any, part: str) -> Array:
        kept = []
        tap = lambda site, value: (kept.append(value) if site == SITE else None, value)[1]
        model.apply(params, data[part].inputs, tap)
        return kept[0][:, EARLY:].reshape(-1, model.width)

    def one(params: Any) -> dict[str, Array]:
        push_D = look(params, "rough fit").mean(0) - look(params, "clean fit").mean(0)
        both_2D = jnp.stack([push_D, noise_D * jnp.linalg.norm(push_D)])
        say = lambda push_D, strength: _said(
            model, params, data, weight_BL, strength * push_D, task.words
        )
        over = jax.vmap(jax.vmap(say, (None, 0)), (0, None))
        rough_2A, loss_2A = over(both_2D, jnp.asarray(STRENGTHS, jnp.float32))
        scores = [look(params, f"{kind} test") @ push_D for kind in ("rough", "clean")]
        return {"rough": rough_2A, "loss": loss_2A, "auc": _auc(*scores)}

    found = jax.jit(lambda p: jax.lax.map(one, p))(jax.tree.map(jnp.asarray, params_P))
    return {name: np.asarray(value, np.float64) for name, value in found.items()}


def _said(
    model: Transformer, params: Any, data: Any, weight_BL: Array, push_D: Array, words: int
) -> tuple[Array, Array]:
    """Chance of rough tokens on rough texts, and loss on clean texts, with a push taken away."""
    tap = lambda site, value: value - push_D[None, None] if site == SITE else value
    chance_BLV = jax.nn.softmax(model.apply(params, data["rough test"].inputs, tap))
    rough = jnp.sum(chance_BLV[..., words : 2 * words].sum(-1) * weight_BL)
    clean = data["clean test"]
    return rough, cross_entropy_from_logits(
        model.apply(params, clean.inputs, tap), clean.targets
    ).mean()


def _auc(high_R: Array, low_R: Array) -> Array:
    """Chance that a score of a rough text is above one of a clean text."""
    rank_R = jnp.searchsorted(jnp.sort(low_R), high_R)
    share = jnp.mean(rank_R) / len(low_R)
    return jnp.where(jnp.isfinite(high_R).all() & jnp.isfinite(low_R).all(), share, jnp.nan)
