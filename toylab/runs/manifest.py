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

NAME = "manifest.json"
CHECKSUM = "sha256"
# Entry: its type. Those of the first kind must be there.
NEEDED = {"run_id": str, "study": str, "preset": str, "config": dict}
KNOWN = {
    "members": dict,
    "described": dict,
    "finished": dict,
    "reused": dict,
    "versions": dict,
    "measured": (list, type(None)),
    "source": (str, type(None)),
    "reuse": (str, type(None)),
    "commit": (str, type(None)),
    "device": str,
    "wall_s": (int, float),
    "first_seed": int,
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
    for name, kind in {**NEEDED, **KNOWN}.items():
        if name in NEEDED and name not in content:
            raise ToylabError(
                f"{path} lacks {name!r}: not a manifest of a run. Restore it, or run the study "
                "into a new folder."
            )
        if name in content and not isinstance(content[name], kind):
            raise ToylabError(f"{path} is damaged: {name} is {type(content[name]).__name__}.")
    found = content.pop(CHECKSUM, None)
    if found != _digest(content):
        raise ToylabError(f"{path} is damaged: its checksum is another. Restore it from a copy.")
    _check_parts(path, content)
    return content


def json_object(path: Path, data: bytes) -> dict[str, Any]:
    """Read a JSON object.

    Raises:
        ToylabError: the bytes are none.
    """
    try:
        content = json.loads(data)
    except (ValueError, RecursionError):
        raise ToylabError(f"{path} is damaged: not JSON. Restore it from a copy.") from None
    if not isinstance(content, dict):
        raise ToylabError(f"{path} is damaged: not a JSON object. Restore it from a copy.")
    return content


def _digest(body: Mapping[str, Any]) -> str:
    text = json.dumps(body, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def _check_parts(path: Path, content: Mapping[str, Any]) -> None:
    """Refuse tables of members and of finished populations that are none."""
    for name, columns in content.get("members", {}).items():
        lengths = {len(c) if isinstance(c, list) else -1 for c in _values(columns)}
        if len(lengths) != 1 or lengths & {0, -1}:
            raise ToylabError(f"{path} is damaged: members of {name!r} are no table.")
    for name, done in content.get("finished", {}).items():
        if not isinstance(done, dict) or not isinstance(done.get("dead_at"), list):
            raise ToylabError(f"{path} is damaged: {name!r} is finished, but not said how.")


def _values(columns: Any) -> list[Any]:
    return list(columns.values()) if isinstance(columns, dict) else [None]
