"""The study ``othello_interventions``: boards, cases, edits and scores against slow truths."""

import dataclasses
from types import SimpleNamespace

import jax
import jax.numpy as jnp
import numpy as np
import polars as pl
import pytest

from toylab.errors import ToylabError
from toylab.figures.othello.othello_interventions import draw
from toylab.report import figures as fig
from toylab.studies.othello import boards as b
from toylab.studies.othello import edits
from toylab.studies.othello import network as o
from toylab.studies.othello.othello_interventions import saliency
from toylab.studies.othello.othello_interventions import tables as t
from toylab.studies.othello.othello_interventions.probes import fit_probes
from toylab.studies.othello.othello_interventions.readings import ratio
from toylab.studies.othello.othello_interventions.run import Bench, Choice, score_rows
from toylab.studies.othello.othello_interventions.study import Config, study
from toylab.tasks.othello.othello import Othello
from toylab.tasks.othello.othello_rules import STEPS

TASK = Othello(4)
SMOKE = study.presets["smoke"]


@pytest.fixture(scope="module")
def games():
    return o.draw_games(TASK, 64, 3)


@pytest.fixture(scope="module")
def bench() -> Bench:
    model = o.network(4, 2, 16, 2)
    params = model.init(jax.random.key(0))
    net = o.Player(TASK, model, params)
    probes = fit_probes(net, 16, 1, (0.01, 1.0), hidden=16, steps=10, batch=8)
    return Bench(net, probes, 9, chunk=16, steps=3)


def board(*rows: str) -> np.ndarray:
    return np.array([".mt".index(letter) for row in rows for letter in row])


def slow_legal(states: np.ndarray, size: int) -> set[int]:
    found = set()
    for square in range(size**2):
        for down, right in STEPS:
            r, c = divmod(square, size)
            taken = 0
            while True:
                r, c = r + down, c + right
                inside = 0 <= r < size and 0 <= c < size
                if not inside or states[size * r + c] != b.THEIRS:
                    break
                taken += 1
            if states[square] == 0 and taken and inside and states[size * r + c] == b.MINE:
                found.add(square)
    return found


@pytest.mark.parametrize("size", [4, 6])
def test_legal_moves_of_any_board(size: int) -> None:
    boards = np.random.default_rng(0).integers(0, 3, (40, size**2))
    found = b.legal_moves(boards, size)
    assert [set(np.flatnonzero(row)) for row in found] == [slow_legal(x, size) for x in boards]


def test_boards_of_games_are_possible(games) -> None:
    boards = np.asarray(games.latents["board"])[np.asarray(games.weights) > 0]
    assert b.possible(boards.astype(int), 4).all()


def test_boards_that_cannot_be() -> None:
    fine = board("....", ".mt.", ".tt.", "..t.")
    assert b.possible(fine, 4)
    assert not b.possible(board("....", ".m..", ".tt.", "..t."), 4), "no disc in the centre"
    assert not b.possible(board("m...", ".tm.", ".mt.", "...."), 4), "no disc to be the last"
    assert not b.possible(board("mmm.", ".tm.", ".mt.", "...."), 4), "theirs had no need to pass"
    assert b.possible(board("mmm.", ".mm.", ".mm.", "...."), 4), "theirs passed"
    apart = np.zeros(36, int)
    apart[[14, 15, 20, 21, 27, 0]] = 2
    assert not b.possible(apart, 6) and not b.connected(apart > 0, 6)
    apart[7] = 1
    assert b.connected(apart > 0, 6)


@pytest.mark.parametrize("kind", ["flip", "erase", "place", "unflip"])
@pytest.mark.parametrize("squares", [1, 2])
def test_cases(games, kind: str, squares: int) -> None:
    cases = b.draw_cases(TASK, games, kind, 20, (3, 9), 0, squares=squares)
    rows = np.arange(cases.count)[:, None]
    assert cases.count > (0 if kind == "unflip" else 5)
    assert (cases.before[rows, cases.squares] == cases.old).all()
    assert (cases.after[rows, cases.squares] == cases.new).all()
    assert ((cases.before != cases.after).sum(1) == squares).all()
    assert (cases.legal == b.legal_moves(cases.after, 4)).all() and cases.legal.any(1).all()
    assert (cases.legal != cases.legal_before).any(1).all()
    assert b.possible(cases.after, 4).all()
    assert ((3 <= cases.place + 1) & (cases.place + 1 <= 9)).all()
    other = cases.wrong >= 0
    assert (cases.before[rows, cases.wrong] == cases.old)[other].all()
    assert not (cases.wrong[:, :, None] == cases.squares[:, None]).any()
    replayed = TASK.replay(jnp.asarray(cases.tokens))["board"][np.arange(cases.count), cases.place]
    assert (np.asarray(replayed) == cases.before).all()
    states = {"flip": {1, 2}, "erase": {0}, "place": {1, 2}, "unflip": {1}}[kind]
    assert set(cases.new.ravel()) <= states


def test_vectors() -> None:
    W = np.random.default_rng(0).normal(size=(2, 5, 3, 4))
    squares, old = np.array([[1, 4], [0, -1]]), np.array([[1, 2], [2, 1]])
    new = np.zeros_like(old)
    found = edits.towards(W, squares, old, new)
    first, second = W[1, 1, 0] - W[1, 1, 1], W[1, 4, 0] - W[1, 4, 2]
    expected = first / np.linalg.norm(first) + second / np.linalg.norm(second)
    assert found[1, 0] == pytest.approx(expected, abs=1e-6)
    assert np.linalg.norm(found[:, 1], axis=-1) == pytest.approx([1, 1])


def test_edits(bench: Bench, games) -> None:
    cases = b.draw_cases(TASK, games, "flip", 20, (3, 9), 0)
    null, rows = bench.unedited(cases), np.arange(cases.count)
    model, params, tokens = bench.net.model, bench.net.params, jnp.asarray(cases.tokens)
    logits, acts = o.activations(model, params, tokens, edits.stream(model))
    assert null == pytest.approx(logits[rows, cases.place], abs=1e-5)
    nothing = bench.vectors(cases, Choice(0, 0.0), bench.probes.board)
    assert bench.logits(cases, nothing) == pytest.approx(null, abs=1e-6)
    edited, moved = bench.descend(cases, Choice(1, 1.0))
    assert not moved[0].any() and moved[1].any() and np.abs(edited - null).max() > 0
    assert bench.logits(cases, moved) == pytest.approx(edited, abs=1e-4), "the same, by hand"
    # Adam's own goal: the probe is to read the new state, and elsewhere what it read before.
    _, moved = bench.descend(cases, Choice(1, 0.03))
    battery, x = bench.probes.battery, acts[1, rows, cases.place]
    assert battery is not None
    told = lambda x: np.asarray(jax.nn.log_softmax(battery.scores(1, jnp.asarray(x))))
    goal, weight = told(x).argmax(-1), np.full((cases.count, 16), 0.2)
    goal[rows, cases.squares[:, 0]], weight[rows, cases.squares[:, 0]] = cases.new[:, 0], 1.0
    loss = lambda x: -(weight * np.take_along_axis(told(x), goal[..., None], -1)[..., 0]).sum(-1)
    gain = loss(x) - loss(x + moved[1])
    assert gain.min() > -1e-5 and gain.mean() > 1e-4


def test_roles_and_needs() -> None:
    states = board("..tm", ".mt.", ".tt.", ".mm.")
    assert saliency.roles(states, 0, 4)[5] == "in line"
    found = saliency.roles(board(".ttm", ".mt.", ".tt.", "...."), 0, 4)
    assert found[[0, 1, 2, 3]].tolist() == ["", "first", "within", "anchor"]
    assert found[[5, 6]].tolist() == ["in line", "elsewhere"]
    need = saliency.needed(board(".ttm", ".mt.", ".tt.", "...."), 0, 4)
    assert np.flatnonzero(need).tolist() == [1, 3], "the disc within may turn into the anchor"
    assert saliency.auc(np.array([3.0, 2, 1, 2]), np.array([True, True, False, False])) == 0.875
    assert saliency.auc(np.zeros(2), np.zeros(2, bool)) is None


def test_ratio() -> None:
    edited, null = np.array([0.0, 1, 2, 0]), np.array([2.0, 4, 3, 1])
    values = ratio(edited, null)
    assert values.mean() == pytest.approx(0.3) and len(values) == 4
    again = ratio(null / 4, null)
    assert again == pytest.approx([0.25] * 4), "a constant ratio has no spread"


def test_played_is_what_a_head_adds(bench: Bench) -> None:
    params = bench.net.params
    vectors = saliency.played(params, TASK.tokens[TASK.squares[1:]])
    attn = params["blocks"]["0"]["attn"]
    e = np.asarray(params["embed"]["embedding"])[3]
    by_hand = (e - e.mean()) @ np.asarray(attn["w_v"])[:, 1] @ np.asarray(attn["w_o"])[1]
    assert vectors.shape == (2, 12, 16) and vectors[1, 2] == pytest.approx(by_hand, abs=1e-5)


def test_settings_are_checked() -> None:
    for plies in ((0, 3), (9, 3), (3, 40), (3,)):
        with pytest.raises(ToylabError, match="plies"):
            Config(plies=plies)
    with pytest.raises(ToylabError, match="cases"):
        Config(cases=0)


def test_tables_and_figures(bench: Bench) -> None:
    grid = t.Grid((3, 9), 48, 12, 8, (0.3,), (1.0,), 5)
    chosen, tried = t.choices(bench, grid, t.SETS)
    assert sum(row["chosen"] for row in tried) == len(chosen) == 7
    rows, example = t.case_rows(bench, grid, t.SETS, chosen)
    cases = pl.DataFrame(rows, infer_schema_length=None)
    assert (cases["error"] % 2 == 0).all()
    erased = cases.filter((pl.col("kind") == "erase") & pl.col("natural"))
    moved = dict(erased.group_by("method").agg(pl.col("moved").first()).iter_rows())
    assert moved["random"] == pytest.approx(moved["vector"], rel=1e-5) and moved["null"] == 0
    games = o.draw_games(TASK, 48, 5)
    boards = b.draw_cases(TASK, games, "flip", 4, (3, 9), 0)
    auc, discs = saliency.saliency_rows(bench, boards, chosen["flip", "vector"], 0)
    tables = {
        "cases": rows,
        "validation": tried,
        "example": example,
        "layers": t.layer_rows(bench, grid, chosen["flip", "vector"], (0.3,)),
        "steps": t.step_rows(bench, grid, chosen["flip", "gradient"], (1, 2)),
        "saliency": auc,
        "saliency_discs": [row | {"state": 1} for row in discs],
        "circuit": saliency.circuit_rows(bench, 1, 0),
    }
    measures = {
        name: pl.DataFrame(
            [{"network": "main", "init_seed": 0} | row for row in found], infer_schema_length=None
        )
        for name, found in tables.items()
    }
    for claim in study.claims:
        assert len(claim.reading(measures).values) or claim.key.startswith("small")
    with fig.style():
        config = dataclasses.replace(SMOKE, size=4)
        assert set(draw(measures, config)) == {"edit", "errors", "strength", "several", "saliency"}


def test_scores_of_an_edit_by_rank_and_in_probability() -> None:
    task = Othello(4)
    first, second, third = task.squares[1:4]
    before, legal = np.zeros((2, 2, 16), bool)
    before[:, [first, second]] = True
    legal[0, [first, third]] = True  # the second goes, the third comes
    legal[1, first] = True  # the second goes
    p = np.zeros((2, task.vocab))
    p[0, :4] = [0.1, 0.6, 0.1, 0.2]
    p[1, :4] = [0.0, 0.75, 0.25, 0.0]
    logits = np.log(np.maximum(p, 1e-12)).astype(np.float32)
    bench = SimpleNamespace(net=SimpleNamespace(task=task))
    cases = SimpleNamespace(legal=legal, legal_before=before, place=np.array([4, 5]), count=2)
    one, two = score_rows(bench, cases, logits, 1.0)
    assert (one["error"], one["dropped"], one["risen"]) == (0, 1.0, 1.0)
    assert one["given"] == pytest.approx(0.2 / 0.5) and two["given"] is None
    assert one["apart"] == pytest.approx((0.1 + 0.1 + 0.1 + 0.3) / 2, abs=1e-6)
    assert two["apart"] == pytest.approx(0.25, abs=1e-6)
    assert one["p_legal"] == pytest.approx(0.8) and two["p_legal"] == pytest.approx(0.75)
