"""The study ``othello``: its measures on inputs whose answer is worked out another way."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import polars as pl
import pytest
from sklearn.linear_model import Ridge
from sklearn.metrics import f1_score

from toylab.analysis.world.base import activations
from toylab.change import stream
from toylab.errors import ToylabError
from toylab.probes.states import RIDGE, state_directions
from toylab.studies.othello import network as o
from toylab.studies.othello.othello import probes as p
from toylab.studies.othello.othello.readings import ahead
from toylab.taps import run
from toylab.tasks.othello.othello import Othello
from toylab.tasks.othello.othello_moves import move_errors, top_one_legal

TASK = Othello(4)


@functools.cache
def games(count=30, seed=0):
    """Games with activations that hold the board, and some that hold nothing."""
    batch = o.draw_games(TASK, count, seed)
    rng = np.random.default_rng(seed)
    board = np.eye(3, dtype=np.float32)[np.asarray(batch.latents["board"])]
    known = board.reshape(*board.shape[:2], -1)
    noise = rng.normal(size=(1, *known.shape)).astype(np.float32)
    logits = rng.normal(size=(*known.shape[:2], TASK.vocab)).astype(np.float32)
    return p.Games(batch, np.stack([known, noise[0]]), noise, logits)


def test_a_probe_reads_what_is_there_and_nothing_else():
    train, test = games(30, 0), games(30, 1)
    labels = (train.labels("board"), test.labels("board"))
    right = p.linear(train, (train.acts_SGLD, test.acts_SGLD), labels) == labels[1]
    by_layer = p.per_game(right, test.counts_GL).mean(1)
    assert by_layer[0] > 0.999 and by_layer[1] < 0.7
    few = p.linear(train, (train.acts_SGLD, test.acts_SGLD), labels, few=2) == labels[1]
    assert few.mean() < right.mean()


def test_the_probe_is_scikit_learns_ridge():
    train = games()
    rows = train.counts_GL
    probe = p.fitted(train, train.untrained_SGLD, train.labels("board"), 3, None)
    x = train.untrained_SGLD[0][rows].astype(np.float64)
    y = np.eye(3)[train.labels("board")[rows]].reshape(len(x), -1)
    oracle = Ridge(alpha=RIDGE).fit(x, y)
    np.testing.assert_allclose(np.asarray(probe.weight)[0], oracle.coef_.T, atol=2e-4)
    directions = state_directions(probe)
    np.testing.assert_allclose(directions[0, 5, 2], oracle.coef_[5 * 3 + 2], atol=2e-4)


def test_scores_per_game_and_per_place_count_only_places_of_the_game():
    rng = np.random.default_rng(0)
    right = rng.random((2, 5, 7, 3)) < 0.5
    counts = np.arange(7)[None] < np.array([7, 3, 5, 1, 7])[:, None]
    by_game, by_place = p.per_game(right, counts), p.per_place(right, counts)
    for layer in range(2):
        for game in range(5):
            expected = np.mean([right[layer, game, t].mean() for t in range(7) if counts[game, t]])
            assert by_game[layer, game] == pytest.approx(expected)
        for place in range(7):
            seen = [right[layer, g, place].mean() for g in range(5) if counts[g, place]]
            assert by_place[layer, place] == pytest.approx(np.mean(seen))


def test_controls_keep_what_they_should():
    train = games()
    board = train.labels("board")
    late = p.shifted(board)
    assert (late[:, 2:] == board[:, :-2]).all() and (late[:, :2] == board[:, :2]).all()
    told = p.constant(train, train)[0]
    for place, square in ((0, 5), (4, 0), (6, 9)):
        seen = board[train.counts_GL[:, place], place, square]
        assert (seen == told[0, place, square]).mean() == max((seen == s).mean() for s in range(3))


def test_f1_of_captures_is_scikit_learns_at_the_best_threshold():
    train, test = games(30, 0), games(30, 1)
    found = p.flipped_f1(train, test, trained=True)
    labels = [g.labels("flipped")[g.counts_GL] > 0 for g in (train, test)]
    probe = p.fitted(train, train.acts_SGLD, train.labels("flipped"), 2, None)
    score = [p._margins(probe, g.acts_SGLD, 16)[0] for g in (train, test)]
    inside = [s[g.counts_GL] for s, g in zip(score, (train, test), strict=True)]
    tried = np.linspace(-1, 1, 61)
    f1 = [f1_score(labels[0].ravel(), (inside[0] > t).ravel(), zero_division=0) for t in tried]
    best = tried[int(np.argmax(f1))]
    for game in (0, 9):
        kept = test.counts_GL[game]
        true = test.labels("flipped")[game][kept] > 0
        expected = f1_score(true.ravel(), (score[1][game][kept] > best).ravel())
        assert found[0, game] == pytest.approx(expected)


def test_errors_of_a_prediction():
    rng = np.random.default_rng(0)
    logits = rng.normal(size=(40, TASK.vocab)).astype(np.float32)
    legal = rng.random((40, 16)) < 0.3
    legal[:, TASK.tokens == 0] = False
    found = move_errors(TASK, logits, legal)
    best = top_one_legal(TASK, logits, legal)
    for row in range(40):
        true = {int(TASK.tokens[s]) for s in np.flatnonzero(legal[row])}
        order = [int(t) for t in np.argsort(-logits[row]) if t > 0]
        told = set(order[: len(true)])
        assert found[row] == len(told - true) + len(true - told)
        assert best[row] == (int(np.argmax(logits[row])) in true)


def test_divergence_is_zero_for_the_best_prediction():
    perfect = games()
    legal = np.asarray(perfect.batch.latents["legal"])[..., TASK.squares[1:]]
    logits = np.where(legal, 0.0, -30.0).astype(np.float32)
    logits = np.concatenate([np.full((*logits.shape[:2], 1), -30, np.float32), logits], -1)
    best = p.Games(perfect.batch, perfect.acts_SGLD, perfect.untrained_SGLD, logits)
    kept = perfect.counts_GL
    assert np.abs(p.play(TASK, best)["divergence"][kept]).max() < 1e-5
    even = p.Games(perfect.batch, perfect.acts_SGLD, perfect.untrained_SGLD, 0 * logits)
    expected = np.log(TASK.vocab) - np.log(np.maximum(legal.sum(-1), 1))
    np.testing.assert_allclose(p.play(TASK, even)["divergence"][kept], expected[kept], atol=1e-5)


def test_activations_do_not_depend_on_the_chunk():
    model = o.network(4, 1, 8, 2)
    params = model.init(jax.random.key(0))
    tokens = games().batch.inputs[:10]
    logits, acts = activations(model, params, tokens, stream(model), chunk=4)
    whole, sites = run(model, params, tokens, record=stream(model))
    np.testing.assert_allclose(logits, whole, atol=1e-5)
    np.testing.assert_allclose(acts, jnp.stack(list(sites.values())), atol=1e-5)


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ({"size": 5}, "size = 5"),
        ({"steps": 0}, "steps"),
        ({"heads": 3}, "heads"),
        ({"targets": "all"}, "targets"),
    ],
)
def test_wrong_settings(setting, message):
    with pytest.raises(ToylabError, match=message):
        o.main(o.Network(**setting))


def test_boards_are_compared_where_both_are_as_near_to_the_best_prediction():
    path = [(0, 3.0, 0.5), (10, 1.0, 0.6), (100, 0.01, 0.9)]
    rows = [("expected", *point) for point in path] + [
        ("main", 0, 3.0, 0.5),
        ("main", 100, 0.1, 0.7),
    ]
    table = pl.DataFrame(rows, ["row", "step", "divergence", "accuracy"], orient="row")
    both = pl.concat([table.with_columns(init_seed=pl.lit(seed)) for seed in (0, 1)])
    np.testing.assert_allclose(ahead({"small": both}).values, [0.05, 0.05], atol=1e-9)


def test_places_that_a_fitted_game_has_met_do_not_count():
    model = o.network(4, 1, 8, 2)
    net = o.Player(TASK, model, model.init(jax.random.key(0)))
    train = p.Games.through(net, net, 20, 0)
    test = p.Games.through(net, net, 20, 1, fitted=train)
    known = {tuple(row[: i + 1]) for row in train.batch.inputs.tolist() for i in range(len(row))}
    for game, counts, played in zip(
        test.batch.inputs.tolist(), test.counts_GL, test.played_GL, strict=True
    ):
        fresh = [tuple(game[: i + 1]) not in known for i in range(len(game))]
        assert counts.tolist() == [f and w for f, w in zip(fresh, played.tolist(), strict=True)]
    assert 0 < test.counts_GL.sum() < test.played_GL.sum()


def test_a_diverged_network_has_no_numbers():
    model = o.network(4, 1, 8, 2)
    params = jax.tree.map(lambda leaf: leaf * jnp.nan, model.init(jax.random.key(0)))
    lost = o.Player(TASK, model, params)
    scores = {"all": pl.DataFrame({"score": [0.5], "setting": [2.0]})}
    table = lost.marked(scores, ("setting",), network="a")["all"]
    assert lost.diverged and np.isnan(table["score"][0])
    assert table.select("setting", "diverged", "network").row(0) == (2.0, True, "a")
