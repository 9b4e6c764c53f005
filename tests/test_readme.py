"""The README and the pages tell what the results say."""

import re
from collections import Counter
from pathlib import Path

import pytest

from toylab.claims import VERDICTS
from toylab.report import pages
from toylab.report.replication import markdown
from toylab.report.results import read_results, splice
from toylab.study import load_study, study_names

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()
RESULTS = read_results(ROOT / "studies" / "results")


def test_the_table_is_that_of_the_results() -> None:
    table = pages.readme_table(RESULTS)
    assert splice(README, "studies", table) == README, "run: toylab table --write"


def test_the_replications_are_those_of_the_results() -> None:
    manual = (ROOT / "docs" / "verdicts.md").read_text()
    table = markdown(RESULTS, read_results(ROOT / "studies" / "results" / "replications"))
    assert splice(manual, "replications", table) == manual, "run: toylab table --write"


def test_a_family_is_the_sum_of_its_studies() -> None:
    tested = ("reproduced", "reproduced, few seeds", "not reproduced")
    kept = {name: Counter() for name in study_names()}
    for result in RESULTS:  # one preset a study so far
        for claim in result["claims"]:
            if claim["scope"] == "population":
                kept[result["study"]][claim["verdict"]] += 1
    rows = [line for line in README.splitlines() if "](docs/studies/" in line and line[0] == "|"]
    assert len(rows) == len(pages.families())
    for row, names in zip(rows, pages.families().values(), strict=True):
        assert re.findall(r"\[(\w+)\]", row) == names
        whole = sum((kept[name] for name in names), Counter())
        reproduced = sum(whole[v] for v in tested[:2])
        shown = re.search(r"\| (\d+) / (\d+)", row)
        found = tuple(map(int, shown.groups())) if shown else (0, 0)
        assert found == (reproduced, sum(whole[v] for v in tested)), row


def test_the_pages_are_those_of_the_results_and_docstrings() -> None:
    made = pages.all_pages(RESULTS)
    folder = ROOT / "docs" / "studies"
    assert {path.name for path in folder.glob("*.md")} == set(made)
    wrong = [name for name, page in made.items() if (folder / name).read_text() != page]
    assert not wrong, "run: toylab table --write"


def test_bars_are_counted() -> None:
    claims = [claim for name in study_names() for claim in load_study(name).claims]
    kinds = Counter(claim.bar.partition(": ")[0] for claim in claims)
    said = [int(number) for number in re.findall(r"\d+", pages.bars())]
    assert said == [len(claims), *(kinds[k] for k in ("paper", "theory", "control", "ours"))]
    assert sum(said[1:]) == said[0]


def test_the_readme_is_one_page() -> None:
    assert len(README.splitlines()) <= 150
    assert len(README.encode()) <= 12_288


def test_commands_are_marked() -> None:
    assert re.findall(r"<!-- command: (\w+) -->\n```bash\n[^\n]+\n```", README) == ["run", "test"]


def test_links_lead_somewhere() -> None:
    texts = {ROOT / "README.md": README}
    texts |= {path: path.read_text() for path in (ROOT / "docs").rglob("*.md")}
    for path, text in texts.items():
        for link in re.findall(r"\]\(([^)#]+)\)", text):
            # Pages below docs/made/ are there once the site is built; tests/docs holds these links.
            if "://" not in link and "made/" not in link and "made" not in path.parts:
                assert (path.parent / link).exists(), f"{path.name}: {link}"


@pytest.mark.parametrize("name", study_names())
def test_every_study_is_judged_and_has_a_thumbnail_and_captions(name: str) -> None:
    assert (ROOT / pages.GALLERY / f"{name}.png").is_file()
    assert pages.captions(load_study(name))
    assert any(result["study"] == name for result in RESULTS)
    assert sum(claim.headline for claim in load_study(name).claims) == 1


def test_numbers_of_the_results_add_up() -> None:
    for result in RESULTS:
        for claim in result["claims"]:
            assert claim["verdict"] in VERDICTS
            assert not claim["values"] or len(claim["values"]) == claim["n"]


def test_readme_code_runs(tmp_path: Path) -> None:
    blocks = re.findall(r"```python\n(.*?)```", README, re.S)
    assert len(blocks) == 2
    code = "\n".join(blocks).replace("steps=2000", "steps=3")
    exec(compile(code, "README.md", "exec"), {})
