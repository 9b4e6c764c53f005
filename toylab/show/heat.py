"""Heat maps that answer to the pointer: attention, patch grids, and their changes in time.

Shape suffixes: S frames, P panels, R rows, C columns, H heads, L length.
"""

import base64
import dataclasses
import functools
import html
import json
import math
from collections.abc import Sequence
from importlib import resources
from typing import Any

import numpy as np
from jaxtyping import Float
from numpy.typing import ArrayLike

from toylab.errors import ToylabError
from toylab.show.paper import Heat
from toylab.show.picture import Picture

PANEL = 230  # pixels: width of a panel of many
FEW = 12  # rows or columns that have their names beside them
ROWS = ("row", "column")
STEPS = 6  # of a movie on paper
LARGEST = 4_000_000  # numbers in a page of 21 MB; browsers grow slow beyond


def heat(
    values: Float[ArrayLike, "*panels R C"],
    title: str = "",
    rows: Sequence[object] | None = None,
    columns: Sequence[object] | None = None,
    panels: Sequence[object] | None = None,
    low: float | None = None,
    high: float | None = None,
    joined: str = "×",
    axes: tuple[str, str] = ROWS,
) -> Picture:
    """Show matrices of numbers side by side; the pointer, or arrow keys, read a cell out.

    Where the numbers have both signs the colours are symmetric about 0, unless limits are given.

    Args:
        values: a matrix, or panels of them.
        title: what it shows.
        rows: names of the rows; numbers by default.
        columns: names of the columns; numbers by default.
        panels: names of the panels.
        low: number of the first colour.
        high: number of the last colour.
        joined: the word between a row's name and a column's.
        axes: what rows and columns are, such as ("layer", "head"): axis labels on paper, and
            names where ``rows`` and ``columns`` are not given.

    Raises:
        ToylabError: no numbers, fewer than two axes, names that do not fit, or more numbers than a
            page holds.

    Example:
        >>> heat(np.eye(3), "An identity").save("identity.html")  # doctest: +SKIP
        >>> heat(np.eye(3), "An identity").title
        'An identity'
    """
    array = numbers("show.heat", values)
    if array.ndim < 2 or not array.size:
        raise ToylabError(f"show: values of shape {array.shape}; give a matrix, or panels of them.")
    array = array.reshape(1, -1, *array.shape[-2:])
    return _picture(array, title, rows, columns, panels, ("",), low, high, joined, axes)


def attention(
    pattern: Float[ArrayLike, "*layers H L L"], tokens: Sequence[object], title: str = "Attention"
) -> Picture:
    """Show attention patterns of all heads: rows are queries, columns keys.

    Args:
        pattern: of one layer's heads, or with an axis of layers before.
        tokens: the text, one entry per position.

    Example:
        >>> attention(np.eye(3)[None, None], ["the", "cat", "sat"]).title
        'Attention'
    """
    pattern = numbers("show.attention", pattern)
    if pattern.ndim not in (3, 4):
        raise ToylabError(
            f"show.attention: a pattern of shape {pattern.shape}; give (heads, length, length) or "
            "(layers, heads, length, length) of one text."
        )
    names = [f"head {h}" for h in range(pattern.shape[-3])]
    if pattern.ndim == 4:
        names = [f"layer {i}, {name}" for i in range(len(pattern)) for name in names]
    words = [f"{place} “{token}”" for place, token in enumerate(tokens)]
    picture = heat(pattern, title, words, words, names, 0.0, 1.0, "reads", ("query", "key"))
    assert isinstance(picture.sheet, Heat)
    across = pattern.shape[-3] if pattern.ndim == 4 and pattern.shape[-3] <= 8 else 4
    told = [str(token) for token in tokens]
    sheet = dataclasses.replace(picture.sheet, rows=told, columns=told, across=across)
    return dataclasses.replace(picture, sheet=sheet)


def movie(
    values: Float[ArrayLike, "S *panels R C"],
    steps: Sequence[int],
    title: str = "",
    rows: Sequence[object] | None = None,
    columns: Sequence[object] | None = None,
    panels: Sequence[object] | None = None,
    axes: tuple[str, str] = ROWS,
) -> Picture:
    """Show a matrix, or panels of them, through training; a slider chooses the step.

    On paper stand the first frame, the last, and up to four evenly between them.

    Args:
        values: one frame per step, as ``run.snapshots`` orders them.
        steps: of the frames.
        title, rows, columns, panels, axes: as in :func:`heat`.

    Example:
        >>> movie(np.zeros((2, 3, 3)), steps=(0, 100), title="Weights").title
        'Weights'
    """
    array = numbers("show.movie", values)
    if array.ndim < 3 or len(array) != len(steps) or not array.size:
        raise ToylabError(
            f"show.movie: values of shape {array.shape} for {len(steps)} steps; give a frame each."
        )
    array = array.reshape(len(array), -1, *array.shape[-2:])
    frames = [f"step {step:,}" for step in steps]
    return _picture(array, title, rows, columns, panels, frames, None, None, "×", axes)


def _picture(
    values_SPRC: Float[np.ndarray, "S P R C"],
    title: str,
    rows: Sequence[object] | None,
    columns: Sequence[object] | None,
    panels: Sequence[object] | None,
    frames: Sequence[str],
    low: float | None,
    high: float | None,
    joined: str,
    axes: tuple[str, str],
) -> Picture:
    _check_size(values_SPRC.size)
    _, n_panels, n_rows, n_columns = values_SPRC.shape
    low, high, diverging = _limits(values_SPRC, low, high)
    labels = _names("panels", panels, n_panels, "" if n_panels == 1 else "panel {}")
    data = {
        "shape": values_SPRC.shape,
        "values": base64.b64encode(values_SPRC.astype("<f4").tobytes()).decode(),
        "rows": _names("rows", rows, n_rows, f"{axes[0]} {{}}"),
        "columns": _names("columns", columns, n_columns, f"{axes[1]} {{}}"),
        "panels": labels,
        "frames": list(frames),
        "low": low,
        "high": high,
        "ramp": ramp(diverging),
        "joined": joined,
    }
    height = _height(n_panels, n_rows, n_columns)
    named = (_names("rows", rows, n_rows, "{}"), _names("columns", columns, n_columns, "{}"))
    return Picture(
        _body(data, labels, frames),
        title,
        height,
        _sheet(values_SPRC, named, labels, frames, axes, (low, high), diverging),
    )


def _sheet(
    values_SPRC: Float[np.ndarray, "S P R C"],
    named: tuple[list[str], list[str]],
    panels: Sequence[str],
    frames: Sequence[str],
    axes: tuple[str, str],
    limits: tuple[float, float],
    diverging: bool,
) -> Heat:
    """For paper: a few frames, side by side for each panel."""
    chosen = np.unique(np.linspace(0, len(frames) - 1, STEPS).round().astype(int))
    axes = ("", "") if axes == ROWS else axes
    told = [", ".join(w for w in (p, frames[int(s)]) if w) for p in panels for s in chosen]
    values_PRC = values_SPRC[chosen].swapaxes(0, 1).reshape(-1, *values_SPRC.shape[2:])
    across = len(chosen) if len(frames) > 1 else 4
    return Heat(values_PRC, *named, told, axes, limits, diverging, across)


def numbers(owner: str, values: Any) -> Float[np.ndarray, "*n"]:
    """Return values as an array of numbers."""
    try:
        return np.asarray(values, np.float32)
    except (TypeError, ValueError):
        raise ToylabError(
            f"{owner}: the values are no array of numbers; give floats, all rows of one length."
        ) from None


def _check_size(size: int) -> None:
    if size > LARGEST:
        raise ToylabError(
            f"show: {size:,} numbers, and a page holds {LARGEST:,}; choose fewer steps, heads or "
            "places."
        )


def _body(data: dict[str, Any], labels: Sequence[str], frames: Sequence[str]) -> str:
    _, n_panels, n_rows, n_columns = data["shape"]
    width = PANEL if n_panels > 1 else 2 * PANEL
    size = f"width:{width}px;height:{_tall(width, n_rows, n_columns)}px"
    beside, below = _labels("rows", data["rows"]), _labels("columns", data["columns"])
    drawn = "".join(
        f"<figure><figcaption>{html.escape(label)}</figcaption>{beside}"
        f'<canvas tabindex="0" role="img" width="{n_columns}" height="{n_rows}" style="{size}" '
        f'aria-label="{html.escape(label)} heat map of {n_rows} rows and {n_columns} columns">'
        f"</canvas>{below}</figure>"
        for label in labels
    )
    slider = ""
    if len(frames) > 1:
        last = len(frames) - 1
        slider = (
            f"<label><span>{html.escape(frames[-1])}</span><br>"
            f'<input type="range" min="0" max="{last}" value="{last}"></label>'
        )
    told = json.dumps(data).replace("<", "\\u003c")  # "</script>" in a name would end the script
    return (
        f'<div>{slider}<div class="panels">{drawn}</div><output aria-live="polite">{_range(data)}'
        '</output><noscript>This picture needs scripts.</noscript><script type="application/json">'
        f"{told}</script><script>{_script()}</script></div>"
    )


def _labels(side: str, names: Sequence[str]) -> str:
    if len(names) > FEW:
        return ""
    told = "".join(f"<span>{html.escape(name)}</span>" for name in names)
    return f'<div class="{side}" aria-hidden="true">{told}</div>'


def _range(data: dict[str, Any]) -> str:
    return f"colours from {data['low']:.3g} to {data['high']:.3g}; point at a cell to read it"


@functools.cache
def _script() -> str:
    return resources.files("toylab.show").joinpath("heat.js").read_text("utf-8")


def _limits(values: np.ndarray, low: float | None, high: float | None) -> tuple[float, float, bool]:
    """The numbers of the first and the last colour, and whether the middle one means 0."""
    finite = values[np.isfinite(values)]
    least, most = (float(finite.min()), float(finite.max())) if finite.size else (0.0, 1.0)
    if low is None and high is None and least < 0 < most:
        return -max(-least, most), max(-least, most), True
    low, high = least if low is None else low, most if high is None else high
    if not low <= high:
        raise ToylabError(f"show: colours from {low} to {high}; give low below high.")
    return low, high, low == -high != 0


def _names(what: str, given: Sequence[object] | None, count: int, form: str) -> list[str]:
    names = [form.format(i) for i in range(count)] if given is None else [str(n) for n in given]
    if len(names) != count:
        raise ToylabError(f"show: {len(names)} names for {count} {what}; give one each.")
    return names


@functools.cache
def ramp(diverging: bool) -> list[list[int]]:
    """Return seventeen colours of the figures' own maps."""
    from matplotlib import colormaps  # late: models load this room, and not every user draws

    from toylab.report.figures import DIVERGING, SEQUENTIAL

    ramp = colormaps[DIVERGING if diverging else SEQUENTIAL](np.linspace(0, 1, 17))
    return (ramp[:, :3] * 255).round().astype(int).tolist()


def _tall(width: int, rows: int, columns: int) -> int:
    """A panel's height: cells are square unless it would be a line or a tower."""
    return round(min(max(width * rows / columns, 24), 2 * width))


def _height(panels: int, rows: int, columns: int) -> int:
    width = PANEL if panels > 1 else 2 * PANEL
    return 130 + math.ceil(panels / 4) * (_tall(width, rows, columns) + 40)
