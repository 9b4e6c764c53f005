"""Replication: a study run again with fresh seeds, beside what was published of it.

For a claim that holds, a fresh estimate lies inside the published 95% interval in about 83 of 100
cases: both estimates vary, and the interval allows for one.
"""

import dataclasses
import json
from collections.abc import Iterable, Mapping
from typing import Any

from toylab.claims import FEW, REPRODUCED, Verdict
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
    fresh: float
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
    now = json.loads(json.dumps(dataclasses.asdict(config)))
    for name, value in result.get("settings", now).items():
        if now.get(name) != value:
            raise ToylabError(
                f"{result['study']}: {name} was {value} when the result was published and is "
                f"{now.get(name)} now; replicate it at commit {result['commit']}."
            )


def replicated(result: Mapping[str, Any], verdicts: Iterable[Verdict]) -> list[Replication]:
    """Set a study's fresh verdicts beside its published ones, claim by claim.

    Args:
        result: a committed result of the study.
        verdicts: those of a run with fresh seeds.

    Raises:
        ToylabError: nothing to compare, or a claim that asks for something else by now.
    """
    published = {record["key"]: record for record in result["claims"]}
    rows = []
    for fresh in verdicts:
        record = published.get(fresh.key)
        if record is None:
            continue
        if record["expected"] != fresh.expected:
            raise ToylabError(
                f"{result['study']}: the claim {fresh.key!r} was published as {record['expected']} "
                f"and is {fresh.expected} now; replicate it at commit {result['commit']}."
            )
        ends = record["low"], record["high"]
        known = None not in ends and fresh.n > 0
        inside = bool(ends[0] <= fresh.estimate <= ends[1]) if known else None
        rows.append(
            Replication(
                fresh.key,
                fresh.text,
                record["estimate"],
                *ends,
                record["verdict"],
                fresh.estimate,
                fresh.verdict,
                inside,
            )
        )
    if not rows:
        raise ToylabError(f"{result['study']}: no claim of it was published; publish a run first.")
    return rows


def summary(rows: Iterable[Replication]) -> str:
    """Return in a line how many estimates lie inside, and how many verdicts were lost."""
    rows = list(rows)
    known = [row.inside for row in rows if row.inside is not None]
    held = [row for row in rows if row.verdict in HELD]
    lost = sum(row.lost for row in held)
    return (
        f"{sum(known)} of {len(known)} fresh estimates inside the published interval; "
        f"{lost} of {len(held)} reproduced verdicts lost"
    )
