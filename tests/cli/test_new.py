"""``toylab new``: the file it writes is short, keeps the rules and runs; bad names are refused."""

import ast
import io
import json
import subprocess
import sys
import tokenize
from pathlib import Path

import pytest

from toylab.cli.main import main
from toylab.runs.run_folder import RunFolder

ROOT = Path(__file__).parents[2]
FUTURE = "from __future__ import annotations\n\n"
LAYOUT = (
    tokenize.NL,
    tokenize.NEWLINE,
    tokenize.COMMENT,
    tokenize.INDENT,
    tokenize.DEDENT,
    tokenize.ENDMARKER,
)


@pytest.fixture
def file(tmp_path: Path, monkeypatch, capsys) -> Path:
    monkeypatch.chdir(tmp_path)
    assert main(["new", "my_parity"]) == 0
    assert "toylab run my_parity.py" in capsys.readouterr().out
    return tmp_path / "my_parity.py"


def lines_of_code(text: str) -> int:
    """Lines that are neither blank, nor comment, nor docstring."""
    documented = {
        line
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef)
        and ast.get_docstring(node) is not None
        for line in range(node.body[0].lineno, (node.body[0].end_lineno or 0) + 1)
    }
    tokens = tokenize.generate_tokens(io.StringIO(text).readline)
    return len({t.start[0] for t in tokens if t.type not in LAYOUT} - documented)


def test_it_is_short_and_says_where_to_change_it(file: Path) -> None:
    text = file.read_text()
    assert lines_of_code(text) <= 60
    assert text.count("# CHANGE") == 4 and "NAME" not in text
    words = [sys.executable, "-m", "ruff", "check", "--config", str(ROOT / "pyproject.toml")]
    done = subprocess.run([*words, str(file)], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout


def test_it_runs_as_it_stands(file: Path, capsys) -> None:
    """Also with settings, with its annotations as text, and as a member of a family's folder."""
    assert main(["check", str(file)]) == 0
    assert main(["run", str(file), "--preset", "smoke", "--out", "one", "--set", "k=2"]) == 0
    run = RunFolder("one")
    assert run.manifest["config"]["k"] == 2
    assert [v.key for v in run.claims()] == ["learned", "weights"]
    assert [path.name for path in run.figures()] == ["losses.png"]
    assert run.measures()["ends"]["population"].to_list() == ["hidden"] * 2 + ["linear"] * 2
    folder = file.parent / "family" / "my_parity"
    folder.mkdir(parents=True)
    for package in (folder, folder.parent):
        (package / "__init__.py").write_text("")
    text = file.read_text().replace("import dataclasses\n", FUTURE + "import dataclasses\n", 1)
    (folder / "study.py").write_text(text)
    capsys.readouterr()
    words = ["--preset", "smoke", "--out", "two", "--json", "--set", "steps=5"]
    assert main(["run", str(folder / "study.py"), *words]) == 0
    assert json.loads(capsys.readouterr().out)["study"] == "my_parity"


@pytest.mark.slow
def test_its_claims_hold(file: Path) -> None:
    assert main(["run", str(file), "--out", "laptop"]) == 0
    assert [v.verdict for v in RunFolder("laptop").claims()] == ["reproduced", "reproduced"]


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("my-parity", "'my-parity' cannot name a study"),
        ("3bits", "cannot name a study"),
        ("lambda", "cannot name a study"),
        ("../parity", "cannot name a study"),
        ("", "cannot name a study"),
        ("superposition", "A study of the laboratory is called 'superposition'"),
        ("json", "A module of Python is called 'json'"),
        ("jax", "A module of Python is called 'jax'"),
        ("taken", "taken.py exists already"),
    ],
)
def test_bad_names(name: str, said: str, tmp_path: Path, monkeypatch, capsys) -> None:
    monkeypatch.chdir(tmp_path)
    Path("taken.py").write_text("mine")
    assert main(["new", name]) == 1
    err = capsys.readouterr().err
    assert said in err and len(err.strip().splitlines()) == 1
    assert [path.name for path in tmp_path.iterdir()] == ["taken.py"]
    assert Path("taken.py").read_text() == "mine"


def test_a_file_called_as_a_study_is_offered(file: Path, capsys) -> None:
    assert main(["run", "my_parity"]) == 1
    assert "did you mean the file my_parity.py?" in capsys.readouterr().err
