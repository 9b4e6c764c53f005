"""Reuse: populations that another run has trained already, taken over in place of training.

Studies of one family often train the same network. A population is the same when its model, task,
members, optimiser, length and everything else that decides its weights are written alike; then
the same program on the same kind of device gives the same bits, and the other run's are taken.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
import polars as pl

from toylab.errors import ToylabError
from toylab.population import Population, enclosed, written
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
        if kept := enclosed(population.loss):
            parts["loss"] += f" of {kept}"
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


def matches(wanted: Mapping[str, Description], source: RunFolder) -> dict[str, str]:
    """Return which finished population of a run stands for which of those wanted.

    Args:
        wanted: from :func:`describe`.
        source: the run to take from.

    Returns:
        ``{name wanted: name there}``, not empty.

    Raises:
        ToylabError: the run has none of them; the first that comes near is named, with what
            differs.
    """
    if other := moved(source.manifest.get("numerics", {}), SHARED):
        raise ToylabError(
            f"{source.path} was trained under other numerics: {other[0]}; reuse none."
        )
    there = source.manifest.get("described", {})
    done = {n: d for n, d in there.items() if n in source.manifest.get("finished", {})}
    found = {
        name: other for name, want in wanted.items() for other, had in done.items() if had == want
    }
    if found:
        return found
    if not done:
        raise ToylabError(f"{source.path} has no finished population to reuse; finish that run.")
    name, other = next(
        ((n, n) for n in wanted if n in done), (next(iter(wanted)), next(iter(done)))
    )
    had, want = done[other], wanted[name]
    part = next(p for p in {**want, **had} if want.get(p) != had.get(p))
    had, want = _differing(had.get(part, "nothing"), want.get(part, "nothing"))
    raise ToylabError(
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


def take(name: str, other: str, source: RunFolder, checkpointer: FolderCheckpointer) -> None:
    """Copy a finished population's snapshots and records into a run.

    Args:
        name: the population's name in the run that is written, for the manifest.
        other: its name in ``source``.
        source: the run that trained it.
        checkpointer: keeps the population in the run that is written.

    Raises:
        ToylabError: a file of the source is damaged or missing.
    """
    for step in checkpointer.due:
        checkpointer.snapshot(step, source.read_tensors(f"snapshots/{other}-{step}.safetensors"))
    checkpointer.finish(recorded(source, other), np.asarray(source.dead_at(other)))
    own = {"run_id": source.manifest["run_id"], "commit": source.manifest.get("commit")}
    origin = source.manifest.get("reused", {}).get(other, own)
    checkpointer.run.note(reused=checkpointer.run.manifest.get("reused", {}) | {name: origin})
    checkpointer.run.trained(name, source.manifest.get("trained_s", {}).get(other, 0.0))


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
