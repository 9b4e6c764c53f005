"""Figures of the study ``language_feedback``: rounds and controls, refinements, peers."""

from typing import Any

import numpy as np
import polars as pl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from toylab.read import Measures, Reading, Rows, table
from toylab.report import figures as fig
from toylab.report.averages import average
from toylab.report.marks import points
from toylab.report.panels import drawing, panels
from toylab.report.series import curve

COURSES = {
    "own": ("own outputs, unrefined", fig.INK, "--", "s"),
    "another's": ("another list's feedback", fig.PURPLE, ":", "v"),
    "guessed": ("guessed names", fig.ORANGE, "-.", "^"),
    "ilf": ("language feedback", fig.BLUE, "-", "o"),
    "corrected": ("corrected without fault", fig.GREEN, "--", "d"),
}
PEERS = {
    "own": ("own outputs", fig.INK, "s"),
    "once": ("feedback, one round", fig.SKY, "o"),
    "ilf": ("feedback, four rounds", fig.BLUE, "o"),
    "guessed": ("guessed names", fig.ORANGE, "^"),
    "another's": ("another's feedback", fig.PURPLE, "v"),
    "corrected": ("corrected", fig.GREEN, "d"),
    "rejection": ("rejection sampling", fig.VERMILLION, "P"),
    "grpo": ("GRPO", fig.MUTED, "X"),
}
FOULED = pl.col("unwanted") / (pl.col("unwanted") + pl.col("wanted"))
CAPTIONS = {
    "rounds": "Scores of lists that policies write after each round of feedback on their own "
    "lists: (a) unwanted words, (b) wanted words, (c) the share of all words that are unwanted, "
    "which rises or falls alone by which words are written, not by how many. Own outputs, "
    "unrefined, are the control. Lines are medians over seeds, bands their 95% intervals.",
    "refining": "(a) Share of criticised lists whose refinement has none of the words left that "
    "true feedback names, in the first round: refined by guessed names, by another list's "
    "feedback, by true feedback, and the judge's choice among five; crosses are the paper's. "
    "(b) After four rounds, by the number of lists with feedback: unwanted words, and how far the "
    "law of wanted words has strayed (KL per place). (c) "
    "By how often the refiner is right on requests that leave a word: the part of the share of "
    "unwanted words that four rounds take away, and of the wanted words that they leave. Ticks and "
    "small marks are seeds; large ones means, with 95% intervals in (a) and (b).",
    "peers": "Wanted and unwanted words per list after as much training; small marks are seeds, "
    "large ones means; the cross is the policy before any feedback. Rejection sampling and GRPO "
    "get as many bits as feedback, as verdicts on whole lists. Hollow: the best of four lists by a "
    "reward model, before (cross) and after feedback.",
}


def _lists(arm: str) -> Rows:
    return table("lists").filter(arm=arm)


def _end(arm: str, column: str) -> Reading:
    return _lists(arm).last("round").value(column)


def rounds(measures: Measures, config: Any) -> Figure:
    """Scores over rounds of feedback, with controls."""
    sheet, axes = panels(3, 3.1)
    for ax, value in zip(axes, ("unwanted", "wanted", FOULED), strict=True):
        for arm, (label, colour, dash, marker) in COURSES.items():
            look = {"linestyle": dash, "marker": marker, "ms": 3.5}
            curve(ax, _lists(arm).rows(measures), value, "round", label=label, color=colour, **look)
        ax.set(xlabel="rounds of feedback", ylim=(0, None), xticks=range(config.rounds + 1))
    axes[0].set_ylabel("unwanted words per list")
    axes[1].set_ylabel("wanted words per list")
    axes[2].set_ylabel("share of words unwanted")
    sheet.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=3)
    words = "{:.2g} unwanted words a list after {} rounds of feedback, {:.2g} after own outputs"
    ends = [average(_end(arm, "unwanted"), measures) for arm in ("ilf", "own")]
    fig.title(sheet, words.format(ends[0], config.rounds, ends[1]))
    return sheet


def refining(measures: Measures, config: Any) -> Figure:
    """What is heeded, what data and what refiners do."""
    sheet, (left, middle, right) = panels(3, 3.1, width_ratios=[1.15, 0.9, 1])
    _heeded(left, measures)
    sizes = {"few": config.sizes[0], "more": config.sizes[1], "ilf": config.lists}
    for i, arm in enumerate(sizes):
        for column, name, colour, marker in (
            ("unwanted", "unwanted words", fig.BLUE, "o"),
            ("drift", "nats strayed", fig.VERMILLION, "s"),
        ):
            look = {"label": None if i else name, "marker": marker}
            points(middle, i, _end(arm, column)(measures).array(), colour, **look)
    middle.set_xticks(range(3), [f"{size:,}" for size in sizes.values()])
    middle.set(xlabel="lists with feedback", ylim=(0, None), xlim=(-0.6, 2.6))
    middle.legend(loc="center right", bbox_to_anchor=(1.02, 0.62), handletextpad=0.2)
    _refiners(right, measures)
    fig.title(left, "What refinements heed")
    fig.title(middle, "Few lists stray far")
    fig.title(right, "Poor refiners delete")
    return sheet


def _heeded(ax: Axes, measures: Measures) -> None:
    """Shares of refinements that heed feedback, beside the paper's."""
    cells = (
        ("guessed\nnames", "guessed", "first", fig.ORANGE, 0.308),
        ("another's", "another's", "first", fig.PURPLE, None),
        ("true", "true", "first", fig.SKY, 0.496),
        ("best\nof five", "true", "chosen", fig.BLUE, 0.574),
    )
    for i, (_, kind, column, colour, paper) in enumerate(cells):
        points(ax, i, table("data").filter(kind=kind).value(column)(measures).array(), colour)
        if paper:
            ax.plot([i + 0.25], [paper], "x", color=fig.MUTED, ms=5)
    ax.set_xticks(range(len(cells)), [name for name, *_ in cells])
    ax.set(ylabel="lists that heed feedback", ylim=(0, 1), xlim=(-0.5, 3.6))


def _refiners(ax: Axes, measures: Measures) -> None:
    """What four rounds take away and leave, against the refiner's accuracy."""
    for skill, arm in enumerate(("ilf", "ilf 1", "ilf 2")):
        first, last = _lists(arm).first("round"), _lists(arm).last("round")
        exact = table("refiners").filter(skill=skill).value("exact")(measures).array()
        gone = 1 - last.value(FOULED) / first.value(FOULED)
        kept = last.value("wanted") / first.value("wanted")
        for reading, name, colour, marker in (
            (gone, "unwanted share gone", fig.BLUE, "o"),
            (kept, "wanted words kept", fig.GREEN, "s"),
        ):
            label = None if skill else name
            _cloud(ax, exact, reading(measures).array(), colour, marker, True, label)
    ax.set(xlabel="requests answered rightly", ylim=(0, 1.3), xlim=(-0.03, None))
    ax.legend(loc="upper right")


def peers(measures: Measures, config: Any) -> Figure:
    """Unwanted against wanted words."""
    sheet = fig.figure(0.85 * fig.PAGE, 3.3)
    ax = sheet.subplots()
    several = [(_lists(arm).last("round"), *look, True) for arm, look in PEERS.items()]
    first, best = _lists("ilf").first("round"), table("best")
    several += [
        (first, "before feedback", fig.INK, "x", True),
        (best.filter(policy="first"), "best of four, before feedback", fig.INK, "D", False),
        (best.filter(policy="ilf"), "best of four, after feedback", fig.BLUE, "o", False),
    ]
    for rows, label, colour, marker, filled in several:
        x, y = (rows.value(column)(measures).array() for column in ("wanted", "unwanted"))
        _cloud(ax, x, y, colour, marker, filled, label)
    ax.set(xlabel="wanted words per list", ylabel="unwanted words per list")
    ax.set(xlim=(0, None), ylim=(-0.03, None))
    sheet.legend(*ax.get_legend_handles_labels(), loc="outside right center")
    fig.title(
        sheet, "Feedback takes unwanted words away and leaves the wanted ones; so do verdicts"
    )
    return sheet


def _cloud(
    ax: Axes, x: Any, y: Any, colour: str, marker: str, filled: bool, label: str | None = None
) -> None:
    """Seeds as dots and their mean as a mark."""
    if np.isfinite(x * y).any():
        ax.plot(x, y, ".", ms=2.5, color=colour, alpha=0.5)
        face = colour if filled else "white"
        look = {"ms": 6.5, "color": colour, "mfc": face, "label": label, "zorder": 3}
        ax.plot(np.nanmean(x), np.nanmean(y), marker, **look)


draw = drawing(rounds, refining, peers)
