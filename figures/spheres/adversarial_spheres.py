"""Figures of the study ``adversarial_spheres``: error against distance, and how training goes."""

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
from toylab.report.series import curve
from toylab.tasks.spheres.caps import cap_distance

CAPTIONS = {
    "bound": "Share of the inner sphere that a network gets wrong, and mean chord from a random "
    "point of that sphere to the nearest error. (a) Lines: a cap, of all error sets the farthest "
    "away; no network can lie above its line. Dots: quadratic networks at steps of their training, "
    "both numbers exact; dotted: the gap between the spheres. (b) Distances over the cap's. "
    "Squares: networks at the end of training on 1,000 to 64,000 examples; diamonds: ReLU "
    "networks, whose distances are what an attack finds and may be too large; crosses: initial "
    "weights with a bias that gives the rate (mean).",
    "training": "(a) Axes of one network's ellipsoid in the most dimensions, sorted, at steps of "
    "training; in the shaded band an axis separates the spheres, and a network is free of errors "
    "when all are in it. (b) Error rate on the inner sphere, exact and by the paper's estimate; "
    "median and 95% interval over seeds. Below the dotted line 100,000 test points hold one error "
    "or none.",
}
COLOURS = (fig.SKY, fig.BLUE, fig.INK)
RATIO = pl.col("distance") / pl.col("cap")
SEEN = pl.col("inner").is_between(1e-8, 0.5)


def bound(measures: Measures, config: Any) -> Figure:
    """Error rate and distance under the bound, and their ratio."""
    sheet, (left, right) = panels(2, 3.5, width_ratios=(1.15, 1))
    rows = measures["networks"].filter(SEEN, pl.col("distance").is_finite())
    fresh = rows.filter((pl.col("pool") == 0) & (pl.col("step") > 0))
    rate = np.geomspace(1e-8, 0.5, 200)
    dims = sorted(measures["networks"]["dim"].unique())[-3:]
    for dim, colour in zip(dims, COLOURS, strict=False):
        left.plot(rate, cap_distance(rate, dim), color=colour, lw=1.2)
        _dots(left, fresh.filter(dim=dim), "distance", ".", colour, f"D = {dim}")
    _dots(right, fresh.filter(dim=dims[-1]), RATIO, ".", COLOURS[-1], f"quadratic, D = {dims[-1]}")
    relu = measures["relu"].filter(SEEN, pl.col("distance").is_finite() & (pl.col("inner") >= 2e-4))
    pools = rows.filter(population="pools")
    _dots(right, pools, RATIO, "s", fig.GREEN, f"with a training set, D = {config.pool_dim}")
    _dots(right, relu, RATIO, "D", fig.VERMILLION, f"ReLU, attacked, D = {config.pool_dim}")
    still = measures["untrained"].filter(dim=dims[-1]).group_by("rate").agg(RATIO.mean())
    right.plot(still["rate"], still["distance"], "x", color=fig.PURPLE, ms=6, label="untrained")
    right.axhline(1, color=fig.INK, lw=1.2)
    right.set(ylim=(0, 1.08), ylabel="distance over the cap's")
    left.set(ylim=(0, None), ylabel="mean distance to the nearest error")
    left.axhline(config.radius - 1, color=fig.MUTED, lw=0.6, ls=":")
    for ax in (left, right):
        log_axis(ax)
        ax.set(xlim=(1e-8, 0.5), xlabel="error rate on the inner sphere")
        ax.legend(loc="upper right" if ax is left else "lower left", handletextpad=0.2)
    fig.title(left, "Errors are rare, and near: no error set can lie above its line")
    fig.title(right, "Networks keep 0.7 of the bound, trained or not")
    return sheet


def _dots(
    ax: Axes, rows: pl.DataFrame, value: str | pl.Expr, mark: str, colour: str, label: str
) -> None:
    x, y = rows["inner"], rows.select(value).to_series()
    size = 3.2 if mark in "sD" else 6.5
    ax.plot(x, y, mark, color=colour, ms=size, mew=0.3, mec="white", label=label, alpha=0.9)


def training(measures: Measures, config: Any) -> Figure:
    """The spectrum of one network, and error rates, over a training."""
    sheet, (left, right) = panels(2, 3.0)
    rows = measures["networks"].filter((pl.col("dim") == max(config.dims)) & (pl.col("pool") == 0))
    steps = sorted(rows["step"].unique())
    spectra_SD = measures["spectra"]
    shown = sorted({*np.linspace(0, len(steps) - 1, 5).round().astype(int)})
    colours = ramp(len(shown))
    for i, colour in zip(shown, colours, strict=True):
        alpha_D = np.sort(spectra_SD[i])[::-1]
        share = (np.arange(len(alpha_D)) + 0.5) / len(alpha_D)
        left.plot(share, alpha_D, color=colour, label=f"step {steps[i]:,}")
    left.axhspan(config.radius**-2, 1, color=fig.GREEN, alpha=0.25, lw=0)
    left.set(
        xlabel="axes, from the shortest", ylabel="α = 1 / (length of the axis)²", ylim=(0, 3.5)
    )
    left.legend()
    fig.title(left, "Axes move into the band from both sides, slowly")
    later = rows.filter(pl.col("step") > 0).with_columns(
        inner=pl.col("inner").clip(1e-16, 1), normal=pl.col("normal").clip(1e-16, 1)
    )
    curve(right, later, "inner", label="exact", color=fig.BLUE)
    curve(right, later, "normal", label="central limit theorem", color=fig.ORANGE, ls="--")
    right.axhline(1e-5, color=fig.MUTED, lw=0.8, ls=":")
    log_axis(right)
    log_axis(right, "y")
    right.set(xlabel="step", ylabel="error rate on the inner sphere", ylim=(1e-8, 1))
    right.legend(loc="lower left")
    fig.title(right, "In the tail the paper's estimate is many times too high")
    return sheet


draw = drawing(bound, training)
