"""Figures of the study ``grokking_analytic``."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import polars as pl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from toylab.report import figures as fig

KINDS = {
    "tied": "φ₁ + φ₂ = φ₃",
    "relu": "the same with ReLU",
    "free": "control: free phases",
    "gaussian": "control: Gaussian weights",
}
MARKERS = "oDs^"
PARTS = {"U": "U, reads x", "V": "V, reads y", "W": "W, gives the answer"}


def draw(measures: Mapping[str, Any], config: Any) -> dict[str, Figure]:
    """Draw every figure of the study."""
    return {
        "width": width(measures, config),
        "spectra": spectra(measures, config),
        "phases": phases(measures, config),
        "training": training(measures, config),
        "polynomials": polynomials(measures, config),
    }


def matrix(rows: pl.DataFrame, x: str, unit: str, value: str) -> tuple[np.ndarray, np.ndarray]:
    """Values of ``x`` (S,), ascending, and one row of values per unit (P, S)."""
    wide = rows.sort(x).pivot(x, index=unit, values=value).drop(unit)
    return np.array([float(c) for c in wide.columns]), wide.to_numpy().astype(np.float64)


def width(measures: Mapping[str, Any], config: Any) -> Figure:
    """Accuracy of the written-down weights over width, beside its controls."""
    table = measures["analytic"]
    sheet = fig.figure(fig.PAGE * 0.8, 3.0)
    ax = sheet.subplots()
    for (kind, label), colour, marker in zip(KINDS.items(), fig.PALETTE, MARKERS, strict=False):
        x, values_PS = matrix(table.filter(pl.col("kind") == kind), "width", "draw", "accuracy")
        fig.interval_line(ax, x, values_PS, label, colour, marker=marker)
    expected = table.unique("width").sort("width")
    ax.plot(
        expected["width"],
        expected["expected"],
        color=fig.INK,
        linestyle="--",
        label="expected: signal\nin Gaussian noise",
    )
    ax.axhline(1 / config.analytic_p, color=fig.MUTED, linestyle=":", label="chance, 1/p")
    ax.set_xscale("log", base=2)
    ax.set_xticks(config.widths, [str(n) for n in config.widths])
    ax.minorticks_off()
    ax.set_xlabel("width N")
    ax.set_ylabel("accuracy, no training")
    sheet.legend(loc="outside right center")
    top = table.filter((pl.col("kind") == "tied") & pl.col("main"))["accuracy"].mean()
    name = table["operation"][0]
    fig.title(
        ax,
        f"Written-down weights solve {top:.1%} of {name} mod {config.analytic_p} "
        f"at N = {config.analytic_width}",
    )
    return sheet


def spectra(measures: Mapping[str, Any], config: Any) -> Figure:
    """Amplitudes of a few neurons' rows, before and after training."""
    table = measures["spectra"]
    neurons = table["neuron"].unique().sort().to_list()
    sheet = fig.figure(fig.PAGE, 3.8)
    axes = sheet.subplots(2, len(neurons), sharex=True, sharey=True, squeeze=False)
    for row, stage in enumerate(("untrained", "trained")):
        for column, neuron in enumerate(neurons):
            ax = axes[row, column]
            here = table.filter((pl.col("stage") == stage) & (pl.col("neuron") == neuron))
            _bars(ax, here)
            if row == 0:
                ax.set_title(f"neuron {neuron}")
            else:
                ax.set_xlabel("frequency k")
        axes[row, 0].set_ylabel(f"{stage}\namplitude")
    sheet.legend(*axes[0, 0].get_legend_handles_labels(), loc="outside lower center", ncols=3)
    mean = lambda stage: measures["form"].filter(pl.col("stage") == stage)["participation"].mean()
    fig.title(
        sheet,
        f"Spectra of the first {len(neurons)} neurons of a network on {config.operation}; mean "
        f"participation ratio of all neurons and seeds: {mean('untrained'):.2f} before training, "
        f"{mean('trained'):.2f} after",
    )
    return sheet


def _bars(ax: Axes, rows: pl.DataFrame) -> None:
    """Draw the three rows' amplitudes, each relative to its greatest, side by side."""
    for i, (part, label) in enumerate(PARTS.items()):
        own = rows.filter(pl.col("part") == part).sort("k")
        place = own["k"].to_numpy() + 0.3 * (i - 1)
        ax.bar(place, own["amplitude"], 0.3, color=fig.PALETTE[i], label=label)


def phases(measures: Mapping[str, Any], config: Any) -> Figure:
    """Phase of the answer's cosine against the sum of the inputs' phases, one dot a neuron."""
    sheet = fig.figure(fig.PAGE * 0.8, 2.9)
    axes = sheet.subplots(1, 2, sharey=True)
    for ax, stage in zip(axes, ("untrained", "trained"), strict=True):
        rows = measures["phases"].filter(pl.col("stage") == stage)
        first = rows.filter(pl.col("init_seed") == rows["init_seed"].min())
        ax.plot([0, 2 * np.pi], [0, 2 * np.pi], color=fig.MUTED, linewidth=0.8)
        ax.scatter(first["sum"], first["third"], s=6, color=fig.BLUE, linewidth=0)
        ax.set_aspect("equal")
        ax.set_xticks([0, np.pi, 2 * np.pi], ["0", "π", "2π"])
        ax.set_yticks([0, np.pi, 2 * np.pi], ["0", "π", "2π"])
        ax.set_xlabel("φ₁ + φ₂")
        facts = measures["form"].filter(pl.col("stage") == stage)
        text = f"{stage}: R = {facts['concentration'].mean():.2f}"
        if stage == "trained":
            text += f" ({facts['shuffled'].mean():.2f} shuffled)"
        ax.set_title(text)
    axes[0].set_ylabel("φ₃")
    seeds = measures["form"]["init_seed"].n_unique()
    kept = measures["form"].filter(pl.col("stage") == "trained")["one_cosine"].mean()
    fig.title(
        sheet,
        f"Phases of one network's neurons on {config.operation}, and concentration R of their "
        f"residual (mean of {seeds} seeds). One cosine per row keeps {kept:.1%} right",
    )
    return sheet


def training(measures: Mapping[str, Any], config: Any) -> Figure:
    """Accuracy and participation over training, a panel for each weight decay."""
    curves = measures["curves"]
    decays = curves["weight_decay"].unique().sort().to_list()
    sheet = fig.figure(fig.PAGE, 3.0)
    axes = np.atleast_1d(sheet.subplots(1, len(decays), sharey=True))
    names = {
        "train_accuracy": "train accuracy",
        "test_accuracy": "test accuracy",
        "participation": "participation ratio",
    }
    for ax, decay in zip(axes, decays, strict=True):
        rows = curves.filter(pl.col("weight_decay") == decay)
        for i, (name, label) in enumerate(names.items()):
            own = rows.filter(pl.col("name") == name)
            x, values_PS = matrix(own, "step", "init_seed", "value")
            fig.interval_line(ax, x, values_PS, label, fig.PALETTE[i], linestyle="-:-"[i])
        ax.set_xscale("log")
        ax.set_xlabel("step")
        last = rows.filter(
            (pl.col("name") == "test_accuracy") & (pl.col("step") == pl.col("step").max())
        )
        fig.title(
            ax, f"Weight decay {decay:g}: test accuracy {last['value'].mean():.1%} at the end"
        )
    axes[0].set_ylabel("accuracy, or ratio")
    sheet.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=3)
    return sheet


def polynomials(measures: Mapping[str, Any], config: Any) -> Figure:
    """Accuracy on every polynomial: written down, and trained at both fractions."""
    trained, forms = measures["trained"], measures["analytic_forms"]
    names = list(config.operations)
    sheet = fig.figure(fig.PAGE, 3.2)
    ax = sheet.subplots()
    part = lambda operation, population: trained.filter(
        (pl.col("operation") == operation)
        & (pl.col("population") == population)
        & pl.col("main_decay")
        & (pl.col("name") == "test_accuracy")
    )["value"].to_numpy()
    form = lambda name: forms.filter(pl.col("form") == name)["accuracy"].to_numpy()
    groups = {
        f"written down, N = {config.analytic_width}, p = {config.analytic_p}": form,
        f"trained on {config.fraction:.0%}, p = {config.p}": lambda n: part(n, "half"),
        f"trained on {config.high_fraction:.0%}, p = {config.p}": lambda n: part(n, "most"),
    }
    for i, (label, values) in enumerate(groups.items()):
        for j, name in enumerate(names):
            _bar(ax, j + 0.27 * (i - 1), values(name), fig.PALETTE[i], label if j == 0 else None)
    if "(x+y)^2" in names:
        both = form("(x+y)^2, all roots").mean()
        place = names.index("(x+y)^2") - 0.27
        ax.plot(place, both, "D", color=fig.INK, label="written down, both roots", linestyle="none")
    ax.axhline(1 / config.p, color=fig.MUTED, linestyle=":", label="chance, 1/p")
    ax.plot([], [], ".", markersize=4, color=fig.INK, label="one draw or network")
    ax.set_xticks(range(len(names)), names)
    ax.set_ylim(0, 1.05)
    ax.set_ylabel("accuracy (trained: on the test set)")
    sheet.legend(loc="outside lower center", ncols=3)
    learned = [n for n in names if np.nanmean(part(n, "half")) >= 0.9]
    fig.title(
        ax,
        f"{config.fraction:.0%} of the table is enough for {len(learned)} of {len(names)} "
        "polynomials (90% of the test right)",
    )
    return sheet


def _bar(ax: Axes, x: float, values: np.ndarray, colour: str, label: str | None) -> None:
    """Draw a bar at the mean with a dot for each unit, or say that there is no such network."""
    values = values[~np.isnan(values.astype(float))]
    ax.bar(x, values.mean() if len(values) else 0, 0.25, color=colour, alpha=0.75, label=label)
    if len(values):
        ax.scatter(np.full(len(values), x), values, s=5, color=fig.INK, linewidth=0, zorder=3)
    else:
        ax.text(x, 0.015, "none", rotation=90, ha="center", va="bottom", size=7, color=fig.MUTED)
