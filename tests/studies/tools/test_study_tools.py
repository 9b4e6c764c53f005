"""The study of tools: a smoke run, and marks against a hand count."""

import jax
import numpy as np
import polars as pl
import pytest

from toylab.analysis.circuits import Edges
from toylab.lab import run_study
from toylab.models.toys.planted import PlantedInduction
from toylab.studies.tools.tools.marks import PATHS, _mark
from toylab.studies.tools.tools.programs import marked
from toylab.study import load_study
from toylab.tasks.tools.recall import Recall
from toylab.train.fast_compile import compiling


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A smoke run."""
    return run_study(load_study("tools"), "smoke", tmp_path_factory.mktemp("tools") / "run")


def test_a_smoke_run_marks_every_tool(run):
    measures = run.measures()
    edges = measures["edges"]
    assert isinstance(edges, pl.DataFrame)
    assert set(edges["tool"]) == {"exact", "paths", "EAP", "EAP-IG 5", "EAP-IG 20"}
    assert edges.height == 2 * 2 * 3 * 5  # seeds, noises, corruptions, tools
    exact = edges.filter(pl.col("noise") == 0.02, tool="exact")
    assert exact["recall"].to_list() == [1.0] * 6
    np.testing.assert_allclose(exact["agreement"], 1)
    paths = edges.filter(pl.col("noise") == 0.02, tool="paths")  # without MLPs they are edges
    np.testing.assert_allclose(paths.select("recall", "precision").to_numpy(), 1)
    np.testing.assert_allclose(paths["keys"].drop_nulls(), 1, rtol=1e-3)
    nodes = measures["nodes"].filter(pl.col("noise") == 0.02)
    assert nodes.height == 2 * 3 * 2  # seeds, corruptions, tools
    np.testing.assert_allclose(nodes.filter(tool="exact").select("recall", "late").to_numpy(), 1)
    first = nodes.filter(tool="attribution")
    # What the last head writes reaches the logits in a straight line: its gradient is exact.
    np.testing.assert_allclose(first["late"], 1, rtol=1e-3)
    assert (first["early"].drop_nulls() < 0.1).all() and first["early"].null_count() == 4
    blind = edges.filter(pl.col("noise") == 0.02, tool="EAP", corruption="key")
    assert (blind["keys"] < 0.3).all() and (blind["recall"] < 1).all()
    assert {path.stem for path in run.figures()} == {"recall", "faithful", "programs"}
    programs = measures["programs"].filter(pl.col("noise") == 0.02)
    assert programs.height == 2 * 4  # seeds, tools
    exact = programs.filter(tool="exact").select("recall", "precision", "reach", "share")
    np.testing.assert_allclose(exact.to_numpy(), 1)
    np.testing.assert_allclose(measures["kept"].filter(noise=0.02)["planted"], 1, atol=0.05)


def test_marks_of_a_program_are_precision_and_recall():
    true, exact = np.array([True, True, False, False]), np.array([-8.0, -4.0, 0.5, 0.0])
    whole = {"recall": 1, "precision": 1, "reach": 1, "share": 1}
    assert marked(exact, exact, true) == pytest.approx(whole)
    scores = np.array([0.3, -4.0, 1.0, 0.4])  # one of two among the highest two, and above 0.4
    some = {"recall": 0.5, "precision": 1 / 3, "reach": 0.5, "share": 4.3 / 12}
    assert marked(scores, exact, true) == pytest.approx(some)


def test_marks_count_the_path():
    edges = Edges.of(PlantedInduction.of(12, 8, 4))
    names = [(edges.writers[w], edges.readers[r]) for r, w in np.argwhere(edges.possible)]
    path = set(PATHS["key"])
    exact = np.array([float(edge in path) for edge in names]) + np.linspace(0, 0.1, len(names))
    assert _mark(edges, "key", exact, exact) == pytest.approx(
        {"recall": 1, "precision": 1, "keys": 1, "agreement": 1}
    )
    one_lost = np.where([edge == ("a0.h0", "a1.h0<k>") for edge in names], 0, exact)
    assert _mark(edges, "key", one_lost, exact)["recall"] == pytest.approx(2 / 3)
    assert _mark(edges, "key", one_lost, exact)["keys"] == 0
    assert _mark(edges, "key", exact / 4, exact)["keys"] == pytest.approx(1 / 4)
    assert _mark(edges, "answer", exact, exact)["keys"] is None


def test_the_planted_network_recalls():
    model, world = PlantedInduction.of(12, 8, 4), Recall(12, 8)
    batch = world.batch(jax.random.key(1), 64)
    keys = jax.random.split(jax.random.key(2), 3)
    with compiling(hastily=True):
        logits = jax.jit(jax.vmap(lambda key: model.apply(model.init(key), batch.inputs)))(keys)
        params = jax.jit(model.init)(keys[0])
    right = np.asarray(logits)[:, :, -1].argmax(-1) == np.asarray(batch.targets)[None, :, -1]
    assert right.all()
    # Without the key it attends evenly, and is right as often as one of seven tokens is drawn.
    for kind, wrong in (("key", 6 / 7), ("query", 1), ("answer", 1)):
        other = model.apply(params, jax.numpy.asarray(world.corrupt(batch, kind)))
        found = float((other[:, -1].argmax(-1) != batch.targets[:, -1]).mean())
        assert found == pytest.approx(wrong, abs=0.13)
