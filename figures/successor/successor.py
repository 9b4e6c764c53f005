"""Figures of the study ``successor``: a head's successor matrix, scores, sharing, heads, units."""

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from toylab.read import Measures, Rows, table
from toylab.report import figures as fig
from toylab.report.averages import average
from toylab.report.marks import bars, headroom
from toylab.report.panels import drawing, panels
from toylab.report.series import series
from toylab.tasks.successor.ordinals import Ordinals

CAPTIONS = {
    "matrix": "What one head of one network writes, with no prompt: the logit of every word "
    "(columns) for attending to a word (rows), less the column's mean, in spreads of its row. "
    "(a) All lists. (b) The months. Circles mark the largest logit of a row within the list before "
    "the columns' means are taken off, squares the successions that were never trained.",
    "scores": "(a) Share of trained successions whose right word has the list's largest logit, by "
    "list: the only head, the only head with four dimensions, the best of four heads, and an "
    "untrained head. Bars are means, ticks seeds; dotted, one over the length of the list. "
    "(b) The only head over training: its score, its attention to the word that is asked for, and "
    "the network's accuracy on trained successions. Lines are medians over seeds, bands their 95% "
    "intervals.",
    "sharing": "Networks with one head that are trained on successions, and on half of the "
    "questions besides to name the same index in another list (copy) or the successor in another "
    "list (across). (a) Accuracy on successions: trained, held out within the length of another "
    "list, and held out beyond it. (b) Share of pairs whose third word, with the index of one and "
    "the list of the other, is nearest to what a projection makes of them; the word was not seen "
    "in fitting. Bars are means, ticks seeds.",
    "heads": "Networks of four heads, on successions alone or with copying as well. (a) Score of "
    "each head, with no prompt, and what setting its output to its mean costs in accuracy on "
    "successions. (b) Scores of each network's heads in order, means over seeds with a tick for "
    "each; dotted, half of the best.",
    "units": "Networks with one head that are trained on successions, or also asked for a number's "
    "units. A linear probe of units behind the MLP, judged on decades it has not seen; and of "
    "numbers moved to other units by a difference of means, how many are followed by the successor "
    "of the number they became, and how many at least by its units. Dotted, chance of a probe.",
}
ARMS = {"plain": ("successions", fig.MUTED), "copy": ("+ copy", fig.ORANGE)}
ARMS |= {"across": ("+ across", fig.BLUE)}


def matrix(measures: Measures, config: Any) -> Figure:
    """The successor matrix of one head: all lists, and the months."""
    sheet, (left, right) = panels(2, 3.7, width_ratios=[1.15, 1])
    task, written = config.world(), np.asarray(measures["maps"])[0]
    centred = written - written.mean(0, keepdims=True)
    scaled = centred / centred.std(1, keepdims=True)
    look: dict[str, Any] = {"vmin": -4, "vmax": 4, "cmap": fig.DIVERGING}
    left.imshow(scaled, **look)
    for edge in task.starts[1:-1]:
        left.axhline(edge - 0.5, color=fig.INK, lw=0.6)
        left.axvline(edge - 0.5, color=fig.INK, lw=0.6)
    middle = np.mean([task.starts[:-1], task.starts[1:]], 0) - 0.5
    names = [own.name for own in task.lists]
    left.set_xticks(middle, names, rotation=35, ha="right")
    left.set_yticks(middle, names)
    left.tick_params(length=0)
    left.set(xlabel="logit of", ylabel="word that is attended to")
    d = names.index("months")
    span = slice(task.starts[d], task.starts[d + 1])
    image = right.imshow(scaled[span, span], **look)
    _mark(right, written[span, span], task, d)
    sheet.colorbar(image, ax=[left, right], label="logit, in spreads of its row", shrink=0.75)
    score = table("heads").filter(arm="plain", best=True).last().value("score")
    words = f"With no prompt the head has the successor first for {average(score, measures):.0%}"
    fig.title(left, f"{words} of trained words")
    fig.title(right, "Each month points at the next")
    return sheet


def _mark(ax: Axes, block: np.ndarray, task: Ordinals, d: int) -> None:
    """Names of a list's words, the largest logits, and the successions that were held out."""
    own, n = task.lists[d], task.lists[d].successions
    for ticks, turn in ((ax.set_xticks, 90), (ax.set_yticks, 0)):
        ticks(range(len(own)), [word[:3] for word in own.words], rotation=turn)
    top = block[:n].argmax(1) if np.isfinite(block).all() else []
    ax.plot(top, range(len(top)), "o", mfc="none", mec="white", ms=5)
    held = np.flatnonzero(task.tables.held[d, :n])
    right = task.tables.answer[d, held] - task.starts[d]
    ax.plot(right, held, "s", mfc="none", mec=fig.VERMILLION, ms=8, mew=1.2)


def scores(measures: Measures, config: Any) -> Figure:
    """Scores by list, and the course of training."""
    sheet, (left, right) = panels(2, 3.0, width_ratios=[1.4, 1])
    lists = config.world().lists
    row = lambda arm, name, rows: rows.filter(arm=arm, list=name, best=True).value("score")
    last, first = table("lists").last(), table("lists").first()
    cells = (
        ("one head", fig.BLUE, lambda name: row("plain", name, last)),
        (f"of {config.narrow_dim} dimensions", fig.SKY, lambda name: row("narrow", name, last)),
        ("best of four", fig.ORANGE, lambda name: row("four", name, last)),
        ("untrained", fig.MUTED, lambda name: row("plain", name, first)),
    )
    bars(left, measures, [own.name for own in lists], cells)
    for i, own in enumerate(lists):
        left.plot([i - 0.4, i + 0.4], [1 / len(own)] * 2, ":", color=fig.INK, lw=1)
    headroom(left)
    left.set(ylabel="successor score")
    left.legend(ncols=2, loc="upper left")
    fig.title(left, "One head moves every list on; four heads share the work")
    curves = (
        ("heads", "score", "score", fig.BLUE, "-"),
        ("heads", "attention", "attention", fig.GREEN, "--"),
        ("answers", "trained", "accuracy", fig.VERMILLION, "-."),
    )
    for name, column, label, colour, dash in curves:
        rows = table(name).filter(arm="plain").rows(measures)
        step_S, value_PS = series(rows, column)
        if np.isfinite(value_PS[:, 1:]).any():
            fig.interval_line(right, step_S[1:], value_PS[:, 1:], label, colour, linestyle=dash)
    right.set(xscale="log", xlabel="step", ylabel="score, attention, accuracy", ylim=(-0.03, 1.03))
    right.legend(loc="lower right")
    fig.title(right, "Score and accuracy rise together")
    return sheet


def sharing(measures: Measures, config: Any) -> Figure:
    """Held-out successions, and words recombined of index and list."""
    sheet, (left, right) = panels(2, 2.9, width_ratios=[1.6, 1])
    kinds = {"trained": "trained", "near": "held out,\nin reach", "far": "held out,\nbeyond"}
    answered = lambda arm: lambda kind: table("answers").filter(arm=arm).last().value(kind)
    cells = tuple((name, colour, answered(arm)) for arm, (name, colour) in ARMS.items())
    bars(left, measures, [*kinds], cells, [*kinds.values()])
    headroom(left)
    left.set(ylabel="accuracy on successions")
    left.legend(ncols=3, loc="upper left")
    seen = average(answered("across")("near"), measures)
    fig.title(left, f"Naming successors across lists teaches {seen:.0%} of those in reach")
    recombined = lambda arm: _ends(arm).value("recombined")
    names = ["untrained", *(name for name, _ in ARMS.values())]
    bars(right, measures, ["untrained", *ARMS], (("", fig.BLUE, recombined),), names)
    right.set(ylabel="third word found", ylim=(0, 1.05))
    right.tick_params(axis="x", rotation=25)
    fig.title(right, f"Index and list come apart: {average(recombined('across'), measures):.0%}")
    return sheet


def _ends(arm: str) -> Rows:
    rows = table("geometry").filter(arm="plain" if arm == "untrained" else arm)
    return rows.first() if arm == "untrained" else rows.last()


def heads(measures: Measures, config: Any) -> Figure:
    """Scores of four heads and what their ablation costs."""
    sheet, (left, right) = panels(2, 2.9)
    arms = {"four": ("successions", fig.ORANGE), "four copy": ("+ copy", fig.PURPLE)}
    of = lambda arm: table("heads").filter(arm=arm).last()
    for arm, (name, colour) in arms.items():
        rows = of(arm).rows(measures)
        left.plot(rows["score"], rows["cost"], "o", color=colour, ms=4, alpha=0.7, label=name)
    left.set(xlabel="successor score", ylabel="accuracy lost by ablation", xlim=(0, 1))
    left.legend()
    costs = (average(of(arm).filter(best=True).value("cost"), measures) for arm in arms)
    fig.title(left, "Ablating the best of four heads costs {:.2f} or {:.2f}".format(*costs))
    score = lambda own, n: own["score"].sort(descending=True, nulls_last=True)[n - 1]
    nth = lambda arm: lambda n: of(arm).each(lambda own: score(own, n))
    cells = tuple((name, colour, nth(arm)) for arm, (name, colour) in arms.items())
    bars(right, measures, [1, 2, 3, 4], cells, ["best", "2nd", "3rd", "4th"])
    for arm, (_, colour) in arms.items():
        right.axhline(average(nth(arm)(1), measures) / 2, color=colour, ls=":", lw=1)
    right.set(ylabel="successor score", xlabel="head of a network", ylim=(0, 1))
    ratio = (average(nth(arm)(1) / nth(arm)(2), measures) for arm in arms)
    fig.title(right, "The best has {:.1f} or {:.1f} times the score of the next".format(*ratio))
    return sheet


def units(measures: Measures, config: Any) -> Figure:
    """Units of numbers, decoded and moved."""
    sheet, (ax,) = panels(1, 2.9, fig.COLUMN * 1.3)
    kinds = {"units_decoded": "units decoded,\nnew decades"}
    kinds |= {"moved": "moved: right\nsuccessor", "moved_units": "moved: right\nunits"}
    value = lambda arm: lambda kind: _ends(arm).value(kind)
    cells = (
        ("untrained", fig.SKY, value("untrained")),
        ("successions", fig.MUTED, value("plain")),
        ("+ units", fig.VERMILLION, value("units")),
    )
    bars(ax, measures, [*kinds], cells, [*kinds.values()])
    ax.axhline(0.1, color=fig.INK, ls=":", lw=0.8)
    headroom(ax)
    ax.set(ylabel="share of numbers")
    ax.legend(ncols=3, loc="upper left")
    found, moved = (average(value("units")(kind), measures) for kind in ("units_decoded", "moved"))
    fig.title(ax, f"Units asked for are decoded at {found:.0%}; the head follows at {moved:.0%}")
    return sheet


draw = drawing(matrix, scores, sharing, heads, units)
