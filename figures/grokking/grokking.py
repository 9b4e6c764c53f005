"""Figures of the study ``grokking``: curves with phases, progress measures, spectra, ablations."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import polars as pl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from toylab.report import figures as fig

PHASES = (("memorisation", fig.SKY), ("circuit formation", fig.YELLOW), ("clean-up", fig.GREEN))


def draw(measures: Mapping[str, Any], config: Any) -> dict[str, Figure]:
    """Draw every figure of the study."""
    return {
        "curves": curves(measures, config),
        "progress": progress(measures, config),
        "spectra": spectra(measures, config),
        "ablations": ablations(measures, config),
    }


def decayed(table: pl.DataFrame) -> pl.DataFrame:
    """Rows of the members with weight decay."""
    return table.filter(pl.col("weight_decay") > 0)


def shade(ax: Axes, row: Mapping[str, float], scale: float = 1.0) -> None:
    """Shade the three phases of one member."""
    ends = [0.0, row["memorised"], row["cleanup"], row["generalised"]]
    for (name, colour), left, right in zip(PHASES, ends[:-1], ends[1:], strict=True):
        if right > left:
            span = (left * scale, right * scale)
            ax.axvspan(*span, color=colour, alpha=0.22, linewidth=0, label=name)


def curves(m: Mapping[str, Any], config: Any) -> Figure:
    """Loss and accuracy of one seed with its phases; test accuracy of every seed."""
    sheet = fig.figure(fig.PAGE, 2.7)
    left, middle, right = sheet.subplots(1, 3)
    times = decayed(m["times"]).sort("init_seed")
    row = times.row(0, named=True)
    one = m["curves"].filter(pl.col("member") == row["member"]).sort("step")
    for ax, name in ((left, "loss"), (middle, "accuracy")):
        shade(ax, row)
        for part, colour in (("train", fig.INK), ("test", fig.VERMILLION)):
            ax.plot(one["step"], one[f"{part}_{name}"], color=colour, label=part)
        ax.set_xlabel("step")
    left.set_yscale("log")
    left.set_ylabel("cross-entropy, nats")
    middle.set_ylabel("accuracy")
    middle.legend(loc="lower right", fontsize=6.5)
    fig.title(left, f"Seed 0 memorises by step {row['memorised']:,.0f}")
    fig.title(middle, _generalised(row))
    for decay, colour in ((True, fig.VERMILLION), (False, fig.MUTED)):
        wanted = pl.col("weight_decay") > 0 if decay else pl.col("weight_decay") == 0
        label = f"decay {config.weight_decay:g}" if decay else "no decay"
        for _, table in m["curves"].filter(wanted).group_by("member", maintain_order=True):
            right.plot(table["step"], table["test_accuracy"], color=colour, lw=0.9, label=label)
            label = None
    made = int(times["has_generalised"].sum())
    fig.title(right, f"{made} of {len(times)} seeds generalise")
    right.set_xlabel("step")
    right.set_ylabel("test accuracy")
    right.legend(loc="lower right", bbox_to_anchor=(1.0, 0.28), frameon=True, edgecolor="none")
    return sheet


def _generalised(row: Mapping[str, Any]) -> str:
    if not row["has_generalised"]:
        return "It has not generalised by the end"
    return f"It generalises by step {row['generalised']:,.0f}"


def on_grid(m: Mapping[str, Any], column: str, grid: np.ndarray) -> np.ndarray:
    """A measure of every seed at shares of that seed's delay, (S, G)."""
    rows = []
    for row in decayed(m["times"]).sort("init_seed").iter_rows(named=True):
        table = m["progress"].filter(pl.col("member") == row["member"]).sort("step")
        x = table["step"].to_numpy() / row["generalised"]
        y = table[column].to_numpy()
        rows.append(np.where(grid <= x[-1], np.interp(grid, x, y), np.nan))
    return np.array(rows)


def progress(m: Mapping[str, Any], config: Any) -> Figure:
    """The progress measures over time, each seed's clock set by when it generalises."""
    sheet = fig.figure(fig.PAGE, 4.6)
    axes = sheet.subplots(2, 2, sharex=True)
    end = decayed(m["progress"])["step"].max() / decayed(m["times"])["generalised"].max()
    grid = np.linspace(0, min(1.6, float(end)), 60)  # pyright: ignore[reportArgumentType]
    panels = (
        (
            axes[0, 0],
            "loss, nats",
            (
                ("restricted", "key frequencies only", fig.BLUE),
                ("restricted_others", "as many others", fig.MUTED),
                ("test_loss", "test loss", fig.VERMILLION),
            ),
        ),
        (
            axes[0, 1],
            "training loss, nats",
            (
                ("excluded", "without key frequencies", fig.BLUE),
                ("excluded_others", "without as many others", fig.MUTED),
                ("train_loss", "whole network", fig.INK),
            ),
        ),
        (
            axes[1, 0],
            "Gini coefficient",
            (("gini_embedding", "embedding", fig.BLUE), ("gini_output", "output", fig.GREEN)),
        ),
        (axes[1, 1], "sum of squared weights", (("squares", "all weights", fig.INK),)),
    )
    times = decayed(m["times"])
    share = {n: float((times[n] / times["generalised"]).median()) for n in ("memorised", "cleanup")}  # pyright: ignore
    for ax, label, lines in panels:
        shade(ax, share | {"generalised": 1.0})
        for column, name, colour in lines:
            fig.interval_line(ax, grid, on_grid(m, column, grid), name, colour)
        handles, names = ax.get_legend_handles_labels()
        kept = [i for i, n in enumerate(names) if n not in dict(PHASES)]
        place = {"loss, nats": (0.0, 0.02), "training loss, nats": (0.42, 0.38)}.get(label)
        ax.legend(
            [handles[i] for i in kept],
            [names[i] for i in kept],
            fontsize=6.5,
            loc="lower left" if place else "best",
            bbox_to_anchor=place,
        )
        ax.set_ylabel(label)
    for ax in axes[0]:
        ax.set_yscale("symlog", linthresh=1e-2)
        ax.set_ylim(0, None)
    for ax in axes[1]:
        ax.set_xlabel("step / step of generalisation")
    handles, names = axes[0, 0].get_legend_handles_labels()
    chosen = [i for i, n in enumerate(names) if n in dict(PHASES)]
    sheet.legend(
        [handles[i] for i in chosen],
        [names[i] for i in chosen],
        loc="outside lower center",
        ncols=3,
    )
    level = float(np.log(config.p) / 2)
    lead = np.nanmedian(on_grid(m, "restricted", grid), 0)
    crossed = np.flatnonzero(lead < level)
    when = f"at {grid[crossed[0]]:.0%} of the delay" if len(crossed) else "not within the run"
    fig.title(sheet, f"The restricted loss falls below half that of a uniform guess {when}")
    return sheet


def spectra(m: Mapping[str, Any], config: Any) -> Figure:
    """Spectrum of the embedding before and after, and each seed's frequencies in the logits."""
    sheet = fig.figure(fig.PAGE, 2.8)
    left, middle, right = sheet.subplots(1, 3)
    times = decayed(m["times"]).sort("init_seed")
    members = times["member"].to_numpy()
    k = np.arange(1, m["embedding"].shape[1] + 1)
    left.bar(k, m["embedding"][members[0]], color=fig.BLUE, label="trained")
    left.plot(k, m["embedding_untrained"][members[0]], color=fig.MUTED, label="untrained")
    left.set_xlabel("frequency k")
    left.set_ylabel("norm of the embedding's component")
    left.set_ylim(0, 1.35 * float(m["embedding"][members[0]].max()))
    left.legend(loc="upper left")
    fig.title(left, f"Seed 0 keeps {int(m['key'][members[0]].sum())} frequencies")
    image = middle.imshow(m["cosines"][members], aspect="auto", vmin=0, extent=_extent(k, members))
    middle.set_xlabel("frequency k")
    middle.set_ylabel("seed")
    middle.set_yticks(range(len(members)))
    sheet.colorbar(image, ax=middle, label="share of the logits' variance")
    sets = {tuple(np.flatnonzero(row)) for row in m["key"][members]}
    fig.title(middle, f"{len(sets)} sets of frequencies in {len(members)} seeds")
    best = np.concatenate([m["neurons"][i].max(-1) for i in members])
    right.hist(best, bins=np.linspace(0, 1, 41).tolist(), color=fig.BLUE)
    right.axvline(0.85, color=fig.VERMILLION, linestyle=":")
    right.set_xlabel("share of a neuron's variance\nat its best frequency")
    right.set_ylabel("neurons, all seeds")
    fig.title(right, f"{(best > 0.85).mean():.0%} of neurons above 85%")
    return sheet


def _extent(k: np.ndarray, members: np.ndarray) -> tuple[float, float, float, float]:
    return (k[0] - 0.5, k[-1] + 0.5, len(members) - 0.5, -0.5)


def ablations(m: Mapping[str, Any], config: Any) -> Figure:
    """Test loss with only, and without, the key frequencies, against the controls."""
    sheet = fig.figure(fig.COLUMN + 1.2, 2.8)
    ax = sheet.subplots()
    table = decayed(m["progress"])
    last = table.filter(pl.col("step") == pl.col("step").max()).sort("init_seed")
    bars = (
        ("test_loss", "whole"),
        ("test_only", "key\nfrequencies\nonly"),
        ("test_without_others", "without as\nmany others\n(control)"),
        ("test_without", "without the\nkey\nfrequencies"),
    )
    for i, (column, _) in enumerate(bars):
        values = np.maximum(last[column].to_numpy(), 1e-9)
        offset = np.linspace(-0.15, 0.15, len(values)) if len(values) > 1 else np.zeros(1)
        ax.scatter(i + offset, values, color=fig.BLUE, s=14)
        ax.plot([i - 0.28, i + 0.28], [np.median(values)] * 2, color=fig.INK)
    ax.axhline(np.log(config.p), color=fig.VERMILLION, linestyle=":", label="uniform guess")
    ax.set_yscale("log")
    ax.set_xticks(range(len(bars)), [name for _, name in bars])
    ax.set_ylabel("test loss, nats")
    ax.legend()
    gain = float((last["test_only"] / last["test_loss"]).median())  # pyright: ignore
    fig.title(ax, f"With only the key frequencies the test loss is {gain:.2g} of the whole")
    return sheet
