"""Lettered panels."""

from toylab.report.figures import style
from toylab.report.panels import panels


def test_panels_stand_in_a_row_and_are_lettered():
    with style():
        sheet, axes = panels(3, 2.5, sharey=True)
    letters = [ax.texts[0].get_text() for ax in axes]
    assert letters == ["a", "b", "c"] and list(sheet.axes) == list(axes)
    assert tuple(sheet.get_size_inches()) == (7.0, 2.5)
