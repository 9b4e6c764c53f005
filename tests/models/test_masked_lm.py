"""A tied decoder with a bias, against the transformer and NumPy."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from toylab.errors import ToylabError
from toylab.models.masked_lm import MaskedLM
from toylab.taps import run

MODEL = MaskedLM(
    9, 7, 8, 2, 2, hidden=16, norm="layer", causal=False, tied_unembed=True, embed_scale=0.3
)


def test_logits_are_the_tied_ones_and_the_bias():
    params = MODEL.init(jax.random.key(0))
    params["decoder_bias"] = jnp.arange(9, dtype=jnp.float32)
    tokens = jax.random.randint(jax.random.key(1), (3, 7), 0, 9)
    logits, acts = run(MODEL, params, tokens, record=("final/norm", "final/logits"))
    table = np.asarray(params["embed"]["embedding"])
    tied = np.asarray(acts["final/norm"]) @ table.T
    np.testing.assert_allclose(acts["final/logits"], tied, rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(logits, tied + np.arange(9), rtol=1e-5, atol=1e-5)
    assert table.std() == pytest.approx(0.3 / np.sqrt(8), rel=0.25)


def test_an_untied_output_is_refused():
    with pytest.raises(ToylabError, match="tied_unembed=True"):
        MaskedLM(9, 7, 8, 1, 2)
