"""Figures of the study ``ungrokking``: accuracy over time, its transition, its cost in norm."""

from typing import Any

import numpy as np
import polars as pl
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import LogNorm
from matplotlib.figure import Figure

from toylab.read import Measures, Reading, table
from toylab.report import figures as fig
from toylab.report.averages import average
from toylab.report.axes import log_axis
from toylab.report.panels import drawing, panels
from toylab.report.ramp import MAP, ramp
from toylab.report.series import series
from toylab.stats import bootstrap_interval
from toylab.stats.means import mean_or_nan

KINDS = {"memorising": "random labels", "generalising": "rule, generalising"}
SETS = {"memorising": "random", "generalising": "continued"}
LEADS = (1, 1.5, 2, 3, 5, 7)  # of numbers on an axis that spans less than a few decades
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


def curves(measures: Measures, config: Any) -> Figure:
    """Test accuracy over the continuation, one line per size, with and without decay."""
    sheet, axes = panels(2, 2.8, sharey=True)
    rows = measures["curves"].filter(set="continued")
    # The network that each begins with, on the full dataset.
    full = measures["models"].filter(set="full")
    start = full.select("init_seed", "train_accuracy").sort("init_seed")
    sizes = sorted(rows["size"].unique())
    for ax, decay in zip(axes, (1.0, 0.0), strict=True):
        for size, colour in zip(sizes, ramp(len(sizes)), strict=True):
            own = rows.filter(decay=decay, size=size)
            if len(own):
                step_S, value_PS = series(own, "test_accuracy")
                value_PS = np.column_stack([start["train_accuracy"], value_PS])
                fig.interval_line(ax, [0, *step_S], value_PS, f"{size}", colour)
        ax.set(xlabel="steps with D' alone", ylim=(-0.03, 1.03))
        left = average(CONTINUED.filter(decay=decay).first("size").value("test_accuracy"), measures)
        fig.title(ax, f"{'With' if decay else 'Without'} decay accuracy ends at {left:.2f}")
    place = {"title": "pairs in D'", "loc": "outside right center"}
    sheet.legend(*axes[0].get_legend_handles_labels(), **place)
    axes[0].set_ylabel("accuracy on the other pairs")
    return sheet


def transition(measures: Measures, config: Any) -> Figure:
    """Final test accuracy against size by decay; the transition against decay."""
    sheet, (left, right) = panels(2, 3.0, width_ratios=(1.3, 1))
    models = measures["models"]
    decays = sorted(d for d in models["decay"].unique() if d > 0)
    for decay, colour, marker in zip(decays, ramp(len(decays)), "osv^D", strict=False):
        own = models.filter(set="continued", decay=decay)
        label = f"decay {decay * config.weight_decay:g}"
        fig.interval_line(left, *series(own, "test_accuracy", "size"), label, colour, marker=marker)
    x, value_PS = series(models.filter(set="scratch"), "test_accuracy", "size")
    fig.interval_line(left, x, value_PS, "from scratch", fig.MUTED, linestyle="--", marker=".")
    _mark_transition(left, measures)
    left.axhline(0.5, color=fig.INK, linewidth=0.6, linestyle=":")
    log_axis(left, ticks=x)
    left.set(xlabel="pairs in D'", ylim=(-0.03, 1.03), ylabel="final test accuracy")
    left.legend()
    where = average(TURNS.filter(decay=1).value("size"), measures, np.median)
    text = "Accuracy does not cross 1/2"
    fig.title(left, text if np.isnan(where) else f"Accuracy crosses 1/2 at {where:.0f} pairs")
    _against_decay(right, measures, config, where)
    return sheet


def _mark_transition(ax: Axes, measures: Measures) -> None:
    """Shade the interval of the size at which test accuracy crosses 1/2."""
    values = TURNS.filter(decay=1).value("size")(measures).values
    where = bootstrap_interval(values, "median")
    if np.isfinite(where.low):
        look = {"color": fig.INK, "alpha": 0.12, "linewidth": 0, "label": "transition"}
        ax.axvspan(where.low, where.high, **look)


def _against_decay(ax: Axes, measures: Measures, config: Any, middle: float) -> None:
    """The transition's size against the weight decay, seed by seed."""
    rows = measures["transitions"].filter(set="continued")
    factors, value_PS = series(rows, "size", "decay")
    x = factors * config.weight_decay
    for row in value_PS:
        ax.plot(x, row, color=fig.MUTED, linewidth=0.6, marker=".", markersize=3)
    fig.interval_line(ax, x, value_PS, "median over seeds", fig.BLUE, marker="o")
    log_axis(ax, ticks=x)
    ax.set_xlim(x[0] * 0.85, x[-1] / 0.85)
    if np.isfinite(middle):
        ax.plot(x, middle * factors, color=fig.INK, linestyle=":", label="proportional to decay")
        log_axis(ax, "y", leads=LEADS)
    ax.minorticks_off()
    ax.set(xlabel="weight decay", ylabel="transition, pairs in D'")
    ax.legend()
    moved = TURNS.last("decay").value("size") / TURNS.first("decay").value("size") - 1
    share = average(moved, measures)
    text = f"{factors[-1] / factors[0]:g} times the decay moves it by {share:+.0%}"
    fig.title(ax, "How it moves is not known" if np.isnan(share) else text)


def _exponent(kind: str) -> Reading:
    return table("exponents").filter(set=kind).value("exponent")


def efficiency(measures: Measures, config: Any) -> Figure:
    """Norm at one logit against size, and the norms and logits it is read from."""
    sheet, (left, right) = panels(2, 3.0)
    norms = measures["efficiency"]
    for (kind, words), colour, marker in zip(KINDS.items(), fig.PALETTE, "os", strict=False):
        rows = norms.filter(set=kind)
        if len(rows):
            curve = series(rows, "norm", "size")
            fig.interval_line(left, *curve, words, colour, marker=marker)
    _mark_transition(left, measures)
    log_axis(left, ticks=sorted(norms["size"].unique()))
    logit = mean_or_nan(norms["logit"])
    left.set(xlabel="training pairs", ylabel=f"parameter norm at correct logit {logit:.0f}")
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
        chosen = norms.filter(set=kind).select("init_seed", "size")
        rows = models.filter(pl.col("decay") > 0, set=SETS[kind])
        rows = rows.join(chosen, on=("init_seed", "size"), how="semi").sort("decay")
        for (size, _), line in rows.group_by("size", "init_seed", maintain_order=True):
            look: dict[str, Any] = dict(color=scale.to_rgba(size), marker=marker, linewidth=0.5)
            ax.plot(line["correct_logit"], line["norm"], **look)
        ax.plot([], [], color=fig.INK, marker=marker, linestyle="", label=KINDS[kind])
    bar = ax.figure.colorbar(scale, ax=ax, label="training pairs")
    bar.set_ticks(sizes, labels=[str(s) for s in sizes])
    bar.ax.minorticks_off()
    ax.axvline(float(norms["logit"][0]), color=fig.INK, linewidth=0.6, linestyle=":")
    for which in "xy":
        log_axis(ax, which, leads=LEADS)
    ax.set(xlabel="mean correct logit minus the mean logit", ylabel="parameter norm")
    ax.legend()


draw = drawing(curves, transition, efficiency)
