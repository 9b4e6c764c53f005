"""The probes whose directions and gradients the edits follow."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jax import Array

from toylab.probes.linear import ridge

from ..edits import Battery, stream
from ..network import (
    Player,
    activations,
    board_directions,
    draw_games,
    one_hot_rows,
    predicted_states,
    samples,
    unseen,
)

RATE = 5e-3  # of Adam, falling


class Probes(NamedTuple):
    """Probes of every layer of one network, fitted on games of their own.

    Attributes:
        board: vectors for empty, mine, theirs by penalty (G, S, N, 3, D).
        colour: vectors for empty, black, white (G, S, N, 3, D).
        flipped: vectors for not flipped, flipped by the last move (G, S, N, 2, D).
        battery: nonlinear probes of empty, mine, theirs; None if not asked for.
        scale: root mean square of an activation's distance from the mean, per layer (S,).
        accuracy: share of squares read right on further games: probe, penalty, layer, accuracy.
        games: the games that they were fitted on (G, L).
    """

    board: np.ndarray
    colour: np.ndarray
    flipped: np.ndarray
    battery: Battery | None
    scale: np.ndarray
    accuracy: list[dict[str, Any]]
    games: np.ndarray


def fit_probes(
    net: Player,
    games: int,
    seed: int,
    penalties: tuple[float, ...],
    hidden: int = 0,
    steps: int = 0,
    batch: int = 1024,
) -> Probes:
    """Fit all probes of one network on fresh games, and score them on a quarter as many more.

    Args:
        net: the network.
        games: number of games to fit on.
        seed: of the games and the nonlinear probes.
        penalties: of the linear probes, in units of the layer's mean variance along an axis.
        hidden: hidden units of the nonlinear probes; 0 fits none.
        steps: Adam steps of the nonlinear probes.
        batch: places per step.
    """
    both = draw_games(net.task, games + max(1, games // 4), seed)
    fitted = np.asarray(both.inputs)[:games]
    both = unseen(both, fitted, first=games)
    _, acts = activations(net.model, net.params, both.inputs, stream(net.model))
    weights, train, test = np.asarray(both.weights), slice(0, games), slice(games, None)
    found, accuracy = {}, []
    scale = np.zeros(len(acts))
    for name, classes in (("board", 3), ("colour", 3), ("flipped", 2)):
        labels = np.asarray(both.latents[name])
        x, y = samples(acts[:, train], labels[train], weights[train])
        x_test, y_test = samples(acts[:, test], labels[test], weights[test])
        scale = np.sqrt(x.var(1).sum(-1))
        hot, fits = one_hot_rows(jnp.asarray(y), classes), []
        for penalty in penalties:
            l2 = jnp.asarray(penalty * x.var(1).mean(-1) * x.shape[1], jnp.float32)
            probe = ridge(jnp.asarray(x), hot, l2)
            fits.append(board_directions(probe, classes))
            right = (predicted_states(probe, x_test, classes) == y_test).mean((1, 2))
            accuracy += _rows(name, penalty, right)
        found[name] = np.stack(fits)
    battery = None
    if hidden:
        x, y = samples(acts[:, train], both.latents["board"][train], weights[train])
        key = jax.random.key(seed)
        fits = [_fit_layer(layer, jnp.asarray(y), key, hidden, steps, batch) for layer in x]
        battery = jax.tree.map(lambda *leaves: jnp.stack(leaves), *fits)
        x, y = samples(acts[:, test], both.latents["board"][test], weights[test])
        told = [np.argmax(battery.scores(s, jnp.asarray(x[s])), -1) for s in range(len(x))]
        accuracy += _rows("nonlinear", None, np.mean(np.stack(told) == y, (1, 2)))
    return Probes(
        found["board"], found["colour"], found["flipped"], battery, scale, accuracy, fitted
    )


def _rows(probe: str, penalty: float | None, right_S: np.ndarray) -> list[dict[str, Any]]:
    return [
        {"probe": probe, "penalty": penalty, "layer": s, "accuracy": float(value)}
        for s, value in enumerate(right_S)
    ]


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
