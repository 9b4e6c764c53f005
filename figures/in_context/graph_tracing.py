"""Figures of the study ``graph_tracing``: a grid unfolding, energy and accuracy, and counting."""

from typing import Any

import numpy as np
import polars as pl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from toylab.read import SEED, Measures
from toylab.report import figures as fig
from toylab.report.axes import log_axis
from toylab.report.panels import drawing, panels
from toylab.report.series import series
from toylab.stats.means import finite_mean

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
    "energy": "Dirichlet energy / chance",
    "correlation": "distance correlation",
    "overlap": "spectral overlap",
}
MASS, PLACE = "mass on neighbours", "place in the context"
MOST_BACK = 24  # places that a picture of lags shows
CAPTIONS = {
    "unfolding": "Mean representations of the 16 nodes of a held-out 4x4 grid in one network, at "
    "its best layer: two principal components, laid over the grid's spectral embedding. Lines are "
    "edges; colour is the distance from a corner. The Procrustes error is 0 for a perfect grid.",
    "context": "(a) Probability on neighbours other than the previous node, and normalised "
    "Dirichlet energy of the nodes' means at the best layer. (b) Correlation of distances between "
    "nodes' means with distances on the grid. Medians over networks with 95% intervals.",
    "counting": "(a) Probability on neighbours other than the previous node, for networks and for "
    "predictors that only count. (b) Place in the context at which it reaches 0.5, by size of "
    "grid. Medians over networks with 95% intervals.",
    "layers": "Three measures of how the nodes' means lie like the grid at the end of the context, "
    "by layer, for networks and controls. Bars are means, ticks single networks.",
    "training": "(a) Probability on neighbours early and late in the context. (b) Correlation of "
    "distances after each block, late in the context. Medians over networks with 95% intervals.",
    "lags": "Mean attention of every head to the place up to 24 places back, over queries in "
    "the second half of the context, and, in the last panel, of the second block to the places a "
    "given number of steps after visits to the present node. A row per head; white lines separate "
    "networks.",
}


def _mean(table: pl.DataFrame, column: str) -> float:
    return float(finite_mean(table[column].cast(pl.Float64).to_numpy()))


def _line(ax: Axes, rows: pl.DataFrame, x: str, y: str, look: str, label: str = "", **line: Any):
    colour, dash = LOOKS[look]
    fig.interval_line(ax, *series(rows, y, x), label or look, colour, linestyle=dash, **line)


def unfolding(measures: Measures, config: Any) -> Figure:
    """Class means of one network on one grid, by context, and what draws a grid by itself."""
    sheet = fig.figure(fig.PAGE, 4.1)
    table = measures["pictures"].fill_nan(None).drop_nulls()
    table = table.filter(pl.col(SEED) == pl.col(SEED).min())
    axes = sheet.subplots(2, 4).ravel()
    place_N2 = np.stack(np.divmod(np.arange(16), 4), 1)
    edges = np.argwhere(np.abs(place_N2[:, None] - place_N2[None]).sum(-1) == 1)
    limit = 1.15 * np.max(np.abs(table.select("x", "y").to_numpy()), initial=0.1)
    errors: dict[str, float] = {}
    for ax in axes:
        ax.set_axis_off()
    shown = table.partition_by("order", maintain_order=True)
    for ax, rows in zip(axes, shown, strict=False):
        x, y = rows.sort("node").select("x", "y").to_numpy().T
        for i, j in edges:
            ax.plot(x[[i, j]], y[[i, j]], color=fig.MUTED, linewidth=0.7, zorder=1)
        ax.scatter(x, y, c=place_N2.sum(1), cmap=fig.SEQUENTIAL, s=16, zorder=2)
        ax.set(xlim=(-limit, limit), ylim=(-limit, limit), aspect="equal")
        name, error = rows.select("panel", "disparity").row(0)
        errors[name] = error
        ax.set_title(f"{name}\nProcrustes error {error:.2f}", size=8)
    at, mix = [e for name, e in errors.items() if "place" in name], errors.get("neighbour mixing")
    if at and mix is not None:
        more = "more" if at[-1] < at[0] else "no more"
        words = f"Node means lie {more} like the grid late than early"
        fig.title(sheet, f"{words}, {'more' if at[-1] < mix else 'less'} than neighbour mixing")
    return sheet


def context(measures: Measures, config: Any) -> Figure:
    """Energy and accuracy on one axis, and correlation with its controls."""
    sheet, (left, right) = panels(2, 3.1)
    chosen = measures["geometry"].filter("chosen")
    of = lambda source: chosen.filter(source=source)
    mass = measures["curves"].filter(pl.col("place") > 0, graph=GRID, source="network")
    mix = measures["geometry"].filter(source="neighbour mix")
    _line(left, mass, "place", "mass", "network", MASS)
    places = series(chosen, "place", "window")[1].mean(0)
    _, energy = series(of("network"), "energy", "window")
    fig.interval_line(left, places, energy, MEASURES["energy"], fig.VERMILLION, marker="o")
    left.axhline(_mean(mix, "energy"), color=fig.VERMILLION, ls=":", label="energy, neighbour mix")
    left.set(ylim=(0, max(1.2, left.get_ylim()[1])), ylabel="probability, or fraction of chance")
    rises = "rises" if _mean(mass.filter(when="late"), "mass") > 0.5 else "hardly rises"
    falls = "falls" if _mean(measures["order"], "fall") >= 0.1 else "hardly falls"
    fig.title(left, f"Along the context accuracy {rises} and the energy {falls}")
    for source in ("network", "untrained", "shuffled context"):
        _, values = series(of(source), "correlation", "window")
        fig.interval_line(right, places, values, source, LOOKS[source][0], ls=LOOKS[source][1])
    level = _mean(mix, "correlation")
    right.axhline(level, color=fig.GREEN, ls="--", label="neighbour mix")
    right.set(ylim=(min(-0.2, right.get_ylim()[0]), 1), ylabel=MEASURES["correlation"])
    late = _mean(of("network").filter(when="late"), "correlation")
    word = "more" if late > level else "less"
    fig.title(right, f"Distances match the grid {word} than under neighbour mixing")
    for ax in (left, right):
        log_axis(ax, leads=(1,))
        ax.set_xlabel(PLACE)
        ax.legend(loc="upper center", bbox_to_anchor=(0.45, -0.2), ncols=2)
    return sheet


def counting(measures: Measures, config: Any) -> Figure:
    """Accuracy of the network and of counters, and how the place of half mass scales."""
    sheet, (left, right) = panels(2, 3.1, width_ratios=[1.3, 1])
    curves = measures["curves"].filter(pl.col("place") > 0, graph=GRID)
    late = {}
    for source in ("network", "copier", "undirected counter", "directed counter", "untrained"):
        rows = curves.filter(source=source)
        _line(left, rows, "place", "mass", source)
        late[source] = _mean(rows.filter(when="late"), "mass")
    log_axis(left, leads=(1,))
    left.set(xlabel=PLACE, ylim=(0, 1), ylabel=MASS)
    left.legend(loc="upper left")
    word = "more" if late["network"] > late["copier"] else "less"
    fig.title(left, f"Late in the context the network puts {word} mass on neighbours than a copier")
    fits = measures["fits"].filter(pl.col("graph").str.contains("x"))
    for source in ("network", "undirected counter", "directed counter"):
        _line(right, fits.filter(source=source), "n", "half", source, marker="o")
    log_axis(right, ticks=fits["n"].unique().sort().to_list())
    log_axis(right, "y", (5, 10, 20, 50, 100))
    right.set(xlabel="nodes of the grid", ylabel="place of half mass")
    right.set_ylim(min(right.get_ylim()[0], 5), max(right.get_ylim()[1], 50))
    fig.title(right, "Larger grids take longer, for counters too")
    return sheet


def layers(measures: Measures, config: Any) -> Figure:
    """Measures by layer, late in the context, with every control."""
    late = measures["geometry"].filter(when="late").fill_nan(None)
    sources = ("network", "untrained", "shuffled context", "neighbour mix")
    bars = [
        (source, layer)
        for source in sources
        for layer in late.filter(source=source)["layer"].unique().sort()
    ]
    sheet, axes = panels(3, 1.0 + 0.22 * len(bars))
    for ax, (column, label) in zip(axes, MEASURES.items(), strict=True):
        for i, (source, layer) in enumerate(bars):
            rows = late.filter(source=source, layer=layer)
            values = rows[column].drop_nulls().to_numpy()
            ax.barh(i, _mean(rows, column), color=LOOKS[source][0], alpha=0.7)
            ax.plot(values, [i] * len(values), "|", color=fig.INK, markersize=5)
        ax.axvline(1 if column == "energy" else 0, color=fig.INK, lw=0.7)
        names = [s if s == "neighbour mix" else f"{s}, layer {k}" for s, k in bars]
        ax.set_yticks(range(len(bars)), names if ax is axes[0] else [])
        ax.invert_yaxis()
        ax.set_xlabel(label)
    chosen, mix = late.filter("chosen", source="network"), late.filter(source="neighbour mix")
    word = "more" if _mean(chosen, "energy") < _mean(mix, "energy") else "less"
    words = f"Networks lie {word} like the grid than neighbour mixing"
    fig.title(sheet, f"{words}, late in the context")
    return sheet


def training(measures: Measures, config: Any) -> Figure:
    """When accuracy and geometry appear in training."""
    sheet, (left, right) = panels(2, 2.9)
    table = measures["training"].with_columns(step=pl.col("step") + 1)
    one = table.filter(layer=0)
    for column, colour, label in (("late", fig.BLUE, "last quarter"), ("early", fig.SKY, "start")):
        values = series(one, column)
        fig.interval_line(left, *values, f"{label} of the context", colour, marker="o")
    left.set(ylim=(0, 1), ylabel=MASS)
    last = one.filter(pl.col("step") == pl.col("step").max())
    word = "grows" if _mean(last, "late") - _mean(last, "early") > 0.2 else "hardly grows"
    fig.title(left, f"Training: accuracy {word} late in the context")
    ends = {}
    for layer, colour in zip(range(1, int(table["layer"].max()) + 1), fig.PALETTE, strict=False):
        values = series(table.filter(layer=layer), "correlation")
        fig.interval_line(right, *values, f"after block {layer}", colour, marker="o")
        ends[layer] = np.mean(values[1][np.isfinite(values[1][:, -1]), -1])
    level = _mean(measures["geometry"].filter(source="neighbour mix"), "correlation")
    right.axhline(level, color=fig.INK, ls=":", label="neighbour mix, at the end")
    right.set(ylabel="distance correlation, late", ylim=(right.get_ylim()[0], 1))
    fig.title(right, f"Geometry is strongest after block {max(ends, key=lambda k: ends[k])}")
    for ax in (left, right):
        log_axis(ax, leads=(1,))
        ax.set_xlabel("training step, plus one")
        ax.legend()
    return sheet


def lags(measures: Measures, config: Any) -> Figure:
    """Attention by lag of every block, and of the second by the places after a visit."""
    back = measures["lags"].filter(pl.col("attention").is_finite())
    blocks = back["block"].unique().sort().to_list()
    sheet, axes = panels(len(blocks) + 1, 3.4)
    seeds, heads = back[SEED].unique().sort().to_list(), back["head"].n_unique()
    copies = measures["copies"].filter(pl.col("attention").is_finite(), block=2)
    shown = [(f"Block {n}", "places back", back.filter(block=n), "lag") for n in blocks]
    shown.append(("Block 2", "places after a visit", copies, "after"))
    for ax, (title, label, rows, column) in zip(axes, shown, strict=True):
        values = rows.sort(SEED, "head", column)["attention"].to_numpy()
        values_RT = values.reshape(len(seeds) * heads, -1)
        image = ax.imshow(values_RT, aspect="auto", vmin=0, vmax=1)
        for i in range(1, len(seeds)):
            ax.axhline(i * heads - 0.5, color="white", linewidth=1.2)
        ax.set_yticks([heads * (i + 0.5) - 0.5 for i in range(len(seeds))], seeds)
        ax.set(xlabel=label, xlim=(-0.5, MOST_BACK + 0.5 if column == "lag" else None))
        fig.title(ax, title)
    axes[0].set_ylabel("network (seed), a row per head")
    sheet.colorbar(image, ax=list(axes), label="attention", shrink=0.8)
    return sheet


draw = drawing(unfolding, context, counting, layers, training, lags)
