"""What is installed: one name, small, and deaf to the folders around it."""

import importlib.util
import os
import re
import shutil
import subprocess
import sys
import sysconfig
import venv
import zipfile
from pathlib import Path

import pytest

import toylab
from toylab.web.server import EXHIBITS

ROOT = Path(__file__).parents[1]
MOVED = ("tasks", "studies", "figures")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory) -> Path:
    """The wheel of this checkout."""
    out = tmp_path_factory.mktemp("wheel")
    words = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(out)]
    subprocess.run(words, cwd=ROOT, check=True, capture_output=True)
    (path,) = out.glob("*.whl")
    return path


def test_the_wheel_holds_toylab_alone(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    assert {name.split("/")[0] for name in names} - {"toylab"} == {"toylab-0.1.0.dist-info"}
    held = {name for name in names if name.startswith("toylab/")}
    wanted = {path.relative_to(ROOT).as_posix() for path in (ROOT / "toylab").rglob("*.py")}
    for room in MOVED:
        files = [*(ROOT / room).rglob("*.py"), *(ROOT / room).rglob("*.json")]
        wanted |= {f"toylab/{path.relative_to(ROOT).as_posix()}" for path in files}
    assert wanted <= held
    assert any(name.startswith("toylab/studies/results/") for name in held)
    assert {"toylab/__init__.pyi", "toylab/cli/template.txt"} <= held
    assert not [name for name in held if name.endswith((".png", ".svg", ".pyc"))]
    networks = sum(path.stat().st_size for path in EXHIBITS.glob("*"))
    assert networks < 2_500_000 and wheel.stat().st_size < 3_000_000 + networks


def test_a_foreign_folder_beside_the_package_is_not_its_own(tmp_path: Path) -> None:
    """Neither beside a copy of the package alone, nor with some other project's settings."""
    shutil.copytree(ROOT / "toylab", tmp_path / "toylab")
    (tmp_path / "studies").mkdir()
    (tmp_path / "studies" / "__init__.py").write_text("")
    code = "import toylab, sys; print(toylab.__file__); import toylab.studies"
    for project in (None, '[project]\nname = "other"\n'):
        if project:
            (tmp_path / "pyproject.toml").write_text(project)
        words = [sys.executable, "-c", code]
        done = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True)
        assert done.stdout.startswith(str(tmp_path))
        assert "No module named 'toylab.studies'" in done.stderr


@pytest.fixture
def installed(wheel: Path, tmp_path: Path) -> Path:
    """Scripts of a fresh environment with the wheel in it, and this one's other packages."""
    venv.create(tmp_path / "venv", symlinks=True)
    scripts = tmp_path / "venv" / ("Scripts" if os.name == "nt" else "bin")
    python = scripts / "python"
    # A path in a .pth brings packages, but not the .pth files among them: no editable install.
    site = subprocess.run(
        [python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout.strip()
    (Path(site) / "others.pth").write_text(sysconfig.get_path("purelib") + "\n")
    pip = [sys.executable, "-m", "pip", "--python", str(python), "install", "-q", "--no-deps"]
    subprocess.run([*pip, "--no-index", "--ignore-installed", str(wheel)], check=True)
    return scripts


@pytest.mark.slow
def test_a_study_runs_from_a_folder_with_names_of_its_own(installed: Path, tmp_path: Path) -> None:
    work = tmp_path / "work"
    for name in ("figures", "tests", "studies", "benchmarks"):
        (work / name).mkdir(parents=True)
        (work / name / "__init__.py").write_text("raise RuntimeError('a foreign folder')")
    (work / "tasks.py").write_text("raise RuntimeError('a foreign file')")
    found = subprocess.run(
        [installed / "python", "-c", "import toylab.studies; print(toylab.studies.__file__)"],
        cwd=work,
        capture_output=True,
        text=True,
        check=True,
    )
    assert found.stdout.startswith(str(tmp_path / "venv"))
    words = ["run", "superposition_polygons", "--preset", "smoke", "--out", "run"]
    for command in (
        [installed / "python", "-m", "toylab", *words],
        [installed / "toylab", "draw", "run"],
    ):
        done = subprocess.run(command, cwd=work, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        assert list((work / "run" / "figures").glob("*.png"))


def test_the_facade_says_what_it_gives() -> None:
    """Docstring, table and the type checkers' file agree, and every name is there."""
    told = re.findall(r"^    (\w+) {2,}\S", toylab.__doc__ or "", re.MULTILINE)
    assert sorted(told) == toylab.__all__
    stub = (ROOT / "toylab" / "__init__.pyi").read_text()
    lines = re.findall(r"from (\S+) import (\w+) as (\w+)", stub)
    homes = {name: home for home, name, same in lines if name == same}
    assert homes == toylab._HOME
    assert set(toylab.__all__) <= set(dir(toylab))
    for name, home in homes.items():
        assert getattr(toylab, name) is getattr(importlib.import_module(home), name)
        assert importlib.util.find_spec(f"toylab.{name}") is None, "it would hide a module"
    with pytest.raises(AttributeError, match="no attribute 'Tsk'"):
        toylab.Tsk  # noqa: B018  # pyright: ignore[reportAttributeAccessIssue]


HEAVY = ("jax", "numpy", "polars", "scipy", "flax", "matplotlib", "rich")


@pytest.mark.parametrize(
    "code", ["import toylab", "from toylab.cli.main import main; main(['--help'])"]
)
def test_nothing_heavy_is_loaded_before_it_is_used(code: str) -> None:
    code += f"; import sys; print([name for name in {HEAVY} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip().endswith("[]")
