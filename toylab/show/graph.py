"""A circuit as a graph: parts in the order of the stream, edges as wide as their scores."""

import html
import math
import re
from collections.abc import Sequence

import numpy as np

from toylab.errors import ToylabError
from toylab.show.paper import Graph, bezier
from toylab.show.picture import Picture

WIDE, TALL, STEP = 92, 26, 74  # pixels: a part's box, and from one level to the next
ROOM = WIDE / 2 + 8  # from the middle of a part to an edge that passes it
BLUE, RED, GREY = "#0072B2", "#D55E00", "#8A8A8A"  # those of the figures
Places = dict[str, tuple[float, int]]
READS = re.compile(r"^(?P<part>[^<]+)(?:<(?P<kind>[qkv])>)?$")


def circuit(
    edges: Sequence[tuple[str, str, float]], title: str = "The edges with the largest scores"
) -> Picture:
    """Draw edges between parts, such as those of :meth:`toylab.analysis.circuits.Edges.top`.

    The stream runs upwards. Blue edges have scores below 0 (corrupting them lowers the metric),
    red ones above, and the wider the larger; the pointer reads a score out. On paper a letter on an
    edge says whether it is read as queries, keys or values.

    Args:
        edges: (writer, reader, score); a reader may say what it reads, as in ``a1.h0<k>``.
        title: what it shows.

    Raises:
        ToylabError: no edge, or the name of a part that no transformer has.

    Example:
        >>> circuit([("embed", "a0.h1<v>", -3.0), ("a0.h1", "logits", -1.5)]).height
        324
    """
    if not edges:
        raise ToylabError("show.circuit: no edge to draw; take some, as in Edges.top(scores, 10).")
    pairs = [(_part(w)[0], *_part(r), _score(s)) for w, r, s in edges]
    places, width = _layout(pairs)
    top = max(row for _, row in places.values())
    spots = {n: (x, 20 + TALL / 2 + (top - row) * (TALL + STEP)) for n, (x, row) in places.items()}
    bows = [_bow(places, w, r, width) for w, r, _, _ in pairs]
    largest = max(abs(score) for *_, score in pairs) or 1.0
    lines = [
        _line(spots[w], spots[r], bow, f"{w} → {r}{f' ({kind})' if kind else ''}", score, largest)
        for (w, r, kind, score), bow in zip(pairs, bows, strict=True)
    ]
    boxes = [_box(name, *place) for name, place in spots.items()]
    height = 40 + TALL + top * (TALL + STEP)
    body = (
        f'<svg role="img" aria-label="{html.escape(title)}" width="{width}" height="{height}" '
        f'viewBox="0 0 {width} {height}">{"".join(lines)}{"".join(boxes)}</svg>'
    )
    bowed = [(*pair, bow / width) for pair, bow in zip(pairs, bows, strict=True)]
    shares = {name: (x / width, row) for name, (x, row) in places.items()}
    return Picture(body, title, height + 58, Graph(shares, bowed, (BLUE, RED)))


def _layout(pairs: Sequence[tuple[str, str, str, float]]) -> tuple[Places, int]:
    """Place and row of every part, the embedding in row 0, and the width of all."""
    parts = dict.fromkeys(name for writer, reader, _, _ in pairs for name in (writer, reader))
    levels = sorted({_level(name) for name in parts})
    rows = [sorted(n for n in parts if _level(n) == level) for level in levels]
    width = 60 + max(map(len, rows)) * (WIDE + 40)
    places = {
        name: (width * (i + 1) / (len(row) + 1), r)
        for r, row in enumerate(rows)
        for i, name in enumerate(row)
    }
    return places, width


def _part(name: str) -> tuple[str, str]:
    """A part, and what of its input is meant: queries, keys or values of a head."""
    found = READS.match(name)
    if found is None:
        raise ToylabError(f"show.circuit: no part {name!r}; parts are as Edges names them.")
    return found["part"], found["kind"] or ""


def _score(score: object) -> float:
    """A finite number."""
    try:
        value = float(score)  # pyright: ignore[reportArgumentType]
    except (TypeError, ValueError):
        value = math.nan
    if not math.isfinite(value):
        raise ToylabError(f"show.circuit: the score {score!r} is no finite number; leave it out.")
    return value


def _level(name: str) -> float:
    """Place in the stream: the embedding, then heads and MLP of each layer, then the logits."""
    if name in ("embed", "logits"):
        return -1.0 if name == "embed" else float("inf")
    layer = re.fullmatch(r"a(\d+)\.h\d+|m(\d+)", name)
    if layer is None:
        raise ToylabError(f"show.circuit: no part {name!r}; parts are as Edges names them.")
    return float(layer[1]) if layer[1] else float(layer[2]) + 0.5


def _bow(places: dict[str, tuple[float, int]], writer: str, reader: str, width: float) -> float:
    """How far an edge must bow so that no other part lies on it, which would seem to be its end."""
    start, end = places[writer], places[reader]
    between = [p for p in places.values() if start[1] < p[1] < end[1]]

    def clearance(bow: float) -> float:
        x, y = bezier(start, end, bow)
        inside = 0.0 <= x.min() and x.max() <= width
        rooms = [abs(float(np.interp(row, y, x)) - at) for at, row in between]
        return min([ROOM, *rooms]) if inside else 0.0

    steps = (sign * ROOM * n / 2 for n in range(1, 9) for sign in (1, -1))
    return max((0.0, *steps), key=clearance)  # the first of equals: the least bow that clears


def _line(
    start: tuple[float, float],
    end: tuple[float, float],
    bow: float,
    text: str,
    score: float,
    largest: float,
) -> str:
    (x, y), (u, v) = (start[0], start[1] - TALL / 2), (end[0], end[1] + TALL / 2)
    colour = BLUE if score < 0 else RED
    middle = (y + v) / 2
    return (
        f'<path d="M{x:.0f},{y:.0f} C{x + bow:.0f},{middle:.0f} {u + bow:.0f},{middle:.0f} '
        f'{u:.0f},{v:.0f}" '
        f'fill="none" stroke="{colour}" stroke-opacity=".75" '
        f'stroke-width="{1 + 7 * abs(score) / largest:.1f}">'
        f"<title>{html.escape(text)}: {score:.3g}</title></path>"
    )


def _box(name: str, x: float, y: float) -> str:
    return (
        f'<rect x="{x - WIDE / 2:.0f}" y="{y - TALL / 2:.0f}" width="{WIDE}" height="{TALL}" '
        f'rx="5" fill="#fff" stroke="{GREY}"/><text x="{x:.0f}" y="{y + 4:.0f}" font-size="12" '
        f'text-anchor="middle">{html.escape(name)}</text>'
    )
