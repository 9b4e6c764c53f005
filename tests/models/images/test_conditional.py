"""The conditional decoder against a forward pass in NumPy."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from toylab.errors import ToylabError
from toylab.models.images.conditional import ConditionalDecoder
from toylab.taps import run

MODEL = ConditionalDecoder(concepts=2, nuisances=1, embed=4, hidden=(5, 6), outputs=3)


def gelu(x: np.ndarray) -> np.ndarray:
    return 0.5 * x * (1 + np.tanh(np.sqrt(2 / np.pi) * (x + 0.044715 * x**3)))


def test_images_are_those_of_numpy():
    params = jax.tree.map(lambda leaf: leaf + 0.1, MODEL.init(jax.random.key(0)))
    inputs = np.random.default_rng(0).normal(size=(7, 3)).astype(np.float32)
    numbers = jax.tree.map(np.asarray, params)

    def layer(part: str, i: str, x: np.ndarray) -> np.ndarray:
        own = numbers[part]["layers"][i]
        return x @ own["kernel"] + own["bias"]

    e = layer("encoder", "1", gelu(layer("encoder", "0", inputs[:, :2])))
    h = gelu(layer("decoder", "0", np.concatenate([e, inputs[:, 2:]], 1)))
    expected = layer("decoder", "2", gelu(layer("decoder", "1", h)))
    images, acts = run(MODEL, params, jnp.asarray(inputs), record=("embed", "image"))
    np.testing.assert_allclose(images, expected, rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(acts["embed"], e, rtol=1e-5, atol=1e-5)
    np.testing.assert_array_equal(acts["image"], images)
    halves = jnp.asarray(inputs[:, :2]), jnp.asarray(inputs[:, 2:])
    parts = MODEL.decode(params, MODEL.encode(params, halves[0]), halves[1])
    np.testing.assert_allclose(parts, images, rtol=1e-6)


def test_every_site_is_tapped_in_its_order_and_parts_start_apart():
    seen = []
    params = MODEL.init(jax.random.key(0))
    MODEL.apply(params, jnp.ones((1, 3)), lambda site, x: (seen.append(site), x)[1])
    assert tuple(seen) == MODEL.sites
    assert len(set(seen)) == len(seen)
    assert params["decoder"]["layers"]["0"]["kernel"].shape == (5, 5)


def test_sizes_that_make_no_model_are_refused():
    for wrong in ({"embed": 0}, {"hidden": (0,)}, {"outputs": 0}, {"nuisances": -1}):
        with pytest.raises(ToylabError, match=next(iter(wrong))):
            ConditionalDecoder(**{"outputs": 3, **wrong})
    with pytest.raises(ToylabError, match=r"give \(B, 3\)"):
        MODEL.apply(MODEL.init(jax.random.key(0)), jnp.ones((2, 4)))
