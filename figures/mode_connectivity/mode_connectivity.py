"""Figures of the study ``mode_connectivity``: a landscape, shapes, time, a ridge, curvature."""

from typing import Any

import jax.numpy as jnp
import numpy as np
import polars as pl
from matplotlib.axes import Axes
from matplotlib.colors import LogNorm
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator

from toylab.analysis.landscape.path import barrier
from toylab.read import Measures, Rows, table
from toylab.report import figures as fig
from toylab.report.averages import average
from toylab.report.axes import log_axis
from toylab.report.marks import bars
from toylab.report.panels import drawing, legend_below, panels
from toylab.report.series import curve
from toylab.tasks.mode_connectivity.ridge import BETWEEN, chance_apart, height

PAIR = "pair"
ORDERS = {  # in the order in which profiles are stored
    "none": ("as trained", fig.VERMILLION, "-"),
    "weights": ("matched by weights", fig.BLUE, "-"),
    "activations": ("matched by activations", fig.SKY, "--"),
    "random": ("random order", fig.MUTED, ":"),
}
CAPTIONS = {
    "landscape": "(a) Test loss, in nats, on the plane through two trained networks A and B of one "
    "hidden layer and B with its hidden units in the order that fits A's weights: the same "
    "function as B, elsewhere. Coordinates are distances of parameters. (b) The loss along "
    "straight lines from A to B: with the units as trained, in a random order, and matched. One "
    "pair, the first.",
    "shapes": "The barrier of the test loss between independent networks: the largest excess over "
    "the straight line between the losses of the ends. (a) By width, one hidden layer, with the "
    "units in four orders; medians over pairs with their 95% intervals. (b) Share of the barrier "
    "that an order leaves, by the number of hidden layers; bars are means, ticks pairs.",
    "time": "Barriers of the test loss, as trained and matched by weights. (a, b) Between "
    "independent networks over training, with clean labels and with a fifth of them drawn anew, in "
    "training and in the test. (c) Between twins, which share their start and their first steps, "
    "at the end of training, against the number of steps that they share, a fifth of the labels "
    "drawn anew. Medians over pairs with their 95% intervals; 0 lies at the left edge.",
    "ridge": "Runs with noise from the summit of (w1 w2 - 1)^2 / 2, the saddle at 0. (a) Its "
    "height, the dashed ridge, and runs on both sides of it. (b, c) Pairs of runs, a colour each: "
    "the two share the noise of the fewest and of the most steps. (d) Mean barrier between the "
    "ends of the two, a point for every seed, and the law "
    "arccos(1 - (1 + h)^(-2 n)) / (2 pi).",
    "curvature": "(a) Second derivative of the training loss along the straight line between "
    "smooth networks, which under the weights of Green's function is minus the barrier: below 0 "
    "(grey) the line crosses a ridge. Medians over pairs with their 95% intervals. (b) Barrier of "
    "averaging a single layer of networks of several hidden layers, as a share of the barrier of "
    "averaging all of them, as trained and matched. Bars are means, ticks pairs.",
}


def lines(kind: str, matching: str) -> Rows:
    """Lines of one comparison in one order of units."""
    return table("lines").filter(kind=kind, matching=matching)


def drawn(ax: Axes, rows: pl.DataFrame, value: Any, x: str, matching: str) -> None:
    """A median with its band over pairs."""
    label, color, dash = ORDERS[matching]
    curve(ax, rows, value, x, PAIR, label, color, linestyle=dash)


def landscape(measures: Measures, config: Any) -> Figure:
    """The loss on the plane of A, B and B matched, and along the lines."""
    sheet, (left, right) = panels(2, 3.3, width_ratios=[1.25, 1])
    names = ("plane", "plane_x", "plane_y", "corners", "profiles")
    loss, x, y, corners, profiles = (np.asarray(measures[name]) for name in names)
    if np.isfinite(loss).all() and 0 < loss.min() < loss.max():
        norm, levels = LogNorm(loss.min(), loss.max()), np.geomspace(loss.min(), loss.max(), 25)
        image = left.contourf(x, y, loss, levels, norm=norm, cmap=fig.SEQUENTIAL)
        left.contour(x, y, loss, levels[::2], colors="white", linewidths=0.3, alpha=0.5)
        scale = {"ticks": LogLocator(subs=(1, 1.5, 2, 3, 5)), "format": "%g", "shrink": 0.8}
        sheet.colorbar(image, ax=left, label="test loss (nats)", **scale).minorticks_off()
        for end, order in ((1, "none"), (2, "weights")):
            left.plot(*corners[[0, end]].T, color="white", lw=3)
            left.plot(*corners[[0, end]].T, color=ORDERS[order][1], lw=1.8)
        box = {"boxstyle": "round,pad=0.2", "fc": "white", "ec": "none", "alpha": 0.85}
        places = {"A": (-12, -14), "B": (6, -14), "B matched": (6, 7)}
        for point, (name, offset) in zip(corners, places.items(), strict=True):
            left.plot(*point, "o", color="white", mec=fig.INK, ms=6, zorder=3)
            left.annotate(name, point, offset, textcoords="offset points", weight="bold", bbox=box)
    left.set(aspect="equal", xlabel="distance", ylabel="distance")
    t = np.linspace(0, 1, profiles.shape[1])
    for profile, (label, color, dash) in zip(profiles, ORDERS.values(), strict=True):
        right.plot(t, profile, color=color, ls=dash, label=label, lw=1.8)
    right.set_xticks([0, 0.5, 1], ["A", "halfway", "B"])
    right.set(ylabel="test loss (nats)", ylim=(0, None))
    legend_below(sheet, right)
    fig.title(left, "A ridge parts A from B; to B matched there is a valley")
    numbers = "Matching lowers the barrier from {:.2f} to {:.2f} nats"
    fig.title(right, numbers.format(*barrier(profiles[:2])))
    return sheet


def shapes(measures: Measures, config: Any) -> Figure:
    """Barriers by width and by depth."""
    sheet, (left, right) = panels(2, 2.9)
    for order in ORDERS:
        drawn(left, lines("width", order).rows(measures), "test_loss", "width", order)
    log_axis(left, ticks=config.widths)
    left.set(xlabel="width", ylabel="barrier (nats)", ylim=(0, None))
    legend_below(sheet, left)
    at = lambda depth, order: lines("depth", order).filter(depth=depth).value("test_loss", PAIR)
    share = lambda order: lambda depth: at(depth, order) / at(depth, "none")
    cells = tuple((*ORDERS[order][:2], share(order)) for order in reversed([*ORDERS][1:]))
    bars(right, measures, config.depths, cells, [str(depth) for depth in config.depths])
    right.axhline(1, color=fig.INK, lw=0.7, ls=":")
    right.set(xlabel="hidden layers", ylabel="share of the barrier left")
    rest = (average(share("weights")(config.depths[i]), measures) for i in (0, -1))
    fig.title(left, "Matching takes most of the barrier, at every width")
    fig.title(right, "Of deeper networks matching leaves more: {:.0%}, then {:.0%}".format(*rest))
    return sheet


def time(measures: Measures, config: Any) -> Figure:
    """Barriers over training, by clean labels and with wrong ones, and between twins."""
    sheet, axes = panels(3, 2.6)
    steps = pl.col("forked") * config.steps
    for order in ("none", "weights"):
        for ax, kind in zip(axes, ("clean", "time"), strict=False):
            drawn(ax, lines(kind, order).rows(measures), "test_loss", "step", order)
        rows = lines("fork", order).rows(measures).with_columns(steps=steps)
        drawn(axes[2], rows, "test_loss", "steps", order)
    tens = [10**n for n in range(5) if 10**n <= config.steps]
    for ax, ticks in zip(axes, ([0, *tens], [0, *tens], config.forks), strict=True):
        ax.set_xscale("symlog", linthresh=ticks[1] if len(ticks) > 1 else 1)
        ax.set_xticks(ticks, [str(tick) for tick in ticks])
        ax.minorticks_off()
        ax.set(xlabel="step", ylim=(0, None))
    axes[0].set_ylabel("barrier (nats)")
    axes[2].set_xlabel("steps that twins share")
    legend_below(sheet, axes[0])
    titles = ("Clean labels: it falls again", "A fifth drawn anew", "Twins: sharing lowers it")
    for ax, words in zip(axes, titles, strict=True):
        fig.title(ax, words)
    return sheet


def ridge(measures: Measures, config: Any) -> Figure:
    """Runs from a summit, on which side they go, and how far apart they end."""
    sheet, (plane, none, most, law) = panels(4, 2.2, width_ratios=[1.15, 1, 1, 1.15])
    side, shared = np.linspace(-1.6, 1.6, 101), config.shared
    w, runs = jnp.stack(jnp.meshgrid(side, side), -1), np.asarray(measures["descents"])
    levels = np.geomspace(0.02, 7, 16)
    plane.contourf(side, side, height(w), levels, cmap=fig.SEQUENTIAL, extend="both")
    plane.plot(side, -side, "--", color="white", lw=1)
    for path in runs[0].reshape(-1, *runs.shape[-2:]):
        plane.plot(*path.T, color="white", lw=1)
    plane.annotate("ridge", (-1.3, 0.75), color="white", rotation=-45)
    plane.set(aspect="equal", xlabel="$w_1$", ylabel="$w_2$", xlim=side[[0, -1]])
    for ax, pairs in ((none, runs[0]), (most, runs[1])):
        for pair, color in zip(pairs[:6], fig.PALETTE, strict=False):
            ax.plot(pair.sum(-1).T[:200], color=color, lw=1)
        ax.axhline(0, color=fig.INK, ls="--", lw=0.8)
        ax.set(xlabel="step", ylim=(-2.3, 2.3))
    none.set_ylabel("$w_1 + w_2$")
    rows, n = measures["ridge"], np.linspace(shared[0], shared[-1], 200)
    law.plot(n, BETWEEN * chance_apart(n), color=fig.INK, label="law")
    law.plot(rows["shared"], rows["barrier"], "o", color=fig.BLUE, ms=3, label="runs")
    law.set(xlabel="steps shared", ylabel="mean barrier", ylim=(0, None))
    law.legend()
    for ax, text in ((plane, "A summit"), (none, f"Sharing {shared[0]} steps"), (law, "The law")):
        fig.title(ax, text)
    fig.title(most, f"Sharing {shared[-1]}")
    return sheet


def curvature(measures: Measures, config: Any) -> Figure:
    """Curvature along the line, and barriers of single layers."""
    sheet, (left, right) = panels(2, 2.8)
    for order in ("none", "weights"):
        drawn(left, table("bends").filter(matching=order).rows(measures), "total", "t", order)
    left.axhline(0, color=fig.INK, lw=0.8)
    low = min(left.get_ylim()[0], 0)
    left.axhspan(low, 0, color=fig.MUTED, alpha=0.12, lw=0)
    left.set_ylim(low)
    left.set_xticks([0, 0.5, 1], ["A", "halfway", "B"])
    left.set(ylabel="curvature of the loss (nats)")
    legend_below(sheet, left)
    count = config.depths[-1] + 1
    share = pl.col("barrier") / pl.col("whole")
    own = lambda order, layer: table("layers").filter(matching=order, layer=layer)
    single = lambda order: lambda layer: own(order, layer).value(share, PAIR)
    cells = tuple((*ORDERS[order][:2], single(order)) for order in ("none", "weights"))
    bars(right, measures, range(count), cells, ["first", *map(str, range(2, count)), "last"])
    right.axhline(1, color=fig.INK, lw=0.7, ls=":")
    right.set(xlabel="layer that is averaged", ylabel="share of the whole barrier")
    fig.title(left, "Valleys at both ends, a ridge between them")
    fig.title(right, "A single layer makes a barrier of its own")
    return sheet


draw = drawing(landscape, shapes, time, ridge, curvature)
