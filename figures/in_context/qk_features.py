"""Figures of the study ``qk_features``: ranks, spectra, blocks of G, and what swaps move."""

from typing import Any

import numpy as np
import polars as pl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from toylab.read import Measures, Rows, table
from toylab.report import figures as fig
from toylab.report.averages import average
from toylab.report.marks import bars
from toylab.report.panels import drawing, panels

ARMS = {
    "main": ("wide", fig.BLUE),
    "untrained": ("wide init", fig.SKY),
    "normal": ("normal", fig.GREEN),
    "normal untrained": ("normal init", fig.MUTED),
    "small": ("small", fig.VERMILLION),
    "small untrained": ("small init", fig.ORANGE),
}
CONDITIONS = {
    "none": "none",
    "z1": "first latent's",
    "z2": "second latent's",
    "z1 + z2": "both latents'",
    "key PCs": "key PCs",
    "random r1": "random $r_1$",
    "random r2": "random $r_2$",
    "random r1 + r2": "random $r_1 + r_2$",
}
CAPTIONS = {
    "ranks": "Rank of the contrastive covariance at 99% of its energy, mean over seeds, for each "
    "number of latents r1 (rows) and r2 (columns); upper row for the first latent, lower row for "
    "the second. Colour: latents minus rank found. In titles, the share of cases in which the rank "
    "is exact, for wide heads, for wide heads on normal latents, and for small heads of half the "
    "dimensions; init: untrained.",
    "swaps": "Two keys exchange their parts in a subspace: that of one latent or of both, as many "
    "principal components of the keys (PCs), or a random one. (a) Attention on the token that was "
    "asked for and on the other one afterwards; bars are means, ticks seeds, diamonds untrained "
    "heads. (b) Attention on the other token by the number of latents; dotted, the head's "
    "dimensions.",
    "blocks": "(a) Singular values of the first latent's contrast where it has as many signs as "
    "the dotted line says; lines are means over seeds, bands their range. (b to d) How each latent "
    "of the query (rows) meets each of the key (columns) in one seed, each on its own scale; "
    "lines part the two latents. Leak: norm outside the two diagonal blocks over that inside.",
}


EXACT = (pl.col("rank") == pl.col("true")).cast(pl.Float64)


def _single(arm: str) -> Rows:
    return table("features").filter(pl.col("feature") != "both", arm=arm)


def ranks(measures: Measures, config: Any) -> Figure:
    """Found ranks of both features, coloured by how many are missing."""
    sheet = fig.figure(fig.PAGE, 3.3)
    axes = sheet.subplots(2, len(ARMS), sharex=True, sharey=True)
    share = {}
    for column, arm in enumerate(ARMS):
        for ax, feature in zip(axes[:, column], ("z1", "z2"), strict=True):
            rows = _single(arm).filter(feature=feature).rows(measures)
            rank, true = (_grid(rows, name) for name in ("rank", "true"))
            image = ax.imshow(true - rank, vmin=-3, vmax=3, cmap=fig.DIVERGING)
            for i, j in np.ndindex(rank.shape):
                look = {"ha": "center", "va": "center", "fontsize": 7.5}
                look["color"] = "white" if abs(true[i, j] - rank[i, j]) > 1.4 else fig.INK
                ax.text(j, i, f"{rank[i, j]:.1f}", **look)
        share[arm] = average(_single(arm).mean(EXACT), measures)
        fig.title(axes[0, column], f"{ARMS[arm][0].capitalize()}: {share[arm]:.0%}")
        axes[1, column].set_xlabel("$r_2$")
    for ax, feature in zip(axes[:, 0], ("z_1", "z_2"), strict=True):
        ax.set_ylabel(f"rank of ${feature}$\n$r_1$")
    places = range(len(config.ranks))  # of all panels, which share them
    ax.set(xticks=places, yticks=places, xticklabels=config.ranks, yticklabels=config.ranks)
    words = "Ranks are exact in {main:.0%} of cases in trained heads, {untrained:.0%} in untrained"
    fig.title(sheet, words.format(**share))
    sheet.colorbar(image, ax=axes, label="latents minus rank found", shrink=0.7)
    return sheet


def _grid(rows: pl.DataFrame, value: str) -> np.ndarray:
    """Mean over seeds for each r1 (row) and r2 (column)."""
    rows = rows.sort("r1", "r2")
    wide = rows.pivot("r2", index="r1", values=value, aggregate_function="mean")
    return wide.drop("r1").to_numpy()


def swaps(measures: Measures, config: Any) -> Figure:
    """Attention on the asked and the other token after each swap."""
    sheet, (left, right) = panels(2, 3.0, width_ratios=[1.5, 1])
    r1, r2 = config.ranks[0], config.ranks[:2][-1]
    of = lambda arm, condition, column: (
        table("swaps").filter(arm=arm, condition=condition, r1=r1, r2=r2).value(column)
    )
    cells = (
        ("asked token", fig.BLUE, lambda condition: of("main", condition, "on_asked")),
        ("other token", fig.ORANGE, lambda condition: of("main", condition, "on_target")),
    )
    bars(left, measures, [*CONDITIONS], cells)
    for j, column in enumerate(("on_asked", "on_target")):
        before = [average(of("untrained", c, column), measures) for c in CONDITIONS]
        x, name = np.arange(len(CONDITIONS)) + 0.4 * (j - 0.5), None if j else "untrained"
        left.plot(x, before, "D", color=fig.MUTED, mec=fig.INK, ms=3.5, label=name)
    left.set_xticks(range(len(CONDITIONS)), list(CONDITIONS.values()), rotation=35, ha="right")
    left.set(ylabel="attention after the swap", ylim=(0, 1.2))
    left.set_xlabel(f"subspace that is swapped, $r_1, r_2$ = {r1}, {r2}")
    left.legend(ncols=3, loc="upper center")
    both, pcs = (average(of("main", c, "on_target"), measures) for c in ("z1 + z2", "key PCs"))
    words = "The other token gets {:.2f} by both latents' subspaces, {:.2f} by key PCs"
    fig.title(left, words.format(both, pcs))
    _by_size(right, measures, config)
    return sheet


def _by_size(ax: Axes, measures: Measures, config: Any) -> None:
    looks = (
        ("main", "z1 + z2", "both latents'", fig.BLUE, "o-", 7),
        ("main", "key PCs", "key PCs", fig.ORANGE, "x-", 4),
        ("main", "random r1 + r2", "random", fig.MUTED, "^-", 4),
        ("untrained", "z1 + z2", "both, untrained", fig.INK, "D:", 3),
    )
    for arm, condition, name, colour, marker, size in looks:
        rows = table("swaps").filter(arm=arm, condition=condition).rows(measures)
        rows = rows.with_columns(size=pl.col("r1") + pl.col("r2"))
        mean = rows.group_by("size").agg(pl.col("on_target").mean()).sort("size")
        ax.plot(mean["size"], mean["on_target"], marker, color=colour, label=name, markersize=size)
    ax.axvline(config.head_dim, color=fig.INK, ls=":", lw=0.8)
    ax.set(xlabel="$r_1 + r_2$", ylabel="attention on the other token", ylim=(0, 1.45))
    ax.set_yticks(np.linspace(0, 1, 6))
    ax.legend(loc="upper center", ncols=2)
    fig.title(ax, "Random subspaces move more as they grow")


def blocks(measures: Measures, config: Any) -> Figure:
    """Singular values of one feature's contrast, and G of one seed's heads."""
    sheet, (left, *axes) = panels(4, 2.7, width_ratios=[1.3, 1, 1, 1])
    _spectra(left, measures, config)
    pair, most = (config.ranks[0], config.ranks[:2][-1]), max(config.ranks)
    shown = (("main", *pair), ("untrained", *pair), ("small", most, most))
    for ax, (arm, a, b), padded in zip(axes, shown, np.asarray(measures["blocks"]), strict=True):
        matrix = padded[: a + b, : a + b]
        top = np.nanmax(np.abs(matrix)) if np.isfinite(matrix).any() else 1
        ax.imshow(matrix, vmin=-top, vmax=top, cmap=fig.DIVERGING)
        ax.axhline(a - 0.5, color=fig.INK, lw=0.8)
        ax.axvline(a - 0.5, color=fig.INK, lw=0.8)
        one = table("networks").filter(arm=arm, r1=a, r2=b, init_seed=0).value("leak")
        fig.title(ax, f"{ARMS[arm][0].capitalize()}: leak {average(one, measures):.2f}")
        ax.set(xticks=[], yticks=[], xlabel=f"{a} + {b} latents of keys")
    axes[0].set_ylabel("latents of queries")
    sheet.legend(*left.get_legend_handles_labels(), loc="outside lower center", ncols=3)
    return sheet


def _spectra(ax: Axes, measures: Measures, config: Any) -> None:
    middle = config.ranks[:2][-1]
    for arm, (name, colour) in ARMS.items():
        rows = table("features").filter(arm=arm, feature="z1", r1=middle, r2=middle).rows(measures)
        found = rows["values"].drop_nulls().to_list()
        if found:
            value_PK = np.array(found)[:, : config.small_dim]
            rank = np.arange(1, value_PK.shape[1] + 1)
            ax.plot(rank, value_PK.mean(0), "o-", color=colour, label=name, markersize=3)
            band = {"color": colour, "alpha": 0.15, "lw": 0}
            ax.fill_between(rank, value_PK.min(0), value_PK.max(0), **band)
    ax.axvline(middle + 0.5, color=fig.INK, ls=":", lw=0.8)
    ax.set(xlabel="singular value", ylabel="relative to the first")
    fig.title(ax, "Spectra end at the latent's rank")


draw = drawing(ranks, swaps, blocks)
