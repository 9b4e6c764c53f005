"""The sides of the generator's benchmark make the same kind of games; no test asserts a speed."""

import numpy as np
import pytest

from toylab.benchmarks import othello_numpy
from toylab.benchmarks.othello_generator import Case, Ours, rows
from toylab.errors import ToylabError
from toylab.tasks.othello.othello import Othello


def test_numpy_plays_the_games_of_the_slow_oracle():
    from tests.oracles import othello as slow

    moves, mine, theirs, legal = othello_numpy.play(20, 0, latents=True)
    for game in range(20):
        made = [int(m).bit_length() - 1 for m in moves[:, game] if m]
        true = slow.follow(8, made)
        n = len(made)
        board = othello_numpy.unpack(mine[:n, game]) + 2 * othello_numpy.unpack(theirs[:n, game])
        assert (board[:-1] == np.array(true["board"])[:-1]).all()
        assert (othello_numpy.unpack(legal[:n, game]) == np.array(true["legal"])).all()
        assert n == 60 or not true["legal"][-1].any()


def test_numpy_draws_evenly():
    from scipy.stats import chisquare

    first = othello_numpy.play(8000, 1)[0][0]
    counts = np.unique(first, return_counts=True)[1]
    assert len(counts) == 4 and chisquare(counts).pvalue > 1e-3


def test_ours_makes_every_game_asked_for():
    side = Ours()
    side.prepare(Case(latents=True, games=64, size=4))
    inputs, board, legal = side.made
    assert inputs.shape == (64, Othello(4).length)
    assert board.shape == legal.shape == (64, Othello(4).length, 16)
    assert len(np.unique(np.asarray(inputs), axis=0)) > 50  # devices draw different games


@pytest.mark.parametrize("wrong", [{"seconds": 0}, {"rounds": 0}, {"games": 1}])
def test_wrong_settings(wrong):
    with pytest.raises(ToylabError):
        rows(**wrong)
