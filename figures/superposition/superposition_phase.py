"""Phase diagrams of superposition: trained beside theory, and where the boundary lies."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import polars as pl
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from toylab.report.figures import BLUE, INK, MUTED, ORANGE, PAGE, figure, panel_label, title
from toylab.tasks.superposition.superposition_phase import superposition_boundary

SIZES = {"n2": 2, "n3": 3}
EMPTY = "#F2F2F2"
ROWS = {"n2": "2 features in 1", "n3": "3 features in 2"}


CAPTIONS = {
    "phase_diagram": (
        "What becomes of the extra feature, over its importance (relative to the others') and the "
        "density of all features, in one group of seeds (trained) and by the least candidate loss "
        "(theory). Right: density below which features share a dimension, for each group of "
        "seeds, with the candidates' prediction and the exact optimum of a pair."
    )
}


def draw(measures: Mapping[str, Any], config: Any) -> dict[str, Figure]:
    """Draw one figure: for both sizes the trained map, the theory's map and the boundary."""
    page = figure(PAGE, 5.6)
    axes = page.subplots(2, 3)
    for row, (name, n) in zip(axes, SIZES.items(), strict=True):
        cells = measures[name].filter(pl.col("group") == 0)
        trained = mixed(cells["norm"].to_numpy(), cells["interference"].to_numpy())
        phase_C = cells["theory"].to_numpy()
        theory = mixed((phase_C > 0).astype(float), (phase_C == 1).astype(float))
        for ax, colours, head in zip(row, (trained, theory), ("trained", "theory"), strict=False):
            diagram(ax, cells, colours, n)
            ax.set_title(f"{ROWS[name]}: {head}")
        boundary(row[2], measures["columns"].filter(pl.col("n") == name), n)
        row[0].set_ylabel("feature density 1−S")
    for ax in axes[1]:
        ax.set_xlabel("importance of the extra feature")
    for ax, letter in zip(axes.flat, "abcdef", strict=True):
        panel_label(ax, letter)
    page.legend(handles=key(), loc="outside lower center", ncols=3)
    title(page, finding(measures, config))
    return {"phase_diagram": page}


def mixed(norm_C: np.ndarray, interference_C: np.ndarray) -> np.ndarray:
    """Colours (C, 3): grey without norm, blue without interference, orange with both."""
    empty, alone, shared = (np.array(to_rgb(c)) for c in (EMPTY, BLUE, ORANGE))
    norm_C1, shared_C1 = (np.clip(v, 0, 1)[:, None] for v in (norm_C, interference_C))
    return empty + norm_C1 * (alone + shared_C1 * (shared - alone) - empty)


def diagram(ax: Axes, cells: pl.DataFrame, colour_C3: np.ndarray, n: int) -> None:
    """One map over importance and density, with the candidates' boundaries on top."""
    density, ratio = (np.unique(cells[c].to_numpy()) for c in ("density", "importance"))
    ax.pcolormesh(ratio, density, colour_C3.reshape(len(density), len(ratio), 3))
    ax.set_xscale("log")
    ax.set_yscale("log")
    curve = np.geomspace(ratio[0], ratio[-1], 201)
    ax.plot(curve, superposition_boundary(curve, n), color=INK, linewidth=1)
    floor = 4 / 7 if n == 2 else density[0]
    ax.plot([1, 1], [floor, 1], color=INK, linewidth=1)
    ax.set_xlim(ratio[0], ratio[-1])
    ax.set_ylim(density[0], density[-1])
    ax.set_xticks([0.1, 1, 10], ["0.1", "1", "10"])
    ax.set_yticks([0.01, 0.1, 1], ["0.01", "0.1", "1"])


def boundary(ax: Axes, columns: pl.DataFrame, n: int) -> None:
    """Density at which superposition begins: trained, candidates, exact optimum."""
    ratio = columns["importance"].unique().sort().to_numpy()
    curve = np.geomspace(ratio[0], ratio[-1], 201)
    ax.plot(curve, superposition_boundary(curve, n), color=INK, linewidth=1)
    exact = columns.filter(pl.col("group") == 0).sort("importance")
    ax.plot(exact["importance"], exact["exact_onset"], color=MUTED, linestyle="--", linewidth=1)
    ax.plot(columns["importance"], columns["onset"], "o", color=ORANGE, markersize=2.5, alpha=0.4)
    ax.set_xscale("log")
    ax.set_yscale("log")
    ax.grid(True)
    ax.set_ylim(0.1, 1.05)
    ax.set_xticks([0.1, 1, 10], ["0.1", "1", "10"])
    ax.set_yticks([0.1, 0.2, 0.5, 1], ["0.1", "0.2", "0.5", "1"])
    ax.minorticks_off()
    ax.set_title("onset of superposition")


def key() -> list[Any]:
    """Legend of colours and lines."""
    return [
        Patch(facecolor=EMPTY, edgecolor=MUTED, label="extra not represented"),
        Patch(facecolor=ORANGE, label="extra in superposition"),
        Patch(facecolor=BLUE, label="extra has a dimension"),
        Line2D([], [], color=INK, linewidth=1, label="least candidate loss (theory)"),
        Line2D([], [], color=ORANGE, marker="o", linestyle="", label="trained, onset"),
        Line2D(
            [], [], color=MUTED, linestyle="--", linewidth=1, label="exact optimum of a pair, onset"
        ),
    ]


def finding(measures: Mapping[str, Any], config: Any) -> str:
    """How often the best of the seeds and a single one agree with theory, for both sizes."""

    def agreement(name: str) -> tuple[float, float]:
        off = measures[name].filter(~pl.col("band"))
        best = off.select((pl.col("phase") == pl.col("theory")).mean()).item()
        return best, off.select(pl.col("single_right").mean()).item()

    (two, single), (three, _) = map(agreement, SIZES)
    return (
        f"The best of {config.tries} seeds is in the phase that theory predicts: in {two:.0%} of "
        f"cells with 2 features and {three:.0%} with 3 (one seed, 2 features: {single:.0%})"
    )
