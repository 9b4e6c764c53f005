"""Figures of the study ``clock_pizza``: circles, correct logits, and the two measures."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import polars as pl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from toylab.report import figures as fig
from toylab.stats import bootstrap_interval

LINES = {"symmetricity": 0.98, "q": 0.6}  # the paper's Pizzas lie above the first, below the second
NAMES = {"symmetricity": "gradient symmetricity", "q": "distance irrelevance q"}
KINDS = ("constant attention", "free attention")


def draw(measures: Mapping[str, Any], config: Any) -> dict[str, Figure]:
    """Draw every figure of the study."""
    return {
        "circles": circles(measures),
        "measures": both_measures(measures),
        "plane": plane(measures),
    }


def circles(measures: Mapping[str, Any]) -> Figure:
    """An embedding's first two components, and correct logits by distance, of two models."""
    sheet = fig.figure(fig.PAGE, 5.2)
    grid = sheet.subplots(2, 2, height_ratios=(1.25, 1))
    for i, kind in enumerate(KINDS):
        model = measures["examples"].row(i, named=True)
        _circle(grid[0, i], measures["example_circles"][i], model["frequency"])
        named = f"{kind.capitalize()}, c = {model['circularity']:.3f}"
        fig.title(grid[0, i], named)
        _distances(grid[1, i], measures["example_correct"][i], model["frequency"])
        found = f"The Pizza's formula explains {model['pizza_fve']:.0%}, "
        fig.title(grid[1, i], found + f"the Clock's {model['clock_fve']:.0%}")
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
        ax.text(x[token], y[token], str(token), ha="center", va="center", size=7, color=fig.BLUE)
    far = 1.12 * max(np.abs(x).max(), np.abs(y).max())
    ax.set(xlim=(-far, far), ylim=(-far, far), xlabel=f"first principal component, k = {k}")
    ax.set_box_aspect(1)


def _distances(ax: Axes, correct_DI: np.ndarray, k: int) -> None:
    """Correct logits by the angle between the summands, with both formulas scaled to their mean."""
    p = len(correct_DI)
    turn_D = (int(k) * np.arange(p) / p + 0.5) % 1 - 0.5
    order = turn_D.argsort()
    values_DI = correct_DI[order]
    ax.plot(
        np.repeat(turn_D[order], p), values_DI.ravel(), ".", color=fig.SKY, markersize=2, alpha=0.4
    )
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


def both_measures(measures: Mapping[str, Any]) -> Figure:
    """Both measures against the attention rate, beside their controls."""
    sheet = fig.figure(fig.PAGE, 3.5)
    axes = sheet.subplots(1, 2)
    models = measures["models"]
    good = models.filter("accurate")
    for ax, name in zip(axes, NAMES, strict=True):
        rest = models.filter(~pl.col("accurate"))
        label = "trained, not accurate"
        ax.plot(rest["rate"], rest[name], "x", color=fig.SKY, markersize=3, label=label)
        _over_rate(ax, good, name, "trained, accurate", fig.BLUE, "o")
        _over_rate(ax, measures["untrained"], name, "untrained", fig.MUTED, "s")
        _over_rate(ax, measures["memorising"], name, "memorising", fig.ORANGE, "^", line="none")
        ax.axhline(LINES[name], color=fig.INK, linestyle=":", linewidth=0.8)
        ax.set(xlabel="attention rate (0 constant, 1 free)", ylabel=NAMES[name])
        ends = [good.filter(pl.col("rate") == rate)[name].median() for rate in (0, 1)]
        text = " to ".join("none" if v is None else f"{v:.2f}" for v in ends)
        fig.title(ax, f"Medians from constant to free attention: {text}")
    _mark_line(axes[0], measures["lines"]["line"].to_numpy())
    handles, labels = axes[0].get_legend_handles_labels()
    sheet.legend(handles, labels, loc="outside lower center", ncols=3)
    counts = f"{len(good)} of {len(models)} models know the whole table"
    fig.title(sheet, f"{counts}; {good['circular'].sum()} of them are circular")
    return sheet


def _over_rate(
    ax: Axes,
    table: pl.DataFrame,
    name: str,
    label: str,
    colour: str,
    marker: str,
    line: str = "-",
) -> None:
    """Median and interval over seeds at each rate, and every seed's own point."""
    rates = sorted(table["rate"].unique())
    if not rates:
        return
    jitter = np.linspace(-0.012, 0.012, table["init_seed"].n_unique())
    place = jitter[table["init_seed"].rank("dense").to_numpy() - 1]
    ax.plot(
        table["rate"].to_numpy() + place,
        table[name],
        marker,
        color=colour,
        markersize=2.5,
        alpha=0.5,
    )
    columns = [table.filter(pl.col("rate") == rate)[name].to_numpy() for rate in rates]
    found = np.array([bootstrap_interval(c, "median", resamples=1000) for c in columns])
    ax.plot(rates, found[:, 0], marker, color=colour, linestyle=line, label=label)
    if line != "none":
        ax.fill_between(rates, found[:, 1], found[:, 2], color=colour, alpha=0.2, linewidth=0)


def _mark_line(ax: Axes, line_S: np.ndarray) -> None:
    """The rate at which Pizza gives way to Clock, with its interval over seeds."""
    line = bootstrap_interval(line_S)
    if np.isfinite(line.estimate):
        ax.axvspan(line.low, line.high, color=fig.GREEN, alpha=0.15, linewidth=0)
        label = f"Pizza to Clock at {line.estimate:.2f}"
        ax.axvline(line.estimate, color=fig.GREEN, label=label)


def plane(measures: Mapping[str, Any]) -> Figure:
    """Every model in the plane of the two measures, with the corner of the Pizzas."""
    sheet = fig.figure(fig.COLUMN + 0.9, 3.5)
    ax = sheet.subplots()
    models, good = measures["models"], measures["models"].filter("accurate")
    rest = models.filter(~pl.col("accurate"))
    ax.plot(rest["symmetricity"], rest["q"], "x", color=fig.MUTED, markersize=3.5)
    seen = ax.scatter(
        good["symmetricity"],
        good["q"],
        c=good["rate"],
        cmap=fig.SEQUENTIAL,
        vmin=0,
        vmax=1,
        s=18,
        edgecolor=["k" if c else "none" for c in good["circular"]] or "none",
        linewidth=0.9,
    )
    for marker, edge, label in (("o", "none", "accurate"), ("o", "k", "and circular")):
        ax.plot([], [], marker, color=fig.MUTED, markeredgecolor=edge, label=label)
    ax.plot([], [], "x", color=fig.MUTED, markersize=3.5, label="not accurate")
    ax.axvline(LINES["symmetricity"], color=fig.INK, linestyle=":", linewidth=0.8)
    ax.axhline(LINES["q"], color=fig.INK, linestyle=":", linewidth=0.8)
    ax.set(xlabel=NAMES["symmetricity"], ylabel=NAMES["q"])
    sheet.colorbar(seen, ax=ax, label="attention rate")
    ax.legend(loc="upper left", bbox_to_anchor=(-0.1, -0.18), ncols=3)
    high = (good["symmetricity"] > LINES["symmetricity"]).to_numpy()
    low = (good["q"] < LINES["q"]).to_numpy()
    agree = f"{(high == low).mean():.0%}" if len(good) else "none"
    fig.title(ax, f"The measures agree on {agree} of {len(good)} accurate models")
    return sheet
