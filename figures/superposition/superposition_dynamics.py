"""Figures of the study ``superposition_dynamics``: jumps between levels; an octahedron forming."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import polars as pl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from toylab.read import Measures
from toylab.report import figures as fig
from toylab.report.panels import gallery
from toylab.tasks.superposition.arrangements import side_view

from .pictures import vectors

LEVELS = {1.0: "alone, 1", 0.5: "pair, 1/2", 0.4: "pentagon, 2/5", 0.0: "dropped, 0"}
SETS = (fig.BLUE, fig.VERMILLION)
SHARES = {
    "apart": "distance of the sets",
    "wide": "second width of the sets",
    "antipodal": "least antipodal −cosine",
    "twist": "twist / 60°",
}
STAGES = {"apart": "sets separate", "triangles": "triangles", "pairs": "antipodal pairs"}


CAPTIONS = {
    "levels": "Dimensionality of every feature, and the loss on a common batch, over training: "
    "the two seeds whose features settle last. Blue features are kept, red ones dropped; the "
    "dashed line is when the last feature nears its level, orange lines are jumps of half a level "
    "within 2% of the run.",
    "octahedron": "Above: six features of two correlated sets (blue, red) of one seed, seen from "
    "the side. Below: distance, width, antipodal cosine and twist of its triangles as fractions "
    "of the regular octahedron's, with the loss, and the losses of all seeds.",
}


def draw(measures: Measures, config: Any) -> dict[str, Figure]:
    """Draw every figure of the study; one whose networks all diverged is left out."""
    makers = {levels: measures["levels"], octahedron: correlated(measures)}
    return {
        make.__name__: make(measures)
        for make, networks in makers.items()
        if not networks["diverged"].all()
    }


def correlated(measures: Measures) -> pl.DataFrame:
    """Networks with correlated sets."""
    return measures["octahedra"].filter(world="correlated")


def levels(measures: Measures) -> Figure:
    """D_i of every feature and the loss below, for the two seeds that settle last."""
    table = measures["levels"].filter(~pl.col("diverged"))
    # Where features move late they move alone, and the loss shows each.
    chosen = table.sort("settled", "member", descending=True).head(2)
    sheet = fig.figure(fig.PAGE, 4.6)
    axes = sheet.subplots(2, len(chosen), sharex="col", height_ratios=(1.4, 1), squeeze=False)
    for column, row in enumerate(chosen.iter_rows(named=True)):
        _trajectory(axes[:, column], measures, row)
        fig.panel_label(axes[0, column], "ab"[column])
    axes[0, 0].set_ylabel("dimensionality $D_i$")
    axes[1, 0].set_ylabel("loss, common batch")
    lines = {
        "feature that is kept": dict(color=fig.BLUE),
        "feature that is dropped": dict(color=fig.VERMILLION),
        "jump of half a level within 2% of the run": dict(color=fig.ORANGE, alpha=0.5),
        "last feature nears its level": dict(color=fig.GREEN, linestyle="--"),
    }
    jumped = measures["levels_jumps"]["member"].is_in(chosen["member"].to_list()).any()
    for name, look in lines.items():
        if jumped or not name.startswith("jump"):
            axes[1, 0].plot([], [], label=name, **look)
    handles, names = axes[1, 0].get_legend_handles_labels()
    sheet.legend(handles, names, loc="outside lower center", ncols=2)
    finding = f"Features make {table['jumps'].mean():.2g} fast jumps per network after the opening"
    drop = table["last_drop"].drop_nulls().median()
    if drop is not None:
        finding += f"; as the last one nears its level the loss falls {drop:.1f} times as fast"
    fig.title(sheet, finding)
    return sheet


def _trajectory(axes: Sequence[Axes], measures: Measures, row: dict[str, Any]) -> None:
    """One network: D_i above, its loss below."""
    upper, lower = axes
    steps_S, member = measures["levels_step"], row["member"]
    D_SN, loss_S = measures["levels_D"][member], measures["levels_loss"][member]
    jumps = measures["levels_jumps"].filter(member=member)["step"]
    for D_S in D_SN.T:
        colour = fig.VERMILLION if D_S[-1] < 0.25 else fig.BLUE
        upper.plot(steps_S, D_S, color=colour, linewidth=0.7)
    for level, name in LEVELS.items():
        upper.axhline(level, color=fig.INK, linestyle=":", linewidth=0.7, zorder=1)
        if level < D_SN.max() + 0.05:
            place = dict(xycoords=("axes fraction", "data"), va="center", fontsize=7.5)
            upper.annotate(name, (1.01, level), **place)
    lower.plot(steps_S, loss_S, color=fig.INK)
    low, start = loss_S.min(), loss_S[len(loss_S) // 50]
    lower.set_ylim(low - 0.04 * (start - low), start + 0.3 * (start - low))
    end = steps_S[min(row["settled"], len(steps_S) - 1)]
    for ax in (upper, lower):
        ax.axvline(end, color=fig.GREEN, linestyle="--", linewidth=1, zorder=1)
        for step in jumps:
            ax.axvline(step, color=fig.ORANGE, alpha=0.35, linewidth=0.8, zorder=0)
    upper.set_ylim(-0.03, D_SN.max() + 0.05)
    lower.set(xlim=(0, min(2 * end, steps_S[-1]) or None), xlabel="step")
    fig.title(upper, f"Seed {row['init_seed']}: {_plural(len(jumps), 'jump')} after the opening")


def _plural(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def octahedron(measures: Measures) -> Figure:
    """Pictures of one seed's six features at the stages, its loss, and all seeds' losses."""
    rows = correlated(measures).filter(~pl.col("diverged")).sort("member")
    good = rows.filter(pl.col("octahedron") & pl.col("in_order"))
    # The seed whose triangles turn most shows the last stage best.
    ranked = (good if len(good) else rows).sort(pl.col("twist") - pl.col("twist_end"))
    one = ranked.row(-1, named=True)
    member, steps_S = one["member"], measures["octahedra_step"]
    W_SMN = measures["octahedra_W"][member]
    record = {name: int(np.searchsorted(steps_S, one[f"{name}_step"])) for name in STAGES}
    shown = {
        "sets separate": record["apart"],
        "on the plateau": (record["apart"] + record["triangles"]) // 2,
        "triangles": record["triangles"],
        "antipodal pairs": record["pairs"],
        "end": -1,
    }
    frames = [("start", 0, measures["octahedra_start"][member])]
    frames += [(name, steps_S[k], W_SMN[k]) for name, k in shown.items()]
    sheet, pictures, (left, right) = gallery(4.7, len(frames))
    view_2M = side_view(W_SMN[-1])
    for ax, (name, step, W_MN) in zip(pictures, frames, strict=True):
        _picture(ax, view_2M @ W_MN)
        ax.set_title(f"{name}\nstep {step}", loc="center", fontsize=7.5)
    _curves(left, measures, member, record)
    _all_losses(right, measures, rows)
    fig.title(
        sheet,
        f"{rows['octahedron'].mean():.0%} of {len(rows)} networks end as an octahedron, and "
        f"{rows['in_order'].mean():.0%} pass through its stages in order",
    )
    return sheet


def _picture(ax: Axes, points_2N: np.ndarray) -> None:
    vectors(ax, points_2N, [colour for colour in SETS for _ in range(3)], reach=1.02)
    for half, colour in zip((points_2N[:, :3], points_2N[:, 3:]), SETS, strict=True):
        ax.fill(*half, color=colour, alpha=0.18, linewidth=0)
    ax.set_axis_off()


def _curves(ax: Axes, measures: Measures, member: int, record: dict[str, int]) -> None:
    """The three measures of the shape over training, each as a fraction of the octahedron's."""
    steps_S = measures["octahedra_step"]
    shares = measures["octahedra_shape"].filter(member=member).sort("record")
    for (column, name), colour in zip(SHARES.items(), fig.PALETTE, strict=False):
        ax.plot(steps_S, shares[column], color=colour, label=name, linewidth=1.1)
    loss = ax.twinx()
    loss.spines["right"].set_visible(True)
    loss.plot(steps_S, measures["octahedra_loss"][member], color=fig.INK, linewidth=1.1)
    ax.plot([], [], color=fig.INK, label="loss (right axis)")
    for name, k in record.items():
        ax.axvline(steps_S[k], color=fig.INK, linestyle=":", linewidth=0.8)
        ax.annotate(
            STAGES[name], (steps_S[k], 1.02), xycoords=("data", "axes fraction"), fontsize=7.5,
            rotation=20, va="bottom",
        )  # fmt: skip
    loss.set(yscale="log", ylabel="loss")
    ax.set(ylabel="fraction of the octahedron's", xlabel="step", ylim=(-0.25, 1.1))
    loss.minorticks_off()
    ax.legend(loc="upper center", bbox_to_anchor=(0.5, -0.2), ncols=2)


def _all_losses(ax: Axes, measures: Measures, rows: pl.DataFrame) -> None:
    steps_S = measures["octahedra_step"]
    kinds = {True: (fig.BLUE, "octahedron"), False: (fig.ORANGE, "other end")}
    for formed, (colour, name) in kinds.items():
        which = rows.filter(octahedron=formed)
        label = f"{name}: {_plural(len(which), 'seed')}"
        for own in which.iter_rows(named=True):
            loss_S = measures["octahedra_loss"][own["member"]]
            ax.plot(steps_S, loss_S, color=colour, alpha=0.35, linewidth=0.7, label=label)
            k = int(np.searchsorted(steps_S, own["triangles_step"]))
            if own["triangles_seen"]:
                ax.plot(steps_S[k], loss_S[k], "D", color=fig.INK, markersize=2.5, zorder=4)
            label = None
    ax.plot([], [], "D", color=fig.INK, markersize=2.5, label="triangles half spread")
    ax.set(yscale="log", xlabel="step", ylabel="loss, common batch")
    ax.minorticks_off()
    ax.legend()
    peak = rows["triangles_peak"].drop_nulls().median()
    if peak is not None:
        fig.title(ax, f"The loss falls {peak:.1f} times as fast at the triangles as around")
