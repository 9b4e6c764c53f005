"""Figures of the study ``superposition``: pictures of W^T W, kept features, D* and D_i."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import polars as pl
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import Figure

from toylab.report import figures as fig

LINES = {
    "1 own dimension": 1.0,
    "3/4 tetrahedron": 3 / 4,
    "2/3 triangle": 2 / 3,
    "1/2 antipodal pair": 1 / 2,
    "2/5 pentagon": 2 / 5,
    "3/8 square antiprism": 3 / 8,
}


def draw(measures: Mapping[str, Any], config: Any) -> dict[str, Figure]:
    """Draw every figure of the study."""
    return {
        "pictures": pictures(measures, config, "relu"),
        "large": pictures(measures, config, "large"),
        "kept": kept(measures),
        "geometry": geometry(measures, config),
    }


def pictures(measures: Mapping[str, Any], config: Any, name: str) -> Figure:
    """W^T W and the norm of each feature, coloured by its superposition, for every density."""
    shown = [("ReLU", name, i) for i in range(len(config.densities))]
    if name == "relu":
        shown = [("linear", "linear", 0), *shown]
    sheet = fig.figure(fig.PAGE, 2.9)
    axes = np.atleast_2d(
        sheet.subplots(2, len(shown), height_ratios=(1, 1.1), squeeze=False, sharex="col")
    )
    norm = Normalize(0, 1)
    table = measures[name].filter(pl.col("init_seed") == 0)
    for column, (label, source, i) in enumerate(shown):
        W_MN = measures[f"W_{source}"][i]
        top, bottom = axes[:, column]
        top.imshow(W_MN.T @ W_MN, cmap=fig.DIVERGING, vmin=-1, vmax=1, aspect="auto")
        rows = measures[source].filter(
            (pl.col("init_seed") == 0) & ((pl.col("density") - config.densities[i]).abs() < 1e-9)
        )
        _bars(bottom, rows, norm)
        top.set_title(f"{label}\n1−S = {config.densities[i]:g}", fontsize=7.5, loc="center")
        top.tick_params(labelsize=6)
        if column:
            for ax in (top, bottom):
                ax.set_yticklabels([])
    axes[0, 0].set_ylabel("feature")
    axes[1, 0].set_ylabel("norm ‖W$_i$‖")
    sheet.supxlabel("feature, most important first", fontsize=8)
    colour = ScalarMappable(norm, fig.SEQUENTIAL)
    bar = sheet.colorbar(colour, ax=axes[1, :].tolist(), fraction=0.02, pad=0.01)
    bar.set_label("superposition", fontsize=7.5)
    bar = sheet.colorbar(
        ScalarMappable(Normalize(-1, 1), fig.DIVERGING),
        ax=axes[0, :].tolist(),
        fraction=0.02,
        pad=0.01,
    )
    bar.set_label("W$^T$W", fontsize=7.5)
    dense, sparse = (
        _mean_kept(table, max(config.densities)),
        _mean_kept(table, min(config.densities)),
    )
    n, m = measures[f"W_{name}"].shape[2], measures[f"W_{name}"].shape[1]
    fig.title(
        sheet,
        f"{n} features in {m} dimensions (one seed): the ReLU model keeps {dense:.0f} of them when "
        f"dense and {sparse:.0f} at density {min(config.densities):g}",
    )
    return sheet


def _bars(ax: Axes, rows: pl.DataFrame, norm: Normalize) -> None:
    import matplotlib as mpl

    colours = mpl.colormaps[fig.SEQUENTIAL](norm(rows["interference"].to_numpy()))
    ax.bar(rows["feature"], rows["norm"], color=colours, width=1.0, linewidth=0)
    ax.axhline(1, color=fig.MUTED, linewidth=0.6, linestyle=":")
    ax.set_ylim(0, 1.4)
    ax.tick_params(labelsize=6)


def _mean_kept(table: pl.DataFrame, density: float) -> float:
    rows = table.filter((pl.col("density") - density).abs() < 1e-9)
    return float((rows["norm"] > 0.5).sum())


def kept(measures: Mapping[str, Any]) -> Figure:
    """Number of kept features over density, as a share of the dimensions."""
    sheet = fig.figure(fig.COLUMN, 2.6)
    ax = sheet.subplots()
    names = {
        "linear": ("linear, 20 in 5", 5),
        "relu": ("ReLU, 20 in 5", 5),
        "large": ("ReLU, 80 in 20", 20),
    }
    last = {}
    for (name, (label, m)), marker in zip(names.items(), "sov", strict=True):
        counts = (
            measures[name]
            .group_by("init_seed", "density")
            .agg(((pl.col("norm") > 0.5).sum() / m).alias("share"))
            .pivot("density", index="init_seed", values="share", sort_columns=True)
            .drop("init_seed")
        )
        x = [float(c) for c in counts.columns]
        order = np.argsort(x)
        values_PS = counts.to_numpy()[:, order]
        fig.interval_line(ax, np.array(x)[order], values_PS, label, marker=marker)
        last[name] = np.nanmedian(values_PS[:, 0])
    ax.set_xscale("log")
    ax.invert_xaxis()
    ax.set_ylim(bottom=0)
    ax.set_xlabel("density 1−S (sparser to the right)")
    ax.set_ylabel("kept features per dimension")
    ax.legend()
    fig.title(
        ax,
        f"Sparse features: the ReLU model keeps {last['relu']:.1f} per dimension, "
        f"the linear one {last['linear']:.1f}",
    )
    return sheet


def geometry(measures: Mapping[str, Any], config: Any) -> Figure:
    """D* over sparsity for all seeds, and D_i of every kept feature of one seed."""
    table = measures["geometry"]
    sheet = fig.figure(fig.PAGE, 3.1)
    left, right = sheet.subplots(1, 2, sharex=True, width_ratios=(1, 1.25))
    wide = (
        table.group_by("init_seed", "density")
        .agg(pl.col("d_star").first())
        .with_columns((1 / pl.col("density")).alias("x"))
        .sort("x")
    )
    x = wide["x"].unique().sort().to_numpy()
    values_PS = np.stack([g.sort("x")["d_star"].to_numpy() for _, g in wide.group_by("init_seed")])
    fig.interval_line(left, x, values_PS, "trained", marker="o", markersize=3)
    left.axhline(0.5, color=fig.MUTED, linestyle=":", linewidth=0.8)
    left.set_ylabel("dimensions per feature D* = m/‖W‖²")
    left.set_ylim(0, 1.05)
    band = (x >= 2.19) & (x <= 3.5)
    if band.any():
        left.axvspan(2.19, 3.5, color=fig.SKY, alpha=0.15, linewidth=0)
        gap = np.nanmedian(np.abs(values_PS[:, band] - 0.5).max(1))
        fig.title(left, f"On the shaded span D* stays within {gap:.2f} of 1/2")
    one = table.filter((pl.col("init_seed") == 0) & (pl.col("norm") > 0.5))
    control = measures["untrained"].filter(pl.col("init_seed") == 0)
    for rows, colour, label in ((control, fig.ORANGE, "untrained"), (one, fig.BLUE, "trained")):
        jitter = np.random.default_rng(0).uniform(0.97, 1.03, len(rows))
        right.scatter(
            jitter / rows["density"], rows["dimensionality"], s=2, color=colour, alpha=0.4, lw=0,
            label=label,
        )  # fmt: skip
    for label, value in LINES.items():
        right.axhline(value, color=fig.MUTED, linewidth=0.6)
        nudge = {2 / 5: 0.012, 3 / 8: -0.012}.get(value, 0.0)
        right.text(21.5, value + nudge, label, va="center", fontsize=6.5, color=fig.INK)
    legend = right.legend(markerscale=4, loc="upper right", bbox_to_anchor=(1.0, 0.93))
    for handle in legend.legend_handles:
        if handle is not None:
            handle.set_alpha(1)
    right.set_ylim(0, 1.05)
    right.set_ylabel("D$_i$ of each kept feature (one seed)")
    fig.title(right, "Each feature's share of a dimension, against the polytopes' fractions")
    for ax in (left, right):
        ax.set_xscale("log")
        ax.set_xlim(0.93, 21)
        ax.set_xticks([1, 2, 5, 10, 20], ["1", "2", "5", "10", "20"])
        ax.minorticks_off()
        ax.set_xlabel("sparsity 1/(1−S)")
    n, m = config.geometry_features, config.geometry_hidden
    sheet.suptitle(f"{n} features of equal importance in {m} dimensions", fontsize=9.5)
    return sheet
