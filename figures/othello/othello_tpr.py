"""Figures of the study ``othello_tpr``: what probes cost, how roles lie, what edits do."""

from typing import Any

import numpy as np
import polars as pl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from toylab.read import Measures
from toylab.report import boards
from toylab.report import figures as fig
from toylab.report.panels import drawing, panels
from toylab.stats import bootstrap_interval
from toylab.stats.means import mean_or_nan

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
UNEDITED = {
    "null": ("no edit", fig.INK, ":"),
    "floor": ("no edit, on the board as it was", fig.SKY, "--"),
}
RECOVERED = ("bilinear, full", "bilinear, wider", "bilinear")
CAPTIONS = {
    "accuracy": "Fraction of squares that probes of one layer read right in held-out games, by "
    "their number of parameters, with the linear probe truncated by SVD (a), and for all probes "
    "and controls (b).",
    "geometry": "Squares as their role vectors lie, in the second and third dimension of a flat "
    "map, joined along the board's rows and columns (a to c); how much of the roles' distances "
    "the board explains (d), and how many of a square's nearest roles are its neighbours (e), a "
    "mark per probe seed, dotted: chance.",
    "recovery": "Cosine of the linear probe's vectors with those that bilinear probes recover, the "
    "mean over a square's states (a to c), and all of them as cumulative fractions beside a "
    "linear probe of another seed (d).",
    "edits": "Errors in legal moves after edits along probes and controls, at one strength for all "
    "boards (a; lines: 95% intervals; orange: at each board's best strength), and errors by "
    "strength on the boards that it was chosen on (b).",
}


def _mean(table: pl.DataFrame, column: str, **where: str) -> float:
    """Mean of a column over the rows where other columns have given values."""
    return mean_or_nan(table.filter(**where)[column].to_numpy())


def accuracy(measures: Measures, config: Any) -> Figure:
    """Accuracy by number of parameters, and of every probe and control."""
    sheet, (left, right) = panels(2, 4.0, width_ratios=[1.25, 1])
    curve, probes = measures["truncation"], measures["probes"]
    cuts = {":": "linear, truncated", "-": "same, mean over states subtracted"}
    for line, label in cuts.items():
        rows = curve.filter(centred=line == "-").sort("rank")
        left.plot(rows["parameters"], rows["accuracy"], line, color=fig.MUTED, label=label)
    for name, (colour, marker) in FORMS.items():
        rows = probes.filter(probe=name)
        left.plot(rows["parameters"], rows["accuracy"], marker, color=colour, label=name, alpha=0.8)
    means = [_mean(probes, "accuracy", probe=name) for name in FORMS]
    room, xlim = max(means) - min(means) + 0.02, (0, None)
    left.set(xlim=xlim, ylim=(min(means) - 0.6 * room, max(means) + 0.25 * room))
    left.set(xlabel="parameters of the probe", ylabel="squares read right")
    part, gap = (
        (_mean(probes, column, probe="bilinear"), _mean(probes, column, probe="linear"))
        for column in ("parameters", "accuracy")
    )
    words = f"{100 * abs(gap[1] - gap[0]):.1f} points {'less' if gap[1] >= gap[0] else 'more'}"
    fig.title(left, f"Bilinear: {part[0] / part[1]:.0%} of linear's parameters, {words} accurate")
    _dots(right, probes)
    sheet.legend(*left.get_legend_handles_labels(), loc="outside lower left", ncols=4)
    return sheet


def _dots(ax: Axes, probes: pl.DataFrame) -> None:
    means = probes.group_by("probe").agg(pl.col("accuracy").mean()).sort("accuracy")
    for i, (name, value) in enumerate(means.iter_rows()):
        ax.plot(value, i, "o", color=fig.MUTED if name.startswith("untrained") else fig.BLUE)
    ax.set_yticks(range(len(means)), means["probe"].to_list())
    ax.set_xlabel("squares read right")
    ax.grid(axis="x")
    fig.title(ax, "All probes and controls")


def geometry(measures: Measures, config: Any) -> Figure:
    """Squares as their role vectors lie, and how much of it the board explains."""
    sheet = fig.figure(fig.PAGE, 5.2)
    above, below = sheet.subfigures(2, 1, height_ratios=[1, 1.1])
    table = measures["geometry"]
    top = above.subplots(1, 3)
    for ax, name, letter in zip(top, MAPPED, "abc", strict=True):
        _map(ax, measures["maps"].filter(source=name))
        ax.set_title(name.capitalize())
        fig.panel_label(ax, letter)
    above.legend(*top[0].get_legend_handles_labels(), loc="outside lower center", ncols=2)
    names = table["source"].unique(maintain_order=True).to_list()
    left, right = below.subplots(1, 2, sharey=True)
    squares = measures["maps"]["square"].max() + 1
    chance = (squares - 2) / (squares * (squares - 1) // 2 - 1)
    for ax, column, line, label, letter in (
        (left, "gap_r2", chance, "distances explained by the board (R²)", "d"),
        (right, "overlap", table["chance"][0], "nearest roles that are neighbours", "e"),
    ):
        for i, name in enumerate(names):
            values = table.filter(source=name)[column].to_numpy()
            colour = fig.BLUE if name == "network" else fig.MUTED
            ax.barh(i, values.mean(), color=colour)
            ax.plot(values, np.full(len(values), i), "|", color=fig.INK, markersize=6)
        ax.axvline(line, color=fig.INK, linestyle=":", linewidth=1)
        ax.set(xlim=(0, 1), xlabel=label)
        fig.panel_label(ax, letter)
    left.set_yticks(range(len(names)), names)
    left.invert_yaxis()
    ours, code = (_mean(table, "gap_r2", source=s) for s in ("network", "code of real boards"))
    word = "more" if ours > code else "no more"
    fig.title(sheet, f"Roles follow the board {word} than those of a random code do")
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
    for row in (rows.row(index, named=True) for index in (0, -1)):
        name = chr(ord("a") + row["column"]) + str(row["row"] + 1)
        place = {"xytext": (3, 3), "textcoords": "offset points"}
        ax.annotate(name, (row["y"], row["z"]), size=7.5, **place)
    ax.set(xticks=[], yticks=[])
    ax.set_aspect("equal", adjustable="datalim")


def recovery(measures: Measures, config: Any) -> Figure:
    """Cosine of recovered and trained linear probes, square by square and in all."""
    sheet, axes = panels(4, 2.9, width_ratios=[1, 1, 1, 1.3])
    table, image = measures["recovery"], None
    for ax, name in zip(axes[:3], RECOVERED, strict=True):
        rows = table.filter(probe=name)
        mean_N = rows.group_by("square").agg(pl.col("centred").mean()).sort("square")["centred"]
        boards.board(ax, config.size)
        image = boards.fields(ax, config.size, mean_N.to_numpy(), 0, 1)
        ax.set_title(name.capitalize())
    if image is not None:
        place = {"location": "bottom", "shrink": 0.8, "aspect": 50}
        sheet.colorbar(image, ax=list(axes[:3]), label="mean cosine", **place)
    colours = (fig.BLUE, fig.GREEN, fig.ORANGE, fig.INK)
    for name, colour in zip((*RECOVERED, "linear"), colours, strict=True):
        found = np.sort(table.filter(probe=name)["centred"].to_numpy())
        label = "linear, other seed" if name == "linear" else name
        axes[3].plot(found, np.linspace(0, 1, len(found)), color=colour, label=label)
    axes[3].set(xlabel="cosine with the linear probe", ylabel="fraction of vectors below")
    sheet.legend(*axes[3].get_legend_handles_labels(), loc="outside lower center", ncols=4)
    share = np.mean(table.filter(probe=RECOVERED[0])["centred"].to_numpy() > 0.95)
    words = f"A bilinear probe with as many roles as squares recovers {share:.0%} of the vectors"
    fig.title(sheet, f"{words} to a cosine of 0.95")
    return sheet


def edits(measures: Measures, config: Any) -> Figure:
    """Errors in legal moves after edits, and how strengths were chosen."""
    sheet, (left, right) = panels(2, 3.4, width_ratios=[1.5, 1])
    table = measures["edits"]
    kinds = table["edit"].unique(maintain_order=True).to_list()
    for j, kind in enumerate(kinds):
        for i, (method, colour) in enumerate(METHODS.items()):
            rows = table.filter(edit=kind, method=method)
            _bar(left, j + 0.16 * (i - 2), rows, colour, method if j == 0 else None)
        for column, (words, colour, line) in UNEDITED.items():
            level, label = _mean(table, column, edit=kind), words if j == 0 else None
            left.plot([j - 0.42, j + 0.42], [level, level], line, color=colour, label=label)
    left.plot([], [], "_", color=fig.ORANGE, label="best strength of each board")
    left.set_xticks(range(len(kinds)), kinds)
    left.set_ylabel("wrong and missing moves")
    single = table.filter(pl.col("edit").is_in(["flip", "erase"]))
    mean = {m: _mean(single, "error", method=m) for m in METHODS}
    words = f"Single edits leave {mean['bilinear']:.1f} of {_mean(single, 'null'):.1f} errors"
    fig.title(left, f"{words} along the bilinear probe, {mean['linear']:.1f} along the linear")
    for method, colour in METHODS.items():
        rows = measures["strengths"].filter(method=method)
        curve = rows.group_by("strength").agg(pl.col("error").mean()).sort("strength")
        right.plot(curve["strength"], curve["error"], marker=".", color=colour)
    right.set(xlabel="length of the edit, in spreads", ylabel="error, all edits", ylim=(0, None))
    fig.title(right, "Boards to choose by")
    sheet.legend(*left.get_legend_handles_labels(), loc="outside lower center", ncols=4)
    return sheet


def _bar(ax: Axes, x: float, rows: pl.DataFrame, colour: str, label: str | None) -> None:
    if not len(rows):
        return
    mean, low, high = bootstrap_interval(rows["error"].to_numpy().astype(np.float64), "mean")
    ax.bar(x, mean, 0.15, color=colour, label=label)
    ax.plot([x, x], [low, high], color=fig.MUTED if colour == fig.INK else fig.INK, linewidth=1)
    ax.plot([x - 0.06, x + 0.06], [rows["best"].mean()] * 2, color=fig.ORANGE, linewidth=1.5)


draw = drawing(accuracy, geometry, recovery, edits)
