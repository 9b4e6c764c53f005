"""A transformer whose heads say numbers: logits of the transformer, numbers of a loop."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from toylab.models import Transformer
from toylab.models.toys.regressing import Regressing
from toylab.taps import run
from toylab.train.starts import shapes

SIZES: Any = {"vocab": 5, "length": 6, "width": 8, "depth": 2, "heads": 2, "hidden": 12}
MODEL = Regressing(**SIZES, norm="layer", biases=True)
PLAIN = Transformer(**SIZES, norm="layer", biases=True)


def test_it_is_the_transformer_with_one_more_parameter():
    params = MODEL.init(jax.random.key(0))
    rest = {name: leaf for name, leaf in params.items() if name != "readout"}
    tokens = jax.random.randint(jax.random.key(1), (3, 6), 0, 5)
    np.testing.assert_array_equal(MODEL.apply(params, tokens), PLAIN.apply(rest, tokens))
    assert MODEL.sites == PLAIN.sites
    assert shapes(MODEL) == shapes(PLAIN) | {"readout": (2, 4)}


def test_numbers_are_those_of_a_loop():
    params = MODEL.init(jax.random.key(0))
    tokens = jnp.array([[0, 1, 4, 2, 2, 3]])
    z = np.asarray(run(MODEL, params, tokens, record=(MODEL.read_site,))[1][MODEL.read_site])
    said = np.asarray(MODEL.said(params, jnp.asarray(z)))
    for at in range(6):
        for h in range(2):
            by_hand = sum(float(z[0, at, h, i]) * float(params["readout"][h, i]) for i in range(4))
            np.testing.assert_allclose(said[0, at, h], by_hand, rtol=1e-5)


def test_maps_start_at_the_spread_that_is_said():
    wide = Regressing(vocab=3, length=2, width=4_096, depth=1, heads=2)
    readout = np.asarray(wide.init(jax.random.key(0))["readout"])
    np.testing.assert_allclose(readout.std(), 2_048**-0.5, rtol=0.03)
