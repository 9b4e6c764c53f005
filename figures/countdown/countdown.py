"""Figures of the study ``countdown``: reward over steps, accuracies, pass@k, verdict errors."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import polars as pl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from toylab.report import figures as fig

COLOURS = {
    "search": fig.BLUE,
    "reward": fig.VERMILLION,
    "clean": fig.GREEN,
    "clean reward": fig.PURPLE,
    "direct": fig.SKY,
    "direct reward": fig.ORANGE,
    "direct spurious": fig.MUTED,
}
NAMES = {
    "search": "search, noisy verdicts",
    "reward": "… after reward",
    "clean": "search, right verdicts",
    "clean reward": "… after reward",
    "direct": "optimal paths",
    "direct reward": "… after reward",
    "direct spurious": "… after random reward",
}
WHOLE = {
    "search": "search: noisy verdicts",
    "reward": "search: noisy, after reward",
    "clean": "search: right verdicts",
    "clean reward": "search: right, after reward",
    "direct": "optimal paths: before",
    "direct reward": "optimal paths: after reward",
    "direct spurious": "optimal paths: after random reward",
}


def draw(measures: Mapping[str, Any], config: Any) -> dict[str, Figure]:
    """Draw every figure of the study."""
    return {
        "reward": reward(measures, config),
        "accuracy": accuracy(measures, config),
        "passk": passk(measures),
        "verdicts": verdicts(measures),
    }


def _seeds(ax: Axes, rows: pl.DataFrame, x: str, y: str, colour: str, label: str | None) -> None:
    """A line per seed, and their mean."""
    for _, seed in rows.group_by("unit", maintain_order=True):
        ax.plot(seed[x], seed[y], color=colour, lw=0.6, alpha=0.4)
    mean = rows.group_by(x).agg(pl.col(y).mean()).sort(x)
    ax.plot(mean[x], mean[y], color=colour, lw=1.8, label=label)


def reward(measures: Mapping[str, Any], config: Any) -> Figure:
    """Accuracy, length and entropy of drawn traces over updates under reward."""
    sheet = fig.figure(fig.PAGE, 2.5)
    axes = sheet.subplots(1, 3)
    curve = measures["curve"].filter(pl.col("population") == "reward").rename({"member": "unit"})
    noisy = pl.col("unit") < config.seeds
    told = {
        "solved": f"solved, of {config.watched} held-out instances",
        "length": "tokens of a trace",
        "nats": "nats of a trace",
    }
    for ax, (name, label) in zip(axes, told.items(), strict=True):
        every = curve.filter(pl.col("name") == name).sort("step")
        rows = every.filter(noisy)
        _seeds(ax, every.filter(~noisy), "step", "value", fig.PURPLE, "right verdicts")
        _seeds(ax, rows, "step", "value", fig.VERMILLION, "noisy verdicts")
        ax.set_xlabel("updates under reward")
        ax.set_ylabel(label)
        first, last = (
            rows.filter(pl.col("step") == at)["value"].mean()
            for at in (rows["step"].min(), rows["step"].max())
        )
        digits = 2 if name == "solved" else 0
        words = {"solved": "Solved", "length": "Length", "nats": "Entropy"}[name]
        fig.title(ax, f"{words}: {first:.{digits}f} to {last:.{digits}f} (noisy)")
    base = measures["baselines"]
    axes[0].axhline(base["random_room"][0], color=fig.INK, ls=":", lw=1)
    axes[0].text(0.98, base["random_room"][0], "random search", ha="right", va="bottom",
                 transform=axes[0].get_yaxis_transform(), fontsize=7.5)  # fmt: skip
    axes[0].set_ylim(0, 1)
    axes[1].set_ylim(0)
    axes[2].set_ylim(0)
    axes[2].legend(loc="lower left", title="pretrained on")
    return sheet


def accuracy(measures: Mapping[str, Any], config: Any) -> Figure:
    """Accuracy of every arm on held-out numbers and targets, drawn and greedy, beside chance."""
    sheet = fig.figure(fig.PAGE, 2.8)
    axes = sheet.subplots(1, 2, sharey=True)
    base = measures["baselines"]
    for ax, split in zip(axes, ("numbers", "targets"), strict=True):
        means = {}
        for i, arm in enumerate(COLOURS):
            for j, how in enumerate(("sampled", "greedy")):
                rows = measures["scores"].filter(arm=arm, split=split, how=how)
                value_P = rows["solved"].to_numpy()
                means[arm, how] = value_P.mean()
                at = i + 0.19 * (2 * j - 1)
                style = {"color": COLOURS[arm], "edgecolor": COLOURS[arm], "width": 0.36}
                fill = {} if how == "sampled" else {"facecolor": "none", "hatch": "////"}
                ax.bar(at, value_P.mean(), **(style | fill))
                ax.plot(np.full(len(value_P), at), value_P, ".", color=fig.INK, ms=2.5)
        ax.set_xticks(range(len(COLOURS)), [NAMES[arm] for arm in COLOURS], rotation=35,
                      ha="right", rotation_mode="anchor")  # fmt: skip
        before, after = means["search", "sampled"], means["reward", "sampled"]
        fig.title(ax, f"Held-out {split}: drawn searches {before:.2f}, after reward {after:.2f}")
    lines = {"random_search": "--", "one_plan": ":"}
    for name, dashes in lines.items():
        axes[0].axhline(base[name][0], color=fig.INK, ls=dashes, lw=1)
    axes[0].set_ylabel("instances solved")
    axes[0].set_ylim(0, 1)
    axes[1].plot(
        [], [], color=fig.INK, ls="--", lw=1, label=f"left: {config.attempts} random plans"
    )
    axes[1].plot([], [], color=fig.INK, ls=":", lw=1, label="left: one random plan")
    axes[1].bar([np.nan], [np.nan], color=fig.MUTED, label="drawn")
    axes[1].bar([np.nan], [np.nan], facecolor="none", edgecolor=fig.MUTED, hatch="////",
                label="greedy")  # fmt: skip
    axes[1].legend(loc="upper right", ncols=2)
    return sheet


def passk(measures: Mapping[str, Any]) -> Figure:
    """pass@k of every arm."""
    sheet = fig.figure(fig.COLUMN * 1.5, 3.0)
    ax = sheet.subplots()
    table, ends = measures["passk"].rename({"init_seed": "unit"}), {}
    for arm, colour in COLOURS.items():
        rows = table.filter(pl.col("arm") == arm).sort("k")
        _seeds(ax, rows, "k", "rate", colour, WHOLE[arm])
        of = lambda k, rows=rows: rows.filter(pl.col("k") == k)["rate"].mean()
        ends[arm] = (of(rows["k"].min()), of(rows["k"].max()))
    k = table["k"].max()
    ax.set_xscale("log", base=2)
    ax.set_xticks([1, 2, 4, 8, 16], ["1", "2", "4", "8", "16"])
    ax.set_xlabel("samples k")
    ax.set_ylabel("pass@k, held-out numbers")
    ax.set_ylim(0, 1)
    ax.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0))
    one, many = (ends["direct reward"][i] - ends["direct"][i] for i in (0, 1))
    fig.title(ax, f"Optimal paths under reward: pass@1 {one:+.2f}, pass@{k} {many:+.2f}")
    return sheet


def verdicts(measures: Mapping[str, Any]) -> Figure:
    """Verdict errors of both signs, drawn and greedy, before and after reward."""
    sheet = fig.figure(fig.PAGE, 2.8)
    axes = sheet.subplots(1, 2)
    told = {"false_ok": "wrong attempts marked ok", "false_no": "right attempts marked no"}
    arms = ("clean", "clean reward", "search", "reward")
    for ax, (name, label) in zip(axes, told.items(), strict=True):
        means = {}
        for i, arm in enumerate(arms):
            for j, how in enumerate(("sampled", "greedy")):
                rows = measures["scores"].filter(arm=arm, split="numbers", how=how)
                value_P = rows[name].to_numpy()
                mean = np.nanmean(value_P) if np.isfinite(value_P).any() else np.nan
                at, means[arm, how] = i + 0.19 * (2 * j - 1), mean
                style = {"color": COLOURS[arm], "edgecolor": COLOURS[arm], "width": 0.36}
                fill = {} if how == "sampled" else {"facecolor": "none", "hatch": "////"}
                ax.bar(at, mean, **(style | fill))
                ax.plot(np.full(len(value_P), at), value_P, ".", color=fig.INK, ms=3)
        ax.set_xticks(range(4), ["right\nverdicts", "… after\nreward", "noisy\nverdicts",
                                 "… after\nreward"])  # fmt: skip
        ax.set_ylabel(label)
        drawn, greedy = ([means[arm, how] for arm in arms[2:]] for how in ("sampled", "greedy"))
        fig.title(
            ax,
            f"Noisy, drawn: {drawn[0]:.1%} to {drawn[1]:.1%} under reward; "
            f"greedy: {greedy[0]:.1%} to {greedy[1]:.1%}",
        )
    noise = measures["baselines"]["noise"][0]
    axes[0].axhline(noise, color=fig.INK, ls=":", lw=1, label="in the traces")
    axes[0].legend(loc="upper left")
    axes[1].bar([np.nan], [np.nan], color=fig.MUTED, label="drawn")
    axes[1].bar([np.nan], [np.nan], facecolor="none", edgecolor=fig.MUTED, hatch="////",
                label="greedy")  # fmt: skip
    axes[1].legend(loc="upper right", title="of attempts that\nkeep the rules", title_fontsize=7.5)
    return sheet
