"""Weights before and after fine-tuning."""

import jax
import numpy as np
import pytest

from toylab.analysis.fine_tuning import GROUPS, group_of, matrix_changes, put_back
from toylab.errors import ToylabError
from toylab.models import Transformer
from toylab.trees import flatten

MODEL = Transformer(
    vocab=7, length=5, width=8, depth=2, heads=2, hidden=32, norm="layer", biases=True
)


@pytest.fixture(scope="module")
def params():
    return jax.tree.map(np.asarray, MODEL.init(jax.random.key(0)))


def test_every_weight_has_a_group_and_is_put_back(params):
    other = jax.tree.map(lambda leaf: leaf + 1, params)
    names = {n: group_of(n) for n in flatten(params)}
    assert set(names.values()) == set(GROUPS)
    back = other
    for group in GROUPS:
        back = put_back(back, params, group)
        for name, leaf in flatten(back).items():
            if names[name] == group:
                np.testing.assert_array_equal(leaf, flatten(params)[name])
    for name, leaf in flatten(back).items():
        np.testing.assert_array_equal(leaf, flatten(params)[name])


def test_change_of_a_scaled_and_a_turned_matrix():
    first = {"unembed": {"kernel": np.eye(2, dtype=np.float32)}, "norm": {"scale": np.ones(2)}}
    twice = {"unembed": {"kernel": 2 * np.eye(2, dtype=np.float32)}, "norm": {"scale": np.ones(2)}}
    (row,) = matrix_changes(first, twice)
    assert row["cos"] == pytest.approx(1)
    assert row["change"] == pytest.approx(1)


def test_a_gate_goes_with_what_it_scales_and_what_is_no_weight_is_told():
    assert group_of("blocks/0/mlp/gate/kernel") == "mlp/up"
    with pytest.raises(ToylabError, match="'blocks/0/other' is no parameter of a transformer"):
        group_of("blocks/0/other")
