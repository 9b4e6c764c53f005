"""Sheets with lettered panels, and what draws all of a study."""

from toylab.report.figures import figure, style
from toylab.report.panels import drawing, gallery, legend_below, panels


def test_panels_stand_in_a_row_and_are_lettered():
    with style():
        sheet, axes = panels(3, 2.5, sharey=True)
    letters = [ax.texts[0].get_text() for ax in axes]
    assert letters == ["a", "b", "c"] and list(sheet.axes) == list(axes)
    assert tuple(sheet.get_size_inches()) == (7.0, 2.5)


def test_a_legend_for_all_panels_stands_below_them():
    with style():
        sheet, axes = panels(2, 2.5)
        axes[1].plot([0, 1], label="loss")
        legend_below(sheet, axes[1])
        sheet.draw_without_rendering()
    (legend,) = sheet.legends
    assert [text.get_text() for text in legend.get_texts()] == ["loss"]
    assert legend.get_window_extent().y1 < axes[1].get_window_extent().y0


def test_panels_of_several_rows_are_lettered_row_by_row():
    with style():
        _, axes = panels(2, 4, rows=2)
    assert axes.shape == (2, 2)
    assert [ax.texts[0].get_text() for ax in axes.flat] == ["a", "b", "c", "d"]


def test_a_drawing_holds_every_figure_by_its_name():
    def width(measures, config):
        with style():
            return figure(measures["width"], config)

    draw = drawing(width, again=width)
    found = draw({"width": 2}, 3)
    assert list(found) == ["width", "again"]
    assert all(tuple(sheet.get_size_inches()) == (2, 3) for sheet in found.values())


def test_a_gallery_has_pictures_above_two_panels():
    with style():
        sheet, pictures, two = gallery(4, 3)
    assert (len(pictures), len(two), len(sheet.axes)) == (3, 2, 5)
    lettered = [ax.texts[0].get_text() for ax in (pictures[0], *two)]
    assert lettered == ["a", "b", "c"] and not pictures[1].texts
