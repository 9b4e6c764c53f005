"""Figures of the study ``concept_space``: paths, pictures, times, and the solvable model."""

from typing import Any

import numpy as np
import polars as pl
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.collections import LineCollection
from matplotlib.colors import LogNorm
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from toylab.read import Measures, Rows, table
from toylab.read.times import Times, earliest, first_times, reached
from toylab.report import figures as fig
from toylab.report.averages import average
from toylab.report.axes import log_axis
from toylab.report.marks import points
from toylab.report.panels import drawing, panels
from toylab.report.ramp import MAP
from toylab.report.series import series
from toylab.stats import seed_interval
from toylab.stats.rise import greatest_rise
from toylab.tasks.concept_space.discs import Discs, rgb

CURVES = table("curves", of="discs")
SHARE, HOLD = 0.8, 11  # of places; records in a row, as the claims hold their times
MAIN = CURVES.filter(*(pl.col(f"of {c}") for c in ("colour_gap", "size_gap", "masked")))
STRENGTHS = (0.125, 0.25, 0.5, 1.0)
LOOKS = (
    ("colour", "colour", fig.VERMILLION, "o"),
    ("size", "size", fig.BLUE, "s"),
    ("over 0.5 lenient", "over-prompted", fig.ORANGE, "s"),
)
MOMENTS = (
    ("latent 0.5 lenient", "*", 11, "hidden capability: a latent shift shows it"),
    ("naive lenient", "o", 6.5, "asking shows it"),
)
SETTINGS = {
    "colour_gap": ("gap of colour", LOOKS[:2], "Stronger signals first"),
    "size_gap": ("gap of size", LOOKS[:1], "Size slows colour down"),
    "masked": ("share that hide colour", LOOKS[::2], "Hiding colour delays it"),
}
CAPTIONS = {
    "paths": "What networks show of the class that they never saw (large, second colour; top "
    "right), by colour and size of the disc shown: 0 and 1 are the middles of the classes, whose "
    "true images stand in the corners. Thin lines are seeds, the thick one their mean, from the "
    "first record (dark) to the last (light). Star: a latent shift of half the difference between "
    "trained colours begins to show the new class (the nearest of four, median over seeds). "
    "Diamond: what over-prompting by half a gap shows then. Circle: asking begins to show the new "
    "class. Titles: gap of colour, and the concept with the stronger signal.",
    "pictures": "Pictures by the first network: asked for the new class, over-prompted by half a "
    "gap of colour, and shifted by half the difference of trained embeddings; below, the true "
    "image. Framed: the new class is the nearest of four.",
    "times": "(a) Step at which colour, and size, of the new class is right, against the gap of "
    "colour; dotted, where both have one signal. (b) The same of colour against the gap of size. "
    "(c) Against the share of examples that hide their colour, with the step at which over-prompts "
    "first show the new class. (d) Step at which it is shown on asking, by the best of four random "
    "shifts, by over-prompts and latent shifts, with both readers. (e) Against the strength of "
    "over-prompts; dashed, on asking. (f) Colour shown on asking for the new class and its trained "
    "neighbour, and when over-prompted; dashed, the straight line through the first two. Points "
    "are means, ticks seeds, bands 95% intervals; what is never seen is drawn at the last step.",
    "identity": "Identity regression by linear networks. (a) One layer's answers to the new "
    "point, (1, 2), every fourth seed; dashed, the formula. (b) Error on the new point with four "
    "layers, over its first value; orange, seeds in which it rises by 5% or more. (c) Share of "
    "such seeds, with exact 95% intervals.",
}


def when(rows: Rows, column: str) -> Times:
    """When a share of places reaches 80% and stays for eleven records."""
    return reached(rows, column, SHARE, HOLD)


def paths(measures: Measures, config: Any) -> Figure:
    """Paths in concept space at three gaps of colour."""
    gaps = (min(config.colour_gaps), config.colour_gap, max(config.colour_gaps))
    sheet, axes = panels(3, 3.0, sharey=True)
    norm = LogNorm(config.record_every, config.steps)
    for ax, gap in zip(axes, gaps, strict=True):
        rows = CURVES.filter(pl.col("of colour_gap"), pl.col("colour_gap") == gap)
        step, x_PS = series(rows.rows(measures), "naive x")
        y_PS = series(rows.rows(measures), "naive y")[1]
        ax.plot(x_PS.T, y_PS.T, color=fig.MUTED, lw=0.4, alpha=0.5)
        mean_S2 = np.column_stack([_mean(x_PS), _mean(y_PS)])
        pieces = np.stack([mean_S2[:-1], mean_S2[1:]], 1)
        look = {"cmap": MAP, "norm": norm, "lw": 2.6, "capstyle": "round"}
        ax.add_collection(LineCollection([*pieces], array=step[1:], **look))
        signals = rows.last().rows(measures)
        weak = signals["colour signal"][0] < signals["size signal"][0]
        _moments(ax, rows, measures, mean_S2, MOMENTS if weak else MOMENTS[1:])
        _corners(ax, Discs(gap, config.size_gap, pixels=24))
        fig.title(ax, f"Gap {gap:g}: {'size' if weak else 'colour'} first")
        ax.set(xlabel="colour shown", xticks=(0, 1), yticks=(0, 1))
    axes[0].set_ylabel("size shown")
    sheet.colorbar(ScalarMappable(norm, MAP), ax=axes, shrink=0.8, pad=0.01, label="step")
    sheet.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=3)
    return sheet


def _mean(values_PS: np.ndarray) -> np.ndarray:
    finite = values_PS[np.isfinite(values_PS).all(1)]
    return finite.mean(0) if len(finite) else np.full(values_PS.shape[1], np.nan)


def _moments(ax: Axes, rows: Rows, measures: Measures, mean_S2: np.ndarray, moments: Any) -> None:
    """Mark on the mean path when interventions, and when asking, begin to succeed."""
    step = series(rows.rows(measures), "naive x")[0]
    for column, marker, size, label in moments:
        times = when(rows, column)
        seen = times.time.where(times.seen)(measures).values
        if not len(seen):
            continue
        at = int(np.abs(step - np.median(seen)).argmin())
        look = {"mfc": fig.VERMILLION, "mec": "white", "ls": "", "zorder": 5}
        ax.plot(*mean_S2[at], marker, ms=size, label=label, **look)
        if marker == "*":
            x, y = (_mean(series(rows.rows(measures), f"over 0.5 {c}")[1])[at] for c in "xy")
            ax.plot([mean_S2[at, 0], x], [mean_S2[at, 1], y], color=fig.VERMILLION, lw=1, zorder=4)
            look = {"mfc": "white", "mec": fig.VERMILLION, "ls": "", "zorder": 6}
            ax.plot(x, y, "D", ms=4.5, label="what over-prompting shows then", **look)


def _corners(ax: Axes, task: Discs) -> None:
    """Put true images of the classes into the corners."""
    ax.set(xlim=(-0.35, 1.35), ylim=(-0.35, 1.35))
    for which in range(4):
        x, y, colour = which // 2, which % 2, fig.VERMILLION if which == 3 else fig.INK
        image = rgb(np.asarray(task.render(task.values(which), np.zeros(2, np.float32))))
        left, low = (1.08 if x else -0.34), (1.08 if y else -0.34)
        inset = ax.inset_axes((left, low, 0.26, 0.26), transform=ax.transData)
        inset.imshow(image, interpolation="bilinear")
        inset.set(xticks=[], yticks=[])
        for spine in inset.spines.values():
            spine.set(visible=True, lw=0.8, color=colour)
        ax.plot(x, y, "s", ms=4, mfc="none" if which == 3 else colour, mec=colour)


def pictures(measures: Measures, config: Any) -> Figure:
    """Pictures of the new class through training."""
    shown, steps = measures["pictures"], config.snapshots()
    task, at = Discs(config.colour_gap, config.size_gap, pixels=config.pixels), np.zeros(2)
    true = np.stack([np.asarray(task.render(task.values(c), at)) for c in range(4)])
    sheet = fig.figure(0.75 * fig.PAGE, 3.6)
    ax = sheet.subplots()
    shown = np.concatenate([shown, np.tile(true[3], (1, len(steps), 1))])
    for i, j in np.ndindex(*shown.shape[:2]):
        place = (j, j + 0.92, -i - 0.92, -i)
        if np.isfinite(shown[i, j]).all():
            ax.imshow(rgb(shown[i, j]), extent=place)
        right = ((shown[i, j] - true) ** 2).sum(1).argmin() == 3 and i < len(shown) - 1
        look = {"ec": fig.VERMILLION, "lw": 2} if right else {"ec": fig.MUTED, "lw": 0.5}
        ax.add_patch(Rectangle((j, -i - 0.92), 0.92, 0.92, fill=False, **look))
    ax.set(xlim=(-0.05, len(steps)), ylim=(-len(shown), 0.05), xlabel="step")
    ax.set_xticks(np.arange(len(steps)) + 0.46, [f"{s:,}" for s in steps])
    ax.set_yticks(-np.arange(len(shown)) - 0.46, ("asked", "over-\nprompted", "shifted", "true"))
    ax.tick_params(length=0)
    ax.spines[:].set_visible(False)
    fig.title(sheet, "Over-prompts show the new class early, and never become its image")
    return sheet


def times(measures: Measures, config: Any) -> Figure:
    """When concepts are learned, and what interventions show."""
    sheet, axes = panels(3, 4.9, rows=2)
    told = CURVES.filter(pl.col("masked") < 1)
    for ax, (setting, (name, looks, title)) in zip(axes[0], SETTINGS.items(), strict=True):
        _against(ax, told.filter(pl.col(f"of {setting}")).rows(measures), setting, looks)
        _log_steps(ax, config)
        fig.title(ax, title)
        ax.set_xlabel(name)
        ax.locator_params("x", nbins=4)
    axes[0, 2].legend(loc="lower right")
    one = CURVES.filter(pl.col("of colour_gap")).last().rows(measures).row(0, named=True)
    balance = one["size signal"] / one["colour signal"] * one["colour_gap"]
    axes[0, 0].axvline(balance, color=fig.INK, ls=":", lw=0.8)
    axes[0, 0].legend(loc="lower center", bbox_to_anchor=(0.65, 0))
    _interventions(axes[1, 0], measures, config)
    _strengths(axes[1, 1], measures, config)
    _gain(axes[1, 2], measures)
    for ax in axes[:, 0]:
        ax.set_ylabel("step")
    return sheet


def _against(ax: Axes, frame: pl.DataFrame, setting: str, looks: Any) -> None:
    """Times of concepts against a setting; those not seen at the last step."""
    for concept, label, colour, marker in looks:
        found = first_times(frame, concept, SHARE, HOLD, ("init_seed", setting))
        for at in found[setting].unique().sort():
            own = found.filter(pl.col(setting) == at)["time"].to_numpy()
            first = label if at == found[setting].min() else None
            points(ax, at, own, colour, label=first, marker=marker)


def _log_steps(ax: Axes, config: Any) -> None:
    ticks = [25, 50, 100, 200, 400, 800, 1600]
    log_axis(ax, "y", ticks=[t for t in ticks if t < config.steps] or [config.steps])
    ax.set_ylim(0.8 * config.record_every, 1.25 * config.steps)
    ax.axhline(config.steps, color=fig.MUTED, lw=0.6)


def _interventions(ax: Axes, measures: Measures, config: Any) -> None:
    """Times by reader: asked, random, over-prompted, shifted."""
    names = {"naive": ("asked", fig.INK, "o"), "": ("random shift", fig.MUTED, "^")}
    names |= {"over 0.5": ("over-prompted", fig.ORANGE, "s")}
    names |= {"latent 0.5": ("latent shift", fig.GREEN, "D")}
    for i, reader in enumerate(("lenient", "strict")):
        best = earliest(*(when(MAIN, f"random {k} {reader}") for k in range(4)))
        for j, (column, (name, colour, marker)) in enumerate(names.items()):
            own = when(MAIN, f"{column} {reader}") if column else best
            look = {"marker": marker, "label": None if i else name}
            points(ax, i + 0.2 * (j - 1.5), own.time(measures).array(), colour, **look)
    _log_steps(ax, config)
    ax.text(-0.55, 0.94 * config.steps, "never", va="top", size=7)
    ax.set(xlim=(-0.6, 1.55), xticks=(0, 1), xticklabels=("lenient reader", "strict reader"))
    ax.legend(loc="lower right", fontsize=6.5)
    fig.title(ax, "Over-prompts lead, by one reader only")


def _strengths(ax: Axes, measures: Measures, config: Any) -> None:
    """Times against strengths of over-prompting."""
    for strength in STRENGTHS:
        own = when(MAIN, f"over {strength} lenient").time(measures).array()
        points(ax, strength, own, fig.ORANGE, marker="s")
    naive = average(when(MAIN, "naive lenient").time, measures)
    ax.axhline(naive, color=fig.INK, ls="--", lw=0.8)
    log_axis(ax, ticks=STRENGTHS, base=2)
    _log_steps(ax, config)
    ax.set_xlabel("strength of over-prompts")
    fig.title(ax, "The moment moves with the strength")


def _gain(ax: Axes, measures: Measures) -> None:
    """Colour shown, and what a straight line would."""
    rows = MAIN.rows(measures)
    names = {"naive": ("asked", fig.INK), "class 1": ("neighbour", fig.BLUE)}
    names |= {"over 0.5": ("over-prompted", fig.ORANGE)}
    for name, (label, colour) in names.items():
        step, values = series(rows, f"{name} x")
        fig.interval_line(ax, step, values, label, colour)
    line = pl.col("naive x") + 0.5 * (pl.col("naive x") - pl.col("class 1 x"))
    step, values = series(rows, line)
    ax.plot(step, _mean(values), "--", color=fig.VERMILLION, lw=1.1, label="straight line")
    log_axis(ax, leads=(1,))
    ax.set(xlabel="step", ylabel="colour shown", ylim=(-0.1, 1.75))
    ax.legend(loc="upper left", ncols=2, fontsize=6.5, columnspacing=1, handlelength=1.4)
    fig.title(ax, "What is elicited is on the way")


def identity(measures: Measures, config: Any) -> Figure:
    """The solvable model: formula, swing-by, share of seeds."""
    sheet, (left, middle, right) = panels(3, 2.7)
    rows = table("identity").rows(measures)
    for own in rows.filter(depth=1).sort("step").partition_by("init_seed")[::4]:
        left.plot(own["x"], own["y"], color=fig.BLUE, lw=1.6, alpha=0.45)
        left.plot(own["x formula"], own["y formula"], "--", color=fig.INK, lw=0.7)
    left.set(xlabel="weak coordinate", ylabel="strong coordinate")
    fig.title(left, "One layer moves as the formula says")
    shares = {}
    for depth in sorted(rows["depth"].unique()):
        step, loss_PS = series(rows.filter(depth=depth), "loss")
        loss_PS = loss_PS[np.isfinite(loss_PS).all(1)]
        rises = [greatest_rise(step, own, np.inf).size / own[0] for own in loss_PS]
        shares[depth] = np.array(rises) > 0.05
    for own, swings in zip(loss_PS, shares[depth], strict=True):
        look = {"color": fig.ORANGE, "lw": 1.0, "zorder": 3} if swings else {"color": fig.MUTED}
        middle.plot(step, own / own[0], **{"lw": 0.5, "alpha": 0.7} | look)
    busy = step[(loss_PS > 0.01 * loss_PS[:, :1]).any(0)]
    middle.set(xlabel="step", ylabel="error, over its first", xlim=(0, max(busy, default=1)))
    fig.title(middle, "With four layers some errors rise on the way")
    for depth, own in shares.items():
        share, low, high = seed_interval(own.astype(float), outcome=True)
        right.bar(depth, share, 0.7, color=fig.ORANGE)
        right.plot([depth, depth], [low, high], color=fig.INK, lw=1)
    right.set(xlabel="linear layers", ylabel="share of seeds that swing by", ylim=(0, 0.5))
    fig.title(right, "Swing-by is the course of few seeds")
    return sheet


draw = drawing(paths, pictures, times, identity)
