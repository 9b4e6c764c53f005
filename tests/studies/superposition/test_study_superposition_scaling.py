"""The study ``superposition_scaling``: overlaps against loops, exponents of exact power laws."""

import numpy as np
import polars as pl
import pytest

from toylab.claims import judge_all
from toylab.figures.superposition.superposition_scaling import CAPTIONS, draw
from toylab.report.figures import style
from toylab.studies.superposition.superposition_scaling.claims import (
    RANDOM_VARIANCE,
    STRONG,
    WEAK,
    exponent,
)
from toylab.studies.superposition.superposition_scaling.study import (
    Config,
    members_of_width,
    study,
)


class Stored:
    """A run folder of two networks of width 3, of which the second diverged."""

    def __init__(self, W_PMN: np.ndarray):
        self.W_PMN = W_PMN

    def params(self, name: str) -> dict[str, np.ndarray]:
        return {"W": np.where(np.array([False, True])[:, None, None], np.nan, self.W_PMN)}

    def members(self, name: str) -> pl.DataFrame:
        seeds = {"member": [0, 1], "init_seed": [0, 1]}
        return pl.DataFrame(seeds | {"gamma": [STRONG] * 2, "alpha": [1.0] * 2})

    def dead_at(self, name: str) -> np.ndarray:
        return np.array([-1, 40])

    def metrics(self) -> pl.DataFrame:
        rows = {"member": [0, 1] * 2, "step": [1, 1, 2, 2], "value": [1.0, 1.0, 0.5, np.nan]}
        return pl.DataFrame(rows).with_columns(population=pl.lit("width3"), name=pl.lit("loss"))


def test_rows_are_those_of_loops():
    W_PMN = np.random.default_rng(0).normal(size=(2, 3, 5)) * [1.0, 1, 0.1, 1, 0.1]
    table = members_of_width(Config(n_features=5, widths=(3,)), Stored(W_PMN), 3)
    norms = np.linalg.norm(W_PMN[0], axis=0)
    square = [
        (W_PMN[0][:, i] @ W_PMN[0][:, j] / norms[i] / norms[j]) ** 2
        for i in range(5)
        for j in range(5)
        if i != j
    ]
    kept = int((norms > 0.5).sum())
    frequency = 1 / np.arange(1, 6) / (1 / np.arange(1, 6)).sum()
    row = table.row(0, named=True)
    assert (row["loss"], row["kept"], row["width"]) == (0.5, kept, 3)
    assert row["overlap"] == pytest.approx(np.mean(square))
    assert row["overlap_variance"] == pytest.approx(np.var(square))
    assert row["predicted"] == pytest.approx(4 / 3 * frequency[kept:].sum(), rel=1e-5)
    assert table["diverged"].to_list() == [False, True] and table["loss"][1] is None


@pytest.mark.parametrize("width", [2, 5, 20])
def test_variance_of_the_overlaps_of_random_directions(width):
    vectors = np.random.default_rng(0).normal(size=(2, 100_000, width))
    unit = vectors / np.linalg.norm(vectors, axis=-1, keepdims=True)
    square = (unit[0] * unit[1]).sum(-1) ** 2
    predicted = pl.DataFrame({"width": [width]}).select(RANDOM_VARIANCE).item()
    assert predicted == pytest.approx(square.var(), rel=0.05)


def measures(weak_kept: float = 1.0) -> dict[str, pl.DataFrame]:
    """Eight seeds whose losses are exact power laws, with the paper's exponents."""
    exponents = {(STRONG, 0.0): 1, (STRONG, 1.0): 1, (STRONG, 1.5): 1, (STRONG, 2.0): 2}
    exponents |= {(WEAK, 0.0): 0.2, (WEAK, 1.0): 0.2, (WEAK, 1.5): 0.5, (WEAK, 2.0): 1}
    rows = [
        {"init_seed": seed, "diverged": False, "gamma": gamma, "alpha": alpha, "width": width}
        | {"n_features": 256, "loss": 2 * width ** -(a * (1 + 0.001 * seed))}
        | {"kept": 250 + seed % 3 if gamma == STRONG else weak_kept * width + 0.01 * seed}
        | {"overlap": (1 + 0.001 * seed) / width, "overlap_variance": 1e-3 / width**2}
        for seed in range(8)
        for (gamma, alpha), a in exponents.items()
        for width in (4, 8, 16, 32)
    ]
    table = pl.DataFrame(rows).with_columns(predicted=pl.col("loss") * 1.05)
    return {"models": table}


def test_exponents_are_found_and_the_papers_networks_judged_so():
    found = exponent(WEAK, 1.5)(measures()).array()
    assert found == pytest.approx(0.5 * (1 + 0.001 * np.arange(8)))
    verdicts = {v.key: v for v in judge_all(study.claims, measures())}
    assert {v.verdict for v in verdicts.values()} == {"reproduced"}
    assert verdicts["strong_beats_weak"].estimate == pytest.approx(0.8, rel=0.01)


def test_exponents_of_networks_that_keep_too_much_test_nothing():
    verdicts = {v.key: v.verdict for v in judge_all(study.claims, measures(weak_kept=4.0))}
    assert verdicts["weak_keeps_width"] == "not reproduced"
    assert verdicts["weak_exponent_2"] == verdicts["weak_exponent_15"] == "not testable"
    assert verdicts["strong_flat_exponent"] == "reproduced"


def test_a_diverged_network_leaves_its_seed_out_of_its_exponent_alone():
    found = measures()
    lost = (pl.col("init_seed") == 2) & (pl.col("gamma") == WEAK) & (pl.col("width") == 8)
    found["models"] = found["models"].with_columns(diverged=lost, loss=pl.when(~lost).then("loss"))
    assert exponent(WEAK, 2.0)(found).count("diverged") == 1
    assert len(exponent(STRONG, 2.0)(found).values) == 8


def test_figures_draw():
    with style():
        drawn = draw(measures(), study.presets["laptop"])
        assert set(drawn) == set(CAPTIONS)
        for sheet in drawn.values():
            sheet.draw_without_rendering()
