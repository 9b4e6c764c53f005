"""Figures of the study ``self_verification``: beliefs, probes, heads, ablations, patches."""

from typing import Any

import numpy as np
import polars as pl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from toylab.read import Measures, Reading, table
from toylab.report import figures as fig
from toylab.report.averages import average
from toylab.report.marks import points
from toylab.report.panels import drawing, panels
from toylab.report.series import series
from toylab.stats.means import finite_mean

from .self_verification_ablations import ablations
from .self_verification_trace import finite, first_seed, trace

CAPTIONS = {
    "trace": "One pair of attempts, right and wrong under their targets, token by token; colour is "
    "the belief of that token's linear probe that the attempt is right (orange) or wrong (violet).",
    "probes": "a: accuracy of linear probes for the verdict on held-out numbers, by blocks passed; "
    "median over seeds with 95% interval. b, c: value vectors along the probe against the other "
    "vectors of the same blocks; ticks are seeds, bars 95% intervals of the mean.",
    "heads": "Every head of one seed after reward: mean attention to the target and to the token "
    "before, composition score, and fall of the logit difference ok - no in right attempts with "
    "the head ablated. Crosses mark the heads that are chosen by score.",
    "ablations": "a: of the right attempts that the full network accepts after reward, the share "
    "that is no longer accepted and the share that is refused with no, by what is ablated. b: how "
    "it continues from such attempts. Ticks are seeds, bars 95% intervals of the mean.",
    "patches": "Share of the logit difference ok - no of a pair that is restored in the wrong "
    "attempt by activations from the right one, after reward. a: residual stream at three places. "
    "b: outputs of several heads together. c: each head patched alone, against the fall of the "
    "difference when it is ablated; every dot is a head of a seed.",
}


def draw(measures: Measures, config: Any) -> dict[str, Figure]:
    """Draw every figure of the study; none where no network after reward is finite."""
    if finite(measures, "networks", "reward").is_empty():
        return {}
    return drawing(trace, probes, heads, ablations, patches)(measures, config)


def probes(measures: Measures, config: Any) -> Figure:
    """Accuracy per layer with controls, and what value vectors say and do."""
    sheet, (left, *others) = panels(3, 3.0, width_ratios=[1.6, 1, 1])
    looks = (
        ("reward", "truth", 0, 'after reward, at "("', fig.BLUE, "-"),
        ("reward", "truth", 1, "after reward, at the result", fig.SKY, "-"),
        ("search", "truth", 0, 'before reward, at "("', fig.ORANGE, "--"),
        ("untrained", "truth", 0, "untrained", fig.MUTED, "-"),
        ("reward", "shuffled", 0, "shuffled labels", fig.INK, ":"),
    )
    ends = []
    for arm, kind, back, name, colour, style in looks:
        rows = finite(measures, "probes", arm).filter(kind=kind, back=back)
        layer, accuracy = series(rows, "accuracy", x="layer")
        fig.interval_line(left, layer, accuracy, label=name, color=colour, ls=style)
        ends.append(np.nanmax(np.nanmean(accuracy, 0)))
    bag = average(table("probes").filter(arm="reward", kind="bag").mean("accuracy"), measures)
    left.axhline(bag, color=fig.GREEN, lw=0.9, ls="--", label="counts of tokens")
    left.set(xlabel="blocks passed", xticks=layer)
    left.set(ylabel="accuracy on held-out numbers", ylim=(0, 1.03))
    left.legend(loc="lower right")
    well = "read" if ends[0] > 0.9 else "hardly read"
    fig.title(left, f"Probes {well} the verdict")
    for ax, column, label, what in (
        (others[0], "first", "matching verdict first", "Lens"),
        (others[1], "auc", "area under the ROC curve", "Activation"),
    ):
        rows = (table("vectors").filter(arm="reward", aligned=which) for which in (True, False))
        means = _against(measures, ax, [r.mean(column) for r in rows], "along\nthe probe", "others")
        ax.set(ylim=(-0.03, 1.03), ylabel=label)
        differs = "differs" if means[0] - means[1] > 0.1 else "alike"
        fig.title(ax, f"{what} {differs}")
    return sheet


def _against(measures: Measures, ax: Axes, readings: list[Reading], *names: str) -> list[float]:
    """Two readings side by side, the second a control; returns both means."""
    for i, (reading, colour) in enumerate(zip(readings, (fig.BLUE, fig.MUTED), strict=True)):
        points(ax, i, reading(measures).array(), colour)
    ax.set_xticks([0, 1], names)
    ax.set_xlim(-0.6, 1.6)
    return [average(reading, measures) for reading in readings]


def heads(measures: Measures, config: Any) -> Figure:
    """Attention, score and single ablations of every head after reward, for the first seed."""
    sheet, axes = panels(4, 2.2)
    own = first_seed(finite(measures, "heads", "reward"))
    values = {
        "attention to target": pl.max_horizontal("from_result", "from_bracket"),
        "to the token before": pl.col("previous"),
        "composition score": pl.col("diagonal"),
        "effect of ablation": pl.col("effect"),
    }
    for ax, (name, value) in zip(axes, values.items(), strict=True):
        _map(sheet, ax, own, value)
        ax.set_title(name, fontsize=8)
        ax.set_xlabel("head")
    axes[0].set_ylabel("block")
    rank = table("networks").filter(arm="reward").value("rank_score")
    ranks = "ranks" if average(rank, measures) > 0.5 else "does not rank"
    fig.title(sheet, f"The composition score {ranks} heads as ablating them does")
    return sheet


def _map(sheet: Figure, ax: Axes, rows: pl.DataFrame, value: pl.Expr) -> None:
    """One seed's heads, (U, H)."""
    shape = (rows["block"].n_unique(), -1)
    grid = lambda column: rows.sort("block", "head").select(column).to_numpy().reshape(shape)
    value_UH = grid(value)
    top = float(np.abs(value_UH).max()) or 1.0
    signed = float(value_UH.min()) < 0
    low, colours = (-top, fig.DIVERGING) if signed else (0.0, fig.SEQUENTIAL)
    image = ax.imshow(value_UH, colours, vmin=low, vmax=top, origin="lower", aspect="auto")
    ax.set(xticks=range(value_UH.shape[1]), yticks=range(value_UH.shape[0]))
    u, h = np.nonzero(grid("chosen"))
    ax.plot(h, u, "x", color="white", ms=8, mew=3.2)
    ax.plot(h, u, "x", color=fig.VERMILLION, ms=7, mew=1.6)
    sheet.colorbar(image, ax=ax, shrink=0.85)


def patches(measures: Measures, config: Any) -> Figure:
    """What the residual stream, chosen heads and single heads carry from a right attempt."""
    sheet, (left, middle, right) = panels(3, 2.8, width_ratios=[1.2, 0.8, 1.2])
    stream, peaks = finite(measures, "stream", "reward"), {}
    for place, colour in (("target", fig.GREEN), ("result", fig.SKY), ("(", fig.BLUE)):
        layer, restored = series(stream.filter(place=place), "restored", x="layer")
        name = f'"{place}"' if place == "(" else place
        fig.interval_line(left, layer, restored, label=name, color=colour, marker=".")
        peaks[place] = finite_mean(np.nanmax(restored, 1))
    left.set(xticks=layer, xlabel="blocks passed", ylabel="difference restored")
    left.legend(title="stream at", title_fontsize=7.5)
    made = "carries" if peaks["result"] > 0.5 else "carries little of"
    fig.title(left, f"The result {made} the verdict")
    rows = (table("patches").filter(arm="reward", what=w) for w in ("chosen", "random heads"))
    means = _against(measures, middle, [r.mean("restored") for r in rows], "chosen", "random")
    more = "more" if means[0] - means[1] > 0.1 else "no more"
    fig.title(middle, f"Chosen heads restore {more}")
    _single(measures, right)
    return sheet


def _single(measures: Measures, ax: Axes) -> None:
    """Every head of every seed: patched alone against ablated alone."""
    rows = finite(measures, "heads", "reward")
    for chosen, colour, name in ((False, fig.MUTED, "other heads"), (True, fig.BLUE, "chosen")):
        own = rows.filter(chosen=chosen)
        ax.plot(own["effect"], own["patch"], "o", color=colour, ms=3.5, alpha=0.7, label=name)
    ax.set(xlabel="fall of ok - no when ablated", ylabel="restored when patched")
    ax.legend()
    rank = table("networks").filter(arm="reward").value("rank_patch")
    agree = "agree" if average(rank, measures) > 0.5 else "agree little"
    fig.title(ax, f"Patching and ablation {agree}")
