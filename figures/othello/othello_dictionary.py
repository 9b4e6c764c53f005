"""Figures of the study ``othello_dictionary``: scores beside controls, rules, ablated patterns."""

from typing import Any

import numpy as np
import polars as pl
from matplotlib.figure import Figure

from toylab.analysis.dictionary.choice import VALIDATION, best_setting
from toylab.analysis.dictionary.rule_trees import RULE_LIKE
from toylab.read import Measures
from toylab.report import boards
from toylab.report import figures as fig
from toylab.report.axes import log_axis
from toylab.report.panels import drawing, panels
from toylab.tasks.othello.othello_rules import STEPS

NAMES = {
    "probe": "linear probe",
    "topk": "TopK dictionary",
    "l1": "L1 dictionary",
    "neurons": "MLP neurons",
    "probe, untrained": "linear probe, untrained",
    "untrained": "TopK dictionary, untrained",
    "neurons, untrained": "MLP neurons, untrained",
    "random": "random directions",
    "moves": "moves so far",
    "always": "a feature that always fires",
}
FOUND = ("probe", "topk", "l1", "neurons")  # the others are controls
SCORES = {
    "coverage": ("Best cover", "mean best F1 of a single feature"),
    "reconstruction": ("Best reconstruction", "F1 of the board by precise features"),
}
CAPTIONS = {
    "scores": "What single features (left) and all precise features together (right) say of the "
    "board, for dictionaries, neurons and controls, on the large board (top, a mark per group of "
    "held-out games) and on 4x4 (bottom, a mark per seed). Filled: mine and theirs; open: with "
    "empty squares. The titles name the best that is no linear probe.",
    "sparsity": "Every setting of the dictionaries of the large network: coverage, reconstruction "
    "and explained variance over the number of active features, on held-out games.",
    "rules": "How well a decision tree on the board predicts each neuron: fraction of neurons "
    "above an R² on held-out games (a; dotted: rule-like), and fraction of rule-like neurons, a "
    "mark per group of games (b).",
    "patterns": "Log-probability (nats) that a move loses when the 5 neurons that best follow one "
    "legality pattern are ablated (a), and the patterns, a move and a direction (b). The neurons "
    "would be specific if the move lost it only where the pattern alone makes it legal. The title "
    "gives medians.",
}


def _values(table: pl.DataFrame, name: str, column: str, unit: str) -> np.ndarray:
    rows = best_setting(table.filter(name=name), column)
    return rows.group_by(unit).agg(pl.col(column).mean()).sort(unit)[column].to_numpy()


def scores(measures: Measures, config: Any) -> Figure:
    """Coverage and reconstruction of everything that was scored, on both boards."""
    sheet, axes = panels(2, 5.4, rows=2, sharey=True)
    units = {"main": ("group", f"{config.size}x{config.size}"), "small": ("init_seed", "4x4")}
    for row, (network, (unit, board)) in enumerate(units.items()):
        part = measures["scores"].filter(network=network)
        for i, (column, (finding, label)) in enumerate(SCORES.items()):
            ax, means = axes[row, i], {}
            shown = [n for n in NAMES if (n, column) != ("always", "reconstruction")]
            for name in shown:
                colour = fig.BLUE if name in FOUND else fig.MUTED
                height = list(NAMES).index(name)
                for shift, suffix, look in ((-0.14, "", "D"), (0.14, "_all", "o")):
                    values = _values(part, name, column + suffix, unit)
                    style = {"color": colour, "markerfacecolor": "white" if suffix else colour}
                    place = height + shift + np.linspace(-0.1, 0.1, len(values))
                    ax.plot(values, place, look, markersize=3.5, markeredgewidth=0.8, **style)
                means[name] = np.mean(_values(part, name, column, unit))
            ax.set_xlim(0, 1.02)
            ax.grid(axis="x")
            best = max((n for n in shown if "probe" not in n), key=lambda n: means[n])
            fig.title(ax, f"{finding}, {board}: {NAMES[best]}")
            axes[1, i].set_xlabel(label)
        axes[row, 0].set_yticks(range(len(NAMES)), list(NAMES.values()))
    axes[0, 0].invert_yaxis()
    return sheet


def sparsity(measures: Measures, config: Any) -> Figure:
    """Every setting of the dictionaries of the large network: scores against code length."""
    sheet, axes = panels(3, 2.9)
    rows = measures["scores"].filter(pl.col("l0").is_not_null(), network="main")
    looks = {
        "topk": (fig.BLUE, "D"),
        "l1": (fig.ORANGE, "s"),
        "untrained": (fig.MUTED, "o"),
        "random": (fig.MUTED, "x"),
    }
    shown = {
        "coverage": "coverage: mean best F1",
        "reconstruction": "reconstruction: F1",
        "explained": "variance explained",
    }
    means = rows.filter(pl.col("group") != VALIDATION).group_by("name", "setting")
    means = means.agg(pl.col(*shown, "l0").mean()).sort("l0")
    for ax, (column, label) in zip(axes, shown.items(), strict=True):
        for name, (colour, marker) in looks.items():
            part = means.filter(name=name)
            ax.plot(part["l0"], part[column], color=colour, marker=marker, label=NAMES[name])
        log_axis(ax, leads=(1, 2, 5))
        ax.set(xlabel="active features (L0)", ylabel=label)
        ax.set_ylim(min(0.0, ax.get_ylim()[0]), 1.02)
    sheet.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=4)
    fig.title(sheet, "Dictionaries and controls by the number of active features")
    return sheet


def rules(measures: Measures, config: Any) -> Figure:
    """How well trees predict neurons, with the fraction over the line, group by group."""
    sheet, (left, right) = panels(2, 2.7, width_ratios=(1.5, 1))
    looks = {"trained": fig.BLUE, "untrained": fig.MUTED}
    share = {}
    for i, (name, colour) in enumerate(looks.items()):
        r2 = np.sort(np.nan_to_num(measures["neurons"].filter(name=name)["r2"].to_numpy(), nan=-1))
        above = 1 - np.arange(len(r2)) / len(r2)
        left.step(r2, above, color=colour, label=f"{name} network")
        values = measures["rules"].filter(name=name).sort("group")["rule_like"].to_numpy()
        right.plot(values, i + np.linspace(-0.2, 0.2, len(values)), "D", color=colour)
        share[name] = values.mean()
    left.axvline(RULE_LIKE, color=fig.INK, linestyle=":", linewidth=1)
    words = {"xlabel": "R² of the tree on held-out games", "ylabel": "fraction of neurons above"}
    left.set(xlim=(-0.05, 1), **words)
    left.legend(loc="upper right")
    right.set_yticks(range(len(looks)), list(looks))
    right.set(xlim=(-0.01, None), ylim=(len(looks) - 0.5, -0.5))
    right.set_xlabel("fraction of rule-like neurons")
    words = f"A small rule predicts {share['trained']:.0%} of the network's neurons"
    fig.title(sheet, f"{words} with R² > {RULE_LIKE}, {share['untrained']:.0%} before training")
    return sheet


def patterns(measures: Measures, config: Any) -> Figure:
    """What ablating a pattern's neurons costs, and where the patterns are on the board."""
    sheet, (left, right) = panels(2, 3.3, width_ratios=(1.6, 1))
    rows = measures["patterns"].sort("damage", descending=True)
    place = np.arange(len(rows))
    looks = {
        "damage": ("where the pattern alone makes it legal", fig.BLUE, "D"),
        "elsewhere": ("where another pattern does", fig.ORANGE, "o"),
        "random": ("other neurons ablated instead", fig.MUTED, "x"),
    }
    for column, (label, colour, marker) in looks.items():
        left.plot(place, rows[column], marker, color=colour, label=label)
    left.axhline(0, color=fig.INK, linewidth=0.6)
    names = [boards.name(square, config.size) for square in rows["square"]]
    left.set_xticks(place, names, rotation=90)
    left.set(ylabel="log-probability lost (nats)", xlabel="move of the pattern")
    boards.board(right, config.size)
    boards.marks(right, config.size, rows["square"].to_list(), "o")
    for square, direction in rows.select("square", "direction").iter_rows():
        (r, c), (dr, dc) = divmod(square, config.size), STEPS[direction]
        arrow = {"arrowstyle": "->", "color": fig.BLUE, "lw": 1.2}
        right.annotate("", (c + dc, r + dr), (c, r), arrowprops=arrow, zorder=6)
    sheet.legend(*left.get_legend_handles_labels(), loc="outside lower center", ncols=3)
    here, elsewhere = (rows[c].fill_nan(None).median() for c in ("damage", "elsewhere"))
    here, elsewhere = (float("nan") if m is None else m for m in (here, elsewhere))
    specific = "is" if here > 2 * max(elsewhere, 0) else "is not"  # pyright: ignore
    words = f"Ablation {specific} specific to the pattern: the move loses {here:.2f} nats where"
    fig.title(sheet, f"{words} it makes the move legal, {elsewhere:.2f} where another does")
    return sheet


draw = drawing(scores, sparsity, rules, patterns)
