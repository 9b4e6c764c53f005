"""Killed at any moment, stopped, out of disk, in two processes: a run ends bit-equal."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.torture.rig import ROOT, SEED, STUDY, alike, sizes, tidy
from toylab.runs.run_folder import RunFolder

SHORT = {"times": 2, "points": 2, "signals": 1, "full": 1, "two": 1}


def tortured(root: Path, **counts: int) -> dict:
    """Let the forker do its work in a folder, compare every run that it made, say what it did."""
    (root / "mine.py").write_text(STUDY)
    words = [sys.executable, "-m", "tests.torture.forker", str(root), "--seed", str(SEED)]
    words += [word for kind, count in counts.items() for word in (f"--{kind}", str(count))]
    done = subprocess.run(words, capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    print(f"seed {SEED}:", {name: n for name, n in told.items() if name != "wrong"})
    assert not told["wrong"], told["wrong"]
    whole = RunFolder(root / "whole")
    assert len(whole.metrics()) == (11 + 10) * 3
    for number in range(1, told["runs"] + 1):
        run = RunFolder(root / f"run-{number}")
        alike(whole, run)
        tidy(run)
    # Nothing but what was asked for lies beside the runs.
    known = {"mine.py", "cache", "state", "calls", "counted", "so-far", "whole", "__pycache__"}
    others = {p.name for p in root.iterdir()} - known
    assert others == {f"run-{number}" for number in range(1, told["runs"] + 1)}
    assert [p.name for p in (root / "state").rglob("*.json")] == ["studies.json"]
    return told


def test_a_few_of_each(tmp_path: Path):
    told = tortured(tmp_path, **SHORT)
    assert told["time"] == SHORT["times"] and told["signal"] == SHORT["signals"]


@pytest.mark.parametrize("kind", ["times", "points", "signals", "full", "two"])
@pytest.mark.parametrize("count", sizes(0, 200)[1:])
def test_many(kind: str, count: int, tmp_path: Path):
    tortured(tmp_path, **{kind: count})
