"""What each command does: call the laboratory, print what it returns.

Every command takes the parsed arguments and a :class:`toylab.cli.stop.Stop`, and returns its exit
status. What draws or prints pages is loaded by the commands that need it: it takes a second.
"""

import argparse
import dataclasses
import importlib
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from toylab import lab
from toylab.check.populations import FRESH, PILOTS
from toylab.check.suite import check
from toylab.claims import to_record
from toylab.cli import find, progress, tables
from toylab.cli.bench import quick_rate
from toylab.cli.new import new_study
from toylab.cli.stop import Stop
from toylab.cli.text import is_utf8
from toylab.errors import ToylabError
from toylab.report import pages, replication, results
from toylab.report.publishing import check_publishable, is_replication, result_of
from toylab.runs.atomic import write_bytes, write_text
from toylab.runs.networks import study_of
from toylab.runs.run_folder import RunFolder
from toylab.study import Study, load_study, parse, study_names
from toylab.train import cost
from toylab.train.returns import check_populations

REPLICATIONS = "replications"  # the folder of their results
BENCH_FIELDS = ("name", "value", "unit", "baseline", "baseline_value", "ratio")


def root() -> Path:
    """Folder that holds ``studies/``, ``figures/`` and ``README.md``."""
    return Path(str(importlib.import_module("toylab.studies").__file__)).parent.parent


def _checkout() -> Path:
    if not (root() / "README.md").is_file():
        raise ToylabError(f"No {root() / 'README.md'}: that works in a checkout of the laboratory.")
    return root()


def list_studies(args: argparse.Namespace, stop: Stop) -> int:
    """Print the studies that come with the laboratory."""
    studies = [load_study(name) for name in study_names()]
    if args.json:
        return _json([_about(study) for study in studies])
    tables.show(tables.studies(studies))
    return 0


def info(args: argparse.Namespace, stop: Stop) -> int:
    """Print a study's paper, presets and claims."""
    study = load_study(args.study)
    found = _costs(study, args.preset) if args.preset else {}
    if args.json:
        told = {"predicted": {n: c._asdict() for n, c in found.items()}} if found else {}
        claims = [_claim(claim) for claim in study.claims]
        return _json(_about(study) | {"claims": claims} | told)
    head = f"{study.name}: {study.title}\n{study.paper}\n"
    judged = results.read_results(root() / "studies" / "results")
    took = {r["preset"]: pages.took(r) for r in judged if r["study"] == study.name}
    predicted = ["", *tables.costs(args.preset, found)] if found else []
    tables.show(head, tables.presets(study, took), "", tables.claims(study.claims), *predicted)
    return 0


def new(args: argparse.Namespace, stop: Stop) -> int:
    """Write a study of the user's and say what to do with it."""
    path = new_study(args.name)
    tables.show(
        f"Wrote {path}; what to change in it is marked CHANGE.",
        f"toylab check {path}                 # hold its world to the rules",
        f"toylab run {path} --preset smoke    # seconds: do the parts fit together?",
        f"toylab run {path}                   # a minute: the claims are judged",
    )
    return 0


def _costs(study: Study, preset: str) -> dict[str, cost.Cost]:
    rate = quick_rate()
    populations = study.populations(study.config(preset))
    check_populations(study.name, populations)
    return {name: cost.predict(population, rate) for name, population in populations.items()}


def run(args: argparse.Namespace, stop: Stop) -> int:
    """Run a study and print its verdicts."""
    study = load_study(args.study)
    source = args.study if args.study.endswith(".py") or "/" in args.study else None
    first = parse("--first-seed", args.first_seed, 0)
    shown = stop.tracker = progress.reporter(quiet=args.json)
    try:
        done = lab.run_study(
            study,
            args.preset,
            args.out,
            args.overrides,
            source,
            shown,
            stop,
            args.reuse,
            first,
            args.on,
        )
    finally:
        shown.close()
    return _report(done, args.json)


def sweep(args: argparse.Namespace, stop: Stop) -> int:
    """Run a study over a grid of its settings."""
    from toylab.sweep.command import sweep

    return sweep(args, stop)


def course(args: argparse.Namespace, stop: Stop) -> int:
    """List, hand out, show, test and grade lessons."""
    from toylab.cli.course import course

    return course(args, stop)


def replicate(args: argparse.Namespace, stop: Stop) -> int:
    """Run a study with fresh seeds and set its verdicts beside the published ones."""
    study = load_study(args.study)
    published = root() / "studies" / "results" / f"{study.name}.{args.preset}.json"
    result = results.read_result(published)
    first = parse("--first-seed", args.first_seed, 0)
    if not FRESH <= first < PILOTS:
        raise ToylabError(
            f"--first-seed {first}: a replication's seeds count from {FRESH:,} to {PILOTS - 1:,}; "
            "those below are judged runs', those above pilots'."
        )
    replication.check_settings(result, study.config(args.preset))
    replication.check_claims(result, study.claims)
    shown = stop.tracker = progress.reporter(quiet=args.json)
    try:
        done = lab.run_study(
            study, args.preset, args.out, reporter=shown, stop=stop, first_seed=first
        )
    finally:
        shown.close()
    rows = replication.replicated(result, map(to_record, done.claims()))
    if args.json:
        return _json([dataclasses.asdict(row) for row in rows])
    told = f"Run: {done.path} ('toylab publish' puts it into the repository)"
    tables.show(tables.replications(rows), "", replication.summary(rows), told)
    return 0


def resume(args: argparse.Namespace, stop: Stop) -> int:
    """Continue a run and print its verdicts."""
    shown = stop.tracker = progress.reporter(quiet=args.json)
    try:
        done = lab.resume(args.run, shown, stop, adopt=args.adopt, source=args.study, on=args.on)
    finally:
        shown.close()
    return _report(done, args.json)


def judge(args: argparse.Namespace, stop: Stop) -> int:
    """Judge a run's claims again and print the verdicts."""
    return _report(lab.judge(args.run, args.remeasure, args.study), args.json)


def draw(args: argparse.Namespace, stop: Stop) -> int:
    """Draw a run's figures again and print their paths."""
    done = lab.draw(args.run, args.study)
    if args.json:
        return _json([str(path) for path in done.figures()])
    tables.show(_paths(done))
    return 0


def report_page(args: argparse.Namespace, stop: Stop) -> int:
    """Write a run as one HTML file."""
    from toylab.report.html.report import report as html_report

    done = RunFolder(args.run)
    study, _ = study_of(done, args.study)
    whole = done.path.resolve()
    path = Path(args.out) if args.out else whole.with_name(f"{whole.name}.html")
    tables.show(f"Wrote {write_text(path, html_report(done, study))}")
    return 0


def table(args: argparse.Namespace, stop: Stop) -> int:
    """Print the table of studies, or put it into the README and make the studies' pages."""
    found = results.read_results(root() / "studies" / "results")
    if args.json:
        return _json(found)
    text = pages.readme_table(found)
    if not args.write:
        tables.show(text.rstrip("\n"))
        return 0
    readme = _checkout() / "README.md"
    write_text(readme, results.splice(readme.read_text("utf-8"), "studies", text))
    again = results.read_results(root() / "studies" / "results" / REPLICATIONS)
    manual = root() / "docs" / "verdicts.md"
    compared = replication.markdown(found, again)
    write_text(manual, results.splice(manual.read_text("utf-8"), "replications", compared))
    made = pages.all_pages(found)
    for name, page in made.items():
        write_text(root() / "docs" / "studies" / name, page)
    tables.show(f"Wrote {readme} and {len(made)} pages in docs/studies/.")
    return 0


def publish(args: argparse.Namespace, stop: Stop) -> int:
    """Copy a finished run's verdicts and figures into the repository."""
    done = RunFolder(args.run)
    name, preset = done.manifest["study"], done.manifest["preset"]
    if name not in study_names():
        raise ToylabError(f"{done.path} is a run of {name!r}, which is not in studies/.")
    check_publishable(done, load_study(name).config(preset), dirty=args.dirty)
    result = result_of(done)
    fresh = is_replication(result)
    folder = _checkout() / "studies" / "results" / (REPLICATIONS if fresh else "")
    wrote = [results.write_result(folder / f"{name}.{preset}.json", result)]
    if not fresh and (shown := pages.shown_figure(load_study(name), done.figures())):
        small = root() / pages.GALLERY / f"{name}.png"
        wrote.append(write_bytes(small, pages.thumbnail(shown)))
    tables.show(*(f"Wrote {p}" for p in wrote))
    tables.show("'toylab table --write' makes the README's table and the pages of it.")
    return 0


def check_task(args: argparse.Namespace, stop: Stop) -> int:
    """Hold tasks to the rules; 1 when one is broken."""
    found = {label: check(task) for label, task in find.tasks(args.task).items()}
    if args.json:
        _json(
            [
                {"task": label} | dataclasses.asdict(result)
                for label, rules in found.items()
                for result in rules
            ]
        )
    else:
        for label, rules in found.items():
            rows = [("ok" if r.ok else "BROKEN", r.name, r.detail) for r in rules]
            tables.show(label, tables.table(("", "rule", ""), rows), "")
    return 0 if all(rule.ok for rules in found.values() for rule in rules) else 1


def bench(args: argparse.Namespace, stop: Stop) -> int:
    """Time the laboratory beside its peers."""
    rows: list[dict[str, Any]] = []
    for name, module in find.benchmarks(args.name).items():
        for row in module.rows():
            missing = [field for field in BENCH_FIELDS if field not in row]
            if missing:
                raise ToylabError(f"benchmarks/{name}.py: a row lacks {missing[0]!r}.")
            rows.append(dict(row))
    if args.json:
        return _json(rows)
    tables.show(tables.bench(rows))
    return 0


def report(done: RunFolder) -> dict[str, Any]:
    """Return a run's verdicts with what they rest on, in the form of a committed result."""
    about = {key: done.manifest.get(key) for key in ("study", "preset", "device", "commit")}
    return {
        "run": str(done.path),
        **about,
        "wall_s": round(done.manifest.get("wall_s", 0.0), 1),
        "claims": [to_record(verdict) for verdict in done.claims()],
        "figures": [str(path) for path in done.figures()],
    }


def _report(done: RunFolder, as_json: bool) -> int:
    if as_json:
        return _json(report(done))
    about = done.manifest
    took = progress.duration(about.get("wall_s", 0.0))
    head = f"{about['study']} ({about['preset']}), {took} on {about.get('device')}\n"
    lost = ["", *done.losses()] if done.losses() else []
    tables.show(head, tables.verdicts(done.claims()), *lost, "", _paths(done), f"Run: {done.path}")
    return 0


def _paths(done: RunFolder) -> str:
    paths = done.figures()
    return "\n".join(f"Figure: {path}" for path in paths) or "No figures."


def _about(study: Study) -> dict[str, Any]:
    presets = {
        name: {"settings": dataclasses.asdict(config), "cost": study.costs.get(name)}
        for name, config in study.presets.items()
    }
    about = {"name": study.name, "title": study.title, "paper": study.paper}
    return about | {"presets": presets}


def _claim(claim: Any) -> dict[str, Any]:
    names = ("key", "text", "source", "bar", "paper", "unit", "scope", "min_units", "statistic")
    return {n: getattr(claim, n) for n in names} | {"expected": claim.expect.describe()}


def _json(value: Any) -> int:
    text = json.dumps(value, indent=2, ensure_ascii=not is_utf8(), default=str)
    print(re.sub(r"[\x7f-\x9f\ud800-\udfff]", lambda c: f"\\u{ord(c[0]):04x}", text))
    return 0


TABLE: dict[str, Callable[[argparse.Namespace, Stop], int]] = {
    "list": list_studies,
    "info": info,
    "new": new,
    "run": run,
    "sweep": sweep,
    "replicate": replicate,
    "resume": resume,
    "judge": judge,
    "draw": draw,
    "report": report_page,
    "table": table,
    "publish": publish,
    "check": check_task,
    "bench": bench,
    "course": course,
}
