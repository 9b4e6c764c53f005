"""Checksummed files in a folder of one writer: each whole or absent, and none outside of it.

``checksums.json`` holds the sha256 of every file (two, old and new, while one is replaced); a file
that is not listed does not count. Checksums are verified on every load. One writer holds the
folder; readers need no lock. A folder may come from anyone: names stay inside it, and symbolic
links and special files are neither read nor written.
"""

import contextlib
import hashlib
import json
import os
import stat
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import Self

from filelock import BaseFileLock, FileLock, Timeout

from toylab.errors import ToylabError, nearest
from toylab.runs.atomic import write_bytes, write_text
from toylab.runs.decoding import json_object, text

LIST = "checksums.json"
LOCK = ".lock"
LOOKS = 3  # at a file and the list, of which a writer may have replaced one in between


class Files:
    """The files of a folder; ``writing()`` makes this object its writer.

    Args:
        path: an existing folder.
    """

    def __init__(self, path: str | Path):
        self.path = Path(path)
        if not self.path.is_dir():
            raise ToylabError(f"{self.path} is not a run folder: no such folder.")
        self._lock: BaseFileLock | None = None

    def writing(self) -> Self:
        """Become the folder's one writer, until ``close`` or the end of a ``with``.

        What a killed writer left half-written is removed.

        Raises:
            ToylabError: another process is writing there.
        """
        lock = FileLock(self.inside(LOCK), timeout=0)
        try:
            lock.acquire()
        except Timeout:
            raise ToylabError(
                f"Another process is writing to {self.path}; wait for it, or name another folder."
            ) from None
        except OSError as error:
            raise ToylabError(f"Cannot lock {self.path}: {error.strerror or error}.") from None
        self._lock = lock
        self.sweep()
        return self

    def close(self) -> None:
        """Let another process write."""
        if self._lock:
            self._lock.release()
            self._lock = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def inside(self, name: str) -> Path:
        """Return the path of a file of the folder.

        Raises:
            ToylabError: the name leads out of the folder, or over a link or a special file.
        """
        parts = PurePosixPath(name).parts
        plain = all(part not in ("..", "/") and not set(part) & set("\\:\0") for part in parts)
        if not parts or not plain:
            raise ToylabError(f"{name!r} is no name of a file inside {self.path}; use a plain one.")
        path = self.path
        for part in parts:
            path = path / part
            kind = _kind(path)
            if kind not in ("nothing", "file", "folder"):
                raise ToylabError(f"{path} is a {kind}; a run folder holds plain files. Remove it.")
        return path

    def write(self, name: str, data: bytes) -> None:
        """Write a file and list its checksum."""
        self._need_lock()
        path, sums, new = self.inside(name), self._checksums(), hashlib.sha256(data).hexdigest()
        if name in sums and path.exists():
            # A writer killed between file and list must leave a file that counts, old or new.
            self._list(sums | {name: f"{sums[name]} {new}"})
        write_bytes(path, data)
        self._list(sums | {name: new})

    def read(self, name: str) -> bytes:
        """Read a file, verified.

        Raises:
            ToylabError: missing, or not what was written.
        """
        path = self.inside(name)
        for _ in range(LOOKS):
            listed = self._checksums().get(name)
            if listed is None or not path.is_file():
                raise ToylabError(
                    f"{self.path} has no {name}; 'toylab resume {self.path}' makes what is "
                    f"missing. {nearest(name, self.files())}"
                )
            data = path.read_bytes()
            if hashlib.sha256(data).hexdigest() in listed.split():
                return data
        raise ToylabError(
            f"{path} is damaged: its checksum is not the one written. Restore it, or delete it "
            f"and run 'toylab resume {self.path}'."
        )

    def remove(self, name: str) -> None:
        """Remove a file and its checksum, if they are there."""
        self._need_lock()
        sums = self._checksums()
        if name in sums:
            self._list({other: value for other, value in sums.items() if other != name})
        with contextlib.suppress(FileNotFoundError):
            self.inside(name).unlink()

    def files(self) -> list[str]:
        """Names of the complete files."""
        return sorted(name for name in self._checksums() if self.inside(name).is_file())

    def sweep(self) -> None:
        """Remove what killed writers left under temporary names."""
        for folder, _, names in os.walk(self.path):
            for name in names:
                if name.startswith(".") and name.endswith(".tmp"):
                    with contextlib.suppress(OSError):
                        Path(folder, name).unlink()

    def read_plain(self, name: str) -> bytes:
        """Read a file that checks itself, as the manifest and the list of checksums do."""
        path = self.inside(name)
        if _kind(path) != "file":
            raise ToylabError(f"{self.path} is not a run folder: it holds no {name}.")
        return path.read_bytes()

    def _list(self, sums: Mapping[str, str]) -> None:
        write_text(self.inside(LIST), json.dumps(sums, indent=1, sort_keys=True))

    def _checksums(self) -> dict[str, str]:
        path = self.inside(LIST)
        if not path.exists():
            return {}
        sums = json_object(path, path.read_bytes())
        wrong = [name for name, value in sums.items() if not (text(name) and text(value))]
        if wrong:
            raise ToylabError(f"{path} is damaged: {wrong[0]!r} has no checksum.")
        return sums

    def _need_lock(self) -> None:
        if not self._lock:
            raise RuntimeError("take RunFolder.writing() before writing")


def _kind(path: Path) -> str:
    try:
        mode = path.lstat().st_mode
    except (FileNotFoundError, NotADirectoryError):
        return "nothing"
    except OSError as error:
        raise ToylabError(f"Cannot look at {path}: {error.strerror}.") from None
    if stat.S_ISLNK(mode):
        return "symbolic link"
    return "folder" if stat.S_ISDIR(mode) else "file" if stat.S_ISREG(mode) else "special file"
