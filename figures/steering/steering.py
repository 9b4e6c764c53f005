"""Figures of the study ``steering``: doses, task vectors, lenses, facts; and the other half's."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import polars as pl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from toylab.report import figures as fig

from .steering_classifier import draw as draw_classifier

BUDGET = 0.1
METHODS = {
    "ITI": ("mass mean", "random direction", "random heads"),
    "RepE": ("reading vector", "random direction"),
    "ActAdd": ("contrast", "random direction"),
}
NAMES = {
    "ITI": "Heads (ITI)",
    "RepE": "Reading vector (RepE)",
    "ActAdd": "Activation addition",
}
LOOKS = ((fig.BLUE, "o"), (fig.MUTED, "^"), (fig.ORANGE, "s"))
LENSES = {
    "logit": ("logit lens", fig.ORANGE),
    "tuned": ("tuned lens", fig.BLUE),
    "shuffled": ("another layer's", fig.MUTED),
}


def draw(measures: Mapping[str, Any], config: Any) -> dict[str, Figure]:
    """Draw every figure of the study."""
    return {
        "doses": doses(measures, config),
        "task_vectors": task_vectors(measures, config),
        "lenses": lenses(measures, config),
        "facts": facts(measures, config),
        **draw_classifier(measures, config),
    }


def doses(measures: Mapping[str, Any], config: Any) -> Figure:
    """Swing of the mood and cost at verbs against the dose, method by method."""
    sheet = fig.figure(fig.PAGE, 4.0)
    axes = sheet.subplots(2, 3, sharex=True, sharey="row")
    for column, (method, arms) in enumerate(METHODS.items()):
        rows = measures["doses"].filter(pl.col("method") == method)
        layer = best_layer(rows.filter(pl.col("arm") == arms[0]))
        rows = rows.filter(pl.col("layer") == layer)
        top, bottom = axes[:, column]
        for arm, (colour, marker) in zip(arms, LOOKS, strict=False):
            seeds = per_seed(rows.filter(pl.col("arm") == arm), "dose", ("swing", "cost"))
            x = seeds["dose"].unique().sort().to_numpy()
            for ax, value in ((top, "swing"), (bottom, "cost")):
                y_PS = grid(seeds, "dose", value)
                y_PS = np.maximum(y_PS, 1e-4) if value == "cost" else y_PS
                fig.interval_line(ax, x, y_PS, label=arm, color=colour, marker=marker)
        top.set_xscale("log", base=2)
        top.set_xticks(x, [f"{d:g}" for d in x])
        bottom.set_yscale("log")
        bottom.axhline(BUDGET, color=fig.INK, ls=":", lw=0.8)
        top.axhline(0, color=fig.INK, lw=0.6)
        place = "" if layer < 0 else f", block {layer + 1}"
        gains = [reached(rows, arm) for arm in arms[:2]]
        fig.title(top, f"{NAMES[method]}{place}: {gains[0]:.2f}, random {gains[1]:.2f}")
        bottom.set_xlabel("dose")
        top.legend(loc="upper left", fontsize=6.5)
    axes[0, 0].set_ylabel("swing of the share\nof good nouns")
    axes[0, 0].set_ylim(-1, 1.9)
    axes[1, 0].set_ylabel("KL at verbs (nats)")
    fig.title(sheet, "Swing from -dose to +dose; titles: largest within 0.1 nats (dotted)")
    return sheet


def per_seed(rows: pl.DataFrame, by: str, values: Sequence[str]) -> pl.DataFrame:
    """Mean over draws, for each seed and place."""
    return rows.group_by("init_seed", by).agg(pl.col(*values).mean()).sort("init_seed", by)


def grid(rows: pl.DataFrame, by: str, value: str) -> np.ndarray:
    """Seeds by places (P, S)."""
    return rows.sort("init_seed", by)[value].to_numpy().reshape(rows["init_seed"].n_unique(), -1)


def best_layer(rows: pl.DataFrame) -> int:
    """Layer whose largest swing within the budget is the largest, on average over seeds."""
    swing = pl.when(pl.col("cost") <= BUDGET).then(pl.col("swing")).otherwise(0.0)
    best = rows.group_by("layer", "init_seed").agg(swing.max().alias("best"))
    mean = best.group_by("layer").agg(pl.col("best").mean()).sort("best", "layer")
    return int(mean["layer"][-1])


def reached(rows: pl.DataFrame, arm: str) -> float:
    """Largest swing within the budget in these rows, mean over draws and seeds."""
    swing = pl.when(pl.col("cost") <= BUDGET).then(pl.col("swing")).otherwise(0.0)
    rows = rows.filter(pl.col("arm") == arm)
    best = rows.group_by("init_seed", "draw").agg(swing.max().clip(0, None).alias("best"))
    return float(np.nanmean(best["best"].to_numpy()))


def task_vectors(measures: Mapping[str, Any], config: Any) -> Figure:
    """Accuracy by layer of the patched prompt, beside examples, none and other functions'."""
    sheet = fig.figure(fig.COLUMN, 2.6)
    ax = sheet.subplots()
    table = measures["task_vectors"]
    names = ["embed", *(str(i + 1) for i in range(table["layer"].max()))]
    x = np.arange(len(names))
    looks = {
        "patched": ("own vector", fig.BLUE, "o-"),
        "wrong": ("another function's", fig.VERMILLION, "s-"),
        "examples": ("five examples", fig.GREEN, "--"),
        "none": ("no examples", fig.MUTED, ":"),
    }
    for value, (label, colour, line) in looks.items():
        fig.interval_line(ax, x, grid(table, "layer", value), label, colour, ls=line.lstrip("os"),
                          marker=line[0] if line[0] in "os" else None)  # fmt: skip
    ax.set_xticks(x, names)
    ax.set_xlabel("residual stream after block")
    ax.set_ylabel("right answers")
    ax.set_ylim(0, 1.35)
    ax.legend(ncols=2, loc="upper center", fontsize=6.5)
    chosen = table.filter(pl.col("chosen"))
    arms = ("patched", "none", "examples")
    patched, bare, told = (np.nanmean(chosen[n].to_numpy()) for n in arms)
    fig.title(ax, f"At its best layer a task vector gives {patched:.0%}, nothing {bare:.0%}, "
                  f"five examples {told:.0%}")  # fmt: skip
    return sheet


def lenses(measures: Mapping[str, Any], config: Any) -> Figure:
    """KL from the final distribution by layer, for all phrases and each kind."""
    sheet = fig.figure(fig.PAGE, 2.4)
    axes = sheet.subplots(1, 4, sharey=True)
    kinds = {"all": measures["lenses"]}
    table = measures["lens_kinds"]
    kinds |= {k: table.filter(pl.col("kind") == k) for k in ("maps", "facts", "stories")}
    for ax, (kind, rows) in zip(axes, kinds.items(), strict=True):
        x = np.arange(rows["layer"].n_unique())
        for lens, (label, colour) in LENSES.items():
            y_PS = np.maximum(grid(rows, "layer", lens), 1e-4)
            fig.interval_line(ax, x, y_PS, label, colour, marker="o")
        ax.set_xticks(x, ["embed", *(str(i) for i in x[1:])])
        ax.set_yscale("log")
        mean = rows.select(pl.col("logit", "tuned").mean()).row(0)
        fig.title(ax, f"{kind.capitalize()}: {mean[0]:.2f} to {mean[1]:.2f}")
        ax.set_xlabel("after block")
    axes[0].set_ylabel("KL to the final\ndistribution (nats)")
    axes[0].legend(loc="lower left")
    fig.title(sheet, "Mean over layers of the KL, logit lens to tuned lens")
    return sheet


def facts(measures: Mapping[str, Any], config: Any) -> Figure:
    """Linear relational embedding by relation, and what knowledge neurons take away."""
    sheet = fig.figure(fig.PAGE, 2.6)
    left, middle, right = sheet.subplots(1, 3, width_ratios=[1, 1, 0.8])
    table = measures["relations"]
    named = table["relation"].unique(maintain_order=True).to_list()
    pairs = (
        (left, ("faithful", "constant"), ("linear map", "mean object")),
        (middle, ("causal", "causal_random"), ("inverse map", "random move")),
    )
    for ax, values, labels in pairs:
        _bars(ax, table, "relation", named, values, labels)
    easy = table.filter(pl.col("relation").is_in(["colour", "shape"]))
    hard = table.filter(pl.col("relation") == "blend")
    mean = lambda rows, value: np.nanmean(rows[value].to_numpy())
    fig.title(left, f"Map: {mean(easy, 'faithful'):.0%}, blend {mean(hard, 'faithful'):.0%}")
    fig.title(middle, f"Edit: {mean(easy, 'causal'):.0%}, blend {mean(hard, 'causal'):.0%}")
    left.set_ylabel("answers agreed (held-out subjects)")
    middle.set_ylabel("answers changed to the wanted one")
    units = measures["neurons"].group_by("init_seed", "arm").agg(pl.col("own", "others").mean())
    _bars(right, units, "arm", ["top", "random"], ("own", "others"), ("the fact", "other facts"))
    own = {arm: mean(units.filter(pl.col("arm") == arm), "own") for arm in ("top", "random")}
    right.set_xticks(range(2), [f"top {config.lm_neurons}", f"random {config.lm_neurons}"])
    right.set_ylabel("share of probability lost")
    fig.title(right, f"Neurons off: {own['top']:.0%}, random {own['random']:.0%}")
    return sheet


def _bars(
    ax: Axes,
    table: pl.DataFrame,
    by: str,
    names: Sequence[str],
    values: Sequence[str],
    labels: Sequence[str],
) -> None:
    """Bars side by side, seeds as ticks."""
    for j, (value, label) in enumerate(zip(values, labels, strict=True)):
        for i, name in enumerate(names):
            seen = table.filter(pl.col(by) == name)[value].to_numpy()
            x = i + 0.38 * (j - 0.5)
            colour = (fig.BLUE, fig.MUTED)[j]
            ax.bar(x, np.nanmean(seen), 0.36, color=colour, label=label if i == 0 else None)
            ax.plot([x] * len(seen), seen, "_", color=fig.INK, markersize=5)
    ax.set_xticks(range(len(names)), names)
    ax.set_ylim(min(0, ax.get_ylim()[0]), 1.3)
    ax.legend(ncols=2, loc="upper center", fontsize=6.5)
