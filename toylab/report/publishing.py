"""Publishing: what a finished run must be to stand in the repository, and the result made of it."""

from collections.abc import Mapping
from typing import Any

from toylab.check.populations import FRESH, PILOTS
from toylab.claims import to_record
from toylab.errors import ToylabError
from toylab.report.replication import other_settings
from toylab.runs.run_folder import RunFolder

AGAIN = {"run": "run", "trained": "run", "measured": "judge --remeasure", "judged": "judge"}


def check_publishable(run: RunFolder, config: Any, *, dirty: bool = False) -> None:
    """Refuse a run that outsiders could not repeat.

    Args:
        run: the run.
        config: the settings of its preset.
        dirty: accept code that was not committed.

    Raises:
        ToylabError: a run that is not finished, of other settings than its preset's, of a sweep, of
            a user's file, of pilot seeds or of some of the published ones, of a study that changed
            midway, or of uncommitted code, that of reused networks included.
    """
    if "claims.json" not in run.files():
        raise ToylabError(f"{run.path} is not finished; 'toylab resume {run.path}' finishes it.")
    if "sweep" in run.manifest:
        raise ToylabError(f"{run.path} is a cell of a sweep; publish a run of its own.")
    for name, was, now in other_settings(run.manifest["config"], config):
        raise ToylabError(
            f"{run.path} has {name} = {was}, its preset has {now}; only what a preset says is "
            "published."
        )
    if adopted := run.manifest.get("adopted"):
        raise ToylabError(f"{run.path} went on although {adopted[0]}; publish a run of one piece.")
    first = run.manifest.get("first_seed", 0)
    if 0 < first < FRESH:
        raise ToylabError(
            f"{run.path} counts its seeds from {first:,}; judged runs count them from 0, "
            f"replications from {FRESH:,}."
        )
    if first >= PILOTS:
        raise ToylabError(
            f"{run.path} counts its seeds from {first:,}, as a pilot does; judged runs count them "
            f"from 0, replications from {FRESH:,}."
        )
    if source := run.manifest.get("source"):
        raise ToylabError(f"{run.path} is of {source}; publish a run of the study by its name.")
    later = [("run", commit) for commit in run.manifest.get("resumed_at", ())]
    for origin in run.manifest.get("reused", {}).values():  # by run, the commit
        later += [("trained", commit) for commit in origin.values()]
    for verb, commit in [*commits(run.manifest).items(), *later]:
        if (not commit or commit.endswith("+")) and not dirty:
            where = f"at {commit[:-1]} with uncommitted changes" if commit else "outside git"
            raise ToylabError(
                f"{run.path} was {verb} {where}. Commit, 'toylab {AGAIN[verb]}' again, or add "
                "--dirty."
            )


def is_replication(result: Mapping[str, Any]) -> bool:
    """Whether a result is that of fresh seeds, to stand beside the published one."""
    return result["first_seed"] >= FRESH


def commits(manifest: Mapping[str, Any]) -> dict[str, str | None]:
    """Return the commits at which a run was trained, measured and judged."""
    run = manifest.get("commit")
    later = {"measured": "measured_at", "judged": "judged_at"}
    return {"run": run} | {verb: manifest.get(key, run) for verb, key in later.items()}


def result_of(run: RunFolder) -> dict[str, Any]:
    """Return a finished run as a committed result (:mod:`toylab.report.results`)."""
    about = run.manifest
    at = commits(about)
    result: dict[str, Any] = {
        "study": about["study"],
        "preset": about["preset"],
        "device": about["device"],
        "commit": at["run"] or "unknown",
        "wall_s": round(float(about["wall_s"]), 1),
        "first_seed": about.get("first_seed", 0),
        "settings": about["config"],
        "claims": [to_record(verdict) for verdict in run.claims()],
    }
    if reused := sorted(about.get("reused", {})):
        trained = about.get("trained_s", {})
        result["reused"] = reused
        result["reused_s"] = round(sum(trained.get(name, 0.0) for name in reused), 1)
    if (at["judged"] or "unknown") != result["commit"]:
        result["judged"] = at["judged"] or "unknown"
    return result
