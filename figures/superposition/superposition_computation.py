"""Figures of the study ``superposition_computation``: neurons' weights, counts, the motif."""

from collections.abc import Mapping
from typing import Any

import matplotlib as mpl
import numpy as np
import polars as pl
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import LogNorm, Normalize
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from toylab.report import figures as fig


def draw(measures: Mapping[str, Any], config: Any) -> dict[str, Figure]:
    """Draw every figure of the study."""
    return {
        "basis_neurons": basis_neurons(measures, config),
        "abs_neurons": abs_neurons(measures, config),
        "polysemanticity": polysemanticity(measures),
        "motif": motif(measures),
    }


def basis_neurons(measures: Mapping[str, Any], config: Any) -> Figure:
    """Weights of each neuron of the best tied models, at every density."""
    densities = sorted(config.basis_densities, reverse=True)
    dense = measures["basis"].filter(pl.col("density") >= 0.5 - 1e-9)
    sparse = measures["basis"].filter(pl.col("density") == min(densities))
    text = (
        "Hidden ReLU, 10 features in 5 neurons (best of a group): on average "
        f"{dense['polysemantic'].mean():.1f} neurons are polysemantic at density 0.5 or more, "
        f"{sparse['polysemantic'].mean():.1f} at {min(densities):g}"
    )
    weights = dict(zip(densities, measures["W_basis"], strict=True))
    return stacks(weights, text, "weights W, stacked", tied=True)


def abs_neurons(measures: Mapping[str, Any], config: Any) -> Figure:
    """Input weights of each neuron that computes absolute values, at five of the densities."""
    weights = dict(zip(config.densities, measures["W_abs"], strict=True))
    chosen = sorted(weights, reverse=True)
    chosen = [chosen[i] for i in sorted({*np.linspace(0, len(chosen) - 1, 5).round().astype(int)})]
    live = measures["neurons"].filter(pl.col("live"))
    mean = live.group_by("density").agg(pl.col("participation").mean().alias("v"))
    value = {row["density"]: row["v"] for row in mean.iter_rows(named=True)}
    ends = [f"{value.get(d, np.nan):.1f} at density {d:g}" for d in (chosen[0], chosen[-1])]
    m, n = measures["W_abs"].shape[1:]
    text = (
        f"Absolute values of {n} features in {m} neurons: a neuron reads {ends[0]} and {ends[1]} "
        "features (participation number)"
    )
    scaled = {d: weights[d] / np.abs(weights[d]).max(1, keepdims=True) for d in chosen}
    return stacks(scaled, text, "input weights, stacked\n(largest of the neuron = 1)", tied=False)


def stacks(weights: Mapping[float, np.ndarray], text: str, label: str, tied: bool) -> Figure:
    """One panel per density; a bar per neuron, its weights stacked away from 0 on both sides."""
    sheet = fig.figure(fig.PAGE, 2.9)
    axes = sheet.subplots(1, len(weights), sharey=True, squeeze=False)[0]
    n = next(iter(weights.values())).shape[1]
    norm = LogNorm(1, n) if n > 10 else Normalize(1, n)
    for ax, (density, W_MN) in zip(axes, weights.items(), strict=True):
        order = np.argsort((W_MN if tied else np.abs(W_MN)).argmax(1), kind="stable")
        _stack(ax, W_MN[order], norm)
        ax.set_title(f"1−S = {density:g}", fontsize=7.5, loc="center")
        ax.axhline(0, color=fig.INK, linewidth=0.6)
        ax.set_xticks([])
    axes[0].set_ylabel(label)
    sheet.supxlabel("neuron, by its strongest feature", fontsize=8)
    bar = sheet.colorbar(ScalarMappable(norm, fig.SEQUENTIAL), ax=axes.tolist())
    bar.set_label("feature, most important first")
    ticks = [1, 2, 5, 10, 20, 40, 100] if n > 10 else range(1, n + 1)
    bar.set_ticks([t for t in ticks if t <= n], labels=[str(t) for t in ticks if t <= n])
    bar.ax.minorticks_off()
    bar.ax.yaxis.set_inverted(True)
    fig.title(sheet, text)
    return sheet


def _stack(ax: Axes, in_MN: np.ndarray, norm: Normalize) -> None:
    m, n = in_MN.shape
    colours = mpl.colormaps[fig.SEQUENTIAL](norm(np.arange(1, n + 1)))
    for sign in (1, -1):
        part_MN = np.maximum(sign * in_MN, 0)
        base_MN = np.cumsum(part_MN, 1) - part_MN
        k, i = np.nonzero(part_MN > 0.02)
        ax.bar(
            k,
            sign * part_MN[k, i],
            bottom=sign * base_MN[k, i],
            color=colours[i],
            edgecolor="white",
            linewidth=0.3,
            width=0.85,
        )
    ax.set_xlim(-0.7, m - 0.3)


def wide(table: pl.DataFrame, unit: str, value: pl.Expr) -> tuple[np.ndarray, np.ndarray]:
    """Densities, rising (D,), and one row of values per unit (U, D)."""
    models = table.group_by(unit, "density").agg(value.cast(pl.Float64).alias("value"))
    grid = models.sort("density").pivot("density", index=unit, values="value").drop(unit)
    return np.array([float(c) for c in grid.columns]), grid.to_numpy().astype(np.float64)


def _mean(values: np.ndarray) -> float:
    """Mean of the numbers among the values; NaN when no model has a live neuron."""
    numbers = values[np.isfinite(values)]
    return float(numbers.mean()) if len(numbers) else np.nan


def polysemanticity(measures: Mapping[str, Any]) -> Figure:
    """Kept features and polysemantic neurons; features per neuron; computed features."""
    sheet = fig.figure(fig.PAGE, 2.9)
    left, middle, right = sheet.subplots(1, 3)
    for column, marker, label in (
        ("kept", "o", "kept features"),
        ("polysemantic", "s", "polysemantic neurons"),
    ):
        x, values = wide(measures["basis"], "group", pl.col(column).first())
        fig.interval_line(left, x, values, label, marker=marker)
    left.set_ylabel("number per model")
    _, kept = wide(measures["basis"], "group", pl.col("kept").first())
    fig.title(left, f"Tied, 10 in 5: {kept[:, -1].mean():.0f} to {kept[:, 0].mean():.0f} kept")
    x, values = wide(
        measures["neurons"], "init_seed", pl.col("participation").filter(pl.col("live")).mean()
    )
    fig.interval_line(middle, x, values, marker="o")
    middle.axhline(1, color=fig.MUTED, linestyle=":", linewidth=0.8)
    middle.set_ylabel("features per neuron (participation)")
    dense, sparse = (_mean(values[:, i]) for i in (-1, 0))
    fig.title(middle, f"|x|: {dense:.1f} to {sparse:.1f} features per neuron")
    pairs = measures["W_abs"].shape[1] / 2
    for column, marker, label in (("explained", "o", "trained"), ("untrained", "s", "untrained")):
        x, values = wide(measures["computed"], "init_seed", (pl.col(column) > 0.5).sum())
        fig.interval_line(right, x, values, label, marker=marker)
        if column == "explained":
            text = f"|x|: {values[:, 0].mean():.1f} computed by {pairs:g} pairs at {x[0]:g}"
    right.axhline(pairs, color=fig.INK, linestyle=":", label="pairs of neurons")
    right.set_ylabel("absolute values computed")
    fig.title(right, text)
    for ax in (left, middle, right):
        ax.set_xscale("log")
        ax.invert_xaxis()
        ax.set_xlabel("density 1−S (sparser →)")
        ax.set_ylim(bottom=-0.03 * ax.get_ylim()[1])
        ax.yaxis.set_major_locator(MaxNLocator(integer=True, nbins=6))
    left.legend()
    right.legend()
    return sheet


def motif(measures: Mapping[str, Any]) -> Figure:
    """The motifs per model over density with their control, and one motif's weights."""
    sheet = fig.figure(fig.PAGE, 2.8)
    left, right = sheet.subplots(1, 2, width_ratios=(1, 1.3))
    table, names = (
        measures["motifs"],
        {
            "small": "10 features, 10 neurons",
            "abs": f"{measures['W_abs'].shape[2]} features, {measures['W_abs'].shape[1]} neurons",
        },
    )
    for (part, label), marker in zip(names.items(), "os", strict=True):
        rows = table.filter(pl.col("part") == part)
        colour = fig.BLUE if part == "small" else fig.VERMILLION
        x, values = wide(rows, "seed", pl.col("motifs").first())
        fig.interval_line(left, x, values, label, colour, marker=marker)
        x, values = wide(rows, "seed", pl.col("shuffled").first())
        left.plot(x, np.median(values, 0), ":", color=colour)
    left.plot([], [], ":", color=fig.INK, label="output weights shuffled")
    left.set_ylim(0, 1.4 * max(left.get_ylim()[1], 1))
    left.set_xscale("log")
    left.invert_xaxis()
    left.set_xlabel("density 1−S (sparser →)")
    left.set_ylabel("asymmetric motifs per model")
    left.legend(loc="upper left")
    total, inhibited = table["motifs"].sum(), table["inhibited"].sum()
    fig.title(left, f"{total:.0f} motifs; {inhibited:.0f} of them inhibited")
    examples = measures["motif_example"]
    if examples.is_empty():
        right.set_axis_off()
        right.text(0.5, 0.5, "no model holds the motif", ha="center", transform=right.transAxes)
        fig.title(right, "No motif found")
        return sheet
    _example(right, clearest(examples))
    return sheet


def clearest(examples: pl.DataFrame) -> pl.DataFrame:
    """The example of the densest world, where there is least other superposition."""
    first = examples.sort("part", "density", descending=True).row(0, named=True)
    same = [pl.col(c) == first[c] for c in ("part", "seed", "density")]
    return examples.filter(same)


def _example(ax: Axes, rows: pl.DataFrame) -> None:
    features = rows["feature"][:2].to_list()
    groups = [(kind, side) for kind in ("motif", "inhibiting") for side in ("input", "output")]
    x = np.array([0.0, 1.0, 2.4, 3.4])
    for f, colour, shift in zip(features, (fig.BLUE, fig.ORANGE), (-0.2, 0.2), strict=True):
        values = [
            rows.filter((pl.col("kind") == kind) & (pl.col("feature") == f))[side][0]
            for kind, side in groups
        ]
        bars = ax.bar(x + shift, values, 0.38, color=colour, label=f"feature {f + 1}")
        ax.bar_label(bars, fmt="%.2f", fontsize=6.5, padding=1)
    ax.axhline(0, color=fig.INK, linewidth=0.6)
    ax.margins(y=0.15)
    ax.set_xticks(x, [f"{kind}\n{side}" for kind, side in groups], fontsize=7)
    ax.set_ylabel("weight")
    ax.legend()
    neuron = rows.filter(pl.col("kind") == "motif")
    reads, writes = (" : ".join(f"{v:.2f}" for v in neuron[c]) for c in ("input", "output"))
    density = rows["density"][0]
    fig.title(ax, f"A motif at density {density:g}: inputs {reads}, outputs {writes}")
    text = f"feature {features[0] + 1} at 1 adds {rows['net'][0]:.2f} to output {features[1] + 1}"
    ax.text(0.02, 0.03, text, transform=ax.transAxes, fontsize=7)
