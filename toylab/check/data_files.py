"""Files of data that a config or a task names: what a run was made of is remembered.

A manifest holds the absolute path and the SHA-256 of each. They are read to train and to measure,
never to judge or draw.
"""

import contextlib
import dataclasses
import errno
import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from toylab.errors import ToylabError

DATA_FILE = "file of data"


def data_file(default: str = "") -> Any:
    """Return a dataclass's field that names a file of data, empty for none.

    In a study's settings its path becomes absolute when a run begins, so that the run can be
    resumed from any folder.

    Args:
        default: the path.

    Example:
        >>> @dataclasses.dataclass(frozen=True)
        ... class Config:
        ...     seeds: int = 3
        ...     games: str = data_file()
    """
    return dataclasses.field(default=default, metadata={DATA_FILE: True})


def absolute(config: Any) -> Any:
    """Return settings in which the files of data have absolute paths."""
    names = [f.name for f in dataclasses.fields(config) if f.metadata.get(DATA_FILE)]
    paths = {name: value for name in names if (value := getattr(config, name))}
    if not paths:
        return config
    return dataclasses.replace(config, **{n: str(_resolved(p)) for n, p in paths.items()})


def absolute_axes(config: Any, axes: Mapping[str, Sequence[Any]]) -> dict[str, tuple[Any, ...]]:
    """Return values of settings, ``{name: values}``, in which files of data have absolute paths."""
    files = {f.name for f in dataclasses.fields(config) if f.metadata.get(DATA_FILE)}
    whole = lambda name, value: str(_resolved(value)) if name in files and value else value
    return {name: tuple(whole(name, v) for v in values) for name, values in axes.items()}


def digests(parts: Iterable[Any]) -> dict[str, str]:
    """Return the SHA-256 of every file of data that settings and tasks name, by absolute path.

    A field that is not declared by :func:`data_file` counts where its text looks like a path and a
    file is there.

    Args:
        parts: dataclasses, perhaps nested; anything else names none.

    Raises:
        ToylabError: a declared file that cannot be read.
    """
    found: dict[str, str] = {}
    for text, declared in (named for part in parts for named in _named(part)):
        if declared or _is_there(text):
            path = _resolved(text)
            found[str(path)] = digest(path)
    return found


def digest(path: Path) -> str:
    """Return the SHA-256 of a file.

    Raises:
        ToylabError: it cannot be read.
    """
    try:
        if path.exists() and not path.is_file():  # a pipe or a device would be read for ever
            raise OSError(errno.EINVAL, "not a plain file")
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except (OSError, ValueError) as error:
        raise _unreadable(path, error) from None


def read_text(path: str | Path) -> str:
    """Return a file of data as text: UTF-8, UTF-16 with its mark, or Latin letters as of old.

    Raises:
        ToylabError: it cannot be read, or is no text.
    """
    try:
        return decoded(read_bytes(path))
    except ValueError as error:
        raise _unreadable(path, error) from None


def read_bytes(path: str | Path) -> bytes:
    """Return a file of data as it is.

    Raises:
        ToylabError: it cannot be read.
    """
    try:
        if Path(path).exists() and not Path(path).is_file():  # a pipe would be read for ever
            raise OSError(errno.EINVAL, "not a plain file")
        return Path(path).read_bytes()
    except (OSError, ValueError) as error:
        raise _unreadable(path, error) from None


def decoded(data: bytes) -> str:
    """Return bytes as text, in the encoding that they are in.

    Raises:
        ValueError: they are no text.
    """
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        return data.decode("utf-16")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        if b"\0" in data:
            raise
        return data.decode("latin-1")


def read_rows(path: str | Path, columns: int, what: str) -> list[tuple[int, list[str]]]:
    """Return a table's rows with their line numbers, words apart by commas, semicolons or space.

    Args:
        path: the file; empty lines and lines that begin with ``#`` do not count.
        columns: words in a row.
        what: a row in words, for the message: "two nodes".

    Raises:
        ToylabError: it cannot be read, holds no row, or a row has another number of words.
    """
    found = []
    for number, line in enumerate(read_text(path).splitlines(), 1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        words = re.split(r"\s*[,;\t]\s*|\s+", line.strip())
        if len(words) != columns or not all(words):
            raise ToylabError(f"{path}, line {number}: {line.strip()[:60]!r} is not {what}.")
        found.append((number, words))
    if not found:
        raise ToylabError(f"{path} holds no row; give {what} a line.")
    return found


def changed_files(had: Mapping[str, str]) -> list[str]:
    """Return in words which files of data are no longer those that a run was begun with.

    Args:
        had: the SHA-256 of each, by its path.
    """
    found = []
    for name, old in had.items():
        try:
            new = digest(Path(name))
        except ToylabError as error:
            found.append(str(error).removesuffix("."))
            continue
        if new != old:
            found.append(
                f"the file of data {name} has changed: its SHA-256 was {old[:12]}... and is "
                f"{new[:12]}..."
            )
    return found


def _resolved(text: str) -> Path:
    try:
        return Path(text).resolve()
    except (OSError, ValueError, RuntimeError) as error:
        raise _unreadable(text, error) from None


def _unreadable(path: Any, error: Exception) -> ToylabError:
    told = getattr(error, "strerror", None) or str(error)
    return ToylabError(f"the file of data {str(path)[:200]} cannot be read: {told}.")


def _named(part: Any) -> Iterator[tuple[str, bool]]:
    """Texts in a dataclass's fields that may name a file, and whether the field says so."""
    if not dataclasses.is_dataclass(part) or isinstance(part, type):
        return
    for field in dataclasses.fields(part):
        value = getattr(part, field.name, None)
        if isinstance(value, str | Path) and str(value):
            yield str(value), bool(field.metadata.get(DATA_FILE))
        else:
            yield from _named(value)


def _is_there(text: str) -> bool:
    """Whether a text looks like the path of a file, and one is there."""
    with contextlib.suppress(OSError, ValueError):
        path = Path(text)
        return bool(path.suffix or len(path.parts) > 1) and path.is_file()
    return False
