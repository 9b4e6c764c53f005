"""Figures of the study ``pre_caching``: errors and probes, doses, moved terms, norms."""

from typing import Any

import numpy as np
import polars as pl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from toylab.read import Measures, Reading, table
from toylab.report import figures as fig
from toylab.report.averages import average
from toylab.report.axes import log_axis
from toylab.report.marks import bars, headroom, points
from toylab.report.panels import drawing, panels
from toylab.report.series import curve

CAPTIONS = {
    "planning": "Networks whose sums begin after a position's own number, trained on the whole "
    "gradient (vanilla) or without that from later positions to earlier ones (myopic). Crumbs are "
    "myopic networks whose sums begin with the own number. (a) Squared error of sums over their "
    "variance; dotted, what predicting 0 leaves, and what the own term alone leaves of a sum that "
    "begins with it. (b) Held-out R^2 of a linear probe of the sine of a position's own number, in "
    "the stream after the first block. Lines are medians over seeds, bands their 95% intervals.",
    "dose": "(a) Error against the share of the gradient from later positions that is passed on. "
    "(b) Error of myopic training by variant: at two rates; with W_K and W_V that learn from later "
    "positions, and with eight heads of that kind; where 30% of positions ask for a sum; with sums "
    "that begin with the own term. Bars and points are means, ticks seeds; dotted, what predicting "
    "0 leaves.",
    "moved": "The sine of the number at position n is moved up and down in the stream after the "
    "first block, along the direction in which it varies at a fixed number. Shown is by how much "
    "outputs at later positions move for one unit. Points are means over seeds with 95% intervals; "
    "dotted, the sum's own slope: 1 at lags 1 to 4, else 0.",
    "where": "Held-out R^2 of linear probes in the first block: of the sine of a position's own "
    "number, in the stream after the block, and of the sum that the position is asked for, in the "
    "stream before the MLP, where attention alone can have put it. Bars are means, ticks seeds.",
}
LOOK = {"vanilla": fig.BLUE, "myopic": fig.VERMILLION, "crumbs": fig.GREEN}
PLACES = [("first block", "r2"), ("before the MLP", "sum_r2")]
DOSES = {"myopic": 0.0, "vanilla": 1.0} | {f"dose {n / 8}": n / 8 for n in range(1, 5)}


def _error(arm: str) -> Reading:
    return table("curves").filter(arm=arm).last(over="arm").value("error")


def planning(measures: Measures, config: Any) -> Figure:
    """Errors and probes over training: the lecturer's figure."""
    sheet, (left, right) = panels(2, 2.9)
    for ax, column in ((left, "error"), (right, "probe")):
        for arm, colour in LOOK.items():
            rows = table("curves").filter(pl.col("step") > 0, arm=arm).rows(measures)
            dash = "--" if arm == "crumbs" else "-"
            curve(ax, rows, column, label=arm, color=colour, linestyle=dash)
        log_axis(ax)
        ax.set(xlabel="step")
    for level in (1, 1 - 1 / config.terms):
        left.axhline(level, color=fig.INK, ls=":", lw=0.8)
    left.set(ylabel="error of sums / variance", ylim=(0, None))
    right.set(ylabel=r"$R^2$ of $f(x_n)$ after block 1")
    right.legend(loc="upper left")
    errors = (average(_error(arm), measures) for arm in ("vanilla", "myopic"))
    fig.title(
        left, "Vanilla networks leave {:.2f} of the variance, myopic ones {:.2f}".format(*errors)
    )
    found = (average(_decoded(arm, "first block"), measures) for arm in ("vanilla", "myopic"))
    fig.title(right, "Only vanilla networks prepare the sine: R² {:.2f} and {:.2f}".format(*found))
    return sheet


def dose(measures: Measures, config: Any) -> Figure:
    """Doses of the gradient, and variants of myopic training."""
    sheet, (left, right) = panels(2, 2.9, width_ratios=[1, 1.5])
    for arm, share in DOSES.items():
        points(left, share, _error(arm)(measures).array(), fig.BLUE)
    left.set(xlabel="share of the gradient passed on", ylabel="error of sums / variance")
    names = {"myopic": "myopic", "slow": "half\nrate", "reading": "reading\nlearns"}
    names |= {
        "heads reading": f"{config.many}\nheads,\nlearn",
        "rare myopic": "rare",
        "crumbs": "crumbs",
    }
    cells = (("", fig.VERMILLION, _error),)
    bars(right, measures, [*names], cells, [*names.values()])
    right.set(ylabel="error of sums / variance")
    for ax in (left, right):
        ax.axhline(1, color=fig.INK, ls=":", lw=0.8)
        ax.set_ylim(0, None)
    half = average(_error("dose 0.5") <= 0.5, measures)
    fig.title(left, f"At half the dose {half:.0%} of networks learn")
    fig.title(right, "No rate, reader or number of heads makes up for it; breadcrumbs help")
    return sheet


def moved(measures: Measures, config: Any) -> Figure:
    """How outputs follow a moved term."""
    sheet, (ax,) = panels(1, 2.7, fig.COLUMN * 1.3)
    for shift, arm in ((-0.08, "vanilla"), (0.08, "myopic")):
        rows = table("slopes").filter(arm=arm).last(over="arm")
        lags = rows.rows(measures)["lag"].unique().sort()
        for i, lag in enumerate(lags):
            values = rows.filter(lag=lag).value("slope")(measures).array()
            points(ax, lag + shift, values, LOOK[arm], label=None if i else arm)
    _truth(ax, config)
    ax.set(xlabel="positions later", ylabel="change of output per unit of the sine")
    ax.legend(loc="upper right")
    inside = pl.col("lag").is_between(1, config.terms)
    rows = table("slopes").filter(inside, arm="vanilla").last(over="arm")
    slope = average(rows.mean("slope"), measures)
    fig.title(ax, f"Later outputs follow the prepared sine with a slope of {slope:.2f}")
    return sheet


def _truth(ax: Axes, config: Any) -> None:
    """The slope of the sum itself."""
    lags = np.arange(-0.5, config.terms + 3)
    inside = (lags > 0) & (lags < config.terms)
    ax.step(lags, inside.astype(float), where="post", color=fig.INK, ls=":", lw=1)


def _decoded(arm: str, site: str, column: str = "r2", *, first: bool = False) -> Reading:
    rows = table("sites").filter(arm=arm, site=site)
    return (rows.first(over="arm") if first else rows.last(over="arm")).value(column)


def where(measures: Measures, config: Any) -> Figure:
    """What is decodable where, with LayerNorm and without."""
    sheet, (ax,) = panels(1, 2.9, fig.COLUMN * 1.6)
    look = LOOK | {"norm": fig.PURPLE}
    names = {"norm": "vanilla, LayerNorm"}
    of = lambda arm, first=False: lambda place: _decoded(arm, *place, first=first)
    cells = [("untrained", fig.MUTED, of("vanilla", True))]
    cells += [(names.get(arm, arm), colour, of(arm)) for arm, colour in look.items()]
    bars(ax, measures, PLACES, cells, ["own sine,\nafter block 1", "sum so far,\nbefore the MLP"])
    headroom(ax)
    ax.set(ylabel=r"$R^2$ of a linear probe")
    ax.legend(ncols=3, loc="upper left")
    found = average(_decoded("norm", *PLACES[1]), measures)
    fig.title(ax, f"With LayerNorm the first attention alone gives the sum with R² {found:.2f}")
    return sheet


draw = drawing(planning, dose, moved, where)
