"""Figures of the study ``dual_process``: four scores over time, frequency, spread and moments."""

from typing import Any

import numpy as np
from matplotlib.figure import Figure

from toylab.read import Measures, table
from toylab.report import figures as fig
from toylab.report.averages import average
from toylab.report.marks import bars
from toylab.report.panels import drawing, panels
from toylab.report.series import series

RULES = {
    "full": ("all tokens", fig.BLUE, "-"),
    "fresh": ("all, fresh embeddings", fig.GREEN, "--"),
    "unbiased": ("all, no bias", fig.ORANGE, ":"),
    "choice": ("the two words", fig.VERMILLION, "-."),
}
COURSES = {
    "vanilla": "No forgetting",
    "active": "Active",
    "temporary matched": "Temporary",
    "temporary": "Temporary, wide",
}
FORGETTING = {
    "vanilla": ("no forgetting", fig.BLUE, "-"),
    "active": ("active", fig.GREEN, "--"),
    "temporary": ("temporary, wide", fig.ORANGE, "-."),
    "temporary matched": ("temporary, first spread", fig.VERMILLION, ":"),
}
LAWS = {
    "even": ("all words alike", fig.SKY, "--"),
    "vanilla": ("exponent 1.2", fig.BLUE, "-"),
    "steep": ("exponent 1.5", fig.PURPLE, "-."),
}
CAPTIONS = {
    "courses": "Share of sequences of two unseen words in which all three masks are filled in "
    "rightly, over training: among all tokens; with the unseen words' embeddings drawn anew; "
    "without the decoder's bias; and between the two words alone, where chance is 0.25 (dotted). "
    "New embeddings have the first spread, or ten times that (wide). Active forgetting is measured "
    "at the end of a cycle. Lines are medians over seeds, bands "
    "their 95% intervals.",
    "frequency": "Share of sequences that are right where nouns and adjectives have changed roles, "
    "so that the context is right and memory wrong, by tenth of frequency: (a) by kind of "
    "forgetting, (b) without it, by the law of words. Lines are medians over seeds, bands their "
    "95% intervals.",
    "design": "Unseen words after temporary forgetting, by the spread of new embeddings (0.1 as at "
    "the start, or 1 as in the authors' code) and by whether Adam's moments of them are cleared. "
    "Bars are means, ticks seeds; dotted, chance of the choice between two words.",
}


def courses(measures: Measures, config: Any) -> Figure:
    """Unseen words by four rules over training."""
    sheet, axes = panels(len(COURSES), 2.7, sharey=True)
    for ax, (arm, name) in zip(axes, COURSES.items(), strict=True):
        rows = table("answers").filter(arm=arm, kind="unseen").rows(measures)
        for rule, (label, colour, dash) in RULES.items():
            step_S, value_PS = series(rows, rule)
            if np.isfinite(value_PS[:, 1:]).any():
                fig.interval_line(ax, step_S[1:], value_PS[:, 1:], label, colour, linestyle=dash)
        ax.axhline(0.25, color=fig.INK, ls=":", lw=0.7)
        ax.set(xscale="log", xlabel="step", ylim=(-0.03, 1.03))
        fig.title(ax, name)
    axes[0].set_ylabel("unseen words right")
    sheet.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=4)
    end = lambda rule: average(_unseen("vanilla", rule), measures)
    words = "Without forgetting {:.0%} of unseen words win among all tokens, {:.0%} between the two"
    fig.title(sheet, words.format(end("full"), end("choice")))
    return sheet


def _unseen(arm: str, rule: str) -> Any:
    return table("answers").filter(arm=arm, kind="unseen").last().value(rule)


def frequency(measures: Measures, config: Any) -> Figure:
    """Switched words by tenth of frequency, by kind of forgetting and by law of words."""
    sheet, axes = panels(2, 3.1, sharey=True)
    for ax, arms in zip(axes, (FORGETTING, LAWS), strict=True):
        for arm, (name, colour, dash) in arms.items():
            rows = table("answers").filter(arm=arm, kind="switched").last().rows(measures)
            tenth, value = series(rows, "full", x="decile")
            if np.isfinite(value).any():
                fig.interval_line(ax, tenth + 1, value, name, colour, linestyle=dash)
        ax.set(xlabel="tenth of frequency, the most frequent first", ylim=(-0.03, 1.4))
        ax.set(xticks=range(1, 11), yticks=np.arange(0, 1.1, 0.25))
        ax.legend(ncols=2, loc="upper left")
    axes[0].set_ylabel("context followed")
    fig.title(axes[0], "Forgetting for good makes the context decide for all words")
    fig.title(axes[1], "The steeper the law, the more memory decides for frequent words")
    return sheet


def design(measures: Measures, config: Any) -> Figure:
    """Spread of new embeddings by clearing of moments."""
    sheet, axes = panels(2, 2.7, sharey=True)
    arms = ["temporary matched", "temporary both", "temporary", "temporary cleared"]
    names = ["0.1", "0.1,\ncleared", "1", "1,\ncleared"]
    for ax, rule in zip(axes, ("full", "choice"), strict=True):
        cell = (RULES[rule][0], RULES[rule][1], lambda arm, rule=rule: _unseen(arm, rule))
        bars(ax, measures, arms, (cell,), names)
        ax.set(xlabel="spread of new embeddings", ylim=(0, 1.03))
        fig.title(ax, {"full": "Among all tokens", "choice": "Between the two words"}[rule])
    axes[0].set_ylabel("unseen words right")
    axes[1].axhline(0.25, color=fig.INK, ls=":", lw=0.7)
    return sheet


draw = drawing(courses, frequency, design)
