"""Figures of the study ``attention_sinks``: growth on log time, head maps, drain and ablations."""

from collections.abc import Callable
from typing import Any

import numpy as np
import polars as pl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from toylab.read import Measures, Reading, table
from toylab.report import figures as fig
from toylab.report.averages import average
from toylab.report.axes import log_axis
from toylab.report.marks import bars
from toylab.report.panels import drawing, panels
from toylab.report.series import series

ARMS = {
    "adam": ("Adam", fig.BLUE, "-"),
    "sgd": ("SGD", fig.ORANGE, "--"),
    "relu": ("ReLU attention", fig.GREEN, "-."),
    "plain": ("Adam, no triggers", fig.MUTED, ":"),
}
CONDITIONS = {
    "whole": "full model",
    "no attention": "no attention",
    "no MLP": "no MLP",
    "sink closed": "no attention to <s>",
    "no value of <s>": "no value of <s>",
    "symbol in first place": "a symbol for <s>",
}
SHOWN = 32  # positions of the example sequence
RATIO = pl.col("value_start") / pl.col("value_other")
BANDS = "Lines are medians over seeds, bands their 95% intervals."
CAPTIONS = {
    "growth": "Share of a query's attention that <s> has, (a) where the head has nothing to copy "
    "and (b) on triggers; dotted, a uniform pattern. (c) Score of <s> minus the mean of other "
    f"keys: is it a line in the logarithm of time? {BANDS}",
    "drain": "(a) Norm of what the head writes when it looks at <s>, relative to other positions. "
    "(b, c) Norm of the residual stream at <s> and elsewhere; the axis is as high as Adam's "
    f"curves. {BANDS}",
    "heads": "Attention of one seed's head on one sequence; triangles mark the queries on frequent "
    "symbols, which are triggers except in (c). In each title, the mean share of attention on <s> "
    "from other symbols, over seeds and sequences.",
    "ablations": "Cross-entropy above the oracle's with parts of the network ablated, (a) on "
    "symbols that are no triggers and (b) on triggers. Bars are means, ticks are seeds.",
}


def growth(measures: Measures, config: Any) -> Figure:
    """Attention on ``<s>`` and its score over the logarithm of time."""
    sheet, axes = panels(3, 2.9)
    kinds = ("share_off", "off triggers"), ("share_on", "on triggers")
    for ax, (score, when) in zip(axes, kinds, strict=False):
        _curves(ax, measures, score)
        ax.set_ylim(-0.03, 1.03)
        ax.set_ylabel("share of attention on <s>")
        fig.title(ax, f"Adam's head ends at {_end(measures, 'adam', score):.2f} {when}")
    even = _end(measures, "adam", "even")
    axes[0].axhline(even, color=fig.INK, lw=0.7, ls=":", label="uniform attention")
    _curves(axes[2], measures, "logit_gap", ("adam", "sgd", "plain"))
    axes[2].set_ylabel("score of <s> above other keys")
    above = _end(measures, "adam", "logit_gap")
    fig.title(axes[2], f"Adam's score ends {above:.1f} above others")
    for ax in axes:
        log_axis(ax)
        ax.set_xlabel("step")
    sheet.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=5)
    return sheet


def drain(measures: Measures, config: Any) -> Figure:
    """What ``<s>`` writes and how its residual grows."""
    sheet, axes = panels(3, 2.9)
    _curves(axes[0], measures, RATIO)
    axes[0].axhline(1, color=fig.INK, lw=0.7, ls=":")
    log_axis(axes[0])
    log_axis(axes[0], "y", leads=(1, 2, 5))
    axes[0].set_ylabel("value of <s> / of other positions")
    fig.title(axes[0], f"With Adam the value of <s> ends at {_end(measures, 'adam', RATIO):.2f}")
    tops = []
    for ax, score, who in ((axes[1], "resid_start", "<s>"), (axes[2], "resid_other", "others")):
        _curves(ax, measures, score)
        ax.set_ylabel(f"residual norm of {who}")
        tops.append(_end(measures, "adam", score))
        fig.title(ax, f"With Adam the norm of {who} ends at {tops[-1]:.0f}")
    for ax in axes[1:]:  # one network with ReLU attention may run away
        if np.isfinite(tops).all():
            ax.set_ylim(0, 1.3 * max(tops))
    for ax in axes:
        ax.set_xlabel("step")
    sheet.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=4)
    return sheet


def heads(measures: Measures, config: Any) -> Figure:
    """The head's pattern on one sequence, triggers marked, arm by arm."""
    sheet, axes = panels(3, 2.8, sharey=True)
    for ax, arm in zip(axes, ("adam", "relu", "plain"), strict=True):
        row = list(ARMS).index(arm)
        pattern = np.asarray(measures["maps"])[row][:SHOWN, :SHOWN]
        tokens = np.asarray(measures["tokens"])[row][:SHOWN]
        frequent = np.flatnonzero(tokens < config.n_triggers)
        future = np.triu(np.ones_like(pattern, bool), 1)
        image = ax.imshow(np.where(future, np.nan, pattern), vmin=0, vmax=1, cmap=fig.SEQUENTIAL)
        side = np.full(len(frequent), len(tokens) + 0.6)
        ax.plot(side, frequent, "<", color=fig.VERMILLION, clip_on=False, markersize=3)
        share = _end(measures, arm, "share_off")
        fig.title(ax, f"{ARMS[arm][0]}: <s> has {share:.2f} of attention")
        ax.set_xlabel("key position (0 is <s>)")
    axes[0].set_ylabel("query position")
    sheet.colorbar(image, ax=list(axes), label="attention", shrink=0.75)
    return sheet


def ablations(measures: Measures, config: Any) -> Figure:
    """Risk above the oracle's with parts of the network ablated."""
    sheet, axes = panels(2, 2.9, sharey=True)
    findings = {"bigram": "no MLP", "backcopy": "no attention"}
    for ax, (kind, part) in zip(axes, findings.items(), strict=True):

        def risk(arm: str, over: str = kind) -> Callable[[str], Reading]:
            above = pl.col(f"{over}_risk") - pl.col(f"{over}_floor")
            rows = table("conditions").filter(arm=arm)
            return lambda condition: rows.filter(condition=condition).value(above)

        cells = [(*ARMS[arm][:2], risk(arm)) for arm in ("adam", "relu")]
        bars(ax, measures, [*CONDITIONS], cells, [*CONDITIONS.values()], upright=False)
        ax.set_xlabel(f"{kind} risk above the oracle's (nats)")
        ax.xaxis.set_major_locator(MaxNLocator(5))
        cost = average(risk("adam")(part), measures)
        fig.title(ax, f"Adam's {kind} risk rises to {cost:.1f} nats with {part}")
    sheet.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=2)
    return sheet


def _curves(
    ax: Axes, measures: Measures, value: str | pl.Expr, arms: tuple[str, ...] = (*ARMS,)
) -> None:
    for arm in arms:
        name, colour, dash = ARMS[arm]
        step_S, value_PS = series(table("curves").filter(arm=arm).rows(measures), value)
        later = step_S > 0
        if np.isfinite(value_PS[:, later]).any():
            fig.interval_line(ax, step_S[later], value_PS[:, later], name, colour, linestyle=dash)


def _end(measures: Measures, arm: str, value: str | pl.Expr) -> float:
    return average(table("curves").filter(arm=arm).last().value(value), measures)


draw = drawing(growth, drain, heads, ablations)
