"""The folder of a sweep.

sweep.json          study, preset, settings, grid
packs/              a run folder: the populations, each of many cells
packs-1/            the same of the first refinement, and so on
cells/0000/         a run folder for every cell: its networks, measures and verdicts
claims.parquet      a row per cell and claim: settings, verdict, estimate, interval
members.parquet     a row per cell, population, member and metric: settings, last value
figures/claims.png  every claim's estimate over the grid
"""

import dataclasses
import itertools
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from toylab import lab
from toylab.check.data_files import changed_files
from toylab.check.sizes import check_sizes
from toylab.errors import ToylabError
from toylab.runs.atomic import write_text
from toylab.runs.checkpointer import FolderCheckpointer
from toylab.runs.provenance import moved
from toylab.runs.reuse import changes, describe, recorded
from toylab.runs.run_folder import RunFolder
from toylab.sweep.pack import Pack, places
from toylab.sweep.plan import Plan

NAME = "sweep.json"


class SweepFolder:
    """The folder of one sweep, made or opened.

    Args:
        path: where.
        plan: the sweep's.
        elsewhere: whether workers train, who are held to the numerics themselves.

    Raises:
        ToylabError: something else is there, or what is left to train would be trained otherwise.
    """

    def __init__(self, path: str | Path, plan: Plan, elsewhere: bool = False):
        self.path, self.plan, self.elsewhere = Path(path), plan, elsewhere
        mine = json.loads(json.dumps(plan.about()))
        if (self.path / NAME).exists():
            self._check(mine)
        elif self.path.exists() and (not self.path.is_dir() or any(self.path.iterdir())):
            raise ToylabError(f"{path} exists and is no sweep's folder; name another with --out.")
        self.packs = self._packs()
        write_text(self.path / NAME, json.dumps(mine, indent=1) + "\n")

    def cell(self, number: int) -> Path:
        """The run folder of a cell of the plan."""
        return self.path / "cells" / f"{self.plan.first + number:04d}"

    def judged(self, number: int) -> bool:
        """Whether a cell has its verdicts."""
        path = self.cell(number)
        return (path / "manifest.json").exists() and "claims.json" in RunFolder(path).files()

    def hand_out(self, pack: Pack, cells: Sequence[int]) -> None:
        """Give cells their members' networks and records.

        Args:
            pack: a trained one.
            cells: those that lack them.
        """
        packs, name = self.packs, pack.name
        due = packs.steps(name)
        kept = {step: packs.read_tensors(f"snapshots/{name}-{step}.safetensors") for step in due}
        records, lost = recorded(packs, name), packs.dead_at(name)
        for number, own in zip(pack.cells, places(self.plan.parts(pack)), strict=True):
            if number not in cells:
                continue
            with self._run(number).writing() as run:
                keeper = FolderCheckpointer(run, pack.population, tuple(due))
                if keeper.complete():
                    continue
                for step, params in kept.items():
                    keeper.snapshot(step, {leaf: values[own] for leaf, values in params.items()})
                cut = {n: v if n == "step" else v[:, own] for n, v in records.items()}
                keeper.finish(cut, lost[own])

    def _check(self, mine: dict[str, Any]) -> None:
        path = self.path / NAME
        try:
            theirs = json.loads(path.read_text("utf-8"))
        except ValueError:
            theirs = None
        if not isinstance(theirs, dict):
            raise ToylabError(f"{path} is damaged; name another folder with --out.")
        for name, value in mine.items():
            if theirs.get(name) != value:
                raise ToylabError(
                    f"{self.path} holds another sweep: its {name} is {theirs.get(name)}, not "
                    f"{value}. Name another folder with --out."
                )

    def _packs(self) -> RunFolder:
        """The run folder of what is trained."""
        plan = self.plan
        path = self.path / (f"packs-{plan.round}" if plan.round else "packs")
        described = describe(plan.packed)
        if (path / "manifest.json").exists():
            packs = RunFolder(path)
            self._check_cells(packs)
            if other := changes(packs.manifest.get("described", {}), described):
                raise ToylabError(f"{path} was begun with another {plan.study.name}: {other[0]}.")
            self._check_rest(packs)
            return packs
        check_sizes(plan.packed, path)
        packs = {pack.name: dataclasses.asdict(pack) for pack in plan.packs}
        manifest = self._manifest(plan.config, plan.packed)
        return RunFolder.create(path, manifest | {"cells": _plain(plan.configs), "packs": packs})

    def _check_cells(self, packs: RunFolder) -> None:
        """Refuse to refine into other cells than that round's: only numbers tell cells apart."""
        shown = lambda cells: [repr({n: cell.get(n) for n in self.plan.axes}) for cell in cells]
        theirs, mine = shown(packs.manifest.get("cells", [])), shown(_plain(self.plan.configs))
        pairs = itertools.zip_longest(theirs, mine, fillvalue="none")
        for number, (had, have) in enumerate(pairs, self.plan.first):
            if had != have:
                raise ToylabError(
                    f"{packs.path} was refined for another claim: cell {number} is {had}, not "
                    f"{have}. Name that --claim, or another folder with --out."
                )

    def _check_rest(self, packs: RunFolder) -> None:
        """Refuse to train the rest on other data, or under other numerics, than the beginning."""
        ends = {name: own.boundaries()[1] for name, own in self.plan.packed.items()}
        if all(FolderCheckpointer(packs, name, due).complete() for name, due in ends.items()):
            return
        other = changed_files(packs.manifest.get("data", {}))
        other += [] if self.elsewhere else moved(packs.manifest.get("numerics", {}))
        if other:
            raise ToylabError(
                f"{self.path} was begun otherwise: {other[0]}. Go back to that, or name another "
                "folder with --out."
            )

    def _run(self, number: int) -> RunFolder:
        """The run folder of a cell, made if need be."""
        path = self.cell(number)
        if (path / "manifest.json").exists():
            return RunFolder(path)
        manifest = self._manifest(self.plan.configs[number], self.plan.populations[number])
        return RunFolder.create(path, manifest | {"sweep": self.plan.cells[number]})

    def _manifest(self, config: Any, populations: Any) -> dict[str, Any]:
        plan = self.plan
        begun = lab.begun(
            plan.study, plan.preset, config, populations, plan.source, plan.first_seed
        )
        return begun | {"described": describe(populations)}


def _plain(configs: Sequence[Any]) -> list[dict[str, Any]]:
    """Settings of cells, as a manifest reads them back."""
    return json.loads(json.dumps([dataclasses.asdict(config) for config in configs]))
