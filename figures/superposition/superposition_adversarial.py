"""Figures of the study ``superposition_adversarial``."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import polars as pl
from matplotlib.figure import Figure

from toylab.report import figures as fig
from toylab.report.panels import panels
from toylab.report.series import series

TICKS = ([1, 2, 5, 10, 20], ["1", "2", "5", "10", "20"])
CAPTIONS = {
    "vulnerability": (
        "a: rise of the loss under the worst analytic attack, and under a random perturbation of "
        "the same length, each as a multiple of the same rise in the dense model of that seed; a "
        "random perturbation raises the loss itself by a few per cent of what an attack does. b: "
        "vulnerability to the worst attack against features per dimension, a point per network."
    ),
    "hardening": (
        "Features per dimension after training against attacks of a given radius; median and 95% "
        "interval over seeds. Below one a model keeps less than it has room for."
    ),
}


def draw(measures: Mapping[str, Any], config: Any) -> dict[str, Figure]:
    """Draw every figure of the study."""
    return {"vulnerability": vulnerability(measures), "hardening": hardening(measures)}


def vulnerability(measures: Mapping[str, Any]) -> Figure:
    """Vulnerability and features per dimension over sparsity, and one against the other."""
    rows = measures["plain"].with_columns((1 / pl.col("density")).alias("sparsity"))
    sheet, (left, right) = panels(2, 2.9)
    for column, label, colour in (
        ("random_vulnerability", "random perturbation", fig.GREEN),
        ("vulnerability", "worst analytic attack", fig.VERMILLION),
        ("features_per_dimension", "features per dimension 1/D*", fig.BLUE),
    ):
        x, values_SX = series(rows, column, "sparsity")
        fig.interval_line(left, x, values_SX, label, colour, marker="o", markersize=3)
    left.axhline(1, color=fig.MUTED, linewidth=0.7, linestyle=":")
    left.set_xscale("log")
    left.set_xticks(*TICKS)
    left.minorticks_off()
    left.set_ylim(bottom=0)
    left.set_xlabel("sparsity 1/(1−S)")
    left.set_ylabel("multiple of the dense model")
    left.legend()
    points = right.scatter(
        rows["features_per_dimension"],
        rows["vulnerability"],
        c=np.log10(rows["sparsity"].to_numpy()),
        cmap=fig.SEQUENTIAL,
        s=14,
    )
    bar = sheet.colorbar(points, ax=right, ticks=np.log10(TICKS[0]))
    bar.set_ticklabels(TICKS[1])
    bar.set_label("sparsity 1/(1−S)")
    right.set_xlabel("features per dimension 1/D*")
    right.set_ylabel("vulnerability to the worst attack")
    sparsest = rows.filter(pl.col("density") == pl.col("density").min())
    attack, push = (sparsest[c].median() for c in ("vulnerability", "random_vulnerability"))
    fig.title(
        sheet,
        f"At density 1/{x[-1]:.0f} the worst attack raises the loss {attack:.1f} times as much as "
        f"in a dense model, a random perturbation {push:.1f} times",
    )
    return sheet


def hardening(measures: Mapping[str, Any]) -> Figure:
    """Features per dimension after training against attacks."""
    sheet = fig.figure(fig.COLUMN, 2.5)
    ax = sheet.subplots()
    x, values_SX = series(measures["hardened"], "features_per_dimension", "radius")
    fig.interval_line(ax, x, values_SX, "trained against attacks", marker="o")
    ax.axhline(1, color=fig.MUTED, linewidth=0.8, linestyle=":", label="no superposition")
    ax.set_ylim(bottom=0)
    ax.set_xlabel("attack radius in training / mean input norm")
    ax.set_ylabel("features per dimension 1/D*")
    ax.legend()
    first, last = (np.nanmedian(values_SX[:, i]) for i in (0, -1))
    fig.title(
        ax, f"Training against attacks lowers features per dimension from {first:.1f} to {last:.1f}"
    )
    return sheet
