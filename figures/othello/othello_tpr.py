"""Figures of the study ``othello_tpr``: what probes cost, how roles lie, what edits do."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import polars as pl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from toylab.report import figures as fig
from toylab.stats import bootstrap_interval

from . import boards

FORMS = {
    "linear": (fig.INK, "s"),
    "bilinear": (fig.BLUE, "o"),
    "trilinear": (fig.ORANGE, "^"),
    "trilinear, compressed": (fig.VERMILLION, "v"),
    "low rank": (fig.GREEN, "D"),
    "bilinear, random roles": (fig.PURPLE, "X"),
    "trilinear, squares mixed": (fig.SKY, "P"),
}
MAPPED = ("network", "code of real boards", "untrained network")
METHODS = {
    "bilinear": fig.BLUE,
    "trilinear, compressed": fig.VERMILLION,
    "linear": fig.INK,
    "wrong square": fig.PURPLE,
    "random": fig.MUTED,
}
RECOVERED = ("bilinear, full", "bilinear, wider", "bilinear")


def draw(measures: Mapping[str, Any], config: Any) -> dict[str, Figure]:
    """Draw every figure of the study."""
    return {
        "accuracy": accuracy(measures, config),
        "geometry": geometry(measures, config),
        "recovery": recovery(measures, config),
        "edits": edits(measures, config),
    }


def _mean(table: pl.DataFrame, column: str, **where: str) -> float:
    """Mean of a column over the rows where other columns have given values."""
    for name, value in where.items():
        table = table.filter(pl.col(name) == value)
    return float(np.mean(table[column].to_numpy())) if len(table) else float("nan")


def accuracy(measures: Mapping[str, Any], config: Any) -> Figure:
    """Accuracy by number of parameters, and of every probe and control."""
    sheet = fig.figure(fig.PAGE, 3.7)
    left, right = sheet.subplots(1, 2, width_ratios=[1.25, 1])
    curve, probes = measures["truncation"], measures["probes"]
    for is_centred, line, label in (
        (False, ":", "linear, cut by SVD"),
        (True, "-", "same, less the mean over states"),
    ):
        rows = curve.filter(pl.col("centred") == is_centred).sort("rank")
        left.plot(rows["parameters"], rows["accuracy"], line, color=fig.MUTED, label=label)
    for name, (colour, marker) in FORMS.items():
        rows = probes.filter(pl.col("probe") == name)
        look = {"color": colour, "marker": marker, "markersize": 5, "linestyle": ""}
        left.plot(rows["parameters"], rows["accuracy"], label=name, alpha=0.8, **look)
    left.set_xlabel("parameters of the probe")
    left.set_ylabel("squares read rightly")
    low = min(_mean(probes, "accuracy", probe=name) for name in FORMS)
    top = max(_mean(probes, "accuracy", probe=name) for name in FORMS)
    left.set_ylim(low - 0.6 * (top - low + 0.02), top + 0.25 * (top - low + 0.02))
    left.set_xlim(0, None)
    sheet.legend(*left.get_legend_handles_labels(), fontsize=6.5, loc="outside lower left", ncols=5)
    part = _mean(probes, "parameters", probe="bilinear")
    part /= _mean(probes, "parameters", probe="linear")
    gap = _mean(probes, "accuracy", probe="linear") - _mean(probes, "accuracy", probe="bilinear")
    word = "less" if gap >= 0 else "more"
    finding = f"Bilinear: {part:.0%} of linear's parameters, {100 * abs(gap):.1f} points {word}"
    fig.title(left, finding)
    _dots(right, probes)
    return sheet


def _dots(ax: Axes, probes: pl.DataFrame) -> None:
    means = probes.group_by("probe").agg(pl.col("accuracy", "parameters").mean())
    means = means.sort("accuracy")
    for i, row in enumerate(means.iter_rows(named=True)):
        control = row["probe"].startswith("untrained")
        ax.plot(row["accuracy"], i, "o", color=fig.MUTED if control else fig.BLUE)
        text = f" {row['accuracy']:.3f}, {row['parameters'] / 1000:.1f}k"
        ax.annotate(text, (row["accuracy"], i), va="center", size=6, xytext=(3, 0),
                    textcoords="offset points")  # fmt: skip
    ax.set_yticks(range(len(means)), means["probe"].to_list(), fontsize=6.5)
    low, high = float(means["accuracy"][0]), float(means["accuracy"][-1])
    ax.set_xlim(low - 0.02, high + 0.45 * (high - low) + 0.02)
    ax.set_xlabel("squares read rightly; parameters")
    trained, before = (_mean(probes, "accuracy", probe=p) for p in ("linear", "untrained, linear"))
    fig.title(ax, f"Linear: {trained:.2f}, of the untrained network {before:.2f}")


def geometry(measures: Mapping[str, Any], config: Any) -> Figure:
    """Squares as their role vectors lie, and how much of it the board explains."""
    sheet = fig.figure(fig.PAGE, 4.8)
    above, below = sheet.subfigures(2, 1, height_ratios=[1.15, 1])
    top, bottom = above.subplots(1, 3), below.subplots(1, 2, width_ratios=[1, 1.6])
    for ax, name in zip(top, MAPPED, strict=True):
        _map(ax, measures["maps"].filter(pl.col("source") == name))
        r2 = _mean(measures["geometry"], "gap_r2", source=name)
        fig.title(ax, f"{name.capitalize()}: $R^2$ = {r2:.2f}")
    top[0].set_xlabel("second dimension")
    top[0].set_ylabel("third dimension")
    top[1].legend(fontsize=6.5, loc="upper left", bbox_to_anchor=(0, 0), ncols=2)
    rows = measures["gaps"].filter(pl.col("source") == "network").sort("rows", "columns")
    size = rows["rows"].n_unique()
    table = rows["distance"].to_numpy().reshape(size, -1)
    image = bottom[0].imshow(table, cmap=fig.SEQUENTIAL)
    bottom[0].set_xlabel("columns apart")
    bottom[0].set_ylabel("rows apart")
    below.colorbar(image, ax=bottom[0], label="mean cosine distance", shrink=0.8)
    fig.title(bottom[0], "Network: distances")
    _bars(bottom[1], measures["geometry"], size)
    return sheet


def _map(ax: Axes, rows: pl.DataFrame) -> None:
    """Draw squares at their places, joined along the board's rows and columns.

    The first dimension is left out: it only sets the centre apart, where no square is ever empty.
    """
    for line, colour in (("row", fig.BLUE), ("column", fig.ORANGE)):
        for i, (_, part) in enumerate(rows.group_by(line, maintain_order=True)):
            label = f"along a {line}" if i == 0 else None
            ax.plot(part["y"], part["z"], color=colour, lw=0.9, alpha=0.8, label=label)
    ax.scatter(rows["y"], rows["z"], s=9, color=fig.INK, zorder=3)
    for index in (0, len(rows) - 1):
        row = rows.row(index, named=True)
        name = chr(ord("a") + row["column"]) + str(row["row"] + 1)
        ax.annotate(name, (row["y"], row["z"]), size=6.5, xytext=(3, 3), textcoords="offset points")
    ax.set_xticks([])
    ax.set_yticks([])
    ax.set_aspect("equal", adjustable="datalim")


def _bars(ax: Axes, table: pl.DataFrame, size: int) -> None:
    names = table["source"].unique(maintain_order=True).to_list()
    for i, name in enumerate(names):
        rows = table.filter(pl.col("source") == name)
        ax.barh(i, rows["gap_r2"].mean(), color=fig.BLUE if name == "network" else fig.MUTED)
        ax.plot(rows["gap_r2"], [i] * len(rows), "|", color=fig.INK, markersize=5)
        ax.plot(rows["overlap"], [i + 0.28] * len(rows), ".", color=fig.ORANGE, markersize=3)
    cells, pairs = size**2 - 1, size**2 * (size**2 - 1) // 2
    ax.axvline((cells - 1) / (pairs - 1), color=fig.INK, linestyle=":", linewidth=1)
    ax.axvline(table["chance"][0], color=fig.ORANGE, linestyle=":", linewidth=1)
    ax.set_yticks(range(len(names)), names)
    ax.invert_yaxis()
    ax.set_xlim(0, 1)
    ax.set_xlabel("bars: $R^2$; dots: share of neighbours; dotted: chance")
    network, other = (_mean(table, "gap_r2", source=s) for s in ("network", "other coordinates"))
    fig.title(ax, f"Gaps explain {network:.0%} of distances, {other:.0%} in other coordinates")


def recovery(measures: Mapping[str, Any], config: Any) -> Figure:
    """Cosine of recovered and trained linear probes, square by square and in all."""
    sheet = fig.figure(fig.PAGE, 2.5)
    axes = sheet.subplots(1, 4, width_ratios=[1, 1, 1, 1.25])
    table, size = measures["recovery"], config.size
    image = None
    for ax, name in zip(axes[:3], RECOVERED, strict=True):
        rows = table.filter(pl.col("probe") == name)
        mean_N = rows.group_by("square").agg(pl.col("centred").mean()).sort("square")["centred"]
        boards.board(ax, size)
        image = boards.fields(ax, size, mean_N.to_numpy(), 0, 1)
        share = np.mean(rows["centred"].to_numpy() > 0.85)
        fig.title(ax, f"{name}: {share:.0%} above 0.85")
    if image is not None:
        sheet.colorbar(image, ax=list(axes[:3]), label="mean cosine", shrink=0.7)
    looks = dict(
        zip((*RECOVERED, "linear"), (fig.BLUE, fig.GREEN, fig.ORANGE, fig.INK), strict=True)
    )
    for name, colour in looks.items():
        found = np.sort(table.filter(pl.col("probe") == name)["centred"].to_numpy())
        label = "linear, other seed" if name == "linear" else name
        axes[3].plot(found, np.linspace(0, 1, len(found)), color=colour, label=label)
    axes[3].set_xlabel("cosine with the linear probe")
    axes[3].set_ylabel("share of vectors below")
    axes[3].legend(fontsize=6, loc="upper left")
    return sheet


def edits(measures: Mapping[str, Any], config: Any) -> Figure:
    """Errors in legal moves after edits, and how strengths were chosen."""
    sheet = fig.figure(fig.PAGE, 3.0)
    left, right = sheet.subplots(1, 2, width_ratios=[1.5, 1])
    table = measures["edits"]
    kinds = table["edit"].unique(maintain_order=True).to_list()
    for i, (method, colour) in enumerate(METHODS.items()):
        for j, kind in enumerate(kinds):
            rows = table.filter((pl.col("edit") == kind) & (pl.col("method") == method))
            _bar(left, j + 0.16 * (i - 2), rows, colour, method if j == 0 else None)
    for j, kind in enumerate(kinds):
        null = _mean(table, "null", edit=kind)
        label = "no edit" if j == 0 else None
        left.plot([j - 0.42, j + 0.42], [null, null], color=fig.INK, linestyle=":", label=label)
        floor = _mean(table, "floor", edit=kind)
        label = "no edit, on the board as it was" if j == 0 else None
        left.plot([j - 0.42, j + 0.42], [floor, floor], color=fig.SKY, linestyle="--", label=label)
    left.plot([], [], "_", color=fig.ORANGE, label="best strength of each case")
    left.set_xticks(range(len(kinds)), kinds)
    left.set_ylabel("wrong and missing moves")
    left.set_ylim(0, 1.5 * left.get_ylim()[1])
    left.legend(fontsize=6, ncols=3, loc="upper left")
    single = table.filter(pl.col("edit").is_in(["flip", "erase"]))
    null = _mean(single, "null")
    told = {m: _mean(single, "error", method=m) for m in ("bilinear", "linear", "random")}
    fig.title(
        left,
        f"Single edits: error {null:.1f} without, {told['bilinear']:.1f} bilinear, "
        f"{told['linear']:.1f} linear, {told['random']:.1f} random",
    )
    for method, colour in METHODS.items():
        rows = measures["strengths"].filter(pl.col("method") == method)
        mean = rows.group_by("strength").agg(pl.col("error").mean()).sort("strength")
        right.plot(mean["strength"], mean["error"], marker=".", color=colour)
    right.set_xlabel("length of the edit, in spreads")
    right.set_ylabel("error, all edits")
    right.set_ylim(0, None)
    fig.title(right, "The boards on which strengths were chosen")
    return sheet


def _bar(ax: Axes, x: float, rows: pl.DataFrame, colour: str, label: str | None) -> None:
    if not len(rows):
        return
    mean, low, high = bootstrap_interval(rows["error"].to_numpy().astype(np.float64), "mean")
    ax.bar(x, mean, 0.15, color=colour, label=label)
    ax.plot([x, x], [low, high], color=fig.MUTED if colour == fig.INK else fig.INK, linewidth=1)
    ax.plot([x - 0.06, x + 0.06], [rows["best"].mean()] * 2, color=fig.ORANGE, linewidth=1.5)
