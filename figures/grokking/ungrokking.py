"""Figures of the study ``ungrokking``: accuracy over time, its transition, its cost in norm."""

from collections.abc import Mapping
from typing import Any

import matplotlib as mpl
import numpy as np
import polars as pl
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.cm import ScalarMappable
from matplotlib.colors import LogNorm, to_hex
from matplotlib.figure import Figure
from matplotlib.ticker import NullFormatter

from toylab.report import figures as fig
from toylab.stats import Interval, alive, bootstrap_interval

MARKERS = "osv^D"
KINDS = {"memorising": "random labels", "generalising": "rule, test accuracy kept"}


def draw(measures: Mapping[str, Any], config: Any) -> dict[str, Figure]:
    """Draw every figure of the study."""
    return {
        "curves": curves(measures),
        "transition": transition(measures, config),
        "efficiency": efficiency(measures, config),
    }


def curves(measures: Mapping[str, Any]) -> Figure:
    """Test accuracy over the continuation, one line per size, with and without decay."""
    sheet = fig.figure(fig.PAGE, 2.8)
    axes = sheet.subplots(1, 2, sharey=True)
    rows = measures["curves"].filter(pl.col("set") == "continued")
    before = measures["models"].filter(pl.col("set") == "full").sort("init_seed")
    sizes = sorted(rows["size"].unique())
    shades = mpl.colormaps[fig.SEQUENTIAL](np.linspace(0, 0.9, len(sizes)))
    for ax, decay in zip(axes, (1.0, 0.0), strict=True):
        chosen = rows.filter(pl.col("decay") == decay)
        for size, shade in zip(sizes, shades, strict=True):
            line = chosen.filter(pl.col("size") == size)
            if len(line):
                _over_time(ax, line, before, f"{size}", to_hex(shade))
        ax.set_xlabel("steps with D' alone")
        ax.set_ylim(-0.03, 1.03)
        _say_ends(ax, measures["models"], decay)
    lines = axes[0].get_legend_handles_labels()
    sheet.legend(*lines, title="pairs in D'", loc="outside right center")
    axes[0].set_ylabel("accuracy on the other pairs")
    return sheet


def _over_time(ax: Axes, rows: pl.DataFrame, before: pl.DataFrame, label: str, colour: str) -> None:
    wide = rows.sort("step").pivot("step", index="init_seed", values="test_accuracy")
    steps = np.array([0.0, *(float(c) for c in wide.columns[1:])])
    # The network that each begins with, on the whole table.
    wide = wide.join(before.select("init_seed", "train_accuracy"), on="init_seed", how="left")
    values_PS = wide.drop("init_seed", "train_accuracy").to_numpy()
    values_PS = np.concatenate([wide["train_accuracy"].to_numpy()[:, None], values_PS], 1)
    fig.interval_line(ax, steps, values_PS, label, color=colour)


def _say_ends(ax: Axes, models: pl.DataFrame, decay: float) -> None:
    ends = models.filter((pl.col("set") == "continued") & (pl.col("decay") == decay))
    medians = ends.group_by("size").agg(pl.col("test_accuracy").median()).sort("size")
    fits = ends["train_accuracy"].min()
    what = "With" if decay else "Without"
    few, many = medians.row(0), medians.row(-1)
    fig.title(
        ax,
        f"{what} weight decay: {few[1]:.2f} left with {few[0]} pairs, {many[1]:.2f} with "
        f"{many[0]} (all fit D' to {fits:.2f})",
    )


def by_size(rows: pl.DataFrame, column: str) -> tuple[np.ndarray, np.ndarray]:
    """Sizes (D,), and one row of values per seed (S, D); NaN where a seed has none."""
    wide = rows.sort("size").pivot("size", index="init_seed", values=column).drop("init_seed")
    values_SD = wide.cast(pl.Float64).to_numpy().copy()
    return np.array([float(c) for c in wide.columns]), values_SD


def transition(measures: Mapping[str, Any], config: Any) -> Figure:
    """Final test accuracy against size by decay; the transition against decay."""
    sheet = fig.figure(fig.PAGE, 3.0)
    left, right = sheet.subplots(1, 2, width_ratios=(1.3, 1))
    models, sizes = measures["models"], measures["transitions"]
    continued = models.filter((pl.col("set") == "continued") & (pl.col("decay") > 0))
    for i, decay in enumerate(sorted(continued["decay"].unique())):
        x, values_SD = by_size(continued.filter(pl.col("decay") == decay), "test_accuracy")
        label = f"decay {decay * config.weight_decay:g}"
        fig.interval_line(left, x, values_SD, label, fig.PALETTE[i], marker=MARKERS[i % 5])
    x, values_SD = by_size(models.filter(pl.col("set") == "scratch"), "test_accuracy")
    fig.interval_line(left, x, values_SD, "from scratch", fig.MUTED, linestyle="--", marker=".")
    base = sizes.filter((pl.col("set") == "continued") & (pl.col("decay") == 1.0))
    where = _interval(base["size"])
    if np.isfinite(where.low):
        left.axvspan(where.low, where.high, color=fig.BLUE, alpha=0.15, linewidth=0)
    left.axhline(0.5, color=fig.INK, linewidth=0.6, linestyle=":")
    _sizes_axis(left, x, "pairs in D'")
    left.set_ylim(-0.03, 1.03)
    left.set_ylabel("final test accuracy")
    left.legend()
    fig.title(
        left,
        f"Test accuracy crosses 1/2 at {where.estimate:.0f} pairs "
        f"[{where.low:.0f}, {where.high:.0f}]"
        if np.isfinite(where.estimate)
        else "Test accuracy does not cross 1/2 within these sizes",
    )
    _against_decay(right, sizes, where.estimate, config)
    return sheet


def _against_decay(ax: Axes, sizes: pl.DataFrame, middle: float, config: Any) -> None:
    rows = sizes.filter(pl.col("set") == "continued").sort("decay")
    wide = rows.pivot("decay", index="init_seed", values="size").drop("init_seed")
    factors = np.array([float(c) for c in wide.columns])
    values_SW = wide.to_numpy().copy()
    x = factors * config.weight_decay
    for row in values_SW:
        ax.plot(x, row, color=fig.MUTED, linewidth=0.6, marker=".", markersize=3)
    fig.interval_line(ax, x, values_SW, "median over seeds", fig.BLUE, marker="o")
    if np.isfinite(middle):
        ax.plot(x, middle * factors, color=fig.INK, linestyle=":", label="proportional to decay")
    ax.set_xscale("log")
    ax.set_xlim(x[0] * 0.85, x[-1] / 0.85)
    ax.set_xticks(x, [f"{v:g}" for v in x])
    span = alive(values_SW.ravel())
    if len(span):
        ax.set_yscale("log")
        ends = middle * factors[[0, -1]] if np.isfinite(middle) else span
        _number_ticks(ax.yaxis, min(span.min(), ends[0]), max(span.max(), ends[-1]))
    ax.minorticks_off()
    ax.set_xlabel("weight decay")
    ax.set_ylabel("transition, pairs in D'")
    ax.legend()
    moved = _interval(values_SW[:, -1] / values_SW[:, 0] - 1, "mean")
    how = f"It moves by {moved.estimate:+.0%} [{moved.low:+.0%}, {moved.high:+.0%}]"
    how = how if np.isfinite(moved.estimate) else "How it moves is not known"
    fig.title(ax, f"{how} over {factors[-1] / factors[0]:g} times the decay")


def efficiency(measures: Mapping[str, Any], config: Any) -> Figure:
    """Norm at one logit against size, and the norms and logits it is read from."""
    sheet = fig.figure(fig.PAGE, 3.0)
    left, right = sheet.subplots(1, 2)
    table, powers = measures["efficiency"], measures["exponents"]
    found = {}
    for i, (kind, words) in enumerate(KINDS.items()):
        rows = table.filter(pl.col("set") == kind)
        found[kind] = _interval(powers.filter(pl.col("set") == kind)["exponent"], "mean")
        if len(rows):
            x, values_SD = by_size(rows, "norm")
            fig.interval_line(left, x, values_SD, words, fig.PALETTE[i], marker=MARKERS[i])
    logit = float(table["logit"][0]) if len(table) else float("nan")
    base = measures["transitions"].filter((pl.col("set") == "continued") & (pl.col("decay") == 1.0))
    where = _interval(base["size"])
    if np.isfinite(where.low):
        left.axvspan(
            where.low, where.high, color=fig.INK, alpha=0.15, linewidth=0, label="transition"
        )
    _sizes_axis(left, np.array(sorted(table["size"].unique()), np.float64), "training pairs")
    left.set_ylabel(f"parameter norm at correct logit {logit:.0f}")
    left.legend()
    said = [f"{k}: $D^{{{v.estimate:.2f}}}$" for k, v in found.items() if np.isfinite(v.estimate)]
    fig.title(left, "Norm at one logit against the size D: " + ", ".join(said))
    _norm_against_logit(right, measures["models"], table)
    return sheet


def _norm_against_logit(ax: Axes, models: pl.DataFrame, table: pl.DataFrame) -> None:
    sets = {"memorising": "random", "generalising": "continued"}
    sizes = sorted(table["size"].unique())
    scale = ScalarMappable(LogNorm(sizes[0], sizes[-1]), fig.SEQUENTIAL)
    for kind, marker in zip(sets, "o^", strict=True):
        chosen = table.filter(pl.col("set") == kind).select("init_seed", "size")
        rows = models.filter((pl.col("set") == sets[kind]) & (pl.col("decay") > 0))
        rows = rows.join(chosen, on=("init_seed", "size"), how="semi")
        for (size, _), line in rows.sort("decay").group_by(
            "size", "init_seed", maintain_order=True
        ):
            colour = scale.to_rgba(size)
            ax.plot(line["correct_logit"], line["norm"], color=colour, marker=marker, linewidth=0.5)
        ax.plot([], [], color=fig.INK, marker=marker, linestyle="", label=KINDS[kind])
    bar = ax.figure.colorbar(scale, ax=ax, label="training pairs")
    bar.set_ticks(sizes, labels=[str(s) for s in sizes])
    bar.ax.minorticks_off()
    ax.axvline(float(table["logit"][0]), color=fig.INK, linewidth=0.6, linestyle=":")
    ax.set_xscale("log")
    ax.set_yscale("log")
    _number_ticks(ax.yaxis, *ax.get_ylim())
    _number_ticks(ax.xaxis, *ax.get_xlim())
    ax.set_xlabel("mean correct logit (less the mean logit)")
    ax.set_ylabel("parameter norm")
    ax.legend()
    fig.title(ax, "What it is read from: each line one seed and size over the decays")


def _interval(values: Any, statistic: str = "median") -> Interval:
    living = alive(np.asarray(values, np.float64))
    return bootstrap_interval(living, statistic)  # pyright: ignore[reportArgumentType]


def _sizes_axis(ax: Axes, sizes: np.ndarray, label: str) -> None:
    ax.set_xscale("log")
    ax.set_xticks(sizes, [f"{s:.0f}" for s in sizes])
    ax.minorticks_off()
    ax.set_xlabel(label)


def _number_ticks(axis: Axis, low: float, high: float) -> None:
    """Put plain numbers on a log axis that spans less than a few decades."""
    steps = np.array([m * 10.0**k for k in range(-2, 6) for m in (1, 1.5, 2, 3, 5, 7)])
    kept = steps[(steps >= low * 0.95) & (steps <= high * 1.05)]
    axis.set_ticks(kept, labels=[f"{v:g}" for v in kept])
    axis.set_minor_formatter(NullFormatter())
