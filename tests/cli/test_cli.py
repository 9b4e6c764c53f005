"""The command line, in process: what it leaves, its exit statuses, errors of a line or two."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from toylab.cli import commands, find, progress
from toylab.cli.main import COMMANDS, main
from toylab.cli.stop import Stop
from toylab.load import room
from toylab.report import pages
from toylab.runs.run_folder import RunFolder
from toylab.show.tracker import Row, Tracker
from toylab.study import load_study
from toylab.train.loop import Progress

STUDY = """
import dataclasses
import polars as pl
from matplotlib.figure import Figure
from toylab.tasks.superposition.superposition import Sparse
from toylab.claims import Claim, Expect
from toylab.errors import check_number
from toylab.lab import final_loss
from toylab.members import grid, seeds
from toylab.models import Autoencoder
from toylab.optim import AdamW
from toylab.population import Population
from toylab.read import table
from toylab.study import Study

@dataclasses.dataclass(frozen=True)
class Config:
    seeds: int = 5
    densities: tuple[float, ...] = (0.5,)
    density: float = 0.5
    steps: int = 20

def populations(config):
    return {"one": Population(
        model=Autoencoder(3, 2), task=Sparse(3, config.density), steps=config.steps,
        members=seeds(config.seeds) * grid(density=config.densities), batch_size=4,
        optimizer=AdamW(1e-2, 0.0), devices=1)}

def measure(config, run):
    weights = run.params("one")["W"]
    rows = run.members("one").select("init_seed")
    loss = {"loss": final_loss(run, "one"), "w": abs(weights).sum((1, 2))}
    return {"loss": rows.with_columns(**{name: pl.Series(v) for name, v in loss.items()})}

def draw(measures, config):
    figure = Figure()
    figure.subplots().plot(measures["loss"]["loss"])
    return {"loss": figure}

loss = table("loss").value("loss")
study = Study(
    name="tiny", title="A tiny study", paper="Nobody 2026", costs={"smoke": "1 s"},
    presets={"smoke": Config(), "laptop": Config(steps=40)},
    populations=populations, measure=measure, draw=draw,
    claims=[Claim("low", "Loss is low.", "Fig. 1", loss, Expect.below(5.0), "ours: five", 0.5),
            Claim("high", "Loss is high [5, 6].", "Fig. 2", loss, Expect.above(5.0), "ours: five")])
"""


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    path = tmp_path_factory.mktemp("study") / "tiny_study.py"
    path.write_text(STUDY)
    return path


@pytest.fixture(scope="module")
def finished(study, tmp_path_factory):
    out = tmp_path_factory.mktemp("runs") / "done"
    assert main(["run", str(study), "--preset", "smoke", "--out", str(out), "--json"]) == 0
    return out


@pytest.fixture
def run(finished, tmp_path):
    """A copy of the finished run, free to be damaged."""
    return Path(shutil.copytree(finished, tmp_path / "run"))


def fails(capsys, status, *argv):
    """Run a command that must fail: its status, one or two lines, no traceback."""
    capsys.readouterr()
    found = main([str(word) for word in argv])
    out, err = capsys.readouterr()
    assert found == status, err
    lines = err.strip().splitlines()
    assert 1 <= len(lines) <= 2 and lines[0].startswith("toylab: "), err
    assert "Traceback" not in out + err
    return err


def test_help_starts_without_jax():
    code = "import sys; from toylab.cli.main import main; main(['--help']); "
    code += "print('jax' in sys.modules)"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip().endswith("False")
    assert all(name in out.stdout for name in COMMANDS)


def test_commands_load_without_what_draws_and_integrates():
    code = "import sys; import toylab.cli.commands; "
    code += "print({'matplotlib', 'scipy.special', 'markdown_it', 'flax'} & set(sys.modules))"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "set()"


def test_run_prints_verdicts_figures_and_folder(study, tmp_path, capsys):
    out = tmp_path / "run"
    words = [
        "run",
        str(study),
        "--out",
        str(out),
        "--seeds",
        "3",
        "--set",
        "density=0.3",
        "steps=7",
    ]
    assert main(words) == 0
    text, err = capsys.readouterr()
    assert "inconclusive" in text  # three seeds are fewer than the claims need
    assert str(out / "figures" / "loss.png") in text and f"Run: {out}" in text
    assert "one: step 7/7, 3 members" in err
    manifest = json.loads((out / "manifest.json").read_text())
    assert manifest["preset"] == "laptop"
    assert manifest["config"] == {"seeds": 3, "densities": [0.5], "density": 0.3, "steps": 7}


def test_report_is_the_run_folders(run, capsys):
    """The JSON says what the folder holds; a claim not reproduced is no failure."""
    assert main(["judge", str(run), "--json"]) == 0
    out, err = capsys.readouterr()
    report = json.loads(out)
    assert err == ""
    stored = RunFolder(run).claims()
    assert [c["verdict"] for c in report["claims"]] == ["reproduced, few seeds", "not reproduced"]
    assert [c["estimate"] for c in report["claims"]] == [v.estimate for v in stored]
    assert report["figures"] == [str(run / "figures" / "loss.png")]


def test_table_keeps_brackets(run, capsys):
    assert main(["judge", str(run), "--remeasure"]) == 0
    estimate = RunFolder(run).claims()[0]
    out = capsys.readouterr().out
    assert "not reproduced" in out
    low, high = re.search(r"\[([\d.e-]+), ([\d.e-]+)\]", out).groups()
    np.testing.assert_allclose([float(low), float(high)], [estimate.low, estimate.high], rtol=5e-3)


def test_draw_draws_again(run, capsys):
    for path in (run / "figures").iterdir():
        path.unlink()
    assert main(["draw", str(run)]) == 0
    assert (run / "figures" / "loss.png").exists()
    assert str(run / "figures" / "loss.png") in capsys.readouterr().out


def test_what_is_measured_again_is_drawn_again(run, capsys):
    drawn = run / "figures" / "loss.png"
    before = drawn.stat().st_mtime_ns
    assert main(["judge", str(run)]) == 0
    assert drawn.stat().st_mtime_ns == before
    assert main(["judge", str(run), "--remeasure"]) == 0
    assert drawn.stat().st_mtime_ns > before


def test_resume_of_a_finished_run_trains_nothing(run, capsys):
    before = (run / "snapshots" / "one-20.safetensors").stat().st_mtime_ns
    assert main(["resume", str(run), "--json"]) == 0
    assert (run / "snapshots" / "one-20.safetensors").stat().st_mtime_ns == before
    assert json.loads(capsys.readouterr().out)["run"] == str(run)


def test_info_and_list(study, capsys):
    assert main(["info", str(study), "--json"]) == 0
    info = json.loads(capsys.readouterr().out)
    assert info["presets"]["laptop"]["settings"]["steps"] == 40
    assert [c["expected"] for c in info["claims"]] == ["<= 5", ">= 5"]
    assert main(["info", str(study)]) == 0
    assert "Loss is high [5, 6]." in capsys.readouterr().out
    assert main(["list", "--json"]) == 0
    assert {"name", "title", "paper", "presets"} <= set(json.loads(capsys.readouterr().out)[0])


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["rnu"], "did you mean 'run'"),
        ([], "name a command"),
        (["run"], "STUDY|FILE"),
        (["run", "STUDY", "--pre-set", "smoke"], "did you mean '--preset'"),
        (["run", "STUDY", "more"], "'more'"),
        (["run", "STUDY", "--set", "steps"], "key=value"),
        (["run", "STUDY", "--seeds", "3", "--set", "seeds=4"], "twice"),
        (["judge", "somewhere", "--remesure"], "did you mean '--remeasure'"),
    ],
)
def test_usage_errors(words, expected, study, capsys):
    words = [str(study) if word == "STUDY" else word for word in words]
    assert expected in fails(capsys, 2, *words)


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["run", "superpositon"], "did you mean 'superposition'"),
        (["info", "superpositon"], "did you mean 'superposition'"),
        (["run", "nowhere/my_study.py"], "No file nowhere/my_study.py"),
        (["run", "STUDY", "--preset", "smok"], "did you mean 'smoke'"),
        (["run", "STUDY", "--set", "densty=0.1"], "did you mean 'density'"),
        (["run", "STUDY", "--set", "steps=many"], "steps = 'many' is not a whole number"),
        (["run", "STUDY", "--set", "steps=1.5"], "steps = '1.5' is not a whole number"),
        (["run", "STUDY", "--set", "density=0"], "out of range"),
        (["run", "STUDY", "--set", "density=2"], "out of range"),
        (["run", "STUDY", "--set", "densities=0.5,2"], "out of range"),
        (["run", "STUDY", "--set", "steps=-1"], "steps = -1 is out of range"),
        (["run", "STUDY", "--set", "densities="], "densities"),
        (["run", "STUDY", "--seeds", "0"], "seeds = 0 is out of range"),
        (["run", "STUDY", "--seeds", "two"], "seeds = 'two' is not a whole number"),
        (["check", "superposition.Spars"], "did you mean 'superposition.Sparse'"),
        (["check", "Sparse(n_features=3, density=7)"], "out of range"),
        (["check", "Sparse(n_features=3)"], "density"),
        (["check", "Sparse(n_features=open('x'))"], "plain settings"),
        (["check", "sparse.Sparse"], "give its settings"),
        (["bench", "nothing_such"], "Unknown benchmark"),
        (["resume", "nowhere"], "not a run folder"),
        (["judge", "nowhere"], "not a run folder"),
        (["draw", "nowhere"], "not a run folder"),
        (["publish", "nowhere"], "not a run folder"),
        (["replicate", "superposition", "--first-seed", "4"], "count from 1,000 to 9,999"),
        (["replicate", "superposition", "--first-seed", "10000"], "count from 1,000 to 9,999"),
    ],
)
def test_bad_input(words, expected, study, tmp_path, capsys):
    """Named before anything is trained or written."""
    out = tmp_path / "run"
    words = [str(study) if word == "STUDY" else word for word in words]
    extra = ["--out", out] if words[0] == "run" else []
    assert expected in fails(capsys, 1, *words, *extra)
    assert not out.exists()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("import os\nstudy = (", "line 2"),
        ("x = 1\n", "defines no study"),
        ("study = 3\n", "defines no study"),
        ("x = 1\ny = x / 0\n", "line 2: ZeroDivisionError"),
        ("import no_such_package\n", "no_such_package"),
    ],
)
def test_bad_study_file(text, expected, tmp_path, capsys):
    path = tmp_path / "broken_study.py"
    path.write_text(text)
    assert expected in fails(capsys, 1, "run", path, "--out", tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_output_folder_in_use(study, run, tmp_path, capsys):
    manifest = (run / "manifest.json").read_bytes()
    assert "already holds a run" in fails(capsys, 1, "run", study, "--out", run)
    assert (run / "manifest.json").read_bytes() == manifest
    file = tmp_path / "file"
    file.write_text("kept")
    fails(capsys, 1, "run", study, "--out", file)
    fails(capsys, 1, "run", study, "--out", file / "below")
    assert file.read_text() == "kept"


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_read_only_folder(study, tmp_path, capsys):
    tmp_path.chmod(0o500)
    assert "permission" in fails(capsys, 1, "run", study, "--out", tmp_path / "run")


def test_full_disk(study, tmp_path, capsys, monkeypatch):
    def full(*args):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("toylab.runs.atomic.os.replace", full)
    assert "disk is full" in fails(capsys, 1, "run", study, "--out", tmp_path / "run")


def test_leaking_os_error(finished, capsys, monkeypatch):
    def broken(*args):
        raise PermissionError(13, "Permission denied", "a/b")

    monkeypatch.setattr("toylab.lab.judge", broken)
    assert "a/b: no permission" in fails(capsys, 1, "judge", finished)


@pytest.mark.parametrize("text", ["", "{", "[1, 2]", "{}", '{"run_id": "x"}', "\xff\xfe"])
def test_damaged_manifest(text, run, capsys):
    (run / "manifest.json").write_text(text, "latin-1")
    for command in ("judge", "resume", "draw", "publish"):
        assert "manifest.json" in fails(capsys, 1, command, run)


@pytest.mark.parametrize("key", ["source", "members", "config", "preset", "study", "commit"])
def test_manifest_lacks_a_part(key, run, capsys):
    """Any command either does without the part or says what is missing."""
    manifest = json.loads((run / "manifest.json").read_text())
    del manifest[key]
    (run / "manifest.json").write_text(json.dumps(manifest))
    for command in ("judge", "resume", "draw"):
        if main([command, str(run)]):
            assert capsys.readouterr().err.splitlines()[-1].startswith("toylab: ")


def test_damaged_snapshot(run, capsys):
    path = run / "snapshots" / "one-20.safetensors"
    path.write_bytes(path.read_bytes()[:-7])
    assert "damaged" in fails(capsys, 1, "judge", run, "--remeasure")


def test_snapshot_of_another_run(run, capsys):
    """Even where the checksum says that the file is whole."""
    folder = RunFolder(run)
    with folder.writing():
        weights, own = folder.params("one", 20), folder.manifest["run_id"]
        folder.manifest["run_id"] = "another"
        folder.write_tensors("snapshots/one-20.safetensors", weights)
        folder.manifest["run_id"] = own
    assert "belongs to another run" in fails(capsys, 1, "judge", run, "--remeasure")


def test_second_writer(run, capsys):
    with RunFolder(run).writing():
        for command in ("judge", "resume", "draw"):
            assert "Another process is writing" in fails(capsys, 1, command, run)
    assert main(["draw", str(run)]) == 0


def test_resume_of_what_is_no_run(tmp_path, capsys):
    assert "no manifest.json" in fails(capsys, 1, "resume", tmp_path)


@pytest.fixture
def repository(tmp_path, study, monkeypatch):
    """A stand-in for the checkout that publish and table write to, with one study."""
    base = tmp_path / "checkout"
    (base / "studies" / "results").mkdir(parents=True)
    (base / "figures" / "gallery").mkdir(parents=True)
    (base / "README.md").write_text(
        "# Title\n<!-- toylab:studies -->\n<!-- /toylab:studies -->\nEnd\n"
    )
    (base / "docs").mkdir()
    (base / "docs" / "verdicts.md").write_text(
        "Above\n<!-- toylab:replications -->\n<!-- /toylab:replications -->\n"
    )
    monkeypatch.setattr(commands, "root", lambda: base)
    monkeypatch.setattr(commands, "study_names", lambda: ["tiny"])
    monkeypatch.setattr(commands, "load_study", lambda name: load_study(str(study)))
    monkeypatch.setattr(pages, "readme_table", lambda found: f"{len(found)} result\n")
    monkeypatch.setattr(pages, "all_pages", lambda found: {"tiny.md": found[0]["study"]})
    return base


def edit_manifest(run, **entries):
    with RunFolder(run).writing() as folder:
        folder.note(**entries)


def clean(**other):
    """Entries of a manifest of the laboratory's study whose commits are clean, but for others."""
    commits = dict.fromkeys(("commit", "measured_at", "judged_at"), "0123456789ab")
    return commits | {"source": None} | other


def test_publish_and_table(run, repository, capsys):
    edit_manifest(run, **clean())
    assert main(["publish", str(run)]) == 0
    result = json.loads((repository / "studies/results/tiny.smoke.json").read_text())
    assert result["commit"] == "0123456789ab"
    assert [c["verdict"] for c in result["claims"]] == ["reproduced, few seeds", "not reproduced"]
    assert (repository / "figures/gallery/tiny.png").stat().st_size > 0
    assert main(["table", "--write"]) == 0
    readme = (repository / "README.md").read_text()
    assert readme.startswith("# Title\n") and readme.endswith("End\n") and "1 result" in readme
    assert (repository / "docs/studies/tiny.md").read_text() == "tiny"
    capsys.readouterr()
    assert main(["table"]) == 0
    assert capsys.readouterr().out.strip() == "1 result"
    assert main(["table", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == [result]


def test_a_replication_is_published_beside_the_result_and_counted(run, repository):
    edit_manifest(run, **clean())
    assert main(["publish", str(run)]) == 0
    result = (repository / "studies/results/tiny.smoke.json").read_text()
    edit_manifest(run, **clean(first_seed=1_000))
    assert main(["publish", str(run)]) == 0
    assert (repository / "studies/results/tiny.smoke.json").read_text() == result
    again = json.loads((repository / "studies/results/replications/tiny.smoke.json").read_text())
    assert again["first_seed"] == 1_000
    assert main(["table", "--write"]) == 0
    manual = (repository / "docs/verdicts.md").read_text()
    assert "| `tiny` | 2 of 2 | 0 of 1 |" in manual and manual.startswith("Above\n")


def test_publish_refuses(run, repository, capsys, monkeypatch):
    for commit in ("0123456789ab+", None):
        edit_manifest(run, **clean(commit=commit))
        assert "--dirty" in fails(capsys, 1, "publish", run)
    edit_manifest(run, **clean(measured_at="0123456789ab+"))
    assert "'toylab judge --remeasure' again" in fails(capsys, 1, "publish", run)
    edit_manifest(run, **clean(judged_at="0123456789ab+"))
    assert "'toylab judge' again" in fails(capsys, 1, "publish", run)
    assert main(["publish", str(run), "--dirty"]) == 0
    (run / "claims.json").unlink()
    assert "not finished" in fails(capsys, 1, "publish", run, "--dirty")
    monkeypatch.setattr(commands, "study_names", lambda: ["other"])
    edit_manifest(run, **clean())
    fails(capsys, 1, "publish", run)


def test_what_is_installed_is_not_written_to(run, repository, capsys):
    edit_manifest(run, **clean())
    (repository / "README.md").unlink()
    for words in (["table", "--write"], ["publish", run]):
        assert "README.md: that works in a checkout" in fails(capsys, 1, *words)
    assert not list((repository / "studies" / "results").iterdir())


def test_check_of_a_file(tmp_path, capsys):
    """A user's file: status 0 when its tasks keep the rules, 1 when one does not."""
    path = tmp_path / "my_tasks.py"
    path.write_text(
        "import dataclasses, jax, jax.numpy as jnp\n"
        "from toylab.task import Batch, Task\n"
        "@dataclasses.dataclass(frozen=True)\n"
        "class Coin(Task):\n"
        "    worst: float = 1.0\n"
        "    def example(self, key):\n"
        "        x = jax.random.randint(key, (2,), 0, 2, jnp.int32)\n"
        "        return Batch(x, x, jnp.ones((2,), jnp.float32), {})\n"
        "    def bayes_loss(self): return 0.5\n"
        "    def uniform_loss(self): return self.worst\n"
        "task = Coin()\n"
    )
    assert main(["check", str(path)]) == 0
    assert "BROKEN" not in capsys.readouterr().out
    with path.open("a") as file:
        file.write("tasks = [Coin(worst=0.1)]\ndel task\n")
    assert main(["check", str(path), "--json"]) == 1
    results = json.loads(capsys.readouterr().out)
    assert [r["name"] for r in results if not r["ok"]] == ["losses ordered"]
    path.write_text("x = 1\n")
    assert "defines no task" in fails(capsys, 1, "check", path)


def test_a_file_of_the_laboratory_is_checked_by_its_examples():
    path = room("tasks") / "in_context" / "repeats.py"
    assert list(find.tasks(str(path))) == list(find.tasks("repeats"))


def test_bench(monkeypatch, capsys):
    row = {"name": "a", "value": 3.0, "unit": "steps/s", "baseline": "b"}
    row |= {"baseline_value": 1.5, "ratio": 2.0}
    module = type("module", (), {"rows": staticmethod(lambda: [row])})
    monkeypatch.setattr("toylab.cli.find.benchmarks", lambda name: {"a": module})
    assert main(["bench", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == [row]
    assert main(["bench", "a"]) == 0
    assert "3 steps/s" in capsys.readouterr().out
    del row["ratio"]
    assert "'ratio'" in fails(capsys, 1, "bench")


def test_signals_ask_then_insist(monkeypatch):
    """While a run goes on the first signal asks; a second, or one outside of it, insists."""
    left = []
    monkeypatch.setattr("toylab.cli.stop.leave", lambda signum, again: left.append((signum, again)))
    before = signal.getsignal(signal.SIGTERM)
    for signum, status in ((signal.SIGINT, 130), (signal.SIGTERM, 143)):
        with Stop().installed() as stop:
            stop.tracker = Tracker()
            stop.tracker.stage("train")
            stop.tracker.run = Path("over here")
            assert not stop()
            os.kill(os.getpid(), signum)
            wait_until(stop)
            wait_until(lambda stop=stop: stop.tracker.stopping)
            assert stop.status == status and not left
            os.kill(os.getpid(), signum)
            wait_until(lambda: left)
        assert left == [(signum, "toylab resume 'over here'")]
        left.clear()
        with Stop().installed() as stop:
            stop.tracker = Tracker()
            os.kill(os.getpid(), signum)
            wait_until(lambda: left)
        assert left == [(signum, "")]
        left.clear()
    assert signal.getsignal(signal.SIGTERM) is before


def wait_until(holds, seconds: float = 20.0) -> None:
    """Wait for what another thread does."""
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.01)


def test_ctrl_c_outside_training_names_the_run(tmp_path, capsys):
    path, out = tmp_path / "stopped.py", tmp_path / "run"
    stop = "    import os, signal; os.kill(os.getpid(), signal.SIGINT)\n"
    path.write_text(STUDY.replace("    weights =", f"{stop}    weights ="))
    assert main(["run", str(path), "--preset", "smoke", "--out", str(out), "--json"]) == 130
    assert f"toylab resume {out}" in capsys.readouterr().err
    assert "one" in RunFolder(out).manifest["finished"]


def test_ctrl_c_then_resume_is_bit_equal(study, tmp_path, capsys):
    """A run stopped by SIGINT and resumed ends as the uninterrupted one, bit for bit."""
    settings = ["--seeds", "1", "--set", "steps=30000"]
    words = [sys.executable, "-m", "toylab", "run", str(study), "--out", str(tmp_path / "a")]
    with subprocess.Popen([*words, *settings], stderr=subprocess.PIPE, text=True) as process:
        for line in process.stderr:
            if line.startswith("one: step"):
                break
        process.send_signal(signal.SIGINT)
        err = process.stderr.read()
    assert process.returncode == 130, err
    assert f"toylab resume {tmp_path / 'a'}" in err and "Traceback" not in err
    assert "stopping once the state is saved" in err
    stopped = RunFolder(tmp_path / "a")
    assert stopped.steps("one") == [] and "finished" not in stopped.manifest
    assert main(["resume", str(tmp_path / "a"), "--json"]) == 0
    assert main(["run", str(study), "--out", str(tmp_path / "b"), "--json", *settings]) == 0
    resumed, whole = (RunFolder(tmp_path / name).params("one", 30000) for name in "ab")
    for name, array in whole.items():
        np.testing.assert_array_equal(resumed[name], array)


def test_live_table(capsys):
    """The terminal's table shows every population, with its dead."""
    from rich.console import Console

    console = Console(width=100, force_terminal=True, record=True)
    live = progress.Live(console)
    live.rows = {"one": Row(members=2, steps=100, weight=1.0)}
    live.current = "one"
    live.stage("train")
    live.progress(Progress(10, 100, 2, np.array([0.5, np.nan]), seconds=60.0, done=20))
    live.close()
    console.print(live.table())
    assert re.search(r"one\s+2\s+10/100.*0\.5\s+1", console.export_text())
