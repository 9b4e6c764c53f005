"""The decoder of a sum: how it starts."""

import jax
import jax.numpy as jnp
import pytest

from toylab.models.toys.sum_decoder import SumDecoder


def test_decoder_starts_with_the_spreads_it_names():
    model = SumDecoder(
        vocab=400, n_out=30, hidden=(200, 200), embed=1, shared=True, combine="sum", biases=True
    )
    params = model.init(jax.random.key(0))
    layers = params["layers"]
    assert params["embed"].shape == (400, 1)
    assert float(jnp.std(params["embed"])) == pytest.approx(12**-0.5, rel=0.15)
    for i, (n, m) in enumerate([(1, 200), (200, 200), (200, 30)]):
        assert layers[str(i)]["kernel"].shape == (n, m)
        assert float(jnp.std(layers[str(i)]["bias"])) == pytest.approx(n**-0.5, rel=0.35)
    assert float(jnp.std(layers["1"]["kernel"])) == pytest.approx(200**-0.5, rel=0.05)
