"""The study ``graph_tracing``: its own measures on inputs with known answers, and its figures."""

import jax
import jax.numpy as jnp
import networkx as nx
import numpy as np
import polars as pl
import pytest

from toylab.analysis.geometry.layout import Layout
from toylab.analysis.geometry.measures import spectral_embedding
from toylab.analysis.geometry.windows import windows
from toylab.errors import ToylabError
from toylab.figures.in_context import graph_tracing as pictures
from toylab.report import figures as fig
from toylab.studies.in_context.graph_network import network
from toylab.studies.in_context.graph_tracing import curves as c
from toylab.studies.in_context.graph_tracing import readings
from toylab.studies.in_context.graph_tracing import unfolding as u
from toylab.studies.in_context.graph_tracing.study import study
from toylab.studies.in_context.graph_tracing.through import attention_tables
from toylab.taps import run
from toylab.tasks.in_context.given_walks import Walks, draw_walks
from toylab.tasks.in_context.graph_tracing import GraphTracing, shuffled
from toylab.tasks.in_context.graphs import rectangle

RNG = np.random.default_rng(0)
TASK = GraphTracing(16, sizes=(8, 16), length=24, walk="non-backtracking")
GRID = rectangle(4, 4)


@pytest.fixture(scope="module")
def walks() -> Walks:
    return draw_walks(TASK, groups=2, walks=32, seed=3)


def test_rectangles_agree_with_networkx():
    for rows, columns in ((3, 4), (4, 4)):
        known = nx.to_numpy_array(nx.grid_2d_graph(rows, columns))
        np.testing.assert_array_equal(rectangle(rows, columns), known)


def test_walks_share_a_graph_and_follow_it(walks):
    assert sorted(set(walks.names)) == ["3x3", "3x4", "4x4", "regular 16"]  # 4x5 has 20 nodes
    flat = jax.tree.map(lambda x: x.reshape(-1, *x.shape[2:]), walks.batch)
    assert TASK.consistent(flat).all()
    tokens = np.asarray(walks.batch.latents["tokens"])
    assert (tokens == tokens[:, :1]).all()
    for g, n in enumerate(walks.n_G):
        np.testing.assert_array_equal(walks.batch.latents["node"][g, :, 0], np.arange(32) % n)
    grid = walks.groups("4x4")
    assert len(grid) == 2 and (tokens[grid[0]] != tokens[grid[1]]).any()
    np.testing.assert_array_equal(walks.batch.latents["adjacency"][grid[1], 5], GRID)
    degree = np.asarray(walks.batch.latents["degree"])[walks.groups("regular 16")]
    assert (degree == 3).all()


def test_shuffling_keeps_each_place_together(walks):
    mixed = shuffled(walks.batch, 0)
    named = np.take_along_axis(
        np.asarray(mixed.latents["tokens"]), np.asarray(mixed.latents["node"]), -1
    )
    np.testing.assert_array_equal(named, mixed.inputs)
    np.testing.assert_array_equal(np.sort(mixed.inputs, -1), np.sort(walks.batch.inputs, -1))
    assert (np.asarray(mixed.inputs) != np.asarray(walks.batch.inputs)).mean() > 0.5


def test_scores_of_known_predictions(walks):
    batch = jax.tree.map(lambda x: x[walks.groups("4x4")[0]], walks.batch)
    rule = TASK.rule(batch, previous=False)
    allowed = rule.astype(jnp.float32)
    even = jnp.log(allowed / allowed.sum(-1, keepdims=True))
    found = c.score(even, batch.targets, rule)
    np.testing.assert_allclose(found.mass, 1, rtol=1e-5)
    # Without turning back, the next node is one of them all: the floor itself.
    np.testing.assert_allclose(found.loss, TASK.floor(batch), atol=1e-5)
    counted = c.counter(TASK, batch, directed=False)
    np.testing.assert_allclose(
        counted.loss, TASK.bigram_loss(batch, directed=False), rtol=1e-4, atol=1e-5
    )


def test_lags_agree_with_a_loop(walks):
    model = network(TASK, 1, 8, 2)
    params, tokens = model.init(jax.random.key(0)), walks.batch.inputs[0]
    table = attention_tables(model, params, tokens)["lags"]
    _, acts = run(model, params, tokens, record=("blocks/0/attn/pattern",))
    pattern = np.asarray(acts["blocks/0/attn/pattern"]).mean(0)
    for head, lag in ((0, 0), (1, 3), (1, 11)):
        known = np.mean([pattern[head, t, t - lag] for t in range(12, 24)])
        row = table.filter(pl.col("head") == head, pl.col("lag") == lag)
        assert row["attention"][0] == pytest.approx(known, rel=1e-5)


def test_power_laws_are_of_rectangles_without_gaps():
    n = np.array([9, 12, 16, 20])
    graphs = ["3x3", "3x4", "4x4", "4x5", "regular 16"]
    halves = [[*(3 * n**1.2), 70.0], [1, 2, np.nan, 3.0, 70.0]]
    rows = [
        {"init_seed": s, "source": "network", "graph": g, "n": int(m), "half": float(h)}
        for s in range(2)
        for g, m, h in zip(graphs, [*n, 16], halves[s], strict=True)
    ]
    measures = {"fits": pl.DataFrame(rows)}
    np.testing.assert_allclose(readings.power_law("slope")(measures).array(), [1.2, np.nan])
    np.testing.assert_allclose(readings.power_law("r2")(measures).array(), [1, np.nan])


def test_windows_name_the_end_and_place_25():
    where = windows(128, 8, 10, visits=20)
    assert u.when(where).count("late") == 1 and u.when(where)[-1] == "late"
    assert abs(where.centre_W[u.when(where).index("middle")] - 25) < 4


def grid_means(groups=3, layers=3, windows=4, width=24):
    """Noise in layers 0 and 2; in layer 1 the grid, from the third window on."""
    vectors = RNG.normal(size=(groups, layers, windows, 16, width))
    vectors[:, 1, 2:, :, :2] += 40 * spectral_embedding(GRID)
    return vectors


def test_geometry_finds_the_layer_the_window_and_beats_the_mix():
    where = windows(40, 4, 4, visits=2)
    sources = {"network": grid_means(), "untrained": RNG.normal(size=(3, 3, 4, 16, 24))}
    table = u.geometry_table(sources, GRID, where, where.centre_W)
    network = table.filter(pl.col("source") == "network")
    assert set(network.filter(pl.col("chosen"))["layer"]) == {1}
    late = network.filter(pl.col("chosen"), pl.col("when") == "late").row(0, named=True)
    assert late["energy"] < 0.5 and late["correlation"] > 0.7 and late["overlap"] > 0.95
    early = network.filter(pl.col("layer") == 1).sort("place")["energy"][0]
    assert early == pytest.approx(1, abs=0.1)
    mix = table.filter(pl.col("source") == "neighbour mix")
    assert len(mix) == 1 and 0.5 < mix["energy"][0] < 0.65  # 0.114 of 0.2, at any width
    places = np.geomspace(1, 40, 9)
    ahead = u.order_table(table, (places, np.linspace(0, 1, 9))).row(0, named=True)
    assert ahead["fall"] > 0.3 and ahead["half_energy_at"] < where.centre_W[2]
    want = np.log2(ahead["half_mass_at"] / ahead["half_energy_at"])
    assert ahead["half_to_half"] == pytest.approx(want)
    flat = u.order_table(table.with_columns(chosen=pl.col("layer") == 2), (places, places))
    flat = flat.with_columns(init_seed=0)
    assert readings.HALF_TO_HALF({"order": flat}).count("excluded") == 1


def test_diverged_networks_have_rows_without_numbers():
    where = windows(40, 4, 4, visits=2)
    lost = {"network": grid_means() * np.nan, "untrained": grid_means()}
    table = u.geometry_table(lost, GRID, where, where.centre_W)
    network = table.filter(pl.col("source") == "network")
    assert network["chosen"].any() and network["energy"].is_nan().all()
    order = u.order_table(table, (np.arange(1, 41.0), np.full(40, np.nan)))
    assert np.isnan(order["half_to_half"][0])
    picture = u.picture_table({"early": lost["network"][0, 0, 0]}, GRID)
    assert len(picture) == 16 and picture["x"].is_nan().all()


def tables():
    """Made-up tables of two seeds, with every column that figures and claims ask for."""
    where, parts = windows(40, 4, 4, visits=2), []
    for seed in range(2):
        sources = {n: grid_means() for n in ("network", "untrained", "shuffled context")}
        geometry = u.geometry_table(sources, GRID, where, where.centre_W)
        rise = np.linspace(0, 0.9, 40) ** (1 + seed)
        flat = Walks(("3x3", "3x4", "4x4", "regular 16"), np.array([9, 12, 16, 16]), None)  # type: ignore[arg-type]
        curve = c.Curve(*(np.tile(rise, (4, 1)) for _ in range(2)))  # type: ignore[arg-type]
        names = ("network", "untrained", *c.COUNTERS)
        curves = c.curve_table(flat, dict.fromkeys(names, curve), 40)
        step = {"layer": [0, 1, 2] * 2, "step": [0] * 3 + [9] * 3, "early": [0.1] * 6}
        step |= {n: list(RNG.random(6)) for n in ("late", *Layout._fields)}
        order = u.order_table(geometry, (np.arange(1, 41.0), rise))
        panels = {f"around place {i}": grid_means()[0, 1, i] for i in range(4)}
        found = {
            "curves": curves,
            "fits": c.fit_table(curves, 16),
            "geometry": geometry,
            "order": order,
            "training": pl.DataFrame(step),
            "lags": pl.DataFrame(
                {"block": [1, 1, 2, 2], "head": 0, "lag": [0, 1] * 2, "attention": [0.2, 0.7] * 2}
            ),
            "pictures": u.picture_table(panels | {"neighbour mixing": grid_means()[0, 1, 3]}, GRID),
        }
        rows = {"block": [2] * 3, "head": 0, "after": [0, 1, 2], "attention": [0.05, 0.9, 0.05]}
        found["copies"] = pl.DataFrame(rows)
        found["turned"] = pl.DataFrame({"ahead": [0.9], "oldest": [0.2]})
        parts.append({n: t.with_columns(init_seed=pl.lit(seed)) for n, t in found.items()})
    return {n: pl.concat([p[n] for p in parts]) for n in parts[0]}


def test_figures_and_claims_read_the_tables():
    measures = tables()
    with fig.style():
        drawn = pictures.draw(measures, study.presets["smoke"])
        assert set(drawn) == {"unfolding", "context", "counting", "layers", "training", "lags"}
        for figure in drawn.values():
            figure.draw_without_rendering()
    values = {claim.key: claim.reading(measures).array() for claim in study.claims}
    assert len(values) >= 10 and all(len(v) == 2 for v in values.values())
    late = np.linspace(0, 0.9, 40)[30:]
    np.testing.assert_allclose(
        values["accuracy_late"], [late.mean(), (0.9 * (late / 0.9) ** 2).mean()], rtol=0.3
    )
    np.testing.assert_array_equal(values["previous_token"], 1)
    np.testing.assert_allclose(values["loss_beyond_counter"], 0, atol=1e-12)
    np.testing.assert_allclose(values["rings_without_recency"], 0.7)
    np.testing.assert_allclose(values["finds_visits"], 0.9)
    np.testing.assert_allclose(values["as_far_as_it_looks_back"], 0)


def test_a_window_longer_than_the_context_is_refused():
    with pytest.raises(ToylabError, match="window"):
        type(study.presets["smoke"])(length=20, sizes=(8, 16), n_tokens=16, window=18)
