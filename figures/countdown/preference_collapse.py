"""Figures of the study ``preference_collapse``: three properties, regularisers, the bypass."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import polars as pl
from matplotlib.figure import Figure

from toylab.report import figures as fig

from .preference_bypass import bypass, lines, weights

SCENARIOS = ((1, 1), (1, 0), (0, 1), (0, 0))
KINDS = {"chosen": fig.BLUE, "rejected": fig.VERMILLION, "unseen": fig.MUTED}
TINY = 1e-45  # least float32: smaller probabilities are drawn here
FALL = 1 - pl.col("chosen") / pl.col("peak")


def draw(measures: Mapping[str, Any], config: Any) -> dict[str, Figure]:
    """Draw every figure of the study."""
    return {
        "curves": curves(measures, config),
        "regularisers": regularisers(measures, config),
        "gradients": gradients(measures, config),
        "bypass": bypass(measures, config),
        "weights": weights(measures, config),
    }


def _name(scenario: tuple[int, int]) -> str:
    chosen, rejected = ("on" if part else "off" for part in scenario)
    return f"chosen {chosen}-, rejected {rejected}-policy"


def _short(scenario: tuple[int, int]) -> str:
    chosen, rejected = ("on" if part else "off" for part in scenario)
    return f"{chosen} / {rejected}"


def _in(scenario: tuple[int, int]) -> pl.Expr:
    return (pl.col("chosen_likely") == scenario[0]) & (pl.col("rejected_likely") == scenario[1])


def curves(measures: Mapping[str, Any], config: Any) -> Figure:
    """Probabilities and logits of the three kinds of responses while DPO goes on."""
    sheet = fig.figure(fig.PAGE, 4.3)
    axes = sheet.subplots(2, 4, sharex=True, sharey="row")
    falls = []
    for column, scenario in enumerate(SCENARIOS):
        table = measures["curves"].filter(_in(scenario))
        plain, free = (table.filter(pl.col("arm") == arm) for arm in ("dpo", "table"))
        for kind, colour in KINDS.items():
            steps, mass = lines(plain, kind)
            fig.interval_line(axes[0, column], steps, mass, color=colour, label=kind)
            steps, raw = lines(plain, f"raw_{kind}")
            fig.interval_line(axes[1, column], steps, raw - raw[:, :1], color=colour)
            steps, raw = lines(free, f"raw_{kind}")
            told = f"{kind}, free logits" if column == 0 else None
            axes[1, column].plot(
                steps, np.nanmedian(raw - raw[:, :1], 0), ":", color=colour, lw=1, label=told
            )
        steps, mass = lines(free, "chosen")
        axes[0, column].plot(
            steps, np.nanmedian(mass, 0), ":", color=fig.BLUE, label="chosen, free logits"
        )
        ends = measures["toy"].filter(_in(scenario), pl.col("arm") == "dpo")
        fall = ends.select(FALL.mean()).item()
        fig.title(axes[0, column], f"{_short(scenario)}: falls {fall:.0%} in the mean")
        falls.append(fall)
        axes[1, column].set_xlabel("epoch of DPO")
    axes[0, 0].set_ylabel("probability, median seed")
    axes[1, 0].set_ylabel("change of mean logit")
    axes[0, 0].set_ylim(-0.02, 1.02)
    handles, labels = axes[0, 0].get_legend_handles_labels()
    sheet.legend(handles, labels, ncols=4, loc="outside lower center")
    fig.title(
        sheet,
        f"The chosen fall by {min(falls):.0%} to {max(falls):.0%} of their peak "
        "(chosen / rejected responses on- or off-policy)",
    )
    return sheet


def regularisers(measures: Mapping[str, Any], config: Any) -> Figure:
    """How much the chosen keep of their peak, and what the rejected keep, under every arm."""
    sheet = fig.figure(fig.PAGE, 2.9)
    left, right = sheet.subplots(1, 2)
    table = measures["toy"]
    arms = table["arm"].unique(maintain_order=True).to_list()
    for j, (scenario, colour) in enumerate(zip(SCENARIOS, fig.PALETTE, strict=False)):
        for ax, value in ((left, 1 - FALL), (right, pl.col("rejected"))):
            for i, arm in enumerate(arms):
                seen = table.filter(_in(scenario), pl.col("arm") == arm).select(value).to_numpy()
                x = i + 0.2 * (j - 1.5)
                label = _name(scenario) if i == 0 and ax is left else None
                if ax is left:
                    ax.bar(x, np.nanmean(seen), 0.18, color=colour, label=label)
                    ax.plot([x] * len(seen), seen[:, 0], "_", color=fig.INK, ms=3, mew=0.5)
                else:
                    ax.plot([x] * len(seen), np.maximum(seen, TINY), "o", color=colour, ms=2.5)
    kinds = {"dpo": "DPO", "flex ": "flex\n", "sft ": "SFT\n", "table": "free\nlogits"}
    shown = [next(a.replace(k, v) for k, v in kinds.items() if k in a) for a in arms]
    for ax in (left, right):
        ax.set_xticks(range(len(arms)), shown)
    left.axhline(0.9, color=fig.INK, ls=":", lw=0.8)
    left.set_ylabel("p(chosen), end over peak")
    right.set_ylabel("p(rejected) at the end")
    right.text(0.98, 0.03, "lowest: 0 in float32", transform=right.transAxes, ha="right",
               fontsize=7)  # fmt: skip
    right.set_yscale("log")
    right.set_ylim(TINY / 10, 1)
    off = pl.col("chosen_likely") == 0
    kept = {a: table.filter(off, pl.col("arm") == a).select((1 - FALL).mean()).item() for a in arms}
    flex, sft = (kept.get(name, np.nan) for name in ("flex 0.08", "sft 0.1"))
    fig.title(
        left,
        f"Off-policy chosen keep {kept['dpo']:.0%}; flex 0.08 {flex:.0%}, SFT 0.1 {sft:.0%}",
    )
    worst = table.filter(pl.col("arm") == "dpo")["rejected"].max()
    fig.title(right, f"Plain DPO leaves the rejected {worst:.1g} at most")
    sheet.legend(ncols=2, loc="outside lower center")
    return sheet


def gradients(measures: Mapping[str, Any], config: Any) -> Figure:
    """Derivatives of the loss by both probabilities while DPO goes on."""
    sheet = fig.figure(fig.PAGE, 2.5)
    axes = sheet.subplots(1, 4, sharex=True, sharey=True)
    gaps = []
    for ax, scenario in zip(axes, SCENARIOS, strict=True):
        table = measures["curves"].filter(_in(scenario), pl.col("arm") == "dpo")
        ends = []
        for kind in ("chosen", "rejected"):
            steps, size = lines(table, f"d_{kind}")
            label = rf"$|\partial l / \partial p|$, {kind}"
            fig.interval_line(ax, steps, size, color=KINDS[kind], label=label)
            ends.append(np.nanmedian(size[:, -1]))
        apart = ends[1] - ends[0]
        fig.title(ax, f"{_short(scenario)}: $10^{{{apart:.1f}}}$ apart")
        gaps.append(apart)
        ax.set_xlabel("epoch of DPO")
    axes[0].set_ylabel("log10, median seed")
    handles, labels = axes[0].get_legend_handles_labels()
    sheet.legend(handles, labels, ncols=2, loc="outside lower center")
    fig.title(
        sheet,
        f"The two derivatives end $10^{{{min(gaps):.0f}}}$ to $10^{{{max(gaps):.0f}}}$ apart, by "
        "algebra as p(chosen) / p(rejected) (chosen / rejected on- or off-policy)",
    )
    return sheet
