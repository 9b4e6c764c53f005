"""Trained networks that the pages show: what packing costs them, and what they can do."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from tests.web.tracing import GRAPHS, SITE, read, shipped, walks
from toylab.analysis.steering.at_place import stream
from toylab.analysis.world.base import activations
from toylab.errors import ToylabError
from toylab.studies.othello import network as o
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


def test_the_shipped_network_marks_its_attempts_and_three_heads_do_it():
    file = (EXHIBITS / "countdown.safetensors").read_bytes()
    arrays, about = unpacked(file), json.loads(file[8 : 8 + int.from_bytes(file[:8], "little")])
    told = about["__metadata__"]
    flat = {name[7:]: jnp.asarray(a) for name, a in arrays.items() if name.startswith("params/")}
    rules = Rules(**json.loads(told["rules"]))
    model = dataclasses.replace(load_study("countdown").config("laptop").model(), vocab=rules.vocab)
    pairs = draw_halves(rules, 60, 2, "numbers", 17)
    half = pairs.take(np.arange(60))  # hands by which no head was chosen, as `draw_halves` has them
    signs_, params = signs(rules), unflatten(flat)
    bench = ab.open_bench(model, params, half, signs_)
    says_ok = ab.at_bracket(half, bench.base.top_RL) == signs_.ok
    assert (says_ok == is_right(half)).mean() > 0.95
    x = np.asarray(bench.base.acts_SRTD)[int(told["layer"])]
    score = np.einsum("rtd,td->rt", x, arrays["probe/weight"]) + arrays["probe/bias"]
    assert ((score[:, -1] > 0) == is_right(half)).mean() > 0.9
    heads = [(u, h) for u, h in json.loads(told["heads"])]
    (without,) = bench.run([bench.without(heads, 1, 2)])
    assert ab.outcome(bench, without)["says_no"] > 0.5
