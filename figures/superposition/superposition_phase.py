"""Phase diagrams of superposition: trained beside theory, and where the boundary lies."""

from typing import Any

import numpy as np
import polars as pl
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from toylab.read import Measures
from toylab.report.axes import log_axis
from toylab.report.figures import BLUE, INK, MUTED, ORANGE, title
from toylab.report.panels import drawing, panels
from toylab.tasks.superposition.superposition_phase import superposition_boundary

SIZES = {"n2": 2, "n3": 3}
EMPTY = "#F2F2F2"
ROWS = {"n2": "2 features in 1", "n3": "3 features in 2"}
CAPTIONS = {
    "phase_diagram": "What becomes of the extra feature, over its importance (relative to the "
    "others') and the density of all features, in one group of seeds (trained) and by the least "
    "candidate loss (theory). Right: density below which features share a dimension, for each "
    "group of seeds, with the candidates' prediction and the exact optimum of a pair."
}


def phase_diagram(measures: Measures, config: Any) -> Figure:
    """For both sizes the trained map, the theory's map and the boundary."""
    page, axes = panels(3, 5.6, rows=2)
    for row, (name, n) in zip(axes, SIZES.items(), strict=True):
        cells = measures[name].filter(group=0)
        trained = mixed(cells["norm"].to_numpy(), cells["interference"].to_numpy())
        phase_C = cells["theory"].to_numpy()
        theory = mixed((phase_C > 0).astype(float), (phase_C == 1).astype(float))
        for ax, colours, head in zip(row, (trained, theory), ("trained", "theory"), strict=False):
            diagram(ax, cells, colours, n)
            ax.set_title(f"{ROWS[name]}: {head}")
        boundary(row[2], measures["columns"].filter(n=name), n)
        row[0].set_ylabel("feature density 1−S")
    for ax in axes[1]:
        ax.set_xlabel("importance of the extra feature")
    page.legend(handles=key(), loc="outside lower center", ncols=3)
    title(page, finding(measures, config))
    return page


def mixed(norm_C: np.ndarray, interference_C: np.ndarray) -> np.ndarray:
    """Colours (C, 3): grey without norm, blue without interference, orange with both."""
    empty, alone, shared = (np.array(to_rgb(c)) for c in (EMPTY, BLUE, ORANGE))
    norm_C1, shared_C1 = (np.clip(v, 0, 1)[:, None] for v in (norm_C, interference_C))
    return empty + norm_C1 * (alone + shared_C1 * (shared - alone) - empty)


def diagram(ax: Axes, cells: pl.DataFrame, colour_C3: np.ndarray, n: int) -> None:
    """One map over importance and density, with the candidates' boundaries on top."""
    density, ratio = (np.unique(cells[c].to_numpy()) for c in ("density", "importance"))
    ax.pcolormesh(ratio, density, colour_C3.reshape(len(density), len(ratio), 3))
    log_axis(ax, "x", (0.1, 1, 10))
    log_axis(ax, "y", (0.01, 0.1, 1))
    candidates(ax, ratio, n)
    floor = 4 / 7 if n == 2 else density[0]
    ax.plot([1, 1], [floor, 1], color=INK, linewidth=1)
    ax.set(xlim=(ratio[0], ratio[-1]), ylim=(density[0], density[-1]))


def boundary(ax: Axes, columns: pl.DataFrame, n: int) -> None:
    """Density at which superposition begins: trained, candidates, exact optimum."""
    ratio = columns["importance"].unique().sort().to_numpy()
    candidates(ax, ratio, n)
    exact, style = columns.filter(group=0).sort("importance"), dict(linestyle="--", linewidth=1)
    ax.plot(exact["importance"], exact["exact_onset"], color=MUTED, **style)
    ax.plot(columns["importance"], columns["onset"], "o", color=ORANGE, markersize=2.5, alpha=0.4)
    log_axis(ax, "x", (0.1, 1, 10))
    log_axis(ax, "y", (0.1, 0.2, 0.5, 1))
    ax.grid(True)
    ax.set(ylim=(0.1, 1.05), title="onset of superposition")


def candidates(ax: Axes, ratio: np.ndarray, n: int) -> None:
    """Where the candidates' losses put the boundary of superposition."""
    curve = np.geomspace(ratio[0], ratio[-1], 201)
    ax.plot(curve, superposition_boundary(curve, n), color=INK, linewidth=1)


def key() -> list[Any]:
    """Legend of colours and lines."""
    line = lambda label, **style: Line2D([], [], label=label, **style)
    return [
        Patch(facecolor=EMPTY, edgecolor=MUTED, label="extra not represented"),
        Patch(facecolor=ORANGE, label="extra in superposition"),
        Patch(facecolor=BLUE, label="extra has a dimension"),
        line("least candidate loss (theory)", color=INK, linewidth=1),
        line("trained, onset", color=ORANGE, marker="o", linestyle=""),
        line("exact optimum of a pair, onset", color=MUTED, linestyle="--", linewidth=1),
    ]


def finding(measures: Measures, config: Any) -> str:
    """How often the best of the seeds and a single one agree with theory, for both sizes."""
    off = {name: measures[name].filter(~pl.col("band")) for name in SIZES}
    two, three = ((table["phase"] == table["theory"]).mean() for table in off.values())
    return (
        f"The best of {config.tries} seeds is in the phase that theory predicts: in {two:.0%} of "
        f"cells with 2 features and {three:.0%} with 3 (one seed, 2 features: "
        f"{off['n2']['single_right'].mean():.0%})"
    )


draw = drawing(phase_diagram)
