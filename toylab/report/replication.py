"""Replication: a study run again with fresh seeds, beside what was published of it.

For a claim that holds, a fresh estimate lies inside the published 95% interval in about 83 of 100
cases: both estimates vary, and the interval allows for one.
"""

import collections
import dataclasses
import json
from collections.abc import Iterable, Mapping
from typing import Any

from toylab.claims import FEW, REPRODUCED, Claim
from toylab.errors import ToylabError

HELD = (REPRODUCED, FEW)


@dataclasses.dataclass(frozen=True)
class Replication:
    """One claim, published and fresh.

    Attributes:
        key, text: as in the claim.
        published, low, high, verdict: what was published.
        fresh, fresh_verdict: what the fresh seeds gave.
        inside: whether the fresh estimate lies in the published interval; None where either has
            none.
    """

    key: str
    text: str
    published: float | None
    low: float | None
    high: float | None
    verdict: str
    fresh: float | None
    fresh_verdict: str
    inside: bool | None

    @property
    def lost(self) -> bool:
        """Whether the claim was reproduced when published, and is not with fresh seeds."""
        return self.verdict in HELD and self.fresh_verdict not in HELD


def check_settings(result: Mapping[str, Any], config: Any) -> None:
    """Refuse to replicate a result with other settings than it was published with.

    Args:
        result: a committed result; one from before settings were kept passes.
        config: the preset's settings today.

    Raises:
        ToylabError: a setting differs; it is named, with both values.
    """
    for name, was, now in other_settings(result.get("settings", {}), config):
        raise ToylabError(
            f"{result['study']}: {name} was {was} when the result was published and is {now} now; "
            f"replicate it at commit {result['commit']}."
        )


def check_claims(result: Mapping[str, Any], claims: Iterable[Claim]) -> None:
    """Refuse to replicate a result whose claims ask for something else by now.

    Args:
        result: a committed result.
        claims: the study's.

    Raises:
        ToylabError: another region of a claim, or no claim that was published.
    """
    _check_regions(result, {claim.key: claim.expect.describe() for claim in claims})


def _check_regions(result: Mapping[str, Any], now: Mapping[str, str]) -> None:
    published = {record["key"]: record["expected"] for record in result["claims"]}
    if not published.keys() & now.keys():
        raise ToylabError(f"{result['study']}: no claim of it was published; publish a run first.")
    for key in published.keys() & now.keys():
        if published[key] != now[key]:
            raise ToylabError(
                f"{result['study']}: the claim {key!r} was published as {published[key]} and is "
                f"{now[key]} now; replicate it at commit {result['commit']}."
            )


def other_settings(had: Mapping[str, Any], config: Any) -> list[tuple[str, Any, Any]]:
    """Return the settings that differ: name, what a file has, and what it is now.

    Args:
        had: settings as a file of JSON has them.
        config: the settings of a preset.
    """
    now = json.loads(json.dumps(dataclasses.asdict(config)))
    return [(name, was, now.get(name)) for name, was in had.items() if now.get(name) != was]


def replicated(result: Mapping[str, Any], fresh: Iterable[Mapping[str, Any]]) -> list[Replication]:
    """Set a study's fresh verdicts beside its published ones, claim by claim.

    Args:
        result: a committed result of the study.
        fresh: the claims of a run with fresh seeds, as records.

    Raises:
        ToylabError: nothing to compare, or a claim that asks for something else by now.
    """
    published = {record["key"]: record for record in result["claims"]}
    shared = [record for record in fresh if record["key"] in published]
    _check_regions(result, {record["key"]: record["expected"] for record in shared})
    rows = []
    for new in shared:
        old = published[new["key"]]
        ends = old["low"], old["high"]
        known = None not in (*ends, new["estimate"]) and new["n"] > 0
        inside = bool(ends[0] <= new["estimate"] <= ends[1]) if known else None
        about = old["estimate"], *ends, old["verdict"], new["estimate"], new["verdict"]
        rows.append(Replication(new["key"], new["text"], *about, inside))
    return rows


def summary(rows: Iterable[Replication]) -> str:
    """Return in a line how many estimates lie inside, and how many verdicts were lost."""
    inside, known, lost, held = _counts(rows)
    return (
        f"{inside} of {known} fresh estimates inside the published interval; "
        f"{lost} of {held} reproduced verdicts lost"
    )


def markdown(published: Iterable[Mapping[str, Any]], fresh: Iterable[Mapping[str, Any]]) -> str:
    """Return the table of all replications, a line for each study and one for all.

    Args:
        published: committed results.
        fresh: committed results of runs with fresh seeds. One whose preset was published with
            other settings or claims since, or no more, is left out and named below.
    """
    known = {(result["study"], result["preset"]): result for result in published}
    again = {(result["study"], result["preset"]): result for result in fresh}
    presets = collections.Counter(study for study, _ in again)
    rows, older = {}, []
    for (study, preset), new in sorted(again.items()):
        name = f"`{study}`" if presets[study] == 1 else f"`{study}` ({preset})"
        old = known.get((study, preset))
        if old is None or not _comparable(old, new):
            older.append(name)
        else:
            rows[name] = replicated(old, new["claims"])
    every = [row for own in rows.values() for row in own]
    lines = ["| Study | Estimates inside | Reproduced verdicts lost |", "| --- | --- | --- |"]
    for name, own in [*rows.items(), ("all", every)]:
        inside, counted, lost, held = _counts(own)
        lines.append(f"| {name} | {inside} of {counted} | {lost} of {held} |")
    if older:
        lines += ["", f"Published anew since their replication: {', '.join(older)}."]
    return "\n".join(lines)


def _comparable(old: Mapping[str, Any], new: Mapping[str, Any]) -> bool:
    asked = {record["key"]: record["expected"] for record in old["claims"]}
    shared = [claim for claim in new["claims"] if claim["key"] in asked]
    same = all(asked[claim["key"]] == claim["expected"] for claim in shared)
    settings = old.get("settings", new.get("settings")) == new.get("settings")
    return bool(shared) and same and settings


def _counts(rows: Iterable[Replication]) -> tuple[int, int, int, int]:
    """Estimates inside, those that could be, verdicts lost, those that could be."""
    rows = list(rows)
    known = [row.inside for row in rows if row.inside is not None]
    held = [row for row in rows if row.verdict in HELD]
    return sum(known), len(known), sum(row.lost for row in held), len(held)
