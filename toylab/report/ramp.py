"""Colours for ordered lines: apart in hue and in lightness."""

import matplotlib as mpl
import numpy as np
from matplotlib.colors import to_hex

MAP = "viridis"  # turns through more hues than cividis, and is safe for colour-blind readers too
END = 0.88  # beyond, it is too light for lines on white


def ramp(count: int) -> list[str]:
    """Return ``count`` colours from dark to light.

    Example:
        >>> ramp(2)
        ['#440154', '#b0dd2f']
    """
    return [to_hex(colour) for colour in mpl.colormaps[MAP](np.linspace(0, END, count))]
