"""The phase study's measures on inputs with known answers, and its exact losses."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import polars as pl
import pytest

from tests.oracles.superposition_pair import pair_loss, pair_optimum
from toylab.claims import judge
from toylab.figures.superposition import superposition_phase as pictures
from toylab.models import Autoencoder
from toylab.report.figures import style
from toylab.studies.superposition.superposition_phase.claims import CLAIMS, ONSET, nearest_to
from toylab.studies.superposition.superposition_phase.study import Config, columns
from toylab.tasks.superposition.superposition import Sparse
from toylab.tasks.superposition.superposition_exact import pair_optima, pattern_grid, sparse_losses
from toylab.tasks.superposition.superposition_phase import (
    edges,
    phase_argmin,
    phase_losses,
    superposition_boundary,
)


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def test_losses_of_two_features_are_the_closed_form(rng):
    W, b = rng.normal(size=(200, 1, 2)), 0.2 * rng.normal(size=(200, 2))
    s, r = rng.uniform(0.01, 1, 200), rng.uniform(0.1, 10, 200)
    np.testing.assert_allclose(sparse_losses(W, b, s, r), pair_loss(W[:, 0], b, s, r), rtol=2e-3)


def test_losses_of_three_features_are_those_of_samples(rng):
    W, b = rng.normal(size=(4, 2, 3)), 0.2 * rng.normal(size=(4, 3))
    s, r = np.array([0.05, 0.3, 0.7, 1.0]), np.array([0.2, 1.0, 3.0, 9.0])
    model, loss = Autoencoder(3, 2), sparse_losses(W, b, s, r)
    for i in range(4):
        batch = Sparse(3, density=s[i], last_importance=r[i]).batch(jax.random.key(i), 2**17)
        params = {"W": jnp.asarray(W[i], jnp.float32), "b": jnp.asarray(b[i], jnp.float32)}
        error = batch.weights * (batch.targets - model.apply(params, batch.inputs)) ** 2
        sampled = np.asarray(error.sum(1), np.float64)
        assert abs(loss[i] - sampled.mean()) < 4.5 * sampled.std() / 2**8.5 + 2e-3 * loss[i]


def test_pattern_weights_are_those_of_a_mean():
    x, weight, count = (np.asarray(a) for a in pattern_grid(3))
    assert ((x > 0).sum(0) == count).all()
    assert np.isclose(weight.sum(), 8, rtol=1e-5)
    np.testing.assert_allclose((x @ weight) / 4, 0.5, rtol=1e-5)


def test_optima_are_those_found_one_cell_at_a_time():
    s, r = np.array([0.03, 0.3, 0.8, 0.3]), np.array([0.2, 0.5, 0.6, 2.0])
    loss, w = pair_optima(s, r)
    for i in range(3):
        found = pair_optimum(s[i], r[i])
        np.testing.assert_allclose(loss[i], found.loss, rtol=2e-3)
        np.testing.assert_allclose(np.abs(w[i]), np.abs(found.w), atol=0.02)
    np.testing.assert_allclose(loss[3], 2 * loss[1], rtol=1e-6)
    np.testing.assert_array_equal(w[3], w[1][::-1])


def ideal(n: int, group: int) -> pl.DataFrame:
    """Cells of networks at the candidates' minima; as many as the group's number are wrong."""
    density, ratio = Config().axes()
    s, r = (a.ravel() for a in np.meshgrid(density, ratio, indexing="ij"))
    theory = phase_argmin(s, r, n)
    loss = np.min(list(phase_losses(s, r, n).values()), axis=0)
    below = np.where(s < superposition_boundary(r, n), 1.0, 0.0)
    band, phase = edges(theory.reshape(len(density), -1)).ravel(), theory.copy()
    phase[np.flatnonzero(~band & (r < 1))[:group]] = 2
    return pl.DataFrame(
        {
            "density": s,
            "importance": r,
            "group": group,
            "diverged": False,
            "loss": loss * (1 + 1e-4 * (group + 1)),
            "phase": phase,
            "theory": theory,
            "band": band,
            "norm": (phase > 0).astype(float),
            "interference": (phase == 1).astype(float),
            "least_norm": below,
            "exact_loss": loss,
            "opposed_norm": below,
            "exact_opposed_norm": below,
            "single_right": np.full(len(s), 0.5),
            "untrained_right": np.full(len(s), 0.1),
        }
    )


def measured(two: pl.DataFrame, three: pl.DataFrame) -> dict[str, pl.DataFrame]:
    """The study's measures of two tables of cells."""
    tables = {"n2": two, "n3": three}
    both = [columns(t).insert_column(0, pl.lit(n).alias("n")) for n, t in tables.items()]
    return {**tables, "columns": pl.concat(both)}


@pytest.fixture(scope="module")
def measures():
    return measured(*(pl.concat([ideal(n, group) for group in range(8)]) for n in (2, 3)))


def test_ideal_models_are_judged_so(measures):
    verdicts = {claim.key: judge(claim, measures) for claim in CLAIMS}
    assert {v.verdict for v in verdicts.values()} == {"reproduced"}
    assert verdicts["n2_agreement"].estimate == pytest.approx(1, abs=0.01)
    assert verdicts["n2_agreement"].values[0] == 1
    assert verdicts["triple_point"].estimate == pytest.approx(4 / 7, rel=0.12)
    for n in ("n2", "n3"):
        far = nearest_to(n, 1.0, 40).aggregate(ONSET.log().abs().max(), "group")(measures)
        assert far.values.max() < np.log(100) / 39  # within a cell


def test_nearest_columns_are_the_same_in_every_group(measures):
    rows = nearest_to("n2", 1.0, 6).rows(measures)
    ratio = np.geomspace(0.1, 10, 40)
    assert rows.group_by("group").len()["len"].to_list() == [6] * 8
    assert rows["importance"].unique().sort().to_list() == pytest.approx(ratio[17:23])


def test_models_blind_to_density_are_not_reproduced(measures):
    table = measures["n2"].with_columns(phase=0, least_norm=0.0, opposed_norm=0.0)
    found = measured(table, measures["n3"])
    verdicts = {c.key: judge(c, found).verdict for c in CLAIMS}
    for key in ("n2_agreement", "n2_onset_unimportant", "triple_point", "first_order"):
        assert verdicts[key] == "not reproduced", key


def test_networks_short_of_the_optimum_test_nothing(measures):
    """A failed precondition, and an untrained network as good, which is a failed control."""
    poor = lambda name: measures[name].with_columns(pl.col("loss") * 1.1)
    found = measured(poor("n2"), poor("n3"))
    verdicts = {c.key: judge(c, found).verdict for c in CLAIMS}
    assert verdicts["n2_agreement"] == verdicts["triple_point"] == "not testable"
    lucky = measures | {"n3": measures["n3"].with_columns(untrained_right=pl.lit(0.9))}
    verdicts = {c.key: judge(c, lucky).verdict for c in CLAIMS}
    assert verdicts["n3_agreement"] == "confounded"


def test_a_cell_of_diverged_networks_voids_its_group(measures):
    lost = (pl.col("group") == 3) & (pl.col("density") > 0.9)
    table = measures["n2"].with_columns(diverged=lost)
    found = measured(table, measures["n3"])
    for key in ("n2_agreement", "triple_point"):
        verdict = judge(next(c for c in CLAIMS if c.key == key), found)
        assert (verdict.n, verdict.diverged) == (7, 1), key


def test_figure_is_drawn(measures):
    with style():
        figures = pictures.draw(measures, dataclasses.replace(Config(), tries=7))
    (page,) = figures.values()
    assert "best of 7" in page.get_suptitle()
    assert set(figures) == set(pictures.CAPTIONS)


def test_colours_tell_the_phases_apart():
    colours = pictures.mixed(np.array([0.0, 1.0, 1.0]), np.array([0.0, 0.0, 1.0]))
    assert np.abs(colours[:, None] - colours[None]).sum(-1)[np.triu_indices(3, 1)].min() > 0.5
