"""Figures of the study ``othello_interventions``: edits, their controls, and what a move needs."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import polars as pl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from toylab.report import figures as fig
from toylab.stats import bootstrap_interval

from . import boards
from .othello_interventions_saliency import bars, main, saliency

METHODS = {
    "own": ("no edit, board as shown", fig.INK, "_"),
    "null": ("no edit", fig.MUTED, "o"),
    "random": ("random direction", fig.SKY, "s"),
    "wrong": ("wrong square", fig.PURPLE, "v"),
    "colour": ("black/white vector", fig.ORANGE, "^"),
    "gradient": ("gradient, nonlinear probe", fig.GREEN, "D"),
    "vector": ("vector, linear probe", fig.BLUE, "o"),
}


def draw(measures: Mapping[str, Any], config: Any) -> dict[str, Figure]:
    """Draw every figure of the study."""
    return {
        "edit": edit(measures, config),
        "errors": errors(measures, config),
        "strength": strength(measures, config),
        "several": several(measures, config),
        "saliency": saliency(measures, config),
    }


def edit(measures: Mapping[str, Any], config: Any) -> Figure:
    """One board before and after its edit, with the moves that the network then predicts."""
    rows = _first(measures["example"])
    sheet = fig.figure(fig.PAGE, 3.9)
    axes = sheet.subplots(1, 2)
    size, high = config.size, 0.3
    changed = np.flatnonzero(_values(rows, "before") != _values(rows, "after")).tolist()
    for ax, when, legal in zip(axes, ("before", "after"), ("legal_before", "legal"), strict=True):
        states, p, truth = (_values(rows, n) for n in (when, f"p_{when}", legal))
        count = int(truth.sum())
        top = np.argsort(-p, kind="stable")[:count].tolist()
        boards.board(ax, size)
        shown = np.where(states == 0, p, np.nan)
        boards.fields(ax, size, shown, 0, high, "YlGnBu")
        boards.discs(ax, size, states)
        mark = {"markerfacecolor": "none", "markeredgewidth": 1.2}
        boards.marks(ax, size, np.flatnonzero(truth), "o", "legal", color=fig.INK, **mark)
        wrong = [s for s in top if not truth[s]]
        boards.marks(ax, size, wrong, "x", "predicted, illegal", color=fig.VERMILLION)
        missed = [s for s in np.flatnonzero(truth).tolist() if s not in top]
        boards.marks(ax, size, missed, "+", "legal, not predicted", color=fig.VERMILLION)
        boards.outlines(ax, size, changed)
        words = f"{when} the edit: {count - len(wrong)} of {count} legal moves predicted"
        if when == "after" and (new := truth & ~_values(rows, "legal_before")).any():
            due, got = new.sum() / count, p[new].sum()
            words += f"; new ones, due {due:.0%} of the probability, get {got:.0%}"
        fig.title(ax, words)
    handles, labels = axes[1].get_legend_handles_labels()
    sheet.legend(handles, labels, loc="outside lower left", ncols=3)
    colours = boards.fields(axes[1], size, [], 0, high, "YlGnBu")
    sheet.colorbar(colours, ax=list(axes), label="probability of the move", shrink=0.8)
    names = ", ".join(boards.name(s, size) for s in changed)
    ply = rows["ply"][0]
    fig.title(sheet, f"{names} flipped after {ply} moves (black discs: player to move)")
    return sheet


def errors(measures: Mapping[str, Any], config: Any) -> Figure:
    """Errors of every way of editing beside its controls, and how much each kind moved."""
    cases = main(measures["cases"]).filter(pl.col("squares") == 1)
    order = [("flip", True), ("flip", False), ("erase", True), ("erase", False)]
    order += [("place", True), ("unflip", True)]
    order = [o for o in order if len(_set(cases, *o))]
    sheet = fig.figure(fig.PAGE, 3.2)
    ax = sheet.subplots()
    for j, (method, (label, colour, marker)) in enumerate(METHODS.items()):
        found = []
        for i, each in enumerate(order):
            values = _set(cases, *each).filter(pl.col("method") == method)["error"].to_numpy()
            if len(values):
                found.append((i + 0.12 * (j - 3), bootstrap_interval(values, "mean")))
        if found:
            bars(ax, found, label, colour, marker)
    names = [f"{kind}\n{'natural' if natural else 'unnatural'}" for kind, natural in order]
    ax.set_xticks(range(len(order)), names)
    ax.set_ylabel("wrong and missed moves\nper board (95% interval)")
    ax.set_ylim(bottom=0)
    ax.grid(axis="y")
    sheet.legend(loc="outside lower center", ncols=4)
    flips = _set(cases, "flip", True)
    own, null, vector, random = (_mean(flips, m) for m in ("own", "null", "vector", "random"))
    text = f"{null:.2f} errors without an edit, {vector:.2f} with the flip's vector, "
    text += f"{random:.2f} with a random one of its length; "
    fig.title(ax, text + f"{own:.2f} of the network's own")
    return sheet


def strength(measures: Mapping[str, Any], config: Any) -> Figure:
    """Validation error against strength by first layer; flips at one layer; Adam's steps."""
    tried = main(measures["validation"])
    kinds = [k for k in ("flip", "erase", "place", "unflip") if k in tried["kind"]]
    sheet = fig.figure(fig.PAGE, 4.6)
    grid = sheet.add_gridspec(2, 12)
    top = [sheet.add_subplot(grid[0, 3 * i : 3 * i + 3]) for i in range(4)]
    for ax, kind in zip(top, kinds, strict=False):
        _strengths(ax, tried.filter((pl.col("kind") == kind) & (pl.col("method") == "vector")))
        chosen = tried.filter((pl.col("kind") == kind) & pl.col("chosen"))
        best = chosen.filter(pl.col("method") == "vector").row(0, named=True)
        share = best["error"] / best["null"] if best["null"] else float("nan")
        fig.title(ax, f"{kind}: {share:.0%} of null left")
    for ax in top[len(kinds) :]:
        ax.set_axis_off()
    top[0].set_ylabel("validation error")
    top[0].legend(
        fontsize=6,
        title="first layer",
        title_fontsize=6,
        ncols=2,
        loc="upper left",
        columnspacing=0.8,
        handlelength=1,
    )
    _single(sheet.add_subplot(grid[1, :6]), measures)
    _steps(sheet.add_subplot(grid[1, 6:]), measures)
    return sheet


def _strengths(ax: Axes, rows: pl.DataFrame) -> None:
    best = rows.filter("chosen").row(0, named=True)
    same = rows.filter(pl.col("penalty") == best["penalty"])
    for start, colour in zip(same["start"].unique().sort(), fig.PALETTE, strict=False):
        line = same.filter(pl.col("start") == start).sort("strength")
        ax.plot(line["strength"], line["error"], marker=".", color=colour, label=str(start))
    look: dict[str, Any] = {"markerfacecolor": "none", "color": fig.INK, "markersize": 9}
    ax.plot([best["strength"]], [best["error"]], linestyle="", marker="o", **look)
    ax.axhline(best["null"], color=fig.MUTED, linestyle=":", linewidth=1)
    ax.set_xlabel("strength")
    ax.set_ylim(bottom=0)


def _single(ax: Axes, measures: Mapping[str, Any]) -> None:
    rows = main(measures["layers"])
    null = main(measures["validation"]).filter(pl.col("kind") == "flip")["null"][0]
    best = rows.group_by("layer").agg(pl.col("error").min()).sort("layer")
    ax.bar(best["layer"], best["error"], color=fig.BLUE, width=0.6)
    ax.axhline(null, color=fig.MUTED, linestyle=":", linewidth=1)
    ax.set_xticks(best["layer"].to_list())
    ax.set_xlabel("the one layer edited (dotted: no edit)")
    ax.set_ylabel("validation error\nat the best strength")
    least = best.sort("error").row(0, named=True)
    fig.title(ax, f"flips at one layer: best at {least['layer']}, {least['error']:.2f} errors")


def _steps(ax: Axes, measures: Mapping[str, Any]) -> None:
    rows = main(measures["steps"]).sort("steps")
    null = main(measures["validation"]).filter(pl.col("kind") == "flip")["null"][0]
    ax.plot(rows["steps"], rows["error"], marker="D", color=fig.GREEN)
    ax.axhline(null, color=fig.MUTED, linestyle=":", linewidth=1)
    ax.set_xscale("log")
    ax.set_xticks(rows["steps"].to_list(), [str(n) for n in rows["steps"]])
    ax.minorticks_off()
    ax.set_ylim(bottom=0)
    ax.set_xlabel("Adam's steps over one distance (dotted: no edit)")
    ax.set_ylabel("validation error")
    few, many = (rows["error"][i] for i in (0, -1))
    counts = (rows["steps"][i] for i in (0, -1))
    low, high = counts
    fig.title(ax, f"flips by gradient: {few:.2f} errors at {low} steps, {many:.2f} at {high}")


def several(measures: Mapping[str, Any], config: Any) -> Figure:
    """Errors of flips of one to four discs at once."""
    cases = _set(main(measures["cases"]), "flip", True)
    counts = cases["squares"].unique().sort().to_list()
    sheet = fig.figure(fig.COLUMN, 2.9)
    ax = sheet.subplots()
    for j, method in enumerate(("own", "null", "random", "gradient", "vector")):
        label, colour, marker = METHODS[method]
        found = []
        for k in counts:
            rows = cases.filter((pl.col("squares") == k) & (pl.col("method") == method))
            found.append((k + 0.08 * (j - 2), bootstrap_interval(rows["error"], "mean")))
        bars(ax, found, label, colour, marker)
    ax.set_xticks(counts)
    ax.set_xlabel("discs flipped at once")
    ax.set_ylabel("wrong and missed moves\nper board (95% interval)")
    ax.set_ylim(bottom=0)
    sheet.legend(loc="outside lower center", ncols=2)
    last = cases.filter(pl.col("squares") == counts[-1])
    share = _mean(last, "vector") / _mean(last, "null")
    fig.title(ax, f"{counts[-1]} flips at once: {share:.0%} of the null error left")
    return sheet


def _first(table: pl.DataFrame) -> pl.DataFrame:
    return main(table).sort("square")


def _set(cases: pl.DataFrame, kind: str, natural: bool) -> pl.DataFrame:
    return cases.filter((pl.col("kind") == kind) & (pl.col("natural") == natural))


def _mean(cases: pl.DataFrame, method: str) -> float:
    rows = cases.filter(
        (pl.col("method") == method) & (pl.col("squares") == cases["squares"].min())
    )
    return float(rows["error"].to_numpy().mean()) if len(rows) else float("nan")


def _values(rows: pl.DataFrame, column: str) -> np.ndarray:
    return rows[column].to_numpy()
