"""Readings of relational: dictionaries of a binding at a size, maps, copiers."""

import polars as pl

from toylab.claims import Condition, Expect
from toylab.read import Reading, Rows, least, table

DICTIONARIES, MAPS, COPIERS = table("dictionaries"), table("maps"), table("copiers")
ECHOING = ("matrix", "tensor", "unitary")
ORDERED = ("scale", "matrix", "tensor", "unitary", "gaussian")
PAIRED = ("fillers", "product")


def bound(name: str, parts: int = 2, centred: int = 0) -> Rows:
    """Dictionaries of one binding, at every size."""
    return DICTIONARIES.filter(name=name, parts=parts, centred=centred)


def found(name: str, column: str, room: float | None = None, **settings: int) -> Reading:
    """A column of a binding's dictionary: of one size, or of the largest."""
    rows = bound(name, **settings)
    rows = rows.last("room") if room is None else rows.filter(room=room)
    return rows.value(column)


def turned(angle: float, column: str = "multiplicity") -> Reading:
    """A column of dictionaries of two roles that differ by an angle."""
    return DICTIONARIES.filter(name="rotation", angle=angle).value(column)


def lowest(names: tuple[str, ...], column: str) -> Reading:
    """The least over bindings, at the largest size."""
    return least(*(found(name, column) for name in names))


def echoes_for_each_role() -> Reading:
    """Distinct atoms of a concept for each role, the mean over one, two and three roles."""
    ratios = [found("matrix", "multiplicity", parts=n) / n for n in (1, 2, 3)]
    return (ratios[0] + ratios[1] + ratios[2]) / 3


def mapped(name: str, column: str) -> Reading:
    """A column of the maps between two roles."""
    return MAPS.filter(name=name).value(column)


def copied(kind: str, column: str) -> Reading:
    """A column of copiers of one kind."""
    return COPIERS.filter(kind=kind).value(column)


def of_learned(kind: str, column: str) -> Reading:
    """A column of those copiers of a kind that know 90% of the answers they were trained on."""
    return copied(kind, column).where(copied(kind, "train") >= 0.9)


def nothing_by_chance() -> Condition:
    """No random direction, and no principal component, is an echo of a matrix."""
    chance = pl.max_horizontal("random", "pca").max()
    reading = DICTIONARIES.filter(name=ECHOING).aggregate(chance)
    return Condition(
        "random directions and principal components are none of them", reading, Expect.below(0.05)
    )


EXPLAINED = Condition(
    "the largest dictionaries of matrices explain 95% of the variance",
    found("matrix", "explained"),
    Expect.above(0.95),
)
FOUND = Condition(
    "the dictionary of scale holds 95% of the concepts",
    found("scale", "recovered", 2.0),
    Expect.above(0.95),
)
COPIED = Condition(
    "copiers know 90% of the answers that they were trained on",
    copied("fixed", "train"),
    Expect.above(0.9),
)
