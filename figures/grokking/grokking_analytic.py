"""Figures of the study ``grokking_analytic``."""

from typing import Any

import numpy as np
import polars as pl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from toylab.read import Measures, Reading, table
from toylab.report import figures as fig
from toylab.report.averages import average
from toylab.report.axes import log_axis
from toylab.report.panels import drawing, panels
from toylab.report.series import series

KINDS = {
    "tied": "φ₁ + φ₂ = φ₃",
    "relu": "the same with ReLU",
    "free": "control: free phases",
    "gaussian": "control: Gaussian weights",
}
PARTS = {"U": "U, reads x", "V": "V, reads y", "W": "W, gives the answer"}
CURVES = {
    "train_accuracy": "training accuracy",
    "test_accuracy": "test accuracy",
    "participation": "participation ratio",
}
BANDS = "Lines are medians, bands their 95% intervals"
CAPTIONS = {
    "width": "Accuracy of analytic weights against their number of neurons, without training: with "
    "the phases of the solution, with ReLU in place of the square, and two controls. Dashed, the "
    f"accuracy of one signal in Gaussian noise. {BANDS} over draws of phases.",
    "spectra": "Amplitude of each frequency in the three rows of some neurons of one network, "
    "relative to the row's largest, before and after training.",
    "phases": "Phase of the answer's cosine against the sum of the inputs' phases, a dot per "
    "neuron of one network, before and after training. R is the concentration of the residual's "
    "angle, over seeds.",
    "training": "Training and test accuracy, and the mean inverse participation ratio of the "
    f"neurons' rows over frequencies, for each weight decay. {BANDS} over seeds.",
    "polynomials": "Accuracy on every polynomial: of analytic weights, where they exist, and of "
    "networks trained on two fractions of the pairs (test set). Bars are means, dots single draws "
    "or networks.",
}


def pretty(operation: str) -> str:
    """Write powers as such."""
    return operation.replace("^2", "²").replace("^3", "³").replace("+", " + ")


def width(measures: Measures, config: Any) -> Figure:
    """Accuracy of the analytic weights over width, and of its controls."""
    analytic = measures["analytic"]
    sheet = fig.figure(fig.PAGE * 0.8, 3.0)
    ax = sheet.subplots()
    for (kind, label), colour, marker in zip(KINDS.items(), fig.PALETTE, "oDs^", strict=False):
        curve = series(analytic.filter(kind=kind), "accuracy", "width", "draw")
        fig.interval_line(ax, *curve, label, colour, marker=marker)
    expected = analytic.unique("width").sort("width")
    label = "expected: signal\nin Gaussian noise"
    ax.plot(expected["width"], expected["expected"], "--", color=fig.INK, label=label)
    ax.axhline(1 / config.analytic_p, color=fig.MUTED, linestyle=":", label="chance, 1/p")
    log_axis(ax, ticks=config.widths, base=2)
    ax.set(xlabel="number of neurons N", ylabel="accuracy, no training")
    sheet.legend(loc="outside right center")
    top = table("analytic").filter(kind="tied", main=True).value("accuracy", "draw")
    name = f"{pretty(analytic['operation'][0])} mod {config.analytic_p}"
    fig.title(ax, f"Analytic weights solve {average(top, measures):.1%} of {name}")
    return sheet


def _form(stage: str, column: str) -> Reading:
    return table("form").filter(stage=stage).value(column)


def spectra(measures: Measures, config: Any) -> Figure:
    """Amplitudes of a few neurons' rows, before and after training."""
    rows = measures["spectra"]
    neurons = rows["neuron"].unique().sort().to_list()
    sheet = fig.figure(fig.PAGE, 3.8)
    axes = sheet.subplots(2, len(neurons), sharex=True, sharey=True, squeeze=False)
    for i, stage in enumerate(("untrained", "trained")):
        for ax, neuron in zip(axes[i], neurons, strict=True):
            for j, (part, label) in enumerate(PARTS.items()):
                own = rows.filter(stage=stage, neuron=neuron, part=part).sort("k").fill_nan(0)
                place = own["k"].to_numpy() + 0.3 * (j - 1)
                ax.bar(place, own["amplitude"], 0.3, color=fig.PALETTE[j], label=label)
            if i == 0:
                ax.set_title(f"neuron {neuron}")
            else:
                ax.set_xlabel("frequency k")
        axes[i, 0].set_ylabel(f"{stage}\namplitude")
    sheet.legend(*axes[0, 0].get_legend_handles_labels(), loc="outside lower center", ncols=3)
    before, after = (average(_form(s, "participation"), measures) for s in ("untrained", "trained"))
    fig.title(sheet, f"Training raises the participation ratio from {before:.2f} to {after:.2f}")
    return sheet


def phases(measures: Measures, config: Any) -> Figure:
    """Phase of the answer's cosine against the sum of the inputs' phases, one dot a neuron."""
    sheet, axes = panels(2, 2.9, fig.PAGE * 0.8, sharey=True)
    for ax, stage in zip(axes, ("untrained", "trained"), strict=True):
        rows = measures["phases"].filter(stage=stage)
        first = rows.filter(pl.col("init_seed") == rows["init_seed"].min())
        ax.plot([0, 2 * np.pi], [0, 2 * np.pi], color=fig.MUTED, linewidth=0.8)
        ax.scatter(first["sum"], first["third"], s=6, color=fig.BLUE, linewidth=0)
        ax.set(aspect="equal", xlabel="φ₁ + φ₂")
        for axis in (ax.xaxis, ax.yaxis):
            axis.set_ticks([0, np.pi, 2 * np.pi], labels=["0", "π", "2π"])
        fig.title(ax, f"{stage}: R = {average(_form(stage, 'concentration'), measures):.2f}")
    axes[0].set_ylabel("φ₃")
    kept = average(_form("trained", "one_cosine"), measures)
    fig.title(sheet, f"One cosine in each row of each neuron answers {kept:.1%} correctly")
    return sheet


def training(measures: Measures, config: Any) -> Figure:
    """Accuracy and participation over training, a panel for each weight decay."""
    curves = measures["curves"]
    decays = curves["weight_decay"].unique().sort().to_list()
    sheet, axes = panels(len(decays), 3.0, sharey=True)
    for ax, decay in zip(axes, decays, strict=True):
        rows = curves.filter(weight_decay=decay)
        for i, (name, label) in enumerate(CURVES.items()):
            curve = series(rows.filter(name=name), "value")
            fig.interval_line(ax, *curve, label, fig.PALETTE[i], linestyle="-:-"[i])
        ax.set(xscale="log", xlim=(max(1, curves["step"].min()), config.steps), xlabel="step")
        last = table("curves").filter(weight_decay=decay, name="test_accuracy").last()
        end = average(last.value("value"), measures)
        fig.title(ax, f"Decay {decay:g}: test accuracy {end:.1%}")
    axes[0].set_ylabel("accuracy, or ratio")
    sheet.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=3)
    return sheet


def polynomials(measures: Measures, config: Any) -> Figure:
    """Accuracy on every polynomial: analytic, and trained at both fractions."""
    names = list(config.operations)
    sheet = fig.figure(fig.PAGE, 3.2)
    ax = sheet.subplots()
    form = lambda name: table("analytic_forms").filter(form=name).value("accuracy", "draw")
    chosen = table("trained").filter(main_decay=True, name="test_accuracy")
    part = lambda which: lambda n: chosen.filter(operation=n, population=which).value("value")
    groups = {
        f"analytic, N = {config.analytic_width}, p = {config.analytic_p}": form,
        f"trained on {config.fraction:.0%}, p = {config.p}": part("half"),
        f"trained on {config.high_fraction:.0%}, p = {config.p}": part("most"),
    }
    for i, (label, reading) in enumerate(groups.items()):
        for j, name in enumerate(names):
            values = reading(name)(measures).values
            _bar(ax, j + 0.27 * (i - 1), values, fig.PALETTE[i], None if j else label)
    if "(x+y)^2" in names:
        both = average(form("(x+y)^2, all roots"), measures)
        place = names.index("(x+y)^2") - 0.27
        ax.plot(place, both, "D", color=fig.INK, label="analytic, both roots")
    ax.axhline(1 / config.p, color=fig.MUTED, linestyle=":", label="chance, 1/p")
    ax.plot([], [], ".", markersize=4, color=fig.INK, label="one draw or network")
    ax.set_xticks(range(len(names)), [pretty(name) for name in names])
    ax.set(ylim=(0, 1.05), ylabel="accuracy (trained: on the test set)")
    sheet.legend(loc="outside lower center", ncols=3)
    learned = [n for n in names if average(part("half")(n), measures) >= 0.9]
    share = f"{len(learned)} of {len(names)} polynomials"
    fig.title(ax, f"{config.fraction:.0%} of the pairs suffice for {share} (test accuracy 90%)")
    return sheet


def _bar(ax: Axes, x: float, values: np.ndarray, colour: str, label: str | None) -> None:
    """Draw a bar at the mean with a dot for each unit, or say that there is no such network."""
    ax.bar(x, values.mean() if len(values) else 0, 0.25, color=colour, alpha=0.75, label=label)
    if len(values):
        ax.scatter(np.full(len(values), x), values, s=5, color=fig.INK, linewidth=0, zorder=3)
    else:
        ax.text(x, 0.015, "none", rotation=90, ha="center", va="bottom", color=fig.MUTED)


draw = drawing(width, spectra, phases, training, polynomials)
