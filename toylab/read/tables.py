"""Tables to read from: of arrays, a row per entry; and of several networks, one below another."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import ArrayLike

from toylab.errors import ToylabError

Axes = Mapping[str, Sequence[Any] | np.ndarray | None]


def long_table(axes: Axes, /, **values: ArrayLike) -> pl.DataFrame:
    """Return a row per entry of arrays of one shape: its name along every axis, and its values.

    Args:
        axes: for each axis its column and the names along it, or None to number them from 0.
        **values: an array per further column; floats become float64.

    Raises:
        ToylabError: an array whose shape is not that of the axes.

    Example:
        >>> long_table({"layer": None, "kind": ("a", "b")}, score=[[1, 2], [3, 4]]).rows()
        [(0, 'a', 1), (0, 'b', 2), (1, 'a', 3), (1, 'b', 4)]
    """
    arrays = {name: np.asarray(value) for name, value in values.items()}
    shape = next((array.shape for array in arrays.values()), ())
    sizes = [None if names is None else len(names) for names in axes.values()]
    for name, array in arrays.items():
        fits = array.shape == shape and len(shape) == len(sizes)
        if not fits or any(n not in (None, m) for n, m in zip(sizes, shape, strict=True)):
            raise ToylabError(
                f"long_table: {name} has shape {array.shape}; the axes {', '.join(axes)} have "
                f"{tuple(sizes)}."
            )
    columns: dict[str, Any] = {}
    for (axis, names), place in zip(axes.items(), np.indices(shape), strict=True):
        columns[axis] = place.ravel() if names is None else np.asarray(names)[place.ravel()]
    for name, array in arrays.items():
        flat = array.ravel()
        columns[name] = flat.astype(np.float64) if flat.dtype.kind == "f" else flat
    return pl.DataFrame(columns)


def labelled(table: pl.DataFrame, **labels: Any) -> pl.DataFrame:
    """Return a table with further columns, of one value each.

    Example:
        >>> labelled(pl.DataFrame({"seed": [0, 1]}), kind="trained").rows()
        [(0, 'trained'), (1, 'trained')]
    """
    whole = lambda value: isinstance(value, int | np.integer) and not isinstance(value, bool)
    lit = lambda value: pl.lit(int(value), pl.Int64) if whole(value) else pl.lit(value)
    return table.with_columns(**{name: lit(value) for name, value in labels.items()})


def stacked(
    parts: Iterable[Mapping[str, pl.DataFrame]], how: Any = "vertical"
) -> dict[str, pl.DataFrame]:
    """Put tables of one name below each other, as of network after network.

    Args:
        parts: mappings from names to tables; not every part needs every name.
        how: as in ``polars.concat``, such as "diagonal" where columns differ.

    Example:
        >>> one, two = (pl.DataFrame({"seed": [seed]}) for seed in (0, 1))
        >>> stacked([{"ends": one}, {"ends": two}])["ends"]["seed"].to_list()
        [0, 1]
    """
    tables: dict[str, list[pl.DataFrame]] = {}
    for part in parts:
        for name, table in part.items():
            tables.setdefault(name, []).append(table)
    return {name: pl.concat(found, how=how) for name, found in tables.items()}
