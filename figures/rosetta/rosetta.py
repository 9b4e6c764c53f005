"""Figures of the study ``rosetta``: transfer against information, its course, bridges, signs."""

from typing import Any

import jax
import numpy as np
import polars as pl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from toylab.read import Measures, table
from toylab.report import figures as fig
from toylab.report.averages import average
from toylab.report.marks import bars, headroom, points
from toylab.report.panels import drawing, panels
from toylab.report.ramp import ramp
from toylab.report.series import series
from toylab.tasks.rosetta.bilingual import information

HALVES = (fig.ORANGE, fig.BLUE)  # colours of the values' halves: of language A, of language B
ARMS = {"bias": ("language not named", fig.INK), "tag": ("named by a tag", fig.VERMILLION)}
LINE = {"lw": 1, "color": fig.MUTED}
CAPTIONS = {
    "transfer": "(a) Nine facts of two worlds: a square is a fact told in a language, a question "
    "mark one that is asked for there, and the colour the half that its value is from. With one "
    "bit, that half says in which language a fact is told; facts told in both have any value. "
    "(b) Share of questions answered rightly, against what the half says of the language. Marks "
    "are means over seeds with 95% intervals, ticks seeds. Dotted, a guess; dashed, no fact told "
    "in both languages, so that names alone are shared. (c) Share of the wrong answers that are "
    "from the half of the language of the question; dotted, wrong answers at random.",
    "course": "(a) Share of questions answered rightly in the other language, through training, by "
    "what the value's half says of the language; dashed, one bit until halfway and none from then "
    "on. (b) How unified the representations of those facts are behind the MLP: cosine of a fact "
    "in one language with itself in the other, less that of two facts in one language. Lines are "
    "medians over seeds, bands the 95% intervals of three.",
    "bridges": "(a) Questions answered rightly in the other language, by what is shared: from the "
    "plain world one thing changes at a time. Bars are means, ticks seeds; black marks, what would "
    "be right if answers were dealt out anew, with twice the standard deviation for one network. "
    "In the leak test no name is shared and no fact is told in both. "
    "(b) The same where the stream before the MLP is moved by the mean difference of the "
    "languages, over other attributes, away from the language that a fact is told in or toward it.",
    "signs": "(a) Networks of all worlds with shared names and values: unification after a quarter "
    "of the training, and transfer at its end. (b) Rank correlation with that transfer of what can "
    "be seen at a quarter: over a seed's worlds, over seeds within a world, and the latter among "
    "networks of the same early transfer. Bars are means, ticks what seeds add.",
}
CELLS = table("cells")
Read = Any  # from a column to a reading


def _at(arm: str, **settings: float) -> Read:
    return lambda column: CELLS.filter(arm=arm, **settings).last("step").value(column)


def transfer(measures: Measures, config: Any) -> Figure:
    """Transfer against the information that a fact holds about its language."""
    sheet, axes = panels(3, 3.0, width_ratios=[1.05, 1.45, 1.1])
    _worlds(axes[0], config)
    for ax, column in zip(axes[1:], ("cross", "by_language"), strict=True):
        for arm, (label, colour) in ARMS.items():
            _line(ax, measures, arm, column, label, colour)
        ax.set(xlim=(-0.06, 1.06), ylim=(0, 1.03), xticks=(0, 0.5, 1))
        ax.set_xlabel("bits that the value's half\nsays of the language")
    names = average(_at("share", parallel=0.0)("cross"), measures)
    look: dict[str, Any] = {"va": "top", "ha": "center", "color": fig.MUTED, "size": 7}
    for height, style, told in ((1 / config.values, ":", "a guess"), (names, "--", "names alone")):
        axes[1].axhline(height, ls=style, **LINE)
        if np.isfinite(height):
            axes[1].text(0.42, height - 0.01, told, **look)
    bias, v = np.linspace(0, 1), config.values
    axes[2].plot(information(bias), (v + bias - 1) / (2 * v - 2), ":", **LINE)
    axes[1].set_ylabel("right in the other language")
    axes[2].set_ylabel("wrong answers by language")
    axes[1].legend(loc="upper right")
    fig.title(axes[0], "Facts that are told, or asked for (?)")
    none, full = (average(_at("bias", bias=bias)("cross"), measures) for bias in (0.0, 1.0))
    fig.title(axes[1], f"Transfer falls from {none:.0%} to {full:.0%} with one bit")
    share = average(_at("bias", bias=1.0)("by_language"), measures)
    fig.title(axes[2], f"Of wrong answers {share:.0%} go by the language")
    return sheet


def _line(ax: Axes, measures: Measures, arm: str, column: str, label: str, colour: str) -> None:
    biases = sorted(measures["cells"].filter(arm=arm)["bias"].unique())
    bits, means = information(np.array(biases)), []
    for i, (x, bias) in enumerate(zip(bits, biases, strict=True)):
        values = _at(arm, bias=bias)(column)(measures).values
        points(ax, x, values, colour, label=None if i else label)
        means.append(values.mean() if len(values) else np.nan)
    ax.plot(bits, means, color=colour, lw=1)


def _worlds(ax: Axes, config: Any) -> None:
    """Facts of a world in which the half says nothing of the language, and of one of a bit."""
    middle: dict[str, Any] = {"ha": "center", "va": "center"}
    for left, bias in ((0.0, 0.0), (3.5, 1.0)):
        settings = config.plain() | {"bias": bias, "world": config.first_world}
        facts = jax.tree.map(np.asarray, config.world(**settings).facts())
        kind_F = np.where(facts.parallel, 2, facts.home)
        half_F = facts.value // (config.values // 2)
        rows = np.concatenate([_mixed(np.flatnonzero(kind_F == kind), half_F) for kind in range(3)])
        for row, f in enumerate(rows):
            colour = HALVES[half_F[f]]
            for language, told in enumerate(facts.told[:, f]):
                x, y = left + 1.1 * language, -row - 0.5 * (row // 3)
                face = colour if told else "none"
                ax.add_patch(Rectangle((x, y), 0.95, 0.85, fc=face, ec=colour, lw=1))
                if not told:
                    ax.text(x + 0.48, y + 0.4, "?", color=colour, **middle)
        for language, name in enumerate("AB"):
            ax.text(left + 1.1 * language + 0.48, 1.3, name, **middle)
        for group, told in enumerate(("only A", "only B", "both")):
            ax.text(left - 0.5, -3.5 * group - 0.6, told, rotation=90, **middle)
        ax.text(left + 1.0, -10, ("0 bits", "1 bit")[int(bias)], **middle)
    ax.set(xlim=(-1.0, 5.7), ylim=(-10.6, 1.9))
    ax.axis("off")


def _mixed(own: np.ndarray, half_F: np.ndarray) -> np.ndarray:
    """Three of some facts, of both halves if there are."""
    half = half_F[own]
    return own[np.argsort(np.where(half, half.cumsum(), (1 - half).cumsum()), kind="stable")][:3]


def course(measures: Measures, config: Any) -> Figure:
    """Transfer and unification through training."""
    sheet, axes = panels(2, 2.7)
    biases = sorted(measures["cells"].filter(arm="bias")["bias"].unique())
    for ax, column in zip(axes, ("cross", "score_single"), strict=True):
        for bias, colour in zip(biases, ramp(len(biases)), strict=True):
            rows = CELLS.filter(arm="bias", bias=bias).rows(measures)
            step_S, value_PS = series(rows, column)
            label = f"{information(bias):.2f} bits"
            value_PS = value_PS[np.isfinite(value_PS).all(1)]
            if not len(value_PS):
                continue
            if bias in (0, 1):
                fig.interval_line(ax, step_S, value_PS, label, colour, marker="o", ms=3)
            else:
                ax.plot(step_S, np.median(value_PS, 0), "o-", ms=3, color=colour, label=label)
        step_S, value_PS = series(CELLS.filter(arm="mended").rows(measures), column)
        step_S, look = step_S + config.steps // 2, {"ls": "--", "marker": "o", "ms": 3}
        if np.isfinite(value_PS).any():
            fig.interval_line(ax, step_S, value_PS, "balanced halfway", fig.INK, **look)
        ax.set_xlabel("step")
    axes[0].set(ylabel="right in the other language", ylim=(0, 1.03))
    axes[1].set_ylabel("unification of these facts")
    axes[1].legend(loc="lower right", ncols=2)
    mended = average(_at("mended")("cross"), measures)
    fig.title(axes[0], f"Balanced from halfway on, {mended:.0%} are right in the end")
    fig.title(axes[1], "Facts are unified early, and less where values tell the language")
    return sheet


def bridges(measures: Measures, config: Any) -> Figure:
    """What has to be shared, and what moving the stream brings."""
    sheet, (left, right) = panels(2, 3.0, width_ratios=[1.7, 1])
    shares = sorted((*config.shares, config.parallel))
    cells = {f"{share:.0%}": ("share", {"parallel": share}) for share in shares}
    cells[f"{config.parallel:.0%}"] = ("bias", {"bias": 0.0})
    cells |= {"other\nnames": ("names", {}), "other\nvalues": ("apart", {})}
    cells |= {"names\nmoved": ("moved", {}), "leak\ntest": ("leak", {})}
    read = lambda name: _at(cells[name][0], **cells[name][1])
    bars(left, measures, list(cells), [("", fig.BLUE, lambda name: read(name)("cross"))])
    for i, name in enumerate(cells):
        chance, spread = (average(read(name)(column), measures) for column in ("chance", "spread"))
        left.errorbar(i, chance, 2 * spread, fmt="s", color=fig.INK, ms=3, lw=1, capsize=2)
    left.axvline(len(shares) - 0.5, color=fig.MUTED, lw=0.7)
    left.set(ylabel="right in the other language", ylim=(0, 1.03))
    left.set_xlabel("facts told in both languages" + " " * 30 + f"{config.parallel:.0%}, but with")
    none = average(read(next(iter(cells)))("cross"), measures)
    fig.title(left, f"Names alone bring {none:.0%}; facts told in both bring the rest")
    kinds = {"away": "away", "cross": "as it is", "toward": "toward"}
    groups = {"0 bits": ("bias", 0.0), "1 bit": ("bias", 1.0), "1 bit,\ntag": ("tag", 1.0)}
    colours = (fig.SKY, fig.MUTED, fig.GREEN)
    moved = lambda kind: lambda name: _at(groups[name][0], bias=groups[name][1])(kind)
    parts = zip(kinds.items(), colours, strict=True)
    bars(right, measures, list(groups), [(label, c, moved(kind)) for (kind, label), c in parts])
    headroom(right)
    right.set_ylabel("right in the other language")
    right.legend(loc="upper center", ncols=3, columnspacing=1, handlelength=1)
    was, now = (average(moved(kind)("1 bit"), measures) for kind in ("cross", "toward"))
    fig.title(right, f"Along one direction {was:.0%} become {now:.0%}")
    return sheet


def signs(measures: Measures, config: Any) -> Figure:
    """What can be seen early of the transfer at the end."""
    sheet, (left, right) = panels(2, 2.9, width_ratios=[1, 1.1])
    rows = CELLS.filter(arm=("bias", "tag", "share")).rows(measures)
    last, keys = rows["step"].max(), ["arm", "parallel", "bias", "init_seed"]
    early = rows.filter(pl.col("step") == last // 4).select(*keys, early="score_single")
    both = rows.filter(pl.col("step") == last, pl.col("parallel") > 0).join(early, on=keys)
    looks = {"bias": ("o", "0 to 1 bit"), "tag": ("^", "with a tag")}
    looks |= {"share": ("s", "other shares of parallel facts")}
    for arm, (marker, label) in looks.items():
        own = both.filter(pl.col("arm") == arm)
        colour = {"bias": fig.INK, "tag": fig.VERMILLION, "share": fig.SKY}[arm]
        left.plot(own["early"], own["cross"], marker, color=colour, ms=3, alpha=0.7, label=label)
    left.set(xlabel="unification at a quarter", ylabel="transfer at the end", ylim=(0, 1.03))
    left.legend(loc="upper left")
    fig.title(left, "Early unification goes with late transfer")
    titles = {"score_single": "unification of\nfacts asked for", "cross": "transfer\nat that time"}
    titles["score_parallel"] = "unification of\nfacts told in both"
    overs = {"worlds": ("over worlds", fig.MUTED), "seeds": ("within a world", fig.BLUE)}
    overs["beyond"] = ("beyond early transfer", fig.GREEN)
    read = lambda over: lambda sign: table("signs").filter(sign=sign, over=over).value("value")
    bars(
        right,
        measures,
        list(titles),
        [(*look, read(o)) for o, look in overs.items()],
        [*titles.values()],
    )
    right.axhline(0, color=fig.INK, lw=0.7)
    right.set(ylabel="rank correlation with the end", yticks=(-0.5, 0, 0.5, 1))
    right.set_ylim(-0.5, 2.4)
    right.legend(loc="upper center", ncols=2)
    within = average(read("seeds")("score_single"), measures)
    fig.title(right, f"Among networks of one world the correlation is {within:.2f}")
    return sheet


draw = drawing(transfer, course, bridges, signs)
