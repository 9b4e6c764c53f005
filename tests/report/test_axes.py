"""Logarithmic axes with plain numbers."""

from toylab.report.axes import log_axis
from toylab.report.figures import figure, style


def axes():
    with style():
        return figure().subplots()


def test_a_log_axis_has_the_ticks_that_it_is_given_and_no_others():
    ax = axes()
    ax.set(xlim=(1, 2000), ylim=(0.1, 1))
    log_axis(ax, ticks=(1, 30, 1000))
    log_axis(ax, "y", (0.25, 0.5))
    assert (ax.get_xscale(), ax.get_yscale()) == ("log", "log")
    assert [text.get_text() for text in ax.get_xticklabels()] == ["1", "30", "1,000"]
    assert [text.get_text() for text in ax.get_yticklabels()] == ["0.25", "0.5"]
    assert not len(ax.get_xticks(minor=True))


def test_without_ticks_minor_ones_bear_no_label():
    ax = axes()
    log_axis(ax, base=2)
    ax.set_xlim(1, 8)
    assert {1, 2, 4, 8} <= {*ax.get_xticks()} and 3 not in ax.get_xticks()
    assert not any(text.get_text() for text in ax.get_xticklabels(minor=True))


def test_leads_are_repeated_in_every_decade():
    ax = axes()
    log_axis(ax, leads=(1, 3))
    ax.set_xlim(1, 4000)
    shown = [text.get_text() for text in ax.get_xticklabels()]
    assert {"1", "3", "10", "30", "1,000", "3,000"} <= {*shown} and "2" not in shown
