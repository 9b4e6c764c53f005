"""Figures of the study ``tools``: what each tool finds of a planted circuit, and of programs."""

from typing import Any

import polars as pl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from toylab.read import Measures, table
from toylab.report import figures as fig
from toylab.report.axes import log_axis
from toylab.report.marks import bars, headroom
from toylab.report.panels import drawing, panels

TOOLS = {
    "EAP": ("one gradient", fig.ORANGE, "--"),
    "EAP-IG 5": ("5 gradients", fig.GREEN, "-."),
    "EAP-IG 20": ("20 gradients", fig.BLUE, "-"),
    "exact": ("exact patches", fig.MUTED, ":"),
    "random": ("random scores", fig.PURPLE, "-"),
}
PROGRAMS = {
    "copy": "copy\n(2 edges)",
    "adder": "sum\n(5 edges)",
    "induction": "induction\n(5 edges)",
    "walk": "walk\n(11 edges)",
}
PATHS = {"key": "key\n(3 edges)", "query": "query\n(2 edges)", "answer": "answer\n(2 edges)"}
CAPTIONS = {
    "recall": "Share of the planted path's edges among as many highest scores, (a) by the token "
    "that the corruption changes, at the least noise, and (b) with all other weights drawn from "
    "noise of a standard deviation. Bars and lines are means over networks, ticks are networks.",
    "faithful": "(a) Share of the metric's gap that is kept when all edges but the planted ones, "
    "or but random ones of the same number, carry the corrupt run. (b) Standard deviations of the "
    "other pairs of heads that the planted pair's composition lies above their mean.",
    "programs": "Networks compiled from four programs, at the least noise. (a) Share of the "
    "program's edges among as many highest scores. (b) Share of them that have at least a tenth of "
    "the largest score. Random scores, in (a), are drawn from a normal distribution. Bars are "
    "means over networks, ticks are networks.",
}


def _shown(measures: Measures, name: str = "edges") -> list[str]:
    known = measures[name]["tool"].unique()
    return [tool for tool in TOOLS if tool in known]


def recall(measures: Measures, config: Any) -> Figure:
    """Recall of the path's edges by corruption, and under noise."""
    sheet, axes = panels(2, 2.7)
    rows = table("edges").first("noise")
    of = lambda tool: lambda kind: rows.filter(tool=tool, corruption=kind).mean("recall")
    cells = [(TOOLS[tool][0], TOOLS[tool][1], of(tool)) for tool in _shown(measures)]
    bars(axes[0], measures, list(PATHS), cells, list(PATHS.values()))
    headroom(axes[0])
    axes[0].set_ylabel("planted edges found")
    axes[0].set_xlabel("corrupted token")
    axes[0].legend(loc="upper center", ncols=2)
    fig.title(axes[0], "One gradient misses edges behind a saturated softmax")
    _over_noise(axes[1], measures)
    fig.title(axes[1], "Noise lifts the saturation before it hides the path")
    return sheet


def _over_noise(ax: Axes, measures: Measures) -> None:
    mean = measures["edges"].group_by("tool", "noise").agg(pl.col("recall").mean()).sort("noise")
    for tool in _shown(measures):
        label, colour, dash = TOOLS[tool]
        rows = mean.filter(tool=tool)
        ax.plot(rows["noise"], rows["recall"], dash, color=colour, marker="o", ms=3, label=label)
    noises = sorted(mean["noise"].unique())
    log_axis(ax, ticks=noises)
    ax.set_ylim(0, 1.03)
    ax.set_xlabel("standard deviation of the noise")
    ax.set_ylabel("planted edges found")


def faithful(measures: Measures, config: Any) -> Figure:
    """What the planted circuit keeps, and which pair of heads composes."""
    sheet, axes = panels(2, 2.5)
    rows = table("circuits").first("noise")
    of = lambda name: lambda kind: rows.filter(corruption=kind).mean(name)
    cells = [("planted", fig.BLUE, of("planted")), ("random", fig.MUTED, of("random"))]
    bars(axes[0], measures, list(PATHS), cells)
    headroom(axes[0])
    axes[0].set_ylabel("metric kept")
    axes[0].set_xlabel("corrupted token")
    axes[0].legend(loc="upper center", ncols=2)
    fig.title(axes[0], "The planted edges alone keep the behaviour")
    heads = table("heads").first("noise")
    z = lambda kind: heads.value(f"z_{kind}")
    bars(axes[1], measures, list("kqv"), [("", fig.BLUE, z)], ["keys", "queries", "values"])
    axes[1].set_ylabel("sd above other pairs")
    fig.title(axes[1], "The planted pair composes in keys")
    return sheet


def programs(measures: Measures, config: Any) -> Figure:
    """Recall of the edges of each program, by rank and by size of the score."""
    sheet, axes = panels(2, 2.7)
    rows = table("programs").first("noise")
    shown = [kind for kind in PROGRAMS if kind in config.programs]
    names = [PROGRAMS[kind] for kind in shown]
    for ax, mark in zip(axes, ("recall", "reach"), strict=True):
        of = lambda tool, mark=mark: lambda kind: rows.filter(tool=tool, program=kind).mean(mark)
        tools = _shown(measures, "programs" if mark == "recall" else "edges")
        tools = [tool for tool in tools if tool != "EAP-IG 5"]
        bars(ax, measures, shown, [(*TOOLS[tool][:2], of(tool)) for tool in tools], names)
        headroom(ax)
    axes[0].set_ylabel("true edges ranked first")
    axes[1].set_ylabel("true edges above a tenth")
    axes[0].legend(loc="upper center", ncols=2)
    fig.title(axes[0], "20 gradients rank the edges of programs first")
    fig.title(axes[1], "Deep in a walk some scores are small")
    return sheet


draw = drawing(recall, faithful, programs)
