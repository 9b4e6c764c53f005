"""What several figures of the family draw: features in a plane, W^T W, axes of density."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.image import AxesImage

from toylab.report import figures as fig
from toylab.report.axes import log_axis

SPARSITIES = (1, 2, 5, 10, 20)  # ticks of 1/(1-S)


def vectors(
    ax: Axes,
    W_2N: Float[np.ndarray, "2 N"],
    colours: str | Sequence[str],
    reach: float,
    width: float = 1.2,
    size: float = 4,
) -> None:
    """Draw features as lines from the origin of their plane, with a dot at each end.

    Args:
        ax: where; it loses its ticks.
        W_2N: the features, in columns.
        colours: one for all, or one each.
        reach: end of both axes.
        width: of the lines; 0 draws dots alone.
        size: diameter of the dots.
    """
    each = [colours] * W_2N.shape[1] if isinstance(colours, str) else colours
    if width:
        for (x, y), colour in zip(W_2N.T, each, strict=True):
            ax.plot([0, x], [0, y], color=colour, linewidth=width, solid_capstyle="round")
    ax.scatter(*W_2N, c=each, s=size**2, linewidth=0, zorder=3)
    ax.set(xlim=(-reach, reach), ylim=(-reach, reach), aspect="equal", xticks=[], yticks=[])


def gram(ax: Axes, W_MN: Float[np.ndarray, "M N"], **how: Any) -> AxesImage:
    """Draw W^T W, from -1 to 1."""
    return ax.imshow(W_MN.T @ W_MN, cmap=fig.DIVERGING, vmin=-1, vmax=1, **how)


def density_axis(ax: Axes) -> None:
    """Density on a logarithm's axis, sparser worlds to the right."""
    if not np.isfinite(ax.dataLim.minposx):  # a logarithm's axis needs limits where data are none
        ax.set_xlim(0.1, 1)
    ax.set_xscale("log")
    ax.invert_xaxis()
    ax.set_xlabel("density 1−S (sparser →)")


def sparsity_axis(ax: Axes) -> None:
    """1/(1-S) on a logarithm's axis."""
    log_axis(ax, ticks=SPARSITIES)
    ax.set_xlabel("sparsity 1/(1−S)")
