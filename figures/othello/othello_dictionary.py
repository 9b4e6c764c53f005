"""Figures of the study ``othello_dictionary``: scores beside controls, rules, ablated patterns."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import polars as pl
from matplotlib.figure import Figure

from toylab.analysis.dictionary.choice import VALIDATION, best_setting
from toylab.analysis.dictionary.rule_trees import RULE_LIKE
from toylab.report import figures as fig
from toylab.tasks.othello.othello_rules import STEPS

from . import boards

NAMES = {
    "probe": "linear probe",
    "topk": "TopK dictionary",
    "l1": "L1 dictionary",
    "neurons": "MLP neurons",
    "probe, untrained": "linear probe, untrained network",
    "untrained": "TopK dictionary, untrained network",
    "neurons, untrained": "MLP neurons, untrained network",
    "random": "random directions",
    "moves": "moves so far",
    "always": "a feature that always fires",
}
FOUND = ("probe", "topk", "l1", "neurons")  # the others are controls
MEASURES = {"coverage": "coverage", "reconstruction": "reconstruction"}


def draw(measures: Mapping[str, Any], config: Any) -> dict[str, Figure]:
    """Draw every figure of the study."""
    return {
        "scores": scores(measures["scores"], config),
        "sparsity": sparsity(measures["scores"]),
        "rules": rules(measures),
        "patterns": patterns(measures["patterns"], config),
    }


def _values(table: pl.DataFrame, name: str, column: str, unit: str) -> np.ndarray:
    rows = best_setting(table.filter(name=name), column)
    rows = rows.group_by(unit).agg(pl.col(column).mean()).sort(unit)
    return rows[column].to_numpy()


def scores(table: pl.DataFrame, config: Any) -> Figure:
    """Coverage and reconstruction of everything that was scored, on both boards."""
    sheet = fig.figure(fig.PAGE, 4.6)
    axes = sheet.subplots(2, 2, sharey=True)
    units = {"main": ("group", f"{config.size}x{config.size}"), "small": ("init_seed", "4x4")}
    for row, (network, (unit, label)) in enumerate(units.items()):
        part = table.filter(pl.col("network") == network)
        for ax, (column, title) in zip(axes[row], MEASURES.items(), strict=True):
            for i, name in enumerate(NAMES):
                colour = fig.BLUE if name in FOUND else fig.MUTED
                for shift, suffix, look in ((-0.14, "", "D"), (0.14, "_all", "o")):
                    values = _values(part, name, column + suffix, unit)
                    if name == "always" and column == "reconstruction":
                        continue
                    face = colour if not suffix else "white"
                    style = {"color": colour, "markerfacecolor": face, "markersize": 3.5}
                    place = i + shift + np.linspace(-0.1, 0.1, len(values))
                    ax.plot(values, place, linestyle="", marker=look, markeredgewidth=0.8, **style)
            ax.set_xlim(0, 1.02)
            ax.grid(axis="x")
            fig.title(ax, _finding(part, column, title, label, unit))
        axes[row, 0].set_yticks(range(len(NAMES)), list(NAMES.values()))
    axes[0, 0].invert_yaxis()
    axes[1, 0].set_xlabel("mean best F1 of a single feature")
    axes[1, 1].set_xlabel("F1 of the board told by precise features")
    marks = "filled: mine and theirs; open: with empty squares; each mark is"
    sheet.supxlabel(f"{marks} a group of games (top), a seed (bottom)", fontsize=7.5)
    return sheet


def _finding(part: pl.DataFrame, column: str, title: str, label: str, unit: str) -> str:
    mean = lambda name: float(np.mean(_values(part, name, column, unit)))
    kind = max(("topk", "l1"), key=mean)
    best = "always" if column == "coverage" else "untrained"
    other = {"always": "always firing", "untrained": "untrained"}[best]
    return (
        f"{label}, {title}: {'TopK' if kind == 'topk' else 'L1'} {mean(kind):.2f}, neurons "
        f"{mean('neurons'):.2f}, {other} {mean(best):.2f}"
    )


def sparsity(table: pl.DataFrame) -> Figure:
    """Every setting of the dictionaries of the large network: scores against code length."""
    sheet = fig.figure(fig.PAGE, 2.6)
    axes = sheet.subplots(1, 3)
    rows = table.filter((pl.col("network") == "main") & pl.col("l0").is_not_null())
    rows = rows.filter(pl.col("group") != VALIDATION)
    looks = {
        "topk": (fig.BLUE, "D"),
        "l1": (fig.ORANGE, "s"),
        "untrained": (fig.MUTED, "o"),
        "random": (fig.MUTED, "x"),
    }
    shown = ("coverage", "reconstruction", "explained")
    columns = pl.col(*shown, "l0", "dead").mean()
    means = rows.group_by("name", "setting").agg(columns).sort("l0")
    for ax, column in zip(axes, shown, strict=True):
        for name, (colour, marker) in looks.items():
            part = means.filter(pl.col("name") == name)
            style = {"color": colour, "marker": marker, "label": NAMES[name]}
            ax.plot(part["l0"].to_numpy(), part[column].to_numpy(), **style)
        lengths = means["l0"].to_numpy()
        ax.set_xscale("log")
        ticks = [
            t for t in (1, 2, 5, 10, 20, 30, 50, 100, 200) if lengths.min() <= t <= lengths.max()
        ]
        ax.set_xticks(ticks, [str(t) for t in ticks])
        ax.set_xticks([], minor=True)
        ax.set_xlabel("active features (L0)")
    axes[0].set_ylabel("mean best F1")
    axes[1].set_ylabel("F1 of the board")
    axes[2].set_ylabel("variance explained")
    for ax in axes:
        ax.set_ylim(min(0.0, ax.get_ylim()[0]), 1.02)
    axes[0].legend(fontsize=6, loc="upper left")
    dead = means.filter(pl.col("name").is_in(["topk", "l1"]))["dead"].max()
    fig.title(sheet, f"Dictionaries by length of code; at most {dead:.0%} of features dead")
    return sheet


def rules(measures: Mapping[str, Any]) -> Figure:
    """How well trees predict neurons, with the share over the line, group by group."""
    sheet = fig.figure(fig.PAGE, 2.7)
    left, right = sheet.subplots(1, 2, width_ratios=(1.5, 1))
    looks = {
        "trained": (fig.BLUE, "trained network"),
        "untrained": (fig.MUTED, "untrained network"),
    }
    for i, (name, (colour, label)) in enumerate(looks.items()):
        r2 = measures["neurons"].filter(pl.col("name") == name)["r2"].to_numpy()
        r2 = np.sort(np.nan_to_num(r2, nan=-1))
        share = 1 - np.arange(len(r2)) / len(r2)
        left.step(r2, share, color=colour, label=label)
        rows = measures["rules"].filter(pl.col("name") == name).sort("group")
        values = rows["rule_like"].to_numpy()
        place = i + np.linspace(-0.2, 0.2, len(values))
        right.plot(values, place, linestyle="", marker="D", color=colour)
    left.axvline(RULE_LIKE, color=fig.INK, linestyle=":", linewidth=1)
    left.set_xlim(-0.05, 1)
    left.set_xlabel("R² of the tree on new games; dotted: rule-like")
    left.set_ylabel("share of neurons above")
    look = {"frameon": True, "framealpha": 1, "edgecolor": "none"}
    left.legend(loc="upper right", fontsize=6.5, **look)
    right.set_yticks(range(len(looks)), [label for _, label in looks.values()])
    right.set_ylim(len(looks) - 0.5, -0.5)
    right.set_xlim(left=-0.01)
    right.set_xlabel("share of rule-like neurons")
    mean = lambda name: (
        measures["rules"].filter(pl.col("name") == name)["rule_like"].to_numpy().mean()
    )
    fig.title(
        sheet,
        f"A tree on the board predicts {mean('trained'):.0%} of the neurons with R² > {RULE_LIKE}; "
        f"{mean('untrained'):.0%} in the untrained network",
    )
    return sheet


def patterns(table: pl.DataFrame, config: Any) -> Figure:
    """What ablating a pattern's neurons costs, and where the patterns are on the board."""
    sheet = fig.figure(fig.PAGE, 2.9)
    left, right = sheet.subplots(1, 2, width_ratios=(1.6, 1))
    rows = table.sort("damage", descending=True)
    place = np.arange(len(rows))
    looks = {
        "damage": ("where the pattern alone makes it legal", fig.BLUE, "D"),
        "elsewhere": ("where another pattern does", fig.ORANGE, "o"),
        "random": ("other neurons ablated instead", fig.MUTED, "x"),
    }
    for column, (label, colour, marker) in looks.items():
        values = rows[column].to_numpy()
        left.plot(place, values, linestyle="", marker=marker, color=colour, label=label)
    left.axhline(0, color=fig.INK, linewidth=0.6)
    names = [boards.name(square, config.size) for square in rows["square"]]
    left.set_xticks(place, names, rotation=90)
    left.set_ylabel("log-probability lost (nats)")
    left.set_xlabel("move of the pattern")
    left.legend(fontsize=6.5)
    boards.board(right, config.size)
    boards.marks(right, config.size, rows["square"].to_list(), "o")
    for square, direction in rows.select("square", "direction").iter_rows():
        (r, c), (dr, dc) = divmod(square, config.size), STEPS[direction]
        arrow = {"arrowstyle": "->", "color": fig.BLUE, "lw": 1.2}
        right.annotate("", (c + dc, r + dr), (c, r), arrowprops=arrow, zorder=6)
    median = {c: float(np.nanmedian(rows[c].to_numpy())) for c in looks}
    fig.title(right, "the patterns: a move, and the way it captures")
    fig.title(
        left,
        f"Ablating 5 neurons costs {median['damage']:.2f} nats, elsewhere "
        f"{median['elsewhere']:.2f}, at random {median['random']:.2f} (medians)",
    )
    return sheet
