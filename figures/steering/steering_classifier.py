"""Figures of the classifier half of ``steering``."""

from typing import Any

import numpy as np
import polars as pl
from matplotlib.figure import Figure

from toylab.read import Measures, Rows, table
from toylab.report import figures as fig
from toylab.report.averages import average
from toylab.report.axes import log_axis
from toylab.report.marks import bars, headroom
from toylab.report.panels import panels
from toylab.report.series import series

RULES = ("shape", "colour", "place", "kind")
ROLES = {"in rule": fig.BLUE, "absent": fig.ORANGE, "random": fig.MUTED}
SEEDS = "Bars are means, ticks are seeds."
CAPTIONS = {
    "toy_arithmetic": "Accuracy on new scenes; dotted, chance. (a) A rule's task vector is "
    "subtracted as far as the other rules keep 95% of their accuracy; so is a random vector with "
    f"the norm of each weight. (b) Two rules' vectors are added. {SEEDS}",
    "toy_concepts": "(a) TCAV scores for the class striped and warm: of concepts of the rule, of "
    "concepts that images have and the rule has not, and of random sets of images; dotted, 1/2. "
    f"(b) Fraction of them that the t-test calls significant at 5% (dotted). {SEEDS}",
    "toy_saliency": "(a) Scenes, the box of the object that counts, and gradients of the answer to "
    "the question for its shape. (b) Overlap (IoU) of the 9 strongest pixels with the box of that "
    f"object, of the grey object, which does not count, and of another scene's. {SEEDS}",
    "toy_skills": "(a) Accuracy with which one neuron, above or below its mean, tells half of a "
    "rule's answers from the others; dotted, chance. (b) Accuracy lost to noise on a tenth of "
    f"neurons: those that predict the rule best, or random ones. {SEEDS}",
    "toy_choice": "Reward, the fraction of wanted answers, when one of k sampled answers is chosen "
    "by a linear estimate Q of its reward, with probability softmax(Q / 0.1). Features are of the "
    "network or of the untrained one; the oracle picks the best of k; dotted, the policy to which "
    "the choice tends. Lines are medians over seeds, bands their 95% intervals.",
    "toy_alignment": "Interchange accuracy on new pairs, layer by layer: half of a layer's "
    "coordinates come from another run, in a rotation that is trained to make this act as an "
    f"interchange of a variable; dotted, chance. {SEEDS}",
}


def scenes(name: str) -> Rows:
    """A table of the perceptrons on scenes."""
    return table(name, of=("toy_scenes", "toy_tuned"))


def arithmetic(measures: Measures, config: Any) -> Figure:
    """What subtracting one vector, and adding two, does to the rules' accuracy."""
    sheet, (left, right) = panels(2, 3.2, sharey=True, width_ratios=[1, 1.3])
    rows = scenes("toy_arithmetic")

    def of(column: str, vector: str = "task") -> Any:
        return lambda rules: rows.filter(vector=vector, rules=rules).value(column)

    forget = (
        ("before", fig.MUTED, of("before")),
        ("rule subtracted", fig.BLUE, of("target")),
        ("its other rules", fig.SKY, of("control")),
        ("random vector", fig.ORANGE, of("target", "random")),
    )
    add = (
        ("before", fig.MUTED, of("before")),
        ("each fine-tuned alone", fig.GREEN, of("tuned")),
        ("both vectors added", fig.BLUE, of("target")),
        ("random vectors", fig.ORANGE, of("target", "random")),
    )
    own = rows.filter(operation="add").rows(measures)
    pairs = own["rules"].unique(maintain_order=True).to_list()
    bars(left, measures, RULES, forget)
    bars(right, measures, pairs, add, [pair.replace(" + ", "\n+ ") for pair in pairs])
    left.set_ylabel("accuracy on new scenes")
    kept = (rows.filter(operation="negate", vector=v).mean("kept") for v in ("task", "random"))
    task, random = (average(reading, measures) for reading in kept)
    fig.title(left, f"Subtracting a rule leaves {task:.0%} of it, a random vector {random:.0%}")
    gain = (pl.col("target", "tuned") - pl.col("before")).sum()
    gained, most = own.filter(pl.col("vector") == "task").select(gain).row(0)
    share = gained / most if most else np.nan
    fig.title(right, f"Adding two vectors brings {share:.0%} of what fine-tuning gained")
    for ax in (left, right):
        ax.axhline(0.25, color=fig.INK, ls=":", lw=0.8)
        headroom(ax)
        ax.legend(ncols=2, loc="upper center")
    return sheet


def concepts(measures: Measures, config: Any) -> Figure:
    """TCAV scores of every concept, and how often they are significant."""
    sheet, (left, right) = panels(2, 3.0, width_ratios=[2, 1])
    tests = scenes("toy_tcav")
    named = tests.rows(measures).select("concept", "role").unique(maintain_order=True)
    for i, (role, colour) in enumerate(ROLES.items()):
        names = named.filter(pl.col("role") == role)["concept"].to_list()
        of = lambda concept: tests.filter(concept=concept).value("score")
        bars(left, measures, names, [(role, colour, of)], first=len(left.patches))
        called = lambda role: tests.filter(role=role).aggregate((pl.col("p") < 0.05).mean())
        bars(right, measures, [role], [(role, colour, called)], first=i)
    left.axhline(0.5, color=fig.INK, ls=":", lw=0.8)
    right.axhline(0.05, color=fig.INK, ls=":", lw=0.8)
    left.tick_params("x", rotation=40)
    left.set_ylabel("TCAV score, striped and warm")
    right.set_ylabel("fraction called significant")
    headroom(left)
    left.legend(ncols=3, loc="upper center")
    score = (tests.filter(role=role).mean("score") for role in ("in rule", "absent"))
    rule, absent = (average(reading, measures) for reading in score)
    fig.title(left, f"Concepts of the rule score {rule:.2f}, others {absent:.2f}")
    fig.title(right, f"{average(called('absent'), measures):.0%} of absent concepts pass the test")
    return sheet


def saliency(measures: Measures, config: Any) -> Figure:
    """A few scenes with their maps and the truth, and overlaps over seeds."""
    pictures, maps = (np.asarray(measures[f"toy_saliency_{n}"]) for n in ("pictures", "maps"))
    sheet = fig.figure(fig.PAGE, 3.8)
    parts = sheet.subfigures(1, 2, width_ratios=[1.25, 1])
    names = ("scene", "object's box", "gradient", "smoothed", "smoothed,\nuntrained")
    shown = (pictures.clip(0, 1), maps[0], maps[1], maps[2], maps[4])
    axes = parts[0].subplots(len(names), len(pictures))
    for row, name, images in zip(axes, names, shown, strict=True):
        for ax, image in zip(row, images, strict=True):
            ax.imshow(image)
            ax.set(xticks=[], yticks=[])
        row[0].set_ylabel(name, rotation=0, ha="right", va="center")
    ax = parts[1].subplots()
    fig.panel_label(axes[0, 0], "a")
    fig.panel_label(ax, "b")
    groups = (("plain", "trained"), ("smooth", "trained"), ("smooth", "untrained"))

    def of(column: str) -> Any:
        rows = scenes("toy_saliency")
        return lambda group: rows.filter(method=group[0], network=group[1]).value(column)

    cells = (
        ("object", fig.BLUE, of("iou")),
        ("grey object", fig.ORANGE, of("other")),
        ("another scene's", fig.MUTED, of("random")),
    )
    bars(ax, measures, groups, cells, ("plain", "smoothed", "smoothed,\nuntrained"))
    ax.set_ylabel("IoU of the 9 strongest pixels with a box")
    ax.set_ylim(0, 1.35 * ax.get_ylim()[1])
    ax.legend(title="box of", loc="upper center", ncols=2)
    plain, smooth = (average(of("iou")(group), measures) for group in groups[:2])
    other = average(of("other")(groups[1]), measures)
    words = f"Smoothed gradients meet the object's box by {smooth:.2f}, plain ones by {plain:.2f}"
    fig.title(sheet, f"{words}; the object that does not count by {other:.2f}")
    return sheet


def skills(measures: Measures, config: Any) -> Figure:
    """How well the best neuron predicts, and what noise on a tenth of neurons costs."""
    sheet, (left, right) = panels(2, 2.9, width_ratios=[1, 1.4])

    def of(column: str, group: str = "top") -> Any:
        return lambda rule: scenes("toy_skills").filter(group=group, rule=rule).value(column)

    cells = (("trained", fig.BLUE, of("best")), ("untrained", fig.MUTED, of("untrained")))
    bars(left, measures, RULES, cells)
    headroom(left, 1.0, 0.4, 0.2)
    left.axhline(0.5, color=fig.INK, ls=":", lw=0.8)
    left.set_ylabel("accuracy of the best neuron")
    left.legend(loc="upper left", ncols=2)
    every = lambda column, group="top": scenes("toy_skills").filter(group=group).mean(column)
    best, fresh = (average(every(column), measures) for column in ("best", "untrained"))
    fig.title(left, f"The best neuron is {best:.0%} accurate, untrained {fresh:.0%}")
    cells = (
        ("best predictors", fig.BLUE, of("own")),
        ("random", fig.ORANGE, of("own", "random")),
        ("best predictors, on other rules", fig.SKY, of("others")),
    )
    bars(right, measures, RULES, cells)
    low, high = right.get_ylim()
    right.set(ylabel="accuracy lost to noise", ylim=(low, high + 0.4 * (high - low)))
    right.legend(ncols=2, loc="upper center")
    top, random = (100 * average(every("own", group), measures) for group in ("top", "random"))
    fig.title(right, f"Noise on the best predictors costs {top:.1f} points, on others {random:.1f}")
    return sheet


def choice(measures: Measures, config: Any) -> Figure:
    """Reward of the answer picked among k."""
    sheet = fig.figure(fig.PAGE * 0.85, 2.8)
    ax = sheet.subplots()
    rows = scenes("toy_choice")
    looks = {
        "oracle": ("best of k (oracle)", fig.GREEN, "^", "-"),
        "limit": ("policy it tends to", fig.INK, "", ":"),
        "probe": ("linear Q", fig.BLUE, "o", "-"),
        "untrained features": ("linear Q, untrained features", fig.ORANGE, "s", "-"),
    }
    for name, (label, colour, marker, line) in looks.items():
        x, y_PS = series(rows.filter(chooser=name).rows(measures), "reward", "k")
        fig.interval_line(ax, x, y_PS, label, colour, marker=marker, ls=line)
    log_axis(ax, ticks=x, base=2)
    ax.set(xlim=(0.9 * x[0], 1.1 * x[-1]), xlabel="answers sampled, k", ylabel="reward")
    ax.legend(loc="center left", bbox_to_anchor=(1, 0.5))
    at = lambda name, k: average(rows.filter(chooser=name, k=int(k)).value("reward"), measures)
    one, most, fresh = at("probe", 1), at("probe", x[-1]), at("untrained features", x[-1])
    words = f"Choosing among {x[-1]} answers raises the reward from {one:.2f} to {most:.2f}"
    fig.title(ax, f"{words}, with untrained features to {fresh:.2f}")
    return sheet


def alignment(measures: Measures, config: Any) -> Figure:
    """Interchange accuracy of every layer and arm."""
    sheet = fig.figure(fig.PAGE * 0.7, 3.1)
    ax = sheet.subplots()
    rows = table("toy_alignment", of="toy_equality")
    looks = {
        "true": ("w == x, trained rotation", fig.BLUE),
        "random rotation": ("w == x, random rotation", fig.SKY),
        "wrong variable": ("sign of w, trained rotation", fig.ORANGE),
        "untrained": ("w == x, untrained network", fig.MUTED),
    }
    layers = sorted(rows.rows(measures)["layer"].unique())

    def of(arm: str) -> Any:
        return lambda layer: rows.filter(arm=arm, layer=int(layer)).value("iia")

    cells = [(label, colour, of(arm)) for arm, (label, colour) in looks.items()]
    bars(ax, measures, [str(i) for i in layers], cells, [f"layer {i + 1}" for i in layers])
    ax.axhline(0.5, color=fig.INK, ls=":", lw=0.8)
    headroom(ax)
    ax.set_ylabel("interchange accuracy")
    ax.legend(ncols=2, loc="upper center")
    best = lambda arm, by: rows.filter(arm=arm).aggregate(pl.col("iia").sort_by(by).last())
    true, wrong = (
        average(best(*c), measures) for c in (("true", "valid"), ("wrong variable", "iia"))
    )
    words = f"The variable that the network needs aligns to {true:.2f} in its best layer"
    fig.title(ax, f"{words}, another to {wrong:.2f}")
    return sheet


PARTS = (arithmetic, concepts, saliency, skills, choice, alignment)
FIGURES = {f"toy_{part.__name__}": part for part in PARTS}
