"""Tables of arrays, and of several networks."""

import numpy as np
import polars as pl
import pytest

from toylab.errors import ToylabError
from toylab.read.tables import labelled, long_table, stacked


def test_a_long_table_has_every_entry_beside_its_names():
    score, good = np.arange(6, dtype=np.float32).reshape(2, 3), np.eye(2, 3) > 0
    table = long_table({"seed": np.array([7, 9]), "layer": None}, score=score, good=good)
    assert table.columns == ["seed", "layer", "score", "good"]
    assert table.schema["score"] == pl.Float64 and table.schema["good"] == pl.Boolean
    assert table.height == 6
    for seed, layer, value, flag in table.rows():
        row = [7, 9].index(seed)
        assert value == score[row, layer] and flag == good[row, layer]


def test_axes_must_fit():
    for axes, shape in (({"layer": "ab"}, 3), ({"layer": None}, (3, 2))):
        with pytest.raises(ToylabError, match="score has shape"):
            long_table(axes, score=np.zeros(shape))
    with pytest.raises(ToylabError, match="other has shape"):
        long_table({"layer": None}, score=np.zeros(3), other=np.zeros(2))


def test_parts_are_stacked_by_name():
    part = lambda **columns: {name: pl.DataFrame({"x": [x]}) for name, x in columns.items()}
    found = stacked(iter([part(a=0), part(a=1, b=2)]))
    assert found["a"]["x"].to_list() == [0, 1] and found["b"]["x"].to_list() == [2]
    wide = stacked([{"a": pl.DataFrame({"x": [1]})}, {"a": pl.DataFrame({"y": [2]})}], "diagonal")
    assert wide["a"].rows() == [(1, None), (None, 2)]


def test_labels_are_one_value_for_all_rows():
    table = labelled(pl.DataFrame({"x": [1.0, 2.0]}), seed=np.int32(7), good=True, name="a")
    assert table.rows() == [(1.0, 7, True, "a"), (2.0, 7, True, "a")]
    assert table.schema["seed"] == pl.Int64 and table.schema["good"] == pl.Boolean
