"""The study ``superposition_adversarial``: attacks against loops, claims on hand-made tables."""

import jax
import jax.numpy as jnp
import numpy as np
import polars as pl
import pytest

from toylab.claims import judge_all
from toylab.figures.superposition.superposition_adversarial import CAPTIONS, draw
from toylab.models import Autoencoder
from toylab.random import stream
from toylab.report.figures import style
from toylab.studies.superposition.superposition_adversarial.study import (
    EXAMPLES,
    RADIUS,
    kept_per_dimension,
    rises,
    study,
)
from toylab.tasks.superposition.attacks import Hardened
from toylab.tasks.superposition.superposition import Sparse

RNG = np.random.default_rng(0)
W, B = RNG.normal(size=(3, 6)), 0.1 * RNG.normal(size=6)
PARAMS = {"W": jnp.asarray(W, jnp.float32), "b": jnp.asarray(B, jnp.float32)}


def loss(seen: np.ndarray, x: np.ndarray) -> np.ndarray:
    """Squared error of each example, from the definition."""
    return ((x - np.maximum(seen @ W.T @ W + B, 0)) ** 2).sum(-1)


def test_hardened_takes_the_worse_sign_along_feature_b_mod_n(key):
    batch = Sparse(6, 0.5).batch(key, 15)
    found = Hardened(radius=0.3)(Autoencoder(6, 3), PARAMS, batch)
    x = np.asarray(batch.inputs, float)
    gram = W.T @ W
    length = 0.3 * np.linalg.norm(x, axis=1).mean()
    for b in range(15):
        push = length * gram[b % 6] / np.linalg.norm(gram[b % 6])
        expected = max(loss(x[b] + push, x[b]), loss(x[b] - push, x[b]))
        assert found[b] == pytest.approx(expected, rel=1e-4)


def test_rises_are_those_of_loops():
    own, random = jax.jit(lambda p: rises(6, 3, p, jnp.float32(0.4)))(PARAMS)
    x = np.asarray(Sparse(6, 0.4).batch(stream(0, "attacked"), EXAMPLES).inputs, float)
    radius, gram = RADIUS * np.linalg.norm(x, axis=1).mean(), W.T @ W
    pushes = [s * radius * g / np.linalg.norm(g) for g in gram for s in (1, -1)]
    worst = np.max([loss(x, x), *(loss(x + push, x) for push in pushes)], axis=0)
    assert own == pytest.approx((worst - loss(x, x)).mean(), rel=1e-3)
    # A push in a random direction is no attack of the twelve, but as long.
    assert float(random) < float(own)


def test_no_attack_moves_a_network_of_zeros():
    zeros = jax.tree.map(jnp.zeros_like, PARAMS)
    own, random = rises(6, 3, zeros, jnp.float32(0.4))
    assert own == random == 0


def measures(dense: float = 1.0) -> dict[str, pl.DataFrame]:
    """Eight seeds, vulnerability four times the features per dimension; hardening that works."""
    densities = [1.0, 0.3, 0.05]
    plain = pl.DataFrame(
        [
            {"init_seed": seed, "density": density, "features_per_dimension": f + 0.01 * seed}
            | {"vulnerability": 2 * (f + 0.01 * seed), "random_vulnerability": f}
            | {"random_share": 0.1 + 0.001 * seed, "untrained": dense}
            for seed in range(8)
            for density, f in zip(densities, (1.0, 2.0, 4.0), strict=True)
        ]
    )
    left = {0.0: 4.0, 0.1: 3.5, 0.2: 3.0, 0.4: 2.0, 0.6: 1.0, 0.8: 0.2}
    hardened = pl.DataFrame(
        [
            {"init_seed": seed, "radius": radius, "features_per_dimension": f + 0.01 * seed}
            | {"kept_per_dimension": f + 0.01 * seed}
            for seed in range(8)
            for radius, f in left.items()
        ]
    )
    return {"plain": plain, "hardened": hardened}


def test_the_papers_networks_are_judged_so():
    verdicts = {v.key: v for v in judge_all(study.claims, measures())}
    exact = {"tracks_features_per_dimension", "monotone_in_features_per_dimension"}
    assert {k for k, v in verdicts.items() if v.verdict != "reproduced"} <= exact
    assert verdicts["vulnerability_rises"].estimate == pytest.approx(8.07)
    assert verdicts["hardening_reduces"].estimate == pytest.approx(2)
    assert all(verdicts[key].estimate == pytest.approx(1) for key in exact)


def test_a_network_of_small_weights_has_not_lost_superposition_alone():
    found = measures()
    found["hardened"] = found["hardened"].with_columns(kept_per_dimension=0.1)
    verdicts = {v.key: v.verdict for v in judge_all(study.claims, found)}
    assert verdicts["hardening_eliminates"] == "confounded"
    small_PMN = 0.4 * np.eye(3, 6, dtype=np.float32)[None]
    assert kept_per_dimension({"W": small_PMN}) == 0
    assert kept_per_dimension({"W": 2 * small_PMN}) == 1


def test_without_superposition_nothing_is_removed_and_untrained_networks_confound():
    found = measures(dense=5.0)
    found["hardened"] = found["hardened"].with_columns(features_per_dimension=1.0)
    verdicts = {v.key: v.verdict for v in judge_all(study.claims, found)}
    assert verdicts["hardening_reduces"] == "not testable"
    assert verdicts["vulnerability_rises"] == "confounded"


def test_figures_draw():
    with style():
        drawn = draw(measures(), study.presets["laptop"])
        assert set(drawn) == set(CAPTIONS)
        for sheet in drawn.values():
            sheet.draw_without_rendering()
