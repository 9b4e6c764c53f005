"""Figures of the study ``dictionaries``: stability against recovery, what brings it, and time."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import polars as pl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from toylab.read import Measures, Reading, table
from toylab.report import figures as fig
from toylab.report.averages import average
from toylab.report.marks import bars, headroom, points
from toylab.report.panels import drawing, panels

CAPTIONS = {
    "stability": "(a) TopK dictionaries of several sizes. Recovery: mean over the planted features "
    "of the best signed cosine of an atom. Stability: mean cosine of the atoms of two runs under "
    "the best one-to-one assignment; of all atoms, and of those that fire at all. Dashed, "
    "what random dictionaries of that size have. Marks are means over worlds with 95% intervals, "
    "ticks worlds. (b) The same two scores against each other, with the other dictionaries, each "
    "of one atom for each feature; the line is TopK, with its number of atoms.",
    "causes": "(a) Stability and explained variance of dictionaries with one atom for each "
    "feature: TopK from random directions and from centroids of its own data, relaxed archetypes "
    "(delta = 1) from the same centroids, and from centroids that all runs share, and archetypes "
    "in the hull (delta = 0); dashed, stability of random dictionaries. (b) Recovery and explained "
    "variance against k, where a child brings its parent half of the time. (c) On the same data, "
    "by BatchTopK with two latents: share of the inputs at which a parent's latent is silent, with "
    "a child and alone. Bars are means, ticks worlds.",
    "time": "(a) One sequence: a slow feature (top) and a fast one, 0 or 1, with the predictable "
    "part along them of the temporal dictionary, which sees the input, of the causal variant, "
    "which does not, and the best forecast. (b) Variance not explained against active latents: "
    "autoencoders of several k, and temporal dictionaries at their novel latents (open) and at all "
    "of their active ones (filled). (c) Share of the variance of slow and of fast features in the "
    "predictable part; dashed, the most that any forecast has. Marks and bars are means, ticks "
    "worlds.",
}
CELLS, TIMES = table("cells"), table("times")
Look = tuple[str, str, str]  # label, colour, marker
LINE = {"lw": 1, "ls": "--", "color": fig.MUTED}
OTHERS = {
    "central": ("TopK from centroids", fig.BLUE, "s"),
    "relaxed": ("relaxed archetypes", fig.ORANGE, "o"),
    "alike": ("relaxed, same start", fig.ORANGE, "D"),
    "hull": ("archetypes in the hull", fig.ORANGE, "v"),
    "batchtopk": ("BatchTopK", fig.GREEN, "o"),
    "jumprelu": ("JumpReLU", fig.PURPLE, "o"),
    "gated": ("gated", fig.VERMILLION, "o"),
}


def _cell(arm: str, column: str, **numbers: float) -> Reading:
    return CELLS.filter(arm=arm, **numbers).value(column)


def _along(ax: Axes, measures: Measures, xs: Sequence[float], read: Any, look: Look) -> None:
    """Marks of a reading at several places, joined."""
    means, (label, colour, marker) = [], look
    for i, x in enumerate(xs):
        values = read(x)(measures).values
        points(ax, x, values, colour, label=None if i else label, marker=marker)
        means.append(values.mean() if len(values) else np.nan)
    ax.plot(xs, means, color=colour, lw=1)


def _settings(measures: Measures, arm: str, column: str) -> list[float]:
    return sorted(measures["cells"].filter(arm=arm)[column].unique())


def stability(measures: Measures, config: Any) -> Figure:
    """Stability and recovery over size, and against each other."""
    sheet, (left, right) = panels(2, 3.1, width_ratios=[1, 1.15])
    sizes = [int(size) for size in _settings(measures, "size", "size")]
    looks = {
        "recall": ("recovery of features", fig.BLUE, "o"),
        "stability_live": ("stability, atoms that fire", fig.GREEN, "^"),
        "stability": ("stability, all atoms", fig.VERMILLION, "s"),
    }
    at = lambda column: lambda size: _cell("size", column, size=size)
    for column, look in looks.items():
        _along(left, measures, sizes, at(column), look)
    for column, colour in (("null_recall", fig.BLUE), ("null_stability", fig.VERMILLION)):
        null = [average(at(column)(size), measures) for size in sizes]
        left.plot(sizes, null, "--", color=colour, lw=0.9)
    left.text(sizes[-1], null[-1] - 0.015, "random dictionaries", ha="right", va="top", size=7)
    left.plot([config.features] * 2, [0.3, 1.02], ":", lw=1, color=fig.MUTED)
    left.set(xlabel="atoms (dotted: as many as features)", ylabel="mean cosine", xticks=sizes)
    left.set_ylim(0.3, 1.3)
    left.set_yticks((0.4, 0.6, 0.8, 1.0))
    left.legend(loc="upper left")
    _against(right, measures, sizes)
    rise = lambda name: np.subtract(
        *(average(at(name)(n * config.features), measures) for n in (2, 1))
    )
    way = lambda name: "rises" if rise(name) > 0 else "falls"
    live = f"of atoms that fire it {way('stability_live')}"
    fig.title(left, f"With twice the atoms stability {way('stability')}; {live}")
    fig.title(right, "More atoms recover more; archetypes repeat more")
    return sheet


def _against(ax: Axes, measures: Measures, sizes: list[int]) -> None:
    """Stability against recovery."""
    mean = lambda arm, column, **which: average(_cell(arm, column, **which), measures)
    path = [[mean("size", c, size=s) for s in sizes] for c in ("recall", "stability")]
    ax.plot(*path, "o-", color=fig.INK, ms=5, lw=1, label="TopK")
    for size, x, y in zip(sizes, *path, strict=True):
        ax.annotate(f"{size}", (x, y), (4, 5), textcoords="offset points", size=7)
    for arm, (label, colour, marker) in OTHERS.items():
        if arm in set(measures["cells"]["arm"]):
            spot = [mean(arm, c) for c in ("recall", "stability")]
            ax.plot(*spot, marker, color=colour, ms=6, label=label)
    ax.set(xlabel="recovery (mean cosine)", ylabel="stability (mean cosine)")
    ax.margins(0.12)
    ax.legend(loc="center left", bbox_to_anchor=(1.0, 0.5))


def causes(measures: Measures, config: Any) -> Figure:
    """What brings stability, the best k, and absorption."""
    sheet, axes = panels(3, 2.9, width_ratios=[1.6, 1.1, 1])
    arms = {"TopK": "size", "TopK,\ncentroids": "central", "relaxed\narch.": "relaxed"}
    arms |= {"same\nstart": "alike", "in the\nhull": "hull"}
    only = lambda name: {"relative": 1.0} if arms[name] == "size" else {}
    read = lambda column: lambda name: _cell(arms[name], column, **only(name))
    cells = [("stability", fig.VERMILLION, read("stability"))]
    cells += [("explained variance", fig.SKY, read("explained"))]
    bars(axes[0], measures, list(arms), cells)
    axes[0].axhline(average(_cell("relaxed", "null_stability"), measures), **LINE)
    headroom(axes[0])
    axes[0].legend(loc="upper center", ncols=2, columnspacing=1)
    free, bound = (average(_cell(arm, "stability"), measures) for arm in ("central", "relaxed"))
    fig.title(axes[0], f"From one start: stability {bound:.2f} by the constraint, {free:.2f} free")
    _over_k(axes[1], measures)
    kinds = {"flat": "flat", "matryoshka": "Matryoshka"}
    lost = lambda column: lambda arm: _cell(arm, column)
    both = [("with a child", fig.PURPLE, lost("absorbed"))]
    both += [("parent alone", fig.MUTED, lost("absorbed_alone"))]
    bars(axes[2], measures, list(kinds), both, [*kinds.values()])
    axes[2].set(ylabel="parent's latent silent", ylim=(0, 0.4))
    axes[2].legend(loc="upper center")
    flat, nested = (average(_cell(arm, "absorbed"), measures) for arm in kinds)
    fig.title(axes[2], f"Silent with a child: flat {flat:.0%}, prefixes {nested:.0%}")
    return sheet


def _over_k(ax: Axes, measures: Measures) -> None:
    ks = _settings(measures, "k", "k")
    at = lambda column: lambda k: _cell("k", column, k=k)
    _along(ax, measures, ks, at("recall"), ("recovery", fig.BLUE, "o"))
    _along(ax, measures, ks, at("explained"), ("explained variance", fig.SKY, "s"))
    ax.axvline(measures["cells"].filter(arm="k")["true_l0"][0], ls=":", lw=1, color=fig.MUTED)
    ax.set(xlabel="k (dotted: active features)", xticks=ks, ylim=(0.5, 1.0))
    ax.legend(loc="lower right")
    recall = [average(at("recall")(k), measures) for k in ks]
    best = ks[int(np.argmax(recall))] if np.isfinite(recall).all() else np.nan
    fig.title(ax, f"Recovery is best at k = {best:g}")


def time(measures: Measures, config: Any) -> Figure:
    """A sequence, errors against active latents, and what is foretold."""
    sheet, axes = panels(3, 3.0, width_ratios=[1.25, 1, 1])
    _trace(axes[0], measures["traces"])
    _errors(axes[1], measures)
    arms = {"tfa": "as it is", "shuffled": "shuffled", "causal": "causal"}
    arms["causal shuffled"] = "causal,\nshuffled"
    read = lambda column: lambda arm: TIMES.filter(arm=arm).value(column)
    cells = [("slow", fig.BLUE, read("slow")), ("fast", fig.ORANGE, read("fast"))]
    bars(axes[2], measures, list(arms), cells, [*arms.values()])
    axes[2].tick_params(axis="x", labelsize=6.5)
    axes[2].axhline(config.rho**2, **LINE)
    axes[2].axhline(0, color=fig.INK, lw=0.7)
    axes[2].set(ylabel="variance in the predictable part", ylim=(-0.2, 1.25))
    axes[2].legend(loc="upper center", ncols=2)
    same = average(read("slow")("shuffled"), measures)
    fig.title(axes[2], f"Shuffled in time, {same:.0%} of slow features is still 'predicted'")
    return sheet


def _trace(ax: Axes, rows: pl.DataFrame) -> None:
    looks = {"tfa": ("temporal", fig.VERMILLION), "causal": ("causal", fig.GREEN)}
    for base, kind in ((1.5, "slow"), (0.0, "fast")):
        own = rows.filter(kind=kind)
        first = own.filter(arm="tfa").sort("time")
        ax.fill_between(first["time"], base, base + first["state"], step="mid", color="#DDDDDD")
        ax.plot(
            first["time"], base + first["oracle"], "--", color=fig.INK, lw=1, label="best forecast"
        )
        for arm, (label, colour) in looks.items():
            told = own.filter(arm=arm).sort("time")
            ax.plot(told["time"], base + told["told"], color=colour, lw=1.2, label=label)
        ax.text(0, base + 1.08, f"{kind} feature (grey)", size=7)
    handles, labels = ax.get_legend_handles_labels()
    ax.legend(handles[:3], labels[:3], loc="upper center", ncols=2, columnspacing=1)
    ax.set(xlabel="time", ylim=(-0.3, 3.8), yticks=(0, 1, 1.5, 2.5))
    ax.set_yticklabels(("0", "1", "0", "1"))
    fig.title(ax, "What is slow is foretold once it is on, what is fast never")


def _errors(ax: Axes, measures: Measures) -> None:
    error = lambda arm, **n: 1 - TIMES.filter(arm=arm, **n).value("explained")
    ks = sorted(measures["times"].filter(arm="sae")["k"].unique())
    _along(ax, measures, ks, lambda k: error("sae", k=k), ("autoencoder", fig.INK, "o"))
    looks = {"tfa": ("temporal", fig.VERMILLION, "s"), "shuffled": ("shuffled", fig.SKY, "D")}
    looks["causal"] = ("causal", fig.GREEN, "^")
    for arm, (label, colour, marker) in looks.items():
        values = error(arm)(measures).values
        total = average(TIMES.filter(arm=arm).value("l0"), measures)
        novel = min(ks)
        if len(values) and np.isfinite(total):
            ax.plot([novel, total], [values.mean()] * 2, ":", color=colour, lw=1)
            points(ax, novel, values, colour, marker=marker, filled=False)
            points(ax, total, values, colour, label=label, marker=marker)
    ax.set(xlabel="active latents", ylabel="variance not explained", yscale="log")
    ax.set_ylim(top=1.6)  # room for the legend
    ax.legend(loc="upper right")
    fig.title(ax, "Fewer novel latents, not fewer active ones")


draw = drawing(stability, causes, time)
