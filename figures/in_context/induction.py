"""Figures of the study ``induction``: a sheet for each of its four parts."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import polars as pl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from toylab.report import figures as fig
from toylab.studies.in_context.induction import numbers as n
from toylab.studies.in_context.induction.curves import over_steps

PREDICTORS = {
    "uniform": ("uniform", fig.MUTED),
    "unigram": ("unigram counter", fig.ORANGE),
    "bigram": ("bigram counter", fig.BLUE),
}
CLAMPS = {
    "none clamped": (fig.BLUE, "-"),
    "c clamped": (fig.ORANGE, "-"),
    "b and c clamped": (fig.GREEN, "-"),
    "c frozen at its start": (fig.MUTED, "--"),
}
ARMS = {  # colour for burstiness, line for the number of classes
    "least": (fig.ORANGE, "--"),
    "classes": (fig.ORANGE, "-"),
    "middle": (fig.INK, "-"),
    "bursts": (fig.BLUE, "--"),
    "most": (fig.BLUE, "-"),
}


def draw(measures: Mapping[str, Any], config: Any) -> dict[str, Figure]:
    """Draw every figure of the study."""
    return {
        "heads": heads(measures, config),
        "chains": chains(measures, config),
        "vectors": vectors(measures, config),
        "mixture": mixture(measures, config),
    }


def _lines(ax: Axes, x_S: Any, values_PS: Any, label: str, color: str, line: str = "-") -> None:
    """Draw every living seed faintly and their mean strongly."""
    living_PS = values_PS[~np.isnan(values_PS).any(1)]
    for row in living_PS:
        ax.plot(x_S, row, line, color=color, alpha=0.25, lw=0.7)
    ax.plot(x_S, np.mean(living_PS, 0), line, color=color, lw=1.8, label=label)


def heads(measures: Mapping[str, Any], config: Any) -> Figure:
    """Induction score and loss over training, and every head after it."""
    sheet = fig.figure(fig.PAGE, 2.6)
    left, middle, right = sheet.subplots(1, 3)
    for depth, label, colour in ((2, "two layers", fig.BLUE), (1, "one layer", fig.ORANGE)):
        rows = n.layers(measures, "repeats", depth)
        _lines(left, *over_steps(rows, "induction"), label, colour)
        _lines(middle, *over_steps(rows, "copy_loss"), label, colour)
    rows = n.layers(measures, "repeats", 2)
    _lines(left, *over_steps(rows, "previous"), "two layers, previous token", fig.GREEN, "--")
    even = measures["repeats_heads"]["induction_even"][0]
    left.axhline(even, color=fig.INK, linestyle=":", lw=1, label="even attention, induction")
    left.set_ylabel("best score of any head")
    left.set_ylim(-0.03, 1.3)
    left.set_yticks(np.linspace(0, 1, 6))
    middle.set_ylabel("loss on copied tokens (nats)")
    for ax in (left, middle):
        ax.set_xscale("log")
        ax.set_xlabel("step")
    left.legend(fontsize=6.2, loc="upper left")
    middle.legend(fontsize=6.5)
    size = _mean(n.rise(rows, "induction", 0.1).size)
    fig.title(left, f"Induction: {size:+.2f} within a tenth of training")
    two, one = (_end(n.layers(measures, "repeats", d), "copy_loss") for d in (2, 1))
    fig.title(middle, f"Loss ends at {two:.2f} with two layers, {one:.2f} with one")
    _map(right, measures)
    return sheet


def _mean(values: Any) -> float:
    """Mean over the seeds that live."""
    return float(np.nanmean(values))


def _end(rows: pl.DataFrame, column: str) -> float:
    return _mean(n.last(rows, column))


def _map(ax: Axes, measures: Mapping[str, Any]) -> None:
    """Every head by its two scores; its area tells what accuracy is lost without it."""
    whole = measures["repeats"].filter(pl.col("step") == pl.col("step").max())
    whole = whole.select("layers", "init_seed", whole="accuracy")
    table = measures["repeats_heads"].filter(pl.col("induction").is_not_nan())
    table = table.join(whole, on=["layers", "init_seed"])
    kinds = (
        (2, 0, "first of two layers", fig.GREEN, "o"),
        (2, 1, "second of two", fig.BLUE, "s"),
        (1, 0, "one layer", fig.ORANGE, "^"),
    )
    for depth, layer, label, colour, marker in kinds:
        rows = table.filter((pl.col("layers") == depth) & (pl.col("layer") == layer))
        lost = np.clip((rows["whole"] - rows["accuracy_without"]).to_numpy(), 0, 1)
        ax.scatter(
            rows["previous"], rows["induction"], s=8 + 70 * lost, color=colour, marker=marker,
            alpha=0.55, linewidth=0, label=label,
        )  # fmt: skip
    before = (table["previous_untrained"], table["induction_untrained"])
    ax.scatter(*before, s=8, marker="x", color=fig.INK, lw=0.7, label="untrained")
    ax.set_xlabel("previous-token score")
    ax.set_ylabel("induction score")
    ax.set_xlim(-0.05, 1.05)
    ax.set_ylim(-0.05, 1.05)
    ax.legend(fontsize=6.5, loc="upper right")
    lost, other = (_mean(n.ablated(measures, other=o)) for o in (False, True))
    fig.title(ax, f"Accuracy lost without previous-token head {lost:.2f}, its fellow {other:.2f}")


def chains(measures: Mapping[str, Any], config: Any) -> Figure:
    """KL divergence from each predictor to the network over training."""
    sheet = fig.figure(fig.PAGE, 2.9)
    axes = sheet.subplots(1, 3, sharey=True)
    table = measures["chains"]
    panels = (
        ("two layers", (pl.col("layers") == 2) & (pl.col("balanced") == 0)),
        ("one layer", pl.col("layers") == 1),
        ("two layers, balanced chains", (pl.col("layers") == 2) & (pl.col("balanced") == 1)),
    )
    for ax, (name, chosen) in zip(axes, panels, strict=True):
        rows = table.filter(chosen)
        for predictor, (label, colour) in PREDICTORS.items():
            steps_S, values_PS = over_steps(rows, predictor)
            _lines(ax, steps_S, np.maximum(values_PS, 1e-5), label, colour)
        level = n.near_bigram(measures, float("balanced" in name))
        ax.axhline(level, color=fig.INK, linestyle=":", lw=1)
        ax.set_xscale("log")
        ax.set_yscale("log")
        ax.set_xlabel("step")
        fig.title(ax, _chain_title(measures, name, rows))
    low = min(float(table[p].min()) for p in PREDICTORS)  # pyright: ignore[reportArgumentType]
    axes[0].set_ylim(max(low * 0.7, 5e-4), None)
    axes[0].set_ylabel("KL from predictor to network (nats)")
    handles = axes[0].get_legend_handles_labels()
    sheet.legend(*handles, fontsize=7, loc="outside lower center", ncols=3)
    return sheet


def _chain_title(measures: Mapping[str, Any], name: str, rows: pl.DataFrame) -> str:
    end = _end(rows, "bigram")
    if name != "two layers":
        return f"{name.capitalize()}: ends {end:.3f} nats from the bigram"
    at = [np.nanmedian(n.lowest(measures, p)) for p in PREDICTORS]
    return f"Two layers: nearest at steps {at[0]:,.0f}, {at[1]:,.0f}, {at[2]:,.0f}"


def vectors(measures: Mapping[str, Any], config: Any) -> Figure:
    """Share of the loss left over iterations, by what is clamped."""
    sheet = fig.figure(fig.PAGE, 2.6)
    left, right = sheet.subplots(1, 2, width_ratios=[1.5, 1])
    table = measures["vectors_curves"]
    for arm, (colour, line) in CLAMPS.items():
        rows = table.filter(pl.col("arm") == arm).rename({"iteration": "step"})
        steps_S, values_PS = over_steps(rows, "share")
        for row in values_PS:
            left.plot(steps_S + 1, row, line, color=colour, alpha=0.2, lw=0.7)
        middle = np.median(values_PS, 0)
        left.plot(steps_S + 1, middle, line, color=colour, lw=1.8)
        times = n.vectors(measures, arm, "to_10")
        y = list(CLAMPS).index(arm) + np.linspace(-0.2, 0.2, len(times))
        reached = n.vectors(measures, arm, "reached") > 0.5
        right.plot(times[reached], y[reached], "o", color=colour, markersize=3)
        right.plot(times[~reached], y[~reached], ">", color=colour, markersize=3)
    left.axhline(0.1, color=fig.INK, linestyle=":", lw=1)
    left.set_xscale("log")
    left.set_xlabel("iteration; strong: median")
    left.set_ylabel("share of the first loss")
    right.set_xscale("log")
    right.set_yticks(range(len(CLAMPS)), list(CLAMPS), fontsize=7)
    for tick, (colour, _) in zip(right.get_yticklabels(), CLAMPS.values(), strict=True):
        tick.set_color(colour)
    right.invert_yaxis()
    right.set_xlabel("iterations to a tenth; arrow: never")
    given = n.vectors(measures, "b and c clamped", "exponential")
    at = (float(np.median(given)), 2.38)
    right.plot(*at, "|", color=fig.INK, markersize=7)
    right.annotate("exponential", at, xytext=(4, -3), textcoords="offset points", size=6.5)
    arms = ("none clamped", "c clamped", "b and c clamped")
    times = [np.median(n.vectors(measures, a, "to_10")) for a in arms]
    fig.title(right, f"{times[0]:,.0f}, {times[1]:,.0f}, {times[2]:,.0f} iterations")
    shares = [float(np.mean(n.plateau(measures, a))) for a in arms]
    fig.title(
        left, f"Time spent above nine tenths of the loss: {shares[0]:.0%} with nothing clamped, "
        f"{shares[1]:.0%} with one, {shares[2]:.0%} with two",
    )  # fmt: skip
    return sheet


def mixture(measures: Mapping[str, Any], config: Any) -> Figure:
    """Learning from context and from weights, by burstiness and number of classes in training."""
    sheet = fig.figure(fig.PAGE, 2.9)
    axes = sheet.subplots(1, 3)
    for arm, (colour, line) in ARMS.items():
        rows = n.arm(measures, arm)
        label = f"B = {rows['copies'][0]:.0f}, K = {rows['n_classes'][0]:,.0f}"
        _lines(axes[0], *over_steps(rows, "in_context"), label, colour, line)
        _lines(axes[1], *over_steps(rows, "in_weights"), label, colour, line)
        hollow = {} if line == "-" else {"markerfacecolor": "white"}
        ends = n.last(rows, "in_weights"), n.last(rows, "skill")
        axes[2].plot(*ends, "o", color=colour, markersize=4, label=label, **hollow)
    picked = _mean(n.arm(measures, "middle")["picked"].to_numpy())
    axes[0].axhline(picked, color=fig.INK, linestyle=":", lw=1)
    axes[1].axhline(1 / config.labels, color=fig.INK, linestyle=":", lw=1)
    axes[0].set_ylabel("accuracy on new classes")
    axes[1].set_ylabel("accuracy on absent classes")
    for ax in axes[:2]:
        ax.set_xlabel("step")
        ax.set_ylim(-0.03, 1.03)
    axes[2].set_xlabel("from weights")
    axes[2].set_ylabel("from context, beyond chance")
    axes[2].set_xlim(-0.05, 1.05)
    axes[2].set_ylim(-0.45, 1.05)
    handles = axes[0].get_legend_handles_labels()
    sheet.legend(*handles, fontsize=7, loc="outside lower center", ncols=5)
    size, before = _mean(n.abrupt(measures).size), _mean(n.before_jump(measures))
    name = f"B = {config.copies[list(ARMS).index('middle')]}"
    fig.title(
        axes[0], f"{name}: {size:+.2f} in a twentieth, from {before:.2f} ({picked:.2f}: dots)"
    )
    most, least = (_end(n.arm(measures, a), "in_weights") for a in ("most", "least"))
    fig.title(axes[1], f"From weights: {least:.2f} with the least of both, {most:.2f} with most")
    most, least = (_end(n.arm(measures, a), "skill") for a in ("most", "least"))
    fig.title(axes[2], f"From context: {most:.2f} with the most of both, {least:.2f} with least")
    return sheet
