"""A transformer with wide embeddings."""

import jax
import numpy as np

from toylab.models import Transformer
from toylab.models.wide_transformer import WideTransformer


def test_embeddings_are_widened_and_nothing_else():
    settings = {"vocab": 7, "length": 8, "width": 4, "depth": 1, "heads": 1}
    plain = Transformer(**settings).init(jax.random.key(0))
    wide = WideTransformer(**settings, embed_scale=3.0).init(jax.random.key(0))
    for name in ("embed", "positions"):
        table = plain[name].pop("embedding")
        np.testing.assert_allclose(wide[name].pop("embedding"), 3 * table, rtol=1e-6)
    jax.tree.map(np.testing.assert_array_equal, plain, wide)
