"""Submissions run apart: what loops, allocates or writes elsewhere is stopped."""

import csv

import pytest

from toylab.cli.main import main
from toylab.errors import ToylabError
from toylab.teach.grading import grade, problems_of, run_script
from toylab.teach.lessons import Lesson
from toylab.teach.notebooks import ipynb

LESSON = """# %% [markdown]
# # Sums
# %%
from toylab.teach import Checks, Exercise
from toylab.teach.exercises import wrong_number

check = Checks(
    Exercise("four", lambda a: wrong_number(a, 4), ()),
    Exercise("five", lambda a: wrong_number(a, 5), ()),
)
# %%
# <solution>
four = 4
# </solution>
# student: four = ...
check("four", four)
# %%
# <solution>
five = 5
# </solution>
# student: five = ...
check("five", five)
"""
HEAD = LESSON.split("# %%\n# <solution>")[0]


@pytest.fixture
def sums(tmp_path):
    """A lesson of two sums."""
    path = tmp_path / "lesson.py"
    path.write_text(LESSON)
    return Lesson(1, "sums", path)


def test_a_lesson_that_holds_has_no_problems(sums, tmp_path):
    assert problems_of(sums, seconds=120) == []
    sums.source.write_text(LESSON.replace("five = 5", "five = 6").replace("four = ...", "four = 4"))
    assert problems_of(sums, seconds=120) == [
        "'four' passes unanswered",
        "the solution of 'five' is not right",
    ]


def test_submissions_are_graded_one_by_one(sums, tmp_path):
    folder = tmp_path / "in"
    folder.mkdir()
    half = HEAD + "# %%\ncheck('four', 4)\n# %%\ncheck('five', 6)\n"
    outside = tmp_path / "outside"
    (folder / "ada.ipynb").write_text(ipynb(half, "x"))
    (folder / "ben.py").write_text(
        HEAD
        + f"# %%\nopen({str(outside)!r}, 'w')\n"
        + f"# %%\nimport os\nopen('own', 'w').close()\nos.replace('own', {str(outside)!r})\n"
        + "# %%\ncheck('four', 4)"
    )
    (folder / "eve.py").write_text(HEAD + "# %%\nimport subprocess\nsubprocess.run(['true'])\n")
    (folder / "kim.ipynb").write_text("{")
    (folder / "zoe.py").mkdir()
    rows = {row["student"]: row for row in grade(sums, folder, seconds=120)}
    assert [rows["ada"][k] for k in ("points", "of", "four", "five")] == ["1", "2", "1", "0"]
    assert rows["ben"]["points"] == "1"
    assert rows["ben"]["remark"].count("outside of the exercise's folder") == 2
    assert not outside.exists()
    assert "subprocess.Popen is not for exercises" in rows["eve"]["remark"]
    assert "it cannot be read: it is no notebook" in rows["kim"]["remark"]
    assert "it cannot be read" in rows["zoe"]["remark"]
    with open(folder / "grades.csv", newline="") as file:
        assert [row["student"] for row in csv.DictReader(file)] == [
            "ada",
            "ben",
            "eve",
            "kim",
            "zoe",
        ]
    with pytest.raises(ToylabError, match="holds no submissions"):
        grade(sums, tmp_path / "none")


def test_what_loops_or_allocates_is_stopped():
    found = run_script("# %%\nwhile True: pass\n", seconds=15)
    assert found.stopped == "it took longer than 15 s" and not found.right
    many = "# %%\nkept = []\nwhile True: kept.append(bytearray(10**7))\n"
    assert run_script(many, seconds=120, megabytes=1500).stopped == "it took more than 1500 MB"


def test_one_that_dies_leaves_its_last_words():
    dying = "# %%\nimport os\nprint('no  room', flush=True)\nos.abort()\n"
    assert run_script(dying, seconds=120).stopped == "its process ended with status -6: ... no room"


def test_the_command_line(tmp_path, capsys):
    assert main(["course"]) == 0
    assert "A network small enough to understand" in capsys.readouterr().out
    assert main(["course", "get", "1", "--to", str(tmp_path / "a")]) == 0
    assert (tmp_path / "a" / "01_superposition.ipynb").is_file()
    capsys.readouterr()
    for words, told in (
        (["teach"], "Unknown action 'teach'"),
        (["get"], "needs a lesson's number"),
        (["get", "one"], "lesson = 'one' is not a whole number"),
        (["grade", "1"], "needs a folder"),
    ):
        assert main(["course", *words]) == 1
        assert told in capsys.readouterr().err
