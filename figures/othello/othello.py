"""Figures of the study ``othello``: probes with their controls, play, boards, small networks."""

from typing import Any

import numpy as np
import polars as pl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from toylab.read import Measures
from toylab.report import boards
from toylab.report import figures as fig
from toylab.report.axes import log_axis
from toylab.report.panels import drawing, panels
from toylab.tasks.othello.othello import ENDLESS, Othello

LINES = {
    "board": ("mine / theirs, linear", fig.BLUE, "-", "o"),
    "board, MLP": ("mine / theirs, MLP", fig.SKY, "--", "s"),
    "colour, MLP": ("black / white, MLP", fig.GREEN, "--", "D"),
    "colour": ("black / white, linear", fig.GREEN, "-", "^"),
    "untrained": ("untrained, linear", fig.ORANGE, "-", "v"),
    "untrained, MLP": ("untrained, MLP", fig.ORANGE, "--", "<"),
    "world: none": ("other world: no flips", fig.VERMILLION, ":", "x"),
    "world: ends": ("other world: ends flip", fig.VERMILLION, ":", "+"),
}
LEVELS = {"bag of moves": ("moves alone", (0, (1, 1))), "constant": ("majority", (0, (4, 2)))}
SETTINGS = {"depth": "blocks", "width": "width", "pool": "games to learn from"}
CAPTIONS = {
    "probes": "Fraction of squares that probes read right in held-out games, over the layers (a) "
    "and, at each probe's best layer, over the game (b). Black and white are read well by an MLP "
    "alone; what the moves alone tell is the level to beat, not the untrained network.",
    "training": "Legality of the most probable move and accuracy of the board probe over training "
    "(a, logarithmic); distance from the best prediction in nats, and illegal moves (dashed), by "
    "the number of moves played (b).",
    "board": "Three positions of one held-out game: the board, the linear probe's reading of it "
    "(opacity is the probe's score) and the predicted moves (brighter is more probable). Black "
    "discs are those of the player to move.",
    "small": "Networks on 4x4, one mark per seed: distance from the best prediction in nats (top) "
    "and fraction of squares that the linear probe reads right (bottom), over depth, width and the "
    "number of games to learn from.",
    "targets": "Accuracy of the board probe against distance from the best prediction through "
    "training, a line per seed of 4x4 networks, for targets that are the moves played and targets "
    "that are the chances of all legal moves.",
}


def _mean(table: pl.DataFrame, keys: list[str]) -> pl.DataFrame:
    return table.group_by(keys).agg(pl.all().exclude("init_seed").mean()).sort(keys)


def probes(measures: Measures, config: Any) -> Figure:
    """Accuracy of every probe and control by layer, and of some by the number of moves played."""
    layers = _mean(measures["layers"], ["probe", "layer"])
    places = _mean(measures["places"], ["probe", "place"])
    sheet, (left, right) = panels(2, 3.7, sharey=True, width_ratios=[1.15, 1])
    for name, (label, color, line, marker) in LINES.items():
        rows = layers.filter(probe=name)
        look = {"color": color, "linestyle": line, "marker": marker, "markersize": 4}
        left.plot(rows["layer"], rows["accuracy"], label=label, **look)
    for name, (label, dashes) in LEVELS.items():
        level = layers.filter(probe=name)["accuracy"].max()
        left.axhline(float(level), color=fig.MUTED, linestyle=dashes, label=label)  # pyright: ignore
    left.set(xlabel="layer (0: before the first block)", ylabel="squares read right")
    left.xaxis.get_major_locator().set_params(integer=True)
    for name in ("board", "colour", "untrained", *LEVELS):
        rows = places.filter(probe=name)
        color, line = (LINES[name][1], "-") if name in LINES else (fig.MUTED, LEVELS[name][1])
        right.plot(rows["place"] + 1, rows["accuracy"], color=color, linestyle=line)
    right.set(xlabel="moves played")
    read = measures["games"]["board"].fill_nan(None).mean() or float("nan")
    fig.title(left, f"A linear probe reads {read:.0%} of the squares as mine, theirs or empty")
    fig.title(right, "The same, over the game")
    sheet.legend(*left.get_legend_handles_labels(), loc="outside lower center", ncols=4)
    return sheet


def training(measures: Measures, config: Any) -> Figure:
    """Play and the board through training, and play by the number of moves played."""
    ladder, moves = measures["ladder"].sort("games"), _mean(measures["moves"], ["place"])
    sheet, (left, right) = panels(2, 2.8)
    rows, look = ladder.filter(pl.col("games") > 0), {"marker": "o", "markersize": 3}
    left.plot(rows["games"], rows["legal"], color=fig.INK, label="most probable move legal", **look)
    left.plot(rows["games"], rows["accuracy"], color=fig.BLUE, label="squares read", **look)
    untrained = float(ladder["untrained"].mean())  # pyright: ignore
    left.axhline(untrained, color=fig.ORANGE, label="squares read, untrained")
    left.set(xscale="log", xlabel="games seen", ylabel="fraction", ylim=(0, 1.02))
    left.set_xlim(0.8 * rows["games"].min(), 1.25 * rows["games"].max())  # pyright: ignore
    left.legend(loc="lower right")
    right.plot(moves["place"] + 1, moves["divergence"], color=fig.VERMILLION)
    right.set(xlabel="moves played", ylabel="KL(legal moves || prediction), nats")
    other = right.twinx()
    other.plot(moves["place"] + 1, 1 - moves["legal"], color=fig.INK, linestyle="--")
    other.set_ylabel("illegal most probable moves (dashed)")
    for ax in (right, other):
        ax.set_ylim(bottom=0)
    legal, worst = measures["games"]["legal"].mean(), int(np.argmax(moves["divergence"]))
    fig.title(left, f"{legal:.1%} of its most probable moves are legal in the end")
    fig.title(right, f"Hardest to predict: move {moves['place'][worst] + 2}")
    return sheet


def positions(measures: Measures, config: Any) -> Figure:
    """Three positions of one game: the truth, the probe's belief, and the predicted moves."""
    task, game, size = Othello(config.size), 0, config.size
    inputs_L = measures["board_inputs"][game]
    length = int((inputs_L > 0).sum())
    places = [round(length * share) - 1 for share in (0.3, 0.6, 0.9)]
    sheet = fig.figure(fig.PAGE, 6.6)
    grid, handles, right = sheet.subplots(3, 3), {}, 0
    for row, place in zip(grid, places, strict=True):
        truth_N = measures["board_truth"][game, place]
        belief_N3 = measures["board_belief"][game, place]
        right_N = belief_N3.argmax(-1) == truth_N
        right += int(right_N.sum())
        _position(row[0], size, truth_N, task.squares[inputs_L[place]])
        _belief(row[1], size, belief_N3, ~right_N)
        legal_N = measures["board_legal"][game, place]
        _moves(row[2], size, measures["board_moves"][game, place], legal_N)
        titles = (f"after {place + 1} moves", "what the probe reads", "what the network plays")
        for ax, words in zip(row, titles, strict=True):
            ax.set_title(words, fontsize=8)
            found = zip(*reversed(ax.get_legend_handles_labels()), strict=True)
            handles = dict(found) | handles
    sheet.legend(handles.values(), handles.keys(), loc="outside lower center", ncols=4)
    total = len(places) * size**2
    fig.title(sheet, f"The probe reads {right} of {total} squares of these positions right")
    return sheet


def _position(ax: Axes, size: int, states_N: np.ndarray, last: int) -> None:
    """Mine black, theirs white: the player to move has the black discs in every picture."""
    boards.board(ax, size)
    boards.discs(ax, size, states_N)
    look = {"markersize": 3.5, "color": fig.VERMILLION}
    boards.marks(ax, size, [int(last)], "o", "last move (black: the player to move)", **look)


def _belief(ax: Axes, size: int, belief_N3: np.ndarray, wrong_N: np.ndarray) -> None:
    """Discs as opaque as the probe's score for them; wrong squares are crossed."""
    boards.board(ax, size)
    boards.discs(ax, size, belief_N3.argmax(-1), np.clip(belief_N3.max(-1), 0.15, 1))
    if wrong_N.any():
        look = {"markersize": 6, "color": fig.VERMILLION, "markeredgewidth": 1.6}
        boards.marks(ax, size, np.flatnonzero(wrong_N), "x", "read wrong", **look)


def _moves(ax: Axes, size: int, scores_N: np.ndarray, legal_N: np.ndarray) -> None:
    """Probability of each move as colour, legal moves framed."""
    finite_N = np.isfinite(scores_N)
    scores_N = np.where(finite_N, scores_N, -np.inf)
    weight_N = np.exp(scores_N - max(scores_N.max(), -1e9))
    boards.board(ax, size)
    chance_N = weight_N / max(weight_N.sum(), 1e-9)
    boards.fields(ax, size, np.where(finite_N, chance_N, np.nan), 0, 0.3)
    look = {"markersize": 7, "color": fig.ORANGE, "fillstyle": "none", "markeredgewidth": 1.4}
    label = "legal (brighter: more probable)"
    boards.marks(ax, size, np.flatnonzero(legal_N), "s", label, **look)


def small(measures: Measures, config: Any) -> Figure:
    """Small networks over depth, width and games seen: play and the board."""
    table = measures["small"].filter(pl.col("step") == pl.col("step").max())
    sheet = fig.figure(fig.PAGE, 4.0)
    grid, falls = sheet.subplots(2, 3, sharey="row"), {}
    for column, (setting, label) in enumerate(SETTINGS.items()):
        rows = table.filter(row=setting)
        means = rows.group_by(setting).agg(pl.col("divergence", "accuracy", "untrained").mean())
        means = means.sort(setting)
        values = means[setting].to_list()
        x = np.searchsorted(values, rows[setting])
        for ax, name in zip(grid[:, column], ("divergence", "accuracy"), strict=True):
            ax.plot(x, rows[name], "o", color=fig.BLUE, markersize=3.5, alpha=0.7)
            ax.plot(range(len(values)), means[name], "-", color=fig.BLUE, label="trained")
            ticks = ["endless" if v == ENDLESS else f"{v:,}" for v in values]
            ax.set_xticks(range(len(values)), ticks)
            ax.set_xlim(-0.4, len(values) - 0.6)
        look = {"color": fig.ORANGE, "marker": "v", "markersize": 3.5, "label": "untrained"}
        grid[1, column].plot(range(len(values)), means["untrained"], **look)
        grid[1, column].set_xlabel(label)
        fig.panel_label(grid[0, column], "abc"[column])
        falls[label] = means["divergence"][0] / means["divergence"][-1]
    grid[0, 0].set_ylabel("KL(legal || prediction), nats")
    if table["divergence"].is_finite().any():
        grid[0, 0].set_yscale("log")
    grid[1, 0].set_ylabel("squares read\nby the linear probe")
    grid[1, 0].legend()
    most = max(falls, key=lambda label: falls[label])
    words = f"On 4x4 the distance from the best prediction falls most with the {most}"
    fig.title(sheet, f"{words}, {falls[most]:.1f}-fold")
    return sheet


def targets(measures: Measures, config: Any) -> Figure:
    """Board and play through training on moves played and on expected ones, of small networks."""
    rows = measures["small"].filter(pl.col("row").is_in(["main", "expected"]))
    sheet = fig.figure(fig.COLUMN, 2.8)
    ax = sheet.subplots()
    kinds = {"main": ("moves played", fig.BLUE, "o"), "expected": ("chances", fig.ORANGE, "s")}
    for row, (label, color, marker) in kinds.items():
        look = {"color": color, "marker": marker, "markersize": 3, "alpha": 0.7}
        for _, path in rows.filter(row=row).sort("step").group_by("init_seed"):
            ax.plot(path["divergence"], path["accuracy"], **look)
        ax.plot([], [], label=f"targets: {label}", **look)
    ax.set(xlabel="KL(legal moves || prediction), nats", ylabel="squares read right")
    if rows["divergence"].is_finite().any():
        log_axis(ax, leads=(1, 2, 5))
    ax.invert_xaxis()
    ax.legend(loc="upper left")
    fig.title(ax, "The board against the prediction, for both kinds of target")
    return sheet


draw = drawing(probes, training, board=positions, small=small, targets=targets)
