"""Formulas in TeX as pictures that need nothing: SVG drawn by Matplotlib's own parser."""

import html
import re

import numpy as np
from matplotlib.font_manager import FontProperties
from matplotlib.textpath import TextToPath

from toylab.errors import ToylabError

SIZE = 100  # units of an SVG per em
# What Matplotlib calls otherwise, or takes in braces alone.
SPELLED = (
    (r"\\le\b", r"\\leq"),
    (r"\\ge\b", r"\\geq"),
    (r"\\bmod\b", r"\\;\\mathrm{mod}\\;"),
    (r"\\[lr]Vert\b", r"\\Vert "),
    (r"\\sqrt\s*(\w)", r"\\sqrt{\1}"),
    (r"\\text\b", r"\\mathrm"),
)
# Codes of Matplotlib's paths: the letter of SVG, and how many points follow.
STEPS = {1: ("M", 1), 2: ("L", 1), 3: ("Q", 2), 4: ("C", 3)}


def svg(tex: str) -> str:
    """Return a formula as an inline SVG that stands on the line of its text, and says its TeX.

    Raises:
        ToylabError: TeX that Matplotlib cannot read.

    Example:
        >>> svg("x^2")[:26]
        '<svg class="formula" role='
    """
    text, font = " ".join(tex.split()), FontProperties(family="DejaVu Sans", size=SIZE)
    for theirs, ours in SPELLED:
        text = re.sub(theirs, ours, text)
    drawer = TextToPath()
    drawer.FONT_SCALE = SIZE
    try:
        width, height, below = drawer.get_text_width_height_descent(f"${text}$", font, ismath=True)
        points, codes = drawer.get_text_path(font, f"${text}$", ismath=True)
    except ValueError as error:
        reason = str(error).strip().splitlines()[-1]
        raise ToylabError(f"The formula ${tex}$ cannot be drawn: {reason}.") from None
    outline = _outline(np.asarray(points), [int(code) for code in codes])
    width, height, below = (np.ceil(side).item() + 4 for side in (width, height, below))
    size = f"width:{width / SIZE:.2f}em;height:{height / SIZE:.2f}em"
    return (
        f'<svg class="formula" role="img" aria-label="{html.escape(tex)}" '
        f'viewBox="-2 {below - height:g} {width:g} {height:g}" '
        f'style="{size};vertical-align:-{below / SIZE:.2f}em">'
        f'<path fill="currentColor" d="{outline}"/></svg>'
    )


def _outline(points: np.ndarray, codes: list[int]) -> str:
    """Outlines as SVG writes them; its y axis points down."""
    found, place = [], 0
    while place < len(codes):
        letter, count = STEPS.get(codes[place], ("Z", 1))
        numbers = (f"{x:.0f} {-y:.0f}" for x, y in points[place : place + count])
        found.append("Z" if letter == "Z" else letter + " ".join(numbers))
        place += count
    return "".join(found)
