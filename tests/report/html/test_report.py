"""The report of a run: one file that holds what was judged, asks for nothing and runs nothing."""

import html.parser
import math
import re
from pathlib import Path

import polars as pl
import pytest

from tests.torture.rig import STUDY
from toylab import lab
from toylab.claims import Expect, Verdict
from toylab.cli.main import main
from toylab.errors import ToylabError
from toylab.report.html.drawings import curves, strip, ticks
from toylab.report.html.report import report
from toylab.runs.run_folder import RunFolder
from toylab.study import load_study


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> tuple[RunFolder, str]:
    """A run and its report."""
    root = tmp_path_factory.mktemp("report")
    text = STUDY.replace('"Weights stay."', '"Weights <b>stay</b> & fall."')
    (root / "mine.py").write_text(text)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_STATE_HOME", str(root / "state"))
        source = str(root / "mine.py")
        study = load_study(source)
        run = lab.run_study(study, "smoke", root / "run", source=source)
        return run, report(run, study)


VOID = {"meta", "img", "input", "br", "line", "rect", "circle", "path", "polyline"}


class Reader(html.parser.HTMLParser):
    """Tags that are open at the end, links, and texts."""

    def __init__(self, text: str):
        super().__init__()
        self.open: list[str] = []
        self.loads: list[str] = []
        self.words: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.loads += [v for k, v in attrs if k in ("src", "href") and v]
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        if tag not in VOID:
            assert self.open.pop() == tag

    def handle_data(self, data):
        self.words.append(data)


def test_a_report_is_one_file_that_asks_for_nothing(made):
    _, page = made
    reader = Reader(page)
    assert not reader.open
    assert all(load.startswith("data:image/png;base64,") for load in reader.loads)
    assert len(reader.loads) == 1  # the study draws one figure
    assert "<script" not in page and "http" not in page.split("</style>")[1].split("<h2>What")[0]


def test_what_a_study_says_is_text(made):
    _, page = made
    assert "Weights &lt;b&gt;stay&lt;/b&gt; &amp; fall." in page


def test_it_tells_what_was_judged_and_with_what(made):
    run, page = made
    (verdict,) = run.claims()
    words = " ".join(Reader(page).words)
    assert verdict.verdict in words and verdict.expected in words
    assert f"over {verdict.n} init_seeds" in words or f"over {verdict.n} seeds" in words
    assert run.manifest["run_id"] in words and run.manifest["versions"]["jax"] in words
    assert page.count('class="dot"') == len(verdict.values)
    assert page.count('class="member"') == 6  # three members of two populations


VALUES = (0.55, 0.6, 0.65)
VERDICT = Verdict(
    *("k", "t", "s", 0.5, ">= 0.4", 0.6, 0.5, 0.7, VALUES),
    *(3, 0, 0, 0, "seed", "population", "reproduced"),
)


def test_dots_lie_where_their_values_are():
    drawn = strip(VERDICT, Expect.above(0.4))
    x = [float(v) for v in re.findall(r'class="dot" cx="([\d.]+)"', drawn)]
    assert x[1] - x[0] == pytest.approx(x[2] - x[1], abs=0.2)
    low, high = (
        float(v) for v in re.search(r'interval" x1="([\d.]+)" x2="([\d.]+)"', drawn).groups()
    )
    scale = (x[2] - x[0]) / 0.1
    assert high - low == pytest.approx(0.2 * scale, abs=0.3)
    assert low == pytest.approx(x[0] - 0.05 * scale, abs=0.3)
    paper = float(re.search(r'class="paper" d="M([\d.]+)', drawn)[1])
    assert paper == pytest.approx(low, abs=0.2)


def test_nothing_is_drawn_of_nothing():
    import dataclasses

    empty = dataclasses.replace(VERDICT, values=(), estimate=math.nan, low=math.nan, high=math.nan)
    assert strip(empty, None) == ""
    rows = pl.DataFrame({"member": [0, 0], "step": [1, 2], "value": [math.nan, math.nan]})
    assert curves(rows, ["a"]) == ""


def test_a_curve_goes_down_as_its_numbers_do():
    rows = pl.DataFrame({"member": [0] * 3, "step": [1, 2, 3], "value": [3.0, 2.0, 1.0]})
    points = re.search(r'points="([^"]+)"', curves(rows, ["seed 0"]))[1].split()
    x, y = zip(*((float(v) for v in p.split(",")) for p in points), strict=True)
    assert x[0] < x[1] < x[2] and y[0] < y[1] < y[2]  # SVG counts downwards


@pytest.mark.parametrize(("low", "high"), [(0, 1), (-3.2, 4.7), (1e-9, 3e-9), (1e6, 5e6)])
def test_ticks_are_few_and_inside(low: float, high: float):
    found = ticks(low, high)
    assert 2 <= len(found) <= 7
    assert all(low - 1e-9 * abs(low) <= tick <= high * (1 + 1e-9) for tick in found)


def test_the_command_writes_beside_the_run(made, capsys, tmp_path: Path, monkeypatch):
    run, page = made
    monkeypatch.setenv("XDG_STATE_HOME", str(run.path.parent / "state"))
    assert main(["report", str(run.path)]) == 0
    assert "run.html" in capsys.readouterr().out
    assert run.path.with_name("run.html").read_text() == page
    assert main(["report", str(run.path), "--out", str(tmp_path / "no" / "x.html")]) == 0
    assert (tmp_path / "no" / "x.html").exists()


def test_an_unfinished_run_has_no_report(made, tmp_path: Path):
    run, _ = made
    unfinished = RunFolder.create(tmp_path / "new", {**run.manifest, "finished": {}})
    study = load_study(str(run.path.parent / "mine.py"))
    with pytest.raises(ToylabError, match="has no verdicts yet; 'toylab resume"):
        report(unfinished, study)
