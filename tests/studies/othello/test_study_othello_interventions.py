"""The study ``othello_interventions``: boards, cases, edits and scores against slow truths."""

import dataclasses
from types import SimpleNamespace

import jax
import jax.numpy as jnp
import numpy as np
import polars as pl
import pytest

from toylab.analysis.steering import at_place as edits
from toylab.analysis.world.base import activations
from toylab.analysis.written import written
from toylab.errors import ToylabError
from toylab.figures.othello.othello_interventions import draw
from toylab.report import figures as fig
from toylab.studies.othello import network as o
from toylab.studies.othello.othello_interventions import saliency
from toylab.studies.othello.othello_interventions import tables as t
from toylab.studies.othello.othello_interventions.probes import fit_probes
from toylab.studies.othello.othello_interventions.readings import ratio
from toylab.studies.othello.othello_interventions.run import Bench, Choice, score_rows
from toylab.studies.othello.othello_interventions.study import Config, study
from toylab.tasks.othello import othello_edits as b
from toylab.tasks.othello.othello import Othello

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
    logits, acts = activations(model, params, tokens, edits.stream(model))
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


def test_ratio() -> None:
    edited, null = np.array([0.0, 1, 2, 0]), np.array([2.0, 4, 3, 1])
    values = ratio(edited, null)
    assert values.mean() == pytest.approx(0.3) and len(values) == 4
    again = ratio(null / 4, null)
    assert again == pytest.approx([0.25] * 4), "a constant ratio has no spread"


def test_played_is_what_a_head_adds(bench: Bench) -> None:
    params = bench.net.params
    vectors = written(params, TASK.tokens[TASK.squares[1:]])
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
    few = {"games": 48, "cases": 12, "validation": 8, "strengths": (0.3,), "reaches": (1.0,)}
    config = Config(plies=(3, 9), **few)
    chosen, tried = t.choices(bench, config, t.SETS, 5)
    assert sum(row["chosen"] for row in tried) == len(chosen) == 7
    rows, example = t.case_rows(bench, config, t.SETS, chosen, 5)
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
