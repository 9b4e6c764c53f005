"""Both sides of the grokking benchmark do the same arithmetic, and its rows are what they say.

No test asserts a speed: how fast a side is depends on the machine and on what else it does.
"""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from toylab.benchmarks import grokking
from toylab.benchmarks.grokking import Case, Ours, population
from toylab.cli import bench, bench_sides
from toylab.errors import ToylabError
from toylab.losses import cross_entropy
from toylab.members import grid
from toylab.train.engine import Program

TINY = {"p": 7, "width": 8, "heads": 2, "hidden": 16, "fraction": 0.5}


def _torch_sides():
    pytest.importorskip("torch")
    from benchmarks import grokking_torch

    return grokking_torch


def _theirs(params) -> dict[str, np.ndarray]:
    """Our parameters, or gradients, under the names and shapes of the PyTorch side."""
    block = params["blocks"]["0"]
    flat = {name: np.asarray(block["attn"][name]) for name in ("w_q", "w_k", "w_v")}
    flat = {name: w.reshape(len(w), -1) for name, w in flat.items()}
    flat["w_o"] = np.asarray(block["attn"]["w_o"]).reshape(-1, flat["w_q"].shape[0])
    mlp = {name: np.asarray(block["mlp"][name]["kernel"]) for name in ("up", "down")}
    ends = {name: np.asarray(params[name]["embedding"]) for name in ("embed", "positions")}
    return {**flat, **mlp, **ends, "unembed": np.asarray(params["unembed"]["kernel"])}


def test_ours_continues_one_run_of_the_engine():
    case = Case(size=3, **TINY)
    side = Ours()
    side.prepare(case)
    side.run(5)
    program = side.program
    _, records = program.chunk(program.init(), (0, 2, 7))
    np.testing.assert_array_equal(side.loss_P, records["loss"][-1])


def test_ours_keeps_the_faster_form(monkeypatch):
    monkeypatch.setattr(grokking, "LARGEST_PIECE", 100)
    speed = lambda side, seconds: 1.0 + side.program.population.piece
    monkeypatch.setattr(bench_sides, "timed_burst", speed)
    side = Ours()
    words = side.prepare(Case(size=2, **TINY | {"p": 17}))  # 144 examples
    assert side.program.population.piece == 72
    assert words.endswith("pieces of 72")
    side.run(1)
    assert np.isfinite(side.loss())


def test_case_is_the_papers():
    case = Case(size=1)
    pop = population(case)
    params = jax.eval_shape(pop.model.init, jax.random.key(0))
    assert case.batch_size == 3830
    assert sum(leaf.size for leaf in jax.tree.leaves(params)) == (
        (114 + 3 + 113) * 128 + 4 * 128**2 + 2 * 128 * 512
    )
    assert (pop.optimizer.b1, pop.optimizer.b2) == (0.9, 0.98)


def test_flops_are_those_that_torch_counts():
    sides = _torch_sides()
    import torch
    from torch.utils.flop_counter import FlopCounterMode

    case = Case(size=1, **TINY)
    side = sides.Loop()
    side.case = case
    side.start()
    side.build(False, "einsum")
    with FlopCounterMode(display=False) as counter:
        out = sides.logits(side.models[0], side.tokens_BL, case.heads, "einsum")
        torch.nn.functional.cross_entropy(out, side.answers_B).backward()
    assert case.flops == counter.get_total_flops()


@pytest.mark.parametrize("form", ["sums", "einsum", "scaled_dot_product_attention"])
def test_torch_has_our_loss_and_gradients(form):
    sides = _torch_sides()
    import torch

    case = Case(size=1, **TINY)
    pop = population(case)
    params = pop.model.init(jax.random.key(3))
    batch = pop.task.batch(jax.random.key(4), case.batch_size)
    loss = lambda p: jnp.mean(cross_entropy(pop.model, p, batch))
    value, grads = jax.value_and_grad(loss)(params)
    theirs = {n: torch.tensor(w, requires_grad=True) for n, w in _theirs(params).items()}
    assert {n: tuple(w.shape) for n, w in theirs.items()} == sides.shapes(case)
    tokens = torch.tensor(np.asarray(batch.inputs), dtype=torch.long)
    answers = torch.tensor(np.asarray(batch.targets), dtype=torch.long)
    out = sides.logits(theirs, tokens, case.heads, form)
    total = torch.nn.functional.cross_entropy(out, answers)
    total.backward()
    np.testing.assert_allclose(total.item(), value, rtol=2e-6)
    for name, grad in _theirs(grads).items():
        np.testing.assert_allclose(theirs[name].grad.numpy(), grad, rtol=2e-4, atol=2e-6)


def _ours(seed: int):
    """A model, its batch, its loss and its gradients, those under PyTorch's names."""
    case = Case(size=1, **TINY)
    pop = population(case)
    params = pop.model.init(jax.random.key(seed))
    batch = pop.task.batch(jax.random.key(4), case.batch_size)
    loss = lambda p: jnp.mean(cross_entropy(pop.model, p, batch))
    value, grads = jax.value_and_grad(loss)(params)
    return _theirs(params), batch, value, _theirs(grads)


@pytest.mark.parametrize("form", ["sums", "einsum"])
def test_vmapped_models_have_our_losses_and_gradients(form):
    _torch_sides()
    import torch

    from benchmarks.grokking_vmap import Vmapped

    side = Vmapped()
    side.case = Case(size=2, **TINY)
    side.start()
    side.build(False, form)
    both = [_ours(seed) for seed in (3, 5)]
    side.tokens_BL = torch.tensor(np.asarray(both[0][1].inputs), dtype=torch.long)
    side.answers_B = torch.tensor(np.asarray(both[0][1].targets), dtype=torch.long)
    stacked = {n: torch.tensor(np.stack([b[0][n] for b in both])) for n in both[0][0]}
    assert {n: w.shape for n, w in stacked.items()} == {n: w.shape for n, w in side.params.items()}
    grads, losses = side.slopes(stacked)
    np.testing.assert_allclose(losses.numpy(), [b[2] for b in both], rtol=2e-6)
    for name, grad in grads.items():
        want = np.stack([b[3][name] for b in both])
        np.testing.assert_allclose(grad.numpy(), want, rtol=2e-4, atol=2e-6)


def test_equinox_has_our_loss_and_gradients_and_trains():
    eqx = pytest.importorskip("equinox")
    from benchmarks.grokking_equinox import ByHand, Net, loss

    params, batch, value, grads = _ours(3)
    case = Case(size=1, **TINY)
    net = Net(case, jax.random.key(0))
    names = sorted(params)
    pick = lambda net: [getattr(net, name) for name in names]
    assert {n: w.shape for n, w in params.items()} == dict(
        zip(names, (w.shape for w in pick(net)), strict=True)
    )
    net = eqx.tree_at(pick, net, [jnp.asarray(params[name]) for name in names])
    with jax.numpy_dtype_promotion("standard"), jax.numpy_rank_promotion("allow"):
        found, slopes = jax.value_and_grad(loss)(net, batch.inputs, batch.targets)
        np.testing.assert_allclose(found, value, rtol=2e-6)
        for name in names:
            np.testing.assert_allclose(getattr(slopes, name), grads[name], rtol=2e-4, atol=2e-6)
        side = ByHand()
        side.prepare(Case(size=2, learning_rate=0.01, **TINY))
        before = side.loss()
        side.run(100)
    assert side.loss() < 0.5 * before


def test_torch_side_trains(monkeypatch):
    sides = _torch_sides()
    import torch

    monkeypatch.setattr(sides.Loop, "trial_s", 0.0)
    threads = torch.get_num_threads()
    side = sides.Loop()
    settings = side.prepare(Case(size=2, learning_rate=0.01, **TINY))
    assert "AdamW" in settings and settings.startswith(sides.FORMS)
    before = side.loss()
    side.run(100)
    torch.set_num_threads(threads)
    assert len(side.models) == 2
    assert side.loss() < 0.5 * before


def test_a_member_alone_agrees_with_itself_in_a_population():
    # Not bit-equal: the sums of a batched product have another order. Tolerance: 20 steps from
    # float32 rounding, 1e-5 of each parameter's size.
    def train(members: range, tile: int) -> dict[str, np.ndarray]:
        pop = population(Case(size=4, **TINY))
        pop = dataclasses.replace(pop, members=grid(init_seed=members), tile=tile)
        program = Program(pop)
        state, _ = program.chunk(program.init(), (0, 20))
        return program.export(state)

    together, alone = train(range(4), 4), train(range(2, 3), 1)
    assert together.keys() == alone.keys()
    for name in alone:
        if name.startswith("params"):
            size = np.abs(alone[name]).max()
            np.testing.assert_allclose(together[name][2], alone[name][0], atol=1e-5 * size)


@pytest.mark.parametrize("wrong", [{"seconds": 0}, {"rounds": 0}, {"sizes": (0,)}])
def test_numbers_out_of_range(wrong):
    with pytest.raises(ToylabError, match=f"bench grokking: {next(iter(wrong))}"):
        grokking.rows(**wrong)


@pytest.mark.slow
def test_rows_of_a_tiny_case():
    pytest.importorskip("torch")
    pytest.importorskip("equinox")
    rows = grokking.rows(sizes=(2,), seconds=0.01, rounds=2, matmul_sizes=(64,), **TINY)
    speed, share = "model-steps/s", "share of the matmul rate"
    names = [r["name"].split(" (")[0] for r in rows]
    assert names == [f"P=2 p=7 D=8: {k}" for k in (speed,) * 3 + (share,)]
    for row, peer in zip(
        rows, ("PyTorch loop (", "PyTorch vmap (", "Equinox and Optax by hand ("), strict=False
    ):
        assert row["baseline"].startswith(peer)
    for row in rows:
        assert set(row) == set(bench.Row.__annotations__)
        assert min(row["value"], row["baseline_value"], row["ratio"]) > 0
    work = rows[0]["value"] * Case(size=2, **TINY).flops * 1e-9
    assert rows[-1]["value"] == pytest.approx(work)
