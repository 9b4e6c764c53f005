"""Figures of the study ``superposition``: pictures of W^T W, kept features, D* and D_i."""

import functools
from typing import Any

import matplotlib as mpl
import numpy as np
import polars as pl
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import Figure

from toylab.read import Measures
from toylab.report import figures as fig
from toylab.report.panels import drawing, panels
from toylab.report.series import curve

from .pictures import density_axis, gram, sparsity_axis

LINES = {
    "1 own dimension": 1.0,
    "3/4 tetrahedron": 3 / 4,
    "2/3 triangle": 2 / 3,
    "1/2 antipodal pair": 1 / 2,
    "2/5 pentagon": 2 / 5,
    "3/8 square antiprism": 3 / 8,
}
PLATEAU = (2.19, 3.5)  # span of 1/(1-S) over which D* should stay at 1/2
KEPT = pl.col("norm") > 0.5
UNIT = Normalize(0, 1)

PICTURES = (
    "Above: W^T W of one seed. Below: the norm of each feature, coloured by its superposition, the "
    "sum of squared overlaps of its direction with the other features. Density 1−S falls from left "
    "to right; features are in order of importance."
)
CAPTIONS = {
    "pictures": f"20 features in 5 dimensions. {PICTURES}",
    "large": f"80 features in 20 dimensions. {PICTURES}",
    "kept": "Number of features with a norm above 1/2, per hidden dimension, over the density of "
    "the features; median and 95% interval over seeds.",
    "geometry": "Equally important features over sparsity. a: dimensions per feature, median and "
    "95% interval over seeds; the span where the paper's curve is flat is shaded. b: each kept "
    "feature's share of a dimension in one seed, with the fractions of regular polytopes.",
}


def pictures(measures: Measures, config: Any, name: str = "relu") -> Figure:
    """W^T W and the norm of each feature, coloured by its superposition, for every density."""
    shown = [("ReLU", name, i) for i in range(len(config.densities))]
    if name == "relu":
        shown = [("linear", "linear", 0), *shown]
    sheet = fig.figure(fig.PAGE, 2.9)
    axes = sheet.subplots(2, len(shown), height_ratios=(1, 1.1), squeeze=False, sharex="col")
    one = {n: measures[n].filter(init_seed=0) for n in (name, "linear")}
    for (top, bottom), (label, source, i) in zip(axes.T, shown, strict=True):
        W_MN = measures[f"W_{source}"][i]
        gram(top, W_MN, aspect="auto")
        _bars(bottom, one[source].filter(density=config.densities[i]))
        top.set_title(f"{label}\n1−S = {config.densities[i]:g}", fontsize=7.5, loc="center")
    for ax in axes[:, 1:].flat:
        ax.set_yticklabels([])
    axes[0, 0].set_ylabel("feature")
    axes[1, 0].set_ylabel("norm ‖W$_i$‖")
    sheet.supxlabel("feature, most important first", fontsize=8)
    for row, norm, colours, label in (
        (axes[0], Normalize(-1, 1), fig.DIVERGING, "W$^T$W"),
        (axes[1], UNIT, fig.SEQUENTIAL, "superposition"),
    ):
        shades = ScalarMappable(norm, colours)
        bar = sheet.colorbar(shades, ax=row.tolist(), fraction=0.02, pad=0.01)
        bar.set_label(label, fontsize=7.5)
    ends = max(config.densities), min(config.densities)
    dense, sparse = (one[name].filter(KEPT, density=density).height for density in ends)
    fig.title(
        sheet,
        f"A ReLU model of {W_MN.shape[0]} dimensions keeps {dense} of {W_MN.shape[1]} dense "
        f"features, and {sparse} at density {ends[1]:g}",
    )
    return sheet


def _bars(ax: Axes, rows: pl.DataFrame) -> None:
    colours = mpl.colormaps[fig.SEQUENTIAL](UNIT(rows["interference"].to_numpy()))
    ax.bar(rows["feature"], rows["norm"], color=colours, width=1.0, linewidth=0)
    ax.axhline(1, color=fig.MUTED, linewidth=0.6, linestyle=":")
    ax.set_ylim(0, 1.4)


def kept(measures: Measures, config: Any) -> Figure:
    """Number of kept features over density, as a share of the dimensions."""
    sheet = fig.figure(fig.COLUMN, 2.6)
    ax = sheet.subplots()
    last = {}
    is_kept = pl.when(~pl.col("diverged")).then(KEPT).cast(pl.Float64)
    for name, marker in zip(("linear", "relu", "large"), "sov", strict=True):
        m, n = measures[f"W_{name}"].shape[1:]
        text = f"{'linear' if name == 'linear' else 'ReLU'}, {n} in {m}"
        share = is_kept * (n / m)
        _, values_SX = curve(ax, measures[name], share, "density", label=text, marker=marker)
        last[name] = np.nanmedian(values_SX[:, 0])
    density_axis(ax)
    ax.set(ylim=(0, None), ylabel="kept features per dimension")
    ax.legend()
    fig.title(
        ax,
        f"Of sparse features a ReLU model keeps {last['relu']:.1f} per dimension, a linear one "
        f"{last['linear']:.1f}",
    )
    return sheet


def geometry(measures: Measures, config: Any) -> Figure:
    """D* over sparsity for all seeds, and D_i of every kept feature of one seed."""
    sheet, (left, right) = panels(2, 3.1, sharex=True, width_ratios=(1, 1.25))
    table = measures["geometry"].with_columns(sparsity=1 / pl.col("density"))
    x, values_SX = curve(left, table, "d_star", "sparsity", marker="o", markersize=3)
    left.axhline(0.5, color=fig.MUTED, linestyle=":", linewidth=0.8)
    left.axvspan(*PLATEAU, color=fig.SKY, alpha=0.15, linewidth=0)
    left.set_ylabel("dimensions per feature D* = m/‖W‖²")
    shown = {"untrained": measures["untrained"], "trained": measures["geometry"].filter(KEPT)}
    for (label, rows), colour in zip(shown.items(), (fig.ORANGE, fig.BLUE), strict=True):
        one = rows.filter(init_seed=0)
        jitter = np.random.default_rng(0).uniform(0.97, 1.03, len(one))
        style = dict(s=2, color=colour, alpha=0.4, lw=0, label=label)
        right.scatter(jitter / one["density"], one["dimensionality"], **style)
    for label, value in LINES.items():
        right.axhline(value, color=fig.MUTED, linewidth=0.6)
        nudge = {2 / 5: 0.014, 3 / 8: -0.014}.get(value, 0.0)
        right.text(21.5, value + nudge, label, va="center", fontsize=7.5, color=fig.INK)
    legend = right.legend(markerscale=4, loc="upper right", bbox_to_anchor=(1.0, 0.93))
    for handle in filter(None, legend.legend_handles):
        handle.set_alpha(1)
    right.set_ylabel("D$_i$ of each kept feature (one seed)")
    for ax in (left, right):
        ax.set_ylim(0, 1.05)
        sparsity_axis(ax)
        ax.set_xlim(0.93, 21)
    band = (x >= PLATEAU[0]) & (x <= PLATEAU[1])
    finding = "Each feature's share of a dimension gathers at the fractions of polytopes"
    if band.any():
        gap = np.nanmedian(np.abs(values_SX[:, band] - 0.5).max(1))
        finding += f"; on the shaded plateau D* is within {gap:.2f} of 1/2"
    fig.title(sheet, finding)
    return sheet


draw = drawing(pictures, kept, geometry, large=functools.partial(pictures, name="large"))
