"""All sides of the superposition benchmark do the same arithmetic, and its rows are what they say.

No test asserts a speed: how fast a side is depends on the machine and on what else it does.
"""

import dataclasses
import importlib.util

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.extend.core import jaxprs_in_params

from toylab.benchmarks import superposition
from toylab.benchmarks.superposition import Case, Ours, population
from toylab.cli import bench
from toylab.errors import ToylabError
from toylab.losses import squared_error
from toylab.models import Autoencoder
from toylab.task import Batch

TINY = {"n_features": 6, "n_hidden": 3, "batch_size": 32}


@pytest.mark.parametrize("shared", [True, False])
def test_members_of_the_case(shared):
    members = population(Case(size=4, shared=shared)).members
    assert len(set(members["init_seed"].tolist())) == 4
    assert len(set(members["data_seed"].tolist())) == (1 if shared else 4)


def test_ours_continues_one_run_of_the_engine():
    case = Case(size=3, shared=False, **TINY)
    side = Ours()
    side.prepare(case)
    side.run(5)
    program = side.program
    state, records = program.chunk(program.init(), (0, 2, 7))
    np.testing.assert_array_equal(side.loss_P, records["loss"][-1])
    assert side.loss() == pytest.approx(float(records["loss"][-1].mean()))
    left, right = program.export(side.state), program.export(state)
    assert left.keys() == right.keys()
    for name in right:
        np.testing.assert_array_equal(left[name], right[name])


def _dot_flops(jaxpr) -> int:
    """Operations of the matrix products of a jaxpr whose results are used: 2 per multiply-add.

    The gradient rule of a product gives the gradient of the data too, which XLA drops.
    """
    total, used = 0, {id(v) for v in jaxpr.outvars}
    for eqn in reversed(jaxpr.eqns):
        if not any(id(v) in used for v in eqn.outvars):
            continue
        used |= {id(v) for v in eqn.invars}
        if eqn.primitive.name == "dot_general":
            (contracted, _), _ = eqn.params["dimension_numbers"]
            inner = np.prod([eqn.invars[0].aval.shape[a] for a in contracted], dtype=int)
            total += 2 * int(np.prod(eqn.outvars[0].aval.shape)) * int(inner)
        for inner in jaxprs_in_params(eqn.params):
            total += _dot_flops(inner)
    return total


def test_flops_are_those_of_the_chain_rule():
    case = Case(size=1, shared=True)
    # With a ReLU between, the products are the same, and there is no other way than the chain rule.
    # A bias would be a product as well, which is not counted.
    sizes = case.n_features, case.n_hidden
    model = Autoencoder(*sizes, hidden_activation="relu", bias=False)
    pop = dataclasses.replace(population(case), model=model)
    params = pop.model.init(jax.random.key(0))
    batch = pop.task.batch(jax.random.key(1), case.batch_size)
    loss = lambda p: jnp.mean(squared_error(pop.model, p, batch))
    assert case.flops == _dot_flops(jax.make_jaxpr(jax.grad(loss))(params).jaxpr) == 1_024_000


@pytest.mark.parametrize("wrong", [{"seconds": 0}, {"rounds": 0}, {"sizes": (0,)}])
def test_numbers_out_of_range(wrong):
    with pytest.raises(ToylabError, match=f"bench superposition: {next(iter(wrong))}"):
        superposition.rows(**wrong)


def test_missing_torch_names_the_mend(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(ToylabError, match=r"pip install 'toylab\[bench\]'"):
        superposition.rows(sizes=(1,))


def _torch_sides():
    pytest.importorskip("torch")
    from benchmarks import superposition_torch

    return superposition_torch


def _same_start(case: Case, shared: bool):
    """Our parameters and a batch (Q, B, N) for each member, as arrays."""
    pop = population(case)
    params = jax.vmap(pop.model.init)(jax.random.split(jax.random.key(3), case.size))
    keys = jax.random.split(jax.random.key(4), 1 if shared else case.size)
    x_QBN = jax.vmap(lambda k: pop.task.batch(k, case.batch_size).inputs)(keys)
    # A bias other than the initial 0, so that its part in the loss is seen.
    params["b"] = params["b"] + jnp.linspace(-0.1, 0.2, case.n_features, dtype=jnp.float32)[None]
    return pop, params, x_QBN


def _ours(pop, params, x_QBN):
    """Loss of each member, and gradients."""
    x_PBN = jnp.broadcast_to(x_QBN, (len(params["b"]), *x_QBN.shape[1:]))
    weights = pop.task.importances()[None]
    loss = lambda p, x: jnp.mean(squared_error(pop.model, p, Batch(x, x, weights, {})))
    return jax.vmap(jax.value_and_grad(loss))(params, x_PBN)


def _close(actual, expected):
    np.testing.assert_allclose(np.asarray(actual), np.asarray(expected), rtol=2e-5, atol=1e-7)


@pytest.mark.parametrize("shared", [True, False])
@pytest.mark.parametrize("form", ["einsum_loss", "feature_major_loss", "single_loss"])
def test_torch_has_our_loss_and_gradients(form, shared):
    sides = _torch_sides()
    import torch

    case = Case(size=3, shared=shared, **TINY)
    pop, params, x_QBN = _same_start(case, shared)
    loss_P, grads = _ours(pop, params, x_QBN)
    W_PNM = torch.tensor(np.asarray(params["W"].mT), requires_grad=True)
    b_PN = torch.tensor(np.asarray(params["b"]), requires_grad=True)
    x = torch.tensor(np.asarray(x_QBN))
    weight_N = torch.tensor(np.asarray(pop.task.importances()))
    if form == "single_loss":
        each = [
            sides.single_loss(W_PNM[p], b_PN[p], x[0 if shared else p], weight_N)
            for p in range(case.size)
        ]
        _close([v.item() for v in each], loss_P)
        total = torch.stack(each).sum()
    else:
        total = getattr(sides, form)(W_PNM, b_PN, x, weight_N)
    total.backward()
    _close(total.item(), loss_P.sum())
    _close(W_PNM.grad.mT, grads["W"])
    _close(b_PN.grad, grads["b"])


@pytest.mark.parametrize("fused", [True, False])
def test_torch_has_our_optimizer(fused):
    sides = _torch_sides()
    import torch

    case = Case(size=2, shared=True, learning_rate=0.1, weight_decay=0.5)
    transform = population(case).optimizer.transform()
    rng = np.random.default_rng(0)
    start, *grads = rng.normal(size=(4, 2, 5)).astype(np.float32)
    ours = jnp.asarray(start)
    state = transform.init(ours)
    theirs = torch.tensor(start, requires_grad=True)
    optimizer = sides.adamw([theirs], case, fused)
    for grad in grads:
        with jax.numpy_dtype_promotion("standard"):
            updates, state = transform.update(jnp.asarray(grad), state, ours)
        ours = ours + updates
        theirs.grad = torch.tensor(grad)
        optimizer.step()
        np.testing.assert_allclose(theirs.detach().numpy(), ours, rtol=1e-5, atol=1e-6)


def test_torch_draws_our_data_law():
    sides = _torch_sides()
    import torch

    torch.manual_seed(0)
    x = sides.draw((200, 1000), 0.1, torch.device("cpu")).numpy()
    active = x[x > 0]
    assert abs((x > 0).mean() - 0.1) < 4 * np.sqrt(0.1 * 0.9 / x.size)
    assert abs(active.mean() - 0.5) < 4 * np.sqrt(1 / 12 / active.size)
    assert abs(active.var() - 1 / 12) < 4 * np.sqrt(1 / 180 / active.size)
    assert 0.999 < active.max() <= 1.0


@pytest.mark.parametrize("shared", [True, False])
@pytest.mark.parametrize("name", ["Batched", "FeatureMajor", "Loop"])
def test_torch_sides_train(name, shared, monkeypatch):
    sides = _torch_sides()
    import torch

    monkeypatch.setattr(sides.TorchSide, "trial_s", 0.0)
    threads = torch.get_num_threads()
    side = getattr(sides, name)()
    drawn = []
    draw = sides.draw
    monkeypatch.setattr(sides, "draw", lambda *a: drawn.append(draw(*a)) or drawn[-1])
    settings = side.prepare(Case(size=3, shared=shared, learning_rate=0.02, **TINY))
    assert "AdamW" in settings and "threads" in settings
    before = side.loss()
    drawn.clear()
    side.run(1)
    # Shared: one batch of (B, N) per step. Otherwise one for each of the three.
    assert sum(x.numel() for x in drawn) == 32 * 6 * (1 if shared else 3)
    side.run(200)
    torch.set_num_threads(threads)
    assert side.loss() < 0.7 * before


@pytest.mark.slow
def test_rows_of_a_tiny_case():
    pytest.importorskip("torch")
    rows = superposition.rows(sizes=(2,), seconds=0.01, rounds=2, matmul_sizes=(64,), **TINY)
    designs = ("P=2 shared", "P=2 own")
    speed, share = "model-steps/s", "share of the matmul rate"
    kinds = [speed] * 3 + [share]
    assert [r["name"] for r in rows] == [f"{d}: {k}" for d in designs for k in kinds]
    assert [r["unit"] for r in rows] == ([speed] * 3 + ["GFLOP/s"]) * 2
    starts = [*(s for s in superposition.SIDES if s != "ours"), "float32 matmul in JAX"] * 2
    for row, start in zip(rows, starts, strict=True):
        assert set(row) == set(bench.Row.__annotations__)
        assert row["baseline"].startswith(start)
        assert min(row["value"], row["baseline_value"], row["ratio"]) > 0
    flops = Case(size=2, shared=True, **TINY).flops
    for first in (0, 4):
        steps, work = rows[first], rows[first + 3]
        assert work["value"] == pytest.approx(steps["value"] * flops * 1e-9)
        assert work["ratio"] == pytest.approx(work["value"] / work["baseline_value"])
