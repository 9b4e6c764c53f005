"""Figures of the study ``superposition_adversarial``."""

from typing import Any

import numpy as np
import polars as pl
from matplotlib.figure import Figure

from toylab.read import Measures
from toylab.report import figures as fig
from toylab.report.panels import drawing, panels
from toylab.report.series import curve

from .pictures import SPARSITIES, sparsity_axis

CAPTIONS = {
    "vulnerability": "a: rise of the loss under the worst analytic attack, and under a random "
    "perturbation of the same length, each as a multiple of the same rise in the dense model of "
    "that seed; a random perturbation raises the loss itself by a few per cent of what an attack "
    "does. b: vulnerability to the worst attack against features per dimension, a point per "
    "network.",
    "hardening": "Features per dimension after training against attacks of a given radius; median "
    "and 95% interval over seeds. Below one a model keeps less than it has room for.",
}


def vulnerability(measures: Measures, config: Any) -> Figure:
    """Vulnerability and features per dimension over sparsity, and one against the other."""
    rows = measures["plain"].with_columns((1 / pl.col("density")).alias("sparsity"))
    sheet, (left, right) = panels(2, 2.9)
    for column, label, colour in (
        ("random_vulnerability", "random perturbation", fig.GREEN),
        ("vulnerability", "worst analytic attack", fig.VERMILLION),
        ("features_per_dimension", "features per dimension 1/D*", fig.BLUE),
    ):
        style = dict(label=label, color=colour, marker="o", markersize=3)
        x, _ = curve(left, rows, column, "sparsity", **style)
    left.axhline(1, color=fig.MUTED, linewidth=0.7, linestyle=":")
    sparsity_axis(left)
    left.set(ylim=(0, None), ylabel="multiple of the dense model")
    left.legend()
    points = right.scatter(
        rows["features_per_dimension"],
        rows["vulnerability"],
        c=np.log10(rows["sparsity"].to_numpy()),
        cmap=fig.SEQUENTIAL,
        s=14,
    )
    bar = sheet.colorbar(points, ax=right, label="sparsity 1/(1−S)")
    bar.set_ticks(np.log10(SPARSITIES), labels=map(str, SPARSITIES))
    right.set(xlabel="features per dimension 1/D*", ylabel="vulnerability to the worst attack")
    sparsest = rows.filter(pl.col("density") == pl.col("density").min())
    attack, push = (sparsest[c].median() for c in ("vulnerability", "random_vulnerability"))
    fig.title(
        sheet,
        f"At density 1/{x[-1]:.0f} the worst attack raises the loss {attack:.1f} times as much as "
        f"in a dense model, a random perturbation {push:.1f} times",
    )
    return sheet


def hardening(measures: Measures, config: Any) -> Figure:
    """Features per dimension after training against attacks."""
    sheet = fig.figure(fig.COLUMN, 2.5)
    ax = sheet.subplots()
    for column, label, colour, marker in (
        ("features_per_dimension", "1/D*", fig.BLUE, "o"),
        ("kept_per_dimension", "of norm 0.5 or more", fig.ORANGE, "s"),
    ):
        style = dict(label=label, color=colour, marker=marker)
        radius, values_SX = curve(ax, measures["hardened"], column, "radius", **style)
    ax.axhline(1, color=fig.MUTED, linewidth=0.8, linestyle=":", label="no superposition")
    ax.set(
        ylim=(0, None),
        xlabel="attack radius in training / mean input norm",
        ylabel="features per dimension",
    )
    ax.legend()
    first, last = (np.nanmedian(values_SX[:, i]) for i in (0, -1))
    fig.title(
        ax,
        f"Trained against attacks, models keep {first:.1f} features per dimension at a radius of "
        f"{radius[0]:.2g} and {last:.1f} at {radius[-1]:.2g}",
    )
    return sheet


draw = drawing(vulnerability, hardening)
