"""The house: rooms with few doors, files with one idea, data that flows one way."""

import ast
import itertools
import json
import subprocess
import sys
from pathlib import Path

import networkx as nx
import numpy as np
import pytest

ROOT = Path(__file__).parents[1]
ROOMS = ("toylab", "tasks", "studies", "figures")
FILES = [path for room in ROOMS for path in sorted((ROOT / room).rglob("*.py"))]


def dotted(path: Path) -> str:
    """The module that a file is imported as."""
    parts = path.relative_to(ROOT).with_suffix("").parts
    parts = parts if parts[0] == "toylab" else ("toylab", *parts)
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {dotted(path): path for path in FILES}


def imports(path: Path, top_only: bool = False) -> set[str]:
    """Modules of the house that a file imports; with ``top_only`` when it is itself imported."""
    tree = ast.parse(path.read_text())
    body = tree.body if top_only else ast.walk(tree)
    package = dotted(path).split(".")
    package = package if path.name == "__init__.py" else package[:-1]
    found = set()
    for node in body:
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            base = ".".join([*base, *([node.module] if node.module else [])])
            found |= {f"{base}.{alias.name}" for alias in node.names} | {base}
    return {name for name in found if name in MODULES}


def family(module: str) -> tuple[str, str] | None:
    """Room and family of a module outside the library."""
    parts = module.split(".")
    rooms = len(parts) > 2 and parts[1] in ROOMS[1:]
    return (parts[1], parts[2]) if rooms else None


def test_files_are_short():
    long = {
        str(p.relative_to(ROOT)): n for p in FILES if (n := len(p.read_text().splitlines())) > 350
    }
    assert not long


@pytest.mark.parametrize(("room", "most"), [("studies", 25), ("toylab", 25), ("figures", 40)])
def test_functions_are_short(room: str, most: int):
    lengths = [
        node.end_lineno - node.lineno + 1
        for path in FILES
        if path.is_relative_to(ROOT / room)
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.FunctionDef)
    ]
    assert np.quantile(lengths, 0.9) <= most


def test_rooms_hold_few_files():
    assert len(list((ROOT / "toylab").glob("*.py"))) <= 16
    folders = {path.parent for path in FILES} - {ROOT / "toylab"}
    full = {
        str(folder.relative_to(ROOT)): count
        for folder in folders
        if (count := len([p for p in folder.glob("*.py") if p.name != "__init__.py"])) > 12
    }
    assert not full


def test_data_flows_one_way():
    wrong = []
    for module, path in MODULES.items():
        own = family(module)
        for other in imports(path):
            theirs = family(other)
            if theirs is None:
                continue
            if own is None:  # the library imports no task, study or figure
                wrong.append((module, other))
            elif own == ("studies", "tools") and theirs[0] == "tasks":  # judged on any world
                continue
            elif theirs[1] != own[1]:  # a family imports itself alone
                wrong.append((module, other))
            elif ROOMS.index(theirs[0]) > ROOMS.index(own[0]):  # tasks know no study
                wrong.append((module, other))
            elif own[0] == "figures" and theirs[0] == "studies":
                wrong.append((module, other))
    assert not wrong


def test_there_is_no_import_cycle():
    graph = nx.DiGraph()
    for module, path in MODULES.items():
        graph.add_edges_from((module, other) for other in imports(path, True) if other != module)
    # A package and what it re-exports know each other by design.
    own = [(a, b) for a, b in graph.edges if a.startswith(f"{b}.") or b.startswith(f"{a}.")]
    graph.remove_edges_from(own)
    cycles = list(itertools.islice(nx.simple_cycles(graph), 5))
    assert not cycles


def test_a_study_defines_no_task_and_no_model():
    found = []
    for module, path in MODULES.items():
        if not module.startswith("toylab.studies."):
            continue
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ClassDef):
                names = {ast.unparse(base).split(".")[-1] for base in node.bases}
                has = {item.name for item in node.body if isinstance(item, ast.FunctionDef)}
                if names & {"Task", "Transformer", "MLP", "TokenMLP", "Autoencoder", "OneHot"}:
                    found.append(f"{module}.{node.name}")
                if {"init", "apply"} <= has or "transform" in has:
                    found.append(f"{module}.{node.name}")
    assert not found


ALONE = """
import importlib, json, sys, traceback
families, broken = json.loads(sys.stdin.read()), []
for modules in families:
    for name in [name for name in sys.modules if name.split(".")[0] == "toylab"]:
        del sys.modules[name]
    try:
        for name in modules:
            importlib.import_module(name)
    except Exception:
        broken.append(traceback.format_exc()[-2000:])
sys.exit("\\n".join(broken) or 0)
"""


def test_each_family_is_importable_alone():
    families = sorted({f for m in MODULES if (f := family(m))})
    modules = json.dumps([[m for m in MODULES if family(m) == name] for name in families])
    command = [sys.executable, "-c", ALONE]
    done = subprocess.run(command, input=modules, capture_output=True, text=True, cwd=ROOT)
    assert len(families) > 20 and not done.returncode, done.stderr
