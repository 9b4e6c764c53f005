"""Figures of the study ``universality``: which representations, how they grow, what they carry."""

from typing import Any

import numpy as np
import polars as pl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from toylab.read import Measures, table
from toylab.report import figures as fig
from toylab.report.averages import average
from toylab.report.panels import drawing, panels
from toylab.report.series import series

LOSSES = {
    "loss": "full model",
    "restricted": "key characters only",
    "excluded_rest": "without the other characters",
    "excluded": "without key characters",
    "excluded_relabelled": "the same, answers relabelled",
    "only_key": "embeddings: key only",
    "only_random": "embeddings: random subspace only",
    "without_key": "embeddings: without key",
    "without_random": "embeddings: without random subspace",
}
CONTROLS = ("excluded_rest", "excluded_relabelled", "only_random", "without_random")
TABLES = {"left": "left embedding", "right": "right embedding", "out": "unembedding"}
SERIES = {
    "train_loss": ("training pairs", fig.BLUE, "-"),
    "test_loss": ("test pairs", fig.ORANGE, "-"),
    "excluded": ("without key characters", fig.VERMILLION, "--"),
    "restricted_held_out": ("key characters only", fig.GREEN, "--"),
    "rest_held_out": ("other characters only", fig.MUTED, "--"),
}
ACCURACIES = {"train": ("training accuracy", fig.BLUE), "test": ("test accuracy", fig.ORANGE)}
SHARES = {
    "fve": ("logit variance in key characters", fig.GREEN),
    "embedding": ("embeddings in key representations", fig.PURPLE),
}
SHOWN = 8  # representations with a bar of their own; the others are too small to see
FLOOR = 1e-8  # losses below are drawn here
CAPTIONS = {
    "choice": "Cosine of every representation's characters with the logits, a row per seed and a "
    "panel per group; outlined, the key representations.",
    "training": "Top: loss of the network on training and test pairs, without its later key "
    "characters, and of these or of the others alone, their weights taken from held-out pairs. "
    "Bottom: accuracy, and shares in the key representations. A column per group; lines are "
    "medians over seeds, bands their 95% intervals; dotted, a uniform guess.",
    "ablations": "Loss of every network, a dot per seed, after ablations of the logits (on all "
    "pairs for restricted, on training pairs for excluded) and of the embeddings (on all pairs); "
    "controls in grey; dotted, a uniform guess.",
    "weights": "Top: share of the squared weights in each representation, mean over seeds; dashes, "
    "the share in random weights. Bottom: share of each live neuron's incoming weights in its best "
    "representation; dotted, 85%. A column per group.",
}


def choice(measures: Measures, config: Any) -> Figure:
    """Cosine of every representation's characters with the logits, seed by seed."""
    counts = [_of(measures["irreps"], g)["irrep"].n_unique() for g in config.groups]
    widths = [count + 5 for count in counts]
    sheet, axes = panels(len(counts), 1.2 + 0.2 * config.seeds, width_ratios=widths)
    for ax, name in zip(axes, config.groups, strict=True):
        rows = _of(measures["irreps"], name)
        irreps = rows["irrep"].unique(maintain_order=True).to_list()
        seeds = rows["init_seed"].unique().sort().to_list()
        cosine_SR = _square(rows, "cosine", irreps)
        image = ax.imshow(cosine_SR, vmin=0, vmax=0.7, aspect="auto", cmap=fig.SEQUENTIAL)
        for i, j in np.argwhere(cosine_SR > config.key_cosine):
            ax.add_patch(Rectangle((j - 0.5, i - 0.5), 1, 1, fill=False, ec=fig.ORANGE, lw=1.2))
        ax.set_xticks(range(len(irreps)), irreps, rotation=90)
        ax.set_yticks(range(len(seeds)), [str(s) for s in seeds])
        sets = _of(measures["networks"], name)["keys"]
        fig.title(ax, f"{name}: {len(sets)} seeds, {sets.n_unique()} choices")
    axes[0].set_ylabel("seed")
    label = "cosine with the logits\n(outlined: key)"
    sheet.colorbar(image, ax=list(axes), label=label, aspect=12, pad=0.02)
    return sheet


def training(measures: Measures, config: Any) -> Figure:
    """Loss of the network and of its later key circuit, and accuracy, over training."""
    sheet, axes = panels(len(config.groups), 4.8, rows=2, sharex="col")
    for column, name in enumerate(config.groups):
        top, bottom = axes[0, column], axes[1, column]
        rows = _of(measures["progress"], name)
        for score, (label, colour, line) in SERIES.items():
            step_S, value_PS = series(rows, score)
            value_PS = np.maximum(value_PS, FLOOR)
            fig.interval_line(top, step_S, value_PS, label, colour, linestyle=line)
        top.axhline(_median(measures, name, "uniform"), color=fig.MUTED, linestyle=":", linewidth=1)
        top.set_yscale("log")
        _accuracies(bottom, measures, name)
        fig.title(top, _order(measures, name))
        bottom.set_xlabel("step")
    axes[0, 0].set_ylabel("loss (nats); dotted: uniform")
    axes[1, 0].set_ylabel("share")
    sheet.legend(*axes[0, 0].get_legend_handles_labels(), loc="outside upper center", ncols=3)
    sheet.legend(*axes[1, 0].get_legend_handles_labels(), loc="outside lower center", ncols=2)
    return sheet


def _accuracies(ax: Axes, measures: Measures, name: str) -> None:
    curves, rows = _of(measures["curves"], name), _of(measures["progress"], name)
    for part, (label, colour) in ACCURACIES.items():
        fig.interval_line(ax, *series(curves, f"{part}_accuracy"), label, colour)
    for column, (label, colour) in SHARES.items():
        fig.interval_line(ax, *series(rows, column), label, colour, linestyle="--")
    ax.set_ylim(-0.03, 1.05)


def _order(measures: Measures, name: str) -> str:
    """Say when half of the seeds have learned the test pairs."""
    step_S, value_PS = series(_of(measures["curves"], name), "test_accuracy")
    reached = np.flatnonzero((value_PS >= 0.99).mean(0) >= 0.5)
    when = f"learned by step {step_S[reached[0]]:,.0f}" if len(reached) else "not learned"
    return f"{name}: test pairs {when}"


def ablations(measures: Measures, config: Any) -> Figure:
    """Loss of every network after each ablation, with its controls."""
    sheet, axes = panels(len(config.groups), 3.3, sharey=True)
    for ax, name in zip(axes, config.groups, strict=True):
        rows = _of(measures["networks"], name)
        for i, column in enumerate(LOSSES):
            values = np.maximum(rows[column].to_numpy(), FLOOR)
            height = i + np.linspace(-0.2, 0.2, len(values))
            control = column in CONTROLS
            colour = fig.MUTED if control else fig.BLUE
            ax.plot(values, height, linestyle="", marker="o" if control else "D", color=colour)
        ax.axvline(_median(measures, name, "uniform"), color=fig.INK, linestyle=":", linewidth=1)
        ax.set(xscale="log", xlabel="loss (nats); dotted: uniform")
        alone = _median(measures, name, "restricted")
        fig.title(ax, f"{name}: {alone:.1g} nats from key characters")
    axes[0].set_yticks(range(len(LOSSES)), list(LOSSES.values()))
    axes[0].invert_yaxis()
    axes[0].plot([], [], "D", color=fig.BLUE, label="key")
    axes[0].plot([], [], "o", color=fig.MUTED, label="control")
    sheet.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=2)
    return sheet


def weights(measures: Measures, config: Any) -> Figure:
    """Share of the weights in each representation, and how neurons divide among them."""
    sheet, axes = panels(len(config.groups), 4.4, rows=2)
    for column, name in enumerate(config.groups):
        _shares(axes[0, column], _of(measures["irreps"], name), name)
        _neurons(axes[1, column], _of(measures["neurons"], name), name)
    axes[0, 0].set_ylabel("share of squared weights")
    axes[1, 0].set_ylabel("share of live neurons")
    axes[0, -1].set_ylim(0, 1.4 * axes[0, -1].get_ylim()[1])  # room for the legend
    axes[0, -1].legend(loc="upper right", ncols=2)
    axes[1, -1].legend()
    return sheet


def _shares(ax: Axes, rows: pl.DataFrame, name: str) -> None:
    means = rows.group_by("irrep", maintain_order=True).agg(pl.col(*TABLES, "chance").mean())
    shown = means.sort("left", descending=True).head(SHOWN)
    places = np.arange(len(shown))
    for i, (side, label) in enumerate(TABLES.items()):
        ax.bar(places + 0.25 * (i - 1), shown[side], 0.25, color=fig.PALETTE[i], label=label)
    ax.plot(places, shown["chance"], "_", color=fig.INK, markersize=14, label="random weights")
    ax.set_xticks(places, shown["irrep"].to_list(), rotation=45)
    fig.title(ax, f"{name}: {shown['irrep'][0]} has {shown['left'][0]:.0%} of an embedding")


def _neurons(ax: Axes, rows: pl.DataFrame, name: str) -> None:
    bins = np.linspace(0, 1, 21)
    for trained, colour, label in ((False, fig.MUTED, "untrained"), (True, fig.BLUE, "trained")):
        share = rows.filter(trained=trained)["share"].to_numpy()
        heights = np.histogram(share, bins)[0] / max(len(share), 1)
        ax.stairs(heights, bins, fill=True, color=colour, alpha=0.8, label=label)
    clustered = rows.filter("trained").select((pl.col("share") >= 0.85).mean()).item()
    ax.axvline(0.85, color=fig.INK, linestyle=":", linewidth=1)
    ax.set_xlabel("share of incoming weights in one representation")
    fig.title(ax, f"{name}: {clustered or 0:.0%} of live neurons above 85%")


def _of(rows: pl.DataFrame, name: str) -> pl.DataFrame:
    return rows.filter(group=name)


def _square(rows: pl.DataFrame, column: str, irreps: list[str]) -> np.ndarray:
    """Values (seeds, irreps) with the columns in the group's own order."""
    wide = rows.pivot("irrep", index="init_seed", values=column).sort("init_seed")
    return wide.select(irreps).to_numpy()


def _median(measures: Measures, name: str, column: str) -> float:
    """Median of a number of a group's networks."""
    return average(table("networks").filter(group=name).value(column), measures, np.median)


draw = drawing(choice, training, ablations, weights)
