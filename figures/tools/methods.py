"""Figures of the study ``methods``: of each method what it says, beside the truth."""

from typing import Any

import numpy as np
import polars as pl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from toylab.read import Measures, table
from toylab.report import figures as fig
from toylab.report.averages import average
from toylab.report.axes import log_axis
from toylab.report.marks import bars
from toylab.report.panels import drawing, panels
from toylab.report.series import series

KEYS = {"subject": fig.BLUE, "relation": fig.ORANGE, "filler": fig.MUTED}
WAYS = {"plain": ("as it is", fig.INK), "prompt": ("split-softmax", fig.BLUE)}
WAYS |= {"span": ("on another token", fig.ORANGE)}
CAPTIONS = {
    "attention": "(a) Share of the answer's probability that is lost when the last position no "
    "longer sees another, by layer, counted from the one layer that can move anything; ticks are "
    "networks. (b, c) Dialogues after training on 8 turns: chance of the right word where the "
    "network speaks, and attention of its cues to the instruction, means of 16 turns.",
    "heads": "(a) Correlation of nearness with attention scores in the joint space of an induction "
    "head, by the scale, in units of its closed form; lines are networks. (b) Share of the "
    "induction score that is left when the previous-token head cannot write some directions. (c) "
    "Share of symbols answered right: with examples; alone, with a vector added or none.",
}


def attention(measures: Measures, config: Any) -> Figure:
    """Edges closed, layer by layer; dialogues with and without split-softmax."""
    sheet, axes = panels(3, 2.6, width_ratios=[1.2, 1, 1])
    _knock_outs(axes[0], measures)
    for ax, column in zip(axes[1:], ("right", "mass"), strict=True):
        for how, (label, colour) in WAYS.items():
            turn_S, value_PS = series(
                table("dialogues").filter(how=how).rows(measures), column, "turn"
            )
            value_PS = value_PS[np.isfinite(value_PS).all(1)]
            if len(value_PS):
                dash = "--" if how == "span" else "-"
                fig.interval_line(ax, turn_S + 8, value_PS, label, colour, ls=dash)
        ax.set_xlabel("turn of the dialogue")
    axes[1].set_ylim(0.5, 1.02)
    axes[2].set_ylim(0, None)
    axes[1].set_ylabel("right where the network speaks")
    axes[2].set_ylabel("attention to the instruction")
    axes[1].legend(loc="lower left")
    fig.title(axes[1], "More attention to the instruction slows the drift")
    fig.title(axes[2], "Attention to it falls as others crowd in")
    return sheet


def _knock_outs(ax: Axes, measures: Measures) -> None:
    rows = measures["knock_out"].with_columns(off=pl.col("layer") - pl.col("mover"))
    for key, colour in KEYS.items():
        own = rows.filter(key=key).sort("off")
        mean = own.group_by("off", maintain_order=True).agg(pl.col("fall").mean())
        ax.plot(own["off"], own["fall"], "_", color=colour, ms=5, mew=0.6)
        ax.plot(mean["off"], mean["fall"], "o-", color=colour, label=key)
    ax.set(xlabel="layer, from the one that moves", ylabel="share of p(answer) lost")
    ax.set(xlim=(-3.4, 4.4), ylim=(-0.03, 1.03))
    ax.legend(loc="upper right", title="edge to the")
    fig.title(ax, "Knock-out finds the layer that moves the subject")


def heads(measures: Measures, config: Any) -> Figure:
    """Joint embedding, communication, function vectors."""
    sheet, axes = panels(3, 2.6, width_ratios=[1, 1, 1.45])
    _scales(axes[0], measures)
    _cuts(axes[1], measures)
    kinds = {"in_context": "with\nexamples", "alone": "alone", "vector": "its\nvector"}
    kinds |= {"drawn": "other\nheads", "sum": "sum\nof two", "part": "one\nof two"}
    read = lambda kind: table("vectors").value(kind)
    bars(axes[2], measures, list(kinds), [("", fig.BLUE, read)], list(kinds.values()))
    axes[2].axhline(1 / 9, color=fig.MUTED, ls=":", lw=1)
    axes[2].set(ylabel="symbols answered right", ylim=(0, 1.03))
    told = average(read("vector"), measures)
    fig.title(axes[2], f"A vector of four heads has {told:.0%} answered without examples")
    return sheet


def _scales(ax: Axes, measures: Measures) -> None:
    rows = measures["joint"]
    names = [name for name in rows.columns if name.startswith("at_")]
    scales = 2.0 ** np.linspace(-3, 3, len(names))
    for row in rows.select(names).to_numpy():
        ax.plot(scales, row, color=fig.SKY, lw=0.8)
    closed = rows["closed"].to_numpy()
    ax.plot(np.ones(len(closed)), closed, "o", color=fig.BLUE, label="closed form")
    log_axis(ax, ticks=[0.125, 0.5, 1, 2, 8])
    ax.set(xlabel="scale / closed form", ylabel="correlation of nearness and score")
    ax.legend(loc="lower center")
    fig.title(ax, "Nearness against score, by the scale")


def _cuts(ax: Axes, measures: Measures) -> None:
    for kind, label, colour in (
        ("top", "that keys read", fig.BLUE),
        ("drawn", "random", fig.MUTED),
    ):
        names = [name for name in measures["talk"].columns if name.startswith(kind)]
        left_PN = measures["talk"].select(names).to_numpy()
        left_PN = left_PN[np.isfinite(left_PN).all(1)]
        if len(left_PN):
            fig.interval_line(ax, np.arange(len(names)), left_PN, label, colour, marker="o", ms=3)
    ax.set(xlabel="directions cut, of 16", ylabel="induction score left", ylim=(0, 1.4))
    ax.set(xticks=range(0, 9, 2), yticks=(0, 0.5, 1))
    ax.legend(loc="upper right")
    fig.title(ax, "Induction without what keys read, or without as much")


draw = drawing(attention, heads)
