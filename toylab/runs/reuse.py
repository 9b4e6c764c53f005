"""Reuse: populations that other runs have trained already, taken over in place of training.

Studies of one family often train the same network. A population is the same when its model, task,
members, optimiser, length and everything else that decides its weights are written alike; then
the same program on the same kind of device gives the same bits, and the other run's are taken.

Members do not know of each other. So a population is also put together from runs that have trained
all of its members between them, as those of the seeds 0 to 7 and of 8 to 15.
"""

import ast
import re
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import polars as pl

from toylab.errors import ToylabError
from toylab.members import SEEDS
from toylab.population import Population, written
from toylab.runs.checkpointer import FolderCheckpointer
from toylab.runs.provenance import SHARED, moved
from toylab.runs.run_folder import RunFolder
from toylab.train.engine import Records

Description = dict[str, str]
WHAT = ("model", "task", "optimizer", "loss", "metrics")
PARTS = (*WHAT, "steps", "batch_size", "piece", "record_every")


def describe(populations: Mapping[str, Population]) -> dict[str, Description]:
    """Return, for each population, the text of everything that decides what it becomes.

    Args:
        populations: all of a study's.
    """
    found: dict[str, Description] = {}
    for name, population in populations.items():
        parts = {part: written(getattr(population, part)) for part in PARTS}
        columns = population.members.columns.items()
        parts["members"] = repr({column: values.tolist() for column, values in columns})
        parts["snapshots"] = repr(population.boundaries()[1])
        if population.first_seed:
            parts["first_seed"] = str(population.first_seed)
        if population.shards != 1:
            parts["shards"] = str(population.shards)
        if population.start:
            parts["start"] = repr(found.get(population.start))
        found[name] = parts
    return found


def kept(
    described: Mapping[str, Description],
    trained: Mapping[str, Description],
    populations: Mapping[str, Population],
) -> dict[str, Description]:
    """Return what a run that adopts a change is to say of its populations.

    What is trained stays what it was, and what starts from it starts from that.

    Args:
        described: all populations as the study makes them now, in the order of training.
        trained: those that are trained, as they were.
        populations: all of the study's.
    """
    found: dict[str, Description] = {}
    for name, own in described.items():
        start = populations[name].start
        begun = {"start": repr(found.get(start))} if start else {}
        found[name] = trained.get(name, own | begun)
    return found


class Share(NamedTuple):
    """Members of a wanted population that a finished one of another run holds.

    Attributes:
        run: the other run.
        name: the population's name there.
        there: their places in it.
        here: their places in the population that is wanted.
    """

    run: RunFolder
    name: str
    there: list[int]
    here: list[int]


def matches(
    wanted: Mapping[str, Description], sources: Sequence[RunFolder]
) -> dict[str, list[Share]]:
    """Return which finished populations of other runs stand for which of those wanted.

    Args:
        wanted: from :func:`describe`.
        sources: the runs to take from, the first first.

    Returns:
        ``{name wanted: shares that hold all its members}``, not empty.

    Raises:
        ToylabError: the runs have none of them. Of the first, the population that comes near is
            named, with what differs.
    """
    for source in sources:
        if other := moved(source.manifest.get("numerics", {}), SHARED):
            raise ToylabError(
                f"{source.path} was trained under other numerics: {other[0]}; reuse none."
            )
    shares = {name: _shares(want, sources) for name, want in wanted.items()}
    if found := {name: own for name, (own, left) in shares.items() if own and not left}:
        return found
    for name, (own, left) in shares.items():
        if own:
            held, where = sum(len(s.here) for s in own), " and ".join(str(r.path) for r in sources)
            raise ToylabError(
                f"{held} of the {held + left} members of {name!r} are trained in {where}; name a "
                "run that has trained the others besides, or reuse none."
            )
    raise _none_near(wanted, sources[0])


def _done(run: RunFolder) -> dict[str, Description]:
    finished = run.manifest.get("finished", {})
    return {n: d for n, d in run.manifest.get("described", {}).items() if n in finished}


def _shares(want: Description, sources: Sequence[RunFolder]) -> tuple[list[Share], int]:
    """Who holds a population's members, a whole one before parts, and how many nobody holds."""
    done = [(run, name, had) for run in sources for name, had in _done(run).items()]
    for run, name, had in done:
        if had == want:
            every = list(range(len(run.dead_at(name))))
            return [Share(run, name, every, every)], 0
    alike, rows = _members_apart(want)
    left, shares = {row: place for place, row in enumerate(rows)}, []
    if len(left) < len(rows):  # members that are alike cannot be told apart
        return [], len(rows)
    for run, name, had in done:
        other, theirs = _members_apart(had)
        held = [
            (i, left.pop(row)) for i, row in enumerate(theirs) if other == alike and row in left
        ]
        if held:
            shares.append(Share(run, name, *map(list, zip(*held, strict=True))))
    return shares, len(left)


def _members_apart(described: Description) -> tuple[Description, list[tuple[Any, ...]]]:
    """A description without what tells one member from another, and every member's row.

    Seeds are those that a member draws from. To a member's row belongs that of the member that it
    starts from, which has its ``init_seed``.
    """
    parts = dict(described)
    first, columns = int(parts.pop("first_seed", 0)), _value(parts.pop("members", "{}"))
    drawn = {n: [v + first * (n in SEEDS) for v in values] for n, values in columns.items()}
    rows = list(zip(*drawn.values(), strict=True))
    if begun := _value(parts.get("start", "None")):
        alike, starts = _members_apart(begun)
        parts["start"] = repr(alike)
        seed = _value(alike["columns"]).index("init_seed")
        known = {row[seed]: row for row in starts}
        rows = [(*row, known[s]) for row, s in zip(rows, drawn["init_seed"], strict=True)]
    return parts | {"columns": repr(list(drawn))}, rows


def _value(text: str) -> Any:
    """A value that was written by ``repr``; none of one that is no literal, as NaN is."""
    try:
        return ast.literal_eval(re.sub(r"\binf\b", "1e999", text))
    except (SyntaxError, ValueError):
        return {}


def _none_near(wanted: Mapping[str, Description], source: RunFolder) -> ToylabError:
    """Say of the population of a run that comes nearest in which part it differs."""
    done = _done(source)
    if not done:
        return ToylabError(f"{source.path} has no finished population to reuse; finish that run.")
    name, other = next(
        ((n, n) for n in wanted if n in done), (next(iter(wanted)), next(iter(done)))
    )
    had, want = done[other], wanted[name]
    part = next(p for p in {**want, **had} if want.get(p) != had.get(p))
    had, want = _differing(had.get(part, "nothing"), want.get(part, "nothing"))
    return ToylabError(
        f"{source.path} has no population to reuse: the {part} of its {other!r} has {had}, "
        f"that of this study's {name!r} {want}."
    )


def _differing(had: str, want: str, most: int = 3) -> tuple[str, str]:
    """Return the parts in which two texts differ, at most ``most`` of them."""
    words = had.split(", "), want.split(", ")
    if len(words[0]) == len(words[1]):
        pairs = [pair for pair in zip(*words, strict=True) if pair[0] != pair[1]][:most]
        had, want = (", ".join(side) for side in zip(*pairs, strict=True))
    short = lambda text: text if len(text) <= 120 else f"{text[:117]}..."
    return short(had), short(want)


def changes(had: Mapping[str, Description], have: Mapping[str, Description]) -> list[str]:
    """Return in words what differs between two descriptions, the first difference first.

    Args:
        had: populations as a run was begun with.
        have: populations as the study makes them now.
    """
    found = []
    for name in [*had, *(n for n in have if n not in had)]:
        if name not in had or name not in have:
            found.append(f"population {name!r} is {'new' if name not in had else 'gone'}")
            continue
        before, now = had[name], have[name]
        for part in {**before, **now}:
            if before.get(part) != now.get(part):
                old, new = _differing(before.get(part, "nothing"), now.get(part, "nothing"))
                found.append(f"the {part} of {name!r} had {old} and has {new}")
    return found


def check_trained(run: RunFolder, tables: Mapping[str, Any]) -> None:
    """Refuse other members of a population that is trained.

    Args:
        run: the run that goes on.
        tables: the members of the study's populations now, as the manifest has them.
    """
    for name in run.finished():
        if run.manifest["members"].get(name) != tables.get(name, run.manifest["members"].get(name)):
            raise ToylabError(
                f"{run.path}: the members of {name!r} are trained and have changed since; --adopt "
                "cannot go on with others. Run the study into a new folder."
            )


def take(name: str, shares: Sequence[Share], checkpointer: FolderCheckpointer) -> None:
    """Copy a population's snapshots and records from the runs that hold its members.

    Args:
        name: the population's name in the run that is written, for the manifest.
        shares: from :func:`matches`.
        checkpointer: keeps the population in the run that is written.

    Raises:
        ToylabError: a file of a source is damaged or missing.
    """
    for step in checkpointer.due:
        file = lambda share, step=step: f"snapshots/{share.name}-{step}.safetensors"
        parts = [share.run.read_tensors(file(share)) for share in shares]
        checkpointer.snapshot(step, _joined(shares, parts))
    records = [recorded(share.run, share.name) for share in shares]
    steps = {"step": records[0]["step"]} if records[0] else {}
    values = [{n: v.T for n, v in each.items() if n != "step"} for each in records]
    lost = [{"dead_at": np.asarray(share.run.dead_at(share.name))} for share in shares]
    told = {n: v.T for n, v in _joined(shares, values).items()}
    origin, seconds = {}, 0.0
    for share in shares:
        about, whole = share.run.manifest, len(share.run.dead_at(share.name))
        origin |= about.get("reused", {}).get(share.name, {about["run_id"]: _commit(about)})
        seconds += about.get("trained_s", {}).get(share.name, 0.0) * len(share.there) / whole
    run = checkpointer.run  # told before it is finished: what is finished is not looked at again
    run.note(reused=run.manifest.get("reused", {}) | {name: origin})
    run.trained(name, seconds)
    checkpointer.finish(steps | told, _joined(shares, lost)["dead_at"])


def _commit(manifest: Mapping[str, Any]) -> str | None:
    """The commit at which a run trained; of several the first that is not of committed code."""
    told = [manifest.get("commit"), *manifest.get("resumed_at", ())]
    return next((each for each in told if not each or each.endswith("+")), told[0])


def _joined(
    shares: Sequence[Share], parts: Sequence[Mapping[str, np.ndarray]]
) -> dict[str, np.ndarray]:
    """Put arrays with a leading axis of members together, every member in its place."""
    size = sum(len(share.here) for share in shares)
    found = {n: np.empty((size, *leaf.shape[1:]), leaf.dtype) for n, leaf in parts[0].items()}
    for (_, _, there, here), part in zip(shares, parts, strict=True):
        for name, leaf in found.items():
            leaf[here] = part[name][there]
    return found


def recorded(run: RunFolder, population: str) -> Records:
    """Return the records of a finished population, ``{"step": (S,), metric: (S, P)}``.

    Raises:
        ToylabError: a table with gaps.
    """
    table = run.metrics(diverged=True).filter(pl.col("population") == population)
    table = table.sort("step", "member")
    steps = table["step"].unique().sort().to_numpy()
    if not len(steps):
        return {}
    rows = len(steps) * len(run.dead_at(population))
    if any(len(part) != rows for _, part in table.group_by("name")):
        raise ToylabError(f"{run.path} has records of {population!r} with gaps; resume that run.")
    metrics = {
        str(key[0]): part["value"].to_numpy().reshape(len(steps), -1)
        for key, part in table.group_by("name", maintain_order=True)
    }
    return {"step": steps, **metrics}
