"""The study superposition_dynamics: measures on shapes and curves whose answers are known."""

import jax
import numpy as np
import polars as pl
import pytest

from tests.oracles.polytopes import prism
from tests.oracles.staircase import staircase
from toylab.claims import judge_all
from toylab.figures.superposition.superposition_dynamics import CAPTIONS, draw
from toylab.read.networks import entries
from toylab.report.figures import style
from toylab.studies.superposition.superposition_dynamics.study import study, with_diverged
from toylab.studies.superposition.superposition_dynamics.trajectories import (
    levels,
    octahedra,
    octahedron_shares,
    on_levels,
)
from toylab.tasks.superposition.arrangements import triangles
from toylab.tasks.superposition.by_member import Tied


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


def networks(finite: list[bool]) -> pl.DataFrame:
    """Three networks, some of which diverged."""
    return pl.DataFrame({"init_seed": [100, 101, 102], "diverged": [not f for f in finite]})


@pytest.fixture(scope="module")
def measures():
    """Constructed measures: levels with jumps and drops together, octahedra in stages."""
    steps_S = np.arange(1, 601)
    middles = np.array([[150, 250], [300, 400], [200, 440]])
    D_PSN = np.stack([staircase(m, length=600) for m in middles])
    # The trend is the same for all and gives the rates of fall something to stand on.
    loss_PS = np.exp(-2 * D_PSN.sum(-1) - 1e-6 * steps_S)
    W_PSMN = np.stack([forming(40 * p) for p in range(3)])
    deep = np.stack([s["apart"] + s["wide"] for s in map(triangles, W_PSMN)])
    falling = np.exp(-deep - 1e-4 * steps_S)
    members = networks([True] * 3)
    table = with_diverged(octahedra(steps_S, falling, W_PSMN, W_PSMN[:, 0]), members)
    worlds = [table.with_columns(world=pl.lit(w)) for w in ("independent", "correlated")]
    rows = levels(steps_S, loss_PS, D_PSN).with_columns(digons_untrained=pl.lit(0.0))
    return {
        "levels": with_diverged(rows, members),
        "levels_jumps": pl.DataFrame({"member": [0, 2], "step": [150, 440]}),
        "octahedra_shape": entries(table, "record", **octahedron_shares(W_PSMN)),
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
    finite_P, members = np.array(finite), networks(finite)
    steps_S = measures["levels_step"]
    arrays = [measures[f"levels_{k}"][finite_P] for k in ("loss", "D")]
    rows = levels(steps_S, *arrays).with_columns(digons_untrained=pl.lit(0.0))
    six = [measures[f"octahedra_{k}"][finite_P] for k in ("loss", "W", "start")]
    table = with_diverged(octahedra(steps_S, *six), members)
    found = measures | {"levels": with_diverged(rows, members)}
    found["octahedra"] = pl.concat(
        [table.with_columns(world=pl.lit(w)) for w in ("independent", "correlated")]
    )
    assert found["levels"]["jumps"].is_null().to_list() == [not f for f in finite]
    for verdict in judge_all(study.claims, found):
        lost = verdict.diverged + verdict.undefined + verdict.excluded
        assert (verdict.n + lost, verdict.diverged) == (3, finite.count(False))
    with style():
        assert len(draw(found, study.presets["laptop"])) == 2 * any(finite)
