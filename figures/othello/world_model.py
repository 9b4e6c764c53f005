"""Figures of the study ``world_model``: the criteria as a table, probes by layer, pairs."""

from typing import Any

import numpy as np
import polars as pl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from toylab.read import Measures
from toylab.report import figures as fig
from toylab.report.panels import drawing, panels
from toylab.stats.means import mean_or_nan

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
    "likeliest token allowed": "most probable move legal",
    "outputs": "outputs differ (low is met)",
    "patched outputs": "patches change (low is met)",
    "error mended": "error repaired by edits",
}
CONTROLS = {
    "renamed values": "renamed states",
    "wrong world": "the wrong board",
    "bag of tokens": "moves alone",
    "allowed tokens": "legal moves",
    "same tokens, other state": "same moves",
    "other state": "other boards",
    "commonest value": "majority",
    "chance": "majority",
    "seen": "other openings",
}
NAMES = {"main": "6x6 network", "small": "4x4 networks"}
WRONG = ("no flip", "rows only", "ends only", "delete", "time-shifted")
VERDICT = 1.82  # where the verdicts stand, right of the numbers
PAIRS = {
    "value": ("same board", fig.BLUE, "-"),
    "same tokens, other state": ("same moves, other board", fig.ORANGE, "--"),
    "other state": ("other board", fig.MUTED, ":"),
}
CAPTIONS = {
    "criteria": "Every part of every test, for the large network (a) and for the small ones (b): "
    "the networks' means (diamonds), those of the controls (circles), both as numbers with the "
    "decisive control, and whether the part is met (of how many seeds).",
    "layers": "Fraction of squares that linear probes read right over the layers, for the real "
    "board, wrong worlds and states renamed at random, in the large network (a) and on 4x4 (b). "
    "Grey: the untrained network, the moves alone, the logits.",
    "pairs": "How much the outputs differ (a) between prefixes that reach one board and between "
    "those that reach different ones, and how much patching the last place's activation changes "
    "them (b): total variation, as cumulative fractions of the pairs.",
}


def _name(population: str, config: Any) -> str:
    return NAMES[population].replace("6x6", f"{config.size}x{config.size}")


def criteria(measures: Measures, config: Any) -> Figure:
    """The table: a row per part of a test; number, best control, verdict, for both boards."""
    means = measures["means"]
    parts = {
        name: sorted(rows.select("criterion", "part").unique(maintain_order=True).rows())
        for name in NAMES
        if len(rows := means.filter(population=name))
    }
    counts = [len(rows) for rows in parts.values()]
    sheet = fig.figure(fig.PAGE, 1.3 + 0.22 * sum(counts))
    axes = sheet.subplots(len(parts), 1, height_ratios=counts, squeeze=False)[:, 0]
    for ax, (population, order), letter in zip(axes, parts.items(), "ab", strict=False):
        own = means.filter(population=population)
        for height, (criterion, part) in enumerate(order):
            _row(ax, own.filter(criterion=criterion, part=part), height)
        _frame(ax, order, own, _name(population, config))
        fig.panel_label(ax, letter)
    axes[0].plot([], [], "D", color=fig.BLUE, label="the networks")
    axes[0].plot([], [], "o", color=fig.MUTED, mfc="none", label="controls; the decisive one named")
    sheet.legend(loc="outside lower center", ncols=2)
    return sheet


def _frame(ax: Axes, order: list[tuple[str, str]], rows: pl.DataFrame, name: str) -> None:
    labels = [f"{c} {WORDS[c]}: {PARTS.get(part, part)}" for c, part in order]
    ax.set_yticks(range(len(order)), labels)
    ax.set(xlim=(-0.12, VERDICT), ylim=(len(order) - 0.4, -0.6), xticks=[0, 0.5, 1])
    for x in (0, 1):
        ax.axvline(x, color="#E6E6E6", linewidth=0.6, zorder=0)
    ax.spines["bottom"].set_bounds(0, 1)
    values = rows.filter(name="value")
    each = values.group_by("init_seed", "criterion").agg(pl.col("passed").all())
    met = each.group_by("init_seed").agg(pl.col("passed").sum())["passed"]
    count = f"{met[0]}" if len(met) == 1 else f"on average {met.mean():.1f}"
    fig.title(ax, f"{name}: {count} of {values['criterion'].n_unique()} criteria met")


def _row(ax: Axes, rows: pl.DataFrame, height: float) -> None:
    """Values of all seeds, controls' means, the decisive control's name and the verdict."""
    table = rows.group_by("name", maintain_order=True).agg(pl.col("mean").mean())
    controls = table.filter(pl.col("name") != "value").drop_nans()
    place = [height] * controls.height
    ax.plot(controls["mean"].clip(-0.1, 1), place, "o", color=fig.MUTED, mfc="none")
    values = rows.filter(name="value")
    shown = values["mean"].fill_nan(None).drop_nulls()
    ax.plot(shown, [height] * len(shown), "D", color=fig.BLUE, markersize=3.5, alpha=0.8)
    low = rows["criterion"][0] == "T7" and "outputs" in rows["part"][0]  # little change is wanted
    best = controls.sort("mean", descending=not low)
    name = CONTROLS.get(best["name"][0], best["name"][0]) if best.height else ""
    number = f"{shown.mean():.2f}" if len(shown) else "–"
    against = f" / {best['mean'][0]:.2f} {name}" if best.height else ""
    ax.text(1.05, height, number + against, va="center", fontsize=7.5)
    passed, count = int(values["passed"].sum()), values.height
    verdict = ("met" if passed else "no") if count == 1 else f"{passed}/{count}"
    look = {"va": "center", "ha": "right", "fontsize": 7.5, "weight": "bold"}
    colour = fig.GREEN if 2 * passed > count else fig.VERMILLION
    ax.text(VERDICT, height, verdict, color=colour, **look)


def layers(measures: Measures, config: Any) -> Figure:
    """Accuracy of the probes by layer, for the real board and for the wrong ones."""
    sheet, axes = panels(2, 3.5, sharey=True)
    for ax, population in zip(axes, NAMES, strict=True):
        rows = measures["layers"].filter(population=population)
        means = rows.group_by("feature", "label", "layer").agg(pl.col("accuracy").mean())
        means = means.sort("layer")
        inside = means.filter(feature="activations")
        looks = {"real": ("real board", fig.BLUE, "-", "D")}
        for label, colour in zip(WRONG, fig.PALETTE[1:], strict=False):
            looks[label] = (label, colour, "--", "o")
        looks["renamed"] = ("renamed states", fig.INK, ":", "o")
        for key, (label, colour, line, marker) in looks.items():
            own = inside.filter(label=key)
            look = {"color": colour, "linestyle": line, "marker": marker, "markersize": 3.5}
            ax.plot(own["layer"], own["accuracy"], label=label, **look)
        before = means.filter(feature="untrained")
        ax.plot(before["layer"], before["accuracy"], "s-", color=fig.MUTED, label="untrained")
        for feature, line in (("bag of tokens", "--"), ("logits", ":")):
            level = means.filter(feature=feature)["accuracy"][0]
            name = f"from the {CONTROLS.get(feature, feature)}"
            ax.axhline(level, color=fig.MUTED, linestyle=line, linewidth=1, label=name)
        ax.set(xticks=inside["layer"].unique().sort(), xlabel="layer (0: embedding)")
        best = inside.filter(label="real")["accuracy"].max()
        fig.title(ax, f"{_name(population, config)}: {best:.0%} read")
    axes[0].set_ylabel("squares read right")
    sheet.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=4)
    return sheet


def pairs(measures: Measures, config: Any) -> Figure:
    """How much outputs of pairs of prefixes differ, as cumulative fractions of the pairs."""
    sheet, axes = panels(2, 2.6, sharey=True)
    units = measures["units"].filter(criterion="T7")
    parts = {"outputs": "Outputs differ", "patched outputs": "A patch changes outputs"}
    for ax, (part, verb) in zip(axes, parts.items(), strict=True):
        mean = {}
        for name, (label, colour, line) in PAIRS.items():
            values = np.sort(units.filter(part=part, name=name)["value"].drop_nans().to_numpy())
            mean[name] = mean_or_nan(values)
            shares = np.arange(1, len(values) + 1) / max(len(values), 1)
            ax.step(values, shares, where="post", color=colour, linestyle=line, label=label)
        ax.set(xlim=(0, 1), xlabel="total variation")
        same, other = mean["value"], mean["other state"]
        fig.title(ax, f"{verb}: {same:.2f} within a board, {other:.2f} between boards")
    axes[0].set_ylabel("fraction of pairs")
    sheet.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=3)
    return sheet


draw = drawing(criteria, layers, pairs)
