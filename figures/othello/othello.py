"""Figures of the study ``othello``: probes with their controls, play, boards, small networks."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import polars as pl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullFormatter

from toylab.report import figures as fig
from toylab.tasks.othello.othello import ENDLESS, Othello

from . import boards

LINES = {
    "board": ("mine / theirs, linear", fig.BLUE, "-", "o"),
    "board, MLP": ("mine / theirs, MLP", fig.SKY, "--", "s"),
    "colour, MLP": ("black / white, MLP", fig.GREEN, "--", "D"),
    "colour": ("black / white, linear", fig.GREEN, "-", "^"),
    "untrained": ("untrained, linear", fig.ORANGE, "-", "v"),
    "untrained, MLP": ("untrained, MLP", fig.ORANGE, "--", "<"),
}
WORLDS = {"world: none": "other world: no flips", "world: ends": "other world: ends flip"}
LEVELS = {"bag of moves": (0, (1, 1)), "constant": (0, (4, 2))}


def draw(measures: Mapping[str, Any], config: Any) -> dict[str, Figure]:
    """Draw every figure of the study."""
    return {
        "probes": probes(measures),
        "training": training(measures),
        "board": positions(measures, config),
        "small": small(measures, config),
        "targets": targets(measures),
    }


def _mean(table: pl.DataFrame, keys: list[str]) -> pl.DataFrame:
    return table.group_by(keys).agg(pl.all().exclude("init_seed").mean()).sort(keys)


def probes(measures: Mapping[str, Any]) -> Figure:
    """Accuracy of every probe and control by layer, and of some by the number of moves played."""
    layers = _mean(measures["layers"], ["probe", "layer"])
    places = _mean(measures["places"], ["probe", "place"])
    sheet = fig.figure(fig.PAGE, 3.5)
    left, right = sheet.subplots(1, 2, sharey=True, width_ratios=[1.15, 1])
    for name, (label, color, line, marker) in LINES.items():
        rows = layers.filter(pl.col("probe") == name)
        look = {"color": color, "linestyle": line, "marker": marker, "markersize": 3.5}
        left.plot(rows["layer"], rows["accuracy"], label=label, **look)
    for (name, label), marker in zip(WORLDS.items(), "x+", strict=True):
        rows = layers.filter(pl.col("probe") == name)
        look = {"color": fig.VERMILLION, "marker": marker, "markersize": 4, "linestyle": ":"}
        left.plot(rows["layer"], rows["accuracy"], label=label, **look)
    for name, dashes in LEVELS.items():
        level = layers.filter(pl.col("probe") == name)["accuracy"].max()
        left.axhline(float(level), color=fig.MUTED, linestyle=dashes, label=name)  # pyright: ignore
    left.set(xlabel="layer (0: before the first block)", ylabel="squares told rightly")
    left.xaxis.get_major_locator().set_params(integer=True)
    shown = ("board", "colour", "untrained", "bag of moves", "constant")
    for name in shown:
        rows = places.filter(pl.col("probe") == name)
        color, line = (LINES[name][1], "-") if name in LINES else (fig.MUTED, LEVELS[name])
        right.plot(rows["place"] + 1, rows["accuracy"], color=color, linestyle=line)
    right.set(xlabel="moves played")
    games = measures["games"]
    gain = (games["board"] - games["untrained"]).mean()
    fig.title(
        left,
        f"A linear probe tells {games['board'].mean():.1%} of the squares, "
        f"{gain:.2f} more than in the untrained network",
    )
    fig.title(right, "The same, at each probe's best layer, as the game goes on")
    sheet.legend(*left.get_legend_handles_labels(), loc="outside lower center", ncols=4)
    return sheet


def training(measures: Mapping[str, Any]) -> Figure:
    """Play and the board through training, and play by the number of moves played."""
    ladder, moves = measures["ladder"].sort("games"), _mean(measures["moves"], ["place"])
    sheet = fig.figure(fig.PAGE, 2.8)
    left, right = sheet.subplots(1, 2)
    rows = ladder.filter(pl.col("games") > 0)
    look = {"marker": "o", "markersize": 3}
    left.plot(rows["games"], rows["legal"], color=fig.INK, label="legal", **look)
    label = "squares read"
    left.plot(rows["games"], rows["accuracy"], color=fig.BLUE, label=label, **look)
    untrained = float(ladder["untrained"].mean())  # pyright: ignore
    left.axhline(untrained, color=fig.ORANGE, label="squares read, untrained")
    left.set(xscale="log", xlabel="games seen", ylabel="share", ylim=(0, 1.02))
    left.set_xlim(0.8 * rows["games"].min(), 1.25 * rows["games"].max())  # pyright: ignore
    left.legend(loc="lower right")
    right.plot(moves["place"] + 1, moves["divergence"], color=fig.VERMILLION)
    right.set(xlabel="moves played", ylabel="KL(legal moves || prediction), nats")
    right.set_ylim(bottom=0)
    other = right.twinx()
    other.plot(moves["place"] + 1, 1 - moves["legal"], color=fig.INK, linestyle="--")
    other.set_ylabel("illegal likeliest moves (dashed)")
    other.set_ylim(bottom=0)
    legal = measures["games"]["legal"].mean()
    fig.title(left, f"After {_count(rows['games'][-1])} games {legal:.1%} of its moves are legal")
    worst = int(moves["place"][int(np.argmax(moves["divergence"]))]) + 1
    fig.title(right, f"The next move is hardest after {worst} moves")
    return sheet


def positions(measures: Mapping[str, Any], config: Any) -> Figure:
    """Three positions of one game: the truth, the probe's belief, and the predicted moves."""
    task, game = Othello(config.size), 0
    inputs_L = measures["board_inputs"][game]
    length = int((inputs_L > 0).sum())
    places = [round(length * share) - 1 for share in (0.3, 0.6, 0.9)]
    sheet = fig.figure(fig.PAGE, 6.6)
    grid = sheet.subplots(3, 3)
    right = total = 0
    for row, place in zip(grid, places, strict=True):
        truth_N = measures["board_truth"][game, place]
        belief_N3 = measures["board_belief"][game, place]
        told_N = belief_N3.argmax(-1)
        right, total = right + int((told_N == truth_N).sum()), total + len(truth_N)
        _position(row[0], config.size, truth_N, task.squares[inputs_L[place]])
        row[0].set_title(f"after {place + 1} moves", fontsize=8)
        _belief(row[1], config.size, belief_N3, told_N != truth_N)
        row[1].set_title("what the probe reads", fontsize=8)
        legal_N = measures["board_legal"][game, place]
        _moves(row[2], config.size, measures["board_moves"][game, place], legal_N)
        row[2].set_title("what the network plays", fontsize=8)
    handles, labels = grid[0, 0].get_legend_handles_labels()
    more = grid[0, 1].get_legend_handles_labels()
    last = grid[0, 2].get_legend_handles_labels()
    found = dict(zip(labels + more[1] + last[1], handles + more[0] + last[0], strict=True))
    for ax in grid[1:].ravel():
        for handle, label in zip(*ax.get_legend_handles_labels(), strict=True):
            found.setdefault(label, handle)
    sheet.legend(found.values(), found.keys(), loc="outside lower center", ncols=4)
    fig.title(sheet, f"The probe reads {right} of {total} squares of these positions rightly")
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
    state_N = belief_N3.argmax(-1)
    boards.discs(ax, size, state_N, np.clip(belief_N3.max(-1), 0.15, 1))
    wrong = np.flatnonzero(wrong_N)
    if len(wrong):
        look = {"markersize": 6, "color": fig.VERMILLION, "markeredgewidth": 1.6}
        boards.marks(ax, size, wrong, "x", "read wrongly", **look)


def _moves(ax: Axes, size: int, scores_N: np.ndarray, legal_N: np.ndarray) -> None:
    """Probability of each move as colour, legal moves framed."""
    finite_N = np.isfinite(scores_N)
    scores_N = np.where(finite_N, scores_N, -np.inf)
    weight_N = np.exp(scores_N - max(scores_N.max(), -1e9))
    boards.board(ax, size)
    boards.fields(
        ax, size, np.where(finite_N, weight_N / max(weight_N.sum(), 1e-9), np.nan), 0, 0.3
    )
    look = {"markersize": 7, "color": fig.ORANGE, "fillstyle": "none", "markeredgewidth": 1.4}
    label = "legal (brighter: likelier)"
    boards.marks(ax, size, np.flatnonzero(legal_N), "s", label, **look)


def small(measures: Mapping[str, Any], config: Any) -> Figure:
    """Small networks over depth, width and games seen: play and the board."""
    table = measures["small"].filter(pl.col("step") == pl.col("step").max())
    sheet = fig.figure(fig.PAGE, 4.0)
    grid = sheet.subplots(2, 3, sharey="row")
    names = {"depth": "blocks", "width": "width", "pool": "games to learn from"}
    for column, (setting, label) in enumerate(names.items()):
        rows = table.filter(pl.col("row") == setting)
        values = rows[setting].unique().sort().to_list()
        place = {value: i for i, value in enumerate(values)}
        x = np.array([place[v] for v in rows[setting]])
        for ax, name in zip(grid[:, column], ("divergence", "accuracy"), strict=True):
            ax.plot(x, rows[name], "o", color=fig.BLUE, markersize=3.5, alpha=0.7)
            means = rows.group_by(setting).agg(pl.col(name).mean()).sort(setting)
            ax.plot(range(len(values)), means[name], "-", color=fig.BLUE, label="trained")
            if name == "accuracy":
                before = rows.group_by(setting).agg(pl.col("untrained").mean()).sort(setting)
                look = {"color": fig.ORANGE, "marker": "v", "markersize": 3.5}
                ax.plot(range(len(values)), before["untrained"], label="untrained", **look)
            ticks = ["endless" if v == ENDLESS else f"{v:,}" for v in values]
            ax.set_xticks(range(len(values)), ticks)
            ax.set_xlim(-0.4, len(values) - 0.6)
        grid[1, column].set_xlabel(label)
    grid[0, 0].set_ylabel("KL(legal || prediction), nats")
    if table["divergence"].is_finite().any():
        grid[0, 0].set_yscale("log")
    grid[1, 0].set_ylabel("squares told\nby the linear probe")
    grid[1, 0].legend()
    falls = []
    for setting, label in (("depth", "depth"), ("width", "width"), ("pool", "games")):
        rows = (
            table.filter(pl.col("row") == setting)
            .group_by(setting)
            .agg(pl.col("divergence").mean())
        )
        values = rows.sort(setting)["divergence"]
        falls.append(f"{values[0] / values[-1]:.1f}-fold with {label}")
    seeds = table["init_seed"].n_unique()
    fig.title(
        sheet, f"4x4, {seeds} seeds: distance from the best prediction falls {', '.join(falls)}"
    )
    return sheet


def targets(measures: Mapping[str, Any]) -> Figure:
    """Board and play through training on moves played and on expected ones, of small networks."""
    rows = measures["small"].filter(pl.col("row").is_in(["main", "expected"]))
    sheet = fig.figure(fig.COLUMN, 2.8)
    ax = sheet.subplots()
    kinds = {"main": ("moves played", fig.BLUE, "o"), "expected": ("chances", fig.ORANGE, "s")}
    for row, (label, color, marker) in kinds.items():
        for i, (_, seed) in enumerate(rows.filter(pl.col("row") == row).group_by("init_seed")):
            path = seed.sort("step")
            look = {"color": color, "marker": marker, "markersize": 3, "alpha": 0.7}
            name = f"targets: {label}" if i == 0 else None
            ax.plot(path["divergence"], path["accuracy"], label=name, **look)
    ax.set(xlabel="KL(legal moves || prediction), nats", ylabel="squares told")
    if rows["divergence"].is_finite().any():
        ax.set_xscale("log")
    ax.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    ax.xaxis.set_major_formatter("{x:g}")
    ax.xaxis.set_minor_formatter(NullFormatter())
    ax.invert_xaxis()
    ax.legend(loc="upper left")
    fig.title(ax, "Board against prediction, for both kinds of target")
    return sheet


def _count(number: float) -> str:
    return f"{number / 1e6:.2g} million" if number >= 1e6 else f"{number:,.0f}"
