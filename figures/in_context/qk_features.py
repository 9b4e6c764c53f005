"""Figures of the study ``qk_features``: ranks, blocks of G, and what swaps move."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import polars as pl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from toylab.report import figures as fig

ARMS = {
    "main": "head of {head_dim}",
    "small": "head of {small_dim}",
    "normal": "normal latents",
    "untrained": "untrained",
    "small untrained": "untrained {small_dim}",
}
COLOURS = (fig.BLUE, fig.ORANGE, fig.GREEN, fig.MUTED, fig.VERMILLION)
CONDITIONS = (
    "none",
    "z1",
    "z2",
    "z1 + z2",
    "key PCs",
    "random r1",
    "random r2",
    "random r1 + r2",
)


def draw(measures: Mapping[str, Any], config: Any) -> dict[str, Figure]:
    """Draw every figure of the study."""
    return {
        "ranks": ranks(measures, config),
        "values": values(measures, config),
        "swaps": swaps(measures, config),
        "blocks": blocks(measures, config),
    }


def _of(table: pl.DataFrame, arm: str, feature: str) -> pl.DataFrame:
    return table.filter((pl.col("arm") == arm) & (pl.col("feature") == feature))


def _grid(rows: pl.DataFrame, value: str, config: Any) -> np.ndarray:
    """Mean over seeds for each r1 (row) and r2 (column)."""
    cell = lambda a, b: rows.filter((pl.col("r1") == a) & (pl.col("r2") == b))[value].to_numpy()
    return np.array([[cell(a, b).mean() for b in config.ranks] for a in config.ranks])


def ranks(measures: Mapping[str, Any], config: Any) -> Figure:
    """Found ranks of both features, coloured by how many are missing."""
    sheet = fig.figure(fig.PAGE, 3.6)
    axes = sheet.subplots(2, len(ARMS), sharex=True, sharey=True)
    image = None
    for column, (arm, label) in enumerate(ARMS.items()):
        exact = []
        for ax, feature in zip(axes[:, column], ("z1", "z2"), strict=True):
            rows = _of(measures["features"], arm, feature)
            rank, true = (_grid(rows, name, config) for name in ("rank", "true"))
            image = ax.imshow(true - rank, vmin=-3, vmax=3, cmap=fig.DIVERGING)
            for i, j in np.ndindex(rank.shape):
                dark = abs(true[i, j] - rank[i, j]) > 2
                ax.text(j, i, f"{rank[i, j]:.1f}", ha="center", va="center", fontsize=7.5,
                        color="white" if dark else fig.INK)  # fmt: skip
            exact += (rows["rank"] == rows["true"]).to_list()
        name = label.format(head_dim=config.head_dim, small_dim=config.small_dim)
        fig.title(axes[0, column], f"{name.capitalize()}: {np.mean(exact):.0%} exact")
        axes[1, column].set_xlabel("$r_2$")
    places = range(len(config.ranks))
    for row, feature in enumerate(("z_1", "z_2")):
        axes[row, 0].set_ylabel(f"rank found for ${feature}$\n$r_1$")
        axes[row, 0].set_yticks(places, [str(r) for r in config.ranks])
    axes[1, 0].set_xticks(places, [str(r) for r in config.ranks])
    if image is not None:
        sheet.colorbar(image, ax=axes, label="latents less rank found", shrink=0.7)
    return sheet


def values(measures: Mapping[str, Any], config: Any) -> Figure:
    """Singular values of one feature's contrast, and overlaps with the true subspace."""
    sheet = fig.figure(fig.PAGE, 2.7)
    left, right = sheet.subplots(1, 2, width_ratios=[1.1, 1])
    middle = config.ranks[min(1, len(config.ranks) - 1)]
    cells = (pl.col("r1") == middle) & (pl.col("r2") == middle)
    looks = dict(zip(ARMS, COLOURS, strict=True))
    name = {a: t.format(head_dim=config.head_dim, small_dim=config.small_dim)
            for a, t in ARMS.items()}  # fmt: skip
    for arm, colour in looks.items():
        found = _of(measures["features"], arm, "z1").filter(cells)["values"].to_numpy()
        value_PK = np.stack(list(found))[:, : config.small_dim]
        place = np.arange(1, value_PK.shape[1] + 1)
        left.plot(place, value_PK.mean(0), "o-", color=colour, label=name[arm])
        left.fill_between(place, value_PK.min(0), value_PK.max(0), color=colour, alpha=0.15, lw=0)
    left.axvline(middle + 0.5, color=fig.INK, ls=":", lw=0.8)
    left.set_xlabel("singular value")
    left.set_ylabel("relative to the first")
    left.legend()
    fig.title(left, f"Contrast of z1 where r1 = r2 = {middle} (dotted)")
    for i, arm in enumerate(ARMS):
        rows = measures["features"].filter((pl.col("arm") == arm) & (pl.col("feature") != "both"))
        per_seed = rows.group_by("init_seed").agg(
            pl.col("key_overlap", "query_overlap", "chance").mean()
        )
        for j, (column, colour) in enumerate(
            (("key_overlap", fig.BLUE), ("query_overlap", fig.ORANGE), ("chance", fig.MUTED))
        ):
            label = column.replace("_overlap", "s").replace("querys", "queries") if i == 0 else None
            right.bar(i + 0.27 * (j - 1), per_seed[column].mean(), 0.25, color=colour, label=label)
            right.plot([i + 0.27 * (j - 1)] * len(per_seed), per_seed[column], "_", color=fig.INK)
    right.set_xticks(range(len(ARMS)), [n.replace(" ", "\n", 1) for n in name.values()])
    right.set_ylim(0, 1.25)
    right.set_ylabel("overlap with the true subspace")
    right.legend(ncols=3, loc="upper center")
    single = measures["features"].filter(pl.col("feature") != "both")
    main, before = (single.filter(pl.col("arm") == a) for a in ("main", "untrained"))
    overlap, untrained = main["key_overlap"].mean(), before["key_overlap"].mean()
    fig.title(
        right, f"Keys: {overlap:.2f}, untrained {untrained:.2f}, chance {main['chance'].mean():.2f}"
    )
    return sheet


def swaps(measures: Mapping[str, Any], config: Any) -> Figure:
    """Attention on the asked and the target token after each swap."""
    sheet = fig.figure(fig.PAGE, 2.8)
    left, right = sheet.subplots(1, 2, width_ratios=[1.5, 1])
    table, before = (measures["swaps"].filter(pl.col("arm") == a) for a in ("main", "untrained"))
    r1, r2 = config.ranks[0], config.ranks[min(1, len(config.ranks) - 1)]
    pair, control = (t.filter((pl.col("r1") == r1) & (pl.col("r2") == r2)) for t in (table, before))
    for j, (column, colour, label) in enumerate(
        (("on_asked", fig.BLUE, "asked token"), ("on_target", fig.ORANGE, "swapped token"))
    ):
        for i, condition in enumerate(CONDITIONS):
            seen = pair.filter(pl.col("condition") == condition)[column].to_numpy()
            x = i + 0.38 * (j - 0.5)
            left.bar(x, seen.mean(), 0.36, color=colour, label=label if i == 0 else None)
            left.plot([x] * len(seen), seen, "_", color=fig.INK, markersize=5)
            seen = control.filter(pl.col("condition") == condition)[column].to_numpy()
            told = "untrained" if i == j == 0 else None
            left.plot(x, seen.mean(), "D", color=fig.MUTED, mec=fig.INK, ms=3.5, label=told)
    left.set_xticks(range(len(CONDITIONS)), CONDITIONS, rotation=35, ha="right")
    left.set_ylabel("attention after the swap")
    left.set_ylim(0, 1.2)
    left.legend(ncols=3, loc="upper center")
    moved = {c: pair.filter(pl.col("condition") == c)["moved"].mean() for c in CONDITIONS}
    fig.title(
        left,
        f"$r_1, r_2$ = {r1}, {r2}: both subspaces move {moved['z1 + z2']:.0%}, "
        f"random ones {moved['random r1 + r2']:.0%}",
    )
    _by_size(right, table, before, config)
    return sheet


def _by_size(ax: Axes, table: pl.DataFrame, before: pl.DataFrame, config: Any) -> None:
    looks = {
        "z1 + z2": (fig.BLUE, "o"),
        "key PCs": (fig.ORANGE, "x"),
        "random r1 + r2": (fig.MUTED, "^"),
    }
    size = (pl.col("r1") + pl.col("r2")).alias("size")
    for condition, (colour, marker) in looks.items():
        rows = table.filter(pl.col("condition") == condition).with_columns(size)
        mean = rows.group_by("size").agg(pl.col("moved").mean()).sort("size")
        ax.plot(rows["size"], rows["moved"], marker, color=colour, alpha=0.3, markersize=2.5)
        size_pt = 7 if marker == "o" else 4
        line = {"color": colour, "label": condition, "markersize": size_pt}
        ax.plot(mean["size"], mean["moved"], f"{marker}-", **line)
    both = before.filter(pl.col("condition") == "z1 + z2").with_columns(size)
    mean = both.group_by("size").agg(pl.col("moved").mean()).sort("size")
    ax.plot(mean["size"], mean["moved"], "D:", color=fig.INK, ms=3, label="z1 + z2, untrained")
    ax.axvline(config.head_dim, color=fig.INK, ls=":", lw=0.8)
    ax.set_xlabel("$r_1 + r_2$ (dotted: head)")
    ax.set_ylabel("share of attention moved")
    ax.set_ylim(0, None)
    ax.legend(loc="lower right")
    worst = table.filter(pl.col("condition") == "z1 + z2")["moved"].min()
    fig.title(ax, f"Both: {worst:.0%} or more; untrained {both['moved'].min():.0%} or more")


def blocks(measures: Mapping[str, Any], config: Any) -> Figure:
    """G of one seed's heads: trained, untrained, and too small."""
    sheet = fig.figure(fig.PAGE, 2.4)
    axes = sheet.subplots(1, 3)
    r1, r2 = config.ranks[0], config.ranks[min(1, len(config.ranks) - 1)]
    most = max(config.ranks)
    shown = (("main", r1, r2), ("untrained", r1, r2), ("small", most, most))
    for ax, (arm, a, b), padded in zip(axes, shown, np.asarray(measures["blocks"]), strict=True):
        matrix = padded[: a + b, : a + b]
        top = np.nanmax(np.abs(matrix))
        image = ax.imshow(matrix, vmin=-top, vmax=top, cmap=fig.DIVERGING)
        ax.axhline(a - 0.5, color=fig.INK, lw=0.8)
        ax.axvline(a - 0.5, color=fig.INK, lw=0.8)
        rows = measures["networks"].filter(
            (pl.col("arm") == arm) & (pl.col("r1") == a) & (pl.col("r2") == b),
            pl.col("init_seed") == 0,
        )
        name = ARMS[arm].format(head_dim=config.head_dim, small_dim=config.small_dim)
        fig.title(ax, f"{name.capitalize()}, {a} + {b}: leak {rows['leak'].mean():.2f}")
        ax.set_xticks([])
        ax.set_yticks([])
        ax.set_xlabel("latents of keys")
        ax.figure.colorbar(image, ax=ax, shrink=0.75)
    axes[0].set_ylabel("latents of queries")
    return sheet
