"""Figures of the study ``bad_data``: entanglement against share, and what steering costs."""

from typing import Any

import numpy as np
import polars as pl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from toylab.analysis.geometry.entanglement import chance_entanglement, entanglement_floor
from toylab.read import Measures
from toylab.report import figures as fig
from toylab.report.axes import log_axis
from toylab.report.panels import drawing, panels
from toylab.report.ramp import ramp
from toylab.report.series import curve

CAPTIONS = {
    "entanglement": "Twelve features in four dimensions, four of them with a share of the others' "
    "data. Entanglement is the largest cosine with another feature, (a) absolute, as in the paper, "
    "of all directions; (b) absolute and (c) its positive part, of represented features (norm "
    "above 0.5) alone. Dashed: the mean of as many random directions, exact; dotted: no twelve "
    "lines in four dimensions are all below 0.5, which the axes of the 24-cell reach. Grey: shares "
    "at which fewer than half of the rare features are represented. Lines are medians over seeds "
    "with 95% intervals.",
    "steering": "A language with a share of rough texts; the register's direction is taken away "
    "from the residual stream with growing strength (dots, left to right; large dot: strength 1). "
    "(a) Rough words that are left after rough words against what clean texts lose; means over "
    "seeds, dashed: a random direction of the same length. (b) Part of the rough words that is "
    "gone at strength 1 and where clean texts lose 0.05 nats, and the direction's AUC as a probe.",
}
GROUPS = {True: ("rare features", fig.VERMILLION), False: ("other features", fig.BLUE)}


def entanglement(measures: Measures, config: Any) -> Figure:
    """Entanglement over shares beside both nulls."""
    sheet, axes = panels(3, 3.3, sharey=True)
    rows = measures["features"].filter(arm="trained").fill_nan(None)
    kept = pl.col("kept") == 1.0
    with_some = rows.filter(kept)
    _panel(
        axes[0],
        rows,
        "absolute all",
        float(chance_entanglement(config.n_features, config.n_hidden)),
    )
    _panel(axes[1], with_some, "absolute", None)
    _panel(axes[2], with_some, "positive", None)
    floor = entanglement_floor(config.n_features, config.n_hidden)
    for ax in axes[:2]:
        ax.axhline(floor, color=fig.INK, ls=":", lw=0.9)
    axes[0].text(0.03, floor + 0.01, "24-cell", size=7, transform=axes[0].get_yaxis_transform())
    part = rows.filter("rare").group_by("share").agg(pl.col("kept").mean()).sort("share")
    scarce = part.filter(pl.col("kept") < 0.5)["share"]
    for ax in axes:
        if len(scarce):
            ax.axvspan(rows["share"].min(), scarce.max(), color=fig.MUTED, alpha=0.15, lw=0)
        log_axis(ax)
        ax.set(xlabel="share of data of the rare features", ylim=(-0.03, 1.03))
    axes[0].set_ylabel("entanglement")
    axes[0].legend(loc="lower left", bbox_to_anchor=(0, 0.12))
    fig.title(axes[0], "The paper's measure: it falls, from noise")
    fig.title(axes[1], "Where features exist it is the others that fall")
    fig.title(axes[2], "With antipodal pairs free, the rare ones lie above")
    return sheet


def _panel(ax: Axes, rows: pl.DataFrame, column: str, chance: float | None) -> None:
    for rare, (label, colour) in GROUPS.items():
        own = rows.filter(pl.col("rare") == rare).drop_nulls(column)
        if own.height:
            curve(ax, own, column, "share", label=label, color=colour, marker="o", ms=3)
    if chance is None:
        mean = rows.group_by("share").agg(pl.col(f"{column} chance").mean()).sort("share")
        ax.plot(mean["share"], mean[f"{column} chance"], color=fig.INK, ls="--", lw=0.9)
    else:
        ax.axhline(chance, color=fig.INK, ls="--", lw=0.9, label="random directions")


def steering(measures: Measures, config: Any) -> Figure:
    """What is left of rough words against the cost, and what is removed over shares."""
    sheet, (left, right) = panels(2, 3.2)
    rows = measures["steered"].fill_nan(None).drop_nulls("rough")
    start = rows.filter(strength=0.0).select(
        "member", "push", "init_seed", base="loss", whole="rough"
    )
    rows = rows.join(start, on=["member", "push", "init_seed"]).with_columns(
        cost=pl.col("loss") - pl.col("base"), gone=1 - pl.col("rough") / pl.col("whole")
    )
    shares = sorted(rows["share"].unique())
    for share, colour in zip(shares, ramp(len(shares)), strict=True):
        for push, dash in (("found", "-"), ("random", "--")):
            own = (
                rows.filter(share=share, push=push)
                .group_by("strength")
                .agg(pl.col("cost", "rough").mean())
            )
            own = own.sort("strength")
            label = f"{share:.0%} rough texts" if push == "found" else None
            left.plot(
                own["cost"], own["rough"], dash, color=colour, label=label, marker="o", ms=2.5
            )
            weak = own.filter(strength=1.0)
            left.plot(weak["cost"], weak["rough"], "o", color=colour, ms=5.5)
    left.set(xlabel="loss of clean texts, nats above unsteered", xlim=(-0.01, 0.4))
    left.set(ylabel="chance of a rough word after rough ones", ylim=(0, None))
    left.legend(loc="lower right", bbox_to_anchor=(1, 0.06))
    fig.title(left, "Up to a tenth of rough texts, rough words are no cheaper to remove")
    found = rows.filter(push="found")
    look = {"marker": "o", "ms": 3}
    curve(right, found.filter(strength=1.0), "gone", "share", label="gone at strength 1", **look)
    curve(right, at_cost(found), "gone", "share", label="gone at a cost of 0.05", **look)
    probe = found.filter(strength=0.0)
    curve(right, probe, "auc", "share", label="AUC of the direction", ls="--", **look)
    log_axis(right, ticks=shares)
    right.set(xlabel="share of rough texts", ylim=(0, 1.05), ylabel="part of rough words, or AUC")
    right.legend(loc="lower right")
    fig.title(right, "Neither probe nor weak steering is better with more of them")
    return sheet


def at_cost(rows: pl.DataFrame, cost: float = 0.05) -> pl.DataFrame:
    """Part of the rough words that is gone at a cost, one row per network."""
    found = []
    for (seed, share), own in rows.sort("strength").group_by("init_seed", "share"):
        paid, gone = (own[column].to_numpy() for column in ("cost", "gone"))
        over = np.flatnonzero(paid > cost)
        i = over[0] if len(over) else len(paid) - 1
        part = np.interp(cost, paid[i - 1 : i + 1], gone[i - 1 : i + 1]) if len(over) else gone[-1]
        found.append({"init_seed": seed, "share": share, "gone": float(part)})
    return pl.DataFrame(found)


draw = drawing(entanglement, steering)
