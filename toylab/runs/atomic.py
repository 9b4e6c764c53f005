"""Files that are either the old one or the new one, never half of either.

The bytes go to a temporary name in the same folder, reach the disk, and only then take the
file's name. A process killed at any moment leaves at worst a ``.tmp`` file beside it.
"""

import contextlib
import errno
import os
import secrets
from pathlib import Path

from toylab.errors import ToylabError

MENDS = {
    errno.ENOSPC: "the disk is full; free some space and run again",
    errno.EDQUOT: "the disk quota is used up; free some space and run again",
    errno.EROFS: "the file system is read-only; name another folder",
    errno.EACCES: "no permission to write there; name another folder or change its mode",
    errno.EPERM: "no permission to write there; name another folder or change its mode",
    errno.ENOTDIR: "a part of the path is a file, not a folder; name another folder",
    errno.EEXIST: "a part of the path is a file, not a folder; name another folder",
    errno.EISDIR: "a folder has that name; remove it or name another file",
    errno.ENAMETOOLONG: "the name is too long; name a shorter one",
}


def cannot_write(path: Path, cause: OSError) -> ToylabError:
    """Turn a failed write into a message for people, with the mend where the cause is known."""
    mend = MENDS.get(cause.errno or 0, cause.strerror or str(cause))
    return ToylabError(f"cannot write {path}: {mend}.")


def write_bytes(path: str | os.PathLike[str], data: bytes) -> Path:
    """Write ``data`` to ``path`` atomically and durably; parent folders are made.

    Args:
        path: the file to make or replace.
        data: its whole content.

    Returns:
        The path.

    Raises:
        ToylabError: the file cannot be written; the old file, if any, is untouched.
    """
    path = Path(path)
    temporary = path.with_name(f".{path.name[:100]}.{secrets.token_hex(4)}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with open(temporary, "xb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
        _sync_folder(path.parent)
    except BaseException as error:
        with contextlib.suppress(OSError):
            temporary.unlink()
        if isinstance(error, OSError):
            raise cannot_write(path, error) from error
        raise
    return path


def write_new(path: str | os.PathLike[str], data: bytes) -> bool:
    """Write a file that must not exist yet; of two writers one succeeds.

    Args:
        path: the file to make.
        data: its whole content.

    Returns:
        Whether this call made it; False where the name was taken.

    Raises:
        ToylabError: the file cannot be written.
    """
    path = Path(path)
    temporary = write_bytes(path.with_name(f".{path.name}.{secrets.token_hex(4)}.new.tmp"), data)
    try:
        os.link(temporary, path)
    except FileExistsError:
        return False
    except OSError:  # a file system without hard links
        try:
            with open(path, "xb") as file:
                file.write(data)
        except FileExistsError:
            return False
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink()
    _sync_folder(path.parent)
    return True


def write_text(path: str | os.PathLike[str], text: str) -> Path:
    """Write ``text`` as UTF-8, as :func:`write_bytes` does; line ends are kept as given."""
    return write_bytes(path, text.encode())


def _sync_folder(folder: Path) -> None:
    """Make the rename itself durable, where the system lets a folder be synced."""
    if os.name != "posix":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        # Some network file systems refuse to sync a folder; the file's own bytes are safe.
        with contextlib.suppress(OSError):
            os.fsync(handle)
    finally:
        os.close(handle)
