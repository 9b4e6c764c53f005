"""Figures of the study ``preference_collapse``: three properties, regularisers, the bypass."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import polars as pl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from toylab import figures as fig

SCENARIOS = ((1, 1), (1, 0), (0, 1), (0, 0))
KINDS = {"chosen": fig.BLUE, "rejected": fig.VERMILLION, "unseen": fig.MUTED}
ARM_COLOURS = {"dpo": fig.BLUE, "sft": fig.ORANGE}
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


def _in(scenario: tuple[int, int]) -> pl.Expr:
    return (pl.col("chosen_likely") == scenario[0]) & (pl.col("rejected_likely") == scenario[1])


def _lines(table: pl.DataFrame, value: str) -> tuple[np.ndarray, np.ndarray]:
    """Steps (S,) and values (seeds, S) of one arm in one scenario."""
    wide = table.sort("init_seed", "step").group_by("init_seed", maintain_order=True)
    rows = wide.agg(pl.col(value), pl.col("step"))
    return np.array(rows["step"][0]), np.stack([np.array(r) for r in rows[value]])


def curves(measures: Mapping[str, Any], config: Any) -> Figure:
    """Probabilities and logits of the three kinds of responses while DPO goes on."""
    sheet = fig.figure(fig.PAGE, 4.3)
    axes = sheet.subplots(2, 4, sharex=True, sharey="row")
    for column, scenario in enumerate(SCENARIOS):
        table = measures["curves"].filter(_in(scenario))
        plain, free = (table.filter(pl.col("arm") == arm) for arm in ("dpo", "table"))
        for kind, colour in KINDS.items():
            steps, mass = _lines(plain, kind)
            fig.interval_line(axes[0, column], steps, mass, color=colour, label=kind)
            steps, raw = _lines(plain, f"raw_{kind}")
            fig.interval_line(axes[1, column], steps, raw - raw[:, :1], color=colour)
            steps, raw = _lines(free, f"raw_{kind}")
            told = f"{kind}, free logits" if column == 0 else None
            axes[1, column].plot(
                steps, np.nanmedian(raw - raw[:, :1], 0), ":", color=colour, lw=1, label=told
            )
        steps, mass = _lines(free, "chosen")
        axes[0, column].plot(
            steps, np.nanmedian(mass, 0), ":", color=fig.BLUE, label="chosen, free logits"
        )
        ends = measures["toy"].filter(_in(scenario), pl.col("arm") == "dpo")
        fall = ends.select(FALL.mean()).item()
        fig.title(axes[0, column], f"{_name(scenario)}: falls by {fall:.0%} from peak")
        axes[1, column].set_xlabel("epoch of DPO")
    axes[0, 0].set_ylabel("probability (4 prompts' mean)")
    axes[1, 0].set_ylabel("change of the mean logit")
    axes[0, 0].set_ylim(-0.02, 1.02)
    handles, labels = axes[0, 0].get_legend_handles_labels()
    sheet.legend(handles, labels, ncols=4, loc="outside lower center")
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
                ax.bar(x, np.nanmean(seen), 0.18, color=colour, label=label)
                ax.plot([x] * len(seen), seen[:, 0], "_", color=fig.INK, ms=3, mew=0.5)
    shown = [a.replace("flex ", "flex\n").replace("sft ", "sft\n").upper() for a in arms]
    for ax in (left, right):
        ax.set_xticks(range(len(arms)), [s.replace("TABLE", "free\nlogits") for s in shown])
    left.axhline(0.9, color=fig.INK, ls=":", lw=0.8)
    left.set_ylabel("p(chosen), end over peak")
    right.set_ylabel("p(rejected) at the end")
    right.set_yscale("symlog", linthresh=1e-3, linscale=0.5)
    right.set_ylim(0, 1)
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
    for ax, scenario in zip(axes, SCENARIOS, strict=True):
        table = measures["curves"].filter(_in(scenario), pl.col("arm") == "dpo")
        ends = []
        for kind in ("chosen", "rejected"):
            steps, size = _lines(table, f"d_{kind}")
            label = rf"$|\partial l / \partial p|$, {kind}"
            fig.interval_line(ax, steps, size, color=KINDS[kind], label=label)
            ends.append(np.nanmedian(size[:, -1]))
        apart = ends[1] - ends[0]
        fig.title(ax, f"{_name(scenario)}: end ratio $10^{{{apart:.1f}}}$")
        ax.set_xlabel("epoch of DPO")
    axes[0].set_ylabel("log10 of the mean size")
    handles, labels = axes[0].get_legend_handles_labels()
    sheet.legend(handles, labels, ncols=2, loc="outside lower center")
    return sheet


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
    colours = [fig.MUTED, fig.BLUE, fig.VERMILLION, fig.SKY, fig.YELLOW]
    _bars(left, names, [_mean(table, c) for c in conditions], colours)
    left.axhline(np.nanmean(measures["networks"]["rate_floor"]), color=fig.INK, ls=":", lw=0.8)
    left.set_ylabel("probability of a bad word")
    left.tick_params(axis="x", labelsize=6.5)
    cut, back = 1 - after / before, share("keys")
    count = int(table.filter(pl.col("condition") == "keys")["size"][0])
    fig.title(
        left,
        f"DPO cuts the rate by {np.nanmean(cut):.0%}; {count} keys x10 restore "
        f"{np.nanmean(back):.0%} of that",
    )
    for condition, colour in (("patched", fig.VERMILLION), ("random patched", fig.SKY)):
        sizes = sorted(table.filter(pl.col("condition") == condition)["size"].unique().to_list())
        values = np.stack([share(condition, pl.col("size") == size) for size in sizes], 1)
        label = "most aligned" if condition == "patched" else "random, same layers"
        fig.interval_line(middle, sizes, values, color=colour, label=label, marker="o")
    first = np.nanmean(share("patched", pl.col("size") == count))
    middle.set_xscale("log")
    middle.set_xlabel("neurons whose activations are put back")
    middle.set_ylabel("share of DPO's change undone")
    middle.axhline(0, color=fig.INK, lw=0.6)
    middle.legend()
    fig.title(middle, f"The first {count} carry {first:.0%}")
    groups = [c.removeprefix("back: ") for c in table["condition"].unique() if "back: " in c]
    groups = sorted(groups, key=lambda g: -np.nanmean(share(f"back: {g}")))
    _bars(right, [g.replace("/", "\n") for g in groups], [share(f"back: {g}") for g in groups],
          [fig.GREEN] * len(groups))  # fmt: skip
    right.tick_params(axis="x", labelsize=6.5)
    right.axhline(0, color=fig.INK, lw=0.6)
    right.set_ylabel("share undone, weights put back")
    fig.title(right, f"{groups[0]} carries most: {np.nanmean(share(f'back: {groups[0]}')):.0%}")
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
    left.set_xticks(range(len(groups)), [g.replace("/", "\n") for g in groups], fontsize=6.5)
    left.set_ylabel("1 - cosine with before")
    left.legend()
    kept = np.nanmean(measures["networks"]["kept"])
    fig.title(left, f"{kept:.0%} of matrices keep cos >= 0.99")
    tuning = measures["tuning"]
    for arm, colour in ARM_COLOURS.items():
        table = tuning.filter(pl.col("arm") == arm)
        moved, rate = _lines(table, "change")[1], _lines(table, "rate")[1]
        fig.interval_line(
            middle, np.nanmean(moved, 0), rate, color=colour, label=arm.upper(), marker="o"
        )
    middle.set_xlabel("mean relative change of a matrix")
    middle.set_ylabel("probability of a bad word")
    middle.set_ylim(0)
    middle.legend()
    dpo = tuning.filter(pl.col("arm") == "dpo", pl.col("step") == pl.col("step").max())
    fig.title(middle, f"A change of {dpo['change'].mean():.1%} is enough for DPO")
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
    right.set_xlabel("cosine of value vector and bad direction")
    right.set_ylabel("change of mean activation")
    right.legend()
    networks = measures["networks"]
    fall = np.nanmean(1 - networks["bad_after"] / networks["bad_before"])
    fig.title(right, f"The {count} most aligned lose {fall:.0%} of their activation")
    return sheet
