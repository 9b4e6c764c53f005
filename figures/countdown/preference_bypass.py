"""Figures of the study ``preference_collapse``: the bypass in a language model."""

from typing import Any

import numpy as np
import polars as pl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from toylab.read import Measures, Reading, table
from toylab.read.values import FLAG
from toylab.report import figures as fig
from toylab.report.averages import average
from toylab.report.axes import log_axis
from toylab.report.marks import points
from toylab.report.panels import panels
from toylab.report.series import series

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
SLANTED = {"rotation": 40, "ha": "right", "rotation_mode": "anchor"}


def _rate(condition: str, **where: Any) -> Reading:
    return table("bypass", of=MODELS).filter(condition=condition, **where).mean("rate")


def _undone(condition: str, **where: Any) -> Reading:
    """Share of DPO's change that a condition undoes."""
    before, after = _rate("before"), _rate("after")
    return (_rate(condition, **where) - after) / (before - after)


def bypass(measures: Measures, config: Any) -> Figure:
    """Bad rates with keys scaled, and how much of DPO's change is undone by putting parts back."""
    sheet, (left, middle, right) = panels(3, 3.0, width_ratios=[1.1, 1, 1])
    for i, (condition, (_, colour)) in enumerate(SCALED.items()):
        points(left, i, _rate(condition)(measures).array(), colour)
    left.set_xticks(range(len(SCALED)), [name for name, _ in SCALED.values()], **SLANTED)
    floor = table("networks", of=MODELS).value("rate_floor")
    left.axhline(average(floor, measures), color=fig.INK, ls=":", lw=0.8)
    left.set(ylabel="probability of a bad word", ylim=(0, None))
    back = average(_undone("keys"), measures) > 0.8
    fig.title(left, f"Scaling keys {'brings' if back else 'does not bring'} bad words back")
    _patched(measures, middle)
    shares = {group: _undone(f"back: {group}") for group in WEIGHTS}
    order = sorted(shares, key=lambda group: average(shares[group], measures))
    for y, group in enumerate(order):
        points(right, y, shares[group](measures).array(), fig.GREEN, upright=False)
    right.set_yticks(range(len(order)), [WEIGHTS[group] for group in order])
    right.set_xlabel("share of change undone")
    fig.title(right, f"Put back, {WEIGHTS[order[-1]]} undoes most")
    return sheet


def _patched(measures: Measures, ax: Axes) -> None:
    """Share undone by the activations of more and more neurons."""
    looks = {
        "random patched": (fig.SKY, "random, same layers"),
        "patched": (fig.VERMILLION, "most aligned"),
    }
    for condition, (colour, name) in looks.items():
        sizes = measures["bypass"].filter(condition=condition)["size"].unique().sort().to_list()
        undone = [_undone(condition, size=size) for size in sizes]
        values = np.stack([reading(measures).array() for reading in undone], 1)
        fig.interval_line(ax, sizes, values, color=colour, label=name, marker="o")
    log_axis(ax, ticks=sizes)
    ax.set(xlabel="neurons put back", ylabel="share of change undone")
    ax.axhline(0, color=fig.INK, lw=0.6)
    ax.legend(loc="center left")
    part = "little" if average(undone[0], measures) < 0.1 else "a part"
    fig.title(ax, f"{sizes[0]:.0f} neurons carry {part} of the change")


def weights(measures: Measures, config: Any) -> Figure:
    """How far weights move, what that does to the rate, and which neurons change."""
    sheet, (left, middle, right) = panels(3, 3.0)
    finite = lambda name, **where: table(name, of=MODELS).filter(~pl.col(FLAG), **where)
    for shift, (arm, colour) in zip((-0.15, 0.15), ARMS.items(), strict=True):
        look = {"color": colour}
        rows = finite("matrices", arm=arm).filter(group=MATRICES).rows(measures)
        place = rows["group"].replace_strict(MATRICES, range(len(MATRICES))) + shift
        left.plot(place, 1 - rows["cos"], "o", ms=3, alpha=0.6, label=arm.upper(), **look)
        tuning = finite("tuning", arm=arm).rows(measures)
        (_, moved), (_, rate) = series(tuning, "change"), series(tuning, "rate")
        path = 100 * np.nanmean(moved, 0), np.nanmean(rate, 0)
        middle.plot(*path, "o-", label=arm.upper(), **look)
    left.axhline(0.01, color=fig.INK, ls=":", lw=0.8)
    left.set_xticks(range(len(MATRICES)), [WEIGHTS[group] for group in MATRICES], **SLANTED)
    left.set(yscale="log", ylabel="1 - cosine with before")
    left.legend()
    fig.title(left, "DPO and SFT move all weights a little")
    middle.set(xlabel="relative change of weights (%)", ylim=(0, None))
    middle.set_ylabel("probability of a bad word")
    middle.legend()
    last = table("tuning", of=MODELS).last()
    ends = [average(last.filter(arm=arm).value("rate"), measures) for arm in ARMS]
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
    ax.set(xlabel="cosine with the bad direction", ylabel="change of mean activation")
    ax.legend()
    falls = most.select((pl.col("after") < pl.col("before")).mean()).item() or 0.0
    fig.title(ax, f"The most aligned neurons {'fall' if falls > 0.5 else 'do not fall'}")
