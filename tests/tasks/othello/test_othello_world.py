"""Othello as a world of the tests in ``toylab.analysis.world``."""

import jax
import numpy as np
import pytest

from toylab.analysis.world.base import truth
from toylab.tasks.othello.othello import Othello
from toylab.tasks.othello.othello_world import OthelloWorld


@pytest.fixture(scope="module")
def games() -> tuple[Othello, OthelloWorld, np.ndarray, dict[str, np.ndarray]]:
    task = Othello(4)
    batch = task.batch(jax.random.key(0), 40)
    return (
        task,
        OthelloWorld(task),
        np.asarray(batch.inputs),
        jax.tree.map(np.asarray, batch.latents),
    )


def test_othello_allows_the_legal_moves_as_tokens(games) -> None:
    task, world, inputs, latents = games
    states, allowed, counts = truth(world, inputs)
    assert (states == latents["board"]).all() and not allowed[..., 0].any()
    by_square = np.zeros(latents["legal"].shape, bool)
    by_square[..., task.squares[1:]] = allowed[..., 1:]
    assert (by_square == latents["legal"]).all()
    assert (counts == latents["legal"].any(-1)).all()


def test_counterfactuals_turn_one_disc_over(games) -> None:
    _, world, inputs, _ = games
    states = world.states(inputs)[:, 5]
    wanted = world.counterfactuals(states, np.random.default_rng(0))
    changed = wanted != states
    assert (changed.sum(1) == 1).all()
    assert (wanted[changed] + states[changed] == 3).all()


def test_wrong_worlds_differ_from_othello(games) -> None:
    _, world, inputs, latents = games
    wrong = world.wrong(inputs)
    assert set(wrong) == {"no flip", "rows only", "delete"}
    assert all((states != latents["board"]).any() for states in wrong.values())
