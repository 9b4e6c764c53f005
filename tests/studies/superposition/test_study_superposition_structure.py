"""Measures of the study ``superposition_structure`` on constructed shapes; its figures."""

import jax
import numpy as np
import polars as pl
import pytest
from matplotlib.figure import Figure

from toylab.figures.superposition.superposition_structure import CAPTIONS, draw
from toylab.losses import squared_error
from toylab.models import Autoencoder
from toylab.random import stream
from toylab.report.figures import style
from toylab.studies.superposition.superposition_structure.claims import (
    SNAP,
    SNAPPED,
)
from toylab.studies.superposition.superposition_structure.shapes import (
    bases,
    collapse,
    nonuniform,
    pairs,
)
from toylab.studies.superposition.superposition_structure.study import KINDS, is_low, study
from toylab.tasks.superposition.by_member import OneOf
from toylab.tasks.superposition.expected import (
    activity,
    drawn_activity,
    expected_loss,
)
from toylab.tasks.superposition.superposition import Sparse


def star(degrees, norms=1.0):
    """One model of features at given angles, (1, 2, N)."""
    angle = np.radians(np.asarray(degrees, float))
    return (norms * np.stack([np.cos(angle), np.sin(angle)]))[None]


def test_regular_pentagon_is_a_pentagon():
    found = nonuniform(star(30 + 72 * np.arange(5)))
    assert found["kind"] == ["pentagon"]
    assert found["gap_error"] == pytest.approx(0, abs=1e-6)
    assert found["neighbour_angle"] == pytest.approx(72)


def test_neighbours_of_the_sparse_feature_are_measured_across_the_cut_at_180_degrees():
    found = nonuniform(star([30, -30, 120, -150, 170]))
    assert found["neighbour_angle"] == pytest.approx((50 + 40) / 2)


@pytest.mark.parametrize(
    ("degrees", "norms", "kind"),
    [
        ([0, 90, 180, 270, 45], [1, 1, 1, 1, 0.1], "digons"),
        ([0, 80, 180, 270, 45], [1, 1, 1, 1, 0.1], "digons"),  # 10 degrees off: cos -0.98
        ([0, 60, 180, 270, 45], [1, 1, 1, 1, 0.1], "other"),
        ([0, 90, 180, 270, 45], [0.1, 1, 1, 1, 1], "other"),  # a frequent feature is dropped
    ],
)
def test_kind_of_four_kept_features(degrees, norms, kind):
    assert nonuniform(star(degrees, np.array(norms)))["kind"] == [kind]


def test_pairs_take_the_worse_of_both():
    found = pairs(star([0, 180, 90, 150]))
    assert found["largest"] == pytest.approx(0.5)
    assert found["largest_size"] == pytest.approx(1)


def test_hexagon_side_by_side():
    found = collapse(star(60 * np.arange(6)))
    assert found["collapsed"] == [0]
    assert found["side_by_side"] == [1]
    assert found["sum_share"] == pytest.approx(0.75)
    apart = collapse(star([0, 120, 60, 180, 240, 300]))
    assert apart["side_by_side"] == [0]


def test_side_by_side_share_of_random_orders_is_two_in_fifteen():
    rng = np.random.default_rng(0)
    W_P2N = np.concatenate([star(60 * rng.permutation(6)) for _ in range(4000)])
    share = collapse(W_P2N)["side_by_side"].mean()
    assert abs(share - 2 / 15) < 4 * np.sqrt(2 / 15 * 13 / 15 / 4000)


def test_principal_components_read_sums_and_project():
    norms = np.sqrt([0.5, 0.5, 0.5, 0.5, 0, 0])
    found = collapse(star([0, 0, 90, 90, 10, 200], norms))
    assert found["collapsed"] == [2]
    assert found["sum_share"] == pytest.approx(1)
    assert found["stretch"] == pytest.approx(0, abs=1e-6)


def test_two_orthonormal_bases():
    rotation = np.linalg.qr(np.random.default_rng(0).normal(size=(10, 10)))[0]
    found = bases(np.concatenate([np.eye(10), rotation], axis=1)[None])
    assert found["within"] == pytest.approx(0, abs=1e-9)
    assert found["within_share"] == pytest.approx(0, abs=1e-9)
    assert found["across"] == pytest.approx(np.abs(rotation).max(0).mean() / 2
                                            + np.abs(rotation).max(1).mean() / 2)  # fmt: skip


def test_snap_is_between_the_last_digons_and_the_next():
    best = pl.DataFrame(
        {
            "group": [0] * 3 + [1] * 3,
            "ratio": [0.2, 0.4, 1.0] * 2,
            "kind": ["digons", "digons", "pentagon"] + ["pentagon"] * 3,
            "loss": [1.0] * 6,
        }
    )
    measures = {"nonuniform_best": best}
    assert SNAP(measures).array() == pytest.approx([0.7, np.nan], nan_ok=True)
    count = SNAPPED.aggregate(pl.col("ratio").len(), "group")(measures)
    assert count.values.tolist() == [2] and count.count("excluded") == 1


def test_near_lowest_allows_for_losses_of_nearly_zero():
    table = pl.DataFrame({"group": [0, 0, 1, 1, 1], "loss": [1e-9, 5e-5, 0.01, 0.0108, 0.02]})
    assert table.filter(is_low("group"))["loss"].to_list() == [1e-9, 5e-5, 0.01, 0.0108]


WORLDS = tuple(
    Sparse(4, 0.3, groups=None if kind == "independent" else 2, correlation=kind) for kind in KINDS
)


@pytest.mark.parametrize("world", WORLDS, ids=KINDS)
def test_patterns_have_the_worlds_probabilities(world):
    active_KN, share_K = activity(world)
    assert share_K.sum() == pytest.approx(1)
    assert share_K @ active_KN == pytest.approx(np.asarray(world.feature_densities()))
    drawn_KN, _ = drawn_activity(world, 4096)
    for pattern, share in zip(active_KN, share_K, strict=True):
        found = (drawn_KN == pattern).all(1).mean()
        assert abs(found - share) < 5 * np.sqrt(share / 4096)


@pytest.mark.parametrize("world", WORLDS, ids=KINDS)
def test_expected_loss_agrees_with_a_large_batch(world):
    model = Autoencoder(4, 2)
    params = model.init(jax.random.key(1))
    loss_B = np.asarray(squared_error(model, params, world.batch(stream(3, "data"), 40_000)))
    tree = {name: leaf[None] for name, leaf in params.items()}
    expected = float(expected_loss(world, tree, 2**13)[0])
    assert abs(expected - loss_B.mean()) < 4 * loss_B.std() / 200


@pytest.mark.parametrize("which", range(3))
def test_one_of_draws_its_world(which):
    task = OneOf(WORLDS, which=which, density=0.2)
    mine, plain = task.batch(stream(0, "data"), 64), task.world.batch(stream(0, "data"), 64)
    assert task.world.correlation == KINDS[which]
    np.testing.assert_array_equal(np.asarray(mine.inputs), np.asarray(plain.inputs))
    assert (np.asarray(mine.latents["active"]) == np.asarray(plain.latents["active"])).all()


@pytest.mark.parametrize("swept", ["snaps", "no snap"])
def test_figures_draw_with_and_without_a_snap(swept):
    rng = np.random.default_rng(0)
    cross = star([0, 90, 180, 270, 45], np.array([1, 1, 1, 1, 0.1]))
    last = cross if swept == "snaps" else star(72 * np.arange(5))
    W_five = np.concatenate([last, star(72 * np.arange(5))])
    spread = {"group": [0, 0], "member": [0, 1], "loss": [0.1, 0.2]}
    kinds = [("correlated", 0.05), ("independent", 0.025), ("independent", 0.05)]
    kinds += [("anticorrelated", 0.05)]
    table = lambda names, shapes: pl.DataFrame(
        {
            "diverged": [False] * len(names),
            "low": [True] * len(names),
            "group": [0] * len(names),
            "kind": [n for n, _ in names],
            "density": [d for _, d in names],
            "loss": [0.1] * len(names),
            **shapes,
        }
    )
    six = rng.normal(size=(3, 2, 6))
    four, twenty = rng.normal(size=(4, 2, 4)), rng.normal(size=(2, 10, 20))
    rungs = [("correlated", 0.02), ("correlated", 0.6), ("independent", 0.02)]
    both = [("correlated", 0.05), ("independent", 0.05)]
    five = pl.DataFrame(spread | {"ratio": [0.2, 1.0], "diverged": False} | nonuniform(W_five))
    tables = {
        "nonuniform": five,
        "pairs": table(kinds, pairs(four)),
        "ladder": table(rungs, collapse(six)),
        "bases": table(both, bases(twenty)),
    }
    best = {f"{name}_best": rows for name, rows in tables.items()}
    snaps = SNAP(best).frame.rename({"value": "snap"})
    matrices = {"nonuniform": W_five, "pairs": four, "ladder": six, "bases": twenty}
    measures = (
        tables
        | best
        | {f"W_{name}": W for name, W in matrices.items()}
        | {"bases_untrained": tables["bases"], "snaps": snaps}
    )
    with style():
        sheets = draw(measures, study.presets["smoke"])
    assert set(sheets) == {"nonuniform", "pairs", "ladder", "bases"}
    assert all(isinstance(sheet, Figure) for sheet in sheets.values())
    text = sheets["nonuniform"].get_suptitle()
    assert ("at 0.60" in text) == (swept == "snaps")
    assert set(sheets) == set(CAPTIONS)
