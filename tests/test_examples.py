"""The examples run as they stand."""

import runpy
from pathlib import Path

import matplotlib
import pytest

EXAMPLES = sorted((Path(__file__).parents[1] / "examples").glob("*.py"))


@pytest.mark.parametrize("path", EXAMPLES, ids=[path.stem for path in EXAMPLES])
def test_an_example_runs(path, capsys):
    matplotlib.use("Agg")
    names = runpy.run_path(str(path))
    assert "network" in capsys.readouterr().out
    assert float(names["trained"].records["loss"][-1].max()) < 0.05  # it has learned its task
    induction = names["scores"].induction
    assert float(induction.max()) > 3 * names["scores"].even["induction"]
    null = names["null"]
    assert abs(names["edges"].top(names["find"](names["one"]), 1)[0][2]) > 10 * null
