"""Packing: populations of many cells that differ in numbers alone, trained as one.

A setting that changes shapes makes a program of its own; one that is a number of the task, the
model, the optimiser or the loss becomes a column of members. So a sweep over weight decay is one
population, and one over width and weight decay is one for each width.
"""

import dataclasses
import itertools
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from toylab.members import SEEDS, Members
from toylab.population import PARTS, Population, numeric_fields, written


@dataclasses.dataclass(frozen=True)
class Pack:
    """A population of a sweep: one of the study's, of several cells.

    Attributes:
        population: the study's name for it.
        cells: the cells, by number.
    """

    population: str
    cells: tuple[int, ...]

    @property
    def name(self) -> str:
        """Its name in the sweep's folder: the study's, and the first of its cells."""
        return f"{self.population}.{self.cells[0]}"


def packs_of(cells: Sequence[Mapping[str, Population]]) -> list[Pack]:
    """Return what is trained together, in the order in which it is trained.

    Args:
        cells: each cell's populations. Where one starts from another's end, cells stay apart: a
            member is found by its seed there, and seeds repeat in a pack.
    """
    alone = any(p.start for populations in cells for p in populations.values())
    found: dict[str, tuple[str, list[int]]] = {}
    for number, populations in enumerate(cells):
        for name, population in populations.items():
            key = f"{name} {number}" if alone else f"{name} {_shape(population)}"
            found.setdefault(key, (name, []))[1].append(number)
    return [Pack(name, tuple(numbers)) for name, numbers in found.values()]


def _shape(population: Population) -> str:
    """The text of all that populations must share to be packed."""
    same = {
        field.name: written(getattr(population, field.name))
        for field in dataclasses.fields(population)
        if field.name not in (*PARTS, "members")
    }
    parts = {part: _fixed(getattr(population, part), _numbers(population)) for part in PARTS}
    return repr((same, parts, list(population.members.columns)))


def _fixed(part: Any, numbers: Mapping[str, float]) -> str:
    """A part's text without the numbers that may become columns."""
    if not dataclasses.is_dataclass(part):
        return written(part)
    shown = {
        field.name: written(getattr(part, field.name))
        for field in dataclasses.fields(part)
        if not (field.name in numbers and field.name in numeric_fields(part))
    }
    return f"{type(part).__module__}.{type(part).__qualname__} {shown!r}"


def _numbers(population: Population) -> dict[str, float]:
    """Numbers of the parts that may become columns of members, by their names.

    A name that two parts have with two values stays what it is: a column would set both.
    """
    found: dict[str, set[float]] = {}
    for part in PARTS:
        whole = getattr(population, part)
        for name in numeric_fields(whole):
            value = getattr(whole, name)
            plain = isinstance(value, int | float) and not isinstance(value, bool)
            found.setdefault(name, set()).add(float(value) if plain else float("nan"))
    return {
        name: next(iter(values))
        for name, values in found.items()
        if len(values) == 1 and np.isfinite(next(iter(values)))
    }


def packed(populations: Sequence[Population]) -> Population:
    """Return populations of one shape as one, the members of each after those before.

    Args:
        populations: the cells', as :class:`Pack` names them.
    """
    numbers = [_numbers(population) for population in populations]
    differ = [name for name in numbers[0] if len({each[name] for each in numbers}) > 1]
    tables = []
    for population, own in zip(populations, numbers, strict=True):
        columns = dict(population.members.columns)
        filled = {n: np.full(population.size, own[n]) for n in differ if n not in columns}
        tables.append(columns | filled)
    joined = {name: np.concatenate([table[name] for table in tables]) for name in tables[0]}
    ordered = {name: joined[name] for name in (*SEEDS, *(n for n in joined if n not in SEEDS))}
    return dataclasses.replace(populations[0], members=Members(ordered))


def places(populations: Sequence[Population]) -> list[slice]:
    """Return where each cell's members lie in the pack."""
    ends = np.cumsum([0, *(population.size for population in populations)])
    return [slice(int(a), int(b)) for a, b in itertools.pairwise(ends)]
