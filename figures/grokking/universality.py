"""Figures of the study ``universality``: which representations, how they grow, what they carry."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import polars as pl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from toylab.report import figures as fig

LOSSES = {
    "loss": "network",
    "restricted": "key characters only",
    "excluded_rest": "without the other characters",
    "excluded": "without key characters",
    "excluded_relabelled": "same, answers relabelled",
    "only_key": "embeddings: key only",
    "only_random": "embeddings: random subspace only",
    "without_key": "embeddings: without key",
    "without_random": "embeddings: without random subspace",
}
CONTROLS = ("excluded_rest", "excluded_relabelled", "only_random", "without_random")
TABLES = {"left": "left embedding", "right": "right embedding", "out": "unembedding"}
SHOWN = 8  # representations with a bar of their own; the others are too small to see
FLOOR = 1e-8  # losses below are drawn here


def draw(measures: Mapping[str, Any], config: Any) -> dict[str, Figure]:
    """Draw every figure of the study."""
    return {
        "choice": choice(measures, config),
        "training": training(measures, config),
        "ablations": ablations(measures, config),
        "weights": weights(measures, config),
    }


def choice(measures: Mapping[str, Any], config: Any) -> Figure:
    """Cosine of every representation's characters with the logits, seed by seed."""
    counts = [_of(measures["irreps"], g)["irrep"].n_unique() for g in config.groups]
    sheet = fig.figure(fig.PAGE, 1.2 + 0.2 * config.seeds)
    axes = sheet.subplots(1, len(counts), width_ratios=[c + 5 for c in counts], squeeze=False)[0]
    image = None
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
        sets = _of(measures["networks"], name)["keys"].drop_nulls()
        fig.title(
            ax, f"{name}: {len(sets)} networks, {sets.n_unique()} sets of key representations"
        )
    axes[0].set_ylabel("seed")
    if image is not None:
        label = "cosine with the logits\n(outlined: key)"
        sheet.colorbar(image, ax=list(axes), label=label, aspect=12, pad=0.02)
    return sheet


def training(measures: Mapping[str, Any], config: Any) -> Figure:
    """Loss of the network and of its later key circuit, and accuracy, over training."""
    sheet = fig.figure(fig.PAGE, 4.0)
    axes = sheet.subplots(2, len(config.groups), sharex="col", squeeze=False)
    series = {
        "train_loss": ("training pairs", fig.BLUE, "-"),
        "test_loss": ("test pairs", fig.ORANGE, "-"),
        "excluded": ("without key characters", fig.VERMILLION, "--"),
        "restricted_held_out": ("key characters only", fig.GREEN, "--"),
        "rest_held_out": ("other characters only", fig.MUTED, "--"),
    }
    for column, name in enumerate(config.groups):
        top, bottom = axes[0, column], axes[1, column]
        rows = _of(measures["progress"], name)
        for score, (label, colour, line) in series.items():
            steps, values_PS = _over_steps(rows, score)
            values_PS = np.maximum(values_PS, FLOOR)
            fig.interval_line(top, steps, values_PS, label, colour, linestyle=line)
        uniform = _middle(_of(measures["networks"], name), "uniform")
        top.axhline(uniform, color=fig.MUTED, linestyle=":", linewidth=1)
        top.set_yscale("log")
        _accuracies(bottom, measures, name)
        fig.title(top, _order(measures, name))
        bottom.set_xlabel("step")
    axes[0, 0].set_ylabel("loss (nats); dotted: uniform")
    axes[1, 0].set_ylabel("share")
    axes[0, -1].legend(fontsize=6.5, loc="center right")
    axes[1, -1].legend(fontsize=6.5)
    return sheet


def _accuracies(ax: Axes, measures: Mapping[str, Any], name: str) -> None:
    curves, rows = _of(measures["curves"], name), _of(measures["progress"], name)
    both = {"train": ("training accuracy", fig.BLUE), "test": ("test accuracy", fig.ORANGE)}
    for part, (label, colour) in both.items():
        fig.interval_line(ax, *_over_steps(curves, f"{part}_accuracy"), label, colour)
    more = {
        "fve": ("logit variance in key characters", fig.GREEN),
        "embedding": ("embeddings in key representations", fig.PURPLE),
    }
    for column, (label, colour) in more.items():
        fig.interval_line(ax, *_over_steps(rows, column), label, colour, linestyle="--")
    ax.set_ylim(-0.03, 1.05)


def _order(measures: Mapping[str, Any], name: str) -> str:
    rows = _of(measures["curves"], name)
    halves = []
    for part in ("train", "test"):
        steps, values_PS = _over_steps(rows, f"{part}_accuracy")
        reached = np.flatnonzero(np.nanmedian(values_PS, 0) >= 0.99)
        halves.append(f"{steps[reached[0]]:,.0f}" if len(reached) else "(never)")
    return f"{name}: 99% of training pairs by step {halves[0]}, of test pairs by {halves[1]}"


def ablations(measures: Mapping[str, Any], config: Any) -> Figure:
    """Loss of every network after each ablation, with its controls."""
    sheet = fig.figure(fig.PAGE, 3.0)
    axes = sheet.subplots(1, len(config.groups), sharey=True, squeeze=False)[0]
    for ax, name in zip(axes, config.groups, strict=True):
        rows = _of(measures["networks"], name)
        for i, column in enumerate(LOSSES):
            values = np.maximum(rows[column].drop_nulls().to_numpy(), FLOOR)
            height = i + np.linspace(-0.2, 0.2, len(values))
            control = column in CONTROLS
            colour = fig.MUTED if control else fig.BLUE
            ax.plot(values, height, linestyle="", marker="o" if control else "D", color=colour)
        uniform = _middle(rows, "uniform")
        ax.axvline(uniform, color=fig.INK, linestyle=":", linewidth=1)
        ax.set_xscale("log")
        ax.set_xlabel("loss (nats); dotted: uniform")
        excluded, alone = _middle(rows, "excluded"), _middle(rows, "restricted")
        fig.title(ax, f"{name}: {excluded:.1f} nats without key characters, {alone:.0e} with them")
    axes[0].set_yticks(range(len(LOSSES)), list(LOSSES.values()))
    axes[0].invert_yaxis()
    axes[0].plot([], [], "D", color=fig.BLUE, label="key")
    axes[0].plot([], [], "o", color=fig.MUTED, label="control")
    axes[0].legend(loc="lower left")
    return sheet


def weights(measures: Mapping[str, Any], config: Any) -> Figure:
    """Share of the weights in each representation, and how neurons divide among them."""
    sheet = fig.figure(fig.PAGE, 4.4)
    axes = sheet.subplots(2, len(config.groups), squeeze=False)
    for column, name in enumerate(config.groups):
        _shares(axes[0, column], _of(measures["irreps"], name), name)
        _neurons(axes[1, column], _of(measures["neurons"], name), name)
    axes[0, 0].set_ylabel("share of squared weights")
    axes[1, 0].set_ylabel("share of live neurons")
    axes[0, -1].set_ylim(0, 1.4 * axes[0, -1].get_ylim()[1])  # room for the legend
    axes[0, -1].legend(fontsize=6.5, loc="upper right", ncols=2)
    axes[1, -1].legend(fontsize=6.5)
    return sheet


def _shares(ax: Axes, rows: pl.DataFrame, name: str) -> None:
    means = rows.group_by("irrep", maintain_order=True).agg(
        pl.col(*TABLES, "chance").mean(), pl.col("key").mean()
    )
    shown = means.sort("left", descending=True).head(SHOWN)
    places = np.arange(len(shown))
    for i, (side, label) in enumerate(TABLES.items()):
        ax.bar(places + 0.25 * (i - 1), shown[side], 0.25, color=fig.PALETTE[i], label=label)
    ax.plot(places, shown["chance"], "_", color=fig.INK, markersize=14, label="random weights")
    ax.set_xticks(places, shown["irrep"].to_list(), rotation=45)
    best = shown.row(0, named=True)
    fig.title(
        ax, f"{name}: {best['irrep']} holds {best['left']:.0%} of the left embedding on average"
    )


def _neurons(ax: Axes, rows: pl.DataFrame, name: str) -> None:
    bins = np.linspace(0, 1, 21)
    for trained, colour, label in (
        (False, fig.MUTED, "untrained"),
        (True, fig.BLUE, "trained"),
    ):
        share = rows.filter(pl.col("trained") == trained)["share"].to_numpy()
        heights = np.histogram(share, bins)[0] / max(len(share), 1)
        ax.stairs(heights, bins, fill=True, color=colour, alpha=0.8, label=label)
    clustered = rows.filter(pl.col("trained")).select((pl.col("share") >= 0.85).mean()).item()
    ax.axvline(0.85, color=fig.INK, linestyle=":", linewidth=1)
    ax.set_xlabel("share of incoming weights in one representation")
    fig.title(ax, f"{name}: {clustered or 0:.0%} of live neurons have 85% in one representation")


def _of(table: pl.DataFrame, name: str) -> pl.DataFrame:
    return table.filter(pl.col("group") == name)


def _square(rows: pl.DataFrame, column: str, irreps: list[str]) -> np.ndarray:
    """Values (seeds, irreps) with the columns in the group's own order."""
    wide = rows.pivot("irrep", index="init_seed", values=column).sort("init_seed")
    return wide.select(irreps).to_numpy()


def _over_steps(rows: pl.DataFrame, column: str) -> tuple[np.ndarray, np.ndarray]:
    """Steps (S,) and one row of values per seed (P, S)."""
    wide = rows.pivot("step", index="init_seed", values=column).drop("init_seed")
    steps_S = np.array([float(s) for s in wide.columns])
    order = np.argsort(steps_S)
    values_PS = wide.to_numpy().astype(np.float64)[:, order]
    return steps_S[order], values_PS


def _middle(rows: pl.DataFrame, column: str) -> float:
    """Median of a column over the living networks."""
    return float(np.median(rows[column].drop_nulls().to_numpy()))
