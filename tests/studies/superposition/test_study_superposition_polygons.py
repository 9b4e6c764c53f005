"""The study ``superposition_polygons``: exact losses by quadrature, readings of given curves."""

import jax.numpy as jnp
import numpy as np
import polars as pl
import pytest
from scipy.integrate import quad

from toylab.claims import judge_all
from toylab.figures.superposition.superposition_polygons import CAPTIONS, draw
from toylab.models import Autoencoder
from toylab.report.figures import style
from toylab.studies.superposition.superposition_polygons.claims import (
    BETWEEN,
    SQUARE,
    above_lowest_level,
    best,
    ends_on_level,
    lingers_on_levels,
    visits,
)
from toylab.studies.superposition.superposition_polygons.study import exact_loss, study
from toylab.tasks.superposition.by_member import FirstFeatures
from toylab.tasks.superposition.superposition_theory import (
    best_polygon,
    polygon_level,
    polygon_levels,
)

FIVE, FOUR = polygon_level(5, 5), polygon_level(4, 5)


def test_exact_loss_is_the_integral_over_the_features_that_exist():
    rng = np.random.default_rng(0)
    W, b, c = rng.normal(size=(2, 4)), 0.3 * rng.normal(size=4), 3
    params = {"W": jnp.asarray(W, jnp.float32), "b": jnp.asarray(b, jnp.float32)}
    found = exact_loss(Autoencoder(4, 2), params, FirstFeatures(4, n_used=3))["exact"]
    gram = W.T @ W

    def error(x: float, i: int) -> float:
        target = x * np.eye(c)[i]
        return ((target - np.maximum(gram[:c, i] * x + b[:c], 0)) ** 2).sum()

    expected = np.mean([quad(error, 0, 1, args=(i,), limit=200)[0] for i in range(c)])
    assert found == pytest.approx(expected, rel=1e-5)


def models(losses: dict[tuple[int, int], list[float]]) -> pl.DataFrame:
    """Two networks of every (group, c) with these losses, of the exact pentagon's shape."""
    shape = best_polygon(5)
    return pl.DataFrame(
        [
            {"group": group, "c": c, "init_seed": 2 * group + i, "member": 2 * group + i}
            | {"loss": loss, "corners": 5, "radius": shape.radius, "bias": shape.bias}
            for (group, c), pair in losses.items()
            for i, loss in enumerate(pair)
        ]
    ).with_columns(diverged=pl.col("loss").is_null())


def test_the_best_of_a_group_counts_and_a_lost_group_has_none():
    table = models({(0, 5): [0.07, FIVE], (1, 5): [None, 0.02], (2, 5): [None, None]})
    found = best(5).value("loss", "group")({"models": table})
    assert found.array() == pytest.approx([FIVE, 0.02, np.nan], nan_ok=True)
    assert found.count("diverged") == 1
    gap = above_lowest_level(5, 5)({"models": table})
    assert gap.values == pytest.approx([0, 15 * (0.02 - FIVE)])
    table = models({(0, 5): [FIVE * 1.009, FIVE * 1.02], (1, 5): [FOUR, FIVE]})
    assert ends_on_level(5)({"models": table}).array() == pytest.approx([0.5, 1])


def curve(group: int, values: list[float], c: int = 5) -> pl.DataFrame:
    """The loss of one network over training, drawn from a list."""
    steps = range(len(values))
    table = {"group": group, "init_seed": group, "member": group, "c": c, "diverged": False}
    return pl.DataFrame([table | {"step": s, "value": values[s]} for s in steps])


def test_lingering_is_told_from_passing():
    falling = list(np.geomspace(0.2, FIVE * 1.2, 20))
    resting = [0.2, 0.1, *[FOUR] * 5, 0.03, *[FIVE] * 5]
    curves = pl.concat([curve(0, resting), curve(1, falling), curve(2, [float(BETWEEN[0])] * 4)])
    measures = {"curves": curves}
    assert visits(SQUARE)(measures).array() == pytest.approx([1, 0, 0])
    assert visits(BETWEEN)(measures).array() == pytest.approx([0, 0, 1])
    on, off = lingers_on_levels(5)(measures), lingers_on_levels(5, shift=0.5)(measures)
    assert on.array()[0] == 1 and off.array()[0] == 0
    assert on.count("undefined") == 1  # the falling one never rests


def paper() -> dict[str, pl.DataFrame | np.ndarray]:
    """Eight groups that end on the lowest level of every c, by way of the square."""
    lowest = {c: min(polygon_levels(c).values()) for c in (4, 5, 6, 7, 8, 9)}
    level = lambda c, group: lowest[c] + 1e-7 * group
    losses = {(g, c): [level(c, g), level(c, g) + 1e-9] for g in range(8) for c in lowest}
    rest = lambda g, c: [0.15, *[polygon_level(4, c)] * 4, *[level(c, g)] * 4]
    curves = [curve(g, rest(g, c), c) for g in range(8) for c in (5, 6)]
    return {"models": models(losses), "curves": pl.concat(curves), "W": np.ones((16, 2, 9))}


def test_the_papers_networks_are_judged_so():
    verdicts = {v.key: v for v in judge_all(study.claims, paper())}
    assert verdicts["pentagon_loss"].estimate < 1e-3
    assert verdicts["lowest_polygon_4_to_8"].verdict == "reproduced"
    assert verdicts["no_large_polygon"].values == (5,) * 8
    for key in ("ends_on_level_5", "ends_on_level_6", "plateaus_are_levels", "square_on_the_way"):
        assert verdicts[key].estimate == 1, key


def test_figures_draw():
    with style():
        drawn = draw(paper(), study.presets["laptop"])
        assert set(drawn) == set(CAPTIONS)
        for sheet in drawn.values():
            sheet.draw_without_rendering()
