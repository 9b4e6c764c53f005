"""Othello's bitboards and games against a slow walk over a grid, and known counts of games."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.stats import chisquare

from tests.oracles import othello as slow
from toylab.errors import ToylabError
from toylab.tasks.othello import othello_rules as rules
from toylab.tasks.othello.othello import Othello

PERFT_8 = (4, 12, 56, 244, 1396, 8200)


@functools.cache
def drawn(task, count=40, seed=0):
    return jax.tree.map(
        np.asarray, jax.jit(task.batch, static_argnums=1)(jax.random.key(seed), count)
    )


def squares_of(task, batch, row):
    tokens = np.append(batch.inputs[row], batch.targets[row, -1])
    return [int(s) for s in task.squares[tokens[tokens > 0]]]


@pytest.mark.parametrize("task", [Othello(6), Othello(8), Othello(4, rule="ends")])
def test_every_latent_is_that_of_the_slow_game(task):
    batch = drawn(task)
    for row in range(len(batch.inputs)):
        moves = squares_of(task, batch, row)
        true = slow.follow(task.size, moves, task.rule)
        n = min(len(moves), task.length)
        for name in ("board", "colour", "flipped", "legal", "mover"):
            assert (batch.latents[name][row, :n] == np.array(true[name][:n])).all(), name
        # Every move is legal, and the game goes on as long as somebody can move.
        for ply, move in enumerate(moves[1:]):
            assert true["legal"][ply][move]
        assert len(moves) == task.plies or not true["legal"][-1].any()
        assert (batch.weights[row] == (np.arange(task.length) < len(moves) - 1)).all()


def test_parity_is_the_board_of_players_who_strictly_alternate():
    task = Othello(4)
    batch = drawn(task)
    swap = np.array([0, 2, 1])
    expected = np.where(
        (np.arange(task.length) % 2 == 0)[None, :, None],
        swap[batch.latents["colour"]],
        batch.latents["colour"],
    )
    assert (batch.latents["parity"] == expected).all()
    assert (batch.latents["parity"] != batch.latents["board"]).any()  # somebody passed


@pytest.mark.parametrize("rule", rules.RULES[1:])
def test_games_replayed_by_another_rule(rule):
    task = Othello(4)
    batch = drawn(task)
    found = jax.tree.map(np.asarray, task.replay(jnp.asarray(batch.inputs), rule))
    for row in range(len(batch.inputs)):
        moves = squares_of(task, batch, row)[: task.length]
        turns = slow.follow(task.size, moves)["turns"]
        other = slow.follow(task.size, moves, rule, turns)
        for name in ("board", "colour", "flipped", "legal"):
            assert (found[name][row, : len(moves)] == np.array(other[name])).all(), name


@pytest.mark.parametrize("size", [4, 8])
def test_counts_of_games(size):
    expected = PERFT_8 if size == 8 else tuple(slow.perft(size, d) for d in range(1, 5))

    @jax.jit
    def spread(mine, theirs):
        """All positions one ply on, from arrays of positions: per square, whether it is legal."""
        legal = rules.squares(rules.moves(mine, theirs, size), size)
        index = jnp.broadcast_to(jnp.arange(size * size, dtype=jnp.int32), legal.shape)
        wide = lambda bits: rules.Bits(*(jnp.broadcast_to(w[:, None], legal.shape) for w in bits))
        move = rules.square(index, size)
        mine, theirs, _ = rules.play(wide(mine), wide(theirs), move, size)
        return legal, mine, theirs

    black, white = rules.opening(size)
    positions = [np.array([w], np.uint32) for w in (*black, *white)]
    for count in expected:
        n = len(positions[0])
        room = 1 << (n - 1).bit_length()  # few shapes, few compiles
        words = [jnp.asarray(np.pad(w, (0, room - n))) for w in positions]
        legal, mine, theirs = spread(rules.Bits(*words[:2]), rules.Bits(*words[2:]))
        kept = np.asarray(legal)[:n]
        assert kept.any(1).all()  # nobody passes this early
        positions = [np.asarray(w)[:n][kept] for w in (*theirs, *mine)]
        assert len(positions[0]) == count


def test_the_nth_square():
    rng = np.random.default_rng(0)
    words = rng.integers(0, 2**32, (2, 200), np.uint32) & rng.integers(
        0, 2**32, (2, 200), np.uint32
    )
    for n in (0, 1, 7, 15, 40):
        found = rules.nth(rules.Bits(*map(jnp.asarray, words)), jnp.full(200, n, jnp.uint32))
        for low, high, got_low, got_high in zip(*words, *map(np.asarray, found), strict=True):
            whole = int(low) | int(high) << 32
            places = [p for p in range(64) if whole >> p & 1]
            expected = 1 << places[n] if n < len(places) else 0
            assert int(got_low) | int(got_high) << 32 == expected


def test_moves_are_drawn_evenly():
    """The second move's three choices come equally often: chi-square against uniform."""
    from scipy.stats import chisquare

    task = Othello(4)
    tokens = np.asarray(jax.jit(task.games, static_argnums=1)(jax.random.key(1), 12_000))
    first, counts = np.unique(tokens[:, 0], return_counts=True)
    assert len(first) == 4 and chisquare(counts).pvalue > 1e-3
    second = np.unique(tokens[tokens[:, 0] == first[0], 1], return_counts=True)[1]
    assert len(second) == 3 and chisquare(second).pvalue > 1e-3


def test_the_generator_alone_plays_legal_games():
    task = Othello(4)
    games = np.asarray(jax.jit(task.games, static_argnums=1)(jax.random.key(1), 12_000))
    for tokens in games[:60]:
        moves = [int(s) for s in task.squares[tokens[tokens > 0]]]
        true = slow.follow(4, moves)
        assert all(true["legal"][ply][move] for ply, move in enumerate(moves[1:]))


def test_a_pool_holds_so_many_games_and_grows_from_within():
    small, large = (
        {tuple(row) for row in drawn(Othello(6, pool=pool), 200).inputs.tolist()} for pool in (3, 9)
    )
    assert len(small) == 3 and len(large) == 9 and small < large


@pytest.mark.parametrize("opening", ["skewed", "held-out"])
def test_the_skewed_opening_leaves_one_first_move_out(opening):
    task = Othello(4, opening=opening)
    first = np.unique(np.asarray(task.games(jax.random.key(0), 200))[:, 0])
    kept_out = task.tokens[4]  # the square to the left of the centre's first
    assert (kept_out in first) == (opening == "held-out")
    assert len(first) == (1 if opening == "held-out" else 3)


def test_chances_are_the_frequencies_of_the_moves_that_follow():
    task = Othello(4)
    batch = drawn(task, 4000)
    chances = np.asarray(task.chances(batch), np.float64)
    for place in (0, 1, 3):
        games = {}  # by what was played so far
        for row, before in enumerate(batch.inputs[:, : place + 1]):
            games.setdefault(before.tobytes(), []).append(row)
        rows = max(games.values(), key=len)
        seen = np.bincount(batch.targets[rows, place], minlength=task.vocab)
        expected = chances[rows[0], place] / chances[rows[0], place].sum() * len(rows)
        assert (seen[expected == 0] == 0).all() and (expected > 0).sum() > 1
        moves = expected > 0
        assert len(rows) > 10 and chisquare(seen[moves], expected[moves]).pvalue > 0.001


def test_chances_are_those_of_the_slow_game():
    task = Othello(6)
    batch = drawn(task)
    chances = np.asarray(task.chances(batch))
    for row in range(5):
        legal = slow.follow(6, squares_of(task, batch, row), task.rule)["legal"]
        for ply in range(int(batch.weights[row].sum())):
            squares = np.flatnonzero(legal[ply])
            expected = np.isin(task.squares, squares) / len(squares)
            np.testing.assert_allclose(chances[row, ply], expected, rtol=1e-6)
    over = batch.weights == 0
    assert (chances[over] == 0).all()


def test_the_floor_is_the_log_of_the_number_of_legal_moves():
    task = Othello(4)
    batch = drawn(task)
    floor = np.asarray(task.floor(jax.tree.map(jnp.asarray, batch)))
    moves = squares_of(task, batch, 0)
    true = slow.follow(4, moves)
    for ply in range(len(moves) - 1):
        assert floor[0, ply] == pytest.approx(np.log(true["legal"][ply].sum()), abs=1e-6)
    assert task.bayes_loss() == pytest.approx(0.832, abs=0.005)  # an independent simulation


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (lambda: Othello(5), "size = 5; boards have side 4, 6 or 8"),
        (lambda: Othello(8, opening="skew"), "skewed"),
        (lambda: Othello(8, rule="flop"), "flip"),
        (lambda: Othello(8, pool=0), "pool"),
        (lambda: Othello(4).replay(jnp.zeros((1, 11), jnp.int32), "rows"), "row"),
    ],
)
def test_wrong_settings(wrong, message):
    with pytest.raises(ToylabError, match=message):
        wrong()
