"""The shipped pages are those of the sources, seen without Node."""

import hashlib
import json
from pathlib import Path

import pytest

from toylab.web.server import SITE

WEB = Path(__file__).parents[2] / "web"
SOURCES = (
    "index.html",
    "package-lock.json",
    "package.json",
    "src",
    "tsconfig.json",
    "vite.config.ts",
)
HINT = "run 'npm ci && npm run build' in web/ and commit toylab/web/site/"


def files(path: Path) -> list[Path]:
    """The files at or below a path."""
    return [p for p in path.rglob("*") if p.is_file()] if path.is_dir() else [path]


def test_the_built_files_are_of_these_sources():
    if not WEB.is_dir():
        pytest.skip("web/ is not here: the package is installed")
    found = [p for name in SOURCES for p in files(WEB / name)]
    total = hashlib.sha256()
    for path in sorted(found, key=lambda p: p.relative_to(WEB).as_posix()):
        total.update(path.relative_to(WEB).as_posix().encode() + b"\0")
        total.update(path.read_bytes() + b"\0")
    assert json.loads((SITE / "built.json").read_text())["sources"] == total.hexdigest(), HINT


def test_nobody_changed_the_built_files_by_hand():
    built = json.loads((SITE / "built.json").read_text())["files"]
    there = {
        path.name: hashlib.sha256(path.read_bytes()).hexdigest()
        for path in SITE.iterdir()
        if path.name != "built.json"
    }
    assert built == there, HINT


def test_they_ask_no_other_host_and_are_small():
    total = 0
    for path in SITE.iterdir():
        total += path.stat().st_size
        text = path.read_text("utf-8")
        assert "sourceMappingURL" not in text
        for part in ('src="http', 'href="http', "import(`http", 'import("http', "importScripts("):
            assert part not in text, path.name
    assert total < 1_000_000


def test_the_lockfile_names_no_registry():
    text = (WEB / "package-lock.json").read_text() if WEB.is_dir() else "{}"
    assert '"resolved"' not in text
    pins = json.loads((WEB / "package.json").read_text()) if WEB.is_dir() else {}
    for group in ("dependencies", "devDependencies"):
        assert all(pin[0].isdigit() for pin in pins.get(group, {}).values())
