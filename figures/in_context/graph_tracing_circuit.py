"""Figures of the study ``graph_tracing_circuit``: heads, what goes without them, and when."""

from typing import Any

import numpy as np
import polars as pl
from matplotlib.figure import Figure

from toylab.read import SEED, Measures, table
from toylab.report import figures as fig
from toylab.report.panels import drawing, legend_below, panels
from toylab.report.series import series

KINDS = {"previous": fig.BLUE, "induction": fig.ORANGE, "other": fig.MUTED}
EVERY = "all previous"
WORDS = {
    "none": "all heads",
    "previous": "no previous-token",
    "induction": "no induction",
    "other": "no other",
    EVERY: "no previous-token (all)",
    "previous only": "previous-token alone",
    "untrained": "untrained",
    "shuffled": "shuffled walk",
    "mixing": "neighbour mix",
}
MASS, CORRELATION = "mass on neighbours", "distance correlation"
CAPTIONS = {
    "heads": "Attention of every head to the previous token (top) and to the token after the last "
    "copy (bottom), on repeated random tokens, by network (the first eight). Digits rank the heads "
    "that are ablated as previous-token and as induction heads.",
    "ablation": "(a) Mass on neighbours other than the previous node, late in the context, on "
    "held-out grids. (b) Correlation of distances between nodes' means with distances on the grid, "
    "at the layer where it is highest unablated. Bars: heads set to zero, mean over the networks "
    "that have learned, and dots for each; diamonds: heads set to their means. In brackets: number "
    "of heads ablated, or all that give half of their attention to the previous token.",
    "grid": "Mean representations of the nodes of one grid in one network: two principal "
    "components, laid over the grid's spectral embedding. Lines are edges, colour is the row; "
    "numbers are distance correlations, mean over grids and the networks that have learned.",
    "causal": "Mass on a far node's neighbours after principal components of the last place's "
    "residual stream are set to those of its mean (solid), or pushed at random as far (dotted). "
    "Dashed: no push. Titles name the fewest components that add 0.2 to a random push. Medians "
    "over networks with 95% intervals.",
    "training": "Mass on neighbours and distance correlation over training, for every network of "
    "each depth and width.",
}


SHOWN = 8  # networks that a page holds side by side


def heads(m: Measures, config: Any) -> Figure:
    """Scores of all heads of the first networks, those of the circuit marked."""
    scores = m["heads"].filter(pl.col("previous").is_finite())
    networks = scores.sort(SEED, "block", "head").partition_by(SEED, maintain_order=True)
    sheet = fig.figure(fig.PAGE, 2.7)
    axes = sheet.subplots(2, min(SHOWN, len(networks)), squeeze=False)
    image: Any = None
    for column, rows in enumerate(networks[:SHOWN]):
        blocks = int(rows["block"].n_unique())
        for ax, score in zip(axes[:, column], ("previous", "induction"), strict=True):
            values = rows[score].to_numpy().reshape(blocks, -1)
            image = ax.imshow(values, cmap=fig.SEQUENTIAL, vmin=0, vmax=1, aspect="auto")
            for row in rows.filter(pl.col("kind") == score).iter_rows(named=True):
                ax.text(row["head"], row["block"], str(row["rank"] + 1), ha="center", va="center",
                        weight="bold", color=fig.INK if row[score] > 0.6 else "white")  # fmt: skip
            ax.set_xticks([])
            labels = [f"block {b + 1}" for b in range(blocks)] if column == 0 else []
            ax.set_yticks(range(blocks) if labels else [], labels)
        axes[0, column].set_title(f"seed {rows[SEED][0]}", size=8)
        axes[1, column].set_xlabel("head")
    axes[0, 0].set_ylabel("previous")
    axes[1, 0].set_ylabel("induction")
    sheet.colorbar(image, ax=axes.ravel().tolist(), label="attention", shrink=0.9)
    count = lambda kind: (scores.filter(kind=kind, rank=0)[kind] > 0.5).sum()
    words = f"Of {len(networks)} networks, {count('previous')} have a head that looks mostly at"
    fig.title(sheet, f"{words} the previous token and {count('induction')} an induction head")
    return sheet


ABLATION = table("ablation", of="main")
NEAR = 0.05  # nats above the counter's loss, at most, as the claims ask
KNOWS = ABLATION.filter(kind="none").mean("excess") <= NEAR


def _learned(rows: pl.DataFrame, m: Measures) -> pl.DataFrame:
    """The rows of networks that have learned."""
    excess = m["ablation"].filter(kind="none").group_by(SEED).agg(pl.col("excess").mean())
    return rows.join(excess.filter(pl.col("excess") <= NEAR), on=SEED, how="semi")


def _values(m: Measures, column: str, kind: str, heads: int, how: str) -> np.ndarray:
    """A number of every network that has learned under a condition, at the chosen layer."""
    rows = ABLATION.filter(kind=kind, heads=heads, ablation=how)
    rows = rows if kind == "mixing" else rows.filter(chosen=True)
    return rows.mean(column).where(KNOWS)(m).values


def ablation(m: Measures, config: Any) -> Figure:
    """Rule mass and distance correlation without heads of each kind, and the controls."""
    cases = [("none", 0, "none")]
    cases += [(kind, n, "zero") for kind in KINDS for n in (1, 2)]
    cases += [(EVERY, 0, "zero")]
    cases += [("previous only", 2, "zero"), ("shuffled", 0, "none"), ("untrained", 0, "none")]
    names = [WORDS[k] + (f" ({n})" if k in KINDS else "") for k, n, _ in cases]
    sheet, axes = panels(2, 3.3)
    means: dict[tuple[str, str], float] = {}
    for ax, column in zip(axes, ("rule", "correlation"), strict=True):
        for y, (kind, count, how) in enumerate(cases):
            values = _values(m, column, kind, count, how)
            if (kind == "shuffled" and column == "rule") or not len(values):
                continue
            means[column, kind] = float(values.mean())
            colour = KINDS.get(kind, fig.GREEN if kind == "none" else fig.SKY)
            ax.barh(y, values.mean(), height=0.62, color=colour, alpha=0.55)
            ax.plot(values, [y] * len(values), ".", color=fig.INK)
            if how == "zero":
                other = _values(m, column, kind, count, "mean")
                ax.plot(other.mean(), y, "D", color=fig.INK, markerfacecolor="none")
        ax.set_yticks(range(len(names)), names if column == "rule" else [])
        ax.invert_yaxis()
    mix = _values(m, "correlation", "mixing", 0, "none").mean()
    axes[1].axvline(mix, color=fig.VERMILLION, ls="--", label=WORDS["mixing"])
    axes[1].legend(loc="lower right", bbox_to_anchor=(0.93, 0.02))
    axes[0].set(xlabel=f"{MASS}, late in the context", xlim=(0, 1))
    axes[1].set_xlabel(f"{CORRELATION}, best layer")
    lost = {k: means["rule", "none"] - means["rule", k] for k in KINDS}
    word = "hardly less than" if lost["other"] > lost["previous"] / 2 else "far less than"
    fig.title(axes[0], f"Two other heads matter {word} two previous-token heads")
    drawn = means["correlation", "none"]
    share = lambda kind: 1 - means["correlation", kind] / drawn
    words = (
        f"Two previous-token heads take {share('previous'):.0%} of the grid, all {share(EVERY):.0%}"
    )
    fig.title(axes[1], words if drawn >= 0.2 else "No grid to lose")
    return sheet


def grid(m: Measures, config: Any) -> Figure:
    """Class means of one network and grid, two components, laid over the spectral embedding."""
    points = m["pictures"]
    edges = points.filter(kind="edge")
    shown = ("none", "mixing", "previous", "induction")
    (sheet, axes), level = panels(len(shown), 2.5), {}
    for ax, kind in zip(axes, shown, strict=True):
        own = points.filter(kind=kind).sort("node")
        x, y = own["x"].to_numpy(), own["y"].to_numpy()
        for i, j in zip(edges["node"], edges["x"].cast(pl.Int64), strict=True):
            ax.plot(x[[i, j]], y[[i, j]], color=fig.MUTED, lw=0.7)
        side = max(1, round(len(x) ** 0.5))
        ax.scatter(x, y, c=np.arange(len(x)) // side, cmap=fig.SEQUENTIAL, s=22, zorder=3)
        ax.set_axis_off()
        ax.set_aspect("equal", adjustable="datalim")
        count, how = (2, "zero") if kind in KINDS else (0, "none")
        level[kind] = _values(m, "correlation", kind, count, how).mean()
        ax.set_title(f"{WORDS[kind]}\ncorrelation {level[kind]:.2f}", size=8)
    shares = (level[kind] / level["none"] for kind in ("previous", "induction"))
    words = "{:.0%} is left without previous-token heads and {:.0%} without induction heads"
    text = f"Of the grid {words.format(*shares)}"
    fig.title(sheet, text if level["none"] >= 0.2 else "Networks draw no grid to lose")
    return sheet


def causal(m: Measures, config: Any) -> Figure:
    """Mass on the target's neighbours by number of components moved."""
    rows = table("causal", of="main")
    if KNOWS(m).values.any():
        rows = rows.then(_learned, with_measures=True)
    moved = rows.filter(pl.col("kind") != "none").rows(m)
    layers, counts = (sorted(moved[c].unique().to_list()) for c in ("layer", "components"))
    still = rows.filter(kind="none").value("mass")(m).values.mean()
    sheet, axes = panels(len(layers), 2.6, sharey=True)
    for ax, layer in zip(axes, layers, strict=True):
        gains = dict.fromkeys(counts, 0.0)
        for kind, line, sign in (("class mean", "-", 1), ("random", ":", -1)):
            x, values = series(moved.filter(layer=layer, kind=kind), "mass", "components")
            label = "to a far node's mean" if kind == "class mean" else "random, as far"
            fig.interval_line(ax, x, values, label, fig.BLUE, linestyle=line, marker="o")
            finite = values[np.isfinite(values).all(1)].mean(0)
            gains = {c: gains[c] + sign * float(finite[i]) for i, c in enumerate(counts)}
        ax.axhline(still, color=fig.INK, lw=0.8, ls="--")
        ax.set(xlabel="components", ylim=(0, 1), xticks=counts)
        enough = [str(c) for c in counts if gains[c] >= 0.2]
        fig.title(ax, f"Block {layer}: {f'{enough[0]} suffice' if enough else 'none suffices'}")
    axes[0].set_ylabel("mass on the far node's neighbours")
    legend_below(sheet, axes[0])
    return sheet


def training(m: Measures, config: Any) -> Figure:
    """Rule mass and distance correlation over training, by depth and width."""
    chosen = table("cells").filter(chosen=True).rows(m)
    depths, widths = (sorted(chosen[c].unique().to_list()) for c in ("depth", "width"))
    sheet = fig.figure(fig.PAGE, 1.1 + 1.35 * len(widths))
    axes = sheet.subplots(len(widths), len(depths), sharex=True, sharey=True, squeeze=False)
    looks = {"rule": (fig.BLUE, MASS), "correlation": (fig.VERMILLION, CORRELATION)}
    for (row, column), ax in np.ndenumerate(axes):
        cell = chosen.filter(depth=depths[column], width=widths[row])
        for name, (colour, label) in looks.items():
            x, values = series(cell, name)
            ax.plot(x, values.T, color=colour, lw=1.1)
            ax.plot([], [], color=colour, label=label)
        plural = "" if depths[column] == 1 else "s"
        ax.set_title(f"{depths[column]} layer{plural}, width {widths[row]}", size=8)
        ax.axhline(0, color=fig.MUTED, lw=0.6)
        ax.set_ylim(-0.25, 1)
        ax.set_xlabel("training step" if row == len(widths) - 1 else "")
    sheet.legend(*axes[0, 0].get_legend_handles_labels(), loc="outside lower center", ncols=2)
    ends = table("cells").filter(chosen=True).last()
    one = ends.filter(depth=1).value("rule")(m).values
    word = "no network of one layer" if len(one) and one.max() < 0.35 else "some of one layer"
    fig.title(sheet, f"Accuracy comes with depth: {word} passes 0.35")
    return sheet


def draw(measures: Measures, config: Any) -> dict[str, Figure]:
    """Draw every figure that has networks to show: finite ones, or ones that have learned."""
    shown = [heads, ablation, grid, causal, training]
    if not measures["heads"]["previous"].is_finite().any():
        shown = [training]
    elif not KNOWS(measures).values.any():
        shown = [heads, causal, training]
    return drawing(*shown)(measures, config)
