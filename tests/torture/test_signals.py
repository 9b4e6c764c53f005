"""SIGINT and SIGTERM at any moment of a real process: its start, every stage, twice."""

import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest

from tests.torture.rig import ROOT, SEED, STUDY, alike, sizes, tidy
from toylab.runs.run_folder import RunFolder

PATIENCE = 120.0  # for a process, on a machine that may be busy


@pytest.mark.parametrize("count", sizes(1, 40))
def test_a_signal_at_any_moment(count: int, tmp_path: Path):
    rng, counts = random.Random(SEED), Counter()
    (tmp_path / "mine.py").write_text(STUDY)
    folders = [tmp_path / "whole", *(tmp_path / f"run-{n}" for n in range(count))]
    began = time.monotonic()
    assert end(begin(folders[0])) == (0, "")
    whole = time.monotonic() - began
    for folder in folders[1:]:
        process, signum = begin(folder), rng.choice((signal.SIGINT, signal.SIGTERM))
        for _ in range(rng.choice((1, 2))):
            time.sleep(rng.uniform(0, 0.6) * whole)
            if process.poll() is None:
                process.send_signal(signum)
        code, err = end(process)
        # Before its first instruction a process has Python's own handlers, or none.
        assert code in (0, 128 + signum, -signum), (code, err)
        assert code == -signum or ("Traceback" not in err and len(err.splitlines()) <= 4), err
        counts[code] += 1
        code, err = end(begin(folder))
        assert code == 0, err
        alike(RunFolder(folders[0]), RunFolder(folder))
        tidy(RunFolder(folder))
    print(f"seed {SEED}: {count} signals to processes of {whole:.1f} s, ended with {dict(counts)}")


def begin(folder: Path) -> subprocess.Popen:
    """Begin or resume a run in a process of its own."""
    begun = (folder / "manifest.json").exists()
    words = ["run", str(folder.parent / "mine.py"), "--preset", "smoke", "--out", str(folder)]
    words = ["resume", str(folder)] if begun else words
    env = os.environ | {"XDG_STATE_HOME": str(folder.parent / "state")}
    words = [sys.executable, "-m", "toylab", *words, "--json"]
    pipes = {"stdout": subprocess.DEVNULL, "stderr": subprocess.PIPE}
    return subprocess.Popen(words, **pipes, text=True, cwd=ROOT, env=env)


def end(process: subprocess.Popen) -> tuple[int, str]:
    """Return how a process ended, and what it said."""
    try:
        err = process.communicate(timeout=PATIENCE)[1]
    except subprocess.TimeoutExpired:
        process.kill()
        pytest.fail(f"it hangs: {process.communicate()[1]}")
    return process.returncode, err
