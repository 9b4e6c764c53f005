"""Figures of the study ``superposition_structure``: the pentagon's snap, sets, ladder, bases."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import polars as pl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from toylab.report import figures as fig
from toylab.studies.superposition.superposition_structure.rows import (
    DENSITY,
    best_ladder,
    best_nonuniform,
    crossing,
    lowest,
    near_lowest,
    of_kind,
    snap,
)

SHOWN = (0.15, 0.25, 0.3, 0.5, 1.0, 2.0)  # relative densities of the pictures
# The paper's regimes of three correlated pairs: densities, and pairs collapsed (None: PCA-like).
REGIMES = ((0.0, 0.05, 0), (0.05, 0.15, 1), (0.15, 0.2, 2), (0.25, 0.5, 3))
NAMES = {"correlated": fig.BLUE, "anticorrelated": fig.VERMILLION, "independent": fig.MUTED}


def draw(measures: Mapping[str, Any], config: Any) -> dict[str, Figure]:
    """Draw every figure of the study."""
    return {
        "nonuniform": nonuniform(measures),
        "pairs": pairs(measures),
        "ladder": ladder(measures),
        "bases": bases(measures),
    }


def arrows(ax: Axes, W_2N: np.ndarray, colours: Sequence[str], up: int) -> None:
    """Features of one model as arrows in its plane, turned so that one of them points up."""
    turn = np.pi / 2 - np.arctan2(W_2N[1, up], W_2N[0, up])
    rotation = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    for (x, y), colour in zip((rotation @ W_2N).T, colours, strict=True):
        ax.plot([0, x], [0, y], color=colour, linewidth=1.2, solid_capstyle="round")
        ax.plot(x, y, "o", color=colour, markersize=3.5, alpha=0.8)
    ax.set_xlim(-1.4, 1.4)
    ax.set_ylim(-1.4, 1.4)
    ax.set_aspect("equal")
    ax.axis("off")


def nearest_settings(values: Sequence[float], wanted: Sequence[float]) -> list[int]:
    """Places of the settings nearest the wanted ones, each once."""
    return sorted({int(np.argmin(np.abs(np.asarray(values) - w))) for w in wanted})


def nonuniform(measures: Mapping[str, Any]) -> Figure:
    """Best solutions over the sparse feature's density, both loss branches, norm and angle."""
    sheet = fig.figure(fig.PAGE, 4.2)
    top, bottom = sheet.subfigures(2, 1, height_ratios=(1, 1.9))
    best = best_nonuniform(measures)
    order = best["ratio"].unique().sort().to_numpy()
    shown = nearest_settings(order, SHOWN)
    colours = [fig.BLUE] * 4 + [fig.VERMILLION]
    for ax, i in zip(np.atleast_1d(top.subplots(1, len(shown))), shown, strict=True):
        W_2N = measures["W_nonuniform"][i]
        faded = np.linalg.norm(W_2N[:, 4]) < 0.5
        arrows(ax, W_2N, colours, 0 if faded else 4)
        ax.set_title(f"density × {order[i]:g}", fontsize=8, loc="center")
    left, middle, right = bottom.subplots(1, 3)
    branches(left, measures)
    found = snap(best)
    for ax, value, label in (
        (middle, "norm", "norm of that feature"),
        (right, "neighbour_angle", "angle to its neighbours, degrees"),
    ):
        wide = best.pivot("ratio", index="group", values=value, sort_columns=True)
        fig.interval_line(ax, order, wide.drop("group").to_numpy(), color=fig.BLUE, marker="o")
        ax.set_ylabel(label)
    middle.set_ylim(bottom=-0.05)
    right.axhline(72, color=fig.MUTED, linestyle=":", linewidth=0.8)
    right.annotate("regular: 72°", (0.15, 72), xytext=(0, 3), textcoords="offset points",
                   fontsize=7, color=fig.MUTED)  # fmt: skip
    for ax in (left, middle, right):
        ax.axvline(0.4, color=fig.ORANGE, linestyle="--", linewidth=0.9)
        ax.set_xscale("log")
        ax.set_xticks([0.2, 0.4, 1.0, 2.0], ["0.2", "0.4", "1", "2"])
        ax.minorticks_off()
        ax.set_xlabel("relative density")
    middle.annotate("paper's snap", (0.4, 0.35), xytext=(4, 0), textcoords="offset points",
                    fontsize=7, color=fig.INK)  # fmt: skip
    where = "no snap in these runs"
    if np.isfinite(found).any():
        where = f"the pentagon snaps into two digons near {_mid(found):.2f} of the others' density"
    cross = crossing(measures["nonuniform"])
    if np.isfinite(cross).any():
        where += f"; the losses cross at {_mid(cross):.2f} (paper: 0.4)"
    fig.title(sheet, f"One of five features (red) made sparser: {where}")
    return sheet


def _mid(values: np.ndarray) -> float:
    return float(np.nanmedian(values))


def branches(ax: Axes, measures: Mapping[str, Any]) -> None:
    """Lowest loss of each shape at each relative density, median over groups."""
    best = lowest(measures["nonuniform"], "group", "ratio", "kind")
    for kind, colour, marker in (("pentagon", fig.BLUE, "o"), ("digons", fig.GREEN, "s")):
        rows = best.filter(pl.col("kind") == kind)
        rows = rows.group_by("ratio").agg(pl.col("loss").median()).sort("ratio")
        ax.plot(rows["ratio"], 1e3 * rows["loss"], marker=marker, color=colour, label=kind,
                markersize=3)  # fmt: skip
    ax.set_ylabel("lowest loss of each shape, ×10⁻³")
    ax.set_ylim(bottom=0)
    ax.legend(loc="lower right")


def pairs(measures: Mapping[str, Any]) -> Figure:
    """Cosines within pairs of low-loss tries, and the best solution of each kind."""
    table = measures["pairs"]
    sheet = fig.figure(fig.PAGE, 2.7)
    axes = sheet.subplots(1, 4, width_ratios=(1, 1, 1, 2.2))
    rows_of = {
        "correlated": of_kind(table, "correlated"),
        "anticorrelated": of_kind(table, "anticorrelated"),
        "independent": of_kind(table, "independent", DENSITY),
    }
    settings = lowest(table.filter(pl.col("group") == 0), "kind", "density")
    for ax, kind in zip(axes[:3], rows_of, strict=True):
        at = (settings["kind"] == kind) & ((settings["density"] - DENSITY).abs() < 1e-9)
        W_2N = measures["W_pairs"][int(at.arg_true()[0])]
        arrows(ax, W_2N, [fig.BLUE, fig.BLUE, fig.ORANGE, fig.ORANGE], 0)
        ax.set_title(kind, fontsize=8, loc="center")
    shares = {}
    for y, (kind, rows) in enumerate(rows_of.items()):
        low = near_lowest(rows, "group")
        jitter = np.random.default_rng(0).uniform(-0.25, 0.25, len(low))
        axes[3].scatter(low["largest"], y + jitter, s=9, color=NAMES[kind], alpha=0.6, lw=0)
        shares[kind] = {
            "apart": float((low["largest_size"] < 0.2).mean() or 0),
            "antipodal": float((low["largest"] < -0.9).mean() or 0),
        }
    axes[3].set_yticks(range(3), rows_of)
    axes[3].set_title("every low-loss try", fontsize=8, loc="center")
    axes[3].set_xlim(-1.08, 1.08)
    axes[3].set_xlabel("greatest cosine within a pair")
    axes[3].invert_yaxis()
    fig.title(
        sheet,
        "Two sets of two (one colour each) in a plane: correlated pairs are orthogonal in "
        f"{shares['correlated']['apart']:.0%} of low-loss tries (independent "
        f"{shares['independent']['apart']:.0%}), anticorrelated ones antipodal in "
        f"{shares['anticorrelated']['antipodal']:.0%} (independent "
        f"{shares['independent']['antipodal']:.0%})",
    )
    return sheet


def ladder(measures: Mapping[str, Any]) -> Figure:
    """Number of collapsed pairs over density beside the paper's regimes, and some solutions."""
    sheet = fig.figure(fig.PAGE, 4.4)
    top, bottom = sheet.subfigures(2, 1, height_ratios=(1, 1.9))
    best = best_ladder(measures, 0, 1)
    order = best["density"].unique().sort().to_numpy()
    settings = lowest(measures["ladder"].filter(pl.col("group") == 0), "kind", "density")
    mine = (settings["kind"] == "correlated").to_numpy()
    W_S2N = measures["W_ladder"][mine]
    shown = nearest_settings(order, (0.02, 0.06, 0.175, 0.28, 0.42, 0.7, 0.8))
    colours = [c for c in (fig.BLUE, fig.ORANGE, fig.GREEN) for _ in range(2)]
    for ax, i in zip(np.atleast_1d(top.subplots(1, len(shown))), shown, strict=True):
        arrows(ax, W_S2N[i], colours, 0)
        ax.set_title(f"1−S = {order[i]:g}", fontsize=8, loc="center")
    left, right = bottom.subplots(1, 2)
    for i, (low, high, count) in enumerate(REGIMES):
        left.fill_between([max(low, 0.017), high], count - 0.25, count + 0.25, color=fig.ORANGE,
                          alpha=0.35, lw=0, label=None if i else "paper's regimes")  # fmt: skip
    _line(left, best, "collapsed", "correlated", fig.BLUE, "o")
    control = best_ladder(measures, 0, 1, "independent")
    _line(left, control, "collapsed", "independent", fig.INK, "s")
    left.set_ylabel("collapsed pairs (cos > 0.9)")
    _line(right, best, "sum_share", "correlated", fig.BLUE, "o")
    _line(right, control, "sum_share", "independent", fig.INK, "s")
    right.axhline(0.5, color=fig.MUTED, linestyle=":", linewidth=0.8)
    right.annotate("random directions", (0.02, 0.5), xytext=(0, 3), textcoords="offset points",
                   fontsize=7, color=fig.MUTED)  # fmt: skip
    right.set_ylim(0, 1.05)
    right.set_ylabel("share of ‖W‖² that reads pairs' sums")
    for ax in (left, right):
        ax.set_xscale("log")
        ax.set_xlim(0.017, 0.9)
        ax.set_xticks([0.02, 0.05, 0.15, 0.25, 0.5], ["0.02", "0.05", "0.15", "0.25", "0.5"])
        ax.minorticks_off()
        ax.set_xlabel("density 1−S of a pair")
        ax.legend(loc="upper left" if ax is left else "lower right")
    median = best.group_by("density").agg(pl.col("collapsed").median()).sort("density")
    ends = [float(v) for v in (median["collapsed"][0], median["collapsed"].max())]
    fig.title(
        sheet,
        f"Three correlated pairs (one colour each) in a plane: from {ends[0]:g} collapsed pairs at "
        f"density {order[0]:g} up to {ends[1]:g} as the features grow dense",
    )
    return sheet


def _line(ax: Axes, table: pl.DataFrame, value: str, label: str, colour: str, marker: str) -> None:
    wide = table.pivot("density", index="group", values=value).drop("group")
    x = np.sort([float(c) for c in wide.columns])
    values_PS = np.stack([wide[c].to_numpy() for c in sorted(wide.columns, key=float)], axis=1)
    fig.interval_line(ax, x, values_PS, label, color=colour, marker=marker, markersize=3.5)


def bases(measures: Mapping[str, Any]) -> Figure:
    """W^T W of two sets of ten, and their overlap within sets beside two controls."""
    sheet = fig.figure(fig.PAGE, 2.7)
    left, middle, right = sheet.subplots(1, 3, width_ratios=(1, 1, 1.3))
    for ax, kind, W_MN in zip(
        (left, middle), ("correlated", "independent"), measures["W_bases"], strict=True
    ):
        ax.imshow(W_MN.T @ W_MN, cmap=fig.DIVERGING, vmin=-1, vmax=1)
        ax.axhline(9.5, color=fig.INK, linewidth=0.6)
        ax.axvline(9.5, color=fig.INK, linewidth=0.6)
        ax.set_xticks([4.5, 14.5], ["set 1", "set 2"])
        ax.set_yticks([4.5, 14.5], ["set 1", "set 2"], rotation=90, va="center")
        ax.tick_params(length=0)
        ax.set_title(kind, fontsize=8, loc="center")
    bar = sheet.colorbar(left.images[0], ax=[left, middle], fraction=0.03, pad=0.02)
    bar.set_label("W$^T$W", fontsize=7.5)
    best = lowest(measures["bases"], "kind", "group")
    rows = {kind: of_kind(best, kind) for kind in ("correlated", "independent")}
    rows["untrained"] = measures["bases_untrained"]
    for x, table in enumerate(rows.values()):
        for shift, value, colour in ((-0.12, "within", fig.BLUE), (0.12, "across", fig.ORANGE)):
            right.scatter(np.full(len(table), x + shift), table[value], s=10, color=colour,
                          alpha=0.6, lw=0, label=None if x else f"{value} sets")  # fmt: skip
    right.set_xticks(range(3), rows)
    right.set_xlim(-0.5, 2.5)
    right.set_ylim(0, 1.05)
    right.set_ylabel("greatest |cos|, mean over features")
    right.legend(loc="lower right")
    within = {name: float(table["within"].median() or 0) for name, table in rows.items()}
    fig.title(
        sheet,
        "Two sets of ten features in ten dimensions: nearest |cos| within a set "
        f"{within['correlated']:.2f} if correlated, {within['independent']:.2f} if independent, "
        f"{within['untrained']:.2f} untrained",
    )
    return sheet
