"""Committed verdicts: one JSON file per study and preset.

``studies/results/<study>.<preset>.json``, or for a run with fresh seeds a file of that name in
``replications/`` there, holds {study, preset, device, commit, wall_s, first_seed,
settings, claims: [...]}, and where it applies ``reused``, the populations that the run took from
another, ``reused_s``, the seconds that training them took there, and ``judged``, the commit of the
claims where it is a later one. What the README and the pages say of a
study is made from these files (:mod:`toylab.report.pages`).
"""

import json
import math
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from toylab.claims import VERDICTS
from toylab.errors import ToylabError, nearest
from toylab.runs import decoding
from toylab.runs.atomic import write_text
from toylab.runs.manifest import setting

FIELDS = ("study", "preset", "device", "commit", "wall_s", "first_seed", "claims")
CLAIM_FIELDS = tuple(
    "key text source paper expected estimate low high values n diverged undefined excluded unit "
    "scope verdict".split()
)
RESULT = {
    **dict.fromkeys(("study", "preset", "device", "commit", "judged"), decoding.text),
    "wall_s": decoding.number,
    "first_seed": decoding.count,
    "settings": decoding.mapping(setting),
    "reused_s": decoding.number,
    "reused": decoding.listed(decoding.text),
    "claims": lambda value: isinstance(value, list),
}
PRESETS = ("smoke", "laptop", "night", "paper")


def write_result(path: str | Path, result: Mapping[str, Any]) -> Path:
    """Write one run's result (:func:`toylab.report.publishing.result_of`), atomically.

    Args:
        path: the file, ``studies/results/<study>.<preset>.json`` for a committed one.
        result: the result.
    """
    text = json.dumps(result, indent=2, ensure_ascii=False, allow_nan=False)
    return write_text(path, text + "\n")


def read_result(path: str | Path) -> dict[str, Any]:
    """Read one result file and check that it has every field.

    Raises:
        ToylabError: the file is missing, is not JSON or lacks a field; it names the file.
    """
    try:
        result = json.loads(Path(path).read_text("utf-8"))
    except OSError as error:
        raise ToylabError(f"cannot read the result {path}: {error.strerror}.") from error
    except (ValueError, RecursionError) as error:
        raise ToylabError(
            f"the result {path} is damaged ({error}); run its study again."
        ) from error
    problem = _problem(result)
    if problem:
        raise ToylabError(f"the result {path} is damaged ({problem}); run its study again.")
    return result


def read_results(folder: str | Path) -> list[dict[str, Any]]:
    """Read every result of a folder, ordered by study, then smoke, laptop, paper."""
    results = [read_result(path) for path in sorted(Path(folder).glob("*.json"))]
    rank = {preset: place for place, preset in enumerate(PRESETS)}
    return sorted(results, key=lambda r: (r["study"], rank.get(r["preset"], 9), r["preset"]))


def splice(readme_text: str, section_name: str, markdown: str) -> str:
    """Replace what stands between ``<!-- toylab:NAME -->`` and ``<!-- /toylab:NAME -->``.

    Args:
        readme_text: the whole file.
        section_name: NAME.
        markdown: the new section.

    Returns:
        The file with the new section; splicing twice changes nothing more.

    Raises:
        ToylabError: a marker is missing, occurs twice, or the two are in the wrong order.
    """
    start, end = f"<!-- toylab:{section_name} -->", f"<!-- /toylab:{section_name} -->"
    for marker in (start, end):
        if readme_text.count(marker) != 1:
            known = re.findall(r"<!-- toylab:([\w-]+) -->", readme_text)
            count = readme_text.count(marker)
            raise ToylabError(
                f"the text has the marker {marker} {count} times, not once; put it in, or name "
                f"another section ({nearest(section_name, known)})"
            )
    head, rest = readme_text.split(start)
    if end not in rest:
        raise ToylabError(f"the marker {end} stands before {start}; swap the two.")
    return f"{head}{start}\n{markdown.strip()}\n{end}{rest.split(end)[1]}"


def number(value: float | int | str | None) -> str:
    """Return a number as a table shows it, with three significant digits; "–" for none."""
    if value is None:
        return "–"
    if isinstance(value, str):
        return value
    if isinstance(value, float) and not math.isfinite(value):
        return "–"
    if abs(value) < 1e-30:  # the ends of an interval of zeros
        return "0"
    if value == int(value) and abs(value) < 1e6:
        return str(int(value))
    short = f"{value:.3g}"
    return f"{value:.0f}" if "e+0" in short and abs(value) < 1e6 else short


def units(claim: Any) -> str:
    """Return the units of a judged claim in words, as in "7 (1 diverged)".

    Args:
        claim: a verdict, or its record.
    """
    get = claim.get if isinstance(claim, Mapping) else lambda name: getattr(claim, name)
    plain = "" if get("unit") == "seed" else f" {get('unit')}"
    lost = [f"{get(s)} {s}" for s in ("diverged", "undefined", "excluded") if get(s)]
    return f"{get('n')}{plain}" + (f" ({', '.join(lost)})" if lost else "")


def _problem(result: Any) -> str | None:
    """Name the first thing that is wrong with a result, or None."""
    if not isinstance(result, dict):
        return "it is not an object"
    missing = [field for field in FIELDS if field not in result]
    if missing:
        return f"no field {missing[0]!r}"
    if wrong := decoding.wrong(result, RESULT):
        return f"{wrong!r} is of another type"
    for place, claim in enumerate(result["claims"]):
        if not isinstance(claim, dict):
            return f"claim {place} is not an object"
        missing = [field for field in CLAIM_FIELDS if field not in claim]
        if missing:
            return f"claim {place} has no field {missing[0]!r}"
        if claim["verdict"] not in VERDICTS:
            return f"claim {place} has the unknown verdict {str(claim['verdict'])[:40]!r}"
        if wrong := decoding.wrong(claim, decoding.VERDICT):
            return f"{wrong!r} of claim {place} is of another type"
    return None
