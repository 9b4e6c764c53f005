"""Ablations of self-verification: what becomes of right attempts under each condition."""

from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from toylab.read import Measures, Reading, table
from toylab.report import figures as fig
from toylab.report.averages import average
from toylab.report.marks import points
from toylab.report.panels import panels

SAME, ANY = "random, same layers", "random, any layer"
# Where parts are ablated, and what conditions are called; the first of a group is judged.
GROUPS = {
    "heads, at all places": {
        "chosen": "chosen by score",
        "chosen, mean": "chosen, mean ablation",
        "random heads": SAME,
        "random heads of any layer": ANY,
        "previous": "look at the token before",
    },
    'heads, at the result and "("': {
        "chosen, last two": "chosen by score",
        "random heads, last two": SAME,
        "patched, last two": "chosen by patching",
        "random for patched, last two": SAME,
        "any layer for patched, last two": ANY,
    },
    'neurons, at "("': {
        "valid + invalid": "along the probe",
        "random neurons": "random, same blocks",
    },
}
SHOWN = tuple(condition for group in GROUPS.values() for condition in group)
WRITTEN = {
    "nothing": "nothing ablated",
    "chosen": "chosen by score",
    "random heads": SAME,
    "random heads of any layer": ANY,
    "valid + invalid": "neurons along the probe",
}


def ablations(measures: Measures, config: Any) -> Figure:
    """Right attempts that are lost under each ablation, at "(" and in what is written on."""
    sheet, (left, right) = panels(2, 4.4, width_ratios=[1.35, 1])
    _conditions(measures, left)
    _written(measures, right)
    for ax in (left, right):
        ax.set_xlim(-0.03, 1.03)
        ax.grid(axis="x")

    def than(condition: str, control: str) -> str:
        gap = _share(condition, "silenced") - _share(control, "silenced")
        return "more" if average(gap, measures) > 0.1 else "no more"

    score = than("chosen", "random heads of any layer")
    patching = than("patched, last two", "any layer for patched, last two")
    words = f"Ablating heads chosen by score costs {score} right attempts than ablating random"
    fig.title(sheet, f"{words} heads; ablating those chosen by patching costs {patching}")
    return sheet


def _share(condition: str, column: str) -> Reading:
    return table("conditions").filter(arm="reward", condition=condition).mean(column)


def _conditions(measures: Measures, ax: Axes) -> None:
    """A row per condition: attempts no longer accepted, and those refused."""
    y, ticks = 0.0, {}
    for group, conditions in GROUPS.items():
        ax.text(-0.02, y, group, fontsize=8, weight="bold", va="center")
        for condition, name in conditions.items():
            y += 1
            ticks[y] = name
            label = lambda text, y=y: text if y == 1 else None
            for column, at, filled, text in (
                ("silenced", y - 0.17, False, "no longer accepted"),
                ("says_no", y + 0.17, True, "says no"),
            ):
                colour = fig.ORANGE if column == "silenced" else fig.BLUE
                values = _share(condition, column)(measures).array()
                points(ax, at, values, colour, label=label(text), filled=filled, upright=False)
        y += 1.4
    ax.set_yticks(list(ticks), list(ticks.values()))
    ax.set(ylim=(y - 0.6, -0.7), xlabel="share of accepted right attempts")
    ax.legend(loc="upper center", bbox_to_anchor=(0.4, -0.13), ncols=2)
    fig.title(ax, "Lost at the verdict")


def _written(measures: Measures, ax: Axes) -> None:
    for y, condition in enumerate(WRITTEN):
        rows = table("generated").filter(arm="reward", condition=condition)
        for column, at, colour, name in (
            ("success", y - 0.17, fig.ORANGE, "neither ok nor an answer"),
            ("fail", y + 0.17, fig.GREEN, "ok"),
        ):
            values = rows.mean(column)(measures).array()
            label = name if y == 0 else None
            points(ax, at, values, colour, label=label, upright=False)
    ax.set_yticks(range(len(WRITTEN)), list(WRITTEN.values()))
    ax.set(ylim=(len(WRITTEN) - 0.4, -0.6), xlabel="share of continuations")
    ax.legend(loc="upper center", bbox_to_anchor=(0.1, -0.13), ncols=2)
    fig.title(ax, "Lost in what is written on")
