"""Figures of the study ``methods``: a map, two corpora, and what pruning takes."""

from typing import Any

import numpy as np
import polars as pl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from toylab.read import Measures, Reading, table
from toylab.report import figures as fig
from toylab.report.averages import average
from toylab.report.axes import log_axis
from toylab.report.marks import bars
from toylab.report.panels import drawing, panels
from toylab.report.series import series
from toylab.tasks.tools.places import Places

CAPTIONS = {
    "space": "(a) The map of which networks see no more than which places are near, north or east "
    "of others. Dots are places, lines go to where a linear probe of the first network puts them, "
    "each of nine blocks by a probe of the other eight. (b) Variance that such probes explain of "
    "places; of random fields as smooth, the 95% quantile; of places from rows of answers in place "
    "of embeddings; before training; with places shuffled. Bars end at -0.2. (c) Two networks of "
    "one map: cosine of the weights that make up a place of its neighbours, correlation of all "
    "cosines, and what a direction that is carried across does per direction of the network's own.",
    "inputs": "(a) Cosine of the input that a detector likes best with its patterns; share of "
    "prototypes that lie nearest the right place; how well nearness to the mean tells tokens never "
    "seen (AUC). (b) Units of two patterns, one of each corpus; of one; and random directions: "
    "share whose top inputs show a pattern in both corpora, and share where it is not the same. "
    "(c) Bad words when provoked, by the share of weights pruned: lines are means over networks, "
    "bands 95% intervals.",
}
PRUNED = {"signed": ("signed", fig.BLUE), "snip": ("SNIP", fig.ORANGE)}
PRUNED |= {"matched": ("as large", fig.GREEN), "random": ("random", fig.MUTED)}


def of(column: str) -> Reading:
    """A column of the networks with a map."""
    return table("maps").value(column)


def space(measures: Measures, config: Any) -> Figure:
    """A map as it is read off, what else is, and how it crosses networks."""
    sheet, axes = panels(3, 2.7, width_ratios=[1, 1.1, 1.1])
    _map(axes[0], measures)
    names = {
        "r2": "places",
        "r2_fields": "smooth fields",
        "r2_rows": "places from\nrows of answers",
    }
    names |= {"r2_untrained": "before\ntraining", "r2_shuffled": "places\nshuffled"}
    look = [("", fig.BLUE, of)]
    bars(axes[1], measures, list(names), look, list(names.values()), upright=False)
    axes[1].axvline(0, color=fig.INK, lw=0.7)
    axes[1].set(xlabel="R2 in blocks left out", xlim=(-0.2, 1.03))
    told, null = (average(of(name), measures) for name in ("r2", "r2_fields"))
    fig.title(axes[1], f"Places {told:.2f}, null {null:.2f}")
    pairs = {"local": "LLE\nweights", "cosines": "cosines", "carried": "directions"}
    nulls = {"local": "local_shuffled", "cosines": "cosines_shuffled", "carried": "carried_random"}
    cells = [("two networks", fig.BLUE, of), ("shuffled", fig.MUTED, lambda n: of(nulls[n]))]
    bars(axes[2], measures, list(pairs), cells, list(pairs.values()))
    axes[2].axhline(0, color=fig.INK, lw=0.7)
    axes[2].set(ylabel="agreement", ylim=(-0.2, 1.5), yticks=(0, 0.5, 1))
    axes[2].legend(loc="upper left")
    fig.title(axes[2], "Networks place alike")
    return sheet


def _map(ax: Axes, measures: Measures) -> None:
    """Places, and where the first sound network's probe puts them."""
    true_N2 = Places().map()
    rows = measures["places"].filter(pl.col("east").is_finite())
    own = rows.sort("init_seed", maintain_order=True).head(len(true_N2))
    for (x, y), east, north in zip(true_N2, own["east"], own["north"], strict=False):
        ax.plot([x, east], [y, north], color=fig.SKY, lw=0.8)
    ax.plot(*true_N2.T, "o", color=fig.INK, ms=2.5)
    ax.set(xlabel="east", ylabel="north", aspect="equal", xlim=(-2, 12), ylim=(-2, 12))
    fig.title(ax, "A map, as read")


def inputs(measures: Measures, config: Any) -> Figure:
    """Inputs made and tokens found; stories of two corpora; pruning."""
    sheet, axes = panels(3, 2.7, width_ratios=[1.1, 1.1, 1])
    unit = table("units")
    trained = {"pattern": unit.mean("made"), "place": of("hits"), "unseen": of("unseen")}
    untrained = {"pattern": unit.mean("made_untrained"), "place": of("hits_untrained")}
    cells = [("trained", fig.BLUE, trained.__getitem__)]
    names = ["patterns", "places", "unseen\ntokens"]
    bars(axes[0], measures, list(trained), cells, names)
    before = [average(reading, measures) for reading in untrained.values()]
    axes[0].plot(range(2), before, "_", color=fig.VERMILLION, ms=22, mew=2, label="untrained")
    axes[0].set(ylabel="found", ylim=(-0.05, 1.4), yticks=(0, 0.5, 1))
    axes[0].legend(loc="upper left")
    fig.title(axes[0], "What units like, found")
    groups = {"two patterns": True, "one pattern": False, "random": None}
    cells = [(n, c, _story(name, groups)) for n, c, name in _SIDES]
    bars(
        axes[1],
        measures,
        list(groups),
        cells,
        ["two\npatterns", "one\npattern", "random"],
    )
    axes[1].set(ylabel="share of units", ylim=(0, 1.4), yticks=(0, 0.5, 1))
    axes[1].legend(loc="upper left")
    fig.title(axes[1], "Two stories of a unit")
    _pruned(axes[2], measures)
    return sheet


_SIDES = (("pure in both", fig.SKY, "pure"), ("and different", fig.VERMILLION, "illusion"))


def _story(name: str, groups: dict[str, bool | None]) -> Any:
    def read(group: str) -> Reading:
        two = groups[group]
        rows = table("units")
        return rows.mean(f"random_{name}") if two is None else rows.filter(two=two).mean(name)

    return read


def _pruned(ax: Axes, measures: Measures) -> None:
    for mask, (label, colour) in PRUNED.items():
        share_S, bad_PS = series(table("pruned").filter(mask=mask).rows(measures), "bad", "share")
        bad_PS = bad_PS[np.isfinite(bad_PS).all(1)]
        if len(bad_PS):
            fig.interval_line(ax, 100 * share_S, bad_PS, label, colour, marker="o", ms=3)
    log_axis(ax, ticks=[0.25, 0.5, 1, 2])
    ax.set(xlabel="weights pruned, %", ylabel="bad words when provoked", ylim=(0, 1.03))
    ax.legend(loc="lower left", handlelength=1)
    fig.title(ax, "Few weights say it")


draw = drawing(space, inputs)
