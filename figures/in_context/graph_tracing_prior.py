"""Figures of the study ``graph_tracing_prior``: which plane carries which ring."""

from typing import Any

import numpy as np
import polars as pl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from toylab.read import Measures, Rows, table
from toylab.report import figures as fig
from toylab.report.averages import average
from toylab.report.panels import drawing, panels
from toylab.report.series import series

RINGS = {"calendar": fig.BLUE, "context": fig.VERMILLION, "other": fig.MUTED}
WORDS = {"calendar": "calendar", "context": "walked ring", "other": "third ring"}
NETWORKS = {
    "reserved": "Reserved days",
    "shared": "Shared days",
    "no calendar": "No calendar",
}
PARTS = {"first": ("components 1 and 2", 1 / 3), "second": ("components 3 and 4", 1 / 2)}
CAPTIONS = {
    "strip": "Mean representations of the seven days in the last round of walks that go two days "
    "at a time, in one network of each kind at its best layer. Lines join days that follow each "
    "other in the calendar and in the walked ring; colour runs from the first day to the last.",
    "overlaps": "Overlap of two principal components of the days' mean representations with a "
    "ring's plane, in the last round of walks two days at a time. Filled: networks at their best "
    "layer; open: one neighbour mix of their own embeddings; small dots: single networks. "
    "Dotted: chance (of components 3 and 4: beside one ring's plane). Titles are of shared days.",
    "shares": "Share of the variance of the days' mean representations in each ring's plane, by "
    "round of the walk, at the best layer. The third ring is never walked. Dotted: chance. Medians "
    "over networks with 95% intervals.",
    "mass": "Probability on the next day of the walked ring, on both neighbours in the calendar "
    "and in the third ring, by place in walks on a permuted ring. Dotted: the next token of the "
    "same ring of other tokens. Medians over networks with 95% intervals.",
}


def _planes(network: str, source: str = "network") -> Rows:
    """Class means of the calendar's tokens: of networks at their best layer, or of a control."""
    of = {"network": network, "source": source, "tokens": "calendar"}
    rows = table("planes").filter(**of, stride=2)
    return rows.filter(chosen=True) if source == "network" else rows


def _mean(m: Measures, rows: Rows, column: str) -> float:
    return average(rows.last("window").mean(column), m)


def strip(m: Measures, config: Any) -> Figure:
    """Class means of one network of two kinds late in the context, with both rings drawn."""
    sheet, axes = panels(4, 2.4)
    points = m["points"].filter(tokens="calendar", stride=2, chosen=True)
    points = points.filter(pl.col("window") == pl.col("window").max())
    for i, network in enumerate(("reserved", "shared")):
        rows = points.filter(network=network).sort("day")
        for j, (pair, part) in enumerate(zip(((1, 2), (3, 4)), PARTS, strict=True)):
            ax = axes[2 * i + j]
            _rings(ax, *(rows[f"pc{k}"].to_numpy() for k in pair), 2)
            title = f"{NETWORKS[network]}, {pair[0]} and {pair[1]}"
            ax.set_title(f"{title}\n{rows[f'explained_{part}'][0]:.0%} of variance", size=8)
    for ring in ("calendar", "context"):
        axes[0].plot([], [], color=RINGS[ring], label=WORDS[ring])
    sheet.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=2)
    kept = _mean(m, _planes("shared"), "first_calendar") >= 0.8
    word = "carry" if kept else "do not carry"
    fig.title(sheet, f"Leading principal components {word} the calendar where days are shared")
    return sheet


def _rings(ax: Axes, x: np.ndarray, y: np.ndarray, stride: int) -> None:
    """Days as points, the calendar's edges and the walked ring's as lines."""
    count = len(x)
    for day in range(count):
        for step, ring, width in ((1, "calendar", 1.3), (stride, "context", 0.8)):
            to = (day + step) % count
            ax.plot(x[[day, to]], y[[day, to]], color=RINGS[ring], lw=width, zorder=1)
    ax.scatter(x, y, c=np.arange(count), cmap=fig.SEQUENTIAL, s=28, zorder=3)
    ax.set_axis_off()
    ax.set_aspect("equal", adjustable="datalim")


def overlaps(m: Measures, config: Any) -> Figure:
    """Overlaps of components with the calendar's plane and the walked ring's."""
    sheet, axes = panels(2, 2.5, sharey=True)
    for ax, (part, (name, chance)) in zip(axes, PARTS.items(), strict=True):
        for i, network in enumerate(NETWORKS):
            for j, ring in enumerate(("calendar", "context")):
                y = i + 0.3 * j - 0.15
                column, look = f"{part}_{ring}", {"color": RINGS[ring], "ms": 7}
                values = _planes(network).last("window").mean(column)(m).values
                ax.plot(values, [y] * len(values), ".", color=RINGS[ring], alpha=0.5)
                level = _mean(m, _planes(network), column)
                ax.plot(level, y, "o", **look, label=WORDS[ring])
                mix = _mean(m, _planes(network, "mixing"), column)
                ax.plot(mix, y, "o", **look, markerfacecolor="none")
        ax.axvline(chance, color=fig.INK, ls=":", lw=0.9)
        ax.set(xlim=(-0.02, 1.02), xlabel=f"overlap of {name}")
    axes[0].set_yticks(range(len(NETWORKS)), list(NETWORKS.values()))
    axes[0].invert_yaxis()
    first = (part[:2] for part in axes[0].get_legend_handles_labels())
    sheet.legend(*first, loc="outside lower center", ncols=2)
    bars = {"first_calendar": (0.8, "1 and 2", "calendar")}
    bars |= {"second_context": (0.6, "3 and 4", "ring")}
    for ax, (column, (bar, pair, ring)) in zip(axes, bars.items(), strict=True):
        word = "carry" if _mean(m, _planes("shared"), column) >= bar else "do not carry"
        fig.title(ax, f"{pair} {word} the {ring}")
    return sheet


def shares(m: Measures, config: Any) -> Figure:
    """Share of the variance in each ring's plane, round by round."""
    sheet, axes = panels(3, 2.5, sharey=True)
    for ax, (network, name) in zip(axes, NETWORKS.items(), strict=True):
        rows = _planes(network).rows(m).with_columns(round=pl.col("window") + 1)
        for ring, colour in RINGS.items():
            x, values = series(rows, f"share_{ring}", "round")
            fig.interval_line(ax, x, values, WORDS[ring], colour, marker="o", markersize=3)
        ends = np.nan_to_num(series(rows, "share_context", "round")[1][:, [0, -1]]).sum(0)
        ax.axhline(1 / 3, color=fig.INK, ls=":", lw=0.9)
        ax.set(xlabel="round of the walk", ylim=(0, 1))
        word = "grows" if np.diff(ends) > 0 else "shrinks"
        ax.set_title(f"{name}: ring {word}", size=8)
    axes[0].set_ylabel("share of variance")
    axes[-1].legend()
    return sheet


def mass(m: Measures, config: Any) -> Figure:
    """Mass on the next day of the walked ring and on the calendar's neighbours, by place."""
    sheet, axes = panels(3, 2.5, sharey=True)
    words = [("context", "walked ring's next"), ("calendar", "calendar's two")]
    words.append(("other", "third ring's two"))
    for ax, (network, name) in zip(axes, NETWORKS.items(), strict=True):
        walked = table("mass").filter(pl.col("place") > 0, network=network, walked="context")
        rows = walked.filter(tokens="calendar").rows(m)
        late = {}
        for ring, label in words:
            x, values = series(rows, ring, "place")
            fig.interval_line(ax, x, values, label, RINGS[ring])
            late[ring] = np.nan_to_num(values[:, -len(x) // 4 :]).sum()
        plain = walked.filter(tokens="plain").rows(m).group_by("place")
        plain = plain.agg(pl.col("context").mean())
        ax.plot(*plain.sort("place"), ":", color=fig.INK, lw=1, label="same, other tokens")
        ax.set(xlabel="place in the context", ylim=(0, 1.02))
        word = "ring" if late["context"] > late["calendar"] else "calendar"
        ax.set_title(f"{name}: {word} wins", size=8)
    axes[0].set_ylabel("probability mass")
    axes[-1].legend()
    return sheet


draw = drawing(strip, overlaps, shares, mass)
