"""Figures of the study ``karel``: a program with its believed headings, probes, meanings, edits."""

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from toylab.read import Measures, Rows, table
from toylab.report import figures as fig
from toylab.report.averages import average
from toylab.report.marks import bars, headroom
from toylab.report.panels import drawing, panels
from toylab.report.series import curve
from toylab.tasks.karel.grid import AHEAD
from toylab.tasks.karel.karel import Karel

MEAN, TRUE, OTHERS = -1, 0, (1, 2)
CAPTIONS = {
    "program": "A program that networks have not been fitted or judged by, and what linear probes "
    "of one network read at each token. Top: the robot of the first example after each action, "
    "with the cell and heading of its goal (dashed). Below: four arrows from the scores of four "
    "classes, bold where the score is largest, green where that is right and red where not; the "
    "grey disc lies on the true side. Heading is the start's heading and the probe's quarter "
    "turns since; for what is still to turn up means none, right a quarter clockwise.",
    "features": "(a) Skill of probes, the part of what the majority class gets wrong that a probe "
    "gets right: of trained networks, of untrained ones, and of a record of the text (prompt, and "
    "how often each action was written), linear and with a hidden layer. Bars are means, ticks "
    "seeds. (b) Skill of the linear probe in each layer of trained networks, medians and 95% "
    "intervals.",
    "meanings": "Accuracy above the majority class over training, of a linear probe of the states "
    "that programs pass through by the actions' own meaning, and by two others, each with a probe "
    "of its own: (a) content, the geometric mean over heading and cells still to go and the wall "
    "ahead; (b) heading still to turn. Lines are medians over seeds, bands 95% intervals; dotted, "
    "the same of a record of the text.",
    "edits": "(a) Share of states after which the next symbol is the exact law's likeliest for "
    "another goal, one that cannot lead to the present goal: without an edit, with one along the "
    "probe of the heading still to turn, along that of another meaning, in a random direction, and "
    "with the other goal in the prompt. (b) Length of solving programs less the mean of programs "
    "that fit, for networks and for the exact law's likeliest symbols. Bars are means, ticks "
    "seeds.",
}


def program(measures: Measures, config: Any) -> Figure:
    """One program: the robot after each action, and the believed headings under each token."""
    states, beliefs = np.asarray(measures["shown_states"]), np.asarray(measures["belief"])
    sound = [p for p in range(beliefs.shape[1]) if np.isfinite(beliefs[:, p]).all()]
    own = beliefs[:, sound[0]] if sound else np.zeros_like(beliefs[:, 0])
    words, tokens = Karel(config.size).words, np.asarray(measures["shown_tokens"])
    sheet = fig.figure(fig.PAGE, 5.0)
    ax = sheet.subplots()
    ax.set_aspect("equal")
    ax.axis("off")
    for t, word in enumerate(words[token] for token in tokens[-len(states) :]):
        _grid(ax, t, states[t], states[-1], config.size)
        ax.text(t, 0.62, "start" if word == "CODE" else word, ha="center", fontsize=8)
    goal, steps = states[-1][2], table("ends").rows(measures)["step"]
    rows = [(what, at) for what in (0, 1) for at in (0, -1)]
    for r, (what, at) in enumerate(rows, 1):
        name, step = ("heading", "still to turn")[what], (steps.min(), steps.max())[at]
        ax.text(-0.6, -r, f"{name}\nstep {step:,}", ha="right", va="center")
        for t, (_, _, facing) in list(enumerate(states))[1:-1]:
            turn = states[0][2] if what == 0 else 0
            truth = facing if what == 0 else (goal - facing) % 4
            _compass(ax, t, -r, np.roll(own[at, what, t], turn), truth)
    ax.set(xlim=(-2, len(states) - 0.4), ylim=(-len(rows) - 0.5, 0.8))
    truth = np.stack([(states[:, 2] - states[0, 2]) % 4, (goal - states[:, 2]) % 4])
    right = (own[-1].argmax(-1) == truth)[:, 1:-1]
    words = "After training a probe reads {} of {} headings right at the tokens of a new program"
    fig.title(sheet, words.format(int(right.sum()), right.size))
    return sheet


def _grid(ax: Axes, x: float, state: np.ndarray, goal: np.ndarray, size: int) -> None:
    """The grid with the robot and, dashed, its goal."""
    side = 0.8 / size
    for i in range(size + 1):
        at = -0.4 + i * side
        edge = 1.2 if i in (0, size) else 0.4
        ax.plot([x - 0.4, x + 0.4], [at, at], color=fig.MUTED, lw=edge)
        ax.plot([x + at, x + at], [-0.4, 0.4], color=fig.MUTED, lw=edge)
    looks: tuple[dict[str, Any], ...] = (
        {"color": fig.BLUE},
        {"fill": False, "ls": ":", "ec": fig.INK, "zorder": 3},
    )
    for (row, column, facing), look in zip((state, goal), looks, strict=True):
        down, right = AHEAD[facing]
        middle = np.array([x - 0.4 + (column + 0.5) * side, 0.4 - (row + 0.5) * side])
        way, across = np.array([right, -down]) * 0.42 * side, np.array([down, right]) * 0.3 * side
        ax.fill(*np.array([middle + way, middle - way + across, middle - way - across]).T, **look)


def _compass(ax: Axes, x: float, y: float, score: np.ndarray, truth: int) -> None:
    """An arrow for each class, as long as its score; the largest in colour."""
    best = int(score.argmax())
    down, right = AHEAD[truth]
    turn = np.linspace(0, 2 * np.pi, 61)
    ax.plot(x + 0.42 * np.cos(turn), y + 0.42 * np.sin(turn), color="#CCCCCC", lw=0.8, zorder=0)
    ax.plot(x + 0.42 * right, y - 0.42 * down, "o", ms=7, color="#BBBBBB", zorder=0)
    for k, (down, right) in enumerate(AHEAD):
        long = 0.38 * float(np.clip(score[k], 0.05, 1))
        colour = (fig.GREEN if best == truth else fig.VERMILLION) if k == best else fig.INK
        ends = [x, x + long * right], [y, y - long * down]
        ax.plot(*ends, color=colour, lw=3 if k == best else 1, solid_capstyle="round")


def _probed(feature: str, source: str = "network", probe: str = "linear") -> Rows:
    rows = table("probes").filter(feature=feature, text="given", ahead=0)
    return rows.filter(source=source, probe=probe)


def features(measures: Measures, config: Any) -> Figure:
    """Skill by feature, beside its controls, and by layer."""
    sheet, (left, right) = panels(2, 3.1, width_ratios=[2, 1])
    names = {"turned": "heading\nsince start", "moved": "cells\nsince start"}
    names |= {"to_turn": "heading\nstill to turn", "to_go": "cells\nstill to go"}
    names |= {"blocked": "wall\nahead", "facing": "heading\non grid", "cell": "cell\non grid"}
    at = lambda rows: rows.filter(layer=MEAN, meaning=TRUE).value("skill")
    cells = (
        ("trained", fig.BLUE, lambda name: at(_probed(name).last())),
        ("untrained", fig.SKY, lambda name: at(_probed(name).first())),
        ("record", fig.MUTED, lambda name: at(_probed(name, "record").last())),
        ("record, MLP", fig.YELLOW, lambda name: at(_probed(name, "record", "mlp").last())),
    )
    bars(left, measures, [*names], cells, [*names.values()])
    headroom(left)
    left.tick_params(axis="x", labelsize=6.5)
    left.axhline(0, color=fig.INK, lw=0.7)
    left.set(ylabel="skill of a probe")
    left.legend(ncols=4, loc="upper left")
    fig.title(left, "What is still to be done is in the network, the place on the grid is not")
    styles = {"turned": (fig.ORANGE, "--"), "to_turn": (fig.BLUE, "-"), "to_go": (fig.GREEN, "-.")}
    for name, (colour, dash) in styles.items():
        rows = _probed(name).last().filter(meaning=TRUE).rows(measures)
        rows = rows.filter(rows["layer"] >= 0)
        label = names[name].replace("\n", " ")
        curve(right, rows, "skill", "layer", label=label, color=colour, linestyle=dash)
    right.set(xlabel="layer (0: embedding)", ylabel="skill", ylim=(-0.1, 1.45))
    right.set_xticks(range(config.depth + 1))
    right.legend(loc="upper left")
    fig.title(right, "Progress first, then what is left")
    return sheet


def meanings(measures: Measures, config: Any) -> Figure:
    """Own and other meanings of the actions through training."""
    sheet, axes = panels(2, 2.9)
    lines = {TRUE: ("own meaning", fig.BLUE, "-"), 1: ("move is left", fig.ORANGE, "--")}
    lines |= {2: ("move is right", fig.VERMILLION, "-.")}
    names = {"content": "Content", "to_turn": "Heading still to turn"}
    words = "{} ends {:.2f} above the majority class; with other meanings, {:.2f}"
    for ax, (feature, name) in zip(axes, names.items(), strict=True):
        own = _probed(feature).filter(layer=MEAN)
        for meaning, (label, colour, dash) in lines.items():
            rows = own.filter(meaning=meaning).rows(measures)
            curve(ax, rows, "gain", label=label, color=colour, linestyle=dash)
            rows = _probed(feature, "record").last().filter(layer=MEAN, meaning=meaning)
            ax.axhline(average(rows.value("gain"), measures), color=colour, ls=":", lw=1)
        ax.axhline(0, color=fig.INK, lw=0.7)
        ax.set(xlabel="step", ylabel="accuracy above the majority class")
        ends = (own.filter(meaning=which).last().mean("gain") for which in (TRUE, OTHERS))
        fig.title(ax, words.format(name, *(average(end, measures) for end in ends)))
    axes[0].legend(loc="upper left")
    return sheet


def edits(measures: Measures, config: Any) -> Figure:
    """Edits along the probe, and lengths of programs."""
    sheet, axes = panels(2, 2.9, width_ratios=[1.5, 1])
    kinds = {"none": "no\nedit", "probe": "along\nprobe", "other meaning": "other\nmeaning"}
    kinds |= {"random": "random", "prompt": "goal in\nprompt"}
    wanted = lambda kind: table("edits").filter(kind=kind).value("wanted")
    bars(axes[0], measures, [*kinds], (("", fig.BLUE, wanted),), [*kinds.values()])
    axes[0].set(ylabel="next symbol is the other goal's", ylim=(0, 1))
    along, random = (average(wanted(kind), measures) for kind in ("probe", "random"))
    fig.title(axes[0], f"Edits along the probe steer {along:.0%}, random ones {random:.0%}")
    longer = lambda column: table("ends").last().value(column)
    names = ["networks", "exact\ngreedy"]
    bars(axes[1], measures, ["longer", "exact_longer"], (("", fig.GREEN, longer),), names)
    axes[1].axhline(0, color=fig.INK, lw=0.7)
    axes[1].set(ylabel="actions more than average")
    fig.title(axes[1], "Programs are short because they are the likeliest")
    return sheet


draw = drawing(program, features, meanings, edits)
