"""Figures of the study ``circuit_efficiency``: the four cases over time, and the map."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import polars as pl
from matplotlib.axes import Axes
from matplotlib.colors import BoundaryNorm, ListedColormap, LogNorm
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from toylab.report import figures as fig
from toylab.tasks.grokking import circuits_theory as theory
from toylab.tasks.grokking.circuit_phases import (
    FITTED,
    GENERALISED,
    GROKKING,
    IMMEDIATE,
    PHASES,
    phase,
    predicted_delay,
)

SHOWN = {
    "grokking": "All three ingredients",
    "inefficient": "C_gen less efficient",
    "equal speed": "Both equally fast",
    "swapped": "Grokked, then swapped",
}
LINES = (
    (("train", fig.BLUE), ("test", fig.VERMILLION)),
    (("w_g", fig.GREEN), ("w_m", fig.PURPLE)),
    (("norm", fig.INK),),
)
LABELS = ("loss (nats)", "circuit's weight", "parameter norm")
GRID = 50
COLOURS = ("#E3E3E3", fig.SKY, fig.ORANGE, fig.VERMILLION)  # of PHASES


def draw(measures: Mapping[str, Any], config: Any) -> dict[str, Figure]:
    """Draw the cases over time, the map of phases, and the times and weights against theory."""
    return {
        "curves": curves(measures, config),
        "map": phase_map(measures["map"], config),
        "theory": against_theory(measures["map"], config),
    }


def curves(measures: Mapping[str, Any], config: Any) -> Figure:
    """Losses, weights and norm of each case: median over seeds, band from least to greatest."""
    page = fig.figure(fig.PAGE, 5.6)
    axes = page.subplots(3, len(SHOWN), sharex=True, sharey="row")
    for (name, label), column in zip(SHOWN.items(), axes.T, strict=True):
        rows = measures["curves"].filter(pl.col("case") == name)
        for ax, lines in zip(column, LINES, strict=True):
            for value, colour in lines:
                band(ax, rows, value, colour)
        runs = measures["runs"].filter(pl.col("case") == name)
        column[0].set_title(f"{label}:\n{outcome(runs)}", fontsize=7.5)
        column[2].set_xlabel("step")
        column[0].axhline(np.log(config.n_labels), color=fig.MUTED, linestyle=":", linewidth=1)
    for ax, label in zip(axes[:, 0], LABELS, strict=True):
        ax.set_ylabel(label)
    axes[0, 0].set_xscale("log")
    axes[0, 0].set_yscale("log")
    for ax in axes.flat:
        ax.minorticks_off()
    chance = Line2D([], [], color=fig.MUTED, linestyle=":", label="chance, ln q")
    names = {"w_g": "w_g (generalises)", "w_m": "w_m (memorises)"}
    drawn = [Line2D([], [], color=c, label=names.get(v, v)) for row in LINES for v, c in row]
    page.legend(handles=[*drawn, chance], loc="outside lower center", ncols=6)
    fig.title(page, finding(measures["runs"]))
    return page


def band(ax: Axes, rows: pl.DataFrame, value: str, colour: str) -> None:
    """Median over seeds and the whole range."""
    column = pl.col(value).drop_nans()
    spread = rows.group_by("step").agg(
        column.median().alias("mid"), column.min().alias("low"), column.max().alias("high")
    )
    spread = spread.sort("step")
    ax.plot(spread["step"], spread["mid"], color=colour)
    ax.fill_between(
        spread["step"], spread["low"], spread["high"], color=colour, alpha=0.2, linewidth=0
    )


def outcome(runs: pl.DataFrame) -> str:
    """What became of a case, in a few words."""
    end, delay = runs["test_end"].median(), runs["delay"].drop_nans()
    if len(delay) < len(runs) / 2:
        return f"test ends at {end:.1f} nats"
    return f"t(test) = {delay.median():.1f} t(train)"


def finding(runs: pl.DataFrame) -> str:
    """The norm's fall and the ratio of the weights, beside the theorem's."""
    grokked = runs.filter(pl.col("case") == "grokking")
    fall = (grokked["norm_max"] / grokked["norm_end"]).median()
    ratio, expected = grokked["ratio"].median(), grokked["theory_ratio"].median()
    return (
        f"With all three ingredients the norm peaks at {fall:.2f} times its last value, and w_m / "
        f"w_g ends at {ratio:.4f} (theorem: {expected:.4f}). t: step from which a loss stays below "
        f"{FITTED:g} (train), {GENERALISED:g} (test)."
    )


def phase_map(cells: pl.DataFrame, config: Any) -> Figure:
    """Measured phases and delays over norms and speeds, with the predicted boundaries."""
    page = fig.figure(fig.PAGE, 3.5)
    left, right = page.subplots(1, 2, sharey=True)
    norm, speed = (cells[c].unique().sort().to_numpy() for c in ("norm_ratio", "speed_ratio"))
    shape = (len(norm), len(speed))
    table = cells.group_by("norm_ratio", "speed_ratio").agg(pl.col("delay").median())
    table = table.sort("norm_ratio", "speed_ratio")
    codes = phase(table["delay"].to_numpy()).replace_strict(PHASES, range(len(PHASES)))
    codes, delay = (v.to_numpy().reshape(shape).T for v in (codes, table["delay"]))
    phases = ListedColormap(COLOURS)
    left.pcolormesh(norm, speed, codes, cmap=phases, norm=BoundaryNorm(np.arange(5) - 0.5, 4))
    right.set_facecolor(COLOURS[0])
    ratio = right.pcolormesh(norm, speed, delay, norm=LogNorm(1, 200))
    bar = page.colorbar(ratio, ax=right, label="t(test) / t(train)")
    bar.ax.set_yticks([1, 2, 10, 100], ["1", "2", "10", "100"])
    lines = predicted(config)
    for ax in (left, right):
        boundaries(ax, lines, config)
        ax.set_xlabel("norm of C_mem over norm of C_gen, P_m / P_g")
    left.set_ylabel("speed: w_m2(0) / w_g2(0)")
    simple, full = ((cells["phase"] == cells[c]).mean() for c in ("predicted", "quasistatic"))
    head = f"{simple:.0%} of {len(cells):,} runs are in the law's phase"
    fig.title(left, f"{head}, {full:.0%} in the integral's")
    grok = cells.filter(pl.col("phase") == "grokking")
    most = grok["delay"].max() if len(grok) else np.nan
    fig.title(right, f"{len(grok) / len(cells):.0%} grok, up to {most:.0f} × as late as they fit")
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
    settings = (config.kappa, config.decay, config.n_labels)
    x, y = (v.reshape(-1) for v in np.meshgrid(norm, speed))
    start_m = np.full(x.shape, config.start_m)
    start_g, P_m = start_m / y, config.P_g * x
    law = theory.times(start_g, start_m, P_m, *settings, FITTED)
    fit = theory.fitting_time(start_m, P_m, *settings, FITTED, start_g)
    rest = theory.takeover_time(start_g, start_m, config.P_g, P_m, *settings, GENERALISED)
    end = theory.nats_on_test(*theory.minimum(config.P_g, P_m, *settings), config.n_labels)
    grids = {"dashed": predicted_delay(law.train, law.test, end)}
    grids["solid"] = predicted_delay(fit, fit + rest, end)
    return {"norm": norm, "speed": speed} | {n: v.reshape(GRID, GRID) for n, v in grids.items()}


def boundaries(ax: Axes, lines: Mapping[str, np.ndarray], config: Any) -> None:
    """Lines where the predicted ratio is 2 and 10, and where the minimum generalises."""
    norm, speed = lines["norm"], lines["speed"]
    for style in ("dashed", "solid"):
        delay = lines[style][np.isfinite(lines[style])]
        inside = [v for v in (IMMEDIATE, GROKKING) if len(delay) and delay.min() < v < delay.max()]
        if inside:
            look = dict(colors=fig.INK, linewidths=1.1, linestyles=style)
            ax.contour(norm, speed, lines[style], inside, **look)
    fine = np.geomspace(norm[0], norm[-1], 1000)
    least = theory.minimum(1.0, fine, config.kappa, config.decay * config.P_g**2, config.n_labels)
    generalises = theory.nats_on_test(*least, config.n_labels) <= GENERALISED
    if generalises.any():
        ax.axvline(fine[generalises.argmax()], color=fig.INK, linewidth=1.2)
    ax.plot(config.P_m / config.P_g, config.start_m / config.start_g, "*", color=fig.INK)
    ax.set_xscale("log")
    ax.set_yscale("log")
    ax.set_xticks([0.5, 1, 2, 3], ["0.5", "1", "2", "3"])
    ax.minorticks_off()
    ax.set_xlim(*config.norm_ratios)
    ax.set_ylim(*config.speed_ratios)


def against_theory(cells: pl.DataFrame, config: Any) -> Figure:
    """Time of generalising against the law, and the ratio of the weights against the theorem."""
    page = fig.figure(fig.PAGE, 2.9)
    left, right = page.subplots(1, 2)
    grok = cells.filter(pl.col("phase") == "grokking")
    kinds = {
        "predicted_time": "law: t(train) + ln(c_m / c_g) / rate",
        "quasistatic_time": "integral",
    }
    late = {}
    for (name, label), colour in zip(kinds.items(), (fig.SKY, fig.VERMILLION), strict=True):
        over = grok["test_time"] / grok[name]
        left.plot(grok["norm_ratio"], over, ".", markersize=3, color=colour, label=label)
        late[name] = over.median() if len(over) else np.nan
    left.axhline(1, color=fig.INK, linestyle=":", linewidth=1)
    left.set_xscale("log")
    left.set_yscale("log")
    left.set_xticks([1, 1.5, 2, 3], ["1", "1.5", "2", "3"])
    left.set_yticks([0.5, 1, 2, 5, 10], ["0.5", "1", "2", "5", "10"])
    left.minorticks_off()
    left.set_xlabel("P_m / P_g")
    left.set_ylabel("t(test): measured / predicted")
    left.legend()
    law, full = late.values()
    fig.title(left, f"Grokking comes at {law:.2f} times the law, {full:.2f} times the integral")
    ratios(right, cells, config)
    return page


def ratios(ax: Axes, cells: pl.DataFrame, config: Any) -> None:
    """Ratio of the weights in the end, over that of the norms."""
    settled = cells.filter(pl.col("phase") != "never")
    ax.plot(settled["norm_ratio"], settled["ratio"], ".", color=fig.BLUE, label="generalised")
    rest = cells.filter((pl.col("phase") == "never") & (pl.col("ratio") > 0))
    ax.plot(rest["norm_ratio"], rest["ratio"], ".", color=fig.MUTED, label="not by the end")
    x = np.geomspace(*config.norm_ratios, 100)
    y = theory.weight_ratio(1.0, x, config.kappa)
    ax.plot(x, y, color=fig.INK, linewidth=1, label="theorem D.4")
    ax.set_xscale("log")
    ax.set_yscale("log")
    ax.set_xticks([0.5, 1, 2, 3], ["0.5", "1", "2", "3"])
    ax.minorticks_off()
    ax.set_xlabel("P_m / P_g")
    ax.set_ylabel("w_m / w_g in the end")
    ax.legend()
    logs = np.log(settled.select("norm_ratio", "ratio").to_numpy())
    several = settled["norm_ratio"].n_unique() > 1
    slope = np.polyfit(*logs.T, 1)[0] if several else np.nan
    expected = -2 * config.kappa / (2 - config.kappa)
    fig.title(ax, f"Where C_gen won, the exponent is {slope:.2f} (theorem: {expected:.2f})")
