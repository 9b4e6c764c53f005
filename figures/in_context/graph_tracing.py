"""Figures of the study ``graph_tracing``: a grid unfolding, energy and accuracy, and counting."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import polars as pl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from toylab.report import figures as fig

from .graph_tracing_lags import lags

GRID = "4x4"
LOOKS = {
    "network": (fig.BLUE, "-"),
    "undirected counter": (fig.ORANGE, "--"),
    "directed counter": (fig.VERMILLION, ":"),
    "copier": (fig.GREEN, "-."),
    "untrained": (fig.MUTED, "-"),
    "shuffled context": (fig.PURPLE, "-."),
    "neighbour mix": (fig.GREEN, "--"),
}
MEASURES = {
    "energy": "energy / chance",
    "correlation": "distance correlation",
    "overlap": "spectral overlap",
}


def draw(measures: Mapping[str, Any], config: Any) -> dict[str, Figure]:
    """Draw every figure of the study."""
    every = (unfolding, context, counting, layers, training, lags)
    return {figure.__name__: figure(measures) for figure in every}


def _by_seed(table: pl.DataFrame, x: str, y: str) -> tuple[np.ndarray, np.ndarray]:
    """Places (S,), mean over seeds whose windows differ a little, and values (P, S) of a curve."""
    seeds = [part.sort(x) for _, part in table.group_by("init_seed", maintain_order=True)]
    column = lambda name: np.stack([part[name].to_numpy().astype(np.float64) for part in seeds])
    return column(x).mean(0), column(y)


def _mean(table: pl.DataFrame, column: str) -> float:
    values = table[column].drop_nulls().drop_nans()
    return float(np.mean(values.to_numpy())) if len(values) else float("nan")


def _log_x(ax: Axes) -> None:
    ax.set_xscale("log")
    ax.xaxis.set_major_formatter("{x:g}")


def unfolding(measures: Mapping[str, Any]) -> Figure:
    """Class means of one network on one grid, by context, beside what draws a grid by itself."""
    sheet = fig.figure(fig.PAGE, 4.1)
    table = measures["pictures"]
    panels = table["order"].unique().sort().to_list()
    axes = sheet.subplots(2, 4).ravel()
    limit = 1.15 * float(np.max(np.abs(table.select("x", "y").to_numpy()), initial=0.1))
    place_N2 = np.stack(np.divmod(np.arange(16), 4), 1)
    edges = np.argwhere(np.abs(place_N2[:, None] - place_N2[None]).sum(-1) == 1)
    for ax in axes[len(panels) :]:
        ax.set_axis_off()
    for ax, order in zip(axes, panels, strict=False):
        rows = table.filter(pl.col("order") == order).sort("node")
        x, y = rows.select("x", "y").to_numpy().T
        for i, j in edges:
            ax.plot(x[[i, j]], y[[i, j]], color=fig.MUTED, linewidth=0.7, zorder=1)
        ax.scatter(x, y, c=place_N2.sum(1), cmap=fig.SEQUENTIAL, s=16, zorder=2)
        ax.set(xlim=(-limit, limit), ylim=(-limit, limit), xticks=[], yticks=[], aspect="equal")
        ax.spines[:].set_visible(False)
        ax.set_xlabel(f"misfit {rows['disparity'][0]:.2f}", fontsize=7)
        ax.set_title(rows["panel"][0], fontsize=8)
    misfit = dict(
        table.sort("order").select("panel", "disparity").unique(maintain_order=True).rows()
    )
    at = [value for name, value in misfit.items() if "place" in name]
    if at and "neighbour mixing" in misfit:
        first, last, mix = at[0], at[-1], misfit["neighbour mixing"]
        word = "better" if last < mix else "worse"
        fig.title(
            sheet,
            f"Two components of one network's node means, turned as the grid's spectral embedding: "
            f"misfit {first:.2f} early, {last:.2f} late, {word} than neighbour mixing ({mix:.2f})",
        )
    return sheet


def context(measures: Mapping[str, Any]) -> Figure:
    """Energy and accuracy on one axis, and the other measures with their controls."""
    sheet = fig.figure(fig.PAGE, 3.2)
    left, right = sheet.subplots(1, 2, width_ratios=[1.15, 1])
    curves, shown = measures["curves"], measures["geometry"].filter(pl.col("chosen"))
    mine = curves.filter(pl.col("graph") == GRID, pl.col("place") > 0)
    network = shown.filter(pl.col("source") == "network")
    x, values = _by_seed(mine.filter(pl.col("source") == "network"), "place", "mass")
    fig.interval_line(left, x, values, "rule mass", fig.BLUE)
    fig.interval_line(
        left, *_by_seed(network, "place", "energy"), "energy / chance", fig.VERMILLION, marker="o"
    )
    mix = measures["geometry"].filter(pl.col("source") == "neighbour mix")
    left.axhline(_mean(mix, "energy"), color=fig.VERMILLION, ls=":", label="energy of the mix")
    at = measures["order"]["break_at"].drop_nans().to_numpy()
    for i, place in enumerate(at):
        label = "break of accuracy" if i == 0 else None
        left.axvline(place, color=fig.BLUE, lw=0.6, alpha=0.6, label=label)
    left.set(xlabel="place in the context", ylabel="share, or share of chance")
    _log_x(left)
    left.set_ylim(0, max(1.2, left.get_ylim()[1]))
    left.legend(fontsize=6.5, loc="center left", bbox_to_anchor=(0, 0.32))
    of = lambda when: network.filter(pl.col("when") == when)
    early, late = (_mean(of(when), "energy") for when in ("middle", "late"))
    middle = _mean(of("middle"), "place")
    mass = _mean(mine.filter(pl.col("source") == "network", pl.col("when") == "late"), "mass")
    fig.title(
        left,
        f"Late mass {mass:.2f}; energy goes from {early:.2f} about place {middle:.0f} to "
        f"{late:.2f}, the mix's is {_mean(mix, 'energy'):.2f}",
    )
    for source in ("network", "untrained", "shuffled context"):
        colour, line = LOOKS[source]
        rows = shown.filter(pl.col("source") == source)
        x, values = _by_seed(rows, "place", "correlation")
        fig.interval_line(right, x, values, source, colour, linestyle=line)
    right.axhline(_mean(mix, "correlation"), color=fig.GREEN, ls="--", label="neighbour mix")
    right.set(xlabel="place in the context", ylabel="distance correlation")
    _log_x(right)
    right.set_ylim(min(-0.2, right.get_ylim()[0]), 1)
    right.legend(fontsize=6.5, loc="upper left", ncols=2)
    got, other = (
        _mean(shown.filter(pl.col("source") == s, pl.col("when") == "late"), "correlation")
        for s in ("network", "untrained")
    )
    both = f"Late correlation {got:.2f}, untrained {other:.2f}"
    fig.title(right, f"{both}, mix {_mean(mix, 'correlation'):.2f}")
    return sheet


def counting(measures: Mapping[str, Any]) -> Figure:
    """Accuracy beside counters', and how the place of the change scales."""
    sheet = fig.figure(fig.PAGE, 3.0)
    left, right = sheet.subplots(1, 2, width_ratios=[1.3, 1])
    curves = measures["curves"].filter(pl.col("graph") == GRID, pl.col("place") > 0)
    for source in ("network", "copier", "undirected counter", "directed counter", "untrained"):
        colour, line = LOOKS[source]
        rows = curves.filter(pl.col("source") == source)
        fig.interval_line(left, *_by_seed(rows, "place", "mass"), source, colour, linestyle=line)
    left.set(ylim=(0, 1), xlabel="place in the context")
    _log_x(left)
    left.set_ylabel("mass on neighbours but the last node")
    left.legend(fontsize=7, loc="upper left")
    late = {
        s: _mean(curves.filter(pl.col("source") == s, pl.col("when") == "late"), "mass")
        for s in ("network", "copier", "undirected counter")
    }
    fig.title(left, "Late in context: {} {:.2f}, {} {:.2f}, {} {:.2f}".format(
        *(part for pair in late.items() for part in pair)
    ))  # fmt: skip
    told = []
    for source in ("network", "undirected counter", "directed counter"):
        colour, line = LOOKS[source]
        rows = measures["fits"].filter(
            pl.col("source") == source, pl.col("graph").str.contains("x")
        )
        x, values = _by_seed(rows, "n", "half")
        fig.interval_line(right, x, values, source, colour, linestyle=line, marker="o")
        law = pl.col("source") == source, pl.col("column") == "half"
        told.append(_mean(measures["laws"].filter(*law), "exponent"))
    _log_ticks(right, x)
    right.set_xlabel("nodes of the grid")
    right.set_ylabel("place where mass reaches 0.5")
    fig.title(right, "Exponents: network {:.2f}; undirected, directed {:.2f}, {:.2f}".format(*told))
    return sheet


def _log_ticks(ax: Axes, x: np.ndarray) -> None:
    ax.set(xscale="log", yscale="log")
    ax.set_xticks(x, [f"{v:g}" for v in x])
    ax.set_yticks([5, 10, 20, 50, 100], ["5", "10", "20", "50", "100"])
    ax.minorticks_off()
    low, high = ax.get_ylim()
    ax.set_ylim(min(low, 5), max(high, 50))


def layers(measures: Mapping[str, Any]) -> Figure:
    """A table of layers and measures, late in context, with every control."""
    late = measures["geometry"].filter(pl.col("when") == "late")
    rows = [
        (source, layer)
        for source in ("network", "untrained", "shuffled context", "neighbour mix")
        for layer in late.filter(pl.col("source") == source)["layer"].unique().sort()
    ]
    sheet = fig.figure(fig.PAGE, 0.9 + 0.21 * len(rows))
    axes = sheet.subplots(1, 3)
    for ax, (column, label) in zip(axes, MEASURES.items(), strict=True):
        for i, (source, layer) in enumerate(rows):
            mine = late.filter(pl.col("source") == source, pl.col("layer") == layer)
            values = mine[column].drop_nans().to_numpy()
            ax.barh(i, np.mean(values) if len(values) else 0, color=LOOKS[source][0], alpha=0.8)
            ax.plot(values, [i] * len(values), "|", color=fig.INK, markersize=4)
            ax.annotate(f"{np.mean(values) if len(values) else np.nan:.2f}", (1, i), fontsize=6.5,
                        xycoords=("axes fraction", "data"), ha="right", va="center")  # fmt: skip
        ax.axvline(1 if column == "energy" else 0, color=fig.INK, lw=0.7)
        ax.set_xlim(right=ax.get_xlim()[1] * 1.25)
        ax.invert_yaxis()
        names = [s if s == "neighbour mix" else f"{s}, layer {k}" for s, k in rows]
        ax.set_yticks(range(len(rows)), names if ax is axes[0] else [], fontsize=7)
        ax.set_xlabel(label)
    of = lambda s: late.filter(pl.col("source") == s)
    chosen = of("network").filter(pl.col("chosen"))
    low = [f"{_mean(t, 'energy'):.2f}" for t in (chosen, of("neighbour mix"))]
    overlap = [f"{_mean(t, 'overlap'):.2f}" for t in (chosen, of("neighbour mix"))]
    fig.title(
        sheet,
        f"At the end of the context: energy {low[0]} at the best layer, mix {low[1]}; "
        f"overlap {overlap[0]}, mix {overlap[1]}",
    )
    return sheet


def training(measures: Mapping[str, Any]) -> Figure:
    """When accuracy and geometry appear in training."""
    sheet = fig.figure(fig.PAGE, 2.8)
    left, right = sheet.subplots(1, 2)
    table = measures["training"]
    one = table.filter(pl.col("layer") == 0)
    for column, colour, label in (("late", fig.BLUE, "late"), ("early", fig.SKY, "first ten")):
        x, values = _by_seed(one, "step", column)
        fig.interval_line(left, x + 1, values, f"{label} in context", colour, marker="o")
    left.set(ylim=(0, 1), xlabel="step of training, plus one")
    _log_x(left)
    left.set_ylabel("mass on neighbours but the last node")
    left.legend(fontsize=7)
    end = _mean(one.filter(pl.col("step") == one["step"].max()), "late")
    fig.title(left, f"Training ends at {end:.2f} late in context")
    depth, told = int(str(table["layer"].max())), []
    for layer, colour in zip(range(1, depth + 1), fig.PALETTE, strict=False):
        x, values = _by_seed(table.filter(pl.col("layer") == layer), "step", "correlation")
        fig.interval_line(right, x + 1, values, f"after block {layer}", colour, marker="o")
        told.append(f"{np.nanmean(values[:, -1]):.2f}")
    mix = _mean(measures["geometry"].filter(pl.col("source") == "neighbour mix"), "correlation")
    right.axhline(mix, color=fig.INK, ls=":", label="neighbour mix, at the end")
    right.set(xlabel="step of training, plus one")
    _log_x(right)
    right.set_ylabel("distance correlation, late")
    right.legend(fontsize=7)
    fig.title(right, "Correlation by block at the end: " + ", ".join(told))
    return sheet
