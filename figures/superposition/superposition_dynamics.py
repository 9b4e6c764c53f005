"""Figures of the study ``superposition_dynamics``: jumps between levels; an octahedron forming."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import polars as pl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from toylab.report import figures as fig

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
    "levels": (
        "Dimensionality of every feature, and the loss on a common batch, over training: the two "
        "seeds whose features settle last. Blue features are kept, red ones dropped; the dashed "
        "line is when the last feature nears its level, orange lines are jumps of half a level "
        "within 2% of the run."
    ),
    "octahedron": (
        "Above: six features of two correlated sets (blue, red) of one seed, seen from the side. "
        "Below: distance, width, antipodal cosine and twist of its triangles as fractions of the "
        "regular octahedron's, with the loss, and the losses of all seeds."
    ),
}


def draw(measures: Mapping[str, Any], config: Any) -> dict[str, Figure]:
    """Draw every figure of the study; one whose networks all diverged is left out."""
    drawn = {}
    if not finite(measures["levels"]).is_empty():
        drawn["levels"] = levels(measures)
    if not correlated(measures).is_empty():
        drawn["octahedron"] = octahedron(measures)
    return drawn


def finite(table: pl.DataFrame) -> pl.DataFrame:
    """Rows of networks that did not diverge."""
    return table.filter(~pl.col("diverged"))


def correlated(measures: Mapping[str, Any]) -> pl.DataFrame:
    """Networks with correlated sets that did not diverge."""
    return finite(measures["octahedra"].filter(pl.col("world") == "correlated"))


def levels(measures: Mapping[str, Any]) -> Figure:
    """D_i of every feature and the loss below, for the two seeds that settle last."""
    table = finite(measures["levels"])
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


def _trajectory(axes: Sequence[Axes], measures: Mapping[str, Any], row: dict[str, Any]) -> None:
    """One network: D_i above, its loss below."""
    upper, lower = axes
    steps_S, member = measures["levels_step"], row["member"]
    D_SN, loss_S = measures["levels_D"][member], measures["levels_loss"][member]
    jumps = measures["levels_jumps"].filter(pl.col("member") == member)["step"]
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
    lower.set_xlim(0, min(2 * end, steps_S[-1]) or None)
    lower.set_xlabel("step")
    fig.title(upper, f"Seed {row['init_seed']}: {_plural(len(jumps), 'jump')} after the opening")


def _plural(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def octahedron(measures: Mapping[str, Any]) -> Figure:
    """Pictures of one seed's six features at the stages, its loss, and all seeds' losses."""
    rows = correlated(measures).sort("member")
    good = rows.filter(pl.col("octahedron") & pl.col("in_order"))
    # The seed whose triangles turn most shows the last stage best.
    one = (good if len(good) else rows).sort(pl.col("twist") - pl.col("twist_end")).row(
        -1, named=True
    )  # fmt: skip
    member, steps_S = one["member"], measures["octahedra_step"]
    W_SMN = measures["octahedra_W"][member]
    record = {name: int(np.searchsorted(steps_S, one[f"{name}_step"])) for name in STAGES}
    between = (record["apart"] + record["triangles"]) // 2
    frames = [
        ("start", 0, measures["octahedra_start"][member]),
        ("sets separate", steps_S[record["apart"]], W_SMN[record["apart"]]),
        ("on the plateau", steps_S[between], W_SMN[between]),
        ("triangles", steps_S[record["triangles"]], W_SMN[record["triangles"]]),
        ("antipodal pairs", steps_S[record["pairs"]], W_SMN[record["pairs"]]),
        ("end", steps_S[-1], W_SMN[-1]),
    ]
    sheet = fig.figure(fig.PAGE, 4.7)
    top, bottom = np.ravel(np.asarray(sheet.subfigures(2, 1, height_ratios=(1, 1.9))))
    view_2M = _view(W_SMN[-1])
    axes = np.ravel(np.asarray(top.subplots(1, len(frames))))
    for ax, (name, step, W_MN) in zip(axes, frames, strict=True):
        _picture(ax, view_2M @ W_MN)
        ax.set_title(f"{name}\nstep {step}", loc="center", fontsize=7.5)
    left, right = np.ravel(np.asarray(bottom.subplots(1, 2)))
    _curves(left, measures, member, record)
    _all_losses(right, measures, rows)
    for ax, letter in zip((axes[0], left, right), "abc", strict=True):
        fig.panel_label(ax, letter)
    fig.title(
        sheet,
        f"{rows['octahedron'].mean():.0%} of {len(rows)} networks end as an octahedron, and "
        f"{rows['in_order'].mean():.0%} pass through its stages in order",
    )
    return sheet


def _view(W_MN: np.ndarray) -> np.ndarray:
    """Two viewing axes (2, M): the axis between the sets upright, tilted to show the triangles."""
    axis = W_MN[:, :3].mean(1) - W_MN[:, 3:].mean(1)
    axis = axis / np.maximum(np.linalg.norm(axis), 1e-9)
    across = W_MN[:, 0] - axis * (axis @ W_MN[:, 0])
    across = across / np.maximum(np.linalg.norm(across), 1e-9)
    depth = np.cross(axis, across)
    turn, tilt = np.radians(20), np.radians(24)
    side = np.cos(turn) * across + np.sin(turn) * depth
    toward = -np.sin(turn) * across + np.cos(turn) * depth
    return np.stack([side, np.cos(tilt) * axis + np.sin(tilt) * toward])


def _picture(ax: Axes, points_2N: np.ndarray) -> None:
    for half, colour, marker in ((slice(0, 3), SETS[0], "o"), (slice(3, 6), SETS[1], "s")):
        x, y = points_2N[:, half]
        for i in range(3):
            ax.plot([0, x[i]], [0, y[i]], color=colour, linewidth=1.3)
        ax.fill(x, y, color=colour, alpha=0.18, linewidth=0)
        ax.plot(x, y, marker, color=colour, markersize=3.5)
    ax.plot(0, 0, ".", color=fig.INK, markersize=3)
    ax.set_xlim(-0.95, 0.95)
    ax.set_ylim(-1.02, 1.02)
    ax.set_aspect("equal")
    ax.set_axis_off()


def _curves(ax: Axes, measures: Mapping[str, Any], member: int, record: dict[str, int]) -> None:
    """The three measures of the shape over training, each as a fraction of the octahedron's."""
    steps_S = measures["octahedra_step"]
    shares = measures["octahedra_shape"].filter(pl.col("member") == member).sort("record")
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
    loss.set_yscale("log")
    loss.set_ylabel("loss")
    ax.set_ylabel("fraction of the octahedron's")
    ax.set_xlabel("step")
    ax.set_ylim(-0.25, 1.1)
    loss.minorticks_off()
    ax.legend(loc="upper center", bbox_to_anchor=(0.5, -0.2), ncols=2)


def _all_losses(ax: Axes, measures: Mapping[str, Any], rows: pl.DataFrame) -> None:
    steps_S = measures["octahedra_step"]
    kinds = {True: (fig.BLUE, "octahedron"), False: (fig.ORANGE, "other end")}
    for formed, (colour, name) in kinds.items():
        which = rows.filter(pl.col("octahedron") == formed)
        label = f"{name}: {_plural(len(which), 'seed')}"
        for member in which["member"]:
            loss_S = measures["octahedra_loss"][member]
            ax.plot(steps_S, loss_S, color=colour, alpha=0.35, linewidth=0.7, label=label)
            own = rows.row(by_predicate=pl.col("member") == member, named=True)
            k = int(np.searchsorted(steps_S, own["triangles_step"]))
            if own["triangles_seen"]:
                ax.plot(steps_S[k], loss_S[k], "D", color=fig.INK, markersize=2.5, zorder=4)
            label = None
    ax.plot([], [], "D", color=fig.INK, markersize=2.5, label="triangles half spread")
    ax.set_yscale("log")
    ax.set_xlabel("step")
    ax.set_ylabel("loss, common batch")
    ax.minorticks_off()
    ax.legend()
    peak = rows["triangles_peak"].drop_nulls().median()
    if peak is not None:
        fig.title(ax, f"The loss falls {peak:.1f} times as fast at the triangles as around")
