"""Attention knock-out against its closed form, and what it refuses."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from toylab.analysis.attention_edits import window_knock_outs
from toylab.change import NOTHING, run_changes
from toylab.errors import ToylabError
from toylab.models import Transformer
from toylab.taps import run

TOKENS = jax.random.randint(jax.random.key(1), (5, 4), 0, 7)


def test_one_closed_edge_is_the_closed_form():
    """(o - a_c v_c W_O) / (1 - a_c) for one layer and one head."""
    model = Transformer(vocab=7, length=4, width=8, depth=1, heads=1)
    params = model.init(jax.random.key(0))
    names = [f"blocks/0/{name}" for name in ("attn/pattern", "attn/v", "attn/out")]
    _, acts = run(model, params, TOKENS, names)
    a_B, v_BK = acts[names[0]][:, 0, -1, 1], acts[names[1]][:, 1, 0]
    o_BD = acts[names[2]][:, -1]
    w_KD = params["blocks"]["0"]["attn"]["w_o"][0]
    expected = (o_BD - a_B[:, None] * (v_BK @ w_KD)) / (1 - a_B)[:, None]
    (cut,) = window_knock_outs(model, -1, 1)
    read = lambda logits, acts: acts[names[2]]
    found = run_changes(model, params, TOKENS, [cut], read, names[2:])[0]
    np.testing.assert_allclose(found[:, -1], expected, atol=1e-6)
    np.testing.assert_array_equal(found[:, :-1], acts[names[2]][:, :-1])


def test_windows_close_the_layers_around_each():
    model = Transformer(vocab=7, length=4, width=8, depth=3, heads=2, attention="relu")
    params = jax.vmap(model.init)(jax.random.split(jax.random.key(0), 2))
    sites = tuple(f"blocks/{i}/attn/pattern" for i in range(3))
    read = lambda logits, acts: jnp.stack([acts[site][..., 3, 0] for site in sites])
    changes = [NOTHING, *window_knock_outs(model, 3, 0, 2)]
    share_CPIBH = np.asarray(run_changes(model, params, TOKENS, changes, read, sites))
    closed_CI = (share_CPIBH == 0).all((1, 3, 4))
    expected = [[0, 0, 0], [1, 1, 0], [0, 1, 1], [0, 0, 1]]
    np.testing.assert_array_equal(closed_CI, expected)


def test_a_query_keeps_a_key():
    model = Transformer(vocab=7, length=4, width=8, depth=2, heads=2)
    with pytest.raises(ToylabError, match="position 0 would lose every key"):
        window_knock_outs(model, 0, 0)
    with pytest.raises(ToylabError, match="position 2 would lose every key"):
        window_knock_outs(model, (-1, 2), (0, 1, 2))
    with pytest.raises(ToylabError, match="a position = 4 is out of range"):
        window_knock_outs(model, 3, 4)
    assert len(window_knock_outs(Transformer(7, 4, 8, 2, 2, causal=False), 0, 0)) == 2


def test_a_position_may_be_a_numpy_number():
    model = Transformer(vocab=7, length=4, width=8, depth=2, heads=2)
    own, given = (window_knock_outs(model, of(3), of(0)) for of in (int, np.int64))
    axes = lambda changes: [[part.target.axes for part in change.parts] for change in changes]
    assert axes(own) == axes(given)
