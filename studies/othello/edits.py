"""Board edits inside a network: along a linear probe, or by gradient through a nonlinear one.

Both change the residual stream at one place of a game, the last move's, at some layers; what comes
after is computed from what was changed. Layer i is what block i's attention leaves, before its MLP
(as in the code of Nanda et al.; Li et al. edit after the MLP).

Source: by gradient, Li et al. 2022, section 4.1 and their code (Adam on the activation); by adding
probe vectors, Nanda, Lee and Wattenberg 2023, section 4.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jax import Array

from toylab.models import Transformer
from toylab.taps import Params

from .boards import Cases

OTHERS = 0.2  # weight of the squares that should stay as they are, in the authors' code


def stream(model: Transformer) -> tuple[str, ...]:
    """Sites that are edited: the residual stream after each block's attention, S = depth."""
    return tuple(f"blocks/{i}/resid_mid" for i in range(model.depth))


class Battery(NamedTuple):
    """Nonlinear probes of all squares at once, one per layer: softmax(relu(z U + c) W + b).

    ``z`` is the activation less ``mean``, over ``scale``, which is one number per layer.
    """

    mean_SD: Array
    scale_S: Array
    u_SDF: Array
    c_SF: Array
    w_SFT: Array
    b_ST: Array

    def scores(self, layer: int, x: Array) -> Array:
        """Scores (..., N, 3) of activations (..., D) of one layer."""
        z = (x - jnp.broadcast_to(self.mean_SD[layer], x.shape)) / self.scale_S[layer]
        hidden = jax.nn.relu(_affine(z, self.u_SDF[layer], self.c_SF[layer]))
        scores = _affine(hidden, self.w_SFT[layer], self.b_ST[layer])
        return scores.reshape(*scores.shape[:-1], -1, 3)


def _affine(x: Array, weight: Array, bias: Array) -> Array:
    product = x @ weight
    return product + jnp.broadcast_to(bias, product.shape)


def _edited(model: Transformer, params: Params, tokens: Array, place: Array, change) -> tuple:
    """Run with ``change(layer, x_CD)`` in place of each layer's activation at one place."""
    sites, told, moved = stream(model), jnp.arange(len(place)), []

    def tap(name: str, value: Array) -> Array:
        if name in sites:
            x_CD = value[told, place]
            new_CD = change(sites.index(name), x_CD)
            moved.append(new_CD - x_CD)
            value = value.at[told, place].set(new_CD)
        return value

    logits = model.apply(params, tokens, tap)
    return logits[told, place], jnp.stack(moved)


@jax.jit(static_argnames="model")
def add(
    model: Transformer, params: Params, tokens_CL: Array, place_C: Array, delta_SCD: Array
) -> Array:
    """Logits (C, V) at a place of each game with a vector added at every layer."""
    change = lambda layer, x_CD: x_CD + delta_SCD[layer]
    return _edited(model, params, tokens_CL, place_C, change)[0]


@jax.jit(static_argnames="model")
def descend(
    model: Transformer,
    params: Params,
    battery: Battery,
    tokens_CL: Array,
    place_C: Array,
    squares_CK: Array,
    new_CK: Array,
    used_S: Array,
    rate: Array,
    steps: Array,
) -> tuple[Array, Array]:
    """Edit by Adam on the activation until the nonlinear probe reads the edited board.

    Minimises, layer after layer, the probe's cross-entropy with the new states of the edited
    squares, plus :data:`OTHERS` times that with what it read before on every other square.

    Args:
        model: the transformer.
        params: weights of one member.
        battery: probes of every layer.
        tokens_CL: games.
        place_C: where to edit.
        squares_CK: squares to edit.
        new_CK: their new states.
        used_S: 1 for the layers to edit, 0 for the others.
        rate: Adam's learning rate, in units of the layer's scale.
        steps: Adam's steps.

    Returns:
        Logits (C, V) and how far each layer was moved (S, C, D).
    """
    rows = jnp.arange(len(place_C))[:, None]
    solver = optax.scale_by_adam()

    def change(layer: int, x_CD: Array) -> Array:
        before_CN = jnp.argmax(battery.scores(layer, x_CD), -1)
        target_CN = before_CN.at[rows, squares_CK].set(new_CK)
        weight_CN = jnp.full(before_CN.shape, OTHERS).at[rows, squares_CK].set(1.0)

        def loss(moved_CD: Array) -> Array:
            scores = battery.scores(layer, x_CD + battery.scale_S[layer] * moved_CD)
            each = optax.softmax_cross_entropy_with_integer_labels(scores, target_CN)
            return jnp.sum(weight_CN * each)

        def step(_: Array, carry: tuple) -> tuple:
            moved_CD, state = carry
            with jax.numpy_dtype_promotion("standard"):
                downhill, state = solver.update(jax.grad(loss)(moved_CD), state)
            return moved_CD - rate * jnp.asarray(downhill), state

        start = jnp.zeros_like(x_CD)
        moved_CD, _ = jax.lax.fori_loop(0, steps, step, (start, solver.init(start)))
        return x_CD + used_S[layer] * battery.scale_S[layer] * moved_CD

    return _edited(model, params, tokens_CL, place_C, change)


# Vectors ----------------------------------------------------------------------------------------


def unit(vectors: np.ndarray) -> np.ndarray:
    """Vectors scaled to length 1; one of length 0 stays."""
    length = np.linalg.norm(vectors, axis=-1, keepdims=True)
    return vectors / np.where(length == 0, 1, length)


def towards(
    directions_SNCD: np.ndarray, squares_CK: np.ndarray, old_CK: np.ndarray, new_CK: np.ndarray
) -> np.ndarray:
    """Sum over the K squares of the unit vectors from their old states to the new, (S, C, D).

    Args:
        directions_SNCD: a vector per layer, square and state.
        squares_CK: squares; -1 adds nothing.
        old_CK: states before.
        new_CK: states after.
    """
    step = directions_SNCD[:, squares_CK, new_CK] - directions_SNCD[:, squares_CK, old_CK]
    return (unit(step) * (squares_CK >= 0)[..., None]).sum(2).astype(np.float32)


def by_colour(cases: Cases, states_CK: np.ndarray) -> np.ndarray:
    """Turn mine and theirs into black (1) and white (2); empty stays 0."""
    swapped = np.where(states_CK == 0, 0, 3 - states_CK)
    return np.where(cases.white[:, None], swapped, states_CK)
