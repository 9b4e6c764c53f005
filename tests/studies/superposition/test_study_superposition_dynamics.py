"""The study superposition_dynamics: measures on shapes and curves whose answers are known."""

import jax
import numpy as np
import polars as pl
import pytest

from tests.oracles.polytopes import polytope, tegum
from toylab.claims import judge_all
from toylab.figures.superposition.superposition_dynamics import CAPTIONS, draw
from toylab.report.figures import style
from toylab.studies.superposition.superposition_dynamics import dynamics as shape
from toylab.studies.superposition.superposition_dynamics.study import study, with_diverged
from toylab.studies.superposition.superposition_dynamics.trajectories import (
    levels,
    octahedra,
    octahedron_shares,
    on_levels,
)
from toylab.tasks.superposition.by_member import Tied

AXIS = np.array([0.0, 0.0, 1.0])


def prism(twist: float, height: float = 1 / np.sqrt(3), radius: float = np.sqrt(2 / 3)):
    """Two triangles above each other; ``twist`` degrees from the antiprism."""
    angles = np.radians([0, 120, 240, 180 + twist, 300 + twist, 60 + twist])
    heights = height * np.repeat([1.0, -1.0], 3)
    return np.stack([radius * np.cos(angles), radius * np.sin(angles), heights])


def turned(W_MN: np.ndarray, seed: int) -> np.ndarray:
    """The same shape in a random orientation."""
    q = np.linalg.qr(np.random.default_rng(seed).normal(size=(3, 3)))[0]
    return q @ W_MN


@pytest.mark.parametrize("twist", [0.0, 10.0, 45.0, 60.0])
def test_triangles_of_a_twisted_prism_are_found_in_any_orientation(twist):
    """Distance, width and twist are those the prism was built with."""
    found = shape.triangles(np.stack([turned(prism(twist), s) for s in range(5)]))
    np.testing.assert_allclose(found["apart"], shape.APART, rtol=1e-6)
    np.testing.assert_allclose(found["wide"], shape.WIDE, rtol=1e-6)
    np.testing.assert_allclose(found["twist"], twist, atol=1e-5)


def test_points_and_lines_have_no_width():
    """A set collapsed to a point or a line is no triangle."""
    line = prism(0)
    line[1, :3] = 0
    assert shape.triangles(prism(0, radius=0.0))["wide"] == pytest.approx(0, abs=1e-9)
    assert shape.triangles(line)["wide"] == pytest.approx(0, abs=1e-9)


def test_antipodes_of_an_octahedron():
    """Octahedra with pairs across the sets, within them, and a prism, which has none."""
    across = turned(prism(0), 0)
    pairs_first = tegum(*[np.array([[1.0, -1.0]])] * 3)  # features 0 and 1 are a pair
    assert shape.worst_antipode(across, across=True) == pytest.approx(-1)
    assert shape.in_other_set(across) == 1
    assert shape.worst_antipode(pairs_first) == pytest.approx(-1)
    assert shape.in_other_set(pairs_first) == pytest.approx(1 / 3)
    assert shape.worst_antipode(pairs_first, across=True) > -0.1
    assert shape.worst_antipode(prism(60), across=True) > -0.9
    assert shape.worst_antipode(prism(0, radius=0.01), across=True) == 0  # two opposite points
    np.testing.assert_allclose(np.linalg.norm(polytope("octahedron"), axis=0), 1)


def staircase(middles, height=0.5, length=100, width=6):
    """One feature per middle, that rises linearly by ``height`` over ``width`` records."""
    t = np.arange(length)
    return np.stack([height * np.clip((t - m) / width + 0.5, 0, 1) for m in middles], 1)


def test_jumps_are_found_where_they_were_put():
    """Up and down jumps at their middles; slow drifts and the opening do not count."""
    D_SN = staircase([30, 70, 5])
    D_SN[:, 1] = 0.5 - D_SN[:, 1]
    drift = np.linspace(0, 0.5, 100)[:, None]
    found = shape.jumps(np.hstack([D_SN, drift]), half=4, least=0.25, start=10)
    assert [feature for _, feature in found] == [0, 1]
    assert abs(found[0][0] - 30) <= 1 and abs(found[1][0] - 70) <= 1


def test_a_feature_may_jump_twice():
    """Up and, later, down again are two jumps."""
    D_SN = staircase([30]) - staircase([60])
    assert len(shape.jumps(D_SN, half=4, least=0.25)) == 2


def test_fall_rate_of_an_exponential():
    """log loss falls by the same amount at every step."""
    steps_S = np.arange(0, 500, 10)
    loss_PS = np.exp(-0.01 * steps_S)[None]
    np.testing.assert_allclose(shape.fall_rate(loss_PS, steps_S, 3), 0.01, rtol=1e-9)


def test_peaks_at_own_and_other_times():
    """A rate of 3 at one's own records and 1 elsewhere; no records is NaN; trends cancel."""
    rate_PS = np.ones((3, 50))
    places = [np.array([10]), np.array([20, 30]), np.array([], int)]
    for p, t in enumerate(places):
        rate_PS[p, t] = 3.0
    own_P, others_P = shape.peaks(rate_PS, places, 4)
    np.testing.assert_allclose(own_P, [3, 3, np.nan])
    np.testing.assert_allclose(others_P, [1, 1, 1])
    assert shape.peak(np.linspace(9, 1, 50), np.array([20, 30]), 4) == pytest.approx(1)


def test_rate_at_own_record_over_that_at_others():
    """5 at one's own record, 1 elsewhere."""
    rate_PS = np.ones((4, 30))
    place_P = np.array([3, 9, 15, 21])
    rate_PS[np.arange(4), place_P] = 5
    np.testing.assert_allclose(shape.own_over_others(rate_PS, place_P), 5)


def test_correlation_less_that_with_others():
    """y follows the own x; a trend common to all members cancels."""
    x_PS = np.random.default_rng(0).normal(size=(6, 4000))
    np.testing.assert_allclose(shape.own_less_others(x_PS, 2 * x_PS), 1, atol=0.05)
    trend = np.tile(np.arange(50.0), (6, 1))
    np.testing.assert_allclose(shape.own_less_others(trend, trend), 0, atol=1e-12)


def test_settled_is_the_last_departure_from_the_end():
    """A staircase settles when it comes near its last value; a constant at once."""
    D_PSN = np.stack([staircase([30, 50]), np.zeros((100, 2))])
    settled_P = shape.settled(D_PSN, 0.01)
    assert 50 <= settled_P[0] <= 54 and settled_P[1] == 0


def test_plateau_is_the_least_rate_between():
    """Depth relative to the lesser end; stages out of order have none."""
    rate_PS = np.array([[4.0, 1.0, 2.0, 5.0]] * 2)
    depth = shape.plateau(rate_PS, np.array([0, 2]), np.array([2, 0]))
    np.testing.assert_allclose(depth, [0.5, np.nan])


def test_tied_sets_are_active_together(key):
    """All or none of a set when tied; independent otherwise; the density is the same."""
    size, density = 20_000, 0.2
    for tied in (1.0, 0.0):
        batch = Tied(6, density, tied).batch(key, size)
        active_BN = np.asarray(batch.latents["active"])
        together = active_BN[:, :3].all(1).mean()
        spread = 4 * np.sqrt(0.2 * 0.8 / size)
        np.testing.assert_allclose(active_BN.mean(0), density, atol=spread)
        assert together == pytest.approx(density if tied else density**3, abs=spread)
        both = (active_BN[:, 0] & active_BN[:, 3]).mean()
        assert both == pytest.approx(density**2, abs=spread)
        x = np.asarray(batch.inputs)
        assert x[active_BN].mean() == pytest.approx(0.5, abs=0.01)
        np.testing.assert_array_equal(x, np.asarray(batch.targets))
    assert Tied(6, 0.2).example(jax.random.key(1)).inputs.shape == (6,)


def forming(lag: int, records: int = 600) -> np.ndarray:
    """A trajectory (S, 3, 6) that parts, spreads and turns; the last two ``lag`` records late."""
    t = np.arange(records)
    share = lambda start: np.clip((t - start + 0.5) / 10, 0.05, 1)
    parts, spreads, turns = share(25), share(150 + lag), share(300 + lag)
    frames = zip(parts, spreads, turns, strict=True)
    return np.stack([prism(40 * (1 - c), a / np.sqrt(3), b * np.sqrt(2 / 3)) for a, b, c in frames])


@pytest.fixture(scope="module")
def measures():
    """Constructed measures: levels with jumps and drops together, octahedra in stages."""
    steps_S = np.arange(1, 601)
    middles = np.array([[150, 250], [300, 400], [200, 440]])
    D_PSN = np.stack([staircase(m, length=600) for m in middles])
    # The trend is the same for all and gives the rates of fall something to stand on.
    loss_PS = np.exp(-2 * D_PSN.sum(-1) - 1e-6 * steps_S)
    W_PSMN = np.stack([forming(40 * p) for p in range(3)])
    deep = np.stack([s["apart"] + s["wide"] for s in map(shape.triangles, W_PSMN)])
    falling = np.exp(-deep - 1e-4 * steps_S)
    members, finite_P = pl.DataFrame({"init_seed": [100, 101, 102]}), np.ones(3, bool)
    table = with_diverged(octahedra(steps_S, falling, W_PSMN, W_PSMN[:, 0]), members, finite_P)
    worlds = [table.with_columns(world=pl.lit(w)) for w in ("independent", "correlated")]
    rows = levels(steps_S, loss_PS, D_PSN).with_columns(digons_untrained=pl.lit(0.0))
    return {
        "levels": with_diverged(rows, members, finite_P),
        "levels_jumps": pl.DataFrame({"member": [0, 2], "step": [150, 440]}),
        "octahedra_shape": octahedron_shares(steps_S, W_PSMN),
        "levels_step": steps_S,
        "levels_loss": loss_PS,
        "levels_D": D_PSN,
        "octahedra": worlds[0].vstack(worlds[1]),
        "octahedra_step": steps_S,
        "octahedra_loss": falling,
        "octahedra_W": W_PSMN,
        "octahedra_start": W_PSMN[:, 0],
    }


def test_levels_table_of_drops_at_jumps(measures):
    """Loss that falls exactly when D_i moves: peaks, full correlation, last drop with last jump."""
    table = measures["levels"]
    np.testing.assert_array_equal(table["jumps"].to_numpy(), 2)
    np.testing.assert_array_equal(table["digons"].to_numpy(), 1)
    assert table["peak"].min() > 3
    np.testing.assert_allclose(table["peak_others"].to_numpy(), 1, rtol=1e-6)
    assert table["correlation"].min() > 0.9
    assert table["last_drop"].min() > 3
    assert table["gap"].max() < 0.5 < table["gap_others"].min()


def test_octahedra_table_of_known_stages(measures):
    """The stages come in order, end in pairs across the sets, and the triangles turn by 38."""
    table = measures["octahedra"]
    assert table["octahedron"].all() and table["in_order"].all()
    np.testing.assert_array_equal(table["other_set"].to_numpy(), 1)
    np.testing.assert_array_equal(table["triangles_step"].to_numpy()[:3], [156, 196, 236])
    np.testing.assert_allclose(table["twist"].to_numpy(), 38, atol=0.1)
    np.testing.assert_allclose(table["twist_end"].to_numpy(), 0, atol=1e-3)
    assert table["plateau"].max() < 0.01
    assert table["triangles_peak"].min() > 3
    np.testing.assert_allclose(table["triangles_peak_others"].to_numpy()[0], 1, rtol=1e-6)


def test_on_levels_counts_zero_and_a_half():
    """0 and 1/2 count, the pentagon's 2/5 does not."""
    np.testing.assert_allclose(on_levels(np.array([[0.0, 0.5, 0.51, 0.4]])), [0.75])


def test_claims_judge_and_figures_draw(measures):
    """Every claim finds its columns, every figure draws."""
    assert len(judge_all(study.claims, measures)) == len(study.claims)
    with style():
        drawn = draw(measures, study.presets["laptop"])
        assert set(drawn) == set(CAPTIONS)
        for sheet in drawn.values():
            sheet.draw_without_rendering()


@pytest.mark.parametrize("finite", [[True, False, True], [False, False, False]])
def test_diverged_networks_are_measured_apart(measures, finite):
    """Others' numbers are those without them; nothing of theirs is left but a name."""
    finite_P, members = np.array(finite), pl.DataFrame({"init_seed": [100, 101, 102]})
    steps_S = measures["levels_step"]
    arrays = [measures[f"levels_{k}"][finite_P] for k in ("loss", "D")]
    rows = levels(steps_S, *arrays).with_columns(digons_untrained=pl.lit(0.0))
    six = [measures[f"octahedra_{k}"][finite_P] for k in ("loss", "W", "start")]
    table = with_diverged(octahedra(steps_S, *six), members, finite_P)
    found = measures | {"levels": with_diverged(rows, members, finite_P)}
    found["octahedra"] = pl.concat(
        [table.with_columns(world=pl.lit(w)) for w in ("independent", "correlated")]
    )
    assert found["levels"]["jumps"].is_null().to_list() == [not f for f in finite]
    for verdict in judge_all(study.claims, found):
        lost = verdict.diverged + verdict.undefined + verdict.excluded
        assert (verdict.n + lost, verdict.diverged) == (3, finite.count(False))
    with style():
        assert len(draw(found, study.presets["laptop"])) == 2 * any(finite)
