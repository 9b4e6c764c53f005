"""Figures of the study ``ariel``: two squares of sentences, peers, what is exact, lines."""

from typing import Any

import numpy as np
import polars as pl
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.patches import Patch, Rectangle
from matplotlib.patheffects import withStroke

from toylab.read import Measures, table
from toylab.report import figures as fig
from toylab.report.averages import average
from toylab.report.marks import bars, headroom, points
from toylab.report.panels import drawing, panels
from toylab.report.series import curve
from toylab.tasks.ariel.phrases import Phrases

CAPTIONS = {
    "squares": "Every point of a square is decoded; the colour is the subject's noun, light in the "
    "plural, shades tell sentences apart, and black is no sentence of the grammar. (a) AriEL: the "
    "first word splits the square from left to right, the second from below, and so on; lines are "
    "boxes of the first three words, and areas are chances of the language model. (b) A VAE with a "
    "code of two numbers, and its likeliest words; the square is put on its prior, so that areas "
    "are chances there too. One seed.",
    "peers": "(a) Different valid sentences among as many draws as the grammar has sentences, as "
    "a share of these, for VAEs of four betas, an autoencoder and a transformer. Bars are means, "
    "ticks seeds. Lines: AriEL, drawn from evenly; ancestral samples of its language model; the "
    "grammar's own speaker; draws from the corpus. (b) The same of codes drawn as they lie, with "
    "drawn words, against the share of the sentences outside of the corpus that are written again.",
    "exact": "(a) Language models from hot to cool, from their volumes alone, with temperatures. "
    "Marks: VAEs, drawn from their prior, with drawn and with the likeliest words. (b) Share of "
    "texts of random models that come back, by the bits that they need along each axis; medians "
    "over seeds with 95% intervals, in bins of five bits. In fractions all come back.",
    "lines": "Sentences on straight lines between the codes of two of the corpus. (a) How often "
    "subject, verb and object are of one of the ends, beyond chance (kappa, the mean of three); "
    "medians over seeds with 95% intervals. (b) The same halfway, for each role, and the valid "
    "share; means, ticks seeds.",
}
SAMPLES, CODES, BETWEEN = table("samples"), table("codes"), table("between")
ALL = pl.mean_horizontal("subject", "verb", "object")
LIGHT, SHADE = 0.45, 0.16  # of the plural; of sentences among one another
EVEN, NATURAL = {"how": "even", "words": "likeliest"}, {"how": "natural", "words": "drawn"}


def squares(measures: Measures, config: Any) -> Figure:
    """Sentences of a square, by boxes and by a VAE of two numbers."""
    sheet, axes = panels(2, 4.0)
    task, grid, colour_S3 = config.world(), config.grid, _colours(config.world())
    for ax, kind, name in zip(axes, ("ariel", "plane"), ("AriEL", "VAE"), strict=True):
        cells = table("square").filter(kind=kind).rows(measures)["sentence"].to_numpy()
        if not len(cells):  # the network has diverged
            continue
        image = colour_S3[cells].reshape(grid, grid, 3)
        ax.imshow(image, origin="lower", extent=(0, 1, 0, 1), interpolation="nearest")
        ax.set(xticks=(0, 1), yticks=(0, 1))
        valid, seen = np.mean(cells >= 0), len(np.unique(cells[cells >= 0]))
        fig.title(ax, f"{name}: {valid:.0%} valid, {seen:,} sentences")
    _boxes(axes[0], table("outlines").rows(measures).drop_nulls())
    axes[0].set(xlabel="words 1, 3, 5, 7", ylabel="words 2, 4, 6, 8")
    axes[1].set(xlabel="prior's mass, first number", ylabel="prior's mass, second number")
    names = task.names[4 + task.adjectives :]
    keys = [Patch(color=to_rgb(_hue(i)), label=names[i]) for i in range(2 * task.nouns)]
    keys.append(Patch(color=fig.INK, label="no sentence"))
    sheet.legend(handles=keys, loc="outside lower center", ncols=7, handlelength=1)
    return sheet


def _hue(form: int) -> tuple[float, float, float]:
    """Colour of a form of a noun, light in the plural."""
    base = np.array(to_rgb(fig.PALETTE[form // 2 % len(fig.PALETTE)]))
    r, g, b = base + LIGHT * (1 - base) * (form % 2)
    return r, g, b


def _colours(task: Phrases) -> np.ndarray:
    """Colour of each sentence, and at the end of none (S + 1, 3)."""
    tokens_SL, first = task.table().tokens, 4 + task.adjectives
    is_noun_SL = (tokens_SL >= first) & (tokens_SL < first + 2 * task.nouns)
    form_S = tokens_SL[np.arange(task.size), is_noun_SL.argmax(1)] - first
    shade_S1 = SHADE * np.random.default_rng(0).uniform(-1, 1, (task.size, 1))
    colour_S3 = np.clip(np.array([_hue(form) for form in form_S.tolist()]) + shade_S1, 0, 1)
    return np.concatenate([colour_S3, [to_rgb(fig.INK)]])


def _boxes(ax: Axes, rows: pl.DataFrame) -> None:
    """Outline boxes; name those of the first word on the axis, and others that have room."""
    ticks = []
    for box in rows.sort("words", descending=True).to_dicts():
        x, y, width, height = box["x"], box["y"], box["right"] - box["x"], box["top"] - box["y"]
        thick, middle = (1.8, 1.0, 0.5)[box["words"] - 1], (x + width / 2, y + height / 2)
        ax.add_patch(Rectangle((x, y), width, height, fill=False, ec="white", lw=thick))
        if box["words"] == 1 and width > 0.05:
            ticks.append((middle[0], box["word"]))
        elif box["words"] == 2 and height > 0.05 and width > 0.1:
            edge = [withStroke(linewidth=1.6, foreground=fig.INK)]
            look: dict[str, Any] = {"ha": "center", "va": "center", "path_effects": edge}
            ax.text(*middle, box["word"], color="white", size=7, **look)
    ax.set_xticks([at for at, _ in ticks], [word for _, word in ticks])


def peers(measures: Measures, config: Any) -> Figure:
    """Different sentences of autoencoders, beside those of boxes; and what codes give back."""
    sheet, (left, right) = panels(2, 3.3, width_ratios=[1.75, 1])
    names = {f"VAE\n{beta:g}": {"kind": "vae", "beta": beta} for beta in config.betas}
    names |= {"AE": {"kind": "ae"}, "trans-\nformer": {"kind": "attention"}}
    ways = {"even points, likeliest words": (fig.VERMILLION, EVEN)}
    ways["as codes lie, likeliest"] = (fig.SKY, EVEN | {"how": "natural"})
    ways["as codes lie, drawn words"] = (fig.BLUE, NATURAL)
    read = lambda way: lambda name: SAMPLES.filter(**names[name], **way).value("distinct")
    cells = [(label, colour, read(way)) for label, (colour, way) in ways.items()]
    bars(left, measures, list(names), cells)
    looks = {"ariel": ("AriEL", "-"), "ancestral": ("ancestral samples", (0, (1, 2)))}
    looks |= {"grammar": ("the grammar itself", "--"), "corpus": ("draws from the corpus", "-.")}
    level = {kind: average(SAMPLES.filter(kind=kind).value("distinct"), measures) for kind in looks}
    for kind, (label, style) in looks.items():
        color, lw = (fig.MUTED, 1) if kind in ("grammar", "corpus") else (fig.INK, 2)
        left.axhline(level[kind], ls=style, label=label, color=color, lw=lw, alpha=0.8)
    headroom(left, 0.7)
    left.set(ylabel="share of all sentences, once or more")
    left.legend(loc="upper center", ncols=2, columnspacing=1)
    best = SAMPLES.filter(kind="vae", **EVEN).aggregate(pl.col("distinct").max())
    lead = level["ariel"] - average(best, measures)
    fig.title(left, f"Drawn from evenly, boxes lead by {lead:.0%} of all; ancestral samples too")
    for i, (name, own) in enumerate(names.items()):
        back = average(CODES.filter(**own).value("restored_new"), measures)
        some = SAMPLES.filter(**own, **NATURAL).value("distinct")(measures).values
        points(right, back, some, fig.BLUE if own["kind"] == "vae" else fig.ORANGE)
        if len(some) and np.isfinite(back):
            place: dict[str, Any] = {"xytext": (6, (6, -3, -9, 4, -3, -3)[i % 6]), "size": 7}
            label = name.replace("-\n", "").replace("\n", " ")
            right.annotate(label, (back, some.mean()), textcoords="offset points", **place)
    right.plot(1, level["ariel"], "*", color=fig.INK, ms=11)
    right.annotate("AriEL", (1, level["ariel"]), (-6, -3), textcoords="offset points", ha="right")
    right.set(xlabel="sentences written again", xlim=(-0.06, 1.35), xticks=(0, 0.5, 1))
    right.set(ylabel="share of all sentences")
    fig.title(right, "Boxes give all back, and give many")
    return sheet


def exact(measures: Measures, config: Any) -> Figure:
    """What follows from volumes at any temperature, and what floats hold of a code."""
    sheet, (left, right) = panels(2, 2.9)
    rows = table("temperatures").rows(measures).drop_nulls().sort("temperature")
    line = rows.group_by("temperature", maintain_order=True).agg(pl.col("valid", "distinct").mean())
    left.plot(line["valid"], line["distinct"], "o-", color=fig.INK, ms=3, lw=1)
    for row in line.to_dicts():
        if row["temperature"] in (config.temperatures[0], 1, config.temperatures[-1]):
            place: dict[str, Any] = {"xytext": (-4, 5), "ha": "right", "size": 7}
            at = row["valid"], row["distinct"]
            left.annotate(f"{row['temperature']:g}", at, textcoords="offset points", **place)
    for words, marker in (("drawn", "o"), ("likeliest", "^")):
        for beta, colour in zip(config.betas, fig.PALETTE, strict=False):
            own = SAMPLES.filter(kind="vae", beta=beta, how="natural", words=words)
            x, y = (average(own.value(column), measures) for column in ("valid", "distinct"))
            look = {"color": colour, "ms": 6, "mfc": "none", "mew": 1.3}
            left.plot(x, y, marker, label=f"VAE {beta:g}, {words}", **look)
    left.set(xlabel="valid share", ylabel="share of all sentences")
    left.legend(loc="lower left", ncols=2, columnspacing=1, handletextpad=0.1, borderaxespad=0)
    fig.title(left, "A little cooler, models are more valid and wider; much cooler, less wide")
    shares = table("precision").rows(measures).with_columns(middle=pl.col("bits") + 2.5)
    for axes, colour in zip((1, 2, 4), (fig.BLUE, fig.ORANGE, fig.GREEN), strict=True):
        for number, style in (("float32", "-"), ("float64", "--")):
            own = shares.filter(pl.col("axes") == axes, pl.col("number") == number)
            label = f"{axes} ax{'i' if axes == 1 else 'e'}s" if style == "-" else None
            curve(right, own, "share", "middle", label=label, color=colour, ls=style, marker="o")
    _ = right.text(30, 0.45, "float32"), right.text(59, 0.45, "float64")
    right.set(xlabel="bits along an axis", ylabel="texts that come back", ylim=(-0.03, 1.05))
    right.legend(loc="lower left")
    fig.title(right, "Floats give back codes of fewer bits than they have")
    return sheet


def lines(measures: Measures, config: Any) -> Figure:
    """What lies between two sentences."""
    sheet, (left, right) = panels(2, 2.9, width_ratios=[1, 1.3])
    kinds: dict[str, tuple[str, dict[str, Any]]] = {"AriEL": (fig.INK, {"kind": "ariel"})}
    kinds["AE"] = (fig.ORANGE, {"kind": "ae"})
    for beta, colour in zip(config.betas[:2], (fig.BLUE, fig.SKY), strict=True):
        kinds[f"VAE {beta:g}"] = (colour, {"kind": "vae", "beta": beta})
    for label, (colour, own) in kinds.items():
        rows = BETWEEN.filter(**own).rows(measures).with_columns(all=ALL).drop_nulls("all")
        if len(rows):
            curve(left, rows, "all", "at", label=label, color=colour, marker="o", ms=3)
            left.legend(loc="lower center", ncols=2)
    left.axhline(0, color=fig.MUTED, lw=1, ls=":")
    left.set(xlabel="place on the line", ylabel="roles of an end, beyond chance")
    left.set(ylim=(-0.4, 1.05), xticks=(0, 0.5, 1))
    roles = {"subject": "subject", "verb": "verb", "object": "object", "valid": "valid\nshare"}
    read = lambda own: lambda role: BETWEEN.filter(at=0.5, **own).value(role)
    cells = [(label, colour, read(own)) for label, (colour, own) in kinds.items()]
    bars(right, measures, list(roles), cells, list(roles.values()))
    right.axhline(0, color=fig.INK, lw=0.7)
    right.set(ylabel="halfway: of an end, beyond chance")
    boxes, _, vae, _ = (average(read(own)(ALL), measures) for _, own in kinds.values())
    fig.title(left, f"Halfway {boxes:.2f} is kept in boxes, {vae:.2f} in a VAE")
    fig.title(right, "Boxes keep the verb, and nothing of the last word")
    return sheet


draw = drawing(squares, peers, exact, lines)
