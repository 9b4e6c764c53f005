"""Population: many models of one shape, trained at once.

A :class:`Population` says what is trained: a model, a task, a table of members, an optimiser and a
length. How it is executed is the engine's business (:mod:`toylab.train.engine`).
"""

import contextlib
import dataclasses
import inspect
import math
import re
import sys
import types
import typing
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Literal

import numpy as np
from jax import Array

from toylab.errors import ToylabError, check_number, nearest
from toylab.losses import Loss, squared_error
from toylab.members import SEEDS, Members
from toylab.optim import Optimizer
from toylab.show.cards import Card, Rows
from toylab.taps import Model, Params
from toylab.task import Task

PARTS = ("model", "task", "optimizer", "loss")
MOST_RECORDS = 1_000_000
ADDRESS = re.compile(r" at 0x[0-9a-f]+")
Metrics = Callable[[Model, Params, Task], Mapping[str, Array]]


def ladder(steps: int, rungs: int) -> tuple[int, ...]:
    """Return about ``rungs`` log-spaced steps from 0 to ``steps``, both included.

    Example:
        >>> ladder(1000, 4)
        (0, 10, 100, 1000)
    """
    if steps == 0:
        return (0,)
    if rungs < 2:
        return (steps,)
    check_number("ladder", "rungs", rungs, high=MOST_RECORDS)
    rest = np.unique(np.round(np.geomspace(1, steps, max(rungs, 2))).astype(int))
    rest = rest[-(rungs - 1) :]
    return (0, *(int(s) for s in rest))


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False)
class Population(Card):
    """What is trained: one shape of model, many members.

    Args:
        model: the model; numeric fields may be member columns.
        task: the world; numeric fields may be member columns.
        members: the table of members (see :mod:`toylab.members`).
        optimizer: the optimiser; numeric fields may be member columns.
        steps: number of updates.
        batch_size: examples per update; members with one data seed see the same batches.
        piece: examples whose gradient is taken at once, a divisor of ``batch_size``; 0 takes all.
            Small pieces keep a transformer's activations in a CPU's cache (see
            :mod:`toylab.train.gradients`).
        shards: equal parts of a batch whose gradients (under reward their rollouts too) as many
            devices take at once where there are no members for them; one device takes them one
            after another, to the same bits.
        loss: per-example loss.
        record_every: updates between records; 0 takes a hundredth of the run.
        snapshots: steps at which parameters are kept; the last step is always one.
        metrics: scalars of one member, computed at every record.
        start: name of the study's population, trained before this one, whose last parameters
            are this one's first, member by member with the same ``init_seed``; empty draws them.
        strategy: ``vmap`` runs all members of a device as one batch, ``map`` one after another;
            ``auto`` runs tiles that fit the machine.
        tile: members per tile, which overrides the strategy.
        devices: number of devices to spread the members over; None takes all of them.
        first_seed: added to the members' ``init_seed`` and ``data_seed`` where weights and batches
            are drawn: fresh seeds for the same members, which keep their names.

    Raises:
        ToylabError: a column that names no field, a number out of its field's range, negative
            steps, or a batch of no examples.
    """

    model: Model
    task: Task
    members: Members
    optimizer: Optimizer
    steps: int
    batch_size: int
    piece: int = 0
    shards: int = 1
    loss: Loss = squared_error
    record_every: int = 0
    snapshots: tuple[int, ...] = ()
    metrics: Metrics | None = None
    start: str = ""
    strategy: Literal["auto", "vmap", "map"] = "auto"
    tile: int | None = None
    devices: int | None = None
    first_seed: int = 0

    def __post_init__(self) -> None:
        check_number("Population", "first_seed", self.first_seed, 0, 2**31, whole=True)
        check_number("Population", "steps", self.steps, low=0, whole=True)
        check_number("Population", "batch_size", self.batch_size, low=1, whole=True)
        check_number("Population", "record_every", self.record_every, low=0, whole=True)
        check_number("Population", "piece", self.piece, low=0, high=self.batch_size, whole=True)
        if self.record_every and self.steps / self.record_every > MOST_RECORDS:
            raise ToylabError(
                f"Population: {self.steps:,} steps with record_every = {self.record_every} are "
                f"more than {MOST_RECORDS:,} records; record less often."
            )
        check_number("Population", "shards", self.shards, low=1, high=self.batch_size, whole=True)
        if self.batch_size % self.shards:
            raise ToylabError(
                f"Population: {self.shards} shards do not divide batch_size = {self.batch_size}."
            )
        shard = self.batch_size // self.shards
        if self.piece and shard % self.piece:
            whole = f"a shard of {shard}" if self.shards > 1 else f"batch_size = {shard}"
            raise ToylabError(f"Population: piece = {self.piece} does not divide {whole}.")
        if self.strategy not in ("auto", "vmap", "map"):
            choice = nearest(self.strategy, ("auto", "vmap", "map"))
            raise ToylabError(f"Population: strategy {self.strategy!r}; {choice}")
        for name, number in (("tile", self.tile), ("devices", self.devices)):
            if number is not None:
                check_number("Population", name, number, low=1, whole=True)
        beyond = [s for s in self.snapshots if not 0 <= s <= self.steps]
        if beyond:
            raise ToylabError(
                f"Population: snapshot step {beyond[0]} is outside the run of {self.steps} steps."
            )
        object.__setattr__(self, "members", self.members.with_seeds())
        self._check_columns()

    def _check_columns(self) -> None:
        fields = {part: numeric_fields(getattr(self, part)) for part in PARTS}
        for name, column in self.members.columns.items():
            if name in SEEDS:
                continue
            owners = [part for part in PARTS if name in fields[part]]
            fixed = [part for part in PARTS if name in _field_types(getattr(self, part))]
            if fixed and not owners:
                raise ToylabError(
                    f"Member column {name!r} is a setting of the {fixed[0]} that all members "
                    "share; make one population per value."
                )
            if not owners:
                known = {f for names in fields.values() for f in names} | set(SEEDS)
                raise ToylabError(f"Unknown member column {name!r}: {nearest(name, known)}")
            for part in owners:
                for value in np.unique(column):
                    dataclasses.replace(getattr(self, part), **{name: float(value)})

    @property
    def size(self) -> int:
        """P, the number of members."""
        return len(self.members)

    def _card(self) -> tuple[str, Rows]:
        heading, columns = self.members._card()
        parts = [(part, getattr(self, part)) for part in ("model", "task", "optimizer")]
        length = f"{self.steps:,} of {self.batch_size:,} examples"
        return f"Population of {heading}", [*columns, *parts, ("updates", length)]

    def boundaries(self) -> tuple[tuple[int, ...], tuple[int, ...]]:
        """Return the steps of records and the steps of snapshots, both ending at ``steps``."""
        every = self.record_every or max(1, math.ceil(self.steps / 100))
        records = sorted({*range(every, self.steps + 1, every), self.steps, *self.snapshots} - {0})
        return tuple(records), tuple(sorted({*self.snapshots, self.steps}))

    def bind(self, row: Mapping[str, Any]) -> "Population":
        """Return the population with one member's numbers in the fields they name.

        Args:
            row: ``{column: number}``, perhaps traced.
        """
        changed = {}
        for part in PARTS:
            whole = getattr(self, part)
            own = {n: row[n] for n in numeric_fields(whole) if n in row}
            changed[part] = dataclasses.replace(whole, **own) if own else whole
        bound = object.__new__(Population)
        for field in dataclasses.fields(self):
            value = changed.get(field.name, getattr(self, field.name))
            object.__setattr__(bound, field.name, value)
        return bound


def written(value: Any, within: tuple[Any, ...] = ()) -> str:
    """Return a part of a population as text, the same in every process.

    A function's is its name, as its address changes from run to run, and what it keeps: of the
    function that it was made in, or of the object whose method it is.

    Args:
        value: a model, a task, an optimiser, a loss, metrics or a number.
        within: what keeps the value; of a function that keeps itself the name is enough.
    """
    with np.printoptions(threshold=sys.maxsize):
        if callable(value) and not dataclasses.is_dataclass(value):
            told = f"{value.__module__}.{getattr(value, '__qualname__', value)}"
        else:
            # What a task reads from a file is not in its text.
            content = getattr(value, "fingerprint", str)()
            told = f"{value!r} {getattr(value, 'version', '')} {content}".strip()
        known = any(value is above for above in within)
        kept = "" if known else _kept(value, (*within, value))
        return ADDRESS.sub("", f"{told} of {kept}" if kept else told)


def _kept(value: Any, within: tuple[Any, ...]) -> str:
    """What the text of a value does not tell of it."""
    if dataclasses.is_dataclass(value):
        parts = [getattr(value, field.name) for field in dataclasses.fields(value)]
        found = [_kept(part, within) for part in parts]
    elif isinstance(value, Mapping | list | tuple):
        parts = value.values() if isinstance(value, Mapping) else value
        found = [_kept(part, within) for part in parts]
    elif inspect.ismethod(value):
        found = [written(value.__self__, within)]
    elif inspect.isfunction(value):
        found = [written(own, within) for own in _enclosed(value)]
    elif type(value).__repr__ is object.__repr__ and not inspect.isroutine(value):
        own = getattr(value, "__dict__", {})
        found = [f"{name}={written(part, within)}" for name, part in sorted(own.items())]
    else:
        found = []
    return ", ".join(text for text in found if text)


def _enclosed(function: Any) -> Iterator[Any]:
    """What a function made inside of another keeps: variables of that one, and defaults."""
    for cell in function.__closure__ or ():
        with contextlib.suppress(ValueError):  # one that is not set
            yield cell.cell_contents
    if "<" in function.__qualname__:
        yield from function.__defaults__ or ()
        yield from (function.__kwdefaults__ or {}).values()


def numeric_fields(part: Any) -> tuple[str, ...]:
    """Names of a dataclass's fields that may differ per member; a plain function has none.

    They are those annotated ``float``, or with a union that holds an array, as ``Number`` does.
    Sizes, names and switches decide what is compiled, so all members share them.
    """
    return tuple(name for name, kind in _field_types(part).items() if _is_number(kind))


def _is_number(kind: Any) -> bool:
    union = typing.get_origin(kind) in (typing.Union, types.UnionType)
    return kind in (float, "float", "Number") or (union and Array in typing.get_args(kind))


def _field_types(part: Any) -> dict[str, Any]:
    if not dataclasses.is_dataclass(part):
        return {}
    return {
        f.name: _resolved(f.type, f.name, type(part)) for f in dataclasses.fields(part) if f.init
    }


def _resolved(kind: Any, name: str, owner: type) -> Any:
    """A field's type; of one written as text, as all are under ``from __future__``, what it means.

    A name that only a type checker imports means nothing here, and the text stays.
    """
    if not isinstance(kind, str):
        return kind
    owner = next(base for base in owner.__mro__ if name in inspect.get_annotations(base))
    with contextlib.suppress(Exception):
        return eval(kind, dict(vars(sys.modules[owner.__module__])))
    return kind
