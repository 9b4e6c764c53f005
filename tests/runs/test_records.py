"""A run's records as a wide table."""

import numpy as np
import polars as pl

from toylab.runs.records import records


class Folder:
    """Two members of three steps; the second diverged at the last."""

    def metrics(self):
        rows = [("p", m, s, "loss", 1.0 + m) for m in (1, 0) for s in (2, 0, 1)]
        rows += [("p", m, s, "accuracy", 0.5 * m) for m in (1, 0) for s in (2, 0, 1)]
        rows += [("q", 0, 0, "loss", 9.0)]
        names = ["population", "member", "step", "name", "value"]
        return pl.DataFrame(rows, schema=names, orient="row")

    def members(self, _):
        return pl.DataFrame({"member": [0, 1], "init_seed": [7, 8]})

    def dead_at(self, _):
        return np.array([-1, 2])


def test_a_row_per_member_and_step():
    found = records(Folder(), "p")  # pyright: ignore[reportArgumentType]
    assert found["member"].to_list() == [0, 0, 0, 1, 1, 1]
    assert found["step"].to_list() == [0, 1, 2] * 2
    assert found["init_seed"].to_list() == [7] * 3 + [8] * 3
    assert found["loss"].to_list() == [1.0] * 3 + [2.0] * 3
    assert found["accuracy"].to_list() == [0.0] * 3 + [0.5] * 3
    assert found["diverged"].to_list() == [False] * 3 + [True] * 3
