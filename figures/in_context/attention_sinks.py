"""Figures of the study ``attention_sinks``: growth on log time, head maps, drain and ablations."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import polars as pl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, MaxNLocator, NullFormatter

from toylab.report import figures as fig

ARMS = {
    "adam": ("Adam", fig.BLUE, "-"),
    "sgd": ("SGD", fig.ORANGE, "--"),
    "relu": ("ReLU attention", fig.GREEN, "-."),
    "plain": ("Adam, no triggers", fig.MUTED, ":"),
}
CONDITIONS = {
    "whole": "whole",
    "no attention": "no attention",
    "no MLP": "no MLP",
    "sink closed": "sink closed",
    "no value of <s>": "no value of <s>",
    "symbol in first place": "symbol for <s>",
}
SHOWN = 32  # places of the example sequence


def draw(measures: Mapping[str, Any], config: Any) -> dict[str, Figure]:
    """Draw every figure of the study."""
    return {
        "growth": growth(measures),
        "drain": drain(measures),
        "heads": heads(measures, config),
        "ablations": ablations(measures),
    }


def _series(measures: Mapping[str, Any], arm: str, value: pl.Expr) -> tuple[np.ndarray, np.ndarray]:
    """Steps (S,) and a score per seed and step (P, S)."""
    rows = measures["curves"].filter(pl.col("arm") == arm).with_columns(value.alias("shown"))
    wide = rows.pivot("init_seed", index="step", values="shown").sort("step")
    return wide["step"].to_numpy(), wide.drop("step").to_numpy().T


def _end(measures: Mapping[str, Any], arm: str, value: pl.Expr) -> float:
    return _mean(_series(measures, arm, value)[1][:, -1])


def _mean(values: np.ndarray) -> float:
    """Mean of the finite values; NaN without any."""
    return float(values[np.isfinite(values)].mean()) if np.isfinite(values).any() else float("nan")


def _curves(ax: Axes, measures: Mapping[str, Any], value: pl.Expr, arms: tuple[str, ...]) -> None:
    for arm in arms:
        name, colour, dash = ARMS[arm]
        step_S, value_PS = _series(measures, arm, value)
        later = step_S > 0
        fig.interval_line(ax, step_S[later], value_PS[:, later], name, colour, linestyle=dash)


def _fit(measures: Mapping[str, Any], arm: str, score: str, law: str, column: str) -> float:
    is_it = (pl.col("arm") == arm) & (pl.col("score") == score) & (pl.col("law") == law)
    return _mean(measures["growth"].filter(is_it)[column].to_numpy())


def growth(measures: Mapping[str, Any]) -> Figure:
    """Attention on ``<s>`` and its score over the logarithm of time."""
    sheet = fig.figure(fig.PAGE, 2.9)
    axes = sheet.subplots(1, 3)
    for ax, score, who in zip(
        axes[:2], ("share_off", "share_on"), ("Other symbols", "Triggers"), strict=True
    ):
        _curves(ax, measures, pl.col(score), tuple(ARMS))
        ax.set_ylim(-0.03, 1.03)
        ax.set_ylabel("share of attention on <s>")
        fig.title(ax, f"{who}: Adam ends at {_end(measures, 'adam', pl.col(score)):.2f}")
    even = _end(measures, "adam", pl.col("even"))
    axes[0].axhline(even, color=fig.INK, lw=0.7, ls=":", label=f"even pattern, {even:.2f}")
    _curves(axes[2], measures, pl.col("logit_gap"), ("adam", "sgd", "plain"))
    axes[2].set_ylabel("score of <s> above other keys")
    r2 = _fit(measures, "adam", "logit_gap", "log", "r2")
    rival = _fit(measures, "adam", "logit_gap", "linear", "r2")
    fig.title(axes[2], f"Adam: R² {r2:.2f} in log t, {rival:.2f} in t")
    for ax in axes:
        ax.set_xscale("log")
        ax.set_xlabel("step")
    sheet.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=5)
    return sheet


def drain(measures: Mapping[str, Any]) -> Figure:
    """What ``<s>`` writes and how its residual grows."""
    sheet = fig.figure(fig.PAGE, 2.9)
    axes = sheet.subplots(1, 3)
    ratio = pl.col("value_start") / pl.col("value_other")
    _curves(axes[0], measures, ratio, tuple(ARMS))
    axes[0].axhline(1, color=fig.INK, lw=0.7, ls=":")
    axes[0].set_xscale("log")
    axes[0].set_yscale("log")
    axes[0].yaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
    axes[0].yaxis.set_major_formatter("{x:g}")
    axes[0].yaxis.set_minor_formatter(NullFormatter())
    axes[0].set_ylabel("value of <s> / of others")
    ends = [_end(measures, arm, ratio) for arm in ("adam", "relu")]
    _, value_PS = _series(measures, "relu", pl.col("value_start"))
    own = _mean(value_PS[:, -1] / value_PS[:, 0])
    fig.title(
        axes[0],
        f"<s> / others: Adam {ends[0]:.2f}, ReLU {ends[1]:.2f}; "
        f"ReLU's <s> alone: end / start {own:.1f}",
    )
    for ax, score, who in zip(
        axes[1:], ("resid_start", "resid_other"), ("<s>", "others"), strict=True
    ):
        _curves(ax, measures, pl.col(score), tuple(ARMS))
        ax.set_ylabel(f"residual norm of {who}")
    slopes = [1000 * _fit(measures, a, "resid_start", "linear", "slope") for a in ("adam", "sgd")]
    fig.title(axes[1], f"Per 1,000 steps: Adam {slopes[0]:+.1f}, SGD {slopes[1]:+.1f}")
    peak = _end(measures, "adam", pl.col("resid_start") / pl.col("resid_other"))
    fig.title(axes[2], f"Adam: <s> ends at {peak:.2f} times the others")
    # As high as Adam's lines: one network with ReLU attention may run away.
    ends = (_end(measures, "adam", pl.col(f"resid_{who}")) for who in ("start", "other"))
    top = 1.3 * max(ends)
    for ax in axes[1:]:
        ax.set_ylim(0, top)
    for ax in axes:
        ax.set_xlabel("step")
    sheet.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=4)
    return sheet


def heads(measures: Mapping[str, Any], config: Any) -> Figure:
    """The head's pattern on one sequence, triggers marked, arm by arm."""
    sheet = fig.figure(fig.PAGE, 3.0)
    axes = sheet.subplots(1, 3, sharey=True)
    image = None
    for ax, arm in zip(axes, ("adam", "relu", "plain"), strict=True):
        place = list(ARMS).index(arm)
        pattern = np.asarray(measures["maps"])[place][:SHOWN, :SHOWN]
        tokens = np.asarray(measures["tokens"])[place][:SHOWN]
        is_trigger = tokens < config.n_triggers
        hidden = np.triu(np.ones_like(pattern, bool), 1)
        image = ax.imshow(np.where(hidden, np.nan, pattern), vmin=0, vmax=1, cmap=fig.SEQUENTIAL)
        ax.plot(np.full(is_trigger.sum(), len(tokens) + 0.6), np.flatnonzero(is_trigger), "<",
                color=fig.VERMILLION, clip_on=False, markersize=3)  # fmt: skip
        is_late = np.arange(len(tokens)) >= len(tokens) // 4
        total = pattern.sum(1)
        share = np.divide(pattern[:, 0], total, out=np.zeros_like(total), where=total > 0)
        off, on = _mean(share[is_late & ~is_trigger]), _mean(share[is_late & is_trigger])
        fig.title(
            ax,
            f"{ARMS[arm][0]}, this sequence: {off:.2f} on <s>, {on:.2f} from marked",
        )
        ax.set_xlabel("key: place (0 is <s>)")
    axes[0].set_ylabel("query (marked: frequent)")
    if image is not None:
        sheet.colorbar(image, ax=list(axes), label="attention", shrink=0.75)
    return sheet


def ablations(measures: Mapping[str, Any]) -> Figure:
    """Risk above the oracle's with parts of the network switched off."""
    sheet = fig.figure(fig.PAGE, 2.9)
    axes = sheet.subplots(1, 2, sharey=True)
    table = measures["conditions"]
    finding = {"bigram": ("no MLP", "sink closed"), "backcopy": ("no attention", "no MLP")}
    for ax, kind in zip(axes, finding, strict=True):
        over = pl.col(f"{kind}_risk") - pl.col(f"{kind}_floor")
        for j, arm in enumerate(("adam", "relu")):
            rows = table.filter(pl.col("arm") == arm).with_columns(over.alias("over"))
            for i, condition in enumerate(CONDITIONS):
                seen = rows.filter(pl.col("condition") == condition)["over"].to_numpy()
                name, colour, _ = ARMS[arm]
                place = i + 0.36 * (j - 0.5)
                label = name if i == 0 else None
                ax.barh(place, seen.mean(), 0.33, color=colour, label=label)
                ax.plot(seen, np.full(len(seen), place), "|", color=fig.INK, markersize=5)
        ax.set_xlabel(f"{kind} risk above the oracle's (nats)")
        ax.xaxis.set_major_locator(MaxNLocator(5))
        adam = table.filter(pl.col("arm") == "adam").with_columns(over.alias("over"))
        means = [adam.filter(pl.col("condition") == c)["over"].mean() for c in finding[kind]]
        words = ", ".join(
            f"{c} {m:+.2f}" for c, m in zip(finding[kind], means, strict=True) if m is not None
        )
        fig.title(ax, f"{kind.capitalize()}, Adam: {words}")
    axes[0].set_yticks(range(len(CONDITIONS)), list(CONDITIONS.values()))
    axes[0].invert_yaxis()
    sheet.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=2)
    return sheet
