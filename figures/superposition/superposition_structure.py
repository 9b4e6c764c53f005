"""Figures of the study ``superposition_structure``: the pentagon's snap, sets, ladder, bases."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import polars as pl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from toylab.read import Measures
from toylab.report import figures as fig
from toylab.report.axes import log_axis
from toylab.report.panels import gallery, panels
from toylab.report.series import curve, series

from .pictures import gram, vectors

DENSITY = 0.05  # of the sets' pictures
SHOWN = (0.15, 0.25, 0.3, 0.5, 1.0, 2.0)  # relative densities of the pictures
# The paper's regimes of three correlated pairs: densities, and pairs collapsed.
REGIMES = ((0.0, 0.05, 0), (0.05, 0.15, 1), (0.15, 0.2, 2), (0.25, 0.5, 3))
KINDS = {"correlated": fig.BLUE, "anticorrelated": fig.VERMILLION, "independent": fig.MUTED}
PAIR_COLOURS = [colour for colour in (fig.BLUE, fig.ORANGE, fig.GREEN) for _ in range(2)]

CAPTIONS = {
    "nonuniform": "Five features in two dimensions, the red one sparser than the others. Above: "
    "best solutions, by the ratio of its density to theirs. Below: norm of the red feature and "
    "angle to its neighbours, over that ratio; median and 95% interval over groups of tries. The "
    "dashed line is where the paper's pentagon snaps into two digons.",
    "pairs": "Two pairs of features (one colour each) in a plane. Left: best solutions. Right: "
    "the greater of the two cosines within a pair, for every try of low loss.",
    "ladder": "Three correlated pairs (one colour each) in a plane. Above: best solutions. Below: "
    "number of pairs collapsed to one direction, with the paper's regimes in orange, and fraction "
    "of the squared weights that reads the sums of pairs, over the density of a pair.",
    "bases": "Two sets of ten features in ten dimensions. Left: W^T W of the best solutions. "
    "Right: greatest |cosine| of a feature within its set and across the sets, mean over "
    "features, a point per group of tries.",
}


def arrows(ax: Axes, W_2N: np.ndarray, colours: Sequence[str], up: int) -> None:
    """Features of one model in its plane, turned so that one of them points up."""
    turn = np.pi / 2 - np.arctan2(W_2N[1, up], W_2N[0, up])
    rotation = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    vectors(ax, rotation @ W_2N, colours, reach=1.4)
    ax.axis("off")


def solutions(
    axes: Sequence[Axes], W_S2N: np.ndarray, values: np.ndarray, wanted: Sequence[float], label: str
) -> None:
    """Solutions at the settings nearest the wanted ones."""
    shown = sorted({int(np.argmin(np.abs(values - w))) for w in wanted})
    for ax, i in zip(axes, shown, strict=False):
        five = W_S2N.shape[2] == 5
        colours = [fig.BLUE] * 4 + [fig.VERMILLION] if five else PAIR_COLOURS
        kept = five and np.linalg.norm(W_S2N[i][:, 4]) >= 0.5
        arrows(ax, W_S2N[i], colours, 4 if kept else 0)
        ax.set_title(f"{label} {values[i]:g}", fontsize=8, loc="center")
    for ax in axes[len(shown) :]:
        ax.axis("off")


def nonuniform(measures: Measures) -> Figure:
    """Best solutions over the sparse feature's density, both loss branches, norm and angle."""
    sheet, pictures, (left, right) = gallery(4.2, len(SHOWN))
    best = measures["nonuniform_best"]
    ratios = best["ratio"].unique().sort().to_numpy()
    solutions(pictures, measures["W_nonuniform"], ratios, SHOWN, "density ×")
    for ax, value, label in (
        (left, "norm", "norm of that feature"),
        (right, "neighbour_angle", "angle to its neighbours, degrees"),
    ):
        curve(ax, best, value, "ratio", "group", color=fig.BLUE, marker="o")
        ax.set_ylabel(label)
    left.set_ylim(bottom=-0.05)
    right.axhline(72, color=fig.MUTED, linestyle=":", linewidth=0.8)
    note = dict(textcoords="offset points", fontsize=7.5)
    right.annotate("regular: 72°", (0.15, 72), xytext=(0, 3), color=fig.MUTED, **note)
    left.annotate("paper's snap", (0.4, 0.35), xytext=(4, 0), color=fig.INK, **note)
    for ax in (left, right):
        ax.axvline(0.4, color=fig.ORANGE, linestyle="--", linewidth=0.9)
        log_axis(ax, ticks=(0.2, 0.4, 1, 2))
        ax.set_xlabel("relative density")
    found = measures["snaps"]["snap"].drop_nulls().median()
    where = "it keeps its dimension in these runs"
    if found is not None:
        where = f"the pentagon snaps into two digons at {found:.2f} of the others' density"
    fig.title(sheet, f"As one of five features grows sparser, {where}")
    return sheet


def pairs(measures: Measures) -> Figure:
    """Cosines within pairs of low-loss tries, and the best solution of each kind."""
    sheet = fig.figure(fig.PAGE, 2.7)
    axes = sheet.subplots(1, 4, width_ratios=(1, 1, 1, 2.2))
    at = pl.col("density") == DENSITY
    shown = measures["pairs_best"].filter(group=0)
    share = {}
    for y, (kind, colour) in enumerate(KINDS.items()):
        place = shown.select((pl.col("kind") == kind) & at).to_series()
        arrows(axes[y], measures["W_pairs"][int(place.arg_true()[0])], PAIR_COLOURS[:4], 0)
        axes[y].set_title(kind, fontsize=8, loc="center")
        low = measures["pairs"].filter(at, "low", kind=kind)
        jitter = np.random.default_rng(0).uniform(-0.25, 0.25, len(low))
        axes[3].scatter(low["largest"], y + jitter, s=9, color=colour, alpha=0.6, lw=0)
        measured = ("largest_size", 0.2) if kind == "correlated" else ("largest", -0.9)
        share[kind] = (low[measured[0]] < measured[1]).mean() or 0
    axes[3].set_yticks(range(3), KINDS)
    axes[3].set_title("every low-loss try", fontsize=8, loc="center")
    axes[3].set(xlim=(-1.08, 1.08), xlabel="greatest cosine within a pair")
    axes[3].invert_yaxis()
    for ax, letter in zip((axes[0], axes[3]), "ab", strict=True):
        fig.panel_label(ax, letter)
    fig.title(
        sheet,
        f"Correlated pairs are orthogonal in {share['correlated']:.0%} of low-loss tries, "
        f"anticorrelated ones antipodal in {share['anticorrelated']:.0%}",
    )
    return sheet


def ladder(measures: Measures) -> Figure:
    """Number of collapsed pairs over density with the paper's regimes, and some solutions."""
    wanted = (0.02, 0.06, 0.175, 0.28, 0.42, 0.7, 0.8)
    sheet, pictures, (left, right) = gallery(4.4, len(wanted))
    best = measures["ladder_best"]
    densities, counts = series(best.filter(kind="correlated"), "collapsed", "density", "group")
    W_S2N = measures["W_ladder"][(best.filter(group=0)["kind"] == "correlated").to_numpy()]
    solutions(pictures, W_S2N, densities, wanted, "1−S =")
    for i, (low, high, count) in enumerate(REGIMES):
        style = dict(color=fig.ORANGE, alpha=0.35, lw=0, label=None if i else "paper's regimes")
        left.fill_between([max(low, 0.017), high], count - 0.25, count + 0.25, **style)
    for ax, value in ((left, "collapsed"), (right, "sum_share")):
        for kind, colour, marker in (("correlated", fig.BLUE, "o"), ("independent", fig.INK, "s")):
            style = dict(label=kind, color=colour, marker=marker, markersize=3.5)
            curve(ax, best.filter(kind=kind), value, "density", "group", **style)
    left.set_ylabel("collapsed pairs (cos > 0.9)")
    right.axhline(0.5, color=fig.MUTED, linestyle=":", linewidth=0.8)
    note = dict(textcoords="offset points", fontsize=7.5, color=fig.MUTED)
    right.annotate("random directions", (0.02, 0.5), xytext=(0, 3), **note)
    right.set(ylim=(0, 1.05), ylabel="fraction of ‖W‖² that reads pairs' sums")
    for ax in (left, right):
        log_axis(ax, ticks=(0.02, 0.05, 0.15, 0.25, 0.5))
        ax.set(xlim=(0.017, 0.9), xlabel="density 1−S of a pair")
        ax.legend(loc="upper left" if ax is left else "lower right")
    dense = np.nanmedian(counts, 0).max()
    fig.title(
        sheet,
        f"Of three correlated pairs in a plane {np.nanmedian(counts[:, 0]):g} collapse to one "
        f"direction at density {densities[0]:g}, and up to {dense:g} in denser worlds",
    )
    return sheet


def bases(measures: Measures) -> Figure:
    """W^T W of two sets of ten, and their overlap within sets compared with two controls."""
    sheet, (left, middle, right) = panels(3, 2.7, width_ratios=(1, 1, 1.3))
    for ax, kind, W_MN in zip(
        (left, middle), ("correlated", "independent"), measures["W_bases"], strict=True
    ):
        gram(ax, W_MN)
        ax.axhline(9.5, color=fig.INK, linewidth=0.6)
        ax.axvline(9.5, color=fig.INK, linewidth=0.6)
        ax.set_xticks([4.5, 14.5], ["set 1", "set 2"])
        ax.set_yticks([4.5, 14.5], ["set 1", "set 2"], rotation=90, va="center")
        ax.tick_params(length=0)
        ax.set_title(kind, fontsize=8, loc="center")
    bar = sheet.colorbar(left.images[0], ax=[left, middle], fraction=0.03, pad=0.02)
    bar.set_label("W$^T$W", fontsize=7.5)
    best = measures["bases_best"]
    rows = {kind: best.filter(kind=kind) for kind in ("correlated", "independent")}
    rows["untrained"] = measures["bases_untrained"]
    for x, table in enumerate(rows.values()):
        for shift, value, colour in ((-0.12, "within", fig.BLUE), (0.12, "across", fig.ORANGE)):
            style = dict(s=10, color=colour, alpha=0.6, lw=0)
            label = None if x else f"{value} sets"
            right.scatter(np.full(len(table), x + shift), table[value], label=label, **style)
    right.set_xticks(range(3), rows)
    right.set(xlim=(-0.5, 2.5), ylim=(0, 1.05), ylabel="greatest |cos|, mean over features")
    right.legend(loc="lower right")
    within = {name: table["within"].drop_nulls().median() or 0 for name, table in rows.items()}
    fig.title(
        sheet,
        "Within a set of correlated features the greatest |cos| to another feature is "
        f"{within['correlated']:.2f} ({within['independent']:.2f} if features are independent)",
    )
    return sheet


def draw(measures: Measures, config: Any) -> dict[str, Figure]:
    """Draw every figure of the study; one whose networks all diverged is left out."""
    makers = {make.__name__: make for make in (nonuniform, pairs, ladder, bases)}
    finite = [name for name in makers if not measures[name]["diverged"].all()]
    return {name: makers[name](measures) for name in finite}
