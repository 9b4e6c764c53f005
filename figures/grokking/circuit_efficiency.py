"""Figures of the study ``circuit_efficiency``: the four cases over time, and the map."""

from typing import Any

import numpy as np
import polars as pl
from matplotlib.axes import Axes
from matplotlib.colors import BoundaryNorm, ListedColormap, LogNorm
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from toylab.read import Measures, table
from toylab.report import figures as fig
from toylab.report.averages import average
from toylab.report.axes import log_axis
from toylab.report.panels import drawing, panels
from toylab.tasks.grokking.theory import circuits_theory as theory
from toylab.tasks.grokking.theory.circuit_phases import (
    GENERALISED,
    GROKKING,
    IMMEDIATE,
    PHASES,
    phase,
    predict,
)

SHOWN = {
    "grokking": "All three\ningredients",
    "inefficient": "Generalising\nis inefficient",
    "equal speed": "Both\nequally fast",
    "swapped": "Grokked,\nthen swapped",
}
LINES = (
    (("train", "training", fig.BLUE), ("test", "test", fig.VERMILLION)),
    (("w_g", "generalising circuit", fig.GREEN), ("w_m", "memorising circuit", fig.PURPLE)),
    (("norm", "norm", fig.INK),),
)
LABELS = ("loss (nats)", "circuit's weight", "parameter norm")
GRID = 50
COLOURS = ("#E3E3E3", fig.SKY, fig.ORANGE, fig.VERMILLION)  # of PHASES
NORMS = "norm ratio, memorising over generalising"
TIMES = "Times: from there on the training loss stays below 0.5 nats, the test loss below 1."
CAPTIONS = {
    "curves": "Losses, the two circuits' weights and the parameter norm in four cases: (a) with "
    "all three ingredients, (b) with the generalising circuit less efficient, (c) with both "
    "circuits learned equally fast, (d) with the norms swapped after grokking. Lines are medians "
    "over draws of the initial weights, bands their whole range; dotted, the loss of guessing.",
    "map": "(a) Phase and (b) ratio of the two times over the circuits' norms and speeds of "
    "learning. Lines are predicted boundaries, by the closed law (dashed) and by the integral "
    f"(solid); the star is the paper's setting. {TIMES}",
    "theory": "Measured over predicted time of generalising, a dot per run that groks, by the "
    "closed law and by the integral that adds the slow end of the takeover.",
}


def curves(measures: Measures, config: Any) -> Figure:
    """Losses, weights and norm of each case: median over seeds, band from least to greatest."""
    page = fig.figure(fig.PAGE, 5.6)
    axes = page.subplots(3, len(SHOWN), sharex=True, sharey="row")
    for letter, (name, label), column in zip("abcd", SHOWN.items(), axes.T, strict=True):
        rows = measures["curves"].filter(case=name)
        for ax, lines in zip(column, LINES, strict=True):
            for value, _, colour in lines:
                band(ax, rows, value, colour)
        column[0].set_title(label)
        fig.panel_label(column[0], letter)
        column[2].set_xlabel("step")
        column[0].axhline(np.log(config.n_labels), color=fig.MUTED, linestyle=":", linewidth=1)
    for ax, label in zip(axes[:, 0], LABELS, strict=True):
        ax.set_ylabel(label)
    axes[0, 0].set(xscale="log", yscale="log")
    for ax in axes.flat:
        ax.minorticks_off()
    drawn = [Line2D([], [], color=c, label=label) for row in LINES for _, label, c in row]
    chance = Line2D([], [], color=fig.MUTED, linestyle=":", label="guessing")
    page.legend(handles=[*drawn, chance], loc="outside lower center", ncols=6)
    late = average(table("runs").filter(case="grokking").value("delay", "seed"), measures)
    words = f"With all three ingredients the test falls {late:.0f} times later"
    fig.title(page, f"{words} than the training loss")
    return page


def band(ax: Axes, rows: pl.DataFrame, value: str, colour: str) -> None:
    """Median over seeds and the whole range."""
    column = pl.col(value).drop_nans()
    ends = {"mid": column.median(), "low": column.min(), "high": column.max()}
    spread = rows.group_by("step").agg(**ends).sort("step")
    ax.plot(spread["step"], spread["mid"], color=colour)
    ends = spread["step"], spread["low"], spread["high"]
    ax.fill_between(*ends, color=colour, alpha=0.2, linewidth=0)


def phase_map(measures: Measures, config: Any) -> Figure:
    """Measured phases and delays over norms and speeds, with the predicted boundaries."""
    page, (left, right) = panels(2, 3.5, sharey=True)
    cells = measures["map"]
    norm, speed = (cells[c].unique().sort().to_numpy() for c in ("norm_ratio", "speed_ratio"))
    delays = cells.group_by("norm_ratio", "speed_ratio").agg(pl.col("delay").median())
    delay_N = delays.sort("norm_ratio", "speed_ratio")["delay"].to_numpy()
    codes_N = phase(delay_N).replace_strict(PHASES, range(len(PHASES))).to_numpy()
    codes, delay = (v.reshape(len(norm), len(speed)).T for v in (codes_N, delay_N))
    phases = ListedColormap(COLOURS)
    left.pcolormesh(norm, speed, codes, cmap=phases, norm=BoundaryNorm(np.arange(5) - 0.5, 4))
    right.set_facecolor(COLOURS[0])
    ratio = right.pcolormesh(norm, speed, delay, norm=LogNorm(1, 200))
    bar = page.colorbar(ratio, ax=right, label="time of test / time of training")
    bar.ax.set_yticks([1, 2, 10, 100], ["1", "2", "10", "100"])
    lines = predicted(config)
    for ax in (left, right):
        boundaries(ax, lines, config)
        ax.set_xlabel(NORMS)
    left.set_ylabel("first speed, memorising over generalising")
    agree = table("map").aggregate((pl.col("phase") == pl.col("predicted")).mean())
    fig.title(left, f"The law tells {average(agree, measures):.0%} of phases")
    grok = table("map").aggregate((pl.col("phase") == "grokking").mean())
    fig.title(right, f"{average(grok, measures):.0%} of the runs grok")
    patches = [Patch(facecolor=c, label=p) for c, p in zip(COLOURS, PHASES, strict=True)]
    law = Line2D([], [], color=fig.INK, linewidth=1, linestyle="--", label="law")
    line = Line2D([], [], color=fig.INK, linewidth=1.2, label="integral")
    paper = Line2D([], [], color=fig.INK, marker="*", linestyle="", label="the paper's setting")
    page.legend(handles=[*patches, law, line, paper], loc="outside lower center", ncols=7)
    return page


def predicted(config: Any) -> dict[str, np.ndarray]:
    """Delays by the law and by the integral, grids (speed, norm)."""
    norm = np.geomspace(*config.norm_ratios, GRID)
    speed = np.geomspace(*config.speed_ratios, GRID)
    x, y = (v.reshape(-1) for v in np.meshgrid(norm, speed))
    start_m = np.full(x.shape, config.start_m)
    settings = (config.kappa, config.decay, config.n_labels)
    found = predict(start_m / y, start_m, config.P_g, config.P_g * x, *settings)
    grids = {"dashed": found.law_delay, "solid": found.integral_delay}
    return {"norm": norm, "speed": speed} | {n: v.reshape(GRID, GRID) for n, v in grids.items()}


def boundaries(ax: Axes, lines: dict[str, np.ndarray], config: Any) -> None:
    """Lines where the predicted ratio is 2 and 10, and where the minimum generalises."""
    norm, speed = lines["norm"], lines["speed"]
    for style in ("dashed", "solid"):
        delay = lines[style][np.isfinite(lines[style])]
        inside = [v for v in (IMMEDIATE, GROKKING) if len(delay) and delay.min() < v < delay.max()]
        if inside:
            look: dict[str, Any] = dict(colors=fig.INK, linewidths=1.1, linestyles=style)
            ax.contour(norm, speed, lines[style], inside, **look)
    fine = np.geomspace(norm[0], norm[-1], 1000)
    least = theory.minimum(1.0, fine, config.kappa, config.decay * config.P_g**2, config.n_labels)
    generalises = theory.nats_on_test(*least, config.n_labels) <= GENERALISED
    if generalises.any():
        ax.axvline(fine[generalises.argmax()], color=fig.INK, linewidth=1.2)
    ax.plot(config.P_m / config.P_g, config.start_m / config.start_g, "*", color=fig.INK)
    log_axis(ax, ticks=(0.5, 1, 2, 3))
    log_axis(ax, "y")
    ax.minorticks_off()
    ax.set(xlim=config.norm_ratios, ylim=config.speed_ratios)


def against_theory(measures: Measures, config: Any) -> Figure:
    """Time of generalising against the law."""
    page = fig.figure(fig.COLUMN + 0.6, 2.9)
    ax = page.subplots()
    grok = measures["map"].filter(phase="grokking")
    kinds = {"predicted_time": ("law", fig.SKY), "quasistatic_time": ("integral", fig.VERMILLION)}
    for name, (label, colour) in kinds.items():
        over = grok["test_time"] / grok[name]
        ax.plot(grok["norm_ratio"], over, ".", markersize=3, color=colour, label=label)
    ax.axhline(1, color=fig.INK, linestyle=":", linewidth=1)
    log_axis(ax, ticks=(1, 1.5, 2, 3))
    log_axis(ax, "y", (0.5, 1, 2, 5, 10))
    ax.set(xlabel=NORMS, ylabel="time of test: measured / predicted")
    ax.legend()
    rows = table("map").where(pl.col("phase") == "grokking")
    late = (pl.col("test_time") / pl.col("predicted_time")).median()
    times = average(rows.aggregate(late, skip=True), measures)
    fig.title(ax, f"Grokking takes {times:.2f} times as long as the law has it")
    return page


draw = drawing(curves, map=phase_map, theory=against_theory)
