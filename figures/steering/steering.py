"""Figures of the study ``steering``: doses, task vectors, lenses, facts; and the other half's."""

from typing import Any

import numpy as np
from matplotlib.figure import Figure

from toylab.read import Measures, Reading, Rows, table
from toylab.report import figures as fig
from toylab.report.averages import average
from toylab.report.axes import log_axis
from toylab.report.marks import bars, headroom
from toylab.report.panels import drawing, panels
from toylab.report.series import series

from .steering_classifier import CAPTIONS as CLASSIFIER_CAPTIONS
from .steering_classifier import FIGURES as CLASSIFIER

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


def language(name: str) -> Rows:
    """A table of the language models."""
    return table(name, of="language")


def swing(method: str, arm: str) -> Reading:
    """Swing at the dose and layer that other prompts choose."""
    return language("steered").filter(method=method, arm=arm).mean("swing")


def doses(measures: Measures, config: Any) -> Figure:
    """Swing of the mood and cost at verbs against the dose, method by method."""
    sheet, axes = panels(3, 4.2, rows=2, sharex=True, sharey="row")
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
        own, random = (average(swing(method, arm), measures) for arm in arms[:2])
        fig.title(top, f"{name}: swing {own:.2f}, random {random:.2f}")
        bottom.set_xlabel("dose" if layer < 0 else f"dose, after block {layer + 1}")
        top.legend(loc="upper left")
    log_axis(axes[0, 0], ticks=x, base=2)
    axes[0, 0].set(xlim=(0.8 * x[0], 1.25 * x[-1]), ylabel="swing of the share\nof good nouns")
    axes[0, 0].set(ylim=(-1, 2.6), yticks=np.arange(-1, 1.1, 0.5))
    axes[1, 0].set(yscale="log", ylim=(LEAST, 20), ylabel="KL at verbs (nats)")
    return sheet


def _usual_layer(measures: Measures, method: str, arm: str) -> int:
    """The layer that most seeds choose; the first layer if none chooses any."""
    rows = language("steered").filter(method=method, arm=arm).rows(measures)
    layers = rows["layer"].drop_nulls()
    first = language("doses").filter(method=method).rows(measures)["layer"].min()
    return int(layers.mode().sort()[0] if len(layers) else first)


def task_vectors(measures: Measures, config: Any) -> Figure:
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
    ax.set(xlabel="residual stream after block", ylabel="accuracy")
    headroom(ax)
    ax.legend(ncols=2, loc="upper center")
    at = lambda column: average(
        language("task_vectors").filter(chosen=True).value(column), measures
    )
    words = f"Five examples give {at('examples'):.0%} accuracy, their task vector at its best layer"
    fig.title(ax, f"{words} {at('patched'):.0%}, no examples {at('none'):.0%}")
    return sheet


def lenses(measures: Measures, config: Any) -> Figure:
    """KL from the final distribution by layer, for all phrases and each kind."""
    sheet, axes = panels(4, 2.7, sharey=True)
    for ax, kind in zip(axes, ("all", *KINDS), strict=True):
        rows = language("lenses").filter(kind=kind)
        for lens, colour in (("logit", fig.ORANGE), ("tuned", fig.BLUE)):
            x, y_PS = series(rows.rows(measures), lens, "layer")
            fig.interval_line(ax, x, np.maximum(y_PS, LEAST), f"{lens} lens", colour, marker="o")
        ax.set_xticks(x, ["embed", *(str(i) for i in x[1:])])
        ax.set(yscale="log", ylim=(LEAST, 10), xlabel="after block")
        logit, tuned = (average(rows.mean(lens), measures) for lens in ("logit", "tuned"))
        name = "All phrases" if kind == "all" else kind.capitalize()
        fig.title(ax, f"{name}: {tuned:.2f} tuned, {logit:.2f} logit")
    axes[0].set_ylabel("KL to the final\ndistribution (nats)")
    axes[0].legend(loc="lower left")
    return sheet


def facts(measures: Measures, config: Any) -> Figure:
    """Linear relational embedding by relation, and what knowledge neurons take away."""
    sheet, axes = panels(3, 2.9, width_ratios=[1, 1, 0.8])
    names = language("relations").rows(measures)["relation"].unique(maintain_order=True).to_list()
    kinds = (
        ("A linear map gives", ("faithful", "linear map"), ("constant", "mean object")),
        ("Its inverse moves", ("causal", "inverse map"), ("causal_random", "random move")),
    )
    of = lambda column, relations: language("relations").filter(relation=relations).mean(column)
    by = lambda column: lambda name: of(column, (name,))
    for ax, (verb, (own, label), (control, other)) in zip(axes, kinds, strict=False):
        cells = [(label, fig.BLUE, by(own)), (other, fig.MUTED, by(control))]
        bars(ax, measures, names, cells)
        easy, blend = (average(of(own, r), measures) for r in (("colour", "shape"), ("blend",)))
        fig.title(ax, f"{verb} {easy:.0%}, {blend:.0%} for the blend")
    lost = lambda arm, column: language("neurons").filter(arm=arm).mean(column)
    cells = (
        ("the fact", fig.BLUE, lambda arm: lost(arm, "own")),
        ("other facts", fig.MUTED, lambda arm: lost(arm, "others")),
    )
    count = config.lm_neurons
    bars(axes[2], measures, ("top", "random"), cells, (f"top {count}", f"random {count}"))
    top, random = (average(lost(arm, "own"), measures) for arm in ("top", "random"))
    fig.title(axes[2], f"Top neurons carry {top:.0%} of a fact, random ones {random:.0%}")
    labels = ("answers given", "answers changed", "probability lost")
    for ax, text in zip(axes, labels, strict=True):
        headroom(ax)
        ax.set_ylabel(text)
        ax.legend(loc="upper left")
    return sheet


draw = drawing(doses, task_vectors, lenses, facts, **CLASSIFIER)
