"""The network of a run, with its probe and how to edit along it, for the browser's page.

    python -m toylab.studies.othello.exhibit runs/othello-laptop othello.safetensors

The probe reads the board from the residual stream after each block's attention, where the study
``othello_interventions`` edits it; vectors, first layer and strength of a flip are chosen on
validation games as that study chooses them. Everything is fitted to the network as it is stored, in
8 bits. It lies in ``toylab/web/exhibits/``.
"""

import dataclasses
import sys
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from toylab.analysis.steering.at_place import stream
from toylab.analysis.world.base import activations
from toylab.probes.states import state_probe
from toylab.runs.run_folder import RunFolder
from toylab.study import load_study
from toylab.tasks.othello.othello_edits import draw_cases
from toylab.trees import flatten, unflatten
from toylab.web.exhibit import packed, unpacked

from . import network as o
from .othello_interventions.probes import Probes, fit_probes
from .othello_interventions.run import Bench, Choice, choose_vector
from .othello_interventions.study import PROBE_SEED, TEST_SEED

GAMES = 1_500
READ_SEED = 31


def exhibit(run: RunFolder) -> bytes:
    """Return the file.

    Args:
        run: a run of the study ``othello``.

    Raises:
        ToylabError: the network diverged.
    """
    preset, settings = run.manifest["preset"], run.manifest["config"]
    config: Any = load_study("othello").restored(preset, settings)
    net = o.load(run, o.main(config))
    weights = {f"params/{name}": np.asarray(leaf) for name, leaf in flatten(net.params).items()}
    stored = unpacked(packed(weights, {}))
    params = unflatten({name.removeprefix("params/"): leaf for name, leaf in stored.items()})
    net = dataclasses.replace(net, params=jax.tree.map(jnp.asarray, params))
    choice, probes = _flip(net)
    vectors = probes.board[choice.penalty]  # (S, N, 3, D); an edit has a length of its own
    largest = np.abs(vectors).max((1, 2, 3), keepdims=True)
    weight, bias, layer = _board_probe(net)
    others = {
        "probe/weight": weight,
        "probe/bias": bias,
        "edit/vectors": (vectors / largest).astype(np.float16),
        "edit/spread": probes.scale.astype(np.float32),
    }
    about = {name: run.manifest[name] for name in ("study", "preset", "commit")}
    about |= {"seed": run.members("main")["init_seed"][0], "layer": layer}
    about |= {"start": choice.start, "strength": choice.strength}
    return packed(weights, {name: str(value) for name, value in about.items()}, others)


def _flip(net: o.Player) -> tuple[Choice, Probes]:
    """How a disc is flipped, as validation chooses; and the probes along whose vectors."""
    config: Any = load_study("othello_interventions").config("laptop")
    probes = fit_probes(net, GAMES, PROBE_SEED, config.penalties)
    bench = Bench(net, probes, config.plies[1])
    games = bench.draw(2 * config.validation, TEST_SEED + 1)
    cases = draw_cases(net.task, games, "flip", config.validation, config.plies, TEST_SEED)
    return choose_vector(bench, cases, probes.board, config.strengths)[0], probes


def _board_probe(net: o.Player) -> tuple[np.ndarray, np.ndarray, int]:
    """A linear probe of the board at every layer, and the layer that reads most squares right."""
    both = o.unseen(*_drawn(net))
    _, acts = activations(net.model, net.params, both.inputs, stream(net.model))
    train, test = slice(0, GAMES), slice(GAMES, None)
    labels, weights = np.asarray(both.latents["board"]), np.asarray(both.weights)
    x, y = o.samples(acts[:, train], labels[train], weights[train])
    probe = state_probe(jnp.asarray(x), jnp.asarray(y))
    x_test, y_test = o.samples(acts[:, test], labels[test], weights[test])
    scores = np.asarray(probe.scores(jnp.asarray(x_test)))
    read = scores.reshape(*scores.shape[:-1], -1, 3).argmax(-1)
    layer = int((read == y_test).mean((1, 2)).argmax())
    return np.asarray(probe.weight), np.asarray(probe.bias), layer


def _drawn(net: o.Player) -> tuple[Any, Any, int]:
    """Games to fit on, then a quarter as many to choose the layer by."""
    batch = o.draw_games(net.task, GAMES + GAMES // 4, READ_SEED)
    return batch, np.asarray(batch.inputs)[:GAMES], GAMES


if __name__ == "__main__":
    folder, out = sys.argv[1:]
    Path(out).write_bytes(exhibit(RunFolder(folder)))
