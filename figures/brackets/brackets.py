"""Figures of the study ``brackets``: the rule space, prediction and ablations."""

from typing import Any

import numpy as np
import polars as pl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from toylab.read import Measures, table
from toylab.report import figures as fig
from toylab.report.panels import drawing, panels
from toylab.report.ramp import ramp
from toylab.tasks.brackets.strings import rejected

LEARNED, NESTS, TYPED = 0.99, 0.5, 0.8
SEEN = "of networks with 99% accuracy on seen strings"
METHODS = {"uniform": fig.BLUE, "mean": fig.ORANGE, "zero": fig.MUTED}
CAPTIONS = {
    "rules": "Every network at its share of unseen strings rejected: across, those that begin with "
    '")" or end with "(", which a look at the ends tells; upwards, the hard ones, which begin with '
    f'"(" and end with ")". Corners are rules. Colours are weight decays; {SEEN}, filled.',
    "prediction": "Hard strings rejected against the largest score of a head on seen strings: the "
    "share of strings on which all symbols of negative depth get (a) more attention than all "
    f"others, or all less, (b) more. Circles are networks, {SEEN} and several layers; filled, with "
    "weight decay. Titles compare networks above their cell's median with the rest.",
    "ablations": "Change in the share of unseen strings rejected when all heads are ablated, by "
    "heads that a network has on seen strings (score 0.8 or more on negative depth, or else on "
    f"the sign of the last depth), {SEEN} and several layers. Ticks are networks, bars means.",
}


def rules(measures: Measures, config: Any) -> Figure:
    """Every network between the rules, by layers."""
    sheet, axes = panels(len(config.layers), 2.9, sharey=True)
    colours = dict(zip(config.decays, ramp(len(config.decays)), strict=True))
    for ax, layers in zip(axes, config.layers, strict=True):
        rows = table("networks").filter(layers=layers).rows(measures)
        for decay, colour in colours.items():
            own = rows.filter(decay=decay)
            faces = [colour if done else "white" for done in own["seen"] >= LEARNED]
            ax.scatter(own["easy"], own["hard"], 20, faces, edgecolors=colour, alpha=0.8, zorder=2)
        done = rows.filter(pl.col("seen") >= LEARNED)
        nests = int((done["hard"] >= NESTS).sum())
        plural = "s" if layers > 1 else ""
        fig.title(ax, f"{layers} layer{plural}: {nests} of {len(done)} nest")
        _corners(ax, rejected("first symbol", config.pairs) / rejected("both ends", config.pairs))
        ax.set_xlabel("easy unseen rejected")
    axes[0].set_ylabel("hard unseen rejected")
    marks = [Line2D([], [], marker="o", ls="", color=c, ms=4.5) for c in colours.values()]
    labels = [f"weight decay {decay:g}" for decay in colours]
    sheet.legend(marks, labels, loc="outside lower center", ncols=len(labels))
    return sheet


def _corners(ax: Axes, first: float) -> None:
    """Name the rules where their networks would stand."""
    ax.set_xlim(-0.06, 1.06)
    ax.set_ylim(-0.24, 1.08)
    ax.set_yticks(np.arange(0, 1.1, 0.25))
    where = {
        "EQUAL-COUNT": (0, 0, -0.03, "left"),
        "FIRST\nSYMBOL": (first, 0, first + 0.06, "right"),
        "BOTH\nENDS": (1, 0, 1.04, "right"),
        "NESTED": (1, 1, 0.93, "right"),
    }
    for name, (x, y, at, side) in where.items():
        ax.plot(x, y, "s", ms=9, mfc="none", mec=fig.INK, mew=0.8, clip_on=False, zorder=0)
        up, va = (0.98, "center") if y else (-0.07, "top")
        ax.text(at, up, name, ha=side, va=va, size=6.5)


def prediction(measures: Measures, config: Any) -> Figure:
    """Hard strings rejected against head scores on seen strings."""
    sheet, axes = panels(2, 3.0, sharey=True)
    several = table("networks").filter(pl.col("layers") > 1).rows(measures)
    rows = several.filter(pl.col("seen") >= LEARNED)
    upper = pl.col("hard") > pl.col("hard").median().over("layers", "heads", "decay")
    kinds = {"hierarchical": "hierarchical", "violation": "violation-detecting"}
    for ax, (score, kind) in zip(axes, kinds.items(), strict=True):
        for layers, colour in zip(config.layers[1:], fig.PALETTE, strict=False):
            own = rows.filter(pl.col("layers") == layers)
            for decayed, face in ((False, "white"), (True, colour)):
                kept = own.filter((pl.col("decay") > 0) == decayed)
                name = f"{layers} layers, {'with' if decayed else 'no'} decay"
                look = {"ms": 4.5, "mfc": face, "mec": colour, "alpha": 0.8, "label": name}
                ax.plot(kept[score], kept["hard"], "o", **look)
        halves = [rows.filter(upper == side)[score].mean() for side in (True, False)]
        if None not in halves:
            told = f"{halves[0]:.2f} where more is rejected, {halves[1]:.2f} elsewhere"
            fig.title(ax, f"{kind.capitalize()}: {told}")
        ax.set_xlabel(f"score of the most {kind} head")
        ax.set_xlim(-0.04, 1.04)
    axes[0].set_ylabel("hard unseen rejected")
    sheet.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=4)
    return sheet


def ablations(measures: Measures, config: Any) -> Figure:
    """Change of unseen strings rejected without attention, by heads."""
    sheet, axes = panels(1, 2.7)
    keys = ["init_seed", "layers", "heads", "decay"]
    about = table("networks").rows(measures).select(*keys, "seen", "sign", "violation")
    cut = table("cut").filter(pl.col("layers") > 1, layer=-1).rows(measures)
    rows = cut.join(about, on=keys).filter(pl.col("seen") >= LEARNED)
    detects, matches = pl.col("violation") >= TYPED, pl.col("sign") >= TYPED
    kinds = {"violation-detecting": detects, "sign-matching": matches & ~detects}
    kinds["neither"] = ~detects & ~matches
    ticks = []
    for i, (kind, test) in enumerate(kinds.items()):
        own = rows.filter(test)
        ticks.append(f"{kind}\n({len(own) // len(METHODS)} networks)")
        for j, (method, colour) in enumerate(METHODS.items()):
            change = own.filter(method=method)["unseen change"].drop_nulls().to_numpy()
            at = i + 0.27 * (j - 1)
            axes[0].bar(
                at,
                change.mean() if len(change) else 0,
                0.25,
                color=colour,
                label=None if i else method,
            )
            axes[0].plot(np.full(len(change), at), change, "_", color=fig.INK, ms=6, mew=0.6)
    axes[0].axhline(0, color=fig.INK, lw=0.7)
    axes[0].set_xticks(range(len(ticks)), ticks)
    axes[0].set_ylabel("change of unseen rejected")
    fig.title(axes[0], "Uniform and mean attention agree; no attention at all says something else")
    sheet.legend(
        *axes[0].get_legend_handles_labels(), loc="outside right center", title="attention"
    )
    return sheet


draw = drawing(rules, prediction, ablations)
