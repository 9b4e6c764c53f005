"""The study of methods of attention: a smoke run, and its measures against slow ones."""

import jax
import numpy as np
import polars as pl
import pytest

from toylab.errors import ToylabError
from toylab.lab import run_study
from toylab.studies.tools.methods import attention, dialogue, mapping
from toylab.studies.tools.methods.settings import Config
from toylab.study import load_study


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A smoke run."""
    return run_study(load_study("methods"), "smoke", tmp_path_factory.mktemp("methods") / "run")


def test_a_smoke_run_measures_every_method(run):
    measures = run.measures()
    assert measures["knock_out"].height == 2 * 4 * 3 * 4  # seeds, movers, keys, layers
    assert measures["joint"].height == measures["vectors"].height == 2
    assert measures["dialogues"].height == 2 * 3 * dialogue.LONG.turns // dialogue.BIN
    assert {path.stem for path in run.figures()} == {"attention", "heads"}
    still = measures["knock_out"].filter(pl.col("layer") != pl.col("mover"))
    np.testing.assert_allclose(still["fall"], 0, atol=1e-6)  # dead layers move nothing
    talk = measures["talk"]
    np.testing.assert_array_equal(talk.select("top_0", "drawn_0"), 1)
    joint = measures["joint"]
    assert (joint["best"] >= joint["closed"] - 1e-9).all()


def test_split_softmax_of_strength_one_is_no_change(run):
    dialogues = run.measures()["dialogues"].filter(turn=0)
    plain = dialogues.filter(how="plain")["mass"].to_numpy()
    prompt = dialogues.filter(how="prompt")["mass"].to_numpy()
    assert (prompt > plain).all()
    assert dialogue.PLACES["plain"][1] == 1


def test_vectors_of_a_shift_are_put_together(run):
    params, sizes = run.params("shifts"), (2, 81, 4, 8)
    means = {i: np.random.default_rng(i).normal(size=sizes).astype(np.float32) for i in (0, 1)}
    effect_PIH = np.random.default_rng(3).normal(size=(2, 2, 4))
    found = mapping.vectors_of(params, means, effect_PIH)
    own = jax.tree.map(lambda leaf: np.asarray(leaf)[1], params)
    top = np.argsort(effect_PIH[1].ravel())[-mapping.HEADS :]
    expected = sum(
        means[h // 4][1, :, h % 4] @ own["blocks"][str(h // 4)]["attn"]["w_o"][h % 4] for h in top
    )
    np.testing.assert_allclose(found["vector"][1], expected, atol=1e-5)
    length = lambda kind: np.linalg.norm(found[kind], axis=-1)
    np.testing.assert_allclose(length("vector"), length("drawn"), rtol=1e-4)
    at = lambda kind, i, j, x: found[kind][0, (3 * i + j) * 9 + x]
    summed = at("vector", 2, 0, 5) + at("vector", 0, 1, 5) - at("vector", 0, 0, 5)
    np.testing.assert_allclose(at("sum", 2, 1, 5), summed, atol=1e-5)
    np.testing.assert_allclose(at("part", 2, 1, 5), at("vector", 2, 0, 5), atol=1e-6)


def test_the_best_site_is_chosen_on_other_symbols():
    right = np.zeros((3, 1, 9, 9))
    right[1, :, :, :4], right[2, :, :, 4:] = 1, 1
    kinds = dict.fromkeys(mapping.KINDS, right)
    found = mapping.at_the_best_site(kinds)
    assert found["site"].tolist() == [1] and found["vector"].tolist() == [0]


def test_the_peak_is_where_the_layer_moves():
    rows = pl.DataFrame(
        {"mover": [0, 0, 1, 1], "layer": [0, 1, 0, 1], "fall": [0.9, 0.1, 0.5, 0.2]}
    )
    assert attention.peak(rows) == 0.5


def test_settings_out_of_range_are_refused():
    for settings in ({"share": 0.0}, {"samples": 0}, {"learning_rate": -1.0}):
        with pytest.raises(ToylabError, match=f"methods: {next(iter(settings))}"):
            Config(**settings)
