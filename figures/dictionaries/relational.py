"""Figures of the study ``relational``: echoes, order, the map between roles, copiers of lists."""

from typing import Any

import numpy as np
import polars as pl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Circle

from toylab.read import Measures, Reading, Rows, table
from toylab.report import figures as fig
from toylab.report.averages import average
from toylab.report.marks import bars, headroom, points
from toylab.report.panels import drawing, gallery, panels
from toylab.report.series import curve

NEAR = 0.9  # cosine from which on an atom is a direction
LINE = {"lw": 1, "color": fig.MUTED}
SHOWN = {
    "bag": "bag\n$f_i + f_j$",
    "scale": "scale\n$f_i + \\frac{1}{2} f_j$",
    "matrix": "matrices\n$A f_i + B f_j$",
    "tensor": "tensor\n$f_i \\otimes r_1 + f_j \\otimes r_2$",
    "unitary": "holographic\n$r_1 * f_i + r_2 * f_j$",
    "product": "product\n$f_i \\circ f_j$",
}
LOOKS = {
    "bag": ("bag", fig.MUTED),
    "scale": ("scale", fig.ORANGE),
    "matrix": ("matrices", fig.BLUE),
    "tensor": ("tensor", fig.SKY),
    "unitary": ("holographic", fig.GREEN),
    "gaussian": ("Gaussian roles", fig.PURPLE),
    "fillers": ("convolution", fig.YELLOW),
    "product": ("product", fig.VERMILLION),
}
NAMES = {name: label for name, (label, _) in LOOKS.items()}
DOTS = {"marker": "o", "ms": 3}
CAPTIONS = {
    "echoes": "(a) Atoms of a dictionary (dots) in the plane of what one concept looks like in two "
    "roles, for the first seed and the largest size: their cosines with both axes. Arrows, "
    "the concept in the first role (blue) and in the second (orange); where both are the "
    "same, the axis up is another concept, and of products the vector of both. Large dots are "
    "nearer than a cosine of 0.9, dashed, to a true direction. (b) Distinct atoms near a "
    "concept's images, against the number of atoms for each concept; dashed, as many random "
    "directions. (c) The same where the second role is the first, turned by an angle; dotted, "
    "where the cosine of both images is 0.9; grey, matrices with one and three roles. Lines "
    "are medians and marks means over seeds with 95% intervals, ticks seeds.",
    "order": "(a) How often it is told which of two concepts is in which role: by the nearer of "
    "two mean vectors, mean codes, or means of which atoms are active; dotted, chance. (b) Under "
    "order by scale, what a dictionary with two atoms for each concept tells. (c) Share of "
    "the pairs that are found under products, against the number of atoms for each concept; "
    "dashed, of single concepts. Bars are means, ticks seeds.",
    "maps": "Median over concepts of the cosine of a concept's atom in the second role with what a "
    "rotation, fitted by Procrustes to other concepts' atoms, makes of its atom in the first: "
    "with atoms by label, with concepts shuffled in the second role, without a map, and with "
    "random atoms. 48 concepts in 32 dimensions at the laptop preset. Bars are means, ticks "
    "seeds.",
    "copiers": "(a) The separator's attention to the first digit in the first block, for every "
    "list and the first seed. (b) The second mask's attention to the separator in the last block. "
    "(c) Answers to lists held out that are right; dotted, the paper's best network with two "
    "layers. (d) Two layers with fixed values, lists held out: how often answers come out "
    "reversed where the separator's two weights are exchanged, or its digits or its places "
    "have the weights of the list reversed; and how often the second answer is right where "
    "the separator holds the second digit alone, or the second mask's attention is held at "
    "its mean or cut from the first mask. (e) Of the separator's stream after the first "
    "block, the share in a sum of a vector for each digit and place; and of the second "
    "place's vectors, the share in one multiple of the first's. Bars are means, ticks seeds.",
}
DICTIONARIES, MAPS, COPIERS = table("dictionaries"), table("maps"), table("copiers")


def _bound(name: str) -> Rows:
    return DICTIONARIES.filter(name=name, parts=2, centred=0)


def _found(name: str, column: str) -> Reading:
    return _bound(name).last("room").value(column)


def _sizes(ax: Axes, measures: Measures, name: str, column: str) -> None:
    label, colour = LOOKS[name]
    curve(ax, _bound(name).rows(measures), column, "room", label=label, color=colour, **DOTS)


def echoes(measures: Measures, config: Any) -> Figure:
    """Echoes of one concept under each binding, and their number."""
    sheet, pictures, (left, right) = gallery(4.6, len(SHOWN))
    for ax, (name, label) in zip(pictures, SHOWN.items(), strict=True):
        _plane(ax, measures["planes"].filter(name=name))
        ax.set_title(label, fontsize=7.5, loc="center")
    for name in SHOWN:
        _sizes(left, measures, name, "multiplicity")
    rows = _bound("matrix").rows(measures)
    curve(left, rows, 2 * pl.col("random"), "room", color=fig.BLUE, ls="--", label="random atoms")
    left.set(xlabel="atoms for each concept", ylabel="distinct atoms of a concept")
    left.set(ylim=(-0.1, 3.3), yticks=(0, 1, 2), xticks=config.rooms)
    left.legend(loc="upper center", ncols=3, columnspacing=1, handlelength=1.5)
    for kind, height, colour in (("first", 0.12, fig.BLUE), ("second", 0.0, fig.ORANGE)):
        pictures[0].text(-1.1, -1.7 + height * 3, f"in the {kind} role", size=6.5, color=colour)
    points(right, 0, _found("bag", "multiplicity")(measures).values, fig.INK)
    for angle in config.angles:
        turned = DICTIONARIES.filter(name="rotation", angle=angle).value("multiplicity")
        points(right, angle, turned(measures).values, fig.INK)
    for parts in (1, 3):
        read = DICTIONARIES.filter(name="matrix", parts=parts).value("multiplicity")
        points(right, 100, read(measures).values, fig.MUTED, marker="s")
        right.text(104, parts, f"{parts} role" + "s" * (parts > 1), size=7, va="center")
    right.axvline(np.degrees(np.arccos(NEAR)), ls=":", **LINE)
    right.set(xlim=(-5, 125), ylim=(-0.1, 3.3), xticks=(0, 30, 60, 90), yticks=(0, 1, 2, 3))
    right.set(xlabel="angle between two roles (degrees)", ylabel="distinct atoms of a concept")
    many = average(_found("matrix", "multiplicity"), measures)
    fig.title(left, f"Two roles make {many:.1f} atoms of a concept, if there is room")
    fig.title(right, "Roles that are close together share an atom")
    return sheet


def _plane(ax: Axes, rows: pl.DataFrame) -> None:
    """Atoms of one dictionary, and the concept's images, as arrows."""
    ax.add_patch(Circle((0, 0), 1, fill=False, ls="-", lw=0.6, ec=fig.MUTED))
    ax.add_patch(Circle((0, 0), NEAR, fill=False, ls="--", lw=0.5, ec=fig.MUTED))
    at = lambda kind: rows.filter(pl.col("kind") == kind).select("x", "y").to_numpy()
    atoms = at("atom")
    arrows = {"second": fig.ORANGE, "first": fig.BLUE}
    for (kind, colour), width in zip(arrows.items(), (2.6, 1.3), strict=True):
        arrow = {"arrowstyle": "-|>", "color": colour, "lw": width, "shrinkA": 0, "shrinkB": 0}
        ax.annotate("", at(kind)[0], (0, 0), arrowprops=arrow)
    if len(atoms) and np.isfinite(atoms).all():
        true = np.concatenate([at(kind) for kind in ("first", "second", "other")])
        near = (atoms @ true.T > NEAR).any(1)
        ax.plot(*atoms[~near].T, "o", ms=2, color=fig.MUTED, alpha=0.7, mew=0)
        ax.plot(*atoms[near].T, "o", ms=4, color=fig.INK, mew=0, zorder=4)
    ax.set(xlim=(-1.1, 1.15), ylim=(-1.1, 1.15), aspect="equal")
    ax.axis("off")


def _slanted(ax: Axes) -> None:
    """Turn long labels so that they do not meet."""
    for label in ax.get_xticklabels():
        label.set(rotation=30, ha="right", rotation_mode="anchor", size=7)


def order(measures: Measures, config: Any) -> Figure:
    """Where each binding keeps order, and what dictionaries find of products."""
    sheet, (left, middle, right) = panels(3, 2.9, width_ratios=[2.2, 1, 1.2])
    kinds = {"order_x": ("vectors", fig.INK), "order_codes": ("codes", fig.BLUE)}
    kinds["order_active"] = ("which atoms are active", fig.SKY)
    read = lambda column: lambda name: _found(name, column)
    cells = [(*look, read(column)) for column, look in kinds.items()]
    bars(left, measures, list(NAMES), cells, list(NAMES.values()))
    _slanted(left)
    left.axhline(0.5, ls=":", **LINE)
    headroom(left)
    left.set_ylabel("who is in which role: accuracy")
    left.legend(loc="upper center", ncols=3, columnspacing=1, handlelength=1)
    columns = {"same_active": "same atoms", "order_active": "told by which"}
    columns["order_sign"] = "told by how much"
    scale = DICTIONARIES.filter(name="scale", room=2.0)
    one = [("", fig.ORANGE, lambda column: scale.value(column))]
    bars(middle, measures, list(columns), one, list(columns.values()))
    _slanted(middle)
    middle.axhline(0.5, ls=":", **LINE)
    middle.set(ylim=(0, 1.03), ylabel="share of vectors")
    for name in ("fillers", "product"):
        _sizes(right, measures, name, "recovered")
    rows = _bound("product").rows(measures)
    curve(right, rows, "concepts", "room", color=fig.VERMILLION, ls="--", label="concepts")
    right.set(xlabel="atoms for each concept", ylabel="share of the pairs found", ylim=(-0.02, 0.8))
    right.legend(loc="upper left")
    fig.title(left, "A bag and products of concepts lose order; scale keeps it in sizes alone")
    fig.title(middle, "Scale: order is in how much")
    fig.title(right, "Products have atoms of pairs")
    return sheet


def maps(measures: Measures, config: Any) -> Figure:
    """What a rotation between roles tells of concepts that it was not fitted to."""
    sheet, (ax,) = panels(1, 2.4, fig.COLUMN)
    kinds = {"held_out": "held out", "shuffled": "shuffled", "same": "no map", "drawn": "random"}
    read = lambda name: lambda kind: MAPS.filter(name=name).value(kind)
    looks = {"matrix": ("matrices", fig.BLUE), "unitary": ("holographic", fig.GREEN)}
    cells = [(*look, read(name)) for name, look in looks.items()]
    bars(ax, measures, list(kinds), cells, list(kinds.values()))
    ax.axhline(0, color=fig.INK, lw=0.7)
    ax.set(ylabel="median cosine", ylim=(-0.3, 1.35), yticks=(0, 0.5, 1))
    ax.legend(loc="upper right", ncols=2)
    cosine = average(MAPS.filter(name="matrix").value("held_out"), measures)
    fig.title(ax, f"One rotation tells a concept's other atom: cosine {cosine:.2f}")
    return sheet


def copiers(measures: Measures, config: Any) -> Figure:
    """Copiers of lists: where order is, and what changes it."""
    sheet = fig.figure(fig.PAGE, 5.0)
    above, below = sheet.subfigures(2, 1)
    one, two, three = above.subplots(1, 3, width_ratios=[1, 1, 1.2])
    four, five = below.subplots(1, 2, width_ratios=[1.5, 1])
    for ax, letter in zip((one, two, three, four, five), "abcde", strict=True):
        fig.panel_label(ax, letter)
    titles = "Weight of the first digit", "Weight that the second answer reads"
    for ax, values, title in zip((one, two), measures["attention"], titles, strict=True):
        image = ax.imshow(values, vmin=0, vmax=1, origin="lower", cmap=fig.SEQUENTIAL)
        ax.set(xlabel="second digit", ylabel="first digit")
        above.colorbar(image, ax=ax, shrink=0.7, ticks=(0, 0.5, 1))
        fig.title(ax, title)
    kinds = {"fixed": "2 layers,\nfixed", "free": "2 layers,\nfree", "deep": "3 layers,\nfixed"}
    read = lambda column: lambda kind: COPIERS.filter(kind=kind).value(column)
    both = {"first": ("first answer", fig.BLUE), "second": ("second answer", fig.ORANGE)}
    cells = [(*look, read(column)) for column, look in both.items()]
    bars(three, measures, list(kinds), cells, list(kinds.values()))
    three.axhline(0.922, ls=":", **LINE)
    headroom(three)
    three.set_ylabel("right, of lists held out")
    three.legend(loc="upper center", ncols=2, columnspacing=1, handlelength=1)
    changes = {"swapped": "weights\nexchanged", "digits": "digits\nreversed"}
    changes["places"] = "places\nreversed"
    fixed = [("answers reversed", fig.PURPLE, lambda column: read(column)("fixed"))]
    bars(four, measures, list(changes), fixed, list(changes.values()))
    rights = {"only_second": "only the\nsecond digit", "held": "attention\nheld"}
    rights["cut"] = "cut from\nfirst"
    second = [("second answer right", fig.ORANGE, lambda column: read(column)("fixed"))]
    bars(four, measures, list(rights), second, list(rights.values()), first=3)
    four.tick_params(axis="x", labelsize=6.5)
    headroom(four)
    four.set_ylabel("share of lists")
    four.legend(loc="upper left")
    shares = {"additive": ("in a vector for each place", fig.SKY)}
    shares["same_map"] = ("one direction for both places", fig.INK)
    cells = [(*look, read(column)) for column, look in shares.items()]
    bars(five, measures, list(kinds), cells, list(kinds.values()))
    headroom(five)
    five.set_ylabel("share of variance")
    five.legend(loc="upper center")
    right = average(read("test")("fixed"), measures)
    fig.title(three, f"Two layers copy {right:.0%}, three all")
    fig.title(four, "Order is in the weights of places, not of digits")
    fig.title(five, "One direction of a digit in both places, or two")
    return sheet


draw = drawing(echoes, order, maps, copiers)
