"""Where a claim begins to hold: new cells halfway between neighbours that it divides.

Two cells are neighbours along a setting if they differ in it alone and no cell lies between them.
A claim divides them if its estimate lies in its region in one and not in the other. Each round
halves the gap, in the logarithm where the grid's values are spaced so: a boundary costs few cells
where a grid as fine would cost many.
"""

import itertools
import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import polars as pl

from toylab.claims import Claim
from toylab.errors import ToylabError, nearest
from toylab.study import Study
from toylab.sweep.grid import MOST, Settings, by_log, column, numeric


def dividing(study: Study, key: str = "") -> Claim:
    """Return the claim of a key; the headline claim, or the first where none is, without one.

    Raises:
        ToylabError: the study has no such claim.
    """
    claims = {claim.key: claim for claim in study.claims}
    if key and key not in claims:
        raise ToylabError(f"--claim {key!r} is none of {study.name}: {nearest(key, claims)}")
    headlines = [claim for claim in claims.values() if claim.headline]
    return claims[key] if key else (headlines or list(claims.values()))[0]


def between(
    judged: pl.DataFrame, claim: Claim, axes: Mapping[str, Sequence[Any]]
) -> list[Settings]:
    """Return the cells to add.

    Args:
        judged: a row per cell and claim, a column per setting (see ``claims.parquet``).
        claim: the one that divides.
        axes: the grid, ``{setting: values}``; settings that are no numbers stay as they are.

    Raises:
        ToylabError: too many cells.
    """
    rows = judged.filter(pl.col("claim") == claim.key).to_dicts()
    plain = {name: {_key(value): value for value in values} for name, values in axes.items()}
    place = lambda row: tuple(row[column(name)] for name in axes)
    inside = {
        place(row): claim.expect.contains(row["estimate"])
        for row in rows
        if row["estimate"] is not None and math.isfinite(row["estimate"])
    }
    known, found = {place(row) for row in rows}, {}
    for axis, values in enumerate(axes.values()):
        if not numeric(values):
            continue
        for low, high in _neighbours(known, axis):
            if low in inside and high in inside and inside[low] != inside[high]:
                halfway = middle(low[axis], high[axis], by_log(values))
                at = (*low[:axis], halfway, *low[axis + 1 :])
                if at not in known:
                    found[at] = {n: plain[n].get(v, v) for n, v in zip(axes, at, strict=True)}
    if len(known) + len(found) > MOST:
        raise ToylabError(f"--refine: more than {MOST:,} cells; refine fewer times.")
    return [found[at] for at in sorted(found, key=repr)]


def middle(low: float, high: float, log: bool) -> float:
    """Return the number halfway, as short as the two can be told apart from it.

    Example:
        >>> middle(0.01, 1.0, True), middle(1, 4, False), middle(1, 2, False)
        (0.1, 2, 2)
    """
    exact = math.sqrt(low * high) if log else (low + high) / 2
    return round(exact) if isinstance(low, int) else float(f"{exact:.6g}")


def _neighbours(known: set[tuple], axis: int) -> Iterator[tuple[tuple, tuple]]:
    """Pairs of cells next to one another along an axis."""
    lines: dict[tuple, list[tuple]] = {}
    for at in known:
        lines.setdefault((*at[:axis], *at[axis + 1 :]), []).append(at)
    for line in lines.values():
        yield from itertools.pairwise(sorted(line, key=lambda at: at[axis]))


def _key(value: Any) -> Any:
    """A value as a table's cell has it."""
    return ",".join(map(str, value)) if isinstance(value, tuple) else value
