"""Trained networks that the pages show: what packing costs them, and what they can do."""

import dataclasses
import json

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import safetensors

from tests.web.tracing import GRAPHS, SITE, read, shipped, walks
from toylab.analysis.steering.at_place import stream
from toylab.analysis.world.base import activations
from toylab.errors import ToylabError
from toylab.studies.countdown.self_verification import ablations as ab
from toylab.studies.countdown.self_verification import networks as n
from toylab.studies.countdown.self_verification.study import plan_of
from toylab.studies.othello import network as o
from toylab.study import load_study
from toylab.tasks.countdown.countdown_pairs import is_right
from toylab.tasks.in_context.given_walks import shuffled
from toylab.tasks.othello.othello import Othello
from toylab.tasks.othello.othello_moves import top_one_legal
from toylab.trees import unflatten
from toylab.web.exhibit import packed, unpacked
from toylab.web.server import EXHIBITS


def test_no_number_is_off_by_more_than_half_a_step():
    rng = np.random.default_rng(0)
    w = rng.normal(size=(40, 8, 16)).astype("f") * np.logspace(-4, 2, 16, dtype="f")
    found = unpacked(packed({"w": w, "b": w[0, 0]}, {}, {"probe": w.astype(np.float16)}))
    step = np.abs(w).max((0, 1)) / 127
    assert (np.abs(found["w"] - w) <= 0.5001 * step).all()
    np.testing.assert_array_equal(found["b"], w[0, 0])
    np.testing.assert_array_equal(found["probe"], w.astype(np.float16))


def test_the_order_of_axes_in_memory_is_no_matter():
    w = np.arange(4096.0, dtype="f").reshape(64, 64)
    plain, turned = w.T.copy(), w.T
    assert packed({"w": plain}, {}, {"v": plain}) == packed({"w": turned}, {}, {"v": turned})


def test_the_same_network_gives_the_same_bytes():
    about = {str(i): "é" * i for i in range(12)}
    one, two = (packed({"w": np.ones((3, 5))}, about) for _ in range(2))
    assert one == two
    np.testing.assert_array_equal(unpacked(one)["w"], np.ones((3, 5)))


def test_what_diverged_is_refused():
    with pytest.raises(ToylabError, match="not finite"):
        packed({"w": np.full((64, 64), np.nan)}, {})


def test_the_shipped_network_plays_and_its_board_can_be_read():
    file = (EXHIBITS / "othello.safetensors").read_bytes()
    arrays = unpacked(file)
    flat = {name[7:]: jnp.asarray(a) for name, a in arrays.items() if name.startswith("params/")}
    batch = jax.jit(lambda: Othello(6).batch(jax.random.key(77), 40))()
    model = o.network(6, depth=4, width=128, heads=4)
    logits, mid = activations(model, unflatten(flat), batch.inputs, stream(model))
    counts = o.weighed(batch)
    right = top_one_legal(Othello(6), logits, batch.latents["legal"])[counts]
    assert right.mean() > 0.97
    scores = np.einsum("sbld,sdm->sblm", mid, arrays["probe/weight"])
    scores += arrays["probe/bias"][:, None, None]
    read = scores.reshape(*scores.shape[:-1], 36, 3).argmax(-1)
    board = np.asarray(batch.latents["board"])
    assert (read == board)[:, counts].mean((1, 2)).max() > 0.88


@pytest.mark.parametrize("member", [0, 1])
def test_the_shipped_networks_trace_graphs_as_their_page_says(member: int):
    task = shipped(member)[2]
    for name, adjacency in GRAPHS.items():
        batch = walks(task, adjacency, 9)
        found, mixed = (read(b, adjacency, member) for b in (batch, shuffled(batch, 3)))
        assert found["mass"][96:].mean() > 0.96 and found["mass"][:4].mean() < 0.35
        first, second = found["energy"][[1, SITE], -1]
        assert first < 0.95 and (second < 0.87) == (name in ("lattice", "band"))
        assert mixed["energy"][[1, SITE], -1].min() > 0.88


def test_the_network_of_countdown_judges_its_attempts_and_three_heads_do_it():
    path = EXHIBITS / "countdown.safetensors"
    arrays = unpacked(path.read_bytes())
    with safetensors.safe_open(path, "numpy") as file:
        about = file.metadata()
    plan = plan_of(load_study("self_verification").config("laptop"))
    assert dataclasses.asdict(plan.rules) == json.loads(about["rules"])
    flat = {name[7:]: jnp.asarray(a) for name, a in arrays.items() if name.startswith("params/")}
    rows = n.bench_rows(plan)[0].take(np.arange(64))  # of hands by which no head was chosen
    right_R = is_right(rows) == 1
    bench = ab.open_bench(plan.model, unflatten(flat), rows, plan.rules)
    says_ok_R = ab.at_bracket(rows, bench.base.top_RL) == plan.signs.ok
    assert (says_ok_R == right_R).mean() > 0.95
    x_RD = np.asarray(bench.base.acts_SRTD)[int(about["layer"]), :, -1]
    score_R = x_RD @ arrays["probe/weight"][-1] + arrays["probe/bias"][-1]
    assert ((score_R > 0) == right_R).mean() > 0.9
    heads = [(u, h) for u, h in json.loads(about["heads"])]
    (without,) = bench.run([bench.without(heads, 1, 2)])
    told = ab.outcome(bench, without)
    assert told["says_no"] > 0.7 and told["arithmetic"] == 1
