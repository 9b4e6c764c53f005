"""Figure of the study ``superposition_scaling``: loss and kept features over width."""

from typing import Any

import numpy as np
import polars as pl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from toylab.read import Measures
from toylab.report import figures as fig
from toylab.report.axes import log_axis
from toylab.report.panels import drawing, panels
from toylab.report.ramp import ramp
from toylab.report.series import curve, series

REGIMES = {"strong superposition": -1.0, "weak superposition": 1.0}
MARKERS = "osv^D"
CAPTIONS = {
    "loss": "Loss over the number of hidden dimensions m, for feature frequencies i^−α; median "
    "and 95% interval over seeds. The legend gives the exponent of a power law fitted to the "
    "medians.",
    "overlaps": "a: fraction of the features kept, for the steepest frequencies. b: mean squared "
    "overlap of two features' directions, for equal frequencies. Dotted: one feature per "
    "dimension, and random directions.",
}


def loss(measures: Measures, config: Any) -> Figure:
    """Loss over width in both regimes, with the fitted exponents."""
    sheet, axes = panels(2, 3.0, sharey=True)
    colours = ramp(len(config.alphas))
    for ax, (regime, gamma) in zip(axes, REGIMES.items(), strict=True):
        rows = measures["models"].filter(gamma=gamma)
        lines = zip(config.alphas, colours, MARKERS, strict=False)
        for each in lines:
            _line(ax, rows, *each)
        _widths(ax, config.widths)
        ax.set_title(regime.capitalize())
        ax.legend(title="frequencies $i^{-α}$: exponent")
    axes[0].set_ylabel("loss")
    even = measures["models"].filter(
        gamma=REGIMES["strong superposition"], alpha=min(config.alphas)
    )
    x, values_SW = series(even, "loss", "width")
    local_W = -np.diff(np.log(np.nanmedian(values_SW, 0))) / np.diff(np.log(x))
    fig.title(
        sheet,
        "In strong superposition with equal frequencies the loss falls as m to the power "
        f"−{local_W[0]:.1f} between the narrowest widths, −{local_W[-1]:.1f} between the widest",
    )
    return sheet


def _line(ax: Axes, rows: pl.DataFrame, alpha: float, colour: str, marker: str) -> None:
    x, values_SW = series(rows.filter(alpha=alpha), "loss", "width")
    finite_SW = values_SW[np.isfinite(values_SW).all(1)]
    slope = np.nan
    if len(finite_SW):
        slope = -np.polyfit(np.log(x), np.log(finite_SW).T, 1)[0].mean()
    fig.interval_line(ax, x, values_SW, f"α = {alpha:g}: {slope:.2f}", colour, marker=marker)


def _widths(ax: Axes, widths: Any) -> None:
    log_axis(ax, ticks=widths)
    ax.set(yscale="log", xlabel="width m")


def overlaps(measures: Measures, config: Any) -> Figure:
    """Kept features and squared overlaps over width."""
    sheet, (left, right) = panels(2, 2.8)
    models = measures["models"]
    n, alpha = float(models["n_features"][0]), models["alpha"].max()
    share = {}
    for (regime, gamma), colour in zip(REGIMES.items(), fig.PALETTE, strict=False):
        x, kept_SW = series(models.filter(gamma=gamma, alpha=alpha), "kept", "width")
        fig.interval_line(left, x, kept_SW / n, f"{regime}, α = {alpha:g}", colour, marker="o")
        share[regime] = np.median(kept_SW[:, -1]) / n
    left.plot(x, x / n, color=fig.INK, linestyle=":", label="m / N: one per dimension")
    left.set_ylabel("fraction of the features kept")
    style = dict(label="strong superposition, α = 0", marker="o")
    curve(right, models.filter(gamma=-1, alpha=0), "overlap", "width", **style)
    right.plot(x, 1 / x, color=fig.INK, linestyle=":", label="1/m: random directions")
    right.set_ylabel("mean squared overlap")
    for ax in (left, right):
        _widths(ax, x)
        ax.legend()
    kept, few = share.values()
    fig.title(
        sheet,
        f"Strong superposition keeps {kept:.0%} of the features at width {x[-1]:.0f}, weak "
        f"superposition {few:.0%}",
    )
    return sheet


draw = drawing(loss, overlaps)
