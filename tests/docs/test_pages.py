"""The code of every page that is written by hand runs, and prints what the page says."""

import shutil
import subprocess
from pathlib import Path

import matplotlib
import pytest

import toylab as tl
from tests.docs.runner import blocks, run_page
from toylab.train.fast_compile import compiling

DOCS = Path(__file__).parents[2] / "docs"
PAGES = sorted(
    path for folder in (DOCS, DOCS / "how_to", DOCS / "ideas") for path in folder.glob("*.md")
)


@pytest.mark.parametrize("path", PAGES, ids=[str(p.relative_to(DOCS)) for p in PAGES])
def test_the_code_of_a_page_runs(path: Path, tmp_path, monkeypatch):
    matplotlib.use("Agg")
    monkeypatch.chdir(tmp_path)
    with compiling(hastily=True):  # pages compile for longer than they compute
        run_page(path)


def test_what_is_cited_is_this_version():
    assert f"version = {{{tl.__version__}}}" in (DOCS / "cite.md").read_text("utf-8")
    assert f"\nversion: {tl.__version__}\n" in (DOCS.parent / "CITATION.cff").read_text("utf-8")


def test_scripts_that_are_not_run_can_be_read_by_a_shell():
    shell = shutil.which("bash")
    if not shell:
        pytest.skip("there is no bash")
    for path in PAGES:
        for block in blocks(path.read_text("utf-8")):
            if block.kind == "bash":
                done = subprocess.run([shell, "-n"], input=block.text, text=True)
                assert done.returncode == 0, f"{path.name}:{block.line}"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("```python\nprint(1 + 1)\n```\n\n```text\n3\n```\n", "page.md:6: printed\n2"),
        ("```bash\nrm -r /\n```\n", "page.md:2: rm -r / is not run"),
        ("```bash\ntoylab info nothing\n```\n", "page.md:2: toylab info nothing"),
    ],
)
def test_a_page_that_is_wrong_is_found(text: str, told: str, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "page.md").write_text(text)
    with pytest.raises(AssertionError, match=told):
        run_page(tmp_path / "page.md")
