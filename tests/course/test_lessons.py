"""Solutions are right, and no check passes unanswered: a lesson a day in turn, all if slow.

The tenth, which trains for a minute, is among the slow ones alone.
"""

import datetime

import pytest

from toylab.teach.grading import problems_of
from toylab.teach.lessons import lessons

TODAY = datetime.date.today().toordinal() % 9 + 1


@pytest.mark.parametrize(
    "number",
    [n if n == TODAY else pytest.param(n, marks=pytest.mark.slow) for n in lessons()],
)
def test_a_lesson_holds(number):
    assert problems_of(lessons()[number], seconds=900) == []
