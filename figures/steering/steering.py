"""Figures of the study ``steering``: doses, task vectors, lenses, facts; and the other half's."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from toylab.read import Reading, Rows, table
from toylab.report import figures as fig
from toylab.report.panels import panels
from toylab.report.series import series

from .bars import bars, headroom, mean
from .steering_classifier import CAPTIONS as CLASSIFIER_CAPTIONS
from .steering_classifier import draw as draw_classifier

BUDGET, LEAST = 0.1, 1e-4  # nats; what is less is drawn there
METHODS = {
    "ITI": ("Heads (ITI)", ("mass mean", "random direction", "random heads")),
    "RepE": ("Reading vector (RepE)", ("reading vector", "random direction")),
    "ActAdd": ("Activation addition", ("contrast", "random direction")),
}
LOOKS = ((fig.BLUE, "o"), (fig.MUTED, "^"), (fig.ORANGE, "s"))
KINDS = ("maps", "facts", "stories")
CAPTIONS = {
    "doses": "Steering the mood of stories. (a-c) Share of good nouns at +dose minus that at "
    "-dose. (d-f) What it costs: KL at verbs, on which the mood has no say; dotted, the budget of "
    "0.1 nats. Titles: the swing at the dose and layer that other prompts choose within the "
    "budget. Curves are of the layer chosen most often; lines are medians over seeds, bands their "
    "95% intervals.",
    "task_vectors": "Accuracy of a prompt without examples when the activation at its arrow is "
    "replaced by that of prompts with five examples, layer by layer; with another function's; and "
    "of both kinds of prompt as they are. Lines are medians over seeds, bands their 95% intervals.",
    "lenses": "KL from the network's own distribution to what each layer decodes to, by the final "
    "norm and unembedding alone (logit lens) and after an affine map that is trained for it (tuned "
    "lens), on new phrases: of all kinds (a) and of each. Lines are medians over seeds, bands "
    "their 95% intervals.",
    "facts": "(a) Fraction of held-out subjects for which a linear map gives the network's own "
    "answer, and for which the mean object does. (b) Fraction whose answer becomes the wanted one "
    "when the subject is moved by the inverse map, or at random as far. (c) Fraction of a fact's "
    "probability that is lost when neurons are ablated. Bars are means, ticks are seeds.",
    **CLASSIFIER_CAPTIONS,
}


def draw(measures: Mapping[str, Any], config: Any) -> dict[str, Figure]:
    """Draw every figure of the study."""
    return {
        "doses": doses(measures),
        "task_vectors": task_vectors(measures),
        "lenses": lenses(measures),
        "facts": facts(measures, config),
        **draw_classifier(measures, config),
    }


def language(name: str) -> Rows:
    """A table of the language models."""
    return table(name, of="language")


def swing(method: str, arm: str) -> Reading:
    """Swing at the dose and layer that other prompts choose."""
    return language("steered").filter(method=method, arm=arm).mean("swing")


def doses(measures: Mapping[str, Any]) -> Figure:
    """Swing of the mood and cost at verbs against the dose, method by method."""
    sheet = fig.figure(fig.PAGE, 4.2)
    axes = sheet.subplots(2, 3, sharex=True, sharey="row")
    for ax, letter in zip(axes.flat, "abcdef", strict=True):
        fig.panel_label(ax, letter)
    for (top, bottom), (method, (name, arms)) in zip(axes.T, METHODS.items(), strict=True):
        layer = _usual_layer(measures, method, arms[0])
        for arm, (colour, marker) in zip(arms, LOOKS, strict=False):
            rows = language("doses").filter(method=method, arm=arm, layer=layer).rows(measures)
            for ax, column in ((top, "swing"), (bottom, "cost")):
                x, y_PS = series(rows, column, "dose")
                y_PS = np.maximum(y_PS, LEAST) if column == "cost" else y_PS
                fig.interval_line(ax, x, y_PS, arm, colour, marker=marker)
        top.axhline(0, color=fig.INK, lw=0.6)
        bottom.axhline(BUDGET, color=fig.INK, ls=":", lw=0.8)
        own, random = (mean(measures, swing(method, arm)) for arm in arms[:2])
        fig.title(top, f"{name}: swing {own:.2f}, random {random:.2f}")
        bottom.set_xlabel("dose" if layer < 0 else f"dose, after block {layer + 1}")
        top.legend(loc="upper left")
    axes[0, 0].set_xscale("log", base=2)
    axes[0, 0].set_xlim(0.8 * x[0], 1.25 * x[-1])
    axes[0, 0].set_xticks(x, [f"{d:g}" for d in x])
    axes[0, 0].set_ylim(-1, 2.6)
    axes[0, 0].set_yticks(np.arange(-1, 1.1, 0.5))
    axes[1, 0].set_yscale("log")
    axes[1, 0].set_ylim(LEAST, 20)
    axes[0, 0].set_ylabel("swing of the share\nof good nouns")
    axes[1, 0].set_ylabel("KL at verbs (nats)")
    return sheet


def _usual_layer(measures: Mapping[str, Any], method: str, arm: str) -> int:
    """The layer that most seeds choose; the first layer if none chooses any."""
    rows = language("steered").filter(method=method, arm=arm).rows(measures)
    layers = rows["layer"].drop_nulls()
    first = language("doses").filter(method=method).rows(measures)["layer"].min()
    return int(layers.mode().sort()[0] if len(layers) else first)


def task_vectors(measures: Mapping[str, Any]) -> Figure:
    """Accuracy by layer of the patched prompt, with examples, without, and of other functions."""
    sheet = fig.figure(fig.COLUMN * 1.2, 2.8)
    ax = sheet.subplots()
    rows = language("task_vectors").rows(measures)
    looks = {
        "examples": ("five examples", fig.GREEN, "", "--"),
        "patched": ("task vector", fig.BLUE, "o", "-"),
        "wrong": ("another function's vector", fig.VERMILLION, "s", "-"),
        "none": ("no examples", fig.MUTED, "", ":"),
    }
    for column, (label, colour, marker, line) in looks.items():
        x, y_PS = series(rows, column, "layer")
        fig.interval_line(ax, x, y_PS, label, colour, marker=marker, ls=line)
    ax.set_xticks(x, ["embed", *(str(i) for i in x[1:])])
    ax.set_xlabel("residual stream after block")
    ax.set_ylabel("accuracy")
    headroom(ax)
    ax.legend(ncols=2, loc="upper center")
    at = lambda column: mean(measures, language("task_vectors").filter(chosen=True).value(column))
    fig.title(
        ax,
        f"Five examples give {at('examples'):.0%} accuracy, their task vector at its best layer "
        f"{at('patched'):.0%}, no examples {at('none'):.0%}",
    )
    return sheet


def lenses(measures: Mapping[str, Any]) -> Figure:
    """KL from the final distribution by layer, for all phrases and each kind."""
    sheet, axes = panels(4, 2.7, sharey=True)
    for ax, kind in zip(axes, ("all", *KINDS), strict=True):
        rows = language("lenses").filter(kind=kind)
        for lens, colour in (("logit", fig.ORANGE), ("tuned", fig.BLUE)):
            x, y_PS = series(rows.rows(measures), lens, "layer")
            fig.interval_line(ax, x, np.maximum(y_PS, LEAST), f"{lens} lens", colour, marker="o")
        ax.set_xticks(x, ["embed", *(str(i) for i in x[1:])])
        ax.set_yscale("log")
        ax.set_ylim(LEAST, 10)
        logit, tuned = (mean(measures, rows.mean(lens)) for lens in ("logit", "tuned"))
        name = "All phrases" if kind == "all" else kind.capitalize()
        fig.title(ax, f"{name}: {tuned:.2f} tuned, {logit:.2f} logit")
        ax.set_xlabel("after block")
    axes[0].set_ylabel("KL to the final\ndistribution (nats)")
    axes[0].legend(loc="lower left")
    return sheet


def facts(measures: Mapping[str, Any], config: Any) -> Figure:
    """Linear relational embedding by relation, and what knowledge neurons take away."""
    sheet, axes = panels(3, 2.9, width_ratios=[1, 1, 0.8])
    names = language("relations").rows(measures)["relation"].unique(maintain_order=True).to_list()
    pairs = (("faithful", "linear map", "constant", "mean object"),
             ("causal", "inverse map", "causal_random", "random move"))  # fmt: skip
    of = lambda column, relations: language("relations").filter(relation=relations).mean(column)
    for ax, (own, label, control, other), verb in zip(
        axes, pairs, ("A linear map gives", "Its inverse moves"), strict=False
    ):
        cells = [
            (text, colour, lambda name, c=column: of(c, (name,)))
            for text, colour, column in ((label, fig.BLUE, own), (other, fig.MUTED, control))
        ]
        bars(ax, measures, names, cells)
        easy, blend = (mean(measures, of(own, r)) for r in (("colour", "shape"), ("blend",)))
        fig.title(ax, f"{verb} {easy:.0%}, {blend:.0%} for the blend")
    lost = lambda arm, column: language("neurons").filter(arm=arm).mean(column)
    cells = [("the fact", fig.BLUE, lambda arm: lost(arm, "own")),
             ("other facts", fig.MUTED, lambda arm: lost(arm, "others"))]  # fmt: skip
    count = config.lm_neurons
    bars(axes[2], measures, ("top", "random"), cells, (f"top {count}", f"random {count}"))
    top, random = (mean(measures, lost(arm, "own")) for arm in ("top", "random"))
    fig.title(axes[2], f"Top neurons carry {top:.0%} of a fact, random ones {random:.0%}")
    for ax, text in zip(
        axes, ("answers given", "answers changed", "probability lost"), strict=True
    ):
        headroom(ax)
        ax.set_ylabel(text)
        ax.legend(loc="upper left")
    return sheet
