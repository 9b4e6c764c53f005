"""Figures of the study ``preference_collapse``: the bypass in a language model."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import polars as pl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from toylab.read import Reading, table
from toylab.read.values import FLAG
from toylab.report import figures as fig
from toylab.report.panels import panels
from toylab.report.series import series

from . import marks

ARMS = {"dpo": fig.BLUE, "sft": fig.ORANGE}
MODELS = ("language", "tuned")  # populations
SCALED = {
    "before": ("before", fig.MUTED),
    "after": ("after DPO", fig.BLUE),
    "keys": ("after,\nkeys x10", fig.VERMILLION),
    "random keys": ("after,\nrandom x10", fig.SKY),
    "keys before": ("before,\nkeys x10", fig.PURPLE),
}
WEIGHTS = {
    "embed": "embedding",
    "attn": "attention",
    "mlp/up": "MLP in",
    "mlp/down": "MLP out",
    "unembed": "unembedding",
    "norm": "norms",
}
MATRICES = tuple(WEIGHTS)[:-1]


def _rate(condition: str, **where: Any) -> Reading:
    return table("bypass", of=MODELS).filter(condition=condition, **where).mean("rate")


def _undone(measures: Mapping[str, Any], condition: str, **where: Any) -> np.ndarray:
    """Share of DPO's change that a condition undoes, by seed."""
    before, after = _rate("before"), _rate("after")
    return ((_rate(condition, **where) - after) / (before - after))(measures).array()


def bypass(measures: Mapping[str, Any]) -> Figure:
    """Bad rates with keys scaled, and how much of DPO's change is undone by putting parts back."""
    sheet, (left, middle, right) = panels(3, 3.0, width_ratios=[1.1, 1, 1])
    for i, (condition, (_, colour)) in enumerate(SCALED.items()):
        marks.seeds(left, i, _rate(condition)(measures).array(), colour)
    left.set_xticks(range(len(SCALED)), [name for name, _ in SCALED.values()], rotation=40,
                    ha="right", rotation_mode="anchor")  # fmt: skip
    floor = table("networks", of=MODELS).value("rate_floor")(measures).array()
    left.axhline(marks.mean(floor), color=fig.INK, ls=":", lw=0.8)
    left.set_ylabel("probability of a bad word")
    left.set_ylim(0)
    back = marks.mean(_undone(measures, "keys")) > 0.8
    fig.title(left, f"Scaling keys {'brings' if back else 'does not bring'} bad words back")
    _patched(measures, middle)
    shares = {group: _undone(measures, f"back: {group}") for group in WEIGHTS}
    order = sorted(shares, key=lambda group: marks.mean(shares[group]))
    for y, group in enumerate(order):
        marks.seeds(right, y, shares[group], fig.GREEN, upright=False)
    right.set_yticks(range(len(order)), [WEIGHTS[group] for group in order])
    right.set_xlabel("share of change undone")
    fig.title(right, f"Put back, {WEIGHTS[order[-1]]} undoes most")
    return sheet


def _patched(measures: Mapping[str, Any], ax: Axes) -> None:
    """Share undone by the activations of more and more neurons."""
    table_ = measures["bypass"]
    for condition, colour, name in (
        ("patched", fig.VERMILLION, "most aligned"),
        ("random patched", fig.SKY, "random, same layers"),
    ):
        sizes = table_.filter(condition=condition)["size"].unique().sort().to_list()
        values = np.stack([_undone(measures, condition, size=size) for size in sizes], 1)
        fig.interval_line(ax, sizes, values, color=colour, label=name, marker="o")
        if condition == "patched":
            first, shown = marks.mean(values[:, 0]), sizes
    ax.set_xscale("log")
    ax.set_xticks(shown, [f"{size:.0f}" for size in shown])
    ax.minorticks_off()
    ax.set_xlabel("neurons put back")
    ax.set_ylabel("share of change undone")
    ax.axhline(0, color=fig.INK, lw=0.6)
    ax.legend(loc="center left")
    fig.title(
        ax, f"{shown[0]:.0f} neurons carry {'little' if first < 0.1 else 'a part'} of the change"
    )


def weights(measures: Mapping[str, Any], config: Any) -> Figure:
    """How far weights move, what that does to the rate, and which neurons change."""
    sheet, (left, middle, right) = panels(3, 3.0)
    finite = lambda name, **where: table(name, of=MODELS).filter(~pl.col(FLAG), **where)
    for shift, (arm, colour) in zip((-0.15, 0.15), ARMS.items(), strict=True):
        rows = finite("matrices", arm=arm).rows(measures)
        for i, group in enumerate(MATRICES):
            gap = 1 - rows.filter(group=group)["cos"].to_numpy()
            label = arm.upper() if i == 0 else None
            left.plot(np.full(len(gap), i + shift), gap, "o", color=colour, ms=3, alpha=0.6,
                      label=label)  # fmt: skip
        tuning = finite("tuning", arm=arm).rows(measures)
        (_, moved), (_, rate) = series(tuning, "change"), series(tuning, "rate")
        middle.plot(100 * np.nanmean(moved, 0), np.nanmean(rate, 0), "o-", color=colour,
                    label=arm.upper())  # fmt: skip
    left.axhline(0.01, color=fig.INK, ls=":", lw=0.8)
    left.set_yscale("log")
    left.set_xticks(range(len(MATRICES)), [WEIGHTS[group] for group in MATRICES], rotation=40,
                    ha="right", rotation_mode="anchor")  # fmt: skip
    left.set_ylabel("1 - cosine with before")
    left.legend()
    fig.title(left, "DPO and SFT move all weights a little")
    middle.set_xlabel("relative change of weights (%)")
    middle.set_ylabel("probability of a bad word")
    middle.set_ylim(0)
    middle.legend()
    last = table("tuning", of=MODELS).last()
    ends = [marks.mean(last.filter(arm=arm).value("rate")(measures).array()) for arm in ARMS]
    fig.title(middle, f"DPO ends {'lower' if ends[0] < ends[1] else 'no lower'} than SFT")
    _neurons(finite("neurons").rows(measures), right, int(config.bad_neurons))
    return sheet


def _neurons(rows: pl.DataFrame, ax: Axes, count: int) -> None:
    """Change of activation against alignment, of the first seed's neurons."""
    rows = rows.filter(pl.col("init_seed") == pl.col("init_seed").min())
    most = rows.sort("cos", descending=True).head(count)
    for own, colour, size, name in (
        (rows, fig.MUTED, 3, "all"),
        (most, fig.VERMILLION, 7, f"{count} most aligned"),
    ):
        ax.plot(own["cos"], own["after"] - own["before"], ".", color=colour, ms=size, label=name)
    ax.axhline(0, color=fig.INK, lw=0.6)
    ax.set_xlabel("cosine with the bad direction")
    ax.set_ylabel("change of mean activation")
    ax.legend()
    falls = most.select((pl.col("after") < pl.col("before")).mean()).item() or 0.0
    fig.title(ax, f"The most aligned neurons {'fall' if falls > 0.5 else 'do not fall'}")
