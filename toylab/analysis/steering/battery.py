"""Nonlinear probes of every layer, and edits of activations by gradient through them.

Source: Li et al. 2022 (arXiv:2210.13382), section 4.1 and their code (Adam on the activation).
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jax import Array

from toylab.analysis.steering.at_place import changed
from toylab.models import Transformer
from toylab.taps import Params

RATE = 5e-3  # of Adam for the probes, falling
OTHERS = 0.2  # weight of the variables that should stay as they are, in the authors' code


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


def fit_battery(
    acts_SRD: np.ndarray, labels_RN: np.ndarray, key: Array, hidden: int, steps: int, batch: int
) -> Battery:
    """Fit a nonlinear probe to each layer of activations.

    Args:
        acts_SRD: activations, layer by layer.
        labels_RN: values 0 to 2 of the variables.
        key: of the starts and the rows drawn, the same for every layer.
        hidden: hidden units.
        steps: Adam's steps.
        batch: rows per step.
    """
    labels = jnp.asarray(labels_RN)
    fits = [_fit_layer(jnp.asarray(x), labels, key, hidden, steps, batch) for x in acts_SRD]
    return jax.tree.map(lambda *leaves: jnp.stack(leaves), *fits)


@jax.jit(static_argnames=("hidden", "steps", "batch"))
def _fit_layer(
    x_RD: Array, labels_RN: Array, key: Array, hidden: int, steps: int, batch: int
) -> Battery:
    """Train one layer's nonlinear probes by Adam on random rows, as in the authors' code."""
    rows, width = x_RD.shape
    mean_D = jnp.mean(x_RD, 0)
    scale = jnp.sqrt(jnp.mean(jnp.square(x_RD - mean_D[None])))
    z_RD = (x_RD - mean_D[None]) / scale
    keys = jax.random.split(key, 2)
    out = 3 * labels_RN.shape[1]
    start = {
        "u": jax.random.normal(keys[0], (width, hidden)) * np.float32(np.sqrt(2 / width)),
        "c": jnp.zeros(hidden),
        "w": jnp.zeros((hidden, out)),
        "b": jnp.zeros(out),
    }
    solver = optax.adam(optax.cosine_decay_schedule(RATE, steps, 0.02))

    def loss(v: dict[str, Array], z_BD: Array, labels_BN: Array) -> Array:
        scores = jax.nn.relu(z_BD @ v["u"] + v["c"][None]) @ v["w"] + v["b"][None]
        scores = scores.reshape(*labels_BN.shape, 3)
        each = optax.softmax_cross_entropy_with_integer_labels(scores, labels_BN)
        return jnp.mean(each)

    def step(carry: tuple, key: Array) -> tuple[tuple, None]:
        v, state = carry
        taken = jax.random.randint(key, (batch,), 0, rows)
        with jax.numpy_dtype_promotion("standard"):
            moves, state = solver.update(jax.grad(loss)(v, z_RD[taken], labels_RN[taken]), state)
        return (optax.apply_updates(v, moves), state), None

    (v, _), _ = jax.lax.scan(step, (start, solver.init(start)), jax.random.split(keys[1], steps))
    return Battery(mean_D, scale, v["u"], v["c"], v["w"], v["b"])


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

    return changed(model, params, tokens_CL, place_C, change)
