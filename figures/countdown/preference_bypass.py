"""Figures of the study ``preference_collapse``: the bypass in a language model."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import polars as pl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from toylab.report import figures as fig

ARM_COLOURS = {"dpo": fig.BLUE, "sft": fig.ORANGE}


def lines(table: pl.DataFrame, value: str) -> tuple[np.ndarray, np.ndarray]:
    """Steps (S,) and values (seeds, S) of one arm."""
    wide = table.sort("init_seed", "step").group_by("init_seed", maintain_order=True)
    rows = wide.agg(pl.col(value), pl.col("step"))
    return np.array(rows["step"][0]), np.stack([np.array(r) for r in rows[value]])


def _mean(table: pl.DataFrame, condition: str, *where: pl.Expr, value: str = "rate") -> np.ndarray:
    """A condition's value per seed."""
    rows = table.filter(pl.col("condition") == condition, *where)
    return rows.group_by("init_seed").agg(pl.col(value).mean()).sort("init_seed")[value].to_numpy()


def _bars(ax: Axes, names: list[str], seen: list[np.ndarray], colours: list[str]) -> None:
    for i, (values, colour) in enumerate(zip(seen, colours, strict=True)):
        ax.bar(i, np.nanmean(values), 0.7, color=colour)
        ax.plot([i] * len(values), values, "_", color=fig.INK, ms=6)
    ax.set_xticks(range(len(names)), names)


def bypass(measures: Mapping[str, Any], config: Any) -> Figure:
    """Bad rates with keys scaled, and how much of DPO's change is undone by putting parts back."""
    sheet = fig.figure(fig.PAGE, 3.0)
    left, middle, right = sheet.subplots(1, 3, width_ratios=[1.25, 1, 1])
    table = measures["bypass"]
    before, after = _mean(table, "before"), _mean(table, "after")
    share = lambda condition, *where: (_mean(table, condition, *where) - after) / (before - after)
    names = ["before\nDPO", "after", "after,\nkeys x10", "random\nx10", "before,\nkeys x10"]
    conditions = ("before", "after", "keys", "random keys", "keys before")
    colours = [fig.MUTED, fig.BLUE, fig.VERMILLION, fig.SKY, fig.PURPLE]
    _bars(left, names, [_mean(table, c) for c in conditions], colours)
    floor = np.nanmean(measures["networks"]["rate_floor"])
    left.axhline(floor, color=fig.INK, ls=":", lw=0.8, label="in the language")
    left.legend(loc="upper left")
    left.set_ylabel("probability of a bad word")
    left.tick_params(axis="x", labelsize=6.5)
    cut, back = 1 - after / before, share("keys")
    count = int(table.filter(pl.col("condition") == "keys")["size"][0])
    fig.title(
        left,
        f"DPO cuts the rate by {np.nanmean(cut):.0%}; {count} keys x10 restore "
        f"{np.nanmean(back):.0%} of that",
    )
    shown = table.filter(pl.col("condition") == "patched")["size"].unique().sort().to_list()
    for condition, colour in (("patched", fig.VERMILLION), ("random patched", fig.SKY)):
        sizes = sorted(table.filter(pl.col("condition") == condition)["size"].unique().to_list())
        values = np.stack([share(condition, pl.col("size") == size) for size in sizes], 1)
        label = "most aligned" if condition == "patched" else "random, same layers"
        fig.interval_line(middle, sizes, values, color=colour, label=label, marker="o")
    first = np.nanmean(share("patched", pl.col("size") == count))
    middle.set_xscale("log")
    middle.set_xticks(shown, [f"{size:.0f}" for size in shown])
    middle.minorticks_off()
    middle.set_xlabel("neurons put back")
    middle.set_ylabel("share of DPO's change undone")
    middle.axhline(0, color=fig.INK, lw=0.6)
    middle.legend(loc="upper left", fontsize=7)
    fig.title(middle, f"The first {count} carry {first:.1%}")
    groups = [c.removeprefix("back: ") for c in table["condition"].unique() if "back: " in c]
    groups = sorted(groups, key=lambda g: -np.nanmean(share(f"back: {g}")))
    for i, group in enumerate(reversed(groups)):
        values = share(f"back: {group}")
        right.barh(i, np.nanmean(values), 0.7, color=fig.GREEN)
        right.plot(values, [i] * len(values), "|", color=fig.INK, ms=6)
    right.set_yticks(range(len(groups)), groups[::-1])
    right.axvline(0, color=fig.INK, lw=0.6)
    right.locator_params(axis="x", nbins=4)
    right.set_xlabel("share undone")
    most = np.nanmean(share(f"back: {groups[0]}"))
    fig.title(right, f"Weights put back: {groups[0]} carries most: {most:.0%}")
    return sheet


def weights(measures: Mapping[str, Any], config: Any) -> Figure:
    """How far weights move, what that does to the rate, and which neurons change."""
    sheet = fig.figure(fig.PAGE, 2.8)
    left, middle, right = sheet.subplots(1, 3)
    matrices = measures["matrices"]
    groups = matrices["group"].unique(maintain_order=True).to_list()
    for j, (arm, colour) in enumerate(ARM_COLOURS.items()):
        for i, group in enumerate(groups):
            rows = matrices.filter(pl.col("arm") == arm, pl.col("group") == group)
            x = np.full(len(rows), i + 0.3 * (j - 0.5))
            label = arm.upper() if i == 0 else None
            left.plot(x, 1 - rows["cos"], "o", color=colour, ms=3, alpha=0.6, label=label)
    left.axhline(0.01, color=fig.INK, ls=":", lw=0.8)
    left.set_yscale("log")
    left.set_xticks(range(len(groups)), groups, rotation=35, ha="right")
    left.set_ylabel("1 - cosine with before")
    left.legend()
    kept = np.nanmean(measures["networks"]["kept"])
    fig.title(left, f"{kept:.0%} of matrices keep cos >= 0.99")
    tuning = measures["tuning"]
    for arm, colour in ARM_COLOURS.items():
        table = tuning.filter(pl.col("arm") == arm)
        moved, rate = lines(table, "change")[1], lines(table, "rate")[1]
        fig.interval_line(
            middle, 100 * np.nanmean(moved, 0), rate, color=colour, label=arm.upper(), marker="o"
        )
    middle.set_xlabel("relative change of a matrix (%)")
    middle.set_ylabel("probability of a bad word")
    middle.set_ylim(0)
    middle.legend()
    dpo = tuning.filter(pl.col("arm") == "dpo", pl.col("step") == pl.col("step").max())
    sft = tuning.filter(pl.col("arm") == "sft", pl.col("step") == pl.col("step").max())
    fig.title(
        middle,
        f"Moved by {dpo['change'].mean():.1%}, DPO ends at {dpo['rate'].mean():.3f}; SFT, by "
        f"{sft['change'].mean():.1%}, at {sft['rate'].mean():.3f}",
    )
    neurons = measures["neurons"].filter(pl.col("init_seed") == 0)
    count = int(config.bad_neurons)
    best = neurons.sort("cos", descending=True).head(count)
    for rows, colour, label in (
        (neurons, fig.MUTED, "all"),
        (best, fig.VERMILLION, f"{count} most aligned"),
    ):
        right.plot(rows["cos"], rows["after"] - rows["before"], ".", color=colour, label=label,
                   ms=3 if label == "all" else 7)  # fmt: skip
    right.axhline(0, color=fig.INK, lw=0.6)
    right.set_xlabel("cosine with the bad direction")
    right.set_ylabel("change of activation, one seed")
    right.legend()
    networks = measures["networks"]
    fall = np.nanmean(1 - networks["bad_after"] / networks["bad_before"])
    fig.title(right, f"The {count} most aligned lose {fall:.0%} (all seeds)")
    return sheet
