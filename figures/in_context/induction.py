"""Figures of the study ``induction``: a sheet for each of its four parts."""

from typing import Any

import numpy as np
import polars as pl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from toylab.read import Measures, Rows, table
from toylab.report import figures as fig
from toylab.report.averages import average
from toylab.report.axes import log_axis
from toylab.report.panels import drawing, panels
from toylab.report.series import series

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
ARMS = {  # colour for bursts, line for the number of classes
    "least": (fig.ORANGE, "--"),
    "classes": (fig.ORANGE, "-"),
    "middle": (fig.INK, "-"),
    "bursts": (fig.BLUE, "--"),
    "most": (fig.BLUE, "-"),
}
KINDS = (  # of heads: layers, layer, words, colour, marker
    (2, 0, "head of the first of two layers", fig.GREEN, "o"),
    (2, 1, "head of the second", fig.BLUE, "s"),
    (1, 0, "head of one layer", fig.ORANGE, "^"),
)
THIN = "Thin lines are seeds, strong lines their "
CAPTIONS = {
    "heads": "Networks of two attention layers and of one on repeated random segments. (a) Best "
    "induction score of any head; the dotted line is uniform attention. (b) Loss on the tokens "
    "that the context decides. (c) Every head after training; the larger the marker, the more "
    f"accuracy is lost when the head is ablated. {THIN}mean.",
    "chains": "KL divergence from three predictors to the network over training, on fresh Markov "
    "chains. The network passes the unigram counter on its way to the bigram counter, the Bayes "
    "predictor; one layer stays there. Dotted: a quarter of the KL from the bigram counter to the "
    f"uniform predictor. {THIN}mean.",
    "vectors": "Three vectors trained to multiply to a tensor, some of them clamped to the answer. "
    "(a) Loss relative to the start; (b) iterations to a tenth of it (dotted in a), an arrow where "
    "it was not reached; the tick is the exponential that theory gives for two clamped vectors. "
    f"{THIN}median.",
    "mixture": "Labels of items: copied from the context, or memorised. Arms differ in training, "
    "by the copies of a class in a context (its burst) and the number of classes; in titles, both "
    "means the larger of the two. All are tested in the same bursts. (a) Accuracy on new classes, "
    "which only the context tells; dotted, naming a random label of the context. (b) Accuracy on "
    "known classes that are not in the context; dotted, chance. (c) The two at the end, every "
    f"seed; upwards, the share of what naming a random label leaves to gain. {THIN}mean.",
}


def heads(measures: Measures, config: Any) -> Figure:
    """Induction score and loss over training, and every head after it."""
    sheet, (left, middle, right) = panels(3, 3.2)
    rows = {depth: table("repeats").filter(layers=depth) for depth in (2, 1)}
    for depth, label, colour in ((2, "two layers", fig.BLUE), (1, "one layer", fig.ORANGE)):
        _lines(left, rows[depth].rows(measures), "induction", label, colour)
        _lines(middle, rows[depth].rows(measures), "copy_loss", None, colour)
    _lines(left, rows[2].rows(measures), "previous", "two layers, previous token", fig.GREEN, "--")
    even = measures["repeats_heads"]["induction_even"][0]
    left.axhline(even, color=fig.INK, linestyle=":", lw=1, label="uniform attention")
    left.set(ylabel="best score of any head", ylim=(-0.03, 1.03))
    middle.set_ylabel("loss on copied tokens (nats)")
    for ax, name, column in ((left, "Induction score", "induction"), (middle, "Loss", "copy_loss")):
        two, one = (_end(measures, rows[depth], column) for depth in (2, 1))
        fig.title(ax, f"{name} ends at {two:.2f}, in one layer {one:.2f}")
        log_axis(ax)
        ax.set_xlabel("step")
    _map(right, measures)
    entries = [ax.get_legend_handles_labels() for ax in (left, right)]
    handles, labels = ([*a, *b] for a, b in zip(*entries, strict=True))
    sheet.legend(handles, labels, loc="outside lower center", ncols=4)
    return sheet


def _map(ax: Axes, measures: Measures) -> None:
    """Every head by its two scores; its area tells what accuracy is lost without it."""
    full = table("repeats").last().rows(measures).select("layers", "init_seed", full="accuracy")
    found = table("repeats_heads").rows(measures).join(full, on=["layers", "init_seed"])
    found = found.drop_nulls(["induction", "full"])
    for depth, layer, label, colour, marker in KINDS:
        rows = found.filter((pl.col("layers") == depth) & (pl.col("layer") == layer))
        lost = np.clip((rows["full"] - rows["accuracy_without"]).to_numpy(), 0, 1)
        look = {"color": colour, "marker": marker, "alpha": 0.55, "linewidth": 0, "label": label}
        ax.scatter(rows["previous"], rows["induction"], s=8 + 70 * lost, **look)
    before = (found["previous_untrained"], found["induction_untrained"])
    ax.scatter(*before, s=8, marker="x", color=fig.INK, lw=0.7, label="untrained head")
    ax.set(xlabel="previous-token score", xlim=(-0.05, 1.05))
    ax.set(ylabel="induction score", ylim=(-0.05, 1.05))
    first = table("repeats_heads").filter(layers=2, layer=0)
    score = first.aggregate(pl.col("previous").max())
    fig.title(ax, f"Best previous-token score: {average(score, measures):.2f}")


def chains(measures: Measures, config: Any) -> Figure:
    """KL divergence from each predictor to the network over training."""
    sheet, axes = panels(3, 3.0, sharey=True)
    worlds = ("Two layers end", 2, 0.0), ("One layer ends", 1, 0.0), ("Balanced chains:", 2, 1.0)
    known = table("chains_predictors").filter(of="bigram", to="uniform").rows(measures)
    for ax, (name, depth, balanced) in zip(axes, worlds, strict=True):
        chosen = table("chains").filter(layers=depth, balanced=balanced)
        for predictor, (label, colour) in PREDICTORS.items():
            above = pl.col(predictor).clip(lower_bound=5e-4)
            _lines(ax, chosen.rows(measures), above, label, colour)
        level = known.filter(pl.col("balanced") == balanced)["divergence"].item() / 4
        ax.axhline(level, color=fig.INK, linestyle=":", lw=1)
        log_axis(ax)
        ax.set(xlabel="step", yscale="log")
        fig.title(ax, f"{name} {_end(measures, chosen, 'bigram'):.2g} nats from bigrams")
    axes[0].set_ylabel("KL from predictor to network (nats)")
    sheet.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=3)
    return sheet


def vectors(measures: Measures, config: Any) -> Figure:
    """Share of the loss left over iterations, by what is clamped."""
    sheet, (left, right) = panels(2, 2.7, width_ratios=[1.5, 1])
    for i, (arm, (colour, line)) in enumerate(CLAMPS.items()):
        rows = table("vectors_curves").filter(arm=arm).rows(measures)
        _lines(left, rows, "share", arm, colour, line, x="iteration", middle=np.nanmedian)
        times = table("vectors").filter(arm=arm).rows(measures).drop_nulls("last")
        y = i + np.linspace(-0.2, 0.2, len(times))
        for reached, marker in ((True, "o"), (False, ">")):
            here = (times["reached"] == reached).to_numpy()
            right.plot(times["to_10"].to_numpy()[here], y[here], marker, color=colour, markersize=3)
    left.axhline(0.1, color=fig.INK, linestyle=":", lw=1)
    left.set_xscale("symlog", linthresh=1)
    left.set(xlabel="iteration", xlim=(0, None), ylabel="loss relative to the start")
    right.set(xscale="log", xlabel="iterations to a tenth of the loss")
    right.set_yticks(range(len(CLAMPS)), list(CLAMPS))
    for tick, (colour, _) in zip(right.get_yticklabels(), CLAMPS.values(), strict=True):
        tick.set_color(colour)
    right.invert_yaxis()
    time = lambda arm, column: table("vectors").filter(arm=arm).value(column)
    given = average(time("b and c clamped", "exponential"), measures, np.median)
    right.plot(given, 2.38, "|", color=fig.INK, markersize=7)
    slow, fast = (average(time(a, "to_10"), measures, np.median) for a in list(CLAMPS)[::2][:2])
    fig.title(right, f"Median {slow:,.0f} iterations with none clamped, {fast:,.0f} with two")
    share = lambda arm: average(time(arm, "to_90") / time(arm, "to_10"), measures)
    none, two = share("none clamped"), share("b and c clamped")
    fig.title(left, f"Above 0.9 for {none:.0%} of the time to 0.1, with two clamped {two:.0%}")
    return sheet


def mixture(measures: Measures, config: Any) -> Figure:
    """Learning from context and from weights, by burstiness and number of classes in training."""
    sheet, axes = panels(3, 3.1)
    arm = {name: table("mixture").filter(arm=name) for name in ARMS}
    for name, (colour, line) in ARMS.items():
        rows = arm[name].rows(measures)
        label = f"bursts of {rows['copies'][0]:.0f}, {rows['n_classes'][0]:,.0f} classes"
        _lines(axes[0], rows, "in_context", label, colour, line)
        _lines(axes[1], rows, "in_weights", label, colour, line)
        hollow = {} if line == "-" else {"markerfacecolor": "white"}
        ends = (arm[name].last().value(c)(measures).array() for c in ("in_weights", "skill"))
        axes[2].plot(*ends, "o", color=colour, markersize=4, **hollow)
    picked = _end(measures, arm["middle"], "picked")
    tests = ("in_context", "new", picked), ("in_weights", "absent", 1 / config.labels)
    for ax, (column, kind, chance) in zip(axes, tests, strict=False):
        ax.axhline(chance, color=fig.INK, linestyle=":", lw=1)
        ax.set(xlabel="step", ylim=(-0.03, 1.03), ylabel=f"accuracy on {kind} classes")
        most, least = (_end(measures, arm[a], column) for a in ("most", "least"))
        fig.title(ax, f"With both {most:.2f}, with neither {least:.2f}")
    axes[2].set(xlabel="accuracy on absent classes", ylabel="gain on new classes")
    alone = [_end(measures, arm[a], "skill") for a in ("classes", "bursts")]
    fig.title(axes[2], "Classes alone {:.2f}, bursts alone {:.2f}".format(*alone))
    sheet.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=3)
    return sheet


def _lines(
    ax: Axes, rows: pl.DataFrame, value: str | pl.Expr, label: str | None, color: str,
    line: str = "-", x: str = "step", middle: Any = np.nanmean,
) -> None:  # fmt: skip
    """Draw every finite seed faintly and their mean, or another middle, strongly."""
    x_S, value_PS = series(rows, value, x)
    value_PS = value_PS[~np.isnan(value_PS).any(1)]
    if len(value_PS):
        ax.plot(x_S, value_PS.T, line, color=color, alpha=0.25, lw=0.7)
        ax.plot(x_S, middle(value_PS, 0), line, color=color, lw=1.8, label=label)


def _end(measures: Measures, rows: Rows, column: str) -> float:
    return average(rows.last().value(column), measures)


draw = drawing(heads, chains, vectors, mixture)
