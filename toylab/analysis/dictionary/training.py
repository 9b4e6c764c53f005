"""How a dictionary trains: the objective, Adam's step, and features that start again.

The entry points are :func:`toylab.analysis.dictionary.autoencoder.fit_dictionary`, for transcoders
:func:`toylab.analysis.dictionary.transcoder.fit_transcoder` and for crosscoders
:func:`toylab.analysis.dictionary.crosscoder.fit_crosscoder`.

Activations here are shifted and scaled: mean 0, total variance 1. A transcoder's rows hold what is
read and then what is to be explained.
"""

import functools
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jax import Array

from toylab.models.dictionaries.codes import sparse
from toylab.task import Number

Params = dict[str, Array]
RESTART = {"topk": 1.0, "l1": 0.2}  # Bricken et al. take 0.2; among the k largest it would never be


class Rules(NamedTuple):
    """What decides the compiled training.

    Attributes:
        kind: "topk" or "l1".
        most: the largest k.
        steps: Adam's.
        batch_size: rows of a step.
        learning_rate: Adam's peak.
        resamples: how often silent features start again.
        reads: columns that a transcoder reads, the rest being its target; 0 for an autoencoder.
        blocks: snapshots of a crosscoder, of equal width; an L1 price is then the sum of the norms
            of a decoder vector's blocks.
    """

    kind: str
    most: int
    steps: int
    batch_size: int
    learning_rate: float
    resamples: int
    reads: int = 0
    blocks: int = 1

    @property
    def stretch(self) -> int:
        """Steps between two restarts of silent features."""
        return -(-self.steps // (self.resamples + 1))


class State(NamedTuple):
    """One member's training: parameters, Adam's moments, which features fired in this stretch."""

    params: Params
    adam: Any
    fired_F: Array


@functools.partial(jax.jit, static_argnums=(1, 2))
def initial(keys_P: Array, features: int, width: int) -> Params:
    """Random decoder vectors of length 1, the encoder their transpose, the rest 0."""
    draw = jax.vmap(lambda key: jax.random.normal(key, (features, width), jnp.float32))
    decoder = unit(draw(keys_P))
    zeros = lambda n: jnp.zeros((len(keys_P), n), jnp.float32)
    return {
        "encoder": jnp.swapaxes(decoder, 1, 2),
        "bias": zeros(features),
        "decoder": decoder,
        "centre": zeros(width),
    }


def unit(rows: Array) -> Array:
    """Return vectors (..., D) at length 1."""
    return rows / jnp.maximum(jnp.linalg.norm(rows, axis=-1, keepdims=True), 1e-12)


def objective(
    params: Params,
    z_BD: Array,
    k: Array,
    l1: Number,
    kind: str,
    most: int,
    reads: int = 0,
    blocks: int = 1,
) -> tuple[Array, tuple[Array, Array]]:
    """Return ``mean ||z - z_hat||^2 + l1 mean sum a`` (the price for the L1 kind only).

    Returns:
        The objective, and (codes (B, F), residuals (B, D)).
    """
    if reads:
        read_BC, target_BD = z_BD[:, :reads], z_BD[:, reads:]
        shift_F = params["bias"]
    else:
        read_BC = target_BD = z_BD
        # Not (z - centre) @ encoder: its gradient would take a product of the size of the batch.
        shift_F = params["bias"] - params["centre"] @ params["encoder"]
    codes_BF = sparse(read_BC @ params["encoder"] + shift_F[None], k, most, kind)
    residual_BD = target_BD - codes_BF @ params["decoder"] - params["centre"][None]
    if "skip" in params:
        residual_BD = residual_BD - read_BC @ params["skip"]
    loss = jnp.mean(jnp.sum(residual_BD**2, 1))
    if kind == "l1" and blocks > 1:
        loss = loss + l1 * jnp.mean(codes_BF @ _block_norms(params["decoder"], blocks))
    elif kind == "l1":
        loss = loss + l1 * jnp.mean(jnp.sum(codes_BF, 1))
    return loss, (codes_BF, residual_BD)


def _block_norms(decoder_FD: Array, blocks: int) -> Array:
    """Sum of the norms of each vector's blocks (F,), smooth where one is 0."""
    parts = decoder_FD.reshape(len(decoder_FD), blocks, -1)
    return jnp.sum(jnp.sqrt(jnp.sum(parts**2, -1) + np.float32(1e-12)), -1)


def _step(state: State, z_BD: Array, k: Array, l1: Array, rate: Array, rules: Rules) -> Any:
    take = jax.value_and_grad(objective, has_aux=True)
    args = (z_BD, k, l1, rules.kind, rules.most, rules.reads, rules.blocks)
    (loss, (codes_BF, _)), grads = take(state.params, *args)
    decoder = state.params["decoder"]
    along = jnp.sum(grads["decoder"] * decoder, -1, keepdims=True)
    grads["decoder"] -= along * decoder
    # Optax mixes Python floats with int32 counts, which strict promotion would refuse.
    with jax.numpy_dtype_promotion("standard"):
        moves, adam = optax.scale_by_adam().update(grads, state.adam)
    params = jax.tree.map(lambda p, m: p - rate * m, state.params, moves)
    params["decoder"] = unit(params["decoder"])
    return State(params, adam, state.fired_F | (codes_BF > 0).any(0)), loss


def _restart(state: State, z_BD: Array, key: Array, k: Array, l1: Array, rules: Rules) -> State:
    """Let the features that were silent start again at what is badly explained."""
    params, silent_F = state.params, ~state.fired_F
    _, (_, residual_BD) = objective(
        params, z_BD, k, l1, rules.kind, rules.most, rules.reads, rules.blocks
    )
    loss_B = jnp.sum(residual_BD**2, 1)
    # The largest of these are a draw without replacement, with chances that go as loss^2.
    lot_B = 2 * jnp.log(loss_B + np.float32(1e-20)) + jax.random.gumbel(key, loss_B.shape)
    order_B = jnp.argsort(-lot_B)
    turn_F = (jnp.cumsum(silent_F.astype(jnp.int32)) - 1) % len(order_B)
    rows_F = order_B[turn_F]
    new_FD = unit(residual_BD[rows_F])
    read_FC = unit(z_BD[rows_F, : rules.reads]) if rules.reads else new_FD
    norm_F = jnp.linalg.norm(params["encoder"], axis=0)
    alive = jnp.mean(norm_F, where=state.fired_F | ~state.fired_F.any())
    new = {
        "encoder": (np.float32(RESTART[rules.kind]) * alive * read_FC).T,
        "bias": jnp.zeros_like(params["bias"]),
        "decoder": new_FD,
    }
    which = {"encoder": silent_F[None], "bias": silent_F, "decoder": silent_F[:, None]}

    def replace(old: Params, fresh: Params) -> Params:
        return old | {n: jnp.where(w, fresh[n], old[n]) for n, w in which.items()}

    zeros = jax.tree.map(jnp.zeros_like, params)
    adam = state.adam._replace(mu=replace(state.adam.mu, zeros), nu=replace(state.adam.nu, zeros))
    return State(replace(params, new), adam, state.fired_F)


def _share(step: Array, steps: int) -> Array:
    """Learning rate as a share of its peak: up over a twentieth, down over the last fifth."""
    t = (step.astype(jnp.float32) + 1) / steps
    return jnp.clip(jnp.minimum(20 * t, 5 * (1 + 1 / steps - t)), 0.0, 1.0)


@functools.partial(jax.jit, static_argnames=("rules",))
def train_each(
    params: Params, z: Array, keys_P: Array, k_P: Array, l1_P: Array, rules: Rules
) -> tuple[Params, Array]:
    """Train members as :func:`train` does on each of many data sets, z (..., N, D), at once."""
    one = lambda z_ND: train(params, z_ND, keys_P, k_P, l1_P, rules)
    for _ in z.shape[:-2]:
        one = jax.vmap(one)
    return one(z)


@functools.partial(jax.jit, static_argnames=("rules",))
def train(
    params: Params, z_ND: Array, keys_P: Array, k_P: Array, l1_P: Array, rules: Rules
) -> tuple[Params, Array]:
    """Train members on common minibatches; return parameters and the losses (P, S)."""
    n, stretch = len(z_ND), rules.stretch
    features = params["bias"].shape[-1]
    root = jax.random.key(0)
    state = State(
        params,
        jax.vmap(optax.scale_by_adam().init)(params),
        jnp.zeros((len(keys_P), features), bool),
    )

    def batch(number: Array) -> Array:
        rows = jax.random.randint(jax.random.fold_in(root, number), (rules.batch_size,), 0, n)
        return z_ND[rows]

    def step(state: State, number: Array) -> tuple[State, Array]:
        rate = rules.learning_rate * _share(number, stretch * (rules.resamples + 1))
        one = lambda s, k, l1: _step(s, batch(number), k, l1, rate, rules)
        return jax.vmap(one)(state, k_P, l1_P)

    def part(state: State, index: Array) -> tuple[State, Array]:
        silent = state._replace(fired_F=jnp.zeros_like(state.fired_F))
        numbers = index * stretch + jnp.arange(stretch, dtype=jnp.int32)
        state, losses_SP = jax.lax.scan(step, silent, numbers)
        # The last stretch ends training: nothing starts again after it.
        last = index == rules.resamples
        fired = state._replace(fired_F=state.fired_F | last)
        z_BD = batch(-1 - index)
        again = lambda s, key, k, l1: _restart(
            s, z_BD, jax.random.fold_in(key, 1 + index), k, l1, rules
        )
        return jax.vmap(again)(fired, keys_P, k_P, l1_P), losses_SP

    if not stretch:
        return params, jnp.zeros((len(keys_P), 0), jnp.float32)
    state, losses = jax.lax.scan(part, state, jnp.arange(rules.resamples + 1, dtype=jnp.int32))
    return state.params, losses.reshape(-1, len(keys_P)).T
