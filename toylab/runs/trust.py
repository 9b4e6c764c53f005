"""Which study files may run: a run folder is data, and may come from anyone.

A run of a user's own study names the file. The file is run again, to judge or draw, only if this
user's own ``run`` recorded its content, or if it is named on the command line now.
"""

import contextlib
import hashlib
import json
import os
from pathlib import Path

from toylab.errors import ToylabError
from toylab.runs.atomic import write_text


def record(source: Path) -> None:
    """Remember the content of a study file that this user runs; silently not, where it cannot."""
    known = _known()
    known[digest(source)] = str(source)
    with contextlib.suppress(ToylabError):
        write_text(_book(), json.dumps(known, indent=1))


def check(source: Path, run: Path) -> None:
    """Refuse a study file that this user has not run as it is now.

    Args:
        source: the file that a run folder names.
        run: the run folder, for the message.

    Raises:
        ToylabError: the file is missing, or its content was never recorded.
    """
    if not source.is_file():
        raise ToylabError(f"{run} is a run of {source}, which is not there; name it with --study.")
    if digest(source) not in _known():
        raise ToylabError(
            f"{run} names the study file {source}, which you have not run as it is now. Look at "
            f"it, then name it: --study {source}"
        )


def digest(source: Path) -> str:
    """Return the sha256 of a file."""
    return hashlib.sha256(source.read_bytes()).hexdigest()


def _book() -> Path:
    home = os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state"
    return Path(home) / "toylab" / "studies.json"


def _known() -> dict[str, str]:
    try:
        found = json.loads(_book().read_text("utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}
