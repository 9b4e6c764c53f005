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
from toylab.stats.ranks import auc
from toylab.tasks.brackets.strings import rejected

LEARNED, NESTS, TYPED = 0.99, 0.5, 0.8
SEEN = "of networks with 99% accuracy on seen strings"
METHODS = {"uniform": fig.BLUE, "mean": fig.ORANGE, "zero": fig.MUTED}
CAPTIONS = {
    "rules": "Every network at its share of unseen strings rejected: across, those that begin with "
    '")" or end with "(", which a look at the ends tells; upwards, the hard ones, which begin with '
    f'"(" and end with ")". Corners are rules. Colours are weight decays; {SEEN}, filled.',
    "prediction": "(a) Hard strings rejected against the largest score of a head for hierarchical "
    "attention on seen strings: the share of strings on which it gives all symbols of negative "
    "depth more than all others, or less. (b) The same by ranks, |2p - 1| with p the chance that "
    "a symbol of negative depth gets more. Circles are networks, "
    f"{SEEN} and several layers.",
    "ablations": "Change in the share of unseen strings rejected when all heads are ablated, by "
    "heads that a network has on seen strings (score 0.8 or more for hierarchical, or for "
    f"sign-matching attention), {SEEN} and several layers. Ticks are networks, bars means.",
}


def rules(measures: Measures, config: Any) -> Figure:
    """Every network between the rules, by layers."""
    sheet, axes = panels(len(config.layers), 2.9, sharey=True)
    colours = dict(zip(config.decays, ramp(len(config.decays)), strict=True))
    for ax, layers in zip(axes, config.layers, strict=True):
        rows = table("networks").filter(layers=layers).rows(measures)
        for decay, colour in colours.items():
            own = rows.filter(pl.col("decay") == decay)
            for test, face in (
                (pl.col("seen") >= LEARNED, colour),
                (pl.col("seen") < LEARNED, "w"),
            ):
                x, y = own.filter(test).select("easy", "hard").to_numpy().T
                ax.plot(x, y, "o", ms=4.5, mfc=face, mec=colour, alpha=0.8, clip_on=False)
        done = rows.filter(pl.col("seen") >= LEARNED)
        nests = int((done["hard"] >= NESTS).sum())
        words = f"{layers} layer{'s' if layers > 1 else ''}: {nests} of {len(done)} reject half of"
        fig.title(ax, f"{words} the hard strings")
        _corners(ax, rejected("first symbol", config.pairs) / rejected("both ends", config.pairs))
        ax.set_xlabel("easy unseen strings rejected")
    axes[0].set_ylabel("hard unseen strings rejected")
    marks = [Line2D([], [], marker="o", ls="", color=c, ms=4.5) for c in colours.values()]
    labels = [f"weight decay {decay:g}" for decay in colours]
    sheet.legend(marks, labels, loc="outside lower center", ncols=len(labels))
    return sheet


def _corners(ax: Axes, first: float) -> None:
    """Name the rules where their networks would stand."""
    ax.set_xlim(-0.06, 1.06)
    ax.set_ylim(-0.08, 1.08)
    where = {
        "EQUAL-COUNT": (0, 0, "left"),
        "FIRST\nSYMBOL": (first, 0, "center"),
        "BOTH\nENDS": (1, 0, "right"),
        "NESTED": (1, 1, "right"),
    }
    for name, (x, y, side) in where.items():
        ax.plot(x, y, "s", ms=9, mfc="none", mec=fig.INK, mew=0.8, clip_on=False, zorder=0)
        low = y + 0.06 if y == 0 else y - 0.06
        ax.text(x, low, name, ha=side, va="bottom" if y == 0 else "top", size=6.5, color=fig.INK)


def prediction(measures: Measures, config: Any) -> Figure:
    """Hard strings rejected against head scores on seen strings."""
    sheet, axes = panels(2, 2.9, sharey=True)
    several = table("networks").filter(pl.col("layers") > 1).rows(measures)
    rows = several.filter(pl.col("seen") >= LEARNED)
    words = "most hierarchical head, by strings", "most hierarchical head, by ranks"
    for ax, score, word in zip(axes, ("hierarchical", "hierarchical rank"), words, strict=True):
        for layers, colour in zip(config.layers, fig.PALETTE, strict=False):
            own = rows.filter(pl.col("layers") == layers)
            name = f"{layers} layers" if len(own) else None
            ax.plot(own[score], own["hard"], "o", ms=4, color=colour, alpha=0.7, label=name)
        nests = (rows["hard"] >= NESTS).to_numpy()
        found = auc(rows[score].to_numpy(), nests) if len(rows) else None
        told = "no two kinds to tell" if found is None else f"area under ROC {found:.2f}"
        fig.title(ax, f"Whether a network nests, from its {word.split(', ')[1][3:]}: {told}")
        ax.set_xlabel(f"score of the {word}")
    axes[0].set_ylabel("hard unseen strings rejected")
    if len(rows):
        sheet.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=3)
    return sheet


def ablations(measures: Measures, config: Any) -> Figure:
    """Change of unseen strings rejected without attention, by heads."""
    sheet, axes = panels(1, 2.7)
    keys = ["init_seed", "layers", "heads", "decay"]
    about = table("networks").rows(measures).select(*keys, "seen", "sign", "hierarchical")
    cut = table("cut").filter(pl.col("layers") > 1, layer=-1).rows(measures)
    rows = cut.join(about, on=keys).filter(pl.col("seen") >= LEARNED)
    nests, signs = pl.col("hierarchical") >= TYPED, pl.col("sign") >= TYPED
    kinds = {"violation-detecting": nests, "sign-matching only": signs & ~nests}
    kinds["neither"] = ~nests & ~signs
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
    fig.title(axes[0], "Without attention: what networks reject depends on what replaces it")
    sheet.legend(
        *axes[0].get_legend_handles_labels(), loc="outside right center", title="attention"
    )
    return sheet


draw = drawing(rules, prediction, ablations)
