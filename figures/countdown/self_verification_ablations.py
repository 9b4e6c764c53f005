"""Ablations of self-verification: silenced attempts per condition, and what is written on."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import polars as pl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from toylab.report import figures as fig
from toylab.stats import bootstrap_interval

from .self_verification_trace import AFTER

# Conditions and what they are called: heads off everywhere, heads off at two tokens, neurons.
RANDOM, ANY = "random, same layers", "random, any layer"
HEADS = {
    "chosen": "chosen",
    "chosen, mean": "chosen, mean",
    "random heads": RANDOM,
    "random heads of any layer": ANY,
    "previous": "token before",
}
LAST = {
    "chosen, last two": "chosen",
    "random heads, last two": RANDOM,
    "patched, last two": "patched",
    "random for patched, last two": RANDOM,
    "any layer for patched, last two": ANY,
}
VECTORS = {"valid": "valid", "valid + invalid": "and invalid", "random neurons": "random"}
SHOWN = HEADS | LAST | VECTORS
WRITTEN = {
    "nothing": "nothing",
    "chosen": "chosen",
    "random heads": RANDOM,
    "random heads of any layer": ANY,
    "valid + invalid": "vectors",
}
PALE = 0.35  # opacity


def ablations(measures: Mapping[str, Any], config: Any) -> Figure:
    """Silenced attempts per condition, what stays right, and what is written on."""
    sheet = fig.figure(fig.PAGE, 3.5)
    left, right = sheet.subplots(1, 2, width_ratios=[2.6, 1])
    table = measures["conditions"]
    for arm, colour, shift in (("search", fig.ORANGE, -0.2), ("reward", fig.BLUE, 0.2)):
        for i, name in enumerate(SHOWN):
            own = _per_seed(table, arm, name, "silenced")
            said = _per_seed(table, arm, name, "says_no")
            _bar(left, i + shift, own, said, colour, _when(arm) if i == 0 else None)
    for i, name in enumerate(SHOWN):
        kept = np.nanmean(_per_seed(table, "reward", name, "arithmetic"))
        label = "results as right as before, after reward" if i == 0 else None
        left.plot(i + 0.2, kept, "D", color="white", mec=fig.INK, ms=4, label=label)
    for edge, text in ((0, "heads off at all places"), (len(HEADS), 'heads off at result and "("'),
                       (len(HEADS) + len(LAST), 'neurons at "("')):  # fmt: skip
        left.plot([edge - 0.5] * 2, [0, 1.12], color=fig.MUTED, lw=0.8, ls=":")
        left.text(edge - 0.4, 1.05, text, fontsize=6.5, color=fig.INK)
    left.set_xticks(range(len(SHOWN)), list(SHOWN.values()), rotation=40, ha="right", fontsize=7)
    left.set_ylim(0, 1.48)
    left.set_yticks(np.linspace(0, 1, 6))
    left.set_ylabel("share of accepted right attempts")
    left.bar([np.nan], [np.nan], color=fig.MUTED, alpha=PALE, label="neither ok nor no")
    left.legend(ncols=2, loc="upper left", fontsize=6.5)
    fig.title(left, _finding(table))
    _written(right, measures["generated"].filter(AFTER))
    return sheet


def _finding(table: pl.DataFrame) -> str:
    """The means after reward, silenced and of these refused, beside random heads of any layer."""
    mean = lambda name, of: np.nanmean(_per_seed(table, "reward", name, of))
    told = lambda name: f"{mean(name, 'silenced'):.0%} ({mean(name, 'says_no'):.0%})"
    patched, other = "patched, last two", "any layer for patched, last two"
    return (
        f"Silenced (says no): chosen {told('chosen')}, random of any layer "
        f"{told('random heads of any layer')}; at two tokens patched {told(patched)}, random "
        f"{told(other)}"
    )


def _when(arm: str) -> str:
    return f"silenced (says no), {'before' if arm == 'search' else 'after'} reward"


def _per_seed(table: pl.DataFrame, arm: str, condition: str, column: str) -> np.ndarray:
    rows = table.filter((pl.col("arm") == arm) & (pl.col("condition") == condition))
    per_seed = rows.group_by("init_seed").agg(pl.col(column).mean()).sort("init_seed")
    return per_seed[column].to_numpy()


def _bar(
    ax: Axes, x: float, values: np.ndarray, said: np.ndarray, colour: str, label: str | None
) -> None:
    """A bar with its interval; full where the network says no, pale where it says neither."""
    is_there = np.isfinite(values)
    values, said = values[is_there], said[is_there]
    if not len(values):
        return
    mean, low, high = bootstrap_interval(values, "mean", 0.95, 1000)
    ax.bar(x, said.mean(), 0.38, color=colour, label=label)
    ax.bar(x, mean - said.mean(), 0.38, bottom=said.mean(), color=colour, alpha=PALE)
    ax.plot([x, x], [low, high], color=fig.INK, lw=0.9)


def _written(ax: Axes, rows: pl.DataFrame) -> None:
    bottom = np.zeros(len(WRITTEN))
    looks = (("success", fig.BLUE, "neither ok nor answer"), ("partial", fig.SKY, "answer, no ok"),
             ("fail", fig.MUTED, "ok"))  # fmt: skip
    for column, colour, label in looks:
        value = [np.nanmean(_per_seed(rows, "reward", n, column)) for n in WRITTEN]
        ax.bar(range(len(WRITTEN)), value, 0.7, bottom=bottom, color=colour, label=label)
        bottom = bottom + np.asarray(value)
    ax.set_xticks(range(len(WRITTEN)), list(WRITTEN.values()), rotation=40, ha="right", fontsize=7)
    ax.set_ylim(0, 1.48)
    ax.set_yticks(np.linspace(0, 1, 6))
    ax.set_ylabel("off throughout what is written on")
    ax.legend(loc="upper left", fontsize=6.5)
    chosen, same, other = (
        np.nanmean(_per_seed(rows, "reward", n, "success"))
        for n in ("chosen", "random heads", "random heads of any layer")
    )
    fig.title(ax, f"Written on: chosen {chosen:.0%}, random {same:.0%}, any layer {other:.0%}")
