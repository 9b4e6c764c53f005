"""Figures of the study ``graph_tracing_prior``: which plane carries which ring."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import polars as pl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from toylab.report import figures as fig
from toylab.studies.in_context.graph_tracing_prior import numbers

RINGS = {"calendar": fig.BLUE, "context": fig.VERMILLION, "other": fig.MUTED}
NETWORKS = ("reserved", "shared", "no calendar")
SOURCES = {"network": 1.0, "mixing": 0.55, "untrained": 0.25}
CHANCE = {"first": 1 / 3, "second": 1 / 2}  # of overlaps; 3 and 4: beside one ring's plane
DAYS = ("Mo", "Tu", "We", "Th", "Fr", "Sa", "Su")
WORDS = {
    "first_calendar": "1, 2 on calendar",
    "second_context": "3, 4 on walked",
    "first_context": "1, 2 on walked",
}


def draw(measures: Mapping[str, Any], config: Any) -> dict[str, Figure]:
    """Draw every figure of the study, of the members that did not die in training."""
    living = {name: table.drop_nans() for name, table in measures.items()}
    return {
        "strip": strip(living),
        "overlaps": overlaps(living),
        "shares": shares(living),
        "mass": mass(living),
    }


def strip(m: Mapping[str, Any]) -> Figure:
    """Class means of one network over the context, with both rings drawn."""
    table = m["points"].filter((pl.col("tokens") == "calendar") & (pl.col("stride") == 2))
    windows = table["window"].unique().sort().to_list()
    chosen = [windows[i] for i in sorted({0, len(windows) // 3, len(windows) - 1})]
    shown = ("reserved", "shared")
    sheet = fig.figure(fig.PAGE, 4.3)
    axes = sheet.subplots(2, 2 * len(chosen))
    for block, network in enumerate(shown):
        layer = numbers.best_layer(m, network)
        own = table.filter((pl.col("network") == network) & (pl.col("layer") == layer))
        for i, window in enumerate(chosen):
            rows = own.filter(pl.col("window") == window).sort("day")
            for row, pair in enumerate((("pc1", "pc2"), ("pc3", "pc4"))):
                ax = axes[row, block * len(chosen) + i]
                _rings(ax, rows[pair[0]].to_numpy(), rows[pair[1]].to_numpy(), 2)
                part = rows[("explained_first", "explained_second")[row]][0]
                head = f"{network}, round {window + 1}" if row == 0 else "same"
                ax.set_title(f"{head}\n{part:.0%} of variance", size=7)
        axes[0, 0].set_ylabel("components 1, 2")
        axes[1, 0].set_ylabel("components 3, 4")
    for ring, label in (("calendar", "calendar"), ("context", "walked ring")):
        axes[0, 0].plot([], [], color=RINGS[ring], label=label)
    sheet.legend(*axes[0, 0].get_legend_handles_labels(), loc="outside lower center", ncols=2)
    first = {n: numbers.at_best("first_calendar", n)(m).mean() for n in shown}
    second = {n: numbers.at_best("second_context", n)(m).mean() for n in shown}
    fig.title(
        sheet,
        "Overlap of components 1, 2 with the calendar (chance 0.33) and of 3, 4 with the walked "
        "ring (0.50), mean over seeds and rings: reserved days "
        f"{first['reserved']:.2f}, {second['reserved']:.2f}; shared {first['shared']:.2f}, "
        f"{second['shared']:.2f}. Drawn: one seed, ring of stride 2",
    )
    return sheet


def _rings(ax: Axes, x: np.ndarray, y: np.ndarray, stride: int) -> None:
    """Days as points, the calendar's edges and the walked ring's as lines."""
    count = len(x)
    for day in range(count):
        for step, ring, width in ((1, "calendar", 1.3), (stride, "context", 0.8)):
            to = (day + step) % count
            ax.plot(x[[day, to]], y[[day, to]], color=RINGS[ring], lw=width, zorder=1)
    ax.scatter(x, y, s=10, color=fig.INK, zorder=3)
    for day in range(count):
        ax.annotate(DAYS[day % 7], (x[day], y[day]), size=5.5, xytext=(2, 2),
                    textcoords="offset points")  # fmt: skip
    ax.set_xticks([])
    ax.set_yticks([])
    ax.set_aspect("equal", adjustable="datalim")


def overlaps(m: Mapping[str, Any]) -> Figure:
    """Overlaps of components with each ring's plane, for networks and their controls."""
    sheet = fig.figure(fig.PAGE, 2.8)
    axes = sheet.subplots(1, 2, sharey=True)
    for ax, part, word in zip(axes, ("first", "second"), ("1 and 2", "3 and 4"), strict=True):
        for i, network in enumerate(NETWORKS):
            layer = numbers.best_layer(m, network)
            for j, (source, alpha) in enumerate(SOURCES.items()):
                rows = numbers.late(m, network, source)
                rows = rows.filter(pl.col("layer") == (0 if source == "mixing" else layer))
                for k, (ring, colour) in enumerate(RINGS.items()):
                    at = 4.2 * i + 1.25 * j + 0.36 * k
                    seeds = rows.group_by("init_seed").agg(pl.col(f"{part}_{ring}").mean())
                    values = seeds[f"{part}_{ring}"].to_numpy()
                    ax.bar(at, values.mean(), 0.34, color=colour, alpha=alpha)
                    ax.plot([at] * len(values), values, ".", color=fig.INK, markersize=2)
        places = [4.2 * i + 1.25 * j + 0.36 for i in range(3) for j in range(3)]
        short = {"network": "net", "mixing": "mix", "untrained": "init"}
        names = [
            f"{short[s]}\n{n}" if s == "mixing" else short[s] for n in NETWORKS for s in SOURCES
        ]
        ax.set_xticks(places, names, fontsize=7)
        ax.axhline(CHANCE[part], color=fig.INK, ls=":", lw=0.9)
        means = {r: numbers.at_best(f"{part}_{r}", "shared")(m).mean() for r in RINGS}
        fig.title(
            ax,
            f"Components {word}, days shared: calendar {means['calendar']:.2f}, walked ring "
            f"{means['context']:.2f}, neither {means['other']:.2f}",
        )
    axes[0].set_ylabel("overlap with the ring's plane")
    axes[0].set_xlabel(
        "net: trained; mix: neighbour mix of embeddings;\ninit: untrained", fontsize=7
    )
    axes[1].set_xlabel(
        "layer: most 1, 2 on calendar + 3, 4 on walked;\nno calendar: most 1, 2 on walked",
        fontsize=7,
    )
    axes[0].set_ylim(0, 1.02)
    words = {"calendar": "calendar", "context": "walked ring", "other": "ring nobody walks"}
    for ring, colour in RINGS.items():
        axes[0].bar(np.nan, 0, color=colour, label=words[ring])
    axes[0].plot([], [], ":", color=fig.INK, lw=0.9, label="chance (of 3, 4: beside one ring)")
    sheet.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=4)
    return sheet


def shares(m: Mapping[str, Any]) -> Figure:
    """Share of the variance in each ring's plane, round by round, at the layer of ``overlaps``."""
    sheet = fig.figure(fig.PAGE, 2.5)
    axes = sheet.subplots(1, len(NETWORKS), sharey=True)
    for ax, network in zip(axes, NETWORKS, strict=True):
        layer = numbers.best_layer(m, network)
        table = m["planes"].filter(
            (pl.col("network") == network)
            & (pl.col("source") == "network")
            & (pl.col("tokens") == "calendar")
            & (pl.col("layer") == layer)
        )
        ends = {}
        for ring, colour in RINGS.items():
            wide = table.group_by("init_seed", "window").agg(pl.col(f"share_{ring}").mean())
            wide = wide.sort("window").pivot("window", index="init_seed", values=f"share_{ring}")
            rounds = [int(c) + 1 for c in wide.columns[1:]]
            values = wide.drop("init_seed").to_numpy()
            label = {"context": "walked ring", "other": "neither"}.get(ring, ring)
            fig.interval_line(ax, rounds, values, label, colour, marker="o", markersize=3)
            ends[ring] = values[:, -1].mean()
        ax.axhline(1 / 3, color=fig.INK, ls=":", lw=0.9)
        rule = " + ".join(WORDS[c] for c in numbers.RULES.get(network, numbers.RULE))
        ax.set_xlabel(f"round of the walk\n(block: most {rule})", fontsize=6.5)
        fig.title(
            ax,
            f"{network.capitalize()}, block {layer}: calendar {ends['calendar']:.0%}, walked "
            f"{ends['context']:.0%}",
        )
    axes[0].set_ylabel("share of variance")
    axes[0].set_ylim(0, 1)
    axes[-1].legend(fontsize=7)
    return sheet


def mass(m: Mapping[str, Any]) -> Figure:
    """Mass on the next day of the walked ring and on the calendar's neighbours, by place."""
    sheet = fig.figure(fig.PAGE, 2.5)
    axes = sheet.subplots(1, len(NETWORKS), sharey=True)
    words = {
        "context": "walked ring's next",
        "calendar": "calendar's two",
        "other": "other ring's two",
    }
    for ax, network in zip(axes, NETWORKS, strict=True):
        rows = m["mass"].filter((pl.col("network") == network) & (pl.col("walked") == "context"))
        ends = {}
        for ring, word in words.items():
            mine = rows.filter((pl.col("tokens") == "calendar") & (pl.col("place") > 0))
            wide = mine.group_by("init_seed", "place").agg(pl.col(ring).mean()).sort("place")
            wide = wide.pivot("place", index="init_seed", values=ring)
            places = [int(c) for c in wide.columns[1:]]
            values = wide.drop("init_seed").to_numpy()
            fig.interval_line(ax, places, values, word, RINGS[ring])
            ends[ring] = values[:, -len(places) // 4 :].mean()
        plain = rows.filter((pl.col("tokens") == "plain") & (pl.col("place") > 0))
        mean = plain.group_by("place").agg(pl.col("context").mean()).sort("place")
        ax.plot(
            mean["place"], mean["context"], ":", color=fig.INK, lw=1, label="same, other tokens"
        )
        ax.set_xlabel("place in the context")
        fig.title(
            ax,
            f"{network.capitalize()}: late {ends['context']:.2f} on the walked ring, "
            f"{ends['calendar']:.2f} on the calendar",
        )
    axes[0].set_ylabel("probability mass")
    axes[0].set_ylim(0, 1.02)
    axes[-1].legend(fontsize=6.5)
    return sheet
