"""Figures of the study ``graph_tracing_circuit``: heads, what goes without them, and when."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import polars as pl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from toylab.report import figures as fig
from toylab.studies.in_context.graph_tracing_circuit import numbers

KINDS = {"previous": fig.BLUE, "induction": fig.ORANGE, "other": fig.MUTED}
WORDS = {
    "none": "all heads",
    "previous": "no previous-token",
    "induction": "no induction",
    "other": "no other",
    "previous only": "previous-token alone",
    "untrained": "untrained",
    "shuffled": "shuffled walk",
    "mixing": "neighbour mix",
}
MARKS = {"zero": "o", "mean": "D"}


def draw(measures: Mapping[str, Any], config: Any) -> dict[str, Figure]:
    """Draw every figure of the study."""
    return {
        "heads": heads(measures),
        "ablation": ablation(measures),
        "grid": grid(measures),
        "causal": causal(measures),
        "training": training(measures),
    }


def heads(m: Mapping[str, Any]) -> Figure:
    """Scores of all heads of every seed, those of the circuit marked."""
    table = m["heads"]
    seeds = table["init_seed"].unique().sort().to_list()
    sheet = fig.figure(fig.PAGE, 2.6)
    axes = sheet.subplots(2, len(seeds), squeeze=False)
    image = None
    for column, seed in enumerate(seeds):
        rows = table.filter(pl.col("init_seed") == seed).sort("block", "head")
        blocks = int(rows["block"].n_unique())
        for ax, score in zip(axes[:, column], ("previous", "induction"), strict=True):
            values = rows[score].to_numpy().reshape(blocks, -1)
            image = ax.imshow(values, cmap=fig.SEQUENTIAL, vmin=0, vmax=1, aspect="auto")
            for row in rows.filter(pl.col("kind") == score).iter_rows(named=True):
                light = row[score] > 0.6
                ax.text(row["head"], row["block"], str(row["rank"] + 1), ha="center", va="center",
                        weight="bold", size=8, color=fig.INK if light else "white")  # fmt: skip
            ax.set_xticks([])
            ax.set_yticks(range(blocks), [f"block {b + 1}" for b in range(blocks)], size=6.5)
            if column:
                ax.set_yticks([])
        axes[0, column].set_title(f"seed {seed}", size=8)
        axes[1, column].set_xlabel("head", size=7)
    axes[0, 0].set_ylabel("previous token", size=7)
    axes[1, 0].set_ylabel("induction", size=7)
    if image is not None:
        sheet.colorbar(image, ax=axes.ravel().tolist(), label="attention score", shrink=0.9)
    best = table.filter((pl.col("kind") != "other") & (pl.col("rank") == 0))
    parts = []
    for kind, word in (("previous", "previous-token"), ("induction", "induction")):
        rows = best.filter(pl.col("kind") == kind)
        block = rows["block"].mode().sort()[0] + 1
        parts.append(f"best {word} head {rows[kind].mean():.2f}, mostly in block {block}")
    even = m["even"]
    text = f"{parts[0].capitalize()}; {parts[1]} (even attention: {even[0]:.2f}, {even[1]:.2f})"
    fig.title(sheet, f"{text}. Numbers: rank of the heads taken out")
    return sheet


# Ablations --------------------------------------------------------------------------------------


def _dots(ax: Axes, y: float, values: np.ndarray, colour: str, marker: str = "o") -> None:
    """A bar at the mean, and a mark for every seed."""
    ax.barh(y, np.nanmean(values), height=0.62, color=colour, alpha=0.55)
    ax.plot(values, [y] * len(values), marker, color=fig.INK, markersize=2.6, linestyle="")


def ablation(m: Mapping[str, Any]) -> Figure:
    """Rule mass and distance correlation without heads of each kind, beside the controls."""
    sheet = fig.figure(fig.PAGE, 3.5)
    left, right = sheet.subplots(1, 2)
    layer = numbers.best_layer(m)
    cases: list[tuple[str, int, str]] = [("none", 0, "none")]
    cases += [(k, n, a) for k in KINDS for n in (1, 2) for a in ("zero", "mean")]
    cases += [("previous only", 2, "zero"), ("shuffled", 0, "none"), ("untrained", 0, "none")]
    names = []
    for y, (kind, count, how) in enumerate(cases):
        colour = KINDS.get(kind, fig.GREEN if kind == "none" else fig.SKY)
        if kind != "shuffled":
            _dots(left, y, numbers.rule(m, kind, count, how), colour)
        rows = numbers.rows_of(m, kind, count, how).filter(pl.col("layer") == layer)
        by_seed = rows.group_by("init_seed").agg(pl.col("correlation").mean())
        _dots(right, y, by_seed["correlation"].to_numpy(), colour)
        names.append(WORDS[kind] + (f" ({count}, {how})" if kind in KINDS else ""))
    mix = numbers.correlation(m, "mixing", 0)
    right.axvline(
        mix.mean(), color=fig.VERMILLION, ls="--", lw=1, label="neighbour mix of embeddings"
    )
    right.legend(loc="upper left", bbox_to_anchor=(0, -0.13), fontsize=7)
    left.set_yticks(range(len(names)), names, fontsize=7)
    right.set_yticks([])
    left.invert_yaxis()
    right.invert_yaxis()
    left.set_xlabel("late rule mass without the previous token")
    right.set_xlabel(f"distance correlation after block {layer}")
    clean, lost = numbers.rule(m, "none").mean(), {
        kind: float(np.nanmean(numbers.lost(kind)(m))) for kind in KINDS
    }  # fmt: skip
    fig.title(
        left,
        f"Of {clean:.2f}, removing two previous-token heads takes {lost['previous']:.2f}, two "
        f"induction heads {lost['induction']:.2f}, two others {lost['other']:.2f}",
    )
    before, after = (numbers.correlation(m, kind, layer).mean() for kind in ("none", "previous"))
    fig.title(
        right,
        f"Geometry {before:.2f}, without previous-token heads {after:.2f}; one neighbour mix "
        f"{mix.mean():.2f}",
    )
    return sheet


def grid(m: Mapping[str, Any]) -> Figure:
    """Class means of one network and grid, two components, laid over the spectral embedding."""
    table, layer = m["pictures"], numbers.best_layer(m)
    edges = table.filter(pl.col("kind") == "edge")
    shown = [k for k in ("none", "mixing", "previous", "induction") if k in table["kind"]]
    sheet = fig.figure(fig.PAGE, 2.4)
    for ax, kind in zip(sheet.subplots(1, len(shown)), shown, strict=True):
        points = table.filter(pl.col("kind") == kind).sort("node")
        x, y = points["x"].to_numpy(), points["y"].to_numpy()
        for i, j in zip(edges["node"], edges["x"].cast(pl.Int64), strict=True):
            ax.plot(x[[i, j]], y[[i, j]], color=fig.MUTED, lw=0.7)
        side = max(1, round(len(x) ** 0.5))
        ax.scatter(x, y, c=np.arange(len(x)) // side, cmap=fig.SEQUENTIAL, s=22, zorder=3)
        ax.set_aspect("equal", adjustable="datalim")
        ax.set_xticks([])
        ax.set_yticks([])
        at = 0 if kind == "mixing" else layer
        value = numbers.correlation(m, kind, at)[0]
        fig.title(ax, f"{WORDS[kind].capitalize()}: DC {value:.2f}")
    text = "components 1 and 2 laid over the grid's spectral embedding; colour: row; DC: mean of"
    sheet.supxlabel(f"Class means after block {layer}, seed 0: {text} all grids", fontsize=7)
    return sheet


# The causal test --------------------------------------------------------------------------------


def causal(m: Mapping[str, Any]) -> Figure:
    """Mass on the target's neighbours by number of components moved."""
    table = m["causal"]
    moved = table.filter(pl.col("kind") != "none")
    layers = moved["layer"].unique().sort().to_list()
    sheet = fig.figure(fig.PAGE, 2.7)
    axes = sheet.subplots(1, len(layers), sharey=True, squeeze=False)[0]
    still = table.filter(pl.col("kind") == "none")
    for ax, layer in zip(axes, layers, strict=True):
        for kind, colour in (("class mean", fig.BLUE), ("random", fig.MUTED)):
            rows = moved.filter((pl.col("kind") == kind) & (pl.col("layer") == layer))
            for column, style, word in (("mass", "-", "target's"), ("own", ":", "own")):
                wide = rows.pivot("components", index="init_seed", values=column)
                counts = [int(c) for c in wide.columns[1:]]
                values = wide.drop("init_seed").to_numpy().astype(float)
                label = f"{word} neighbours, {'moved' if kind == 'class mean' else 'random push'}"
                fig.interval_line(ax, counts, values, label, colour, linestyle=style, marker="o")
        ax.axhline(float(np.mean(still["mass"].to_numpy())), color=fig.INK, lw=0.8, ls="--")
        ax.set_xlabel("principal components replaced")
        ax.set_xticks(counts)
        two = {
            kind: float(np.mean(moved.filter(
                (pl.col("kind") == kind) & (pl.col("layer") == layer)
                & (pl.col("components") == counts[0])
            )["mass"].to_numpy()))
            for kind in ("class mean", "random")
        }  # fmt: skip
        top = moved.filter(
            (pl.col("kind") == "class mean")
            & (pl.col("layer") == layer)
            & (pl.col("components") == counts[-1])
        )
        fig.title(
            ax,
            f"After block {layer}: {counts[0]} components move {two['class mean']:.2f} (random "
            f"{two['random']:.2f}), all {counts[-1]} {np.mean(top['mass'].to_numpy()):.2f}",
        )
    axes[0].set_ylabel("mass")
    axes[0].set_ylim(0, 1)
    axes[-1].legend(fontsize=6.5, loc="center left", bbox_to_anchor=(1, 0.5))
    return sheet


# Training ---------------------------------------------------------------------------------------


def training(m: Mapping[str, Any]) -> Figure:
    """Rule mass and distance correlation over training, by depth and width."""
    table = numbers.networks(m)
    depths = table["depth"].unique().sort().to_list()
    widths = table["width"].unique().sort().to_list()
    sheet = fig.figure(fig.PAGE, 1.1 + 1.35 * len(widths))
    axes = sheet.subplots(len(widths), len(depths), sharex=True, sharey=True, squeeze=False)
    looks = {"rule": (fig.BLUE, "rule mass"), "correlation": (fig.VERMILLION, "distance corr.")}
    for (row, column), ax in np.ndenumerate(axes):
        depth, width = depths[column], widths[row]
        cell = table.filter((pl.col("depth") == depth) & (pl.col("width") == width))
        for name, (colour, word) in looks.items():
            for i, (_, curve) in enumerate(cell.group_by("init_seed", maintain_order=True)):
                label = word if i == 0 else None
                ax.plot(curve["step"], curve[name], color=colour, label=label, lw=1.1)
        end = cell.filter(pl.col("step") == pl.col("step").max())
        pair = [float(np.mean(end[n].to_numpy())) for n in looks]
        fig.title(ax, f"{depth} deep, {width} wide: {pair[0]:.2f}, {pair[1]:.2f}")
        ax.axhline(0, color=fig.MUTED, lw=0.6)
        if row == len(widths) - 1:
            ax.set_xlabel("training step")
    axes[0, 0].legend(fontsize=6.5, loc="upper left")
    one = float(np.nanmean(numbers.final("rule", deep=False)(m)))
    drawn = float(np.nanmean(numbers.final("correlation", deep=False)(m)))
    more = numbers.final("rule", deep=True)(m)
    far = numbers.final("correlation", deep=True)(m)
    rest = (
        f"more end with {np.nanmean(more):.2f}, {np.nanmean(far):.2f}" if len(more) else "no more"
    )
    text = (
        f"Depth x width: one layer ends with rule mass {one:.2f} and geometry {drawn:.2f}, {rest}"
    )
    fig.title(sheet, text)
    return sheet
