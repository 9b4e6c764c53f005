"""Figures of the study ``opposing_signals``: the edge, the laws, the controls, the optimisers."""

from typing import Any

import numpy as np
import polars as pl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from toylab.read import Measures, Reading, table
from toylab.report import figures as fig
from toylab.report.averages import average
from toylab.report.axes import log_axis
from toylab.report.marks import points
from toylab.report.panels import drawing, panels
from toylab.report.series import series

CAPTIONS = {
    "edge": "One network with outliers, by descent on the whole sample. (a) Sharpness, the "
    "largest eigenvalue of the Hessian; beside it the same sample at a low rate and without "
    "outliers. Dotted, 2 / rate, the edge beyond which descent is unstable. (b) Mean losses of the "
    "outliers with a positive and with a negative feature. (c) Mean loss of all examples. Shaded, "
    "the steps from the first to the last beyond the edge.",
    "laws": "(a) Sharpness against the length of the network's response |b| as it learns, all "
    "networks, at a low rate. Dotted, theory for a large sample: alpha |b| with outliers of "
    "variance alpha, 2 |b| without, and |beta| - |b| of the gradient, which is larger at first. "
    "(b) Highest sharpness over 2 / rate against the closed form max(alpha, 2) |beta| over a grid "
    "of signals and outliers, all networks. Dotted, where the two are equal, and the edge.",
    "controls": "(a) Correlation of the changes of two losses from step to step, from where a "
    "network reaches the edge: of the groups of outliers; of random sets of its examples; of "
    "groups that ask for the same response; of the halves with either sign of a normal feature. "
    "(b) Correlation of a change of the difference of the two groups' losses with the next change: "
    "-1 for a steady swing. (c) Largest rise of the whole loss, as a share of its first value. "
    "Points are means over networks with 95% intervals, ticks networks.",
    "optimizers": "Minibatches of the same samples, second half of training: highest loss on the "
    "whole sample over the median one, against that median's excess over the best linear network, "
    "for several rates. Points are means over networks, bars their standard deviation. Dotted, the "
    "excess at which optimisers are compared.",
}
MATCHED = 0.04


def edge(measures: Measures, config: Any) -> Figure:
    """Sharpness at 2 / rate, and the groups' losses in opposition: the lecturer's figure."""
    sheet, grid = panels(1, 5.2, fig.COLUMN * 1.6, rows=3, sharex=True, height_ratios=[1.3, 1.3, 1])
    sharp, groups, whole = grid[:, 0]
    seed = int(table("arms").rows(measures)["init_seed"].min())  # pyright: ignore[reportArgumentType]
    known = table("curves").filter(arm="edge", init_seed=seed).rows(measures).sort("step")
    level = 2 / config.learning_rate
    for arm, label, look in (
        ("none", "without outliers", {"color": fig.MUTED}),
        ("below", f"with outliers, rate {config.low_rate:g}", {"color": fig.GREEN, "ls": "--"}),
        ("edge", f"with outliers, rate {config.learning_rate:g}", {"color": fig.VERMILLION}),
    ):
        rows = table("curves").filter(arm=arm, init_seed=seed).rows(measures)
        rows = rows.drop_nulls("sharpness").sort("step")
        sharp.plot(rows["step"], rows["sharpness"], label=label, **look)
    sharp.axhline(level, color=fig.INK, ls=":", lw=1)
    last = max(2, min(40, config.steps))
    sharp.text(last, level, "2 / rate", va="bottom", ha="right")
    for name, sign, colour in (("plus", "+", fig.ORANGE), ("minus", "−", fig.BLUE)):
        groups.plot(known["step"], known[name], color=colour, label=f"feature {sign}")
    whole.plot(known["step"], known["loss"], color=fig.INK)
    beyond = known.filter(pl.col("sharpness") >= level)["step"]
    for ax in (sharp, groups, whole):
        if len(beyond):
            ax.axvspan(beyond.min(), beyond.max(), color=fig.YELLOW, alpha=0.25, lw=0)
    whole.set(xlabel="step", ylabel="loss of all", xlim=(1, last), ylim=(0, None))
    groups.set(ylabel="loss of a group", ylim=(0, None))
    sharp.set(ylabel="sharpness", ylim=(0, None))
    sharp.legend(loc="lower right")
    groups.legend(loc="lower right", ncols=2)
    correlation = average(_arm("edge", "after"), measures)
    fig.title(sharp, "Outliers make the network sharper until it reaches 2 / rate")
    fig.title(groups, f"There the groups' losses oppose: mean correlation {correlation:.2f}")
    fig.title(whole, "The overall loss spikes, and sharpness falls below the edge")
    return sheet


def laws(measures: Measures, config: Any) -> Figure:
    """Sharpness against the learned signal, and the edge over a grid."""
    sheet, (left, right) = panels(2, 3.0)
    alpha = config.fraction * config.magnitude**2
    for arm, colour, label in (
        ("below", fig.GREEN, "with outliers"),
        ("none", fig.MUTED, "without"),
    ):
        rows = table("curves").filter(arm=arm).rows(measures).drop_nulls("sharpness")
        left.plot(rows["signal"], rows["sharpness"], ".", ms=2.5, color=colour, label=label)
    b = np.linspace(0, 1.05 * config.strength, 50)
    for line in (alpha * b, 2 * b, config.strength - b):
        left.plot(b, np.maximum(line, 0), ":", color=fig.INK, lw=0.9)
    left.set(xlabel="length of response |b|", ylabel="sharpness", xlim=(0, None), ylim=(0, None))
    left.legend(loc="upper left", markerscale=3)
    cells = table("cells").rows(measures).filter(~pl.col("diverged"))
    over = cells.select(x=pl.col("predicted") / pl.col("edge"), y=pl.col("peak") / pl.col("edge"))
    right.plot(over["x"], over["y"], ".", ms=3.5, color=fig.BLUE, alpha=0.5)
    right.plot((0.2, 1.6), (0.2, 1.6), ":", color=fig.INK, lw=0.9)
    right.axhline(1, color=fig.INK, ls=":", lw=0.9)
    right.axvline(1, color=fig.INK, ls=":", lw=0.9)
    right.set(xlabel="closed form / edge", ylabel="highest sharpness / edge", ylim=(0.2, 2.2))
    fig.title(left, "Sharpness rises in proportion to the learned signal")
    fig.title(right, "Networks reach the edge where the closed form says")
    return sheet


def _arm(name: str, value: str) -> Reading:
    return table("arms").filter(arm=name).value(value)


def controls(measures: Measures, config: Any) -> Figure:
    """What takes the losses into opposition and to a spike, and what does not."""
    sheet, (left, middle, right) = panels(3, 3.0, width_ratios=[1.2, 1, 1.2])
    correlations = (
        ("groups", "edge", "after", fig.VERMILLION),
        ("random\nsets", "edge", "random", fig.MUTED),
        ("same\ntarget", "aligned", "after", fig.BLUE),
        ("normal\nfeature", "gaussian", "after", fig.PURPLE),
    )
    swings = (
        ("at the\nedge", "edge", "swing", fig.VERMILLION),
        ("normal\nfeature", "gaussian", "swing", fig.PURPLE),
        ("below\nthe edge", "below", "swing", fig.GREEN),
    )
    rises = (
        ("both\ngroups", "edge", "rise", fig.VERMILLION),
        ("one", "one", "rise", fig.ORANGE),
        ("same\ntarget", "aligned", "rise", fig.BLUE),
        ("none", "none", "rise", fig.MUTED),
    )
    for ax, cells in ((left, correlations), (middle, swings), (right, rises)):
        _column(ax, measures, cells)
        ax.axhline(0, color=fig.INK, lw=0.6)
    left.set(ylabel="correlation of loss changes", ylim=(-1.1, 1.1))
    middle.set(ylabel="correlation with the next change", ylim=(-1.1, 1.1))
    right.set(ylabel="rise of the loss / first loss", ylim=(-0.01, None))
    fig.title(left, "At the edge losses oppose, if targets do")
    fig.title(middle, "They swing there, and drift below")
    fig.title(right, "One group does not spike; two do, alike or opposed")
    return sheet


def _column(ax: Axes, measures: Measures, cells: tuple[tuple[str, str, str, str], ...]) -> None:
    """One point for each of several readings."""
    for i, (_, arm, value, colour) in enumerate(cells):
        points(ax, i, _arm(arm, value)(measures).array(), colour)
    ax.set_xticks(range(len(cells)), [label for label, *_ in cells])
    ax.set_xlim(-0.6, len(cells) - 0.4)


def optimizers(measures: Measures, config: Any) -> Figure:
    """Spikes against excess loss."""
    sheet, (ax,) = panels(1, 3.0, fig.COLUMN * 1.4)
    looks = {"sgd": ("SGD", fig.VERMILLION, "o"), "clipped": ("SGD, clipped", fig.ORANGE, "s")}
    looks |= {"adam": ("Adam", fig.BLUE, "^"), "plain adam": ("Adam, b1 = 0", fig.SKY, "v")}
    for name, (label, colour, marker) in looks.items():
        rows = table("spikes").filter(~pl.col("diverged"), optimizer=name).rows(measures)
        _, excess = series(rows, "excess", "learning_rate")
        _, spike = series(rows, "spike", "learning_rate")
        if excess.size:
            spread = spike.std(0)
            ax.errorbar(
                excess.mean(0),
                spike.mean(0),
                spread,
                color=colour,
                marker=marker,
                ms=4,
                lw=1.2,
                elinewidth=0.8,
                label=label,
            )
    ax.axvline(MATCHED, color=fig.INK, ls=":", lw=0.9)
    log_axis(ax, ticks=(0.01, 0.02, 0.04, 0.08))
    ax.set(xlabel="excess of the median loss", ylabel="highest / median loss")
    ax.legend(loc="upper left")
    fig.title(ax, "At the same excess loss Adam spikes less than SGD")
    return sheet


draw = drawing(edge, laws, controls, optimizers)
