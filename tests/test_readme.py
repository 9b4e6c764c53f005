"""The README tells what the results say."""

import re
from pathlib import Path

from toylab.report.results import gallery_markdown, markdown_table, read_results, splice
from toylab.study import study_names

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()


def test_reproductions_are_those_of_the_results() -> None:
    table = markdown_table(read_results(ROOT / "studies" / "results"))
    assert splice(README, "reproductions", table) == README, "run: toylab table --write"


def test_gallery_is_that_of_the_folder() -> None:
    gallery = gallery_markdown(ROOT / "figures" / "gallery")
    assert splice(README, "gallery", gallery) == README, "run: toylab table --write"


def test_every_study_has_laptop_results_with_enough_claims() -> None:
    laptop = {
        r["study"]: r for r in read_results(ROOT / "studies" / "results") if r["preset"] == "laptop"
    }
    assert set(laptop) == set(study_names())
    assert sum(len(r["claims"]) for r in laptop.values()) >= 30


def test_commands_are_marked() -> None:
    assert re.findall(r"<!-- command: (\w+) -->\n```bash\n[^\n]+\n```", README) == ["run", "test"]
