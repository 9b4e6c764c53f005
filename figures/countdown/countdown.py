"""Figures of the study ``countdown``: reward over steps, accuracies, pass@k, verdict errors."""

from collections.abc import Sequence
from typing import Any

import polars as pl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from toylab.read import Measures, Reading, table
from toylab.report import figures as fig
from toylab.report.averages import average
from toylab.report.axes import log_axis
from toylab.report.marks import points
from toylab.report.panels import drawing, panels
from toylab.report.series import series
from toylab.stats.means import finite_mean

CAPTIONS = {
    "reward": "Traces sampled for held-out instances over updates under reward, for networks that "
    "were trained on noisy and on correct verdicts: share solved, tokens of a trace, and its "
    "negative log-probability, whose mean is the entropy of traces. Median over seeds with 95% "
    "interval; the dotted line is random search with the same room for attempts, exact.",
    "accuracy": "Share of held-out instances solved, by sampled and by greedy traces. Ticks are "
    "seeds, bars 95% intervals of the mean. Lines are exact chances: of one random plan (dotted) "
    "and of random search with the teacher's budget (dashed).",
    "passk": "pass@k on held-out numbers, of k samples at temperature 1; median over seeds with "
    "95% interval.",
    "verdicts": "Errors of verdicts, among attempts that keep the rules, on held-out numbers: a, "
    "wrong attempts marked ok (dotted line: in the traces of training); b, right attempts marked "
    "no. Ticks are seeds, bars 95% intervals of the mean.",
}
ARMS = {
    "search": ("search, noisy verdicts", fig.BLUE),
    "reward": ("the same, after reward", fig.VERMILLION),
    "clean": ("search, correct verdicts", fig.GREEN),
    "clean reward": ("the same, after reward", fig.PURPLE),
    "direct": ("optimal paths", fig.SKY),
    "direct reward": ("optimal, after reward", fig.ORANGE),
    "direct spurious": ("optimal, random reward", fig.MUTED),
}


def _score(arm: str, column: str, **where: str) -> Reading:
    """A score of an arm; sampled and on held-out numbers unless told otherwise."""
    where = {"split": "numbers", "how": "sampled"} | where
    return table("scores").filter(arm=arm, **where).value(column)


def reward(measures: Measures, config: Any) -> Figure:
    """Accuracy, length and entropy of sampled traces over updates under reward."""
    sheet, axes = panels(3, 2.8)
    curve = table("curve").filter(population="reward").rows(measures)
    labels = {
        "solved": ("Accuracy", "instances solved"),
        "length": ("Length", "tokens of a trace"),
        "nats": ("Entropy", "nats of a trace"),
    }
    noisy = pl.col("member") < config.seeds
    for ax, (name, (word, label)) in zip(axes, labels.items(), strict=True):
        for which, kind, colour in (
            (~noisy, "correct verdicts", fig.PURPLE),
            (noisy, "noisy verdicts", fig.VERMILLION),
        ):
            rows = curve.filter(which, name=name)
            steps, values = series(rows, "value", unit="member")
            fig.interval_line(ax, steps, values, label=kind, color=colour)
        ax.set(xlabel="updates under reward", ylabel=label, ylim=(0, None))
        fig.title(ax, f"{word} {_turn(*finite_mean(values)[[0, -1]])}")
    axes[0].axhline(measures["baselines"]["random_room"][0], color=fig.INK, ls=":", lw=1)
    axes[0].set_ylim(0, 1)
    axes[2].legend(title="trained on", title_fontsize=7.5)
    return sheet


def _turn(first: float, last: float) -> str:
    if abs(last - first) <= 0.05 * abs(first):
        return "hardly changes"
    return "rises" if last > first else "falls"


def _rows(
    measures: Measures, ax: Axes, arms: Sequence[str], column: str, split: str = "numbers"
) -> None:
    """A row per arm: sampled and greedy traces."""
    for y, arm in enumerate(arms):
        for how, shift in (("sampled", -0.17), ("greedy", 0.17)):
            values = _score(arm, column, split=split, how=how)(measures).array()
            colour, filled = ARMS[arm][1], how == "sampled"
            points(ax, y + shift, values, colour, filled=filled, upright=False)
    ax.set_yticks(range(len(arms)), [ARMS[arm][0] for arm in arms])
    ax.set_ylim(len(arms) - 0.4, -0.6)
    ax.grid(axis="x")


def _ways(ax: Axes, below: float = 0.17) -> None:
    """Legend of sampled and greedy traces, below the axes."""
    for how, face in (("sampled", fig.INK), ("greedy", "white")):
        ax.plot([], [], "o", color=fig.INK, mfc=face, ms=5, label=how)
    ax.legend(loc="upper center", bbox_to_anchor=(0.3, -below), ncols=2)


def accuracy(measures: Measures, config: Any) -> Figure:
    """Accuracy of every arm on held-out numbers and targets, sampled and greedy, and chance."""
    sheet, axes = panels(2, 3.4, sharey=True)
    for ax, split in zip(axes, ("numbers", "targets"), strict=True):
        _rows(measures, ax, list(ARMS), "solved", split)
        ax.set(xlim=(-0.03, 1.03), xlabel=f"held-out {split}: instances solved")
    for name, dashes in (("random_search", "--"), ("one_plan", ":")):
        axes[0].axvline(measures["baselines"][name][0], color=fig.INK, ls=dashes, lw=1)
    _ways(axes[0])
    greedy = (_score(arm, "solved", how="greedy") for arm in ("search", "direct"))
    search, direct = (average(reading, measures) for reading in greedy)
    sides = ("Search traces", "optimal paths")
    sides = sides if search > direct else (sides[1].capitalize(), sides[0].lower())
    fig.title(sheet, f"{sides[0]} solve more held-out instances than {sides[1]}")
    return sheet


def passk(measures: Measures, config: Any) -> Figure:
    """pass@k of every arm."""
    sheet = fig.figure(fig.COLUMN * 1.6, 3.2)
    ax = sheet.subplots()
    gains = {}
    for arm, (name, colour) in ARMS.items():
        k, rates = series(table("passk").filter(arm=arm).rows(measures), "rate", x="k")
        fig.interval_line(ax, k, rates, label=name, color=colour)
        gains[arm] = finite_mean(rates[:, -1])
    log_axis(ax, ticks=(1, 2, 4, 8, 16), base=2)
    ax.set(xlabel="samples k", ylabel="pass@k, held-out numbers", ylim=(0, 1))
    ax.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0))
    turn = _turn(gains["direct"], gains["direct reward"])
    fig.title(ax, f"Under reward, the optimal paths' pass@{k[-1]} {turn}")
    return sheet


def verdicts(measures: Measures, config: Any) -> Figure:
    """Verdict errors of both signs, sampled and greedy, before and after reward."""
    sheet, axes = panels(2, 2.7, sharey=True)
    errors = {"false_ok": "wrong attempts marked ok", "false_no": "right attempts marked no"}
    for ax, (column, label) in zip(axes, errors.items(), strict=True):
        _rows(measures, ax, list(ARMS)[:4], column)
        ax.set(xlim=(0, None), xlabel=label)
    axes[0].axvline(measures["baselines"]["noise"][0], color=fig.INK, ls=":", lw=1)
    _ways(axes[0], 0.27)
    ends = (average(_score(arm, "false_ok"), measures) for arm in ("search", "reward"))
    finding = f"the share of wrong attempts marked ok {_turn(*ends)} under reward"
    fig.title(sheet, f"After noisy verdicts, {finding}")
    return sheet


draw = drawing(reward, accuracy, passk, verdicts)
