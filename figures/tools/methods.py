"""Figures of the study ``methods``: of each method what it says, beside the truth."""

from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from toylab.read import Measures
from toylab.report import figures as fig
from toylab.report.panels import drawing, panels

CAPTIONS = {"attention": "Share of the answer's probability lost when an edge is closed."}


def attention(measures: Measures, config: Any) -> Figure:
    """Edges closed, layer by layer."""
    sheet, axes = panels(2, 2.7)
    _knock_outs(axes[0], measures)
    return sheet


def _knock_outs(ax: Axes, measures: Measures) -> None:
    rows = measures["knock_out"].filter(width=1)
    for key in ("subject", "filler", "relation"):
        own = rows.filter(key=key)
        ax.plot(own["layer"] - own["mover"], own["fall"], "o", label=key)
    ax.set_xlabel("layer from the one that moves")
    ax.legend()
    fig.title(ax, "Knock-out finds the layer that moves the subject")


draw = drawing(attention)
