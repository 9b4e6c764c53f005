"""Training a population: each member against itself alone, and against a plain NumPy loop."""

import dataclasses
import itertools
import zlib

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import Array

from toylab import random
from toylab.errors import ToylabError
from toylab.losses import squared_error
from toylab.members import Members, grid, seeds, zipped
from toylab.models import Autoencoder
from toylab.optim import SGD, AdamW
from toylab.population import Population, ladder
from toylab.runs.checkpointer import long_table
from toylab.runs.reuse import describe
from toylab.task import Batch, Number, Task
from toylab.tasks.superposition.superposition import Sparse
from toylab.train.engine import MAX_SEGMENTS, Program
from toylab.train.fit import Fit, fit
from toylab.train.loop import Progress, train

N, M, B, STEPS = 4, 2, 8, 24
# A member alone and in company run the same arithmetic in another order.
COMPANY = {"rtol": 1e-5, "atol": 1e-6}


@dataclasses.dataclass(frozen=True)
class Scaled(Task):
    """Uniform vectors times a number, cheap to compile."""

    scale: Number = 1.0

    def example(self, key: Array) -> Batch:
        x = random.uniform(key, (N,)) * jnp.float32(self.scale)
        return Batch(x, x, jnp.ones(N, jnp.float32), {})

    def batch(self, key: Array, size: int) -> Batch:
        x = random.uniform(key, (size, N)) * jnp.float32(self.scale)
        return Batch(x, x, jnp.ones((1, N), jnp.float32), {})


@dataclasses.dataclass(frozen=True)
class Spoiled:
    """Squared error plus a number: infinite, it kills its member."""

    extra: Number = 0.0

    def __call__(self, model, params, batch) -> Array:
        return squared_error(model, params, batch) + jnp.float32(self.extra)


def norm(model, params, task) -> dict[str, Array]:
    return {"norm": jnp.sum(params["W"] ** 2), "scale": jnp.float32(task.scale)}


def population(members: Members, **changes) -> Population:
    settings = {
        "model": Autoencoder(N, M),
        "task": Scaled(),
        "optimizer": AdamW(0.02, 0.01),
        "steps": STEPS,
        "batch_size": B,
        "record_every": 6,
        "snapshots": (0, 9),
        "metrics": norm,
        "devices": 1,
    }
    return Population(members=members, **(settings | changes))


# Five members on three data seeds of two, two and one: tables that fill no rectangle.
UNEVEN = zipped(
    init_seed=(0, 1, 2, 3, 4),
    data_seed=(7, 7, 3, 5, 5),
    learning_rate=(0.02, 0.05, 0.01, 0.02, 0.002),
    scale=(1.0, 0.5, 2.0, 1.0, 1.5),
)


@pytest.fixture(scope="module")
def uneven() -> Fit:
    return fit(population(UNEVEN))


def assert_same(a: Fit, b: Fit, order=slice(None)) -> None:
    """Assert that two results are bit-equal, with the members of ``b`` taken in an order."""
    assert a.snapshots.keys() == b.snapshots.keys()
    for step, params in a.snapshots.items():
        jax.tree.map(
            lambda x, y: np.testing.assert_array_equal(x, y[order]), params, b.snapshots[step]
        )
    assert a.records.keys() == b.records.keys()
    for name, values in a.records.items():
        other = b.records[name] if name == "step" else b.records[name][:, order]
        np.testing.assert_array_equal(values, other)
    np.testing.assert_array_equal(a.dead_at, b.dead_at[order])


def assert_close(a: Fit, b: Fit) -> None:
    """Assert that the last parameters and the records agree within rounding."""
    jax.tree.map(lambda x, y: np.testing.assert_allclose(x, y, **COMPANY), a.params, b.params)
    for name, values in a.records.items():
        np.testing.assert_allclose(values, b.records[name], **COMPANY)


def numpy_member(row: dict[str, float], steps: int) -> dict:
    """Train one member with a plain NumPy loop in float64; AdamW written out."""
    init = jax.random.fold_in(jax.random.key(int(row["init_seed"])), _crc("init"))
    start = Autoencoder(N, M).init(init)
    w, b = (np.asarray(start[n], np.float64) for n in ("W", "b"))
    moments = [np.zeros_like(a) for a in (w, w, b, b)]
    root = jax.random.fold_in(jax.random.key(int(row["data_seed"])), _crc("data"))
    out = {"loss": [], "W": [w.copy()]}
    for t in range(steps):
        bits = jax.random.bits(jax.random.fold_in(root, t), (B, N))
        x = np.asarray(bits).astype(np.float64) * 2.0**-32 * row["scale"]
        pre = x @ w.T @ w + b
        error = np.maximum(pre, 0) - x
        out["loss"].append((error**2).sum(-1).mean())
        d_pre = 2 * error * (pre > 0) / B
        grads = w @ (d_pre.T @ x + x.T @ d_pre), d_pre.sum(0)
        for i, (param, g) in enumerate(zip((w, b), grads, strict=True)):
            m, v = moments[2 * i], moments[2 * i + 1]
            m += 0.1 * (g - m)
            v += 0.001 * (g**2 - v)
            step = m / (1 - 0.9 ** (t + 1)) / (np.sqrt(v / (1 - 0.999 ** (t + 1))) + 1e-8)
            param -= row["learning_rate"] * (step + 0.01 * param)
        out["W"].append(w.copy())
    return out


def _crc(name: str) -> int:
    return zlib.crc32(name.encode()) & 0x7FFFFFFF


def test_every_member_is_a_plain_numpy_loop(uneven: Fit) -> None:
    for i in range(5):
        row = {name: UNEVEN[name][i] for name in UNEVEN.columns}
        expected = numpy_member(row, STEPS)
        for step in (0, 9, STEPS):
            found = uneven.snapshots[step]["W"][i]
            np.testing.assert_allclose(found, expected["W"][step], rtol=1e-4, atol=2e-6)
        losses = np.array(expected["loss"])
        bounds = [0, *uneven.records["step"]]
        means = [losses[a:b].mean() for a, b in itertools.pairwise(bounds)]
        np.testing.assert_allclose(uneven.records["loss"][:, i], means, rtol=1e-5)


def test_records_and_snapshots_are_at_the_steps_asked_for(uneven: Fit) -> None:
    np.testing.assert_array_equal(uneven.records["step"], [6, 9, 12, 18, 24])
    assert list(uneven.snapshots) == [0, 9, 24]
    norms = (uneven.snapshots[9]["W"] ** 2).sum((1, 2))
    np.testing.assert_allclose(uneven.records["norm"][1], norms, rtol=1e-6)
    np.testing.assert_array_equal(uneven.records["scale"][0], UNEVEN["scale"])
    np.testing.assert_array_equal(uneven.dead_at, [-1] * 5)


def test_a_member_alone_is_the_member_in_company(uneven: Fit) -> None:
    alone = fit(population(Members({n: c[2:3] for n, c in UNEVEN.columns.items()})))
    pick = lambda tree: jax.tree.map(lambda x: x[2:3], tree)
    jax.tree.map(
        lambda x, y: np.testing.assert_allclose(x, y, **COMPANY), alone.params, pick(uneven.params)
    )
    np.testing.assert_allclose(alone.records["loss"], uneven.records["loss"][:, 2:3], **COMPANY)


def test_permuted_members_give_permuted_results_bit_for_bit(uneven: Fit) -> None:
    order = np.array([3, 0, 4, 2, 1])
    permuted = Members({name: column[order] for name, column in UNEVEN.columns.items()})
    assert_same(fit(population(permuted)), uneven, order)


def test_the_same_seeds_give_the_same_bits_in_whatever_chunks(uneven: Fit) -> None:
    checkpointer, seen = Fit(population(UNEVEN)), []
    train(Program(population(UNEVEN)), checkpointer, seen.append, chunk_seconds=0.0)
    assert_same(checkpointer, uneven)
    assert [p.step for p in seen] == [6, 9, 12, 18, 24]
    assert all(isinstance(p, Progress) and p.members == 5 for p in seen)
    assert sum(p.done for p in seen) == 5 * STEPS


def test_one_compilation_serves_every_chunk() -> None:
    program = Program(population(UNEVEN))
    whole = program.chunk(program.init(), (0, 6, 9, 12, 18, 24))
    state, pieces = program.init(), []
    for bounds in ((0, 6), (6, 9), (9, 12, 18), (18, 24)):
        state, records = program.chunk(state, bounds)
        pieces.append(records)
    for name, values in whole[1].items():
        np.testing.assert_array_equal(values, np.concatenate([p[name] for p in pieces]))
    parts = zip(program.export(whole[0]).items(), program.export(state).items(), strict=True)
    for (name, a), (_, b) in parts:
        np.testing.assert_array_equal(a, b, err_msg=name)
    full = tuple(range(24, 24 + MAX_SEGMENTS + 1))
    program.chunk(program.restore(program.export(state)), full)
    assert program._chunk._cache_size() == 0  # every chunk ran the program compiled at the start
    restored = program.export(program.restore(program.export(whole[0])))
    for name, a in program.export(whole[0]).items():
        np.testing.assert_array_equal(a, restored[name], err_msg=name)


def test_a_state_of_another_population_is_refused() -> None:
    program = Program(population(seeds(2)))
    flat = program.export(program.init())
    flat["params/W"] = flat["params/W"][:1]
    with pytest.raises(ToylabError, match="params/W is"):
        program.restore(flat)


def test_a_member_that_blows_up_dies_and_disturbs_nobody() -> None:
    quiet = grid(init_seed=range(3)) * zipped(learning_rate=(0.1, 0.1), extra=(0.0, 0.0))
    columns = {name: column.copy() for name, column in quiet.columns.items()}
    columns["learning_rate"][1] = 1e30
    columns["extra"][4] = np.inf
    spoil = {"loss": Spoiled(), "optimizer": SGD(0.1), "tile": 6}
    loud = fit(population(Members(columns), **spoil))
    calm = fit(population(quiet, **spoil))
    living = np.array([0, 2, 3, 5])
    np.testing.assert_array_equal(loud.dead_at, [-1, 1, -1, -1, 0, -1])
    np.testing.assert_array_equal(calm.dead_at, [-1] * 6)
    for step in (0, 9, STEPS):
        for name, values in calm.snapshots[step].items():
            np.testing.assert_array_equal(values[living], loud.snapshots[step][name][living])
    loss = loud.records["loss"]
    np.testing.assert_array_equal(calm.records["loss"][:, living], loss[:, living])
    assert np.isnan(loss[:, [1, 4]]).all()
    # The dead stay where they were: the one that never had a loss, at its start.
    np.testing.assert_array_equal(loud.params["W"][4], loud.snapshots[0]["W"][4])
    np.testing.assert_array_equal(loud.params["W"][1], loud.snapshots[9]["W"][1])


@pytest.mark.parametrize("layout", [{"strategy": "map"}, {"tile": 2}, {"strategy": "vmap"}])
def test_layouts_agree_within_rounding(uneven: Fit, layout: dict) -> None:
    chosen = population(UNEVEN, **layout)
    tile = np.prod(Program(chosen).layout.index_TGM.shape[1:])
    wanted = {"map": (1, 1), "vmap": (3, 6)}.get(layout.get("strategy"), (2, 2))
    assert wanted[0] <= tile <= wanted[1]
    assert_close(fit(chosen), uneven)


def test_density_and_learning_rate_of_a_member_are_really_used() -> None:
    mixed = grid(density=(0.1, 0.9), learning_rate=(0.001, 0.05))
    sparse = {"task": Sparse(N, 0.5), "metrics": None, "snapshots": (), "batch_size": 64}
    together = fit(population(mixed, **sparse))
    finals = together.params["W"]
    separate = population(
        seeds(1),
        **sparse | {"task": Sparse(N, 0.9), "optimizer": AdamW(0.05, 0.01)},
    )
    alone = fit(separate)
    np.testing.assert_allclose(finals[3], alone.params["W"][0], **COMPANY)
    for i in range(3):
        assert np.abs(finals[i] - finals[3]).max() > 1e-3


def test_no_steps_give_the_initial_parameters() -> None:
    result = fit(population(seeds(3), steps=0, snapshots=(), metrics=None))
    assert list(result.snapshots) == [0]
    assert result.records == {}
    np.testing.assert_array_equal(result.dead_at, [-1] * 3)
    init = lambda seed: Autoencoder(N, M).init(random.stream(seed, "init"))
    for seed in range(3):
        np.testing.assert_allclose(result.params["W"][seed], init(seed)["W"], rtol=1e-6)
    assert long_table("p", result.records).shape == (0, 5)


def test_asked_to_stop_it_saves_and_goes_on_to_the_same_bits(uneven: Fit) -> None:
    checkpointer = Fit(population(UNEVEN))
    assert not train(Program(population(UNEVEN)), checkpointer, stop=lambda: True)
    assert checkpointer.stopped is not None and checkpointer.stopped[0] == 6
    assert train(Program(population(UNEVEN)), checkpointer)
    assert_same(checkpointer, uneven)


def test_long_table_has_one_row_per_member_record_and_name(uneven: Fit) -> None:
    table = long_table("small", uneven.records)
    assert table.columns == ["population", "member", "step", "name", "value"]
    assert len(table) == 3 * 5 * 5
    for member, step, name, value in table.select("member", "step", "name", "value").rows():
        s = list(uneven.records["step"]).index(step)
        assert value == float(uneven.records[name][s, member])


@pytest.mark.parametrize(
    ("steps", "rungs", "expected"),
    [(1000, 4, (0, 10, 100, 1000)), (0, 5, (0,)), (7, 1, (7,)), (3, 50, (0, 1, 2, 3))],
)
def test_ladder(steps: int, rungs: int, expected: tuple[int, ...]) -> None:
    assert ladder(steps, rungs) == expected


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"steps": -1}, "steps = -1"),
        ({"batch_size": 0}, "batch_size = 0"),
        ({"strategy": "vmaps"}, "did you mean 'vmap'"),
        ({"tile": 0}, "tile = 0"),
        ({"snapshots": (0, STEPS + 1)}, "snapshot step 25"),
        ({"members": grid(densty=(0.1,))}, "Unknown member column 'densty'"),
        ({"members": grid(learning_rate=(0.1, -1.0))}, "learning_rate = -1.0"),
        ({"members": grid(n_hidden=(2, 3))}, "one population per value"),
        ({"members": grid(activation=(0, 1))}, "one population per value"),
        ({"members": grid(schedule=(0, 1))}, "one population per value"),
    ],
)
def test_impossible_populations_are_refused(change: dict, said: str) -> None:
    members = change.pop("members", seeds(2))
    with pytest.raises(ToylabError, match=said):
        population(members, **change)


def test_more_devices_than_there_are_is_refused() -> None:
    with pytest.raises(ToylabError, match="devices = 64"):
        Program(population(seeds(2), devices=64))


def test_first_seed_is_added_to_every_seed_and_to_nothing_else():
    shifted = dataclasses.replace(population(seeds(3)), first_seed=1000)
    named = population(seeds(3, start=1000))
    ours, theirs = fit(shifted), fit(named)
    for a, b in zip(jax.tree.leaves(ours.params), jax.tree.leaves(theirs.params), strict=True):
        np.testing.assert_array_equal(a, b)
    assert shifted.members["init_seed"].tolist() == [0, 1, 2]
    assert describe({"p": shifted}) != describe({"p": population(seeds(3))})
