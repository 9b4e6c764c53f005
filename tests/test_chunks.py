"""Chunks: what comes back is what one call on everything gives."""

import numpy as np
import pytest

from toylab.chunks import in_chunks


@pytest.mark.parametrize("size", [1, 3, 5, 8])
def test_chunks_come_back_whole(size: int) -> None:
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(5, 2)).astype(np.float32), np.arange(5, dtype=np.int32)
    shapes = []

    def call(a, b):
        shapes.append((a.shape, b.shape))
        return a * 2, (a[:, 0] * b.astype(a.dtype))[None]

    doubled, product = in_chunks(call, (x, y), size, axes=(0, 1))
    np.testing.assert_allclose(doubled, 2 * x)
    np.testing.assert_allclose(product, (x[:, 0] * y)[None], rtol=1e-6)
    assert set(shapes) == {((size, 2), (size,))}
