"""Result files, the pages made of them, and splicing a table into a text."""

import io
import json
import math
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from toylab.claims import Claim, Expect, Verdict, to_record
from toylab.errors import ToylabError
from toylab.read import table
from toylab.report import pages
from toylab.report.results import (
    number,
    read_result,
    read_results,
    splice,
    units,
    write_result,
)
from toylab.study import Study

GOOD = dict(study="s", preset="p", device="d", commit="c", wall_s=1.0, first_seed=0, claims=[])


def verdict(key: str, word: str = "reproduced", **more) -> Verdict:
    """A verdict with plain numbers."""
    fields = dict(key=key, text=f"Text {key}.", source="Paper, fig. 2", paper=0.5)
    fields |= dict(expected=">= 0.4", estimate=0.51234, low=0.45, high=0.55)
    fields |= dict(values=(0.5,) * 8, n=8, diverged=0, undefined=0, excluded=0)
    fields |= dict(unit="seed", scope="population", verdict=word)
    return Verdict(**(fields | more))  # type: ignore


def write(folder: Path, study: str, preset: str, *verdicts: Verdict) -> Path:
    """Write a result where the repository keeps it."""
    claims = [to_record(v) for v in verdicts]
    result = GOOD | dict(study=study, preset=preset, claims=claims)
    return write_result(folder / f"{study}.{preset}.json", result)


def test_round_trip_and_contract(tmp_path: Path):
    path = write(tmp_path, "toy", "smoke", verdict("a"), verdict("b", low=math.nan))
    raw = json.loads(path.read_text())
    assert list(raw) == ["study", "preset", "device", "commit", "wall_s", "first_seed", "claims"]
    needed = {"expected", "values", "n", "diverged", "undefined", "excluded", "unit", "scope"}
    assert needed <= set(raw["claims"][0])
    assert raw["claims"][1]["low"] is None
    assert raw["claims"][0]["expected"] == ">= 0.4"
    assert read_result(path) == raw
    first = path.read_bytes()
    write(tmp_path, "toy", "smoke", verdict("a"), verdict("b", low=math.nan))
    assert path.read_bytes() == first


def test_results_come_by_study_then_preset(tmp_path: Path):
    for study, preset in (("b", "smoke"), ("a", "paper"), ("a", "laptop"), ("a", "smoke")):
        write(tmp_path, study, preset)
    found = [(r["study"], r["preset"]) for r in read_results(tmp_path)]
    assert found == [("a", "smoke"), ("a", "laptop"), ("a", "paper"), ("b", "smoke")]
    assert read_results(tmp_path / "none") == []


@pytest.mark.parametrize(
    ("content", "word"),
    [
        (b'{"study": "s", ', "damaged"),
        (b"", "damaged"),
        (b"\xff\xfe\x00", "damaged"),
        (b"[]", "not an object"),
        (b'{"study": "s"}', "no field 'preset'"),
        (json.dumps(GOOD | {"study": None}).encode(), "'study' is of another type"),
        (json.dumps(GOOD | {"wall_s": "1"}).encode(), "'wall_s' is of another type"),
        (json.dumps(GOOD | {"claims": {}}).encode(), "'claims' is of another type"),
        (json.dumps(GOOD | {"claims": [3]}).encode(), "claim 0 is not an object"),
        (json.dumps(GOOD | {"claims": [{"key": "k"}]}).encode(), "claim 0 has no field 'text'"),
    ],
)
def test_a_damaged_file_is_named(tmp_path: Path, content: bytes, word: str):
    write(tmp_path, "a", "smoke")
    (tmp_path / "bad.json").write_bytes(content)
    with pytest.raises(ToylabError, match=word) as caught:
        read_results(tmp_path)
    assert "bad.json" in str(caught.value)


def test_unknown_verdict_and_missing_file_are_refused(tmp_path: Path):
    path = write(tmp_path, "a", "smoke", verdict("a", "proved"))
    with pytest.raises(ToylabError, match="unknown verdict 'proved'"):
        read_result(path)
    with pytest.raises(ToylabError, match=r"none\.json"):
        read_result(tmp_path / "none.json")


STUDY = Study(
    name="toy",
    title="Toys fall",
    paper="Newton 1687, Principia",
    presets={},
    costs={},
    populations=lambda config: {},
    measure=lambda config, run: {},
    claims=[
        Claim(
            "a", "Text a.", "P", table("t").value("x"), Expect.above(0.4), "ours: a", headline=True
        )
    ],
)


def test_a_page_tells_claims_units_and_what_failed(tmp_path: Path):
    odd = verdict(
        "c", "inconclusive", text="A | B\nC.", paper=None, estimate=math.nan, low=math.nan,
        high=math.nan, n=0, values=(), diverged=8, unit="data order",
    )  # fmt: skip
    few = verdict("d", "reproduced, few seeds", values=(0.3, 0.5), n=2, excluded=3)
    gone = verdict("b", "not testable", why="it has not learned", scope="network")
    write(tmp_path, "toy", "laptop", verdict("a"), few, odd, gone)
    results = read_results(tmp_path)
    page = pages.page(STUDY, results)
    assert "| reproduced | Text a. *P* | >= 0.4 *ours: a* | 0.512 [0.45, 0.55] | 0.5 |" in page
    assert "| 8 of 8 | 8 |" in page and "Text d. *Paper, fig. 2* | >= 0.4 |" in page
    assert "A \\| B C." in page and "| 0 data order (8 diverged) |" in page
    assert "not testable (it has not learned)" in page
    failed = page.split("## What did not reproduce")[1]
    assert "A | B" in failed and "Text a." not in failed
    assert pages.score(results[0]) == (2, 2)
    assert pages.score(results[0], "network") == (0, 0)


def test_units_in_words():
    assert units(verdict("a")) == "8"
    assert units(verdict("a", unit="game", diverged=1, excluded=2)) == (
        "8 game (1 diverged, 2 excluded)"
    )


def test_a_thumbnail_is_small(tmp_path: Path):
    noise = np.random.default_rng(0).integers(0, 255, (600, 2000, 3)).astype(np.uint8)
    Image.fromarray(noise).save(tmp_path / "big.png")
    small = pages.thumbnail(tmp_path / "big.png", width=300)
    assert Image.open(io.BytesIO(small)).size == (300, 90)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "–"), (math.inf, "–"), ("about 2", "about 2"), (0.123456, "0.123"), (3.0, "3"),
        (12345.6, "12346"), (1e-6, "1e-06"), (2.5e7, "2.5e+07"), (-0.5, "-0.5"), (0.0, "0"),
    ],
)  # fmt: skip
def test_numbers_are_short(value, text: str):
    assert number(value) == text


README = "# T\n<!-- toylab:table -->\nold\n<!-- /toylab:table -->\nrest\n"


def test_splice_replaces_only_between_the_markers():
    new = splice(README, "table", "| a |\n")
    assert new == "# T\n<!-- toylab:table -->\n| a |\n<!-- /toylab:table -->\nrest\n"
    assert splice(new, "table", "| a |\n") == new


@pytest.mark.parametrize(
    ("text", "name", "word"),
    [
        (README, "tabel", "did you mean 'table'"),
        (README + README, "table", "2 times"),
        ("<!-- toylab:table -->", "table", "0 times"),
        ("<!-- /toylab:t --> <!-- toylab:t -->", "t", "swap"),
    ],
)
def test_splice_names_what_is_wrong_with_the_markers(text: str, name: str, word: str):
    with pytest.raises(ToylabError, match=word):
        splice(text, name, "x")


@pytest.mark.parametrize(
    ("paper", "short"),
    [
        ("Elhage et al. 2022, Toy Models of Superposition", "Elhage et al. 2022"),
        ("Gromov 2023, Grokking modular arithmetic", "Gromov 2023"),
        ("Lee, Baek and Tegmark 2025 (arXiv:1)", "Lee et al. 2025"),
        ("a note", "a note"),
    ],
)
def test_papers_are_named_shortly(paper: str, short: str):
    assert pages.short_source(paper) == short
