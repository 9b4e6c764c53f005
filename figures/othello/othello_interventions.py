"""Figures of the study ``othello_interventions``: edits and their controls."""

from typing import Any

import numpy as np
import polars as pl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from toylab.read import Measures
from toylab.report import boards
from toylab.report import figures as fig
from toylab.report.panels import drawing, panels
from toylab.report.ramp import ramp
from toylab.stats.means import mean_or_nan

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
CAPTIONS = {
    "edit": "A board before and after one edit, with the probability of each move in colour. "
    "Circles are the legal moves; crosses and pluses those among the N most probable moves that "
    "are illegal and those legal ones that are missing; the edited square is framed.",
    "errors": "Errors per board (illegal moves among the N most probable, and legal ones missing; "
    "95% intervals) after every kind of edit, by method. 'No edit, board as shown' is the "
    "network's own error.",
    "strength": "How edits were chosen, on validation cases: errors by strength and first layer of "
    "the probe's vectors, for each kind of edit (dotted: no edit; circle: chosen).",
    "several": "Errors per board (95% intervals) when one to four discs are flipped at once.",
    "saliency": "How far a move's logit falls when each disc is flipped inside the network: on "
    "three boards (a to c; star: the move, framed: discs that it needs by the rules), by the "
    "disc's role (d), and as area under the ROC curve beside nearness and random directions (e).",
}
ERRORS = "wrong and missed moves\nper board (95% interval)"


def edit(measures: Measures, config: Any) -> Figure:
    """One board before and after its edit, with the moves that the network then predicts."""
    rows = main(measures["example"]).sort("square")
    value = lambda column: rows[column].to_numpy()
    sheet, axes = panels(2, 3.9)
    size, high = config.size, 0.3
    changed = np.flatnonzero(value("before") != value("after")).tolist()
    for ax, when, legal in zip(axes, ("before", "after"), ("legal_before", "legal"), strict=True):
        states, p, truth = value(when), value(f"p_{when}"), value(legal)
        count = int(truth.sum())
        top = np.argsort(-p, kind="stable")[:count].tolist()
        boards.board(ax, size)
        boards.fields(ax, size, np.where(states == 0, p, np.nan), 0, high, "YlGnBu")
        boards.discs(ax, size, states)
        mark = {"markerfacecolor": "none", "markeredgewidth": 1.2}
        boards.marks(ax, size, np.flatnonzero(truth), "o", "legal", color=fig.INK, **mark)
        wrong = [s for s in top if not truth[s]]
        boards.marks(ax, size, wrong, "x", "predicted, illegal", color=fig.VERMILLION)
        missed = [s for s in np.flatnonzero(truth).tolist() if s not in top]
        boards.marks(ax, size, missed, "+", "legal, not predicted", color=fig.VERMILLION)
        boards.outlines(ax, size, changed)
        fig.title(ax, f"{when.capitalize()}: {count - len(wrong)} of {count} legal moves found")
    sheet.legend(*axes[1].get_legend_handles_labels(), loc="outside lower left", ncols=3)
    colours = boards.fields(axes[1], size, [], 0, high, "YlGnBu")
    sheet.colorbar(colours, ax=list(axes), label="probability of the move", shrink=0.8)
    names = ", ".join(boards.name(s, size) for s in changed)
    fig.title(sheet, f"{names} flipped after {rows['ply'][0]} moves (black discs: player to move)")
    return sheet


def errors(measures: Measures, config: Any) -> Figure:
    """Errors of every way of editing beside its controls."""
    cases = main(measures["cases"]).filter(squares=1)
    kinds = cases.select("kind", "natural").unique(maintain_order=True).rows()
    sheet = fig.figure(fig.PAGE, 3.3)
    ax = sheet.subplots()
    of = lambda kind, natural: cases.filter(kind=kind, natural=natural)
    for j, (method, look) in enumerate(METHODS.items()):
        found = [of(*kind).filter(method=method)["error"] for kind in map(tuple, kinds)]
        bars(ax, {i + 0.12 * (j - 3): values for i, values in enumerate(found)}, *look)
    names = [f"{kind}\n{'natural' if natural else 'unnatural'}" for kind, natural in kinds]
    ax.set_xticks(range(len(kinds)), names)
    ax.set(ylabel=ERRORS, ylim=(0, None))
    ax.grid(axis="y")
    sheet.legend(loc="outside lower center", ncols=4)
    flips = cases.filter(kind="flip", natural=True)
    left, noise = _left(flips, "vector"), _left(flips, "random")
    words = f"Flips along the linear probe leave {left:.0f}% of the errors without an edit"
    fig.title(ax, f"{words}, along a random direction {noise:.0f}%")
    return sheet


def _left(cases: pl.DataFrame, method: str) -> float:
    """Errors that a method leaves, as a percentage of those without an edit."""
    mean = lambda method: mean_or_nan(cases.filter(method=method)["error"])
    return 100 * mean(method) / mean("null")


def strength(measures: Measures, config: Any) -> Figure:
    """Validation error against strength, by first layer edited, for every kind of edit."""
    tried = main(measures["validation"]).filter(method="vector")
    kinds = tried["kind"].unique(maintain_order=True).to_list()
    sheet, axes = panels(len(kinds), 2.6)
    for ax, kind in zip(axes, kinds, strict=True):
        _strengths(ax, tried.filter(kind=kind))
        fig.title(ax, kind.capitalize())
    axes[0].set_ylabel("validation error")
    place = {"loc": "outside lower center", "title": "first layer edited", "ncols": 8}
    sheet.legend(*axes[0].get_legend_handles_labels(), **place)
    fig.title(sheet, "How far to edit, and from which layer on, was chosen on other games")
    return sheet


def _strengths(ax: Axes, rows: pl.DataFrame) -> None:
    best = rows.filter("chosen").row(0, named=True)
    same = rows.filter(penalty=best["penalty"])
    starts = same["start"].unique().sort()
    for start, colour in zip(starts, ramp(len(starts)), strict=True):
        line = same.filter(start=start).sort("strength")
        ax.plot(line["strength"], line["error"], marker=".", color=colour, label=str(start))
    look: dict[str, Any] = {"markerfacecolor": "none", "color": fig.INK, "markersize": 9}
    ax.plot([best["strength"]], [best["error"]], "o", **look)
    ax.axhline(best["null"], color=fig.MUTED, linestyle=":", linewidth=1)
    ax.set(xlabel="strength", ylim=(0, None))


def several(measures: Measures, config: Any) -> Figure:
    """Errors of flips of one to four discs at once."""
    cases = main(measures["cases"]).filter(kind="flip", natural=True)
    counts = cases["squares"].unique().sort().to_list()
    sheet = fig.figure(fig.COLUMN, 3.1)
    ax = sheet.subplots()
    for j, method in enumerate(("own", "null", "random", "gradient", "vector")):
        errors = lambda k, method=method: cases.filter(squares=k, method=method)["error"]
        bars(ax, {k + 0.08 * (j - 2): errors(k) for k in counts}, *METHODS[method])
    ax.set(xticks=counts, xlabel="discs flipped at once", ylabel=ERRORS, ylim=(0, None))
    sheet.legend(loc="outside lower center", ncols=2)
    share = _left(cases.filter(squares=counts[-1]), "vector")
    fig.title(ax, f"{counts[-1]} flips leave {share:.0f}% of errors")
    return sheet


draw = drawing(edit, errors, strength, several, saliency)
