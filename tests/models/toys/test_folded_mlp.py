"""Folding embeddings into the first layer, against TokenMLP."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from toylab.errors import ToylabError
from toylab.models import TokenMLP
from toylab.models.toys.folded_mlp import FoldedTokenMLP


@pytest.mark.parametrize("embed", [5, None])
def test_folding_changes_neither_values_nor_gradients(embed: int | None) -> None:
    settings = dict(vocab=7, hidden=(6,), embed=embed)
    plain, folded = TokenMLP(**settings), FoldedTokenMLP(**settings)
    draw_normal = lambda *shape: np.random.default_rng(0).normal(size=shape).astype(np.float32)
    kernels = [draw_normal(2 * (embed or 7), 6), draw_normal(6, 7)]
    params: dict = {"layers": {str(i): {"kernel": k} for i, k in enumerate(kernels)}}
    params |= {"embed": draw_normal(2, 7, embed)} if embed else {}
    pairs = np.array([(i, j) for i in range(7) for j in range(7)], np.int32)
    weights = draw_normal(49, 7)

    @jax.jit
    def both(p):
        total = lambda p, model: jnp.sum(weights * model.apply(p, pairs))
        return [jax.value_and_grad(total)(p, model) for model in (plain, folded)]

    (value, gradient), (other, other_gradient) = both(params)
    assert float(other) == pytest.approx(float(value), rel=1e-4)
    for g, h in zip(jax.tree.leaves(gradient), jax.tree.leaves(other_gradient), strict=True):
        assert np.asarray(h) == pytest.approx(np.asarray(g), rel=1e-4, abs=1e-4)


def test_folding_refuses_what_it_cannot_fold() -> None:
    for extra in (dict(biases=True), dict(combine="sum"), dict(hidden=(4, 4)), dict(length=3)):
        with pytest.raises(ToylabError, match="FoldedTokenMLP"):
            FoldedTokenMLP(**(dict(vocab=5, hidden=(4,), embed=3) | extra))
