"""Planted planes and layouts are found."""

import numpy as np
import pytest

from toylab.analysis.geometry.layout import layout
from toylab.analysis.geometry.measures import spectral_embedding
from toylab.analysis.geometry.planes import in_plane
from toylab.tasks.in_context.graphs import circulant, rectangle

RNG = np.random.default_rng(0)


def test_planted_planes_are_told_apart():
    turn = np.linalg.qr(RNG.normal(size=(9, 9)))[0]
    planes = [spectral_embedding(circulant(7, stride)) for stride in (1, 2, 3)]
    vectors = np.zeros((7, 9))
    vectors[:, :2], vectors[:, 2:4] = 3 * planes[0], planes[1]
    found = [in_plane(vectors @ turn + 5.0, plane) for plane in planes]
    assert found[0] == pytest.approx((0.9, 1, 0), abs=1e-9)
    assert found[1] == pytest.approx((0.1, 0, 1), abs=1e-9)
    assert found[2] == pytest.approx((0, 0, 0), abs=1e-9)


def test_a_layout_is_that_of_its_graph_and_nan_of_missing_vectors():
    grid = rectangle(4, 4)
    vectors = np.stack([spectral_embedding(grid), np.full((16, 2), np.nan)])
    found = layout(vectors, grid)
    assert found.energy[0] < 0.3 and found.correlation[0] > 0.9
    assert found.overlap[0] == pytest.approx(1)
    assert all(np.isnan(values[1]) for values in found)
