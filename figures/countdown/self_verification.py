"""Figures of the study ``self_verification``: beliefs, heads, ablations, patches."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import polars as pl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from toylab.report import figures as fig

from .self_verification_ablations import ablations
from .self_verification_trace import AFTER, first_seed, lines, trace


def draw(measures: Mapping[str, Any], config: Any) -> dict[str, Figure]:
    """Draw every figure of the study."""
    return {
        "trace": trace(measures, config),
        "probes": probes(measures, config),
        "heads": heads(measures, config),
        "ablations": ablations(measures, config),
        "patches": patches(measures, config),
    }


def probes(measures: Mapping[str, Any], config: Any) -> Figure:
    """Accuracy per layer with controls, and what value vectors say and do."""
    sheet = fig.figure(fig.PAGE, 2.6)
    left, middle, right = sheet.subplots(1, 3, width_ratios=[1.5, 1, 1])
    looks = (
        ("reward", "truth", 0, 'after reward, at "("', fig.BLUE, "-"),
        ("reward", "truth", 1, "at the result", fig.SKY, "-"),
        ("search", "truth", 0, "before reward", fig.ORANGE, "--"),
        ("untrained", "truth", 0, "untrained", fig.MUTED, "-"),
        ("reward", "shuffled", 0, "shuffled labels", fig.INK, ":"),
    )
    table = measures["probes"]
    for arm, kind, back, name, colour, style in looks:
        own = table.filter(
            (pl.col("arm") == arm) & (pl.col("kind") == kind) & (pl.col("back") == back)
        ).sort("init_seed", "layer")
        layer = own["layer"].unique().sort().to_numpy()
        values = own["accuracy"].to_numpy().reshape(-1, len(layer))
        lines(left, layer, values, name, colour, style)
    bag = table.filter(AFTER & (pl.col("kind") == "bag"))["accuracy"].mean()
    left.axhline(bag, color=fig.GREEN, lw=0.9, ls="--", label="counts of tokens")
    left.set_xlabel("blocks passed")
    left.set_ylabel("accuracy on held-out numbers")
    left.set_ylim(0.05, 1.03)
    left.set_xticks(layer)
    left.legend(loc="lower left", fontsize=6.5, ncols=2)
    own = table.filter(AFTER & (pl.col("kind") == "truth") & (pl.col("back") == 0))
    top = own.group_by("layer").agg(pl.col("accuracy").mean()).sort("accuracy", "layer")
    fig.title(left, f"Verdict probe: {top['accuracy'][-1]:.2f} after {top['layer'][-1]} blocks")
    vectors = measures["vectors"].filter(AFTER)
    for ax, column, label in (
        (middle, "first", "fitting verdict on top"),
        (right, "auc", "area under the ROC curve"),
    ):
        means = _bars(ax, vectors, column, (True, False))
        ax.set_xticks([0, 1], ["along\nthe probe", "others"])
        ax.set_ylabel(label)
        ax.set_ylim(0, 1.05)
        what = "Logit lens" if column == "first" else "Firing"
        fig.title(ax, f"{what}: {means[0]:.2f}, others {means[1]:.2f}")
    return sheet


def _bars(ax: Axes, rows: pl.DataFrame, column: str, groups: tuple[bool, ...]) -> list[float]:
    means = []
    for i, aligned in enumerate(groups):
        seen = rows.filter(pl.col("aligned") == aligned)
        per_seed = seen.group_by("init_seed").agg(pl.col(column).mean())[column].to_numpy()
        ax.bar(i, per_seed.mean(), 0.6, color=(fig.BLUE, fig.MUTED)[i])
        ax.plot([i] * len(per_seed), per_seed, "_", color=fig.INK)
        means.append(float(per_seed.mean()))
    return means


def _grid(rows: pl.DataFrame, column: str) -> np.ndarray:
    """One seed's values, (U, H)."""
    ordered = rows.sort("block", "head")
    return ordered[column].to_numpy().reshape(ordered["block"].n_unique(), -1)


def heads(measures: Mapping[str, Any], config: Any) -> Figure:
    """Attention to the target, score and single ablations of every head, for the first seed."""
    table = measures["heads"]
    sheet = fig.figure(fig.PAGE, 3.6)
    axes = sheet.subplots(2, 4)
    for line, arm in enumerate(("search", "reward")):
        own = first_seed(table.filter(pl.col("arm") == arm))
        look = np.maximum(_grid(own, "from_result"), _grid(own, "from_bracket"))
        panels = (
            (look, "attention to target"),
            (_grid(own, "previous"), "to the token before"),
            (_grid(own, "diagonal"), "score"),
            (_grid(own, "effect"), "fall of ok - no"),
        )
        for ax, (value_UH, name) in zip(axes[line], panels, strict=True):
            _map(sheet, ax, value_UH, _grid(own, "chosen").astype(bool))
            if line == 0:
                ax.set_title(name.capitalize())
        axes[line, 0].set_ylabel(("before" if arm == "search" else "after") + " reward\nblock")
    for ax in axes[1]:
        ax.set_xlabel("head")
    rank = measures["networks"].filter(AFTER).select("rank_score", "rank_attention").mean().row(0)
    count = measures["heads"].filter(AFTER).group_by("init_seed").agg(pl.col("looking").sum())
    fig.title(
        sheet,
        f"Mean of seeds: {count['looking'].mean():.1f} heads look at the target; Spearman's "
        f"correlation with ablation is {rank[0]:.2f} of the score, {rank[1]:.2f} of attention. "
        "Maps: one seed (crosses: chosen)",
    )
    return sheet


def _map(sheet: Figure, ax: Axes, value_UH: np.ndarray, chosen_UH: np.ndarray | None) -> None:
    top = float(np.nanmax(np.abs(value_UH))) or 1.0
    signed = float(np.nanmin(value_UH)) < 0
    colours = {"cmap": fig.DIVERGING, "vmin": -top} if signed else {"vmin": 0.0}
    image = ax.imshow(value_UH, vmax=top, origin="lower", aspect="auto", **colours)
    ax.set_xticks(range(value_UH.shape[1]))
    ax.set_yticks(range(value_UH.shape[0]))
    if chosen_UH is not None:
        u, h = np.nonzero(chosen_UH)
        ax.plot(h, u, "x", color="white", ms=8, mew=3.2)
        ax.plot(h, u, "x", color=fig.VERMILLION, ms=7, mew=1.6)
    bar = sheet.colorbar(image, ax=ax, shrink=0.85)
    bar.ax.tick_params(labelsize=6.5)


def patches(measures: Mapping[str, Any], config: Any) -> Figure:
    """What single heads and the residual stream carry over from a right attempt."""
    sheet = fig.figure(fig.PAGE, 2.5)
    left, middle, right = sheet.subplots(1, 3)
    own = first_seed(measures["heads"].filter(AFTER))
    _map(sheet, left, _grid(own, "patch"), _grid(own, "chosen").astype(bool))
    left.set_xlabel("head")
    left.set_ylabel("block")
    agree = measures["networks"].filter(AFTER)["rank_patch"].mean()
    fig.title(left, f"One seed's heads; all ranked as ablated: {agree:.2f}")
    stream = measures["stream"].filter(AFTER)
    looks = (("target", fig.GREEN), ("result", fig.SKY), ("(", fig.BLUE))
    for place, colour in looks:
        rows = stream.filter(pl.col("place") == place).sort("init_seed", "layer")
        layer = rows["layer"].unique().sort().to_numpy()
        values = rows["restored"].to_numpy().reshape(-1, len(layer))
        lines(middle, layer, values, f"at {place}", colour, "-")
    middle.set_xlabel("blocks passed")
    middle.set_ylabel("share of ok - no restored")
    middle.set_ylim(-0.05, 1.3)
    middle.set_yticks(np.linspace(0, 1, 6))
    middle.legend(loc="upper right", fontsize=6.5, ncols=3, columnspacing=0.8, handlelength=1)
    middle.set_xticks(layer)
    peak = stream.filter(pl.col("place") == "result").group_by("layer").agg(
        pl.col("restored").mean()
    )["restored"].max()  # fmt: skip
    fig.title(middle, f"Stream at the result: {peak:.0%} at most")
    table = measures["patches"].filter(AFTER)
    for i, (what, colour) in enumerate(
        (("chosen", fig.BLUE), ("looking", fig.SKY), ("random heads", fig.MUTED))
    ):
        rows = table.filter(pl.col("what") == what)
        per_seed = rows.group_by("init_seed").agg(pl.col("restored").mean())["restored"]
        right.bar(i, per_seed.mean(), 0.6, color=colour)
        right.plot([i] * len(per_seed), per_seed, "_", color=fig.INK)
    right.set_xticks(range(3), ["chosen", "looking", "random"])
    right.set_ylabel("share restored")
    mean = table.group_by("what").agg(pl.col("restored").mean())
    told = dict(mean.iter_rows())
    fig.title(right, f"Heads together: {told['chosen']:.0%}, random {told['random heads']:.0%}")
    return sheet
