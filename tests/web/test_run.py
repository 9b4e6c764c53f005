"""An opened run in JSON and in a browser: whole, unfinished, diverged, foreign and damaged."""

import json
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.docs.browser import chromium, opened
from toylab.claims import Verdict
from toylab.cli.main import main
from toylab.errors import ToylabError
from toylab.runs.checkpointer import FolderCheckpointer
from toylab.runs.run_folder import RunFolder
from toylab.stats import seed_interval
from toylab.web.run import LINES, SIDE, STEPS, _leaf, questions
from toylab.web.server import Server, pages

DENSITY = [1.0, 1.0, 1.0, 0.1, 0.1, 0.1]
MANIFEST = {
    "study": "tiny_study",
    "preset": "smoke",
    "config": {"seeds": 3},
    "members": {"p": {"init_seed": [0, 1, 2] * 2, "density": DENSITY}},
    "device": "cpu",
    "wall_s": 3.0,
}
LOSS = np.arange(1, 6)[:, None] * np.ones(6) + 0.1 * np.arange(6)
PNG = b"\x89PNG\r\n\x1a\n picture"
VERDICT = Verdict(
    key="low", text="Loss is <b>low</b>.", source="Nobody 2026", paper=0.5, expected="<= 6",
    estimate=5.2, low=5.0, high=np.inf, values=(5.1, 5.3), n=2, diverged=0, undefined=0, excluded=0,
    unit="seed", scope="population", verdict="reproduced, few seeds", why="",
)  # fmt: skip


@pytest.fixture
def run(tmp_path: Path) -> RunFolder:
    """A finished run of six members, the last of which diverged at step 4."""
    with RunFolder.create(tmp_path / "run", MANIFEST).writing() as folder:
        checkpointer = FolderCheckpointer(folder, "p")
        for step in (0, 5):
            W = np.full((6, 2, 3), step, np.float32) + np.arange(6, dtype=np.float32)[:, None, None]
            checkpointer.snapshot(step, {"a/W": W, "b": np.ones(6, np.float32)})
        records = {"step": np.arange(1, 6), "loss": LOSS.astype(np.float32)}
        checkpointer.finish(records, np.array([-1] * 5 + [4]))
        folder.write_claims([VERDICT])
        (folder.path / "figures").mkdir()
        (folder.path / "figures" / "loss.png").write_bytes(PNG)
    return RunFolder(folder.path)


def ask(run: RunFolder, path: str, **query: str) -> Any:
    """Ask a run's table as the page would."""
    return json.loads(questions(run.path)[1][f"/api/{path}"](query).body)


def test_what_a_run_holds_is_told(run: RunFolder):
    about = ask(run, "run")
    assert about["study"] == "tiny_study" and about["figures"] == ["loss"]
    held = {"members": 6, "metrics": ["loss"], "by": ["density"], "steps": [0, 5]}
    assert about["populations"] == {"p": held}
    assert about["losses"] == ["p: 1 of 6 members diverged"]


def test_curves_have_the_librarys_interval_over_finite_members(run: RunFolder):
    found = ask(run, "curves", population="p", metric="loss", by="density")
    assert found["steps"] == [1, 2, 3, 4, 5] and not found["thinned"]
    sparse, dense = found["groups"]
    assert (sparse["value"], dense["value"], dense["n"]) == (0.1, 1.0, 3)
    np.testing.assert_allclose(dense["mean"], LOSS[:, :3].mean(1), rtol=1e-6)
    np.testing.assert_allclose(sparse["mean"][-1], LOSS[-1, 3:5].mean(), rtol=1e-6)
    wide = seed_interval(LOSS[0, :3].astype(np.float32))
    assert wide.low <= dense["low"][0] < dense["high"][0] <= wide.high + 1e-5
    assert found["members"][5] == pytest.approx([1.5, 2.5, 3.5, None, None])


def test_members_parameters_claims_and_figures_are_those_stored(run: RunFolder):
    table = ask(run, "members", population="p")
    rows = [dict(zip(table["columns"], row, strict=True)) for row in table["rows"]]
    assert rows[1]["loss"] == pytest.approx(5.1) and rows[5]["loss"] is None
    assert rows[5]["diverged at"] == 4 and rows[0]["diverged at"] is None
    kernel, bias = ask(run, "params", population="p", step="5", member="2")["leaves"]
    assert (kernel["name"], kernel["shape"], kernel["values"]) == ("a/W", [2, 3], [7.0] * 6)
    assert kernel["norm"] == pytest.approx(7 * 6**0.5) and (bias["rows"], bias["columns"]) == (1, 1)
    (claim,) = ask(run, "claims")
    assert claim["text"] == VERDICT.text and claim["values"] == [5.1, 5.3] and claim["high"] is None
    answer = questions(run.path)[1]["/api/figure"]({"name": "loss"})
    assert (answer.body, answer.type) == (PNG, "image/png")


@pytest.mark.parametrize(
    ("path", "query", "why"),
    [
        ("members", {"population": "q"}, "No population 'q'"),
        ("curves", {"population": "p", "metric": "los"}, "did you mean 'loss'"),
        ("curves", {"population": "p", "metric": "loss", "by": "x"}, "No column 'x'"),
        ("params", {"population": "p", "step": "7", "member": "0"}, "kept: 0, 5"),
        ("params", {"population": "p", "step": "5", "member": "6"}, "members 0 to 5"),
        ("params", {"population": "p", "step": "-1", "member": "0"}, "not a whole number"),
        ("params", {"population": "p", "step": "5"}, "not a whole number"),
        ("figure", {"name": "../manifest"}, "No figure"),
        ("figure", {}, "No figure"),
    ],
)
def test_wrong_questions_are_said(run: RunFolder, path: str, query: dict[str, str], why: str):
    with pytest.raises(ToylabError, match=why):
        ask(run, path, **query)


def test_a_figure_that_leads_out_is_refused(run: RunFolder, tmp_path: Path):
    (tmp_path / "secret").write_bytes(b"mine")
    (run.path / "figures" / "link.png").symlink_to(tmp_path / "secret")
    with pytest.raises(ToylabError, match="symbolic link"):
        ask(run, "figure", name="link")


def test_a_run_that_goes_on_shows_what_there_is(tmp_path: Path):
    folder = RunFolder.create(tmp_path / "new", MANIFEST)
    assert ask(folder, "run")["populations"]["p"]["metrics"] == []
    assert ask(folder, "claims") == []
    assert len(ask(folder, "members", population="p")["rows"]) == 6


def test_large_runs_are_thinned(tmp_path: Path):
    many, long = 2 * LINES, 3 * STEPS
    members = {"p": {"init_seed": list(range(many))}}
    with RunFolder.create(tmp_path / "big", MANIFEST | {"members": members}).writing() as folder:
        checkpointer = FolderCheckpointer(folder, "p")
        checkpointer.snapshot(0, {"W": np.ones((many, 3 * SIDE, 2), np.float32)})
        loss = np.ones((long, many), np.float32)
        checkpointer.finish({"step": np.arange(long), "loss": loss}, np.full(many, -1))
    found = ask(folder, "curves", population="p", metric="loss")
    assert found["thinned"] and len(found["steps"]) == STEPS and len(found["members"]) == LINES
    assert (found["steps"][0], found["steps"][-1]) == (0, long - 1)
    (leaf,) = ask(folder, "params", population="p", step="0", member="0")["leaves"]
    assert (leaf["rows"], leaf["columns"], leaf["every"]) == (SIDE, 2, [3, 1])


@pytest.mark.parametrize(
    ("shape", "rows"), [((1, 8, 4), 8), ((4, 1, 4), 4), ((2, 4, 8), 8), ((5,), 1), ((2, 3), 2)]
)
def test_a_parameter_of_many_axes_is_shown_nearly_square(shape: tuple[int, ...], rows: int):
    leaf = _leaf("w", np.arange(np.prod(shape), dtype=np.float32).reshape(shape))
    assert (leaf["rows"], leaf["rows"] * leaf["columns"]) == (rows, np.prod(shape))
    assert leaf["values"] == list(range(int(np.prod(shape))))


def test_foreign_and_damaged_folders_are_said(run: RunFolder, tmp_path: Path, capsys: Any):
    assert main(["explore", str(tmp_path), "--no-browser"]) == 1
    assert "not a run folder" in capsys.readouterr().err
    (run.path / "manifest.json").write_text("{")
    assert main(["explore", str(run.path), "--no-browser"]) == 1
    assert "manifest.json" in capsys.readouterr().err


def test_damage_that_comes_later_is_said_on_the_page(run: RunFolder):
    (run.path / "metrics.parquet").write_bytes(b"other")
    with pytest.raises(ToylabError, match="damaged"):
        ask(run, "run")


TOLD = {
    "curves": "density 0.1: 5.35 at the end, 3 members",
    "members": "5.1",
    "snapshots": "Member 0 at step 5",
    "claims": "Loss is <b>low</b>.",
    "figures": "loss",
}


def test_every_view_shows_the_run_in_a_browser(run: RunFolder, tmp_path: Path):
    program = chromium()
    if program is None:
        pytest.skip("there is no Chromium (Debian: apt-get install chromium)")
    name, table = questions(run.path)
    with Server({**pages(name), **table}) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        with opened(program, tmp_path) as browser:
            for view, told in TOLD.items():
                browser.goto(f"{server.url}?{view}#/run?view={view}&by=density")
                browser.until(f"document.querySelector('.run')?.innerText.includes({told!r})")
            browser.goto(f"{server.url}?wrong#/run?member=99")
            browser.until("document.querySelector('.notices')?.innerText.includes('from 0 to 5')")
            assert browser.errors == []
        server.shutdown()
