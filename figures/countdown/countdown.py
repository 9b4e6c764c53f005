"""Figures of the study ``countdown``: reward over steps, accuracies, pass@k, verdict errors."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from toylab.read import table
from toylab.report import figures as fig
from toylab.report.panels import panels
from toylab.report.series import series

from . import marks

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


def draw(measures: Mapping[str, Any], config: Any) -> dict[str, Figure]:
    """Draw every figure of the study."""
    return {
        "reward": reward(measures, config),
        "accuracy": accuracy(measures),
        "passk": passk(measures),
        "verdicts": verdicts(measures),
    }


def _score(measures: Mapping[str, Any], arm: str, column: str, **where: str) -> np.ndarray:
    """A score of an arm by seed; sampled and on held-out numbers unless told otherwise."""
    where = {"split": "numbers", "how": "sampled"} | where
    return table("scores").filter(arm=arm, **where).value(column)(measures).array()


def reward(measures: Mapping[str, Any], config: Any) -> Figure:
    """Accuracy, length and entropy of sampled traces over updates under reward."""
    sheet, axes = panels(3, 2.8)
    curve = table("curve").filter(population="reward").rows(measures)
    labels = {
        "solved": "instances solved",
        "length": "tokens of a trace",
        "nats": "nats of a trace",
    }
    ends = {}
    for ax, (name, label) in zip(axes, labels.items(), strict=True):
        for noisy, colour in ((False, fig.PURPLE), (True, fig.VERMILLION)):
            members = range(config.seeds) if noisy else range(config.seeds, 2 * config.seeds)
            rows = curve.filter(curve["member"].is_in(list(members)), name=name)
            steps, values = series(rows, "value", unit="member")
            kind = "noisy verdicts" if noisy else "correct verdicts"
            fig.interval_line(ax, steps, values, label=kind, color=colour)
            ends[name] = [marks.mean(values[:, at]) for at in (0, -1)]
        ax.set_xlabel("updates under reward")
        ax.set_ylabel(label)
        ax.set_ylim(0)
    axes[0].axhline(measures["baselines"]["random_room"][0], color=fig.INK, ls=":", lw=1)
    axes[0].set_ylim(0, 1)
    axes[2].legend(title="trained on", title_fontsize=7.5)
    words = {"solved": "Accuracy", "length": "Length", "nats": "Entropy"}
    for ax, (name, word) in zip(axes, words.items(), strict=True):
        fig.title(ax, f"{word} {_turn(*ends[name])}")
    return sheet


def _turn(first: float, last: float) -> str:
    if abs(last - first) <= 0.05 * abs(first):
        return "hardly changes"
    return "rises" if last > first else "falls"


def _rows(
    measures: Mapping[str, Any], ax: Axes, arms: Sequence[str], column: str, split: str = "numbers"
) -> None:
    """A row per arm: sampled and greedy traces."""
    for y, arm in enumerate(arms):
        for how, shift in (("sampled", -0.17), ("greedy", 0.17)):
            values = _score(measures, arm, column, split=split, how=how)
            colour, filled = ARMS[arm][1], how == "sampled"
            marks.seeds(ax, y + shift, values, colour, filled=filled, upright=False)
    ax.set_yticks(range(len(arms)), [ARMS[arm][0] for arm in arms])
    ax.set_ylim(len(arms) - 0.4, -0.6)
    ax.grid(axis="x")


def _ways(ax: Axes, below: float = 0.17) -> None:
    """Legend of sampled and greedy traces, below the axes."""
    for how, face in (("sampled", fig.INK), ("greedy", "white")):
        ax.plot([], [], "o", color=fig.INK, mfc=face, ms=5, label=how)
    ax.legend(loc="upper center", bbox_to_anchor=(0.3, -below), ncols=2)


def accuracy(measures: Mapping[str, Any]) -> Figure:
    """Accuracy of every arm on held-out numbers and targets, sampled and greedy, and chance."""
    sheet, axes = panels(2, 3.4, sharey=True)
    for ax, split in zip(axes, ("numbers", "targets"), strict=True):
        _rows(measures, ax, list(ARMS), "solved", split)
        ax.set_xlim(-0.03, 1.03)
        ax.set_xlabel(f"held-out {split}: instances solved")
    for name, dashes in (("random_search", "--"), ("one_plan", ":")):
        axes[0].axvline(measures["baselines"][name][0], color=fig.INK, ls=dashes, lw=1)
    _ways(axes[0])
    search, direct = (
        marks.mean(_score(measures, arm, "solved", how="greedy")) for arm in ("search", "direct")
    )
    sides = ("Search traces", "optimal paths")
    sides = sides if search > direct else (sides[1].capitalize(), sides[0].lower())
    fig.title(sheet, f"{sides[0]} solve more held-out instances than {sides[1]}")
    return sheet


def passk(measures: Mapping[str, Any]) -> Figure:
    """pass@k of every arm."""
    sheet = fig.figure(fig.COLUMN * 1.6, 3.2)
    ax = sheet.subplots()
    gains = {}
    for arm, (name, colour) in ARMS.items():
        k, rates = series(table("passk").filter(arm=arm).rows(measures), "rate", x="k")
        fig.interval_line(ax, k, rates, label=name, color=colour)
        gains[arm] = marks.mean(rates[:, -1])
    ax.set_xscale("log", base=2)
    ax.set_xticks([1, 2, 4, 8, 16], ["1", "2", "4", "8", "16"])
    ax.set_xlabel("samples k")
    ax.set_ylabel("pass@k, held-out numbers")
    ax.set_ylim(0, 1)
    ax.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0))
    turn = _turn(gains["direct"], gains["direct reward"])
    fig.title(ax, f"Under reward, the optimal paths' pass@{k[-1]} {turn}")
    return sheet


def verdicts(measures: Mapping[str, Any]) -> Figure:
    """Verdict errors of both signs, sampled and greedy, before and after reward."""
    sheet, axes = panels(2, 2.7, sharey=True)
    errors = {"false_ok": "wrong attempts marked ok", "false_no": "right attempts marked no"}
    for ax, (column, label) in zip(axes, errors.items(), strict=True):
        _rows(measures, ax, list(ARMS)[:4], column)
        ax.set_xlim(0)
        ax.set_xlabel(label)
    axes[0].axvline(measures["baselines"]["noise"][0], color=fig.INK, ls=":", lw=1)
    _ways(axes[0], 0.27)
    ends = (marks.mean(_score(measures, arm, "false_ok")) for arm in ("search", "reward"))
    finding = f"the share of wrong attempts marked ok {_turn(*ends)} under reward"
    fig.title(sheet, f"After noisy verdicts, {finding}")
    return sheet
