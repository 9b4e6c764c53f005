"""Lessons in two forms, as scripts and as notebooks."""

import json

import pytest

from toylab.errors import ToylabError
from toylab.teach.lessons import hand_out, lesson, lessons
from toylab.teach.notebooks import cells, from_ipynb, ipynb, solved, unsolved

SOURCE = """# ---
# jupytext: {}
# ---
# %% [markdown]
# # Title
#
# Text with $x_1$.
# %%
def f(x):
    # <solution>
    return x + 1
    # </solution>
    # student: return ...


check("f", f)
# %%
# <solution>
y = 2
# </solution>
# student: y = ...
check("y", y)
"""


def test_cells_are_split_and_markdown_loses_its_signs():
    found = cells(SOURCE)
    assert [cell.kind for cell in found] == ["markdown", "code", "code"]
    assert found[0].text == "# Title\n\nText with $x_1$."
    assert found[1].line == 9 and found[1].text.startswith("def f(x):")


def test_the_two_forms_differ_in_the_answers_alone():
    scope = {"check": lambda name, answer: None}
    exec(solved(SOURCE), scope)
    assert scope["f"](1) == 2 and scope["y"] == 2  # type: ignore
    exec(unsolved(SOURCE), scope)
    assert scope["f"](1) is ... and scope["y"] is ...  # type: ignore
    assert "x + 1" not in unsolved(SOURCE) and "student:" not in solved(SOURCE)


def test_a_solution_that_does_not_end_is_refused():
    for broken in ("# <solution>\nx = 1", "# </solution>", "# <solution>\n# <solution>\n"):
        with pytest.raises(ToylabError, match="must each begin with # <solution>"):
            unsolved(broken)


def test_a_notebook_holds_the_cells_and_comes_back():
    text = ipynb(SOURCE, "Title")
    whole = json.loads(text)
    assert (whole["nbformat"], whole["nbformat_minor"]) == (4, 5)
    assert [cell["cell_type"] for cell in whole["cells"]] == ["markdown", "code", "code"]
    assert len({cell["id"] for cell in whole["cells"]}) == 3
    code = [cell.text for cell in cells(from_ipynb(text))]
    assert code == [cell.text for cell in cells(SOURCE) if cell.kind == "code"]
    magic = json.dumps({"cells": [{"cell_type": "code", "source": ["%pip install x\n", "a = 1"]}]})
    assert cells(from_ipynb(magic))[0].text == "pass\na = 1"
    for broken in ("{}", "no", '{"cells": [1]}'):
        with pytest.raises(ToylabError, match="no notebook"):
            from_ipynb(broken)


def test_every_lesson_names_its_exercises_and_hides_its_answers():
    assert lessons()
    for each in lessons().values():
        assert each.exercises and each.title
        student = unsolved(each.text)
        assert student.count("...") >= len(each.exercises)
        assert "<solution>" not in student
        compile(student, each.name, "exec")
        compile(solved(each.text), each.name, "exec")


def test_handing_out_overwrites_nothing(tmp_path):
    first = lesson(1)
    paths = hand_out(first, tmp_path / "new")
    assert [path.suffix for path in paths] == [".py", ".ipynb"]
    with pytest.raises(ToylabError, match="is there already"):
        hand_out(first, tmp_path / "new")
    assert len(hand_out(first, tmp_path / "new", solutions=True)) == 2
    with pytest.raises(ToylabError, match="There is no lesson 99; there are 1"):
        lesson(99)
