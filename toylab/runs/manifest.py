"""The manifest: what a run is, typed and checksummed.

It holds a checksum of itself, so that a flipped bit is found; what is missing or of another type is
named. Unknown entries are kept.
"""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from toylab.errors import ToylabError
from toylab.members import SEEDS
from toylab.runs.decoding import (
    boolean,
    check,
    count,
    json_object,
    listed,
    mapping,
    maybe,
    number,
    real,
    text,
    whole,
)

NAME = "manifest.json"
CHECKSUM = "sha256"


def setting(value: Any) -> bool:
    """Whether a value can be a setting: text, true, a number, none, or lists of these."""
    one = lambda v: v is None or text(v) or boolean(v) or real(v)
    return one(value) or listed(one)(value) or listed(listed(one))(value)


def table_of_members(value: Any) -> bool:
    """Whether a value is a table of numbers, by columns of one length; seeds count."""
    if not mapping(lambda v: listed(real)(v) and bool(v))(value):
        return False
    if not all(listed(count)(value[name]) for name in SEEDS if name in value):
        return False
    return len({len(column) for column in value.values()}) == 1


def finished(value: Any) -> bool:
    """Whether a value says of a finished population when its members diverged."""
    return isinstance(value, dict) and listed(whole)(value.get("dead_at"))


def seconds(value: Any) -> bool:
    """Whether a value can be a time."""
    return number(value) and value >= 0


# Entry: what it must be. Those of the first kind must be there.
NEEDED = {"run_id": text, "study": text, "preset": text, "config": mapping(setting)}
KNOWN = {
    "members": mapping(table_of_members),
    "described": mapping(mapping(text)),
    "finished": mapping(finished),
    "reused": mapping(mapping(maybe(text))),
    "versions": mapping(maybe(text)),
    "numerics": mapping(text),
    "data": mapping(text),
    "tiles": mapping(lambda value: count(value) and value >= 1),
    "measured": maybe(listed(text)),
    "adopted": listed(text),
    "resumed_at": listed(text),
    "taken": mapping(text),
    **dict.fromkeys(("source", "reuse", "commit", "measured_at", "judged_at"), maybe(text)),
    "device": text,
    "wall_s": seconds,
    "trained_s": mapping(seconds),
    "first_seed": lambda value: count(value) and value < 2**32,
}


def encode(manifest: Mapping[str, Any]) -> bytes:
    """Return the manifest's file, with its checksum."""
    body = {name: value for name, value in manifest.items() if name != CHECKSUM}
    return (json.dumps(body | {CHECKSUM: _digest(body)}, indent=1) + "\n").encode()


def decode(path: Path, data: bytes) -> dict[str, Any]:
    """Read a manifest.

    Args:
        path: where it lies, for messages.
        data: the file.

    Raises:
        ToylabError: not what :func:`encode` wrote, or not a manifest of a run.
    """
    content = json_object(path, data)
    for name in NEEDED:
        if name not in content:
            raise ToylabError(
                f"{path} lacks {name!r}: not a manifest of a run. Restore it, or run the study "
                "into a new folder."
            )
    check(path, content, {**NEEDED, **KNOWN})
    if content.pop(CHECKSUM, None) != _digest(content):
        raise ToylabError(f"{path} is damaged: its checksum is another. Restore it from a copy.")
    _check_lengths(path, content)
    return content


def _digest(body: Mapping[str, Any]) -> str:
    try:
        written = json.dumps(body, sort_keys=True, separators=(",", ":"))
    except RecursionError:  # nothing that a run wrote is so deep
        return ""
    return hashlib.sha256(written.encode()).hexdigest()


def _check_lengths(path: Path, content: Mapping[str, Any]) -> None:
    """Refuse a finished population that has another number of members than its table."""
    for name, done in content.get("finished", {}).items():
        columns = content.get("members", {}).get(name, {"": done["dead_at"]})
        if len(done["dead_at"]) != len(next(iter(columns.values()))):
            raise ToylabError(f"{path} is damaged: {name!r} is finished with other members.")
