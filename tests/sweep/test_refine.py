"""Cells added where a claim begins to hold."""

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from tests.sweep.test_sweep import STUDY
from toylab.claims import Claim, Expect
from toylab.cli.main import main
from toylab.errors import ToylabError
from toylab.read import table
from toylab.study import Study, load_study
from toylab.sweep.grid import cells_of, read_grids
from toylab.sweep.refine import between, dividing, middle
from toylab.sweep.sweep import plan_sweep, run_sweep

CLAIM = Claim(
    *("inside", "It is small.", "none", table("t").value("x")),
    *(Expect.below(1.0), "ours: one"),
)


def judged(cells: list[dict], estimate) -> pl.DataFrame:
    return pl.DataFrame([c | {"claim": "inside", "estimate": estimate(**c)} for c in cells])


def test_the_boundary_is_closed_in_from_both_sides():
    axes, radius = {"x": (0.0, 1.0, 2.0), "y": (0.0, 1.0, 2.0)}, lambda x, y: np.hypot(x, y) / 1.3
    cells = cells_of(axes)
    for _ in range(5):
        cells += between(judged(cells, radius), CLAIM, axes)
    on_axis = sorted(c["x"] for c in cells if c["y"] == 0)
    inside = max(x for x in on_axis if x <= 1.3)
    outside = min(x for x in on_axis if x > 1.3)
    assert outside - inside == 2**-5
    far = [c for c in cells if abs(radius(**c) - 1) > 0.85 and c not in cells_of(axes)]
    assert not far
    assert len({(c["x"], c["y"]) for c in cells}) == len(cells) < 33 * 33 / 4


def test_neighbours_without_an_estimate_or_on_one_side_are_left():
    axes = {"x": (1, 2, 5), "kind": ("a", "b")}
    value = {1: 0.5, 2: None, 5: 2.0}
    assert between(judged(cells_of(axes), lambda x, kind: value[x]), CLAIM, axes) == []
    value[2] = 0.7
    found = between(judged(cells_of(axes), lambda x, kind: value[x]), CLAIM, axes)
    assert found == [{"x": 3, "kind": "a"}, {"x": 3, "kind": "b"}]  # 1, 2, 5 is by log
    value[2] = 3.0  # nothing lies between 1 and 2
    assert between(judged(cells_of(axes), lambda x, kind: value[x]), CLAIM, axes) == []


def test_halfway_is_in_the_logarithm_where_the_grid_is():
    assert middle(1e-3, 1e-1, True) == 0.01 and middle(2, 8, True) == 4
    assert middle(0.1, 0.3, False) == 0.2


@pytest.fixture
def swept(tmp_path: Path, monkeypatch) -> Study:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    known = STUDY.replace("norm = (", "norm = 50 * config.rate + 0 * (")  # 100 is passed at 2
    (tmp_path / "swept.py").write_text(known)
    return load_study(str(tmp_path / "swept.py"))


def test_a_refined_sweep_goes_on_where_it_stopped(swept: Study, tmp_path: Path):
    source = str(tmp_path / "swept.py")
    plan = plan_sweep(swept, "smoke", ["rate=0.01:10:log4"], source=source)
    out = tmp_path / "out"
    run_sweep(plan, out)
    first = pl.read_parquet(out / "claims.parquet")
    run_sweep(plan, out, refine=2)
    claims = pl.read_parquet(out / "claims.parquet").sort("rate")
    assert claims.filter(round=0).sort("cell").equals(first)
    held = claims["estimate"] <= 100
    rates = claims["rate"].to_numpy()
    last, then = rates[held.to_numpy()].max(), rates[~held.to_numpy()].min()
    np.testing.assert_allclose((last, then), (10**0.25, 10**0.5), rtol=1e-4)
    assert claims.height == 6 and sorted(claims["cell"]) == list(range(6))
    members = pl.read_parquet(out / "members.parquet")
    assert sorted(members["cell"].unique()) == list(range(6))
    kept = {p: p.stat().st_mtime_ns for p in out.glob("cells/*/claims.json")}
    run_sweep(plan, out, refine=2)
    assert {p: p.stat().st_mtime_ns for p in out.glob("cells/*/claims.json")} == kept


def test_cells_of_another_claims_refinement_are_not_taken(tmp_path: Path, monkeypatch):
    """The setting is of what is measured: the networks are alike, and do not tell."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    known = STUDY.replace("norm = (", "norm = 50 * config.asked + 0 * (")
    known = known.replace("    density:", "    asked: float = 1.0\n    density:")
    other = known[known.index("        tl.Claim(") : known.index("])\n")]
    other = (
        other.replace('"low"', '"lower"').replace("100.0", "10.0").replace(", headline=True", "")
    )
    source = tmp_path / "swept.py"
    source.write_text(known.replace("])\n", f",\n{other}])\n"))
    plan = plan_sweep(load_study(str(source)), "smoke", ["asked=0.1,1,10"], source=str(source))
    run_sweep(plan, tmp_path / "out", refine=1)
    before = (tmp_path / "out" / "claims.parquet").read_bytes()
    with pytest.raises(ToylabError, match=r"refined for another claim: cell 3 is .*3\.16.*0\.316"):
        run_sweep(plan, tmp_path / "out", refine=1, claim="lower")
    assert (tmp_path / "out" / "claims.parquet").read_bytes() == before
    run_sweep(plan, tmp_path / "out", refine=1)


def test_what_cannot_be_refined_is_said(swept: Study, tmp_path: Path, capsys):
    with pytest.raises(ToylabError, match="did you mean 'low'"):
        dividing(swept, "lo")
    assert dividing(swept).key == "low"
    source = str(tmp_path / "swept.py")
    args = ["sweep", source, "--preset", "smoke", "--grid", "rate=0.01,0.1", "--refine", "99"]
    assert main([*args, "--out", str(tmp_path / "out")]) == 1
    assert "--refine 99" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
    assert read_grids(["rate=0.01,0.1"], swept.config("smoke"))
