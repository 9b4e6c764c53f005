"""Atomic writes: old file or new file, no litter, and a mend in the message."""

import errno
import os
from pathlib import Path

import pytest

from toylab.errors import ToylabError
from toylab.runs.atomic import write_bytes, write_text


def test_writes_replaces_and_makes_folders(tmp_path: Path):
    path = tmp_path / "a" / "b.txt"
    assert write_text(path, "ε\r\n") == path
    assert path.read_bytes() == "ε\r\n".encode()
    write_bytes(path, b"\x00new")
    assert path.read_bytes() == b"\x00new"
    assert os.listdir(path.parent) == ["b.txt"]


def test_new_files_have_ordinary_permissions(tmp_path: Path):
    (tmp_path / "plain").write_text("x")
    write_text(tmp_path / "ours", "x")
    assert (tmp_path / "ours").stat().st_mode == (tmp_path / "plain").stat().st_mode


@pytest.mark.parametrize(
    ("code", "mend"),
    [(errno.ENOSPC, "free some space"), (errno.EROFS, "read-only; name another folder")],
)
@pytest.mark.parametrize("call", ["fsync", "replace"])
def test_failure_keeps_the_old_file_and_leaves_no_litter(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int, mend: str, call: str
):
    path = tmp_path / "b.txt"
    write_text(path, "old")

    def fail(*_):
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(os, call, fail)
    with pytest.raises(ToylabError, match=mend) as caught:
        write_text(path, "new")
    assert str(path) in str(caught.value)
    assert path.read_text() == "old"
    assert os.listdir(tmp_path) == ["b.txt"]


def test_interruption_cleans_up_and_passes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    def interrupt(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "fsync", interrupt)
    with pytest.raises(KeyboardInterrupt):
        write_text(tmp_path / "b.txt", "new")
    assert os.listdir(tmp_path) == []


def test_a_file_in_the_way_of_a_folder_is_named(tmp_path: Path):
    (tmp_path / "file").write_text("x")
    for path in (tmp_path / "file" / "b.txt", tmp_path / "file" / "c" / "b.txt"):
        with pytest.raises(ToylabError, match="a file, not a folder"):
            write_text(path, "x")
    (tmp_path / "folder").mkdir()
    with pytest.raises(ToylabError, match="a folder has that name"):
        write_text(tmp_path / "folder", "x")
    assert sorted(os.listdir(tmp_path)) == ["file", "folder"]
