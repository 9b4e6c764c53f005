"""Files with checksums that fit and contents that do not: one error that names the file."""

import io
import json
from pathlib import Path

import numpy as np
import polars as pl
import pytest
import safetensors.numpy

from toylab.errors import ToylabError
from toylab.runs import decoding
from toylab.runs.checkpointer import FolderCheckpointer
from toylab.runs.manifest import decode, encode
from toylab.runs.run_folder import RunFolder

PATH = Path("some/file")
MANIFEST = {
    "run_id": "1",
    "study": "s",
    "preset": "smoke",
    "config": {"seeds": 2, "rate": 0.5, "sizes": [1, 2], "label": "x", "loud": True},
    "members": {"p": {"init_seed": [0, 1], "density": [0.1, float("inf")]}},
    "finished": {"p": {"dead_at": [-1, 3]}},
}
VERDICT = {
    **dict.fromkeys(("key", "text", "source", "expected", "unit", "why"), "x"),
    **dict.fromkeys(("n", "diverged", "undefined", "excluded"), 0),
    **dict.fromkeys(("estimate", "low", "high", "paper"), None),
    "values": [1.0],
    "scope": "population",
    "verdict": "inconclusive",
}


def test_a_sound_manifest_is_read():
    assert decode(PATH, encode(MANIFEST)) == MANIFEST


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("study", 3),
        ("study", "a\0b"),
        ("source", "\ud800"),
        ("config", {"seeds": {"a": 1}}),
        ("config", {"seeds": 10**400}),
        ("members", {"p": {"init_seed": [0, "x"]}}),
        ("members", {"p": {"init_seed": [0, 1], "data_seed": [0]}}),
        ("members", {"p": {"init_seed": []}}),
        ("finished", {"p": {"dead_at": [0.5, 1]}}),
        ("finished", {"p": {"dead_at": [-1]}}),
        ("described", {"p": {"model": 3}}),
        ("tiles", {"p": 0}),
        ("measured", [3]),
        ("wall_s", float("nan")),
        ("wall_s", -1.0),
        ("first_seed", True),
        ("deep", json.loads("[" * 900 + "]" * 900)),
    ],
)
def test_a_forged_manifest_is_refused(name: str, value):
    if name == "deep":  # unknown entries are kept, whatever they are
        assert decode(PATH, encode(MANIFEST | {name: value}))["deep"] == value
        return
    with pytest.raises(ToylabError, match="some/file is damaged"):
        decode(PATH, encode(MANIFEST | {name: value}))


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\xff" * 40,
        (4).to_bytes(8, "little") + b"[[]]",
        (2).to_bytes(8, "little") + b"[]",
        (2**63).to_bytes(8, "little") + b"{}",
        (100_000).to_bytes(8, "little") + b"[" * 100_000,
        (24).to_bytes(8, "little") + b'{"__metadata__":{"a":3}}',
        (10).to_bytes(8, "little") + b'{"a": "b"}',
    ],
)
def test_forged_tensors_are_refused(data: bytes, tmp_path: Path):
    with pytest.raises(ToylabError, match="some/file is no readable snapshot"):
        decoding.tensors(PATH, data)
    file = tmp_path / "a.safetensors"
    file.write_bytes(data)
    if data[8:] in (b"{}", b'{"__metadata__":{"a":3}}'):  # a header of no tensor
        assert decoding.shapes(PATH, file) == {}
        return
    with pytest.raises(ToylabError, match="some/file is no readable snapshot"):
        decoding.shapes(PATH, file)


@pytest.mark.parametrize(
    "changes",
    [
        {"n": "x"},
        {"n": -1},
        {"values": ["x"]},
        {"values": None},
        {"verdict": []},
        {"verdict": "proved"},
        {"estimate": "1"},
        {"paper": [1]},
        {"text": None},
    ],
)
def test_forged_verdicts_are_refused(changes: dict):
    assert decoding.verdicts(PATH, json.dumps([VERDICT]).encode())[0].values == (1.0,)
    with pytest.raises(ToylabError, match="some/file is damaged"):
        decoding.verdicts(PATH, json.dumps([VERDICT | changes]).encode())
    for data in (b"{}", b"[3]", b"[{}]", b"[" * 100_000, b"\xff"):
        with pytest.raises(ToylabError, match="some/file is damaged"):
            decoding.verdicts(PATH, data)


def test_forged_tables_and_arrays_are_refused():
    buffer = io.BytesIO()
    np.save(buffer, np.array([print]), allow_pickle=True)
    names = io.BytesIO()
    np.save(names, np.array(["a"]))
    for data in (buffer.getvalue(), names.getvalue(), b"", b"PK\x03\x04", b"\x93NUMPY\x01\x00\xff"):
        with pytest.raises(ToylabError, match="some/file is no readable array"):
            decoding.array(PATH, data)
    table = io.BytesIO()
    pl.DataFrame({"x": [1]}).write_parquet(table)
    with pytest.raises(ToylabError, match="no table of records"):
        decoding.metrics(PATH, table.getvalue())
    for data in (b"", b"PAR1" * 3, table.getvalue()[:-9]):
        with pytest.raises(ToylabError, match="some/file is no readable table"):
            decoding.table(PATH, data)


@pytest.fixture
def run(tmp_path: Path):
    with RunFolder.create(tmp_path / "run", MANIFEST | {"finished": {}}).writing() as folder:
        yield folder


@pytest.mark.parametrize(
    "changes",
    [
        {"step": np.array([1, 2])},
        {"step": np.int64(99)},
        {"step": np.int64(-1)},
        {"records/loss": np.zeros((2, 3), np.float32)},
        {"records/step": np.array([2, 1])},
        {"records/step": np.array([0.5, 1.5])},
    ],
)
def test_a_forged_state_is_refused(run: RunFolder, changes: dict):
    arrays = {"step": np.int64(2), "state/W": np.zeros((2, 3), np.float32)}
    arrays |= {"records/step": np.array([1, 2]), "records/loss": np.zeros((2, 2), np.float32)}
    checkpointer = FolderCheckpointer(run, "p", (10,))
    run.write_tensors("state/p.safetensors", {n: np.asarray(a) for n, a in arrays.items()})
    loaded = checkpointer.load()
    assert loaded is not None and loaded[0] == 2
    changed = arrays | changes
    run.write_tensors("state/p.safetensors", {n: np.asarray(a) for n, a in changed.items()})
    with pytest.raises(ToylabError, match="no readable state"):
        checkpointer.load()


def test_a_snapshot_of_other_members_is_named(run: RunFolder):
    run.write_tensors("snapshots/p-0.safetensors", {"W": np.zeros((3, 4), np.float32)})
    with pytest.raises(ToylabError, match=r"W is \(3, 4\), of 2 members"):
        run.shapes("p", 0)


def test_a_measure_without_a_kind_does_not_count(run: RunFolder):
    run.write("measures/odd", b"x")
    run.write("measures/a.b.npy", safetensors.numpy.save({}))
    with pytest.raises(ToylabError, match="no readable array"):
        run.measures()
    run.remove("measures/a.b.npy")
    assert list(run.measures()) == ["diverged"]
