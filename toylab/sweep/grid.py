"""Grids of settings: ``p=31,59,113`` and ``weight_decay=0.5:4:log8``, every value with every other.

p=31,59,113               these values
rate=0:1:5                five values, evenly from 0 to 1
weight_decay=0.5:4:log8   eight values, evenly in their logarithm
sizes=8,10;12,14          of a setting that is a list: these lists
"""

import itertools
import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from toylab.errors import ToylabError, nearest
from toylab.study import parse

MOST = 10_000  # cells
COLUMNS = frozenset(
    "cell round claim text headline verdict estimate low high n population member step name value "
    "init_seed data_seed".split()
)
Settings = dict[str, Any]


def read_grids(texts: Sequence[str], config: Any) -> dict[str, tuple[Any, ...]]:
    """Return the values of each setting of a grid, ``{setting: values}``.

    Args:
        texts: as given on the command line.
        config: a preset's settings, whose values say of which type each is.

    Raises:
        ToylabError: no such setting, one given twice, a value of another type or out of range, or
            more cells than anyone could look at.

    Example:
        >>> import dataclasses
        >>> config = dataclasses.make_dataclass("Config", [("p", int), ("decay", float)])(7, 1.0)
        >>> read_grids(["p=5,7", "decay=0.5:2:log3"], config)
        {'p': (5, 7), 'decay': (0.5, 1.0, 2.0)}
    """
    axes: dict[str, tuple[Any, ...]] = {}
    for text in texts:
        key, equals, values = text.partition("=")
        if not equals or not values:
            raise ToylabError(f"--grid {text!r} is not of the form key=values, as in p=31,59.")
        if not hasattr(config, key):
            raise ToylabError(f"--grid names no setting {key!r}: {nearest(key, vars(config))}")
        if key in axes:
            raise ToylabError(f"--grid: the setting {key!r} is given twice.")
        axes[key] = _values(key, values, getattr(config, key))
    cells = math.prod(len(values) for values in axes.values())
    if not axes or cells > MOST:
        told = f"{cells:,} cells are more than {MOST:,}; make it coarser" if axes else "give one"
        raise ToylabError(f"--grid: {told}.")
    return axes


def column(name: str) -> str:
    """Return what a setting is called in a sweep's tables, which have columns of their own."""
    return f"setting {name}" if name in COLUMNS else name


def _values(key: str, text: str, like: Any) -> tuple[Any, ...]:
    if isinstance(like, tuple):
        found = [parse(key, part, like) for part in text.split(";")]
    elif ":" in text and not isinstance(like, str | bool):
        found = _span(key, text, like)
    else:
        found = [parse(key, part, like) for part in text.split(",")]
    if len(set(found)) < len(found):
        raise ToylabError(f"--grid {key}={text}: a value is given twice.")
    return tuple(found)


def _span(key: str, text: str, like: Any) -> list[Any]:
    """Values evenly from one number to another, or evenly in their logarithm."""
    wrong = ToylabError(f"--grid {key}={text} is no span; as in {key}=0.5:4:8 or 0.5:4:log8.")
    parts = text.split(":")
    if len(parts) != 3:
        raise wrong
    count = parts[2].removeprefix("log")
    if not count.isdecimal() or not 2 <= int(count) <= MOST:
        raise wrong
    low, high = (float(parse(key, part, 0.0)) for part in parts[:2])
    by_log = parts[2].startswith("log")
    if not low < high or (by_log and low <= 0):
        raise wrong
    spaced = (np.geomspace if by_log else np.linspace)(low, high, int(count))
    # Ends are the numbers given, and numbers between them as short as they can be told apart.
    short = [low, *(float(f"{value:.6g}") for value in spaced[1:-1]), high]
    return [round(value) for value in short] if isinstance(like, int) else short


def by_log(values: Sequence[float]) -> bool:
    """Say whether values lie rather evenly in their logarithm than as they are.

    Example:
        >>> by_log((0.1, 1, 10)), by_log((1, 2, 3))
        (True, False)
    """
    ordered = sorted(values)
    if ordered[0] <= 0 or len(ordered) < 3:
        return False
    gaps, ratios = np.diff(ordered), np.diff(np.log(ordered))
    return bool(np.std(ratios) / np.mean(ratios) < np.std(gaps) / np.mean(gaps))


def numeric(values: Sequence[Any]) -> bool:
    """Say whether all values are numbers, and no yes or no."""
    return all(isinstance(v, int | float) and not isinstance(v, bool) for v in values)


def cells_of(axes: dict[str, tuple[Any, ...]]) -> list[Settings]:
    """Return the settings of every cell; the last axis varies fastest.

    Example:
        >>> cells_of({"p": (5, 7), "decay": (1.0, 2.0)})[1]
        {'p': 5, 'decay': 2.0}
    """
    return [dict(zip(axes, values, strict=True)) for values in itertools.product(*axes.values())]
