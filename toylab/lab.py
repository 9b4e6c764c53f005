"""The laboratory's main line: train, measure, judge, draw. Each stage can be run again alone.

run = run_study(load_study("superposition"), "smoke", out="runs/first")
"""

import dataclasses
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor
from pathlib import Path
from typing import Any

import numpy as np

from toylab.check.data_files import absolute, changed_files
from toylab.check.populations import checked_populations, read_by, seeded
from toylab.check.sums import check_sums
from toylab.claims import all_diverged, judge_all
from toylab.cluster.store import TileStore
from toylab.cluster.training import train_all
from toylab.errors import ToylabError
from toylab.population import Population
from toylab.read import SEED
from toylab.runs import trust
from toylab.runs.checkpointer import FolderCheckpointer
from toylab.runs.networks import OpenRun
from toylab.runs.provenance import commit, environment, moved, numerics
from toylab.runs.reporter import Interrupted, Reporter
from toylab.runs.reuse import changes, check_trained, kept, matches, take
from toylab.runs.run_folder import RunFolder
from toylab.show.following import here
from toylab.study import Study
from toylab.train.fast_compile import compiling
from toylab.train.returns import called, check_figures, check_measures
from toylab.train.starts import check_params


def run_study(
    study: Study,
    preset: str = "laptop",
    out: str | Path | None = None,
    overrides: Mapping[str, str] | None = None,
    source: str | None = None,
    reporter: Reporter | None = None,
    stop: Callable[[], bool] = lambda: False,
    reuse: str | Path | Sequence[str | Path] = (),
    first_seed: int = 0,
    on: str | Executor = "",
) -> OpenRun:
    """Run a study from training to figures.

    Args:
        study: the study.
        preset: ``smoke``, ``laptop``, ``night`` or ``paper``.
        out: the run folder to make; by default ``runs/<study>-<preset>``, numbered when taken.
        overrides: ``{setting: text}``.
        source: path of the user's study file, so that the run can be resumed.
        reporter: told what happens; by default a notebook shows it, and nothing elsewhere does.
        stop: asked between chunks and stages; when true, the state is saved and ``Interrupted``
            raised.
        reuse: run folders; populations that they have trained alike, between them or one alone,
            are taken from there.
        first_seed: added to every column of seeds: other networks, trained on other batches of
            other splits and worlds. Members keep the names that init_seed and data_seed give.
        on: an engine that trains, as ``local:4`` or ``dask`` (:mod:`toylab.cluster.engines`), or
            an executor; by default this process.

    Returns:
        The finished run, as :func:`toylab.runs.networks.open_run` opens it.

    Raises:
        ToylabError: a setting out of range (before any training), an unusable folder, or runs
            to reuse that have trained none of the study's populations.
        Interrupted: ``stop`` said so.

    Example:
        >>> from toylab.study import load_study
        >>> run = run_study(load_study("superposition"), "smoke")   # doctest: +SKIP
        >>> run.member("geometry", 3)                               # doctest: +SKIP
    """
    config = absolute(study.config(preset, overrides))
    # Every setting is checked before anything is written.
    where = Path(out) if out else _free_folder(study.name, preset)
    populations, described = checked_populations(study, config, first_seed, where)
    manifest = begun(study, preset, config, populations, source, first_seed)
    others = [reuse] if isinstance(reuse, str | Path) else reuse
    sources = [str(Path(other).resolve()) for other in others]
    manifest |= {"described": described, "reuse": "\n".join(sources), "taken": {}}
    if sources:
        found = matches(described, [RunFolder(path) for path in sources])
        manifest["taken"] = {n: " + ".join(s.name for s in own) for n, own in found.items()}
    run = OpenRun.create(where, manifest)
    run.study, run.config = study, config
    if source:
        trust.record(Path(source).resolve())
    return _stages(run, populations, reporter or here(), stop, on)


def begun(
    study: Study,
    preset: str,
    config: Any,
    populations: Mapping[str, Population],
    source: str | None,
    first_seed: int,
) -> dict[str, Any]:
    """Return the manifest that a run begins with; see :func:`run_study` for the arguments."""
    return {
        "study": study.name,
        "source": str(Path(source).resolve()) if source else None,
        "preset": preset,
        "config": dataclasses.asdict(config),
        "members": tables_of(populations),
        "data": read_by(config, populations),
        "first_seed": first_seed,
        **environment(),
    }


def tables_of(populations: Mapping[str, Population]) -> dict[str, dict[str, list[float]]]:
    """Return every population's table of members, as the manifest has it."""
    return {
        name: {column: values.tolist() for column, values in population.members.columns.items()}
        for name, population in populations.items()
    }


def resume(
    path: str | Path,
    reporter: Reporter | None = None,
    stop: Callable[[], bool] = lambda: False,
    *,
    adopt: bool = False,
    source: str | None = None,
    on: str | Executor = "",
) -> OpenRun:
    """Continue a run from where it stands; a finished one is only judged and drawn again.

    Args:
        path: the run folder.
        reporter, stop: as in :func:`run_study`.
        adopt: go on although the study has changed since; the change is recorded.
        source: the study file, where the run is of one that this user has not run.
        on: an engine that trains, as in :func:`run_study`.

    Raises:
        ToylabError: not a run folder, damaged files, a study that is no longer there, or one that
            is not what the run began with; the folder of a sweep's programs; a change of
            members that are trained already.
        Interrupted: ``stop`` said so.
    """
    run = OpenRun(path, source)
    if "packs" in run.manifest:
        raise ToylabError(f"{path} is part of a sweep; give the sweep's own command again.")
    study, config = run.study, run.config
    changed = changed_files(run.manifest.get("data", {}))
    if changed and not adopt:
        raise _changed(run, f"begun with other data: {changed[0]}")
    first_seed = run.manifest.get("first_seed", 0)
    populations, described = checked_populations(study, config, first_seed, run.path)
    had, known = run.manifest.get("described", {}), run.manifest.get("adopted", ())
    other = [change for change in changes(had, described) if change not in known]
    if other and not adopt:
        raise _changed(run, f"begun with another {study.name}: {other[0]}")
    ends = {name: population.boundaries()[1] for name, population in populations.items()}
    done = {name for name, due in ends.items() if FolderCheckpointer(run, name, due).complete()}
    left = done != ends.keys()
    # An engine's driver holds its workers to the run's numerics, whatever this machine's are.
    under = moved(run.manifest.get("numerics", {})) if left and not on else []
    if under and not adopt:
        raise _changed(run, f"begun under other numerics: {under[0]}")
    if changed := [*changed, *other, *under]:
        tables = tables_of(populations)
        check_trained(run, tables)
        described = kept(described, {name: had[name] for name in done & had.keys()}, populations)
        gone = {n: t for n, t in run.manifest["members"].items() if n in run.finished()}
        about = {"described": described, "data": read_by(config, populations)}
        about |= {"members": gone | tables} | ({"numerics": numerics()} if under else {})
        taken = run.manifest.get("taken", {})
        about["taken"] = {n: t for n, t in taken.items() if had.get(n) == described.get(n)}
        with run.writing():
            run.note(**about, adopted=[*known, *changed])
    if left:
        with run.writing():
            run.note(resumed_at=[*run.manifest.get("resumed_at", ()), commit() or ""])
    return _stages(run, populations, reporter or here(), stop, on)


def _changed(run: RunFolder, how: str) -> ToylabError:
    return ToylabError(
        f"{run.path} was {how}. Go back to that, or go on with the present one by --adopt."
    )


def judge(path: str | Path, remeasure: bool = False, source: str | None = None) -> OpenRun:
    """Judge a run's claims again from its stored measures, without training.

    Args:
        path: the run folder.
        remeasure: first compute the measures again from the snapshots; figures that were drawn of
            the old ones are drawn again.
        source: the study file, where the run is of one that this user has not run.
    """
    with OpenRun(path, source).writing() as run:
        study, config = run.study, run.config
        if remeasure:
            if changed := changed_files(run.manifest.get("data", {})):
                raise ToylabError(f"{run.path} was begun with other data: {changed[0]}.")
            populations = seeded(study, config, run.manifest.get("first_seed", 0))
            _measure(run, study, config, populations)
        _judge(run, study)
        if remeasure and run.figures() and not run.lost():
            _draw(run, study, config)
    return run


def draw(path: str | Path, source: str | None = None) -> OpenRun:
    """Draw a run's figures again from its stored measures; see :func:`judge`."""
    with OpenRun(path, source).writing() as run:
        study, config = run.study, run.config
        if run.lost():
            raise ToylabError(f"{run.path} has no figures: every network of the run diverged.")
        _draw(run, study, config)
    return run


def _free_folder(study: str, preset: str) -> Path:
    base = Path("runs") / f"{study}-{preset}"
    path, number = base, 2
    while path.exists():
        path = base.with_name(f"{base.name}-{number}")
        number += 1
    return path


def _stages(
    run: OpenRun,
    populations: Mapping[str, Population],
    reporter: Reporter,
    stop: Callable[[], bool],
    on: str | Executor,
) -> OpenRun:
    def border() -> None:
        if stop():
            raise Interrupted(str(run.path))

    study, config = run.study, run.config
    with run.writing(), compiling(hastily=run.manifest["preset"] == "smoke"):
        started = time.monotonic()
        checkpointers = {
            n: FolderCheckpointer(run, n, p.boundaries()[1]) for n, p in populations.items()
        }
        _reuse(run, checkpointers)
        reporter.plan(run.path, populations, run.finished())
        reporter.stage("train")
        left = [name for name, checkpointer in checkpointers.items() if not checkpointer.complete()]
        for name in checkpointers.keys() - set(left):
            checkpointers[name].discard()
            TileStore(run, name).clear()
        for name in left:
            checkpointers[name].prune()
        if left and run.manifest.get("measured") is not None:
            run.note(measured=None)  # measures of networks that are trained again are stale
        try:
            train_all(run, left, populations, checkpointers, reporter, stop, on)
        finally:
            run.note(wall_s=run.manifest.get("wall_s", 0.0) + time.monotonic() - started)
        started = time.monotonic()
        border()
        for line in run.losses():
            reporter.note(line)
        reporter.stage("measure")
        if not run.measured():
            _measure(run, study, config, populations)
        border()
        reporter.stage("judge")
        _judge(run, study)
        border()
        reporter.stage("draw")
        if run.lost():
            reporter.note("no figures: every network diverged")
        else:
            _draw(run, study, config)
        run.note(wall_s=run.manifest.get("wall_s", 0.0) + time.monotonic() - started)
    reporter.close()
    return run


def _reuse(run: RunFolder, checkpointers: Mapping[str, FolderCheckpointer]) -> None:
    """Take over what other runs have trained alike, unless this run has it already."""
    taken = [
        name
        for name in run.manifest.get("taken", {})
        if name in checkpointers and not checkpointers[name].complete()
    ]
    if not taken:  # the other runs may be gone by now
        return
    sources = [RunFolder(path) for path in run.manifest["reuse"].split("\n")]
    found = matches({name: run.manifest["described"][name] for name in taken}, sources)
    for name, shares in found.items():
        take(name, shares, checkpointers[name])


def _measure(
    run: RunFolder, study: Study, config: Any, populations: Mapping[str, Population]
) -> None:
    for name, population in populations.items():
        lost = sorted(set(population.boundaries()[1]) - set(run.steps(name)))
        if lost:
            raise ToylabError(
                f"{run.path} has lost the snapshot of {name!r} at step {lost[0]}; "
                f"'toylab resume {run.path}' trains it again."
            )
        for step in run.steps(name):
            check_params(population.model, run.shapes(name, step), f"{run.path}: {name!r}")
    check_sums()
    measures = {} if run.lost() else called(f"measure of {study.name}", study.measure, config, run)
    check_measures(study.name, measures)
    run.write_measures(measures)
    run.note(measured=sorted(measures), measured_at=commit())


def _judge(run: RunFolder, study: Study) -> None:
    if run.lost():
        verdicts = [all_diverged(claim, run.diverged()[SEED].n_unique()) for claim in study.claims]
    else:
        verdicts = judge_all(study.claims, run.measures())
    run.write_claims(verdicts)
    run.note(judged_at=commit())


def _draw(run: RunFolder, study: Study, config: Any) -> None:
    from toylab.report.figures import save, style

    about = {"study": study.name, "preset": run.manifest["preset"]}
    about["commit"] = run.manifest.get("commit") or "unknown"
    with style():
        figures = called(f"draw of {study.name}", study.figures, run.measures(), config)
        check_figures(study.name, figures)
        for name, figure in figures.items():
            save(figure, run.inside(f"figures/{name}.png").parent, name, about)


def final_loss(run: RunFolder, population: str) -> np.ndarray:
    """Return each member's mean loss over the last record, (P,); NaN for diverged members."""
    import polars as pl

    table = run.metrics().filter((pl.col("population") == population) & (pl.col("name") == "loss"))
    last = table.filter(pl.col("step") == pl.col("step").max())
    return last.sort("member")["value"].to_numpy()
