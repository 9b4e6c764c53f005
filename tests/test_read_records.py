"""Records of a run as a table, against hand-made ones."""

import numpy as np
import polars as pl

from toylab.read.records import recorded


class Stored:
    """A run folder of two networks, the second of which diverged at step 10."""

    def members(self, population: str) -> pl.DataFrame:
        return pl.DataFrame({"member": [0, 1], "init_seed": [7, 8]})

    def dead_at(self, population: str) -> np.ndarray:
        return np.array([-1, 10])

    def metrics(self) -> pl.DataFrame:
        rows = [
            (name, member, step, label, value)
            for name in ("main", "other")
            for step in (0, 5, 10)
            for member in (1, 0)
            for label, value in (("loss", 0.5), ("right", float("nan") if member else step / 10))
        ]
        names = ["population", "member", "step", "name", "value"]
        return pl.DataFrame(rows, names, orient="row").cast({"value": pl.Float32})


def test_a_row_per_network_and_step_with_numbers_as_columns():
    table = recorded(Stored(), "main")
    assert table.columns == ["member", "init_seed", "diverged", "step", "loss", "right"]
    assert table.drop("right").rows() == [
        (0, 7, False, 5, 0.5),
        (0, 7, False, 10, 0.5),
        (1, 8, True, 5, 0.5),
        (1, 8, True, 10, 0.5),
    ]
    assert table["right"].to_list()[:2] == [0.5, 1.0]
    assert np.isnan(table["right"].to_list()[2:]).all()
