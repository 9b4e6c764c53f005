"""The study ``superposition_memorisation``: scores against loops, claims on hand-made tables."""

import jax
import jax.numpy as jnp
import numpy as np
import polars as pl
import pytest

from toylab.claims import judge_all
from toylab.figures.superposition.superposition_memorisation import CAPTIONS, draw
from toylab.report.figures import style
from toylab.studies.superposition.superposition_memorisation.study import (
    Config,
    data_sets,
    scores,
    study,
)
from toylab.tasks.superposition.superposition import FixedSet


def dimensionalities(vectors_MK: np.ndarray) -> np.ndarray:
    """D_i of every column, from its definition."""
    gram = vectors_MK.T @ vectors_MK
    return np.diag(gram) ** 2 / (gram**2).sum(1)


def test_scores_are_those_of_loops():
    config, rng = Config(n_features=12, density=0.2), np.random.default_rng(0)
    W, b = rng.normal(size=(2, 12)), 0.1 * rng.normal(size=12)
    params = {"W": jnp.asarray(W, jnp.float32), "b": jnp.asarray(b, jnp.float32)}
    found = jax.jit(lambda p: scores(config, 4, p, jnp.int32(3)))(params)
    x = np.asarray(FixedSet(12, 0.2, 4, set_seed=3).batch().inputs, float)
    loss = ((x - np.maximum(x @ W.T @ W + b, 0)) ** 2).sum(1)
    assert found["train"] == pytest.approx(loss.mean(), rel=1e-4)
    assert found["hidden"] == pytest.approx(W @ x.T, rel=1e-3, abs=1e-5)
    assert found["example_dimensionality"] == pytest.approx(
        dimensionalities(W @ x.T).mean(), rel=1e-3
    )
    assert float(found["features_above_02"]) == (dimensionalities(W) > 0.2).sum()
    assert found["norm"] == pytest.approx(np.linalg.norm(W), rel=1e-5)


def test_examples_on_a_polygon_share_two_dimensions_evenly():
    angle = 2 * np.pi / 5 * np.arange(5)
    corners = np.stack([np.cos(angle), np.sin(angle)])
    assert dimensionalities(corners) == pytest.approx(np.full(5, 2 / 5))


def test_every_data_set_has_its_initialisations():
    members = data_sets(3, 2)
    assert members["set_seed"].tolist() == [0, 0, 1, 1, 2, 2]
    assert members["init_seed"].tolist() == list(range(6))


SIZES = (3, 5, 8, 10, 100, 5_000)


def measures(features: float = 5.0, norm: float = 5**0.5) -> dict[str, pl.DataFrame | np.ndarray]:
    """Eight data sets stored as T-gons when few, worst at 100 examples."""
    test = dict.fromkeys(SIZES, 0.9) | {100: 1.4}
    rows = [
        {"set_seed": s, "size": t, "diverged": False, "train": 0.9 if t >= 100 else 0.0}
        | {"test": test[t] + 0.001 * s, "example_dimensionality": 2 / t}
        | {"features_above_02": features, "norm": norm * (1 + 1e-3 * s)}
        for s in range(8)
        for t in SIZES
    ]
    vectors = {f"{kind}_{t}": np.eye(2) for kind in ("examples", "features") for t in SIZES}
    return {"sets": pl.DataFrame(rows)} | vectors


def test_the_papers_networks_are_judged_so():
    verdicts = {v.key: v for v in judge_all(study.claims, measures())}
    assert verdicts["double_descent"].estimate == pytest.approx(0.5)
    assert verdicts["examples_form_polygons"].estimate == pytest.approx(0, abs=1e-9)
    for key in ("double_descent", "many_give_pentagon", "pentagon_norm", "many_generalise"):
        assert verdicts[key].verdict == "reproduced", key


def test_sets_that_generalise_without_a_feature_confound():
    found = measures()
    sets = found["sets"]
    assert isinstance(sets, pl.DataFrame)
    alike = pl.when(pl.col("size") == 100).then(0.9).otherwise(pl.col("test"))
    verdicts = judge_all(study.claims, found | {"sets": sets.with_columns(test=alike)})
    assert {v.key: v.verdict for v in verdicts}["many_generalise"] == "confounded"


def test_a_network_that_stores_nothing_does_not_generalise():
    verdicts = {v.key: v.verdict for v in judge_all(study.claims, measures(features=0.5))}
    assert verdicts["many_give_pentagon"] == "not reproduced"
    assert verdicts["many_generalise"] == verdicts["pentagon_norm"] == "not testable"


def test_figures_draw_with_a_diverged_set():
    found = measures() | {"examples_3": np.full((2, 3), np.nan)}
    with style():
        drawn = draw(found, study.presets["laptop"])
        assert set(drawn) == set(CAPTIONS)
        for sheet in drawn.values():
            sheet.draw_without_rendering()
