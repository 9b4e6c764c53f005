"""Figures of the study ``ungrokking``: accuracy over time, its transition, its cost in norm."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import polars as pl
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.cm import ScalarMappable
from matplotlib.colors import LogNorm
from matplotlib.figure import Figure
from matplotlib.ticker import NullFormatter

from toylab.read import Reading, table
from toylab.report import figures as fig
from toylab.report.averages import average
from toylab.report.panels import panels
from toylab.report.ramp import MAP, ramp
from toylab.report.series import series
from toylab.stats import bootstrap_interval

KINDS = {"memorising": "random labels", "generalising": "rule, generalising"}
SETS = {"memorising": "random", "generalising": "continued"}
CONTINUED = table("models").filter(set="continued")
TURNS = table("transitions").filter(set="continued")
BANDS = "Lines are medians over seeds, bands their 95% intervals"
CAPTIONS = {
    "curves": "Test accuracy of networks that learned the full dataset of pairs and go on with a "
    "subset D', one line per size, (a) with weight decay and (b) without; in the titles, the "
    f"smallest D'. {BANDS}.",
    "transition": "(a) Final test accuracy against the size of D', by weight decay and from "
    "scratch; shaded, the interval of the size at which it crosses 1/2. (b) That size against the "
    f"weight decay, seed by seed (grey). {BANDS}.",
    "efficiency": "(a) Parameter norm that networks need for one and the same mean correct logit, "
    "against the size of the training set, for random labels and for the rule; shaded, the "
    f"transition. {BANDS}. (b) What it is read from: norm against logit, a line per seed and size "
    "over the weight decays; dotted, the logit of (a).",
}


def draw(measures: Mapping[str, Any], config: Any) -> dict[str, Figure]:
    """Draw every figure of the study."""
    return {
        "curves": curves(measures),
        "transition": transition(measures, config),
        "efficiency": efficiency(measures),
    }


def curves(measures: Mapping[str, Any]) -> Figure:
    """Test accuracy over the continuation, one line per size, with and without decay."""
    sheet, axes = panels(2, 2.8, sharey=True)
    rows = measures["curves"].filter(pl.col("set") == "continued")
    # The network that each begins with, on the full dataset.
    full = measures["models"].filter(pl.col("set") == "full")
    start = full.select("init_seed", "train_accuracy").sort("init_seed")
    sizes = sorted(rows["size"].unique())
    for ax, decay in zip(axes, (1.0, 0.0), strict=True):
        for size, colour in zip(sizes, ramp(len(sizes)), strict=True):
            own = rows.filter((pl.col("decay") == decay) & (pl.col("size") == size))
            if len(own):
                step_S, value_PS = series(own, "test_accuracy")
                value_PS = np.column_stack([start["train_accuracy"], value_PS])
                fig.interval_line(ax, [0, *step_S], value_PS, f"{size}", colour)
        ax.set_xlabel("steps with D' alone")
        ax.set_ylim(-0.03, 1.03)
        left = average(CONTINUED.filter(decay=decay).first("size").value("test_accuracy"), measures)
        fig.title(ax, f"{'With' if decay else 'Without'} decay accuracy ends at {left:.2f}")
    sheet.legend(
        *axes[0].get_legend_handles_labels(), title="pairs in D'", loc="outside right center"
    )
    axes[0].set_ylabel("accuracy on the other pairs")
    return sheet


def transition(measures: Mapping[str, Any], config: Any) -> Figure:
    """Final test accuracy against size by decay; the transition against decay."""
    sheet, (left, right) = panels(2, 3.0, width_ratios=(1.3, 1))
    models = measures["models"]
    decays = sorted(d for d in models["decay"].unique() if d > 0)
    for decay, colour, marker in zip(
        decays, ramp(len(decays)), "osv^D"[: len(decays)], strict=True
    ):
        own = models.filter((pl.col("set") == "continued") & (pl.col("decay") == decay))
        label = f"decay {decay * config.weight_decay:g}"
        fig.interval_line(left, *series(own, "test_accuracy", "size"), label, colour, marker=marker)
    x, value_PS = series(models.filter(pl.col("set") == "scratch"), "test_accuracy", "size")
    fig.interval_line(left, x, value_PS, "from scratch", fig.MUTED, linestyle="--", marker=".")
    _mark_transition(left, measures)
    left.axhline(0.5, color=fig.INK, linewidth=0.6, linestyle=":")
    _sizes_axis(left, x, "pairs in D'")
    left.set_ylim(-0.03, 1.03)
    left.set_ylabel("final test accuracy")
    left.legend()
    where = average(TURNS.filter(decay=1).value("size"), measures, np.median)
    text = "Accuracy does not cross 1/2"
    fig.title(left, text if np.isnan(where) else f"Accuracy crosses 1/2 at {where:.0f} pairs")
    _against_decay(right, measures, config, where)
    return sheet


def _mark_transition(ax: Axes, measures: Mapping[str, Any]) -> None:
    """Shade the interval of the size at which test accuracy crosses 1/2."""
    values = TURNS.filter(decay=1).value("size")(measures).values
    where = bootstrap_interval(values, "median")
    if np.isfinite(where.low):
        ax.axvspan(
            where.low, where.high, color=fig.INK, alpha=0.12, linewidth=0, label="transition"
        )


def _against_decay(ax: Axes, measures: Mapping[str, Any], config: Any, middle: float) -> None:
    """The transition's size against the weight decay, seed by seed."""
    rows = measures["transitions"].filter(pl.col("set") == "continued")
    factors, value_PS = series(rows, "size", "decay")
    x = factors * config.weight_decay
    for row in value_PS:
        ax.plot(x, row, color=fig.MUTED, linewidth=0.6, marker=".", markersize=3)
    fig.interval_line(ax, x, value_PS, "median over seeds", fig.BLUE, marker="o")
    ax.set_xscale("log")
    ax.set_xlim(x[0] * 0.85, x[-1] / 0.85)
    ax.set_xticks(x, [f"{v:g}" for v in x])
    if np.isfinite(middle):
        ax.plot(x, middle * factors, color=fig.INK, linestyle=":", label="proportional to decay")
        ax.set_yscale("log")
        _number_ticks(ax.yaxis, *ax.get_ylim())
    ax.minorticks_off()
    ax.set_xlabel("weight decay")
    ax.set_ylabel("transition, pairs in D'")
    ax.legend()
    moved = TURNS.last("decay").value("size") / TURNS.first("decay").value("size") - 1
    share = average(moved, measures)
    text = f"{factors[-1] / factors[0]:g} times the decay moves it by {share:+.0%}"
    fig.title(ax, "How it moves is not known" if np.isnan(share) else text)


def _exponent(kind: str) -> Reading:
    return table("exponents").filter(set=kind).value("exponent")


def efficiency(measures: Mapping[str, Any]) -> Figure:
    """Norm at one logit against size, and the norms and logits it is read from."""
    sheet, (left, right) = panels(2, 3.0)
    norms = measures["efficiency"]
    for (kind, words), colour, marker in zip(KINDS.items(), fig.PALETTE, "os", strict=False):
        rows = norms.filter(pl.col("set") == kind)
        if len(rows):
            curve = series(rows, "norm", "size")
            fig.interval_line(left, *curve, words, colour, marker=marker)
    _mark_transition(left, measures)
    _sizes_axis(left, np.array(sorted(norms["size"].unique()), np.float64), "training pairs")
    logit = float(norms["logit"][0]) if len(norms) else np.nan
    left.set_ylabel(f"parameter norm at correct logit {logit:.0f}")
    left.legend()
    power = average(_exponent("memorising"), measures)
    fig.title(left, f"Memorising takes norm as $D^{{{power:.2f}}}$")
    if len(norms):
        _norm_against_logit(right, measures["models"], norms)
    fig.title(right, "Norms and logits over decays")
    return sheet


def _norm_against_logit(ax: Axes, models: pl.DataFrame, norms: pl.DataFrame) -> None:
    """A line per seed and size over the decays."""
    sizes = sorted(norms["size"].unique())
    scale = ScalarMappable(LogNorm(sizes[0], sizes[-1] + 1), MAP)
    for kind, marker in zip(KINDS, "o^", strict=True):
        chosen = norms.filter(pl.col("set") == kind).select("init_seed", "size")
        rows = models.filter((pl.col("set") == SETS[kind]) & (pl.col("decay") > 0))
        rows = rows.join(chosen, on=("init_seed", "size"), how="semi").sort("decay")
        for (size, _), line in rows.group_by("size", "init_seed", maintain_order=True):
            look: dict[str, Any] = dict(color=scale.to_rgba(size), marker=marker, linewidth=0.5)
            ax.plot(line["correct_logit"], line["norm"], **look)
        ax.plot([], [], color=fig.INK, marker=marker, linestyle="", label=KINDS[kind])
    bar = ax.figure.colorbar(scale, ax=ax, label="training pairs")
    bar.set_ticks(sizes, labels=[str(s) for s in sizes])
    bar.ax.minorticks_off()
    ax.axvline(float(norms["logit"][0]), color=fig.INK, linewidth=0.6, linestyle=":")
    ax.set_xscale("log")
    ax.set_yscale("log")
    for axis, ends in ((ax.yaxis, ax.get_ylim()), (ax.xaxis, ax.get_xlim())):
        _number_ticks(axis, *ends)
    ax.set_xlabel("mean correct logit minus the mean logit")
    ax.set_ylabel("parameter norm")
    ax.legend()


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
