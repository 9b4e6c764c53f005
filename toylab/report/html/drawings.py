"""Drawings of a report, as SVG that answers to the pointer without a script."""

import html
import math
from collections.abc import Sequence

import numpy as np
import polars as pl

from toylab.claims import Expect, Verdict
from toylab.report.results import number

WIDTH, STRIP, CURVE = 720, 74, 240  # units of the drawings
LEFT, RIGHT = 56, 20
MOST = 64  # members whose curves are drawn


def strip(verdict: Verdict, expect: Expect | None) -> str:
    """Draw a claim's evidence on one axis: its region, every unit, the interval, the paper.

    Args:
        verdict: the judged claim.
        expect: its region; None where the claim is no longer there.
    """
    ends = [verdict.estimate, verdict.low, verdict.high, *verdict.values]
    paper = verdict.paper if isinstance(verdict.paper, int | float) else math.nan
    bounds = [expect.low, expect.high] if expect else []
    known = [float(v) for v in (*ends, *bounds, paper) if math.isfinite(v)]
    if not known or not verdict.values:
        return ""
    low, high = _padded(min(known), max(known))
    x = lambda value: LEFT + (value - low) / (high - low) * (WIDTH - LEFT - RIGHT)
    parts = [f'<line class="axis" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="48" y2="48"/>']
    if expect:
        left, right = x(max(expect.low, low)), x(min(expect.high, high))
        parts.append(
            f'<rect class="region" x="{left:.1f}" y="6" width="{max(right - left, 1):.1f}" '
            f'height="42"><title>expected: {html.escape(expect.describe())}</title></rect>'
        )
    for unit, value in enumerate(verdict.values):
        if math.isfinite(value):
            told = f"{verdict.unit} {unit + 1} of {len(verdict.values)}: {number(value)}"
            # Units one above another where they would hide each other.
            parts.append(
                f'<circle class="dot" cx="{x(value):.1f}" cy="{18 + 5 * (unit % 3)}" r="5">'
                f"<title>{html.escape(told)}</title></circle>"
            )
    if math.isfinite(verdict.low) and math.isfinite(verdict.high):
        line = f'x1="{x(verdict.low):.1f}" x2="{x(verdict.high):.1f}" y1="40" y2="40"'
        parts.append(f'<line class="interval" {line}/>')
    if math.isfinite(verdict.estimate):
        parts.append(f'<circle class="estimate" cx="{x(verdict.estimate):.1f}" cy="40" r="4"/>')
    if math.isfinite(paper):
        told = f"the paper's: {number(paper)}"
        parts.append(
            f'<path class="paper" d="M{x(paper):.1f} 8l5 5-5 5-5-5z"><title>{told}</title></path>'
        )
    parts += [_label(x(tick), 66, f"{tick:.10g}") for tick in ticks(low, high)]
    what = f"{len(verdict.values)} {verdict.unit}s, from {number(min(verdict.values))} to "
    return _svg(STRIP, what + number(max(verdict.values)), parts)


def curves(rows: pl.DataFrame, about: Sequence[str]) -> str:
    """Draw a metric over the steps of training, a line for every member.

    Args:
        rows: a population's rows of one metric: member, step, value.
        about: what to say of each member.
    """
    values = rows.filter(pl.col("value").is_finite())
    if values.height < 2 or values["step"].n_unique() < 2:
        return ""
    steps, heights = values["step"].to_numpy(), values["value"].to_numpy()
    by_log = bool((heights > 0).all()) and heights.max() > 30 * heights.min()
    scale = np.log10 if by_log else np.asarray
    low, high = _padded(float(scale(heights).min()), float(scale(heights).max()))
    first, last = int(steps.min()), int(steps.max())
    x = lambda step: LEFT + (step - first) / (last - first) * (WIDTH - LEFT - RIGHT)
    y = lambda value: 10 + (high - scale(value)) / (high - low) * (CURVE - 40)
    parts = []
    for (member,), own in values.sort("step").group_by("member", maintain_order=True):
        if int(member) >= MOST:  # pyright: ignore
            continue
        at = zip(x(own["step"].to_numpy()), y(own["value"].to_numpy()), strict=True)
        path = " ".join(f"{a:.1f},{b:.1f}" for a, b in at)
        told = html.escape(about[int(member)])  # pyright: ignore
        parts.append(f'<polyline class="member" points="{path}"><title>{told}</title></polyline>')
    for tick in ticks(low, high):
        shown = f"{10**tick:.3g}" if by_log else f"{tick:.10g}"
        place = 10 + (high - tick) / (high - low) * (CURVE - 40)
        parts.append(f'<text x="{LEFT - 6}" y="{place + 4:.1f}" text-anchor="end">{shown}</text>')
    for step in (first, last):
        parts.append(
            f'<text x="{x(step):.1f}" y="{CURVE - 8}" text-anchor="middle">{step:,}</text>'
        )
    return _svg(CURVE, f"from step {first:,} to {last:,}", parts)


def ticks(low: float, high: float, count: int = 5) -> list[float]:
    """Return round numbers between two others.

    Example:
        >>> ticks(0.0, 1.0)
        [0.0, 0.2, 0.4, 0.6, 0.8, 1.0]
    """
    raw = (high - low) / count
    power = 10.0 ** math.floor(math.log10(raw))
    step = next(power * m for m in (1, 2, 5, 10) if power * m >= raw * 0.999)
    first = math.ceil(low / step - 1e-9)
    return [round(k * step, 12) for k in range(first, math.floor(high / step + 1e-9) + 1)]


def _label(x: float, y: float, text: str, anchor: str = "middle") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{html.escape(text)}</text>'


def _padded(low: float, high: float) -> tuple[float, float]:
    span = (high - low) or max(abs(high), 1.0)
    return low - 0.06 * span, high + 0.06 * span


def _svg(height: int, label: str, parts: Sequence[str]) -> str:
    return (
        f'<svg viewBox="0 0 {WIDTH} {height}" role="img" aria-label="{html.escape(label)}">'
        f"{''.join(parts)}</svg>"
    )
