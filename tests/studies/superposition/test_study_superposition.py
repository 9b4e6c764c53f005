"""The study ``superposition``: its table of features against loops, its readings against tables."""

import numpy as np
import polars as pl
import pytest

from toylab.claims import judge_all
from toylab.figures.superposition.superposition import CAPTIONS, draw
from toylab.read.networks import trend
from toylab.report.figures import style
from toylab.studies.superposition.superposition.claims import (
    KEPT,
    band,
    kept,
    on_polytopes,
    rows_of,
    unused_dimensions,
)
from toylab.studies.superposition.superposition.study import Config, features, study


class Stored:
    """A run folder of two networks of which the second diverged."""

    def __init__(self, W_PMN: np.ndarray):
        self.W_PMN = W_PMN

    def params(self, population: str, step: int) -> dict[str, np.ndarray]:
        W_PMN = np.where(np.array([False, True])[:, None, None], np.nan, self.W_PMN)
        return {"W": W_PMN.astype(np.float32), "b": W_PMN[:, 0].astype(np.float32)}

    def members(self, population: str) -> pl.DataFrame:
        return pl.DataFrame({"member": [0, 1], "init_seed": [0, 1], "density": [0.5, 0.5]})

    def dead_at(self, population: str) -> np.ndarray:
        return np.array([-1, 3])


def test_features_are_those_of_loops_and_a_diverged_network_has_none():
    W_PMN = np.random.default_rng(0).normal(size=(2, 3, 5))
    table = features(Stored(W_PMN), "geometry", 9)
    assert table["diverged"].to_list() == [False] * 5 + [True] * 5
    assert table["norm"].is_nan().to_list() == [False] * 5 + [True] * 5
    W = W_PMN[0]
    for i, row in enumerate(table.head(5).iter_rows(named=True)):
        unit = W[:, i] / np.linalg.norm(W[:, i])
        overlap = [(unit @ W[:, j]) ** 2 for j in range(5)]
        others = [unit @ W[:, j] / np.linalg.norm(W[:, j]) for j in range(5) if j != i]
        assert row["feature"] == i
        assert row["norm"] == pytest.approx(np.linalg.norm(W[:, i]), rel=1e-5)
        assert row["interference"] == pytest.approx(sum(overlap) - overlap[i], rel=1e-4)
        assert row["dimensionality"] == pytest.approx(overlap[i] / sum(overlap), rel=1e-4)
        assert row["lowest_cosine"] == pytest.approx(min(others), rel=1e-4)
        assert row["d_star"] == pytest.approx(3 / (W**2).sum(), rel=1e-5)


def sweep(counts: dict[float, int], n: int = 6, m: int = 3) -> pl.DataFrame:
    """One seed that keeps so many features of each density, all in antipodal pairs."""
    rows = [
        {"init_seed": 0, "density": density, "feature": i, "norm": float(i < k), "bias": 0.5}
        | {"dimensionality": 0.5 * (i < k), "interference": 1.0 * (i < k)}
        | {"lowest_cosine": -1.0, "d_star": m / max(k, 1), "diverged": False}
        for density, k in counts.items()
        for i in range(n)
    ]
    return pl.DataFrame(rows)


def test_readings_of_a_sweep():
    table = sweep({1.0: 3, 0.45: 5, 0.3: 6, 0.1: 6})
    measures = {"relu": table, "geometry": table, "untrained": table.with_columns(norm=1.0)}
    assert kept("relu", 0.45)(measures).array() == [5]
    # Ranks of the numbers kept are 1, 2, 3.5, 3.5 where those of density are 4, 3, 2, 1.
    expected = np.corrcoef([1, 2, 3.5, 3.5], [4, 3, 2, 1])[0, 1]
    assert trend(rows_of("relu"), KEPT.sum(), "density")(measures).array() == pytest.approx(
        [expected]
    )
    assert band(2.19, 3.5).aggregate(pl.col("density").min())(measures).array() == [0.3]
    # Five features of 1/2 fill 2.5 of three dimensions, three fill 1.5.
    assert unused_dimensions("geometry")(measures).array() == pytest.approx([0.5])
    off = table.with_columns(
        dimensionality=pl.when(pl.col("feature") < 2).then(0.45).otherwise(0.5)
    )
    assert on_polytopes("geometry")(measures | {"geometry": off}).array() == pytest.approx([8 / 14])


def test_diverged_networks_are_no_evidence():
    table = sweep({1.0: 3}).with_columns(norm=None, diverged=True)
    verdict = kept("relu", 1.0)({"relu": table})
    assert (len(verdict.values), verdict.count("diverged")) == (0, 1)


def test_claims_judge_and_figures_draw():
    table = sweep({1.0: 3, 0.3: 4, 0.1: 6, 0.03: 6, 0.001: 6})
    table = pl.concat([table, table.with_columns(init_seed=pl.lit(1, pl.Int64))])
    names = ("linear", "relu", "large", "geometry", "untrained")
    W_DMN = np.random.default_rng(0).normal(size=(5, 3, 6))
    measures = dict.fromkeys(names, table) | {f"W_{name}": W_DMN for name in names[:3]}
    verdicts = {v.key: v for v in judge_all(study.claims, measures)}
    assert verdicts["superposition_at_003"].values == (6, 6)
    config = Config(densities=(1.0, 0.3, 0.1, 0.03, 0.001))
    with style():
        drawn = draw(measures, config)
        assert set(drawn) == set(CAPTIONS)
        for sheet in drawn.values():
            sheet.draw_without_rendering()
