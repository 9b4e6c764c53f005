"""A circuit as a graph: parts in the order of the stream, edges as wide as their scores."""

import html
import re
from collections.abc import Sequence

from toylab.errors import ToylabError
from toylab.show.picture import Picture

WIDE, TALL, STEP = 92, 26, 74  # pixels: a part's box, and from one level to the next
BLUE, RED, GREY = "#0072B2", "#D55E00", "#8A8A8A"  # those of the figures
READS = re.compile(r"^(?P<part>[^<]+)(?:<(?P<kind>[qkv])>)?$")


def circuit(
    edges: Sequence[tuple[str, str, float]], title: str = "The edges with the largest scores"
) -> Picture:
    """Draw edges between parts, such as those of :meth:`toylab.analysis.circuits.Edges.top`.

    The stream runs upwards. Blue edges have scores below 0 (corrupting them lowers the metric),
    red ones above; the pointer reads a score out.

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
    pairs = [(_part(w)[0], *_part(r), float(s)) for w, r, s in edges]
    parts = dict.fromkeys(name for w, r, _, _ in pairs for name in (w, r))
    levels = sorted({_level(name) for name in parts})
    rank = {level: len(levels) - 1 - i for i, level in enumerate(levels)}
    rows = {level: sorted(n for n in parts if _level(n) == level) for level in levels}
    width = 60 + max(len(row) for row in rows.values()) * (WIDE + 40)
    spot = {
        name: (width * (i + 1) / (len(row) + 1), 20 + TALL / 2 + rank[level] * (TALL + STEP))
        for level, row in rows.items()
        for i, name in enumerate(row)
    }
    largest = max(abs(score) for *_, score in pairs) or 1.0
    lines = [
        _line(spot[w], spot[r], f"{w} → {r}{f' ({kind})' if kind else ''}", score, largest)
        for w, r, kind, score in pairs
    ]
    boxes = [_box(name, *place) for name, place in spot.items()]
    height = 40 + TALL + (len(levels) - 1) * (TALL + STEP)
    body = (
        f'<svg role="img" aria-label="{html.escape(title)}" width="{width}" height="{height}" '
        f'viewBox="0 0 {width} {height}">{"".join(lines)}{"".join(boxes)}</svg>'
    )
    return Picture(body, title, height + 58)


def _part(name: str) -> tuple[str, str]:
    """A part, and what of its input is meant: queries, keys or values of a head."""
    found = READS.match(name)
    if found is None:
        raise ToylabError(f"show.circuit: no part {name!r}; parts are as Edges names them.")
    return found["part"], found["kind"] or ""


def _level(name: str) -> float:
    """Place in the stream: the embedding, then heads and MLP of each layer, then the logits."""
    if name in ("embed", "logits"):
        return -1.0 if name == "embed" else float("inf")
    layer = re.fullmatch(r"a(\d+)\.h\d+|m(\d+)", name)
    if layer is None:
        raise ToylabError(f"show.circuit: no part {name!r}; parts are as Edges names them.")
    return float(layer[1]) if layer[1] else float(layer[2]) + 0.5


def _line(
    start: tuple[float, float], end: tuple[float, float], text: str, score: float, largest: float
) -> str:
    (x, y), (u, v) = (start[0], start[1] - TALL / 2), (end[0], end[1] + TALL / 2)
    colour = BLUE if score < 0 else RED
    middle = (y + v) / 2
    return (
        f'<path d="M{x:.0f},{y:.0f} C{x:.0f},{middle:.0f} {u:.0f},{middle:.0f} {u:.0f},{v:.0f}" '
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
