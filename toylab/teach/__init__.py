"""Teaching: lessons as plain-text notebooks, exercises that check themselves, grading offline."""

from toylab.teach.exercises import Checks, Exercise
from toylab.teach.sliders import slider

__all__ = ["Checks", "Exercise", "slider"]
