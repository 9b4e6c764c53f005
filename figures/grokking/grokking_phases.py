"""Figures of ``grokking_phases``: survival, the law of the delay, held norms, Liu's phases."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import polars as pl
from matplotlib.axes import Axes
from matplotlib.colors import ListedColormap
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

from toylab.report import figures as fig
from toylab.stats.bootstrap import bootstrap_interval
from toylab.stats.survival import log_rank, median_time, survival_curve
from toylab.tasks.grokking.learning_phases import PHASES

COLOURS = dict(zip(PHASES, (fig.GREEN, fig.ORANGE, fig.BLUE, "#D9D9D9"), strict=True))
STEPS = "training steps"


def draw(measures: Mapping[str, Any], config: Any) -> dict[str, Figure]:
    """Draw every figure of the study."""
    return {
        "survival": survival(measures, config),
        "law": law(measures, config),
        "held": held(measures),
        "phases": phases(measures),
    }


def survival(measures: Mapping[str, Any], config: Any) -> Figure:
    """Share of networks that have not generalised, over steps: by fraction and by decay."""
    sheet = fig.figure(fig.PAGE, 3.9)
    left, right = sheet.subplots(1, 2, sharey=True)
    sides = measures["sides"].filter(pl.col("part").is_in(["baseline", "fraction"]))
    base = pl.col("learning_rate") == _nearest(measures["law"], config.learning_rate)
    groups = {
        left: ("fraction", sides, "{:.0%} of pairs"),
        right: ("weight_decay", measures["law"].filter(base), "decay {:g}"),
    }
    for ax, (column, rows, label) in groups.items():
        values = sorted(rows[column].unique())
        shades = fig.mpl.colormaps[fig.SEQUENTIAL](np.linspace(0, 0.85, len(values)))
        for value, shade in zip(values, shades, strict=True):
            own = rows.filter(pl.col(column) == value)
            _steps(ax, own, label.format(value), shade, 0.7 * np.min(rows["test_time"].to_numpy()))
        ends = [rows.filter(pl.col(column) == v) for v in (values[0], values[-1])]
        test = log_rank(*(e[c] for e in ends for c in ("test_time", "test_event")))
        names = [label.format(v) for v in (values[0], values[-1])]
        fig.title(ax, f"{names[1]} against {names[0]}: log-rank p = {test.p:.1g}")
        ax.set_xscale("log")
        ax.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        ax.xaxis.set_major_formatter(FuncFormatter(lambda x, _: f"{x:,.0f}"))
        ax.xaxis.set_minor_formatter(NullFormatter())
        ax.set_xlabel(STEPS)
        ax.legend(title="median steps", loc="upper center", bbox_to_anchor=(0.5, -0.18), ncols=2)
    left.set_ylim(-0.03, 1.05)
    left.set_ylabel("share below 95% test accuracy")
    return sheet


def _nearest(rows: pl.DataFrame, value: float) -> float:
    """The grid's learning rate nearest to the baseline's."""
    known = rows["learning_rate"].unique().to_numpy()
    return float(known[np.argmin(np.abs(np.log(known / value)))])


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


def law(measures: Mapping[str, Any], config: Any) -> Figure:
    """Times over 1 / (rate * decay) with the fitted law, and over the first weights' scale."""
    sheet = fig.figure(fig.PAGE, 3.7)
    left, right = sheet.subplots(1, 2, width_ratios=(1.3, 1))
    rows = measures["law"].filter(pl.col("weight_decay") > 0)
    rows = rows.with_columns(x=1 / (pl.col("learning_rate") * pl.col("weight_decay")))
    for i, rate in enumerate(sorted(rows["learning_rate"].unique())):
        own = rows.filter(pl.col("learning_rate") == rate)
        _times(left, own, f"rate {rate:g}", fig.PALETTE[i], 0.92 + 0.08 * i)
    fits = measures["laws"]
    ends = rows["x"].to_numpy()
    x = np.geomspace(ends.min(), ends.max(), 50)
    slope, start = (
        float(fits[c].fill_nan(None).mean() or np.nan) for c in ("product", "intercept")
    )
    left.plot(x, np.exp(start) * x**-slope, color=fig.INK, linewidth=1, label="fit to the product")
    left.plot([], [], "^", color=fig.MUTED, markerfacecolor="none", label="not yet at the end")
    left.plot([], [], ".", color=fig.MUTED, markersize=2.5, label="training set")
    left.set_xscale("log")
    left.set_yscale("log")
    left.set_xlabel("1 / (learning rate × weight decay)")
    left.set_ylabel(f"{STEPS} to 95% accuracy")
    left.legend(loc="upper center", bbox_to_anchor=(0.5, -0.2), ncols=3)
    text = [f"{_interval(fits[name])} of {name}" for name in ("decay", "rate")]
    fig.title(left, f"Exponents: {', '.join(text)}")
    _scales(right, measures["sides"], config)
    return sheet


def _interval(values: pl.Series) -> str:
    found = bootstrap_interval(values.to_numpy())
    return f"{found.estimate:.2f} [{found.low:.2f}, {found.high:.2f}]"


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
    base = float(rows.filter(pl.col("init_scale") == 1)["test_time"].median())  # pyright: ignore
    ax.plot(scale, base + unit * np.log(scale), color=fig.INK, linewidth=1, label="theory's slope")
    ax.set_xscale("log", base=2)
    ax.set_xticks(sorted(rows["init_scale"].unique()))
    ax.xaxis.set_major_formatter("{x:g}")
    ax.set_xlabel("scale of the first weights")
    ax.set_ylabel(f"{STEPS} to 95% accuracy")
    ax.set_ylim(bottom=0)
    ax.legend()
    ends = [
        float(rows.filter(pl.col("init_scale") == s)["test_time"].median())  # pyright: ignore
        for s in (1.0, max(config.init_scales))
    ]
    fig.title(ax, f"Scale {max(config.init_scales):g}: {ends[1] - ends[0]:+,.0f} steps")


def held(measures: Mapping[str, Any]) -> Figure:
    """Accuracies over steps of the baseline and with the norm of the weights held."""
    sheet = fig.figure(fig.PAGE, 3.0)
    axes = sheet.subplots(1, 2, sharey=True, sharex=True)
    names = {"baseline": "Weight decay", "held": "Norm held"}
    for ax, (part, name) in zip(axes, names.items(), strict=True):
        rows = measures["curves"].filter(pl.col("part") == part)
        for column, label, colour in (
            ("train", "training", fig.ORANGE),
            ("test", "test", fig.BLUE),
        ):
            wide = rows.pivot("step", index="init_seed", values=column).drop("init_seed")
            steps = np.array([int(c) for c in wide.columns])
            fig.interval_line(ax, steps, wide.to_numpy(), label, colour)
        ax.set_xscale("log")
        ax.set_xlabel(STEPS)
        ax.axhline(0.95, color=fig.MUTED, linewidth=0.7, linestyle=":")
        own = measures["sides"].filter(pl.col("part") == part)
        gap = float((own["test_time"] - own["train_time"]).median())  # pyright: ignore
        more = "" if own["test_event"].all() else "at least "
        fig.title(ax, f"{name}: test {more}{gap:,.0f} steps after training")
    axes[0].set_ylabel("accuracy, median over seeds")
    axes[0].legend()
    return sheet


def phases(measures: Mapping[str, Any]) -> Figure:
    """The phase most seeds are in per cell, and predicted against real accuracy."""
    sheet = fig.figure(fig.PAGE, 3.7)
    left, right = sheet.subplots(1, 2, width_ratios=(1.25, 1))
    rows = measures["phases"]
    votes = rows.group_by("learning_rate", "weight_decay", "phase").agg(pl.len().alias("n"))
    best = votes.sort("n", "phase", descending=True).unique(
        ["learning_rate", "weight_decay"], keep="first", maintain_order=True
    )
    best = best.sort("learning_rate", "weight_decay")
    rates, decays = (best[c].unique().sort() for c in ("learning_rate", "weight_decay"))
    index = np.array([PHASES.index(p) for p in best["phase"]]).reshape(len(rates), -1)
    colours = ListedColormap([COLOURS[p] for p in PHASES])
    left.imshow(index, cmap=colours, vmin=-0.5, vmax=3.5, origin="lower", aspect="auto")
    for i, count in enumerate(best["n"]):
        left.text(i % len(decays), i // len(decays), f"{count}", ha="center", va="center")
    left.set_xticks(range(len(decays)), [f"{d:g}" for d in decays])
    left.set_yticks(range(len(rates)), [f"{r:.1g}" for r in rates])
    left.set_xlabel("weight decay of the decoder")
    left.set_ylabel("learning rate of the decoder")
    keys = [Patch(facecolor=COLOURS[p], label=p) for p in PHASES]
    left.legend(handles=keys, loc="upper center", bbox_to_anchor=(0.5, -0.2), ncols=2)
    facts = measures["maps"]
    seeds, four = len(facts), int((facts["phases"] >= 4).sum())
    fig.title(left, f"Phase of most seeds (and how many): {four} of {seeds} seeds show all four")
    _prediction(right, measures["sizes"])
    return sheet


def _prediction(ax: Axes, rows: pl.DataFrame) -> None:
    pairs = rows["fraction"].to_numpy()
    points = ax.scatter(
        rows["predicted_accuracy"], rows["accuracy"], c=pairs, s=14, cmap=fig.SEQUENTIAL
    )
    ax.plot([0, 1], [0, 1], color=fig.MUTED, linewidth=0.8)
    ax.set_xlabel("accuracy predicted from the embeddings")
    ax.set_ylabel("accuracy over all pairs")
    ax.figure.colorbar(points, ax=ax, label="share of pairs trained on")
    real, foretold = rows["accuracy"].to_numpy(), rows["predicted_accuracy"].to_numpy()
    apart = [np.mean(np.abs(real - v)) for v in (foretold, pairs)]
    fig.title(ax, f"Off by {apart[0]:.3f} on average; the share alone by {apart[1]:.3f}")
