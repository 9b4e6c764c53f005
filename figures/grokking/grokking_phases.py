"""Figures of ``grokking_phases``: survival, the law of the delay, held norms, Liu's phases."""

from typing import Any

import numpy as np
import polars as pl
from matplotlib.axes import Axes
from matplotlib.colors import ListedColormap
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from toylab.read import Measures, table
from toylab.report import figures as fig
from toylab.report.averages import average
from toylab.report.axes import log_axis
from toylab.report.panels import drawing, panels
from toylab.report.ramp import ramp
from toylab.report.series import series
from toylab.stats.survival import median_time, survival_curve
from toylab.tasks.grokking.theory.learning_phases import PHASES

# Light enough for black digits.
COLOURS = dict(zip(PHASES, ("#66C2A5", fig.ORANGE, "#8FC1E3", "#E3E3E3"), strict=True))
STEPS = "training steps"
GAP = pl.col("test_time") - pl.col("train_time")
CAPTIONS = {
    "survival": "Networks that have not reached 95% test accuracy (Kaplan-Meier curves with their "
    "95% intervals; ticks are runs that ended before), (a) by training fraction and (b) by weight "
    "decay.",
    "law": "(a) Steps to 95% test accuracy against 1 / (learning rate x weight decay), with the "
    "power law fitted to their product; each dot is a network, small dots are the training set, "
    "open triangles lower bounds. (b) Steps to 95% accuracy against the scale of the first "
    "weights; the line grows as ln(scale) / (rate x decay), as theory has it.",
    "held": "Accuracy over steps, (a) with weight decay and (b) without decay, the norm of all "
    "weights held. Lines are medians over seeds, bands their 95% intervals; dotted, 95%.",
    "phases": "(a) The phase that most seeds of Liu et al.'s toy are in, over the decoder's "
    "learning rate and weight decay, and how many seeds are. (b) Accuracy over all pairs against "
    "that which the embedding's parallelograms allow, a dot per network; line, equality.",
}


def survival(measures: Measures, config: Any) -> Figure:
    """Share of networks that have not generalised, over steps: by fraction and by decay."""
    sheet, (left, right) = panels(2, 3.9, sharey=True)
    sides = measures["sides"].filter(pl.col("part").is_in(["baseline", "fraction"]))
    rates = measures["law"]["learning_rate"].unique().to_numpy()
    base = float(rates[np.argmin(np.abs(np.log(rates / config.learning_rate)))])
    decays = measures["law"].filter(pl.col("learning_rate") == base)
    _survivors(left, sides, "fraction", "{:.0%} of pairs")
    _survivors(right, decays, "weight_decay", "decay {:g}")
    late = sides.group_by("fraction").agg(pl.col("test_time").median()).sort("fraction")
    sooner = late["test_time"][-1] < late["test_time"][0]
    fig.title(left, "More data, sooner generalisation" if sooner else "More data do not help")
    none = average(table("law").filter(weight_decay=0).mean("test_event"), measures)
    fig.title(right, f"Without decay {none:.0%} generalise")
    left.set(ylim=(-0.03, 1.05), ylabel="share below 95% test accuracy")
    return sheet


def _survivors(ax: Axes, rows: pl.DataFrame, column: str, label: str) -> None:
    """Draw a survival curve for each value of a column."""
    values = sorted(rows[column].unique())
    start = 0.7 * np.min(rows["test_time"].to_numpy())
    for value, colour in zip(values, ramp(len(values)), strict=True):
        _steps(ax, rows.filter(pl.col(column) == value), label.format(value), colour, start)
    log_axis(ax, leads=(1, 2, 5))
    ax.set_xlabel(STEPS)
    ax.legend(title="median steps", loc="upper center", bbox_to_anchor=(0.5, -0.18), ncols=2)


def _steps(ax: Axes, rows: pl.DataFrame, label: str, colour: Any, start: float) -> None:
    curve = survival_curve(rows["test_time"], rows["test_event"])
    median = median_time(rows["test_time"], rows["test_event"]).estimate
    label += ": not reached" if np.isinf(median) else f": {median:,.0f}"
    x = np.concatenate([[start], curve.time])
    y, low, high = (np.concatenate([[1.0], v]) for v in (curve.survival, curve.low, curve.high))
    ax.step(x, y, where="post", label=label, color=colour)
    ax.fill_between(x, low, high, step="post", color=colour, alpha=0.12, linewidth=0)
    lost = rows.filter(~pl.col("test_event"))
    ax.plot(lost["test_time"], np.full(len(lost), curve.survival[-1]), "|", color=colour)


def law(measures: Measures, config: Any) -> Figure:
    """Times over 1 / (rate * decay) with the fitted law, and over the first weights' scale."""
    sheet, (left, right) = panels(2, 3.7, width_ratios=(1.3, 1))
    rows = measures["law"].filter(pl.col("weight_decay") > 0)
    rows = rows.with_columns(x=1 / (pl.col("learning_rate") * pl.col("weight_decay")))
    for i, rate in enumerate(sorted(rows["learning_rate"].unique())):
        own = rows.filter(learning_rate=rate)
        _times(left, own, f"rate {rate:g}", fig.PALETTE[i], 0.92 + 0.08 * i)
    x = np.geomspace(rows["x"].min(), rows["x"].max(), 50)  # pyright: ignore
    mean = {c: average(table("laws").value(c), measures) for c in ("product", "intercept", "decay")}
    fitted = np.exp(mean["intercept"]) * x ** -mean["product"]
    left.plot(x, fitted, color=fig.INK, linewidth=1, label="fit to the product")
    left.plot([], [], "^", color=fig.MUTED, markerfacecolor="none", label="not yet at the end")
    left.plot([], [], ".", color=fig.MUTED, markersize=2.5, label="training set")
    left.set(xscale="log", yscale="log", ylabel=f"{STEPS} to 95% accuracy")
    left.set_xlabel("1 / (learning rate × weight decay)")
    left.legend(loc="upper center", bbox_to_anchor=(0.5, -0.2), ncols=3)
    fig.title(left, f"Time goes as decay to the power {mean['decay']:.2f}")
    _scales(right, measures["sides"], config)
    return sheet


def _times(ax: Axes, rows: pl.DataFrame, label: str, colour: str, shift: float) -> None:
    """Times on the test set as dots, on the training set as small points, censored as arrows."""
    seen, late = rows.filter("test_event"), rows.filter(~pl.col("test_event"))
    ax.plot(seen["x"] * shift, seen["test_time"], "o", color=colour, label=f"test, {label}")
    ax.plot(late["x"] * shift, late["test_time"] * 1.05, "^", color=colour, markerfacecolor="none")
    fit = rows.filter("train_event")
    ax.plot(fit["x"] * shift, fit["train_time"], ".", color=colour, markersize=2.5)


def _scales(ax: Axes, sides: pl.DataFrame, config: Any) -> None:
    rows = sides.filter(pl.col("part").is_in(["baseline", "scale"]))
    seen, late = rows.filter("test_event"), rows.filter(~pl.col("test_event"))
    ax.plot(seen["init_scale"], seen["test_time"], "o", color=fig.BLUE, label="test")
    ax.plot(late["init_scale"], late["test_time"], "^", color=fig.BLUE, markerfacecolor="none")
    ax.plot(rows["init_scale"], rows["train_time"], ".", color=fig.ORANGE, label="training")
    unit = 1 / (config.learning_rate * config.weight_decay)
    scale = np.geomspace(1, max(config.init_scales), 50)
    base = float(rows.filter(init_scale=1)["test_time"].median())  # pyright: ignore
    ax.plot(scale, base + unit * np.log(scale), color=fig.INK, linewidth=1, label="theory's slope")
    log_axis(ax, ticks=sorted(rows["init_scale"].unique()), base=2)
    ax.set(xlabel="scale of the first weights", ylim=(0, None))
    ax.set_ylabel(f"{STEPS} to 95% accuracy")
    ax.legend()
    later = rows.filter(pl.col("init_scale") > 1)["test_time"].to_numpy().mean() > base
    fig.title(ax, "Larger weights generalise later" if later else "Larger weights: no later")


def held(measures: Measures, config: Any) -> Figure:
    """Accuracies over steps of the baseline and with the norm of the weights held."""
    sheet, axes = panels(2, 3.0, sharey=True, sharex=True)
    names = {"baseline": "Weight decay: ", "held": "Norm held: "}
    lines = ("train", "training", fig.ORANGE), ("test", "test", fig.BLUE)
    for ax, (part, name) in zip(axes, names.items(), strict=True):
        rows = measures["curves"].filter(part=part)
        for column, label, colour in lines:
            fig.interval_line(ax, *series(rows, column), label, colour)
        ax.set(xscale="log", xlabel=STEPS)
        ax.axhline(0.95, color=fig.MUTED, linewidth=0.7, linestyle=":")
        gap = table("sides").filter(part=part).value(GAP)
        late = average(gap, measures, np.median)
        fig.title(ax, f"{name}test lags by {late:,.0f} steps")
    axes[0].set_ylabel("accuracy")
    axes[0].legend()
    return sheet


def phases(measures: Measures, config: Any) -> Figure:
    """The phase most seeds are in per cell, and predicted against real accuracy."""
    sheet, (left, right) = panels(2, 3.7, width_ratios=(1.25, 1))
    cell = ["learning_rate", "weight_decay"]
    votes = measures["phases"].group_by(*cell, "phase").len("n").sort("n", "phase", descending=True)
    best = votes.unique(cell, keep="first", maintain_order=True).sort(cell)
    rates, decays = (best[c].unique().sort() for c in cell)
    index = np.array([PHASES.index(p) for p in best["phase"]]).reshape(len(rates), -1)
    colours = ListedColormap([COLOURS[p] for p in PHASES])
    left.imshow(index, cmap=colours, vmin=-0.5, vmax=3.5, origin="lower", aspect="auto")
    for i, count in enumerate(best["n"]):
        left.text(i % len(decays), i // len(decays), f"{count}", ha="center", va="center")
    left.set_xticks(range(len(decays)), [f"{d:g}" for d in decays])
    left.set_yticks(range(len(rates)), [f"{r:.1g}" for r in rates])
    left.set(xlabel="weight decay of the decoder", ylabel="learning rate of the decoder")
    keys = [Patch(facecolor=COLOURS[p], label=p) for p in PHASES if p in set(best["phase"])]
    left.legend(handles=keys, loc="upper center", bbox_to_anchor=(0.5, -0.2), ncols=2)
    four = (table("maps").value("phases") >= 4)(measures).values
    fig.title(left, f"{int(four.sum())} of {len(four)} seeds show all four phases")
    _prediction(right, measures)
    return sheet


def _prediction(ax: Axes, measures: Measures) -> None:
    """Accuracy against that which the embedding allows."""
    rows = measures["sizes"]
    both, look = (rows["predicted_accuracy"], rows["accuracy"]), {"s": 14, "cmap": fig.SEQUENTIAL}
    points = ax.scatter(*both, c=rows["fraction"], **look)
    ax.plot([0, 1], [0, 1], color=fig.MUTED, linewidth=0.8)
    ax.set(xlabel="accuracy predicted from the embedding", ylabel="accuracy over all pairs")
    ax.figure.colorbar(points, ax=ax, label="fraction of pairs trained on")
    match = table("sizes").aggregate(pl.corr("predicted_accuracy", "accuracy"))
    said = average(match, measures)
    fig.title(ax, f"They correlate with r = {said:.3f}")


draw = drawing(survival, law, held, phases)
