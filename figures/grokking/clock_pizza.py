"""Figures of the study ``clock_pizza``: circles, correct logits, and the two measures."""

from typing import Any

import numpy as np
import polars as pl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from toylab.read import Measures, table
from toylab.report import figures as fig
from toylab.report.averages import average
from toylab.report.panels import drawing, panels
from toylab.report.series import series
from toylab.stats import bootstrap_interval
from toylab.tasks.grokking.clock_pizza import PIZZA, phase_line

NAMES = {"symmetricity": "gradient symmetricity", "q": "distance irrelevance q"}
EDGES = dict(zip(NAMES, PIZZA, strict=True))  # Pizzas lie above the first and below the second
KINDS = ("Constant", "Free")
ACCURATE = table("models").where(pl.col("accurate"))
LINE = ACCURATE.each(lambda rows: phase_line(rows["rate"].to_numpy(), rows["pizza"].to_numpy()))
CAPTIONS = {
    "circles": "The most circular model with constant attention (left) and with free attention "
    "(right). (a, b) Tokens by the embedding's first two principal components, joined in the order "
    "of their angle. (c, d) Correct logits, with the main circle alone, by the angle between the "
    "summands, and the two formulas scaled to their mean.",
    "measures": "(a) Gradient symmetricity and (b) distance irrelevance q against the attention "
    "rate, for models that answer every pair correctly, for the others, for the same models "
    "untrained and for models that memorise. Lines are medians over seeds, bands their 95% "
    "intervals; dotted, the edge of the Pizzas; the vertical line is where Pizza gives way to "
    "Clock.",
    "plane": "Every model by both measures, coloured by attention rate; circles mark circular "
    "embeddings. Pizzas lie below and to the right of the dotted lines.",
}


def circles(measures: Measures, config: Any) -> Figure:
    """An embedding's first two components, and correct logits by distance, of two models."""
    sheet, grid = panels(2, 5.2, rows=2, height_ratios=(1.25, 1))
    for i, kind in enumerate(KINDS):
        model = measures["examples"].row(i, named=True)
        _circle(grid[0, i], np.nan_to_num(measures["example_circles"][i]), model["frequency"])
        fig.title(grid[0, i], f"{kind}: circularity {model['circularity']:.3f}")
        correct_DI = np.nan_to_num(measures["example_correct"][i])
        _distances(grid[1, i], correct_DI, model["frequency"])
        both = f"Pizza explains {model['pizza_fve']:.0%}, Clock {model['clock_fve']:.0%}"
        fig.title(grid[1, i], both)
    grid[0, 0].set_ylabel("second principal component")
    grid[1, 0].set_ylabel("correct logit, main circle alone")
    return sheet


def _circle(ax: Axes, scores_VK: np.ndarray, k: int) -> None:
    """Tokens at their first two scores, joined in the order of their angle at frequency k."""
    p = len(scores_VK)
    x, y = scores_VK[:, 0], scores_VK[:, 1]
    steps = np.arange(p + 1) * pow(int(k), -1, p) % p if np.gcd(int(k), p) == 1 else np.arange(p)
    ax.plot(x[steps], y[steps], color="#D8D8D8", linewidth=0.7)
    for token in range(p):
        ax.text(x[token], y[token], str(token), ha="center", va="center", size=7.5, color=fig.BLUE)
    far = 1.12 * max(np.abs(x).max(), np.abs(y).max()) or 1.0
    ax.set(xlim=(-far, far), ylim=(-far, far), xlabel=f"first principal component, k = {k}")
    ax.set_box_aspect(1)


def _distances(ax: Axes, correct_DI: np.ndarray, k: int) -> None:
    """Correct logits by the angle between the summands, with both formulas scaled to their mean."""
    p = len(correct_DI)
    turn_D = (int(k) * np.arange(p) / p + 0.5) % 1 - 0.5
    order = turn_D.argsort()
    values_DI = correct_DI[order]
    turns = np.repeat(turn_D[order], p)
    ax.plot(turns, values_DI.ravel(), ".", color=fig.SKY, markersize=2, alpha=0.4)
    ax.plot(turn_D[order], values_DI.mean(1), color=fig.BLUE, label="mean over a + b")
    angle = np.linspace(-0.5, 0.5, 201)
    shape_D = np.abs(np.cos(np.pi * turn_D))
    pizza = (correct_DI.mean(1) @ shape_D) / (shape_D @ shape_D)
    ax.plot(angle, pizza * np.abs(np.cos(np.pi * angle)), "--", color=fig.VERMILLION, label="Pizza")
    ax.axhline(correct_DI.mean(), color=fig.INK, linestyle=":", label="Clock")
    low, high = ax.get_ylim()
    ax.set_ylim(low - 0.25 * (high - low), high)  # room for the legend
    ax.set_xlabel("angle between the summands, turns of the circle")
    ax.legend(loc="lower center", ncols=3)


def both_measures(measures: Measures, config: Any) -> Figure:
    """Both measures against the attention rate, with their controls."""
    sheet, axes = panels(2, 3.5)
    models = measures["models"]
    good, rest = models.filter("accurate"), models.filter(~pl.col("accurate"))
    for ax, name in zip(axes, NAMES, strict=True):
        label = "trained, not accurate"
        ax.plot(rest["rate"], rest[name], "x", color=fig.SKY, markersize=3, label=label)
        _over_rate(ax, good, name, "trained, accurate", fig.BLUE, "o")
        _over_rate(ax, measures["untrained"], name, "untrained", fig.MUTED, "s")
        _over_rate(ax, measures["memorising"], name, "memorising", fig.ORANGE, "^", line="none")
        ax.axhline(EDGES[name], color=fig.INK, linestyle=":", linewidth=0.8)
        ax.set(xlabel="attention rate (0 constant, 1 free)", ylabel=NAMES[name])
        ends = (ACCURATE.filter(rate=rate).value(name) for rate in (0.0, 1.0))
        ends = [average(reading, measures, np.median) for reading in ends]
        text = " to ".join("none" if np.isnan(v) else f"{v:.2f}" for v in ends)
        fig.title(ax, f"{name.capitalize()} goes from {text}")
    line = bootstrap_interval(LINE(measures).values)
    if np.isfinite(line.estimate):
        axes[0].axvspan(line.low, line.high, color=fig.GREEN, alpha=0.15, linewidth=0)
        axes[0].axvline(line.estimate, color=fig.GREEN, label="Pizza to Clock")
    sheet.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=3)
    counts = f"{len(good)} of {len(models)} models answer every pair correctly"
    fig.title(sheet, f"{counts}; {good['circular'].sum()} of them are circular")
    return sheet


def _over_rate(
    ax: Axes, rows: pl.DataFrame, name: str, label: str, colour: str, marker: str, line: str = "-"
) -> None:
    """Median and interval over seeds at each rate, and every seed's own point."""
    if rows.is_empty():
        return
    rate_S, value_PS = series(rows, name, "rate")
    jitter_P = np.linspace(-0.012, 0.012, len(value_PS))[:, None]
    places = (rate_S + jitter_P).ravel()
    ax.plot(places, value_PS.ravel(), marker, color=colour, markersize=2.5, alpha=0.5)
    fig.interval_line(ax, rate_S, value_PS, label, colour, marker=marker, linestyle=line)


def plane(measures: Measures, config: Any) -> Figure:
    """Every model in the plane of the two measures, with the corner of the Pizzas."""
    sheet = fig.figure(fig.COLUMN + 0.9, 3.5)
    ax = sheet.subplots()
    models = measures["models"]
    good, rest = models.filter("accurate"), models.filter(~pl.col("accurate"))
    look: dict[str, Any] = dict(cmap=fig.SEQUENTIAL, vmin=0, vmax=1, s=18, linewidth=0.9)
    look["edgecolor"] = ["k" if c else "none" for c in good["circular"]] or "none"
    seen = ax.scatter(good["symmetricity"], good["q"], c=good["rate"], **look)
    for edge, label in (("none", "accurate"), ("k", "and circular")):
        ax.plot([], [], "o", color=fig.MUTED, markeredgecolor=edge, label=label)
    crosses: dict[str, Any] = dict(color=fig.MUTED, markersize=3.5, label="not accurate")
    ax.plot(rest["symmetricity"], rest["q"], "x", **crosses)
    ax.axvline(EDGES["symmetricity"], color=fig.INK, linestyle=":", linewidth=0.8)
    ax.axhline(EDGES["q"], color=fig.INK, linestyle=":", linewidth=0.8)
    ax.set(xlabel=NAMES["symmetricity"], ylabel=NAMES["q"])
    sheet.colorbar(seen, ax=ax, label="attention rate")
    ax.legend(loc="upper left", bbox_to_anchor=(-0.1, -0.18), ncols=3)
    symmetric, near = pl.col("symmetricity") > PIZZA[0], pl.col("q") < PIZZA[1]
    same = good.select((symmetric == near).sum()).item()
    fig.title(ax, f"The measures agree on {same} of {len(good)} models")
    return sheet


draw = drawing(circles, measures=both_measures, plane=plane)
