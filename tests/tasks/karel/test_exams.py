"""An exam of prompts against programs run one by one."""

import numpy as np
import pytest

from toylab.tasks.karel.exams import Exam
from toylab.tasks.karel.karel import Karel
from toylab.tasks.karel.texts import read

TASK = Karel(3, 2, 4)


@pytest.fixture(scope="module")
def exam():
    return Exam(TASK, 120, 31)


def test_what_is_known_exactly(exam):
    exact, programs = exam.exact, TASK.programs
    assert exact["greedy"].solved.all()
    assert exact["floor"] < exact["one_example"]
    b = 3
    starts, ends = exam.prompts[b, 0:4:2], exam.prompts[b, 1:4:2]
    last = programs.states(TASK.size)[:, -1]
    fits = (last[:, starts] == ends).all(1)
    mean = np.average(programs.lengths[fits], weights=programs.chances[fits])
    assert exact["length"][b] == pytest.approx(mean)
    row = exam.answered(exact["greedy"], 1.0)
    assert row["solved"] == 1
    assert row["longer"] == pytest.approx(row["exact_longer"])
    assert np.isnan(exam.answered(exact["greedy"], np.nan)["solved"])


def test_texts_that_are_no_programs_are_counted_as_wrong(exam):
    written = np.full((120, TASK.longest + 1), TASK.code + 1)  # moves without an end
    own = read(TASK, exam.prompts, written)
    assert not own.solved.any()
    assert exam.answered(own, 1.0)["solved"] == 0
