"""Result files, the table made of them, and splicing it into a text."""

import json
import math
from pathlib import Path

import pytest

from toylab.claims import Verdict
from toylab.errors import ToylabError
from toylab.report.results import (
    gallery_markdown,
    markdown_table,
    number,
    read_result,
    read_results,
    splice,
    write_result,
)


def verdict(key: str, word: str = "reproduced", **more) -> Verdict:
    """A verdict with plain numbers."""
    fields = dict(key=key, text=f"Text {key}.", source="Paper, fig. 2", paper=0.5)
    fields |= dict(expected=">= 0.4", estimate=0.51234, low=0.45, high=0.55)
    fields |= dict(n=8, dead=0, unit="seed", verdict=word)
    return Verdict(**(fields | more))  # type: ignore


def write(folder: Path, study: str, preset: str, *verdicts: Verdict) -> Path:
    """Write a result where the repository keeps it."""
    path = folder / f"{study}.{preset}.json"
    return write_result(path, study, preset, "2 CPU cores", "abc1234", 12.34, verdicts)


def test_round_trip_and_contract(tmp_path: Path):
    path = write(tmp_path, "toy", "smoke", verdict("a"), verdict("b", low=math.nan))
    raw = json.loads(path.read_text())
    assert list(raw) == ["study", "preset", "device", "commit", "wall_s", "claims"]
    needed = {"key", "text", "source", "paper", "estimate", "low", "high", "n", "dead", "verdict"}
    assert needed <= set(raw["claims"][0])
    assert raw["claims"][1]["low"] is None
    assert raw["claims"][0]["expected"] == ">= 0.4"
    assert read_result(path) == raw
    first = path.read_bytes()
    write(tmp_path, "toy", "smoke", verdict("a"), verdict("b", low=math.nan))
    assert path.read_bytes() == first


def test_what_another_run_trained_is_told(tmp_path: Path):
    path = tmp_path / "toy.laptop.json"
    write_result(path, "toy", "laptop", "d", "c", 1.0, [verdict("a")], reused=("small", "main"))
    assert read_result(path)["reused"] == ["main", "small"]
    assert "1 s on d, without training main, small, commit c" in markdown_table(
        read_results(tmp_path)
    )


def test_a_later_judgement_is_told(tmp_path: Path):
    path, told = tmp_path / "toy.laptop.json", "1 s on d, commit c, judged again at e |"
    write_result(path, "toy", "laptop", "d", "c", 1.0, [verdict("a")], judged="c")
    assert "judged" not in read_result(path)
    write_result(path, "toy", "laptop", "d", "c", 1.0, [verdict("a")], judged="e")
    assert read_result(path)["judged"] == "e"
    assert told in markdown_table(read_results(tmp_path))


def test_results_come_by_study_then_preset(tmp_path: Path):
    for study, preset in (("b", "smoke"), ("a", "paper"), ("a", "laptop"), ("a", "smoke")):
        write(tmp_path, study, preset)
    found = [(r["study"], r["preset"]) for r in read_results(tmp_path)]
    assert found == [("a", "smoke"), ("a", "laptop"), ("a", "paper"), ("b", "smoke")]
    assert read_results(tmp_path / "none") == []


GOOD = dict(study="s", preset="p", device="d", commit="c", wall_s=1.0, claims=[])


@pytest.mark.parametrize(
    ("content", "word"),
    [
        (b'{"study": "s", ', "damaged"),
        (b"", "damaged"),
        (b"\xff\xfe\x00", "damaged"),
        (b"[]", "not an object"),
        (b'{"study": "s"}', "no field 'preset'"),
        (json.dumps(GOOD | {"study": None}).encode(), "not both texts"),
        (json.dumps(GOOD | {"wall_s": "1"}).encode(), "'wall_s' is not a number"),
        (json.dumps(GOOD | {"claims": {}}).encode(), "not a list"),
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


def test_table_counts_each_study_and_unfolds_its_claims(tmp_path: Path):
    odd = verdict(
        "c", "inconclusive", text="A | B\nC.", paper=None, estimate=math.nan, low=math.nan,
        high=math.nan, n=0, dead=8, unit="data order",
    )  # fmt: skip
    write(tmp_path, "a", "laptop", verdict("a"), verdict("b", "not reproduced"), odd)
    write(tmp_path, "b", "smoke", verdict("d"))
    lines = markdown_table(read_results(tmp_path)).splitlines()
    heads = ("Study", "Claims", "reproduced", "partly", "not reproduced", "inconclusive", "Run")
    assert lines[0] == f"| {' | '.join(heads)} |"
    run = "12 s on 2 CPU cores, commit abc1234"
    assert lines[2] == f"| a (laptop) | 3 | 1 |  | 1 | 1 | {run} |"
    assert lines[3] == f"| b (smoke) | 1 | 1 |  |  |  | {run} |"
    assert lines[5:8] == ["<details>", "<summary>a (laptop): its claims</summary>", ""]
    assert lines[8] == "| Claim | Paper | Measured [95% interval] | n | Verdict |"
    assert lines[10] == (
        "| Text a. *Paper, fig. 2* | 0.5 | 0.512 [0.45, 0.55] | 8 | **reproduced** |"
    )
    assert lines[11].endswith("| not reproduced |")
    assert lines[12] == (
        "| A \\| B C. *Paper, fig. 2* | – | – | 0 data order (8 dead) | inconclusive |"
    )
    assert lines[13:15] == ["", "</details>"]
    assert lines.count("<details>") == lines.count("</details>") == 2
    assert markdown_table([]).count("\n") == 2


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


def test_gallery_unfolds_the_pictures_of_each_study(tmp_path: Path):
    for name in ("b_two-x.png", "a.png", "b_two-y.png", "note.txt"):
        (tmp_path / name).write_bytes(b"")
    found = gallery_markdown(tmp_path)
    assert found == (
        "<details>\n<summary>a: 1 figure</summary>\n\n![a](figures/gallery/a.png)\n\n</details>\n\n"
        "<details>\n<summary>b_two: 2 figures</summary>\n\n"
        "![b two-x](figures/gallery/b_two-x.png)\n\n![b two-y](figures/gallery/b_two-y.png)\n\n"
        "</details>\n"
    )
    assert gallery_markdown(tmp_path / "none") == ""
