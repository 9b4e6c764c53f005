"""Probes of places: ridge by scikit-learn, a block at a time; smooth fields; nearer places."""

import numpy as np
import pytest
from sklearn.linear_model import Ridge
from sklearn.metrics import r2_score
from sklearn.model_selection import LeaveOneGroupOut, cross_val_predict

from toylab.errors import ToylabError
from toylab.probes.places import (
    held_out_by_block,
    proximity_error,
    r2_held_out,
    smooth_fields,
)

RNG = np.random.default_rng(0)
X = RNG.normal(size=(60, 5))
Y = X @ RNG.normal(size=(5, 2)) + 0.3 * RNG.normal(size=(60, 2)) + 4
BLOCKS = np.arange(60) // 20


def test_blocks_are_held_out():
    found = held_out_by_block(X, Y, BLOCKS, 0.5)
    for block in range(3):
        out = BLOCKS == block
        alpha = 0.5 * 40 * X[~out].var(0).mean()
        theirs = Ridge(alpha).fit(X[~out], Y[~out]).predict(X[out])
        np.testing.assert_allclose(found[out], theirs, rtol=1e-8)
    free = cross_val_predict(Ridge(1e-9), X, Y, groups=BLOCKS, cv=LeaveOneGroupOut())
    np.testing.assert_allclose(held_out_by_block(X, Y, BLOCKS, 1e-12), np.asarray(free), rtol=1e-5)
    np.testing.assert_allclose(held_out_by_block(9 * X + 1, Y, BLOCKS, 0.5), found)
    np.testing.assert_allclose(r2_held_out(found, Y), r2_score(Y, found, multioutput="raw_values"))
    weighted = r2_score(Y, found, multioutput="variance_weighted")
    assert r2_held_out(found, Y, 2).item() == pytest.approx(weighted)


def test_fields_are_as_smooth_as_coordinates():
    side = 12
    places = np.stack(np.divmod(np.arange(side**2), side), 1) + RNG.random((side**2, 2))
    near = np.abs(places[:, None] - places[None]).max(-1) < 1.5
    rough = lambda f: ((f[:, None] - f[None])[near] ** 2).mean() / f.var()
    fields = smooth_fields(places, 400)
    many = np.mean([((f[:, None] - f[None])[near] ** 2).mean() for f in fields.T])
    # Per unit of the fields' own variance, 1, a coordinate and a field differ as much nearby.
    assert many == pytest.approx(np.mean([rough(c) for c in places.T]), rel=0.15)
    assert fields.var(1).mean() == pytest.approx(1, abs=0.15)


def test_nearer_places_are_counted():
    places, told = RNG.normal(size=(2, 15, 2))
    slow = [
        np.mean([np.hypot(*(q - p)) < np.hypot(*(t - p)) for j, q in enumerate(places) if j != i])
        for i, (p, t) in enumerate(zip(places, told, strict=True))
    ]
    np.testing.assert_allclose(proximity_error(told, places), slow)
    assert proximity_error(places, places).max() == 0


def test_what_cannot_be_is_refused_and_nan_stays():
    broken = np.where(np.arange(60)[:, None] == 3, np.nan, X)
    assert np.isnan(held_out_by_block(broken, Y, BLOCKS)).all()
    with pytest.raises(ToylabError, match="one block; give at least two"):
        held_out_by_block(X, Y, 0 * BLOCKS)
    with pytest.raises(ToylabError, match=r"\(N, D\), \(N, T\) and \(N,\)"):
        held_out_by_block(X, Y[:, 0], BLOCKS)
    with pytest.raises(ToylabError, match="length = 0"):
        smooth_fields(np.zeros((4, 2)), 3)
