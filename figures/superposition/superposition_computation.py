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

from toylab.read import Measures
from toylab.report import figures as fig
from toylab.report.panels import drawing, panels
from toylab.report.series import curve, series
from toylab.stats.means import finite_mean

from .pictures import density_axis

NEURONS = "One bar per neuron, its weights stacked by feature, from dense worlds to sparse ones."
CAPTIONS = {
    "basis_neurons": f"Tied models with a ReLU on 5 neurons, best of a group. {NEURONS}",
    "abs_neurons": "Input weights of neurons that compute absolute values, each neuron's largest "
    f"scaled to 1, one seed. {NEURONS} A neuron of one colour serves one feature.",
    "polysemanticity": "a: tied models, kept features and polysemantic neurons. b: models of "
    "absolute values, features that a live neuron reads (participation number). c: absolute "
    "values of which more than 3/4 of the variance is computed; dotted, one per pair of neurons. "
    "Median and 95% interval over seeds.",
    "motif": "a: asymmetric motifs per model; dotted, after a shuffle of output weights within "
    "neurons. b: weights of one motif's neuron on its two features, and of the neuron that "
    "inhibits its interference most.",
}


def basis_neurons(measures: Measures, config: Any) -> Figure:
    """Weights of each neuron of the best tied models, at every density."""
    densities = sorted(config.basis_densities, reverse=True)
    x, counts = series(measures["basis"], "polysemantic", "density", "group")
    sparse, dense = finite_mean(counts)[[0, -1]]
    text = (
        f"Of 5 neurons {dense:.1f} are polysemantic when features are dense, and {sparse:.1f} at "
        f"density {x[0]:g}"
    )
    weights = dict(zip(densities, measures["W_basis"], strict=True))
    return stacks(weights, text, "weights W, stacked", tied=True)


def abs_neurons(measures: Measures, config: Any) -> Figure:
    """Input weights of each neuron that computes absolute values, at five of the densities."""
    weights = dict(zip(config.densities, measures["W_abs"], strict=True))
    chosen = sorted(weights, reverse=True)
    chosen = [chosen[i] for i in sorted({*np.linspace(0, len(chosen) - 1, 5).round().astype(int)})]
    x, counts = participation(measures)
    sparse, dense = finite_mean(counts)[[0, -1]]
    text = (
        f"To compute {measures['W_abs'].shape[2]} absolute values a neuron reads {dense:.1f} "
        f"features at density 1 and {sparse:.1f} at {x[0]:g}"
    )
    largest = lambda W_MN: np.maximum(np.abs(W_MN).max(1, keepdims=True), 1e-9)
    scaled = {d: weights[d] / largest(weights[d]) for d in chosen}
    return stacks(scaled, text, "input weights, stacked", tied=False)


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
    ticks = [t for t in ((1, 2, 5, 10, 20, 40, 100) if n > 10 else range(1, n + 1)) if t <= n]
    bar.set_ticks(ticks, labels=[str(t) for t in ticks])
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
        style = dict(color=colours[i], edgecolor="white", linewidth=0.3, width=0.85)
        ax.bar(k, sign * part_MN[k, i], bottom=sign * base_MN[k, i], **style)
    ax.set_xlim(-0.7, m - 0.3)


def participation(measures: Measures) -> tuple[np.ndarray, np.ndarray]:
    """Densities, rising, and the mean number of features that a live neuron reads per seed."""
    return series(measures["neurons"], pl.when("live").then("participation"), "density")


def polysemanticity(measures: Measures, config: Any) -> Figure:
    """Kept features and polysemantic neurons; features per neuron; computed features."""
    sheet, (left, middle, right) = panels(3, 2.9)
    for column, marker in {"kept": "o", "polysemantic": "s"}.items():
        label = "kept features" if column == "kept" else "polysemantic neurons"
        curve(left, measures["basis"], column, "density", "group", label, marker=marker)
    left.set_ylabel("number per model")
    fig.interval_line(middle, *participation(measures), marker="o")
    middle.axhline(1, color=fig.MUTED, linestyle=":", linewidth=0.8)
    middle.set_ylabel("features per neuron")
    pairs, n = measures["W_abs"].shape[1] / 2, measures["W_abs"].shape[2]
    for column, marker, label in (("untrained", "s", "untrained"), ("explained", "o", "trained")):
        count = n * (pl.col(column) > 0.75)
        x, values = curve(right, measures["computed"], count, "density", label=label, marker=marker)
    right.axhline(pairs, color=fig.INK, linestyle=":", label="pairs of neurons")
    right.set_ylabel("absolute values computed")
    heads = ("Tied, 10 features in 5", "|x|: features read", "|x|: values computed")
    for ax, head in zip((left, middle, right), heads, strict=True):
        ax.set_title(head)
        density_axis(ax)
        ax.set_ylim(bottom=-0.03 * ax.get_ylim()[1])
        ax.yaxis.set_major_locator(MaxNLocator(integer=True, nbins=6))
    left.legend()
    right.legend()
    mean = finite_mean(values[:, 0])
    finding = f"{pairs:g} pairs of neurons compute {mean:.1f} absolute values"
    fig.title(sheet, f"At density {x[0]:g} {finding}")
    return sheet


def motif(measures: Measures, config: Any) -> Figure:
    """The motifs per model over density with their control, and one motif's weights."""
    sheet, (left, right) = panels(2, 2.8, width_ratios=(1, 1.3))
    table, (m, n) = measures["motifs"], measures["W_abs"].shape[1:]
    for part, label, marker, colour in (
        ("small", "10 features, 10 neurons", "o", fig.BLUE),
        ("abs", f"{n} features, {m} neurons", "s", fig.VERMILLION),
    ):
        rows = table.filter(part=part)
        curve(left, rows, "motifs", "density", "seed", label, colour, marker=marker)
        x, values = series(rows, "shuffled", "density", "seed")
        left.plot(x, np.median(values, 0), ":", color=colour)
    left.plot([], [], ":", color=fig.INK, label="output weights shuffled")
    left.set_ylim(0, 1.4 * max(left.get_ylim()[1], 1))
    density_axis(left)
    left.set_ylabel("asymmetric motifs per model")
    left.legend(loc="upper left")
    examples, finding = measures["motif_example"], "No model holds the asymmetric motif"
    if examples.is_empty():
        right.set_axis_off()
    else:
        _example(right, clearest(examples))
        inhibited, total = table.select(pl.sum("inhibited", "motifs")).row(0)
        finding = f"Neurons read one feature strongly and write another; in {inhibited:.0f} of "
        finding += f"{total:.0f} such motifs other neurons inhibit the interference"
    fig.title(sheet, finding)
    return sheet


def clearest(examples: pl.DataFrame) -> pl.DataFrame:
    """The example of the densest world, where there is least other superposition."""
    first = examples.sort("part", "density", descending=True).select("part", "seed", "density")
    return examples.join(first.head(1), on=first.columns, maintain_order="left")


def _example(ax: Axes, rows: pl.DataFrame) -> None:
    features = rows["feature"][:2].to_list()
    groups = [(kind, side) for kind in ("motif", "inhibiting") for side in ("input", "output")]
    x = np.array([0.0, 1.0, 2.4, 3.4])
    for f, colour, shift in zip(features, (fig.BLUE, fig.ORANGE), (-0.2, 0.2), strict=True):
        values = [rows.filter(feature=f, kind=kind)[side][0] for kind, side in groups]
        bars = ax.bar(x + shift, values, 0.38, color=colour, label=f"feature {f + 1}")
        ax.bar_label(bars, fmt="%.2f", fontsize=7.5, padding=1)
    ax.axhline(0, color=fig.INK, linewidth=0.6)
    ax.margins(y=0.15)
    ax.set_xticks(x, [f"{kind}\n{side}" for kind, side in groups], fontsize=7.5)
    ax.set(ylabel="weight", title=f"One motif, at density {rows['density'][0]:g}")
    ax.legend()


draw = drawing(basis_neurons, abs_neurons, polysemanticity, motif)
