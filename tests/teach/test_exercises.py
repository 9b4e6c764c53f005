"""Checks say what is wrong, hint in steps, and accept a right answer in another form."""

import json

import jax.numpy as jnp
import numpy as np
import pytest

from toylab.errors import ToylabError
from toylab.teach import Checks, Exercise, slider
from toylab.teach.exercises import REPORT, wrong_array, wrong_function, wrong_number
from toylab.teach.order import tell_order


def make():
    """A lesson of one exercise."""
    return Checks(Exercise("sum", lambda a: wrong_number(a, 4), ("First.", "Second.")))


def test_hints_come_in_steps(capsys):
    check = make()
    told = []
    for answer in (..., 5, 3, -4, 4):
        check("sum", answer)
        told.append(capsys.readouterr().out.splitlines())
    assert told[0] == ["✗ sum: not answered yet.", "  Hint 1 of 2: First."]
    assert told[1] == ["✗ sum: 5 is too large.", "  Hint 1 of 2: First."]
    assert told[2] == ["✗ sum: 3 is too small.", "  Hint 2 of 2: Second."]
    assert told[3][0] == "✗ sum: -4 has the wrong sign." and told[3][1].startswith("  Hint 2")
    assert told[4] == ["✓ sum"]
    with pytest.raises(ToylabError, match="No exercise 'sums': did you mean 'sum'"):
        check("sums", 4)


@pytest.mark.parametrize("answer", [4, 4.0, np.float32(4), np.array(4), jnp.array(4.0)])
def test_a_right_number_has_many_forms(answer):
    assert make()("sum", answer)


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        ("4", None),
        ([1, 2], "a list came; a number is wanted."),
        (None, "nothing came; a number is wanted."),
        (float("nan"), "nan is not finite."),
        (lambda: 4, "a function came; a number is wanted."),
    ],
)
def test_what_is_no_number_is_named(answer, told):
    assert wrong_number(answer, 4) == told


def test_arrays_are_judged_by_kind_shape_and_worst_entry():
    want = np.arange(6.0).reshape(2, 3)
    assert wrong_array(want.tolist(), want) is None
    assert wrong_array(jnp.asarray(want), want) is None
    assert wrong_array(want.T, want, axes="row, column") == (
        "the shape is (3, 2); (2, 3) (row, column) is wanted."
    )
    off = want.copy()
    off[1, 2] -= 2
    assert wrong_array(off, want) == "entry (1, 2) is 3, which is too small."
    assert wrong_array(want * np.nan, want) == "6 entries are not finite."
    assert "an array of shape (2, 3) is wanted" in str(wrong_array("text", want))


def test_functions_are_tried():
    cases = [(np.arange(3.0),), (np.ones((2, 2)),)]
    right = lambda x: (x**2).sum()
    assert wrong_function(lambda x: np.dot(x.ravel(), x.ravel()), cases, right) is None
    assert wrong_function(lambda x: ..., cases, right) == "it returns nothing yet."
    assert "it raises ZeroDivisionError" in str(wrong_function(lambda x: 1 // 0, cases, right))
    assert wrong_function(3, cases, right) == "a int came; a function is wanted."
    assert wrong_function(lambda x: x.sum(), cases, right) == (
        "on an argument of shape (3,) it is 3, which is too small."
    )


def test_a_judge_that_fails_fails_the_answer(capsys):
    check = Checks(Exercise("odd", lambda a: a.missing, ()))
    assert not check("odd", 3)
    assert "it cannot be judged (AttributeError" in capsys.readouterr().out


def test_checks_are_reported_where_a_report_is_asked_for(tmp_path, monkeypatch):
    monkeypatch.setenv(REPORT, str(tmp_path / "report"))
    check = make()
    check("sum", 5), check("sum", 4)
    lines = [json.loads(line) for line in (tmp_path / "report").read_text().splitlines()]
    assert [line["right"] for line in lines] == [False, True]


def test_without_widgets_a_slider_shows_three_values(capsys):
    slider(lambda value: print("shown", value), range(5), "density")
    assert capsys.readouterr().out.count("shown") == 3
    slider(lambda value: print("shown"), ())
    assert not capsys.readouterr().out


def test_a_cell_that_is_run_too_early_says_what_to_do(capsys):
    class Shell:
        def set_custom_exc(self, kinds, told):
            self.kinds, self.told = kinds, told

        def showtraceback(self, shown, tb_offset=None):
            self.shown = shown

    shell = Shell()
    tell_order(shell)
    assert shell.kinds == (NameError,)
    error = NameError("name 'W' is not defined", name="W")
    shell.told(shell, NameError, error, None, tb_offset=1)
    assert shell.shown[1] is error
    assert "W is made in a cell further up" in capsys.readouterr().out
    tell_order()  # no notebook, nothing to tell
