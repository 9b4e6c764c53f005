"""The probes whose directions and gradients the edits follow."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from toylab.analysis.steering.at_place import stream
from toylab.analysis.steering.battery import Battery, fit_battery
from toylab.analysis.world.base import activations
from toylab.probes.linear import ridge
from toylab.probes.states import one_hot_rows, predicted_states, state_directions
from toylab.read.tables import labelled, long_table

from ..network import Player, draw_games, samples, unseen


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
            fits.append(state_directions(probe, classes))
            right = (predicted_states(probe, x_test, classes) == y_test).mean((1, 2))
            accuracy += _rows(right, name, penalty)
        found[name] = np.stack(fits)
    battery = None
    if hidden:
        x, y = samples(acts[:, train], both.latents["board"][train], weights[train])
        battery = fit_battery(x, y, jax.random.key(seed), hidden, steps, batch)
        x, y = samples(acts[:, test], both.latents["board"][test], weights[test])
        read = [np.argmax(battery.scores(s, jnp.asarray(x[s])), -1) for s in range(len(x))]
        accuracy += _rows(np.mean(np.stack(read) == y, (1, 2)), "nonlinear", None)
    return Probes(
        found["board"], found["colour"], found["flipped"], battery, scale, accuracy, fitted
    )


def _rows(right_S: np.ndarray, probe: str, penalty: float | None) -> list[dict[str, Any]]:
    table = long_table({"layer": None}, accuracy=right_S)
    return labelled(table, probe=probe, penalty=penalty).to_dicts()
