"""Figures of the classifier half of ``steering``."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import polars as pl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from toylab.report import figures as fig

RULES = ("shape", "colour", "place", "kind")
ROLES = {"in rule": fig.BLUE, "absent": fig.ORANGE, "random": fig.MUTED, "null": fig.MUTED}


def draw(measures: Mapping[str, Any], config: Any) -> dict[str, Figure]:
    """Draw every figure of this half."""
    return {
        "toy_arithmetic": arithmetic(measures),
        "toy_concepts": concepts(measures),
        "toy_saliency": saliency(measures),
        "toy_skills": skills(measures),
        "toy_choice": choice(measures),
        "toy_alignment": alignment(measures, config),
    }


def _bar(ax: Axes, x: float, values: np.ndarray, width: float, **look: Any) -> None:
    """A bar of the mean with a tick for every seed."""
    ax.bar(x, np.nanmean(values), width, **look)
    ax.plot([x] * len(values), values, "_", color=fig.INK, markersize=5)


def _seeds(table: pl.DataFrame, column: str, **where: Any) -> np.ndarray:
    """One mean per seed of the rows that hold these values."""
    for name, value in where.items():
        table = table.filter(pl.col(name) == value)
    means = table.group_by("init_seed").agg(pl.col(column).mean()).sort("init_seed")
    return means[column].cast(pl.Float64).to_numpy()


def arithmetic(measures: Mapping[str, Any]) -> Figure:
    """What subtracting one vector, and adding two, does to the rules' accuracy."""
    sheet = fig.figure(fig.PAGE, 2.9)
    left, right = sheet.subplots(1, 2, sharey=True, width_ratios=[1, 1.2])
    table = measures["toy_arithmetic"]
    forget = table.filter(pl.col("operation") == "negate")
    for i, rule in enumerate(RULES):
        own = {"rules": rule, "vector": "task"}
        cells = (
            ("before", "before", fig.MUTED, own),
            ("rule subtracted", "target", fig.BLUE, own),
            ("other rules", "control", fig.SKY, own),
            ("rule, random vector", "target", fig.ORANGE, {"rules": rule, "vector": "random"}),
        )
        for j, (label, column, colour, where) in enumerate(cells):
            told = label if i == 0 else None
            _bar(left, i + 0.2 * (j - 1.5), _seeds(forget, column, **where), 0.19,
                 color=colour, label=told)  # fmt: skip
    left.set_xticks(range(len(RULES)), RULES)
    left.set_ylabel("accuracy on new scenes")
    kept = {v: _seeds(forget, "kept", vector=v).mean() for v in ("task", "random")}
    fig.title(
        left,
        f"Subtracting leaves {kept['task']:.0%} of accuracy above chance, a random vector "
        f"{kept['random']:.0%}",
    )
    add = table.filter(pl.col("operation") == "add")
    pairs = add["rules"].unique(maintain_order=True).to_list()
    for i, pair in enumerate(pairs):
        cells = (
            ("before", "before", fig.MUTED, "task"),
            ("each fine-tuned alone", "tuned", fig.GREEN, "task"),
            ("both vectors added", "target", fig.BLUE, "task"),
            ("random vectors added", "target", fig.ORANGE, "random"),
        )
        for j, (label, column, colour, vector) in enumerate(cells):
            told = label if i == 0 else None
            _bar(right, i + 0.2 * (j - 1.5), _seeds(add, column, rules=pair, vector=vector), 0.19,
                 color=colour, label=told)  # fmt: skip
    right.set_xticks(range(len(pairs)), [p.replace(" + ", "\n+ ") for p in pairs])
    own = add.filter(pl.col("vector") == "task")
    gain = own.select(pl.col("target", "tuned") - pl.col("before")).sum()
    gained = gain["target"].item() / gain["tuned"].item() if gain["tuned"].item() else np.nan
    fig.title(right, f"Adding two vectors has {gained:.0%} of what fine-tuning gained")
    for ax in (left, right):
        ax.axhline(0.25, color=fig.INK, ls=":", lw=0.8)
        ax.set_ylim(0, 1.42)
        ax.set_yticks(np.arange(0, 1.1, 0.25))
        ax.legend(ncols=2, loc="upper center")
    return sheet


def concepts(measures: Mapping[str, Any]) -> Figure:
    """TCAV scores of every concept against every random set, and how often they are significant."""
    sheet = fig.figure(fig.PAGE, 2.9)
    left, right = sheet.subplots(1, 2, width_ratios=[2.2, 1])
    runs, tests = measures["toy_tcav_runs"], measures["toy_tcav"]
    order = runs.select("concept", "role").unique(maintain_order=True)
    rank = {role: i for i, role in enumerate(ROLES)}
    rows = sorted(order.iter_rows(named=True), key=lambda row: rank[row["role"]])
    count = runs["init_seed"].n_unique()
    for i, row in enumerate(rows):
        own = runs.filter(pl.col("concept") == row["concept"])
        for seed in range(count):
            seen = own.filter(pl.col("init_seed") == seed)["score"].to_numpy()
            x = i + 0.7 * ((seed + 0.5) / count - 0.5)
            left.plot(np.full(len(seen), x), seen, "o", color=ROLES[row["role"]],
                      ms=2.2, alpha=0.5, mew=0)  # fmt: skip
            left.plot(x, seen.mean(), "_", color=fig.INK, ms=5)
    left.axhline(0.5, color=fig.INK, ls=":", lw=0.8)
    left.set_xticks(range(len(rows)), [r["concept"] for r in rows], rotation=40, ha="right")
    left.set_ylabel("TCAV score, striped and warm")
    for name in ("in rule", "absent", "random"):
        left.plot([], [], "o", color=ROLES[name], label=name)
    left.set_ylim(-0.05, 1.22)
    left.set_yticks(np.arange(0, 1.1, 0.25))
    left.legend(ncols=3, loc="upper center")
    mean = {r: tests.filter(pl.col("role") == r)["score"].mean() for r in ("in rule", "absent")}
    fig.title(
        left,
        f"Scores: {mean['in rule']:.2f} for concepts of the rule, {mean['absent']:.2f} for absent "
        "ones (columns: seeds)",
    )
    called = {}
    for i, name in enumerate(("in rule", "absent", "random")):
        own = tests.filter(pl.col("role") == name)
        share = own.with_columns((pl.col("p") < 0.05).cast(pl.Float64).alias("called"))
        values = _seeds(share, "called")
        called[name] = values.mean()
        _bar(right, i, values, 0.6, color=ROLES[name])
    right.axhline(0.05, color=fig.INK, ls=":", lw=0.8)
    right.set_xticks(range(3), list(called))
    right.set_ylabel("share called significant (p < 0.05)")
    right.set_ylim(0, 1.05)
    fig.title(right, f"The test calls {called['random']:.0%} of random concepts significant")
    return sheet


def saliency(measures: Mapping[str, Any]) -> Figure:
    """A few scenes with their maps and the truth, and overlaps over seeds."""
    pictures = np.asarray(measures["toy_saliency_pictures"])
    maps = np.asarray(measures["toy_saliency_maps"])
    sheet = fig.figure(fig.PAGE, 3.8)
    parts = sheet.subfigures(1, 2, width_ratios=[1.25, 1])
    names = ("scene", "truth", "plain", "smoothed", "smoothed,\nuntrained")
    shown = (pictures.clip(0, 1), maps[0], maps[1], maps[2], maps[4])
    axes = parts[0].subplots(len(names), len(pictures))
    for row, (name, images) in enumerate(zip(names, shown, strict=True)):
        for ax, image in zip(axes[row], images, strict=True):
            ax.imshow(image)
            ax.set_xticks([])
            ax.set_yticks([])
        axes[row, 0].set_ylabel(name, rotation=0, ha="right", va="center")
    ax = parts[1].subplots()
    table = measures["toy_saliency"]
    groups = (("plain", "trained"), ("smooth", "trained"), ("smooth", "untrained"))
    looks = (("iou", "object", fig.BLUE), ("other", "grey object", fig.ORANGE),
             ("random", "elsewhere", fig.MUTED))  # fmt: skip
    for i, (method, network) in enumerate(groups):
        for j, (column, label, colour) in enumerate(looks):
            values = _seeds(table, column, method=method, network=network)
            _bar(
                ax, i + 0.27 * (j - 1), values, 0.25, color=colour, label=label if i == 0 else None
            )
    ax.set_xticks(range(len(groups)), ["plain", "smoothed", "smoothed,\nuntrained"])
    ax.set_ylabel("IoU of the strongest 9 pixels with a box")
    top = max(_seeds(table, "iou", method=m, network=n).max() for m, n in groups)
    ax.set_ylim(0, 1.35 * top)
    ax.legend(title="box of", loc="upper center", ncols=3, columnspacing=0.8, handlelength=1)
    plain, smooth = (_seeds(table, "iou", method=m, network="trained") for m in ("plain", "smooth"))
    p = _seeds(table, "p", network="trained", method="smooth")
    fig.title(
        sheet,
        f"The strongest gradients meet the object's box by {plain.mean():.3f}, smoothed ones by "
        f"{smooth.mean():.3f} (more with p < 0.01 in {(p < 0.01).sum()} of {len(p)} seeds)",
    )
    return sheet


def skills(measures: Mapping[str, Any]) -> Figure:
    """How well the best neuron predicts, and what noise on a tenth of neurons costs."""
    sheet = fig.figure(fig.PAGE, 2.6)
    left, right = sheet.subplots(1, 2, width_ratios=[1, 1.6])
    table = measures["toy_skills"].filter(pl.col("group") == "top")
    looks = (("best", "best neuron", fig.BLUE), ("mean", "mean of the top tenth", fig.SKY),
             ("best_untrained", "untrained, best", fig.MUTED))  # fmt: skip
    for i, rule in enumerate(RULES):
        for j, (column, label, colour) in enumerate(looks):
            values = _seeds(table, column, rule=rule)
            _bar(left, i + 0.27 * (j - 1), values, 0.25, color=colour,
                 label=label if i == 0 else None)  # fmt: skip
    left.set_xticks(range(len(RULES)), RULES)
    left.set_ylim(0.4, 1.25)
    left.set_yticks(np.arange(0.4, 1.05, 0.2))
    left.axhline(0.5, color=fig.INK, ls=":", lw=0.8)
    left.set_ylabel("predictivity on new scenes")
    left.legend(ncols=1, loc="upper right")
    best, fresh = (_seeds(table, c).mean() for c in ("best", "best_untrained"))
    fig.title(left, f"Best neuron {best:.2f}, untrained {fresh:.2f}")
    cells = (
        ("top", "own", "most predictive", fig.BLUE, ""),
        ("top", "others", "most predictive, on other rules", fig.SKY, ""),
        ("variance", "own", "largest spread", fig.GREEN, ""),
        ("random", "own", "random", fig.ORANGE, ""),
    )
    for i, rule in enumerate(RULES):
        for j, (group, column, label, colour, _) in enumerate(cells):
            values = _seeds(measures["toy_skills"], column, rule=rule, group=group)
            _bar(right, i + 0.2 * (j - 1.5), values, 0.19, color=colour,
                 label=label if i == 0 else None)  # fmt: skip
    right.set_xticks(range(len(RULES)), RULES)
    right.set_ylabel("accuracy lost to noise")
    low, high = right.get_ylim()
    right.set_ylim(low, high * 1.35)
    right.legend(ncols=2, loc="upper center")
    cost = {g: _seeds(measures["toy_skills"], "own", group=g).mean() for g in ("top", "random")}
    points = {group: round(100 * value, 1) + 0.0 for group, value in cost.items()}  # no "-0"
    fig.title(
        right,
        f"Noise on a tenth of neurons costs {points['top']} points, on random ones "
        f"{points['random']}",
    )
    return sheet


def choice(measures: Mapping[str, Any]) -> Figure:
    """Reward of the answer picked among k."""
    sheet = fig.figure(fig.PAGE * 0.85, 2.8)
    ax = sheet.subplots()
    table = measures["toy_choice"]
    looks = {
        "oracle": ("best of k (oracle)", fig.GREEN, "^-"),
        "limit": (r"policy $\pi_0 e^{Q/\beta} / Z$", fig.INK, ":"),
        "probe": (r"softmax($Q/\beta$)", fig.BLUE, "o-"),
        "untrained features": ("Q on untrained features", fig.ORANGE, "s-"),
        "random": ("random choice", fig.MUTED, "x-"),
    }
    ks = np.array(sorted(table["k"].unique()))
    of = lambda name, k: _seeds(table, "reward", chooser=name, k=int(k))
    for name, (label, colour, style) in looks.items():
        values_PS = np.stack([of(name, k) for k in ks], axis=1)
        marker, line = (style[0], style[1:]) if len(style) > 1 else ("", style)
        fig.interval_line(ax, ks, values_PS, label, colour, marker=marker, ls=line)
    ax.set_xscale("log", base=2)
    ax.set_xticks(ks, [str(k) for k in ks])
    ax.minorticks_off()
    ax.set_xlabel("answers sampled, k")
    ax.set_ylabel("share of wanted answers")
    ax.legend(loc="center left", bbox_to_anchor=(1, 0.5))
    last = ks[-1]
    fig.title(
        ax,
        f"Reward from {of('probe', 1).mean():.2f} to {of('probe', last).mean():.2f} by {last} "
        f"answers; untrained features {of('untrained features', last).mean():.2f}",
    )
    return sheet


def alignment(measures: Mapping[str, Any], config: Any) -> Figure:
    """Interchange accuracy of every layer and arm."""
    sheet = fig.figure(fig.PAGE * 0.62, 3.0)
    ax = sheet.subplots()
    table = measures["toy_alignment"]
    looks = {
        "true": ("w == x, trained rotation", fig.BLUE),
        "random rotation": ("w == x, random rotation", fig.SKY),
        "wrong variable": ("sign of w, trained rotation", fig.ORANGE),
        "untrained": ("w == x, untrained network", fig.MUTED),
    }
    layers = sorted(table["layer"].unique())
    for j, (arm, (label, colour)) in enumerate(looks.items()):
        for layer in layers:
            values = _seeds(table, "iia", arm=arm, layer=layer)
            _bar(ax, layer + 0.2 * (j - 1.5), values, 0.19, color=colour,
                 label=label if layer == layers[0] else None)  # fmt: skip
    ax.axhline(0.5, color=fig.INK, ls=":", lw=0.8)
    ax.set_xticks(layers, [f"layer {i + 1}" for i in layers])
    ax.set_ylim(0, 1.35)
    ax.set_yticks(np.arange(0, 1.1, 0.25))
    ax.set_ylabel("interchange accuracy, new pairs")
    ax.legend(ncols=2, loc="upper center")
    best = max(layers, key=lambda i: _seeds(table, "valid", arm="true", layer=i).mean())
    most = {a: max(_seeds(table, "iia", arm=a, layer=i).mean() for i in layers) for a in looks}
    fig.title(
        ax,
        f"w == x aligns to {_seeds(table, 'iia', arm='true', layer=best).mean():.2f} in layer "
        f"{best + 1}, a wrong variable to {most['wrong variable']:.2f} at most",
    )
    return sheet
