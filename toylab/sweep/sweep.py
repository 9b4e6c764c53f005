"""A sweep: a study at every cell of a grid of settings, trained in few programs."""

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor
from pathlib import Path
from typing import Any

import polars as pl

from toylab import lab
from toylab.check.data_files import absolute, absolute_axes
from toylab.check.populations import check_seeds, seeded
from toylab.check.sizes import bounded_memory
from toylab.cluster.training import train_all
from toylab.population import Population
from toylab.runs.checkpointer import FolderCheckpointer
from toylab.runs.reporter import Interrupted, Reporter
from toylab.study import Study
from toylab.sweep.folder import SweepFolder
from toylab.sweep.grid import cells_of, read_grids
from toylab.sweep.plan import Plan
from toylab.sweep.refine import between, dividing
from toylab.sweep.tables import claims_table, write_tables
from toylab.train.fast_compile import compiling
from toylab.train.returns import check_populations
from toylab.train.starts import check_starts


def plan_sweep(
    study: Study,
    preset: str,
    grids: Sequence[str],
    overrides: Mapping[str, str] | None = None,
    source: str | None = None,
    first_seed: int = 0,
) -> Plan:
    """Return what a sweep would train and judge; nothing is written.

    Args:
        study: the study.
        preset: whose settings those outside the grid are.
        grids: as :func:`toylab.sweep.grid.read_grids` has them.
        overrides: ``{setting: text}``, the same in every cell.
        source: path of the user's study file.
        first_seed: added to every seed.

    Raises:
        ToylabError: a grid that is none, or a cell whose settings are out of range.

    Example:
        >>> from toylab.study import load_study
        >>> study = load_study("superposition_phase")
        >>> plan = plan_sweep(study, "smoke", ["steps=10,20", "learning_rate=0.001:0.1:log3"])
        >>> len(plan.cells), len(plan.packs)  # two populations for each number of steps
        (6, 4)
    """
    config = absolute(study.config(preset, overrides))
    axes = absolute_axes(config, read_grids(grids, config))
    return _planned(Plan(study, preset, source, first_seed, config, axes, cells_of(axes), [], []))


def _planned(plan: Plan) -> Plan:
    """Fill in the settings and populations of a plan's cells."""
    study, first = plan.study, plan.first_seed

    def populations_of(config: Any) -> Mapping[str, Population]:
        check_seeds(study.name, first, config.seeds)
        found = seeded(study, config, first)
        check_populations(study.name, found)
        check_starts(study.name, found)
        return found

    with bounded_memory(study.name):
        configs = [absolute(study.changed(plan.config, cell)) for cell in plan.cells]
        populations = [populations_of(own) for own in configs]
    return dataclasses.replace(plan, configs=configs, populations=populations)


def run_sweep(
    plan: Plan,
    out: str | Path,
    reporter: Reporter | None = None,
    stop: Callable[[], bool] = lambda: False,
    on: str | Executor = "",
    refine: int = 0,
    claim: str = "",
) -> Path:
    """Run a sweep, or finish what is missing of it.

    Args:
        plan: what to run.
        out: its folder, new or of the same sweep.
        reporter: told what happens.
        stop: asked between chunks and cells.
        on: an engine that trains; by default this process.
        refine: how many times cells are added halfway between neighbours that a claim divides.
        claim: its key; the headline claim by default.

    Returns:
        The folder.

    Raises:
        ToylabError: the folder holds something else, or the claim is none of the study's.
        Interrupted: ``stop`` said so.
    """
    reporter = reporter or Reporter()
    divides = dividing(plan.study, claim)
    rounds = [_round(plan, out, reporter, stop, on)]
    while len(rounds) <= refine:
        judged = pl.concat([claims_table(each) for each in rounds], how="vertical_relaxed")
        cells = between(judged, divides, plan.axes)
        if not cells:
            break
        first = rounds[-1].plan.first + len(rounds[-1].plan.cells)
        added = dataclasses.replace(plan, cells=cells, first=first, round=len(rounds))
        rounds.append(_round(_planned(added), out, reporter, stop, on))
    write_tables(rounds)
    reporter.close()
    return rounds[0].path


def _round(
    plan: Plan, out: str | Path, reporter: Reporter, stop: Callable[[], bool], on: str | Executor
) -> SweepFolder:
    """Train and judge what is missing of a plan's cells."""
    folder = SweepFolder(out, plan, bool(on))
    missing = [cell for cell in range(len(plan.cells)) if not folder.judged(cell)]
    if missing:
        reporter.plan(folder.path, plan.packed, folder.packs.manifest.get("finished", {}))
        reporter.stage("train")
        _train(folder, reporter, stop, on)
        for pack in plan.packs:
            folder.hand_out(pack, missing)
    reporter.stage("judge")
    for number, cell in enumerate(missing):
        if stop():
            raise Interrupted(str(folder.path))
        lab.judge(folder.cell(cell), remeasure=True, source=plan.source)
        reporter.note(f"judged {number + 1} of {len(missing)} cells")
    return folder


def _train(
    folder: SweepFolder, reporter: Reporter, stop: Callable[[], bool], on: str | Executor
) -> None:
    populations = folder.plan.packed
    with folder.packs.writing() as packs, compiling(hastily=folder.plan.preset == "smoke"):
        keepers = {
            name: FolderCheckpointer(packs, name, population.boundaries()[1])
            for name, population in populations.items()
        }
        left = [name for name, keeper in keepers.items() if not keeper.complete()]
        train_all(packs, left, populations, keepers, reporter, stop, on)
