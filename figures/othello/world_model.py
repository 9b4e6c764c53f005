"""Figures of the study ``world_model``: the criteria as a table, probes by layer, pairs."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import polars as pl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from toylab.report import figures as fig

WORDS = {
    "T1": "representation",
    "T2": "learned",
    "T3": "selective",
    "T4": "this world",
    "T5": "emergent",
    "T6": "causal",
    "T7": "sufficient",
    "T8": "general",
}
PARTS = {
    "variables read right": "squares read",
    "read right, values weighed alike": "squares read, states alike",
    "likeliest token allowed": "likeliest move legal",
    "outputs": "outputs differ (little is wanted)",
    "patched outputs": "patches change (little is wanted)",
    "error mended": "error mended by edits",
}
CONTROLS = {
    "renamed values": "renamed states",
    "wrong world": "the wrong board",
    "bag of tokens": "bag of moves",
    "allowed tokens": "legal moves",
    "same tokens, other state": "same moves",
    "other state": "other boards",
    "commonest value": "commonest state",
    "chance": "commonest state",
    "seen": "other openings",
}
NAMES = {"main": "6x6 network", "small": "4x4 networks", "small untrained": "untrained 4x4"}
RIGHT = 3.2  # where the verdicts stand, right of the numbers
WRONG = ("no flip", "rows only", "ends only", "delete", "time-shifted")
LABELS = {"real": "real board", "renamed": "renamed states"}


def draw(measures: Mapping[str, Any], config: Any) -> dict[str, Figure]:
    """Draw every figure of the study."""
    return {
        "criteria": criteria(measures, config),
        "layers": layers(measures, config),
        "pairs": pairs(measures, config),
    }


def _name(population: str, config: Any) -> str:
    return NAMES[population].replace("6x6", f"{config.size}x{config.size}")


def criteria(measures: Mapping[str, Any], config: Any) -> Figure:
    """The table: a row per part of a test; number, best control, verdict, for both boards."""
    means = measures["means"]
    trained = means.filter(pl.col("population") != "small untrained")
    parts = trained.select("criterion", "part").unique(maintain_order=True).rows()
    order = sorted(parts, key=lambda row: row[0])  # stable: parts stay in the tests' order
    sheet = fig.figure(fig.PAGE, 0.9 + 0.235 * len(order))
    axes = sheet.subplots(1, 2, sharey=True, width_ratios=[1, 1])
    for ax, population in zip(axes, ("main", "small"), strict=True):
        own = means.filter(pl.col("population") == population)
        for height, (criterion, part) in enumerate(order):
            rows = own.filter(pl.col("criterion") == criterion, pl.col("part") == part)
            if rows.height:
                _row(ax, rows, height)
        _frame(ax, len(order), own, _name(population, config))
    axes[0].set_yticks(range(len(order)), [_label(*row) for row in order], fontsize=6.2)
    axes[0].invert_yaxis()
    axes[0].plot([], [], "D", color=fig.BLUE, label="the network")
    axes[0].plot([], [], "o", color=fig.MUTED, mfc="none", label="controls; the decisive one named")
    sheet.legend(loc="outside lower center", ncols=2)
    return sheet


def _label(criterion: str, part: str) -> str:
    return f"{criterion} {WORDS[criterion]}: {PARTS.get(part, part)}"


def _frame(ax: Axes, height: int, rows: pl.DataFrame, name: str) -> None:
    ax.set_xlim(-0.12, RIGHT)
    ax.set_ylim(-0.6, height - 0.4)
    ax.set_xticks([0, 0.5, 1])
    ax.set_xlabel("share (mean)")
    for x in (0, 1):
        ax.axvline(x, color="#E6E6E6", linewidth=0.6, zorder=0)
    ax.spines["bottom"].set_bounds(0, 1)
    values = rows.filter(pl.col("name") == "value")
    each = values.group_by("init_seed", "criterion").agg(pl.col("passed").all())
    met = each.group_by("init_seed").agg(pl.col("passed").sum())["passed"]
    seeds, tests = len(met), values["criterion"].n_unique()
    count = f"{met[0]}" if seeds == 1 else f"{met.mean():.1f}"
    fig.title(ax, f"{name}: {count} of {tests} criteria met")


def _row(ax: Axes, rows: pl.DataFrame, height: float) -> None:
    """Values of all seeds, controls' means, the decisive control's name and the verdict."""
    table = rows.group_by("name", maintain_order=True).agg(pl.col("mean").mean())
    controls = table.filter(pl.col("name") != "value").drop_nans()
    ax.plot(
        controls["mean"].clip(-0.1, 1), [height] * controls.height, "o", color=fig.MUTED, mfc="none"
    )
    values = rows.filter(pl.col("name") == "value")
    shown = values["mean"].fill_nan(None).drop_nulls()
    ax.plot(shown, [height] * len(shown), "D", color=fig.BLUE, markersize=3.5, alpha=0.8)
    low = rows["criterion"][0] == "T7" and "outputs" in rows["part"][0]  # little change is wanted
    best = controls.sort("mean", descending=not low)
    name = CONTROLS.get(best["name"][0], best["name"][0]) if best.height else ""
    number = f"{shown.mean():.2f}" if len(shown) else "–"
    against = f" / {best['mean'][0]:.2f} {name}" if best.height else ""
    ax.text(1.05, height, number + against, va="center", fontsize=5.8)
    passed, count = int(values["passed"].sum()), values.height
    verdict = ("met" if passed else "no") if count == 1 else f"{passed}/{count}"
    colour = fig.GREEN if 2 * passed > count else fig.VERMILLION
    ax.text(
        RIGHT, height, verdict, va="center", ha="right", fontsize=6.2, color=colour, weight="bold"
    )


def layers(measures: Mapping[str, Any], config: Any) -> Figure:
    """Accuracy of the probes by layer, for the real board and for the wrong ones."""
    sheet = fig.figure(fig.PAGE, 2.9)
    axes = sheet.subplots(1, 2, sharey=True)
    for ax, population in zip(axes, ("main", "small"), strict=True):
        rows = measures["layers"].filter(pl.col("population") == population)
        means = rows.group_by("feature", "label", "layer").agg(pl.col("accuracy").mean())
        means = means.sort("layer")
        inside = means.filter(pl.col("feature") == "activations")
        _line(ax, inside, "real", fig.BLUE, "-", "D")
        for label, colour in zip(WRONG, fig.PALETTE[1:], strict=False):
            _line(ax, inside, label, colour, "--", "o")
        _line(ax, inside, "renamed", fig.INK, ":", "o")
        before = means.filter(pl.col("feature") == "untrained")
        ax.plot(before["layer"], before["accuracy"], "s-", color=fig.MUTED, label="untrained")
        for feature, line in (("bag of tokens", "--"), ("logits", ":")):
            level = means.filter(pl.col("feature") == feature)["accuracy"][0]
            name = CONTROLS.get(feature, feature)
            ax.axhline(
                level, color=fig.MUTED, linestyle=line, linewidth=1, label=f"from the {name}"
            )
        ax.set_xticks(inside["layer"].unique().sort())
        ax.set_xlabel("layer (0: embedding)")
        fig.title(ax, _finding(means, _name(population, config)))
    axes[0].set_ylabel("squares read right")
    handles = axes[0].get_legend_handles_labels()
    sheet.legend(*handles, loc="outside right center", fontsize=6.5)
    return sheet


def _line(ax: Axes, rows: pl.DataFrame, label: str, colour: str, line: str, marker: str) -> None:
    own = rows.filter(pl.col("label") == label)
    name = LABELS.get(label, label)
    ax.plot(own["layer"], own["accuracy"], marker + line, color=colour, label=name, markersize=3.5)


def _finding(means: pl.DataFrame, name: str) -> str:
    best = lambda feature: means.filter(pl.col("feature") == feature, pl.col("label") == "real")[
        "accuracy"
    ].max()
    return f"{name}: {best('activations'):.0%} read, {best('bag of tokens'):.0%} from the moves"


def pairs(measures: Mapping[str, Any], config: Any) -> Figure:
    """How much outputs of pairs of prefixes differ, as cumulative shares of the pairs."""
    sheet = fig.figure(fig.PAGE, 2.5)
    axes = sheet.subplots(1, 2, sharey=True)
    styles = {
        "value": ("same board", fig.BLUE, "-"),
        "same tokens, other state": ("same moves, other board", fig.ORANGE, "--"),
        "other state": ("other board", fig.MUTED, ":"),
    }
    units = measures["units"].filter(pl.col("criterion") == "T7")
    for ax, part, verb in zip(
        axes,
        ("outputs", "patched outputs"),
        ("outputs differ", "a patch changes outputs"),
        strict=True,
    ):
        rows = units.filter(pl.col("part") == part)
        for name, (label, colour, line) in styles.items():
            values = np.sort(rows.filter(pl.col("name") == name)["value"].drop_nans().to_numpy())
            if len(values):
                shares = np.arange(1, len(values) + 1) / len(values)
                ax.step(values, shares, where="post", color=colour, linestyle=line, label=label)
        ax.set_xlim(0, 1)
        ax.set_xlabel("total variation")
        mean = lambda name, rows=rows: rows.filter(pl.col("name") == name)["value"].mean()
        fig.title(
            ax,
            f"{verb} by {mean('value'):.2f} within a board, "
            f"{mean('other state'):.2f} between boards",
        )
    axes[0].set_ylabel("share of pairs")
    sheet.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=3)
    return sheet
