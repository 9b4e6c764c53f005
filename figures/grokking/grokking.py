"""Figures of the study ``grokking``: curves with phases, progress measures, spectra, ablations."""

from typing import Any

import numpy as np
import polars as pl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from toylab.read import Measures, table
from toylab.report import figures as fig
from toylab.report.averages import average
from toylab.report.panels import drawing, panels

PHASES = (("memorisation", fig.SKY), ("circuit formation", fig.YELLOW), ("clean-up", fig.GREEN))
WITH_DECAY = pl.col("weight_decay") > 0
BANDS = "Lines are medians over seeds, bands their 95% intervals."
CAPTIONS = {
    "curves": "(a) Cross-entropy and (b) accuracy of seed 0 on the training and the test set, with "
    "the three phases shaded: until 99% of the training set is right, until the test loss has "
    "fallen to half its peak, until 99% of the test set is right. (c) Test accuracy of every seed, "
    "with and without weight decay.",
    "progress": "Progress measures, each seed's clock scaled by the step at which it generalises; "
    "phases shaded as in the curves. (a) Restricted loss of the key frequencies and of as many "
    "others, their weights taken from held-out pairs. (b) Excluded loss on the training set. (c) "
    f"Gini coefficient over frequencies. (d) Sum of squared weights. {BANDS}",
    "spectra": "(a) Norm of the embedding's component at each frequency, seed 0. (b) Share of the "
    "logits' variance that cos(w(r - c)) of each frequency explains, seed by seed. (c) Share of "
    "each neuron's variance at its best frequency, all seeds; dotted, 85%.",
    "ablations": "Test loss of the unablated network, of its key frequencies alone, without as "
    "many other frequencies, and without the key ones. Dots are seeds, bars medians; dotted, a "
    "uniform guess.",
}
PANELS = (
    (
        "loss (nats)",
        (
            ("restricted", "key frequencies only", fig.BLUE),
            ("restricted_others", "as many others", fig.MUTED),
            ("test_loss", "test loss", fig.VERMILLION),
        ),
    ),
    (
        "training loss (nats)",
        (
            ("excluded", "without key frequencies", fig.BLUE),
            ("excluded_others", "without as many others", fig.MUTED),
            ("train_loss", "full model", fig.INK),
        ),
    ),
    (
        "Gini coefficient",
        (("gini_embedding", "embedding", fig.BLUE), ("gini_output", "output", fig.GREEN)),
    ),
    ("sum of squared weights", (("squares", "all weights", fig.INK),)),
)


def _networks(m: Measures) -> pl.DataFrame:
    """Times of the networks with decay, seed by seed."""
    return m["times"].filter(WITH_DECAY).sort("init_seed")


def shade(ax: Axes, row: dict[str, float]) -> None:
    """Shade the three phases of one network."""
    ends = [0.0, row["memorised"], row["cleanup"], row["generalised"]]
    for (name, colour), left, right in zip(PHASES, ends[:-1], ends[1:], strict=True):
        if right > left:
            ax.axvspan(left, right, color=colour, alpha=0.22, linewidth=0, label=name)


def curves(m: Measures, config: Any) -> Figure:
    """Loss and accuracy of one seed with its phases; test accuracy of every seed."""
    sheet, (left, middle, right) = panels(3, 2.9)
    times = _networks(m)
    row = times.row(0, named=True)
    one = m["curves"].filter(member=row["member"]).sort("step")
    for ax, name in ((left, "loss"), (middle, "accuracy")):
        shade(ax, row)
        for part, colour in (("train", fig.INK), ("test", fig.VERMILLION)):
            ax.plot(one["step"], one[f"{part}_{name}"], color=colour, label=part)
        ax.set_xlabel("step")
    left.set(yscale="log", ylabel="cross-entropy (nats)")
    middle.set_ylabel("accuracy")
    sheet.legend(*middle.get_legend_handles_labels(), loc="outside lower center", ncols=5)
    fig.title(left, f"Memorised by step {row['memorised']:,.0f}")
    late = f"Generalises by step {row['generalised']:,.0f}"
    fig.title(middle, late if row["has_generalised"] else "Does not generalise")
    for decay, colour in ((config.weight_decay, fig.VERMILLION), (0.0, fig.MUTED)):
        label = f"decay {decay:g}"
        own = m["curves"].filter(WITH_DECAY == (decay > 0))
        for _, rows in own.group_by("member", maintain_order=True):
            right.plot(rows["step"], rows["test_accuracy"], color=colour, lw=0.9, label=label)
            label = None
    made = int(times["has_generalised"].sum())
    fig.title(right, f"{made} of {len(times)} seeds generalise")
    right.set(xlabel="step", ylabel="test accuracy")
    right.legend(loc="lower right", bbox_to_anchor=(1.0, 0.28), frameon=True, edgecolor="none")
    return sheet


def on_grid(m: Measures, column: str, grid: np.ndarray) -> np.ndarray:
    """A measure of every seed at shares of that seed's delay, (S, G)."""
    rows = []
    for row in _networks(m).iter_rows(named=True):
        own = m["progress"].filter(member=row["member"]).sort("step")
        x = own["step"].to_numpy() / row["generalised"]
        rows.append(np.where(grid <= x[-1], np.interp(grid, x, own[column].to_numpy()), np.nan))
    return np.array(rows)


def progress(m: Measures, config: Any) -> Figure:
    """The progress measures over time, each seed's clock set by when it generalises."""
    sheet, axes = panels(2, 4.6, rows=2, sharex=True)
    times = _networks(m)
    end = config.steps / float(times["generalised"].max())  # pyright: ignore
    grid = np.linspace(0, min(1.6, end), 60)
    share = {n: float((times[n] / times["generalised"]).median()) for n in ("memorised", "cleanup")}  # pyright: ignore
    for ax, letter, (label, lines) in zip(axes.flat, "abcd", PANELS, strict=True):
        shade(ax, share | {"generalised": 1.0})
        shaded = len(ax.get_legend_handles_labels()[0])
        for column, name, colour in lines:
            fig.interval_line(ax, grid, on_grid(m, column, grid), name, colour)
        entries = (part[shaded:] for part in ax.get_legend_handles_labels())
        place = {"a": (0.0, 0.02), "b": (0.42, 0.38)}.get(letter)
        ax.legend(*entries, loc="lower left" if place else "best", bbox_to_anchor=place)
        ax.set_ylabel(label)
    for ax in axes[0]:
        ax.set_yscale("symlog", linthresh=1e-2)
        ax.set_ylim(0, None)
    for ax in axes[1]:
        ax.set_xlabel("step / step of generalisation")
    found = axes[0, 0].get_legend_handles_labels()
    sheet.legend(*(part[:shaded] for part in found), loc="outside lower center", ncols=3)
    fig.title(sheet, _lead(m))
    return sheet


def _lead(m: Measures) -> str:
    """Say when the restricted loss falls below half a uniform guess's, over the delay."""
    fallen = pl.col("step").filter(pl.col("restricted") < pl.col("uniform") / 2).first()
    first = table("progress").filter(WITH_DECAY).aggregate(fallen)
    when = average(first / table("times").filter(WITH_DECAY).value("generalised"), m)
    words = "The key frequencies alone {} the loss of a uniform guess{}"
    if np.isnan(when):
        return words.format("do not halve", "")
    return words.format("halve", f" after {when:.0%} of the delay")


def spectra(m: Measures, config: Any) -> Figure:
    """Spectrum of the embedding before and after, and each seed's frequencies in the logits."""
    sheet, (left, middle, right) = panels(3, 2.8)
    members = _networks(m)["member"].to_numpy()
    k = np.arange(1, m["embedding"].shape[1] + 1)
    left.bar(k, np.nan_to_num(m["embedding"][members[0]]), color=fig.BLUE, label="trained")
    left.plot(k, m["embedding_untrained"][members[0]], color=fig.MUTED, label="untrained")
    left.set(xlabel="frequency k", ylabel="norm of the embedding's component")
    left.margins(y=0.3)
    left.legend(loc="upper left")
    fig.title(left, f"Seed 0: {int(m['key'][members[0]].sum())} key frequencies")
    extent = (k[0] - 0.5, k[-1] + 0.5, len(members) - 0.5, -0.5)
    image = middle.imshow(m["cosines"][members], aspect="auto", vmin=0, extent=extent)
    middle.set(xlabel="frequency k", ylabel="seed", yticks=range(len(members)))
    sheet.colorbar(image, ax=middle, label="share of the logits' variance")
    sets = {tuple(np.flatnonzero(row)) for row in m["key"][members]}
    fig.title(middle, f"{len(members)} seeds, {len(sets)} choices")
    right.hist(m["neurons"][members].max(-1).ravel(), np.linspace(0, 1, 41).tolist())
    right.axvline(0.85, color=fig.VERMILLION, linestyle=":")
    right.set(xlabel="share of a neuron's variance\nat its best frequency")
    right.set_ylabel("neurons, all seeds")
    share = table("progress").filter(WITH_DECAY).last().value("neuron_share")
    fig.title(right, f"{average(share, m):.0%} of neurons above 85%")
    return sheet


def ablations(m: Measures, config: Any) -> Figure:
    """Test loss with only, and without, the key frequencies, against the controls."""
    sheet = fig.figure(fig.COLUMN + 1.2, 2.8)
    ax = sheet.subplots()
    final = table("progress").filter(WITH_DECAY).last()
    bars = {
        "test_loss": "full model",
        "test_only": "key\nfrequencies\nonly",
        "test_without_others": "without as\nmany others\n(control)",
        "test_without": "without the\nkey\nfrequencies",
    }
    for i, column in enumerate(bars):
        values = np.maximum(final.value(column)(m).values, 1e-9)
        x = i + 0.3 * (np.arange(len(values)) / max(len(values), 1) - 0.5)
        ax.scatter(x, values, s=14, c=fig.BLUE)
        ax.plot([i - 0.28, i + 0.28], [np.median(values)] * 2, color=fig.INK)
    ax.axhline(np.log(config.p), color=fig.VERMILLION, linestyle=":", label="uniform guess")
    ax.set_xticks(range(len(bars)), list(bars.values()))
    ax.set(yscale="log", ylabel="test loss (nats)")
    ax.legend()
    gain = average(final.value(pl.col("test_only") / pl.col("test_loss")), m, np.median)
    fig.title(ax, f"Key frequencies alone have {gain:.2g} of the loss")
    return sheet


draw = drawing(curves, progress, spectra, ablations)
