"""Scores of heads on repeated tokens, against patterns taken one by one."""

import jax
import numpy as np
import pytest

from toylab.analysis.repeated_tokens import head_scores, repeated
from toylab.errors import ToylabError
from toylab.models import Transformer
from toylab.taps import run


def test_tokens_repeat_and_differ_within_a_period():
    tokens = repeated(9, 4, 5, 0)
    assert tokens.shape == (5, 8) and (tokens[:, :4] == tokens[:, 4:]).all()
    assert all(len(set(row)) == 4 for row in tokens)
    with pytest.raises(ToylabError, match="period"):
        repeated(3, 4, 5, 0)


def test_scores_agree_with_loops_over_places():
    model = Transformer(vocab=6, length=10, width=8, depth=2, heads=2)
    params = jax.vmap(model.init)(jax.random.split(jax.random.key(0), 3))
    tokens = repeated(6, 4, 5, 1)
    found = head_scores(model, params, tokens)
    assert found.shape == (3, 2, 2, 2)
    one = jax.tree.map(lambda leaf: leaf[2], params)
    _, acts = run(model, one, tokens, ("blocks/1/attn/pattern",))
    pattern = np.asarray(acts["blocks/1/attn/pattern"])[:, 1].mean(0)
    previous = np.mean([pattern[t, t - 1] for t in range(1, 8)])
    induction = np.mean([pattern[t, t - 3] for t in range(4, 8)])
    np.testing.assert_allclose(found[2, :, 1, 1], [previous, induction], rtol=1e-5)
