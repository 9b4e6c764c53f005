"""The run folder: damage is named, writes are whole or absent, one writer at a time."""

import errno
import json
import os
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import polars as pl
import pytest

import toylab.runs.files
from toylab.errors import ToylabError
from toylab.runs.checkpointer import FolderCheckpointer
from toylab.runs.manifest import encode
from toylab.runs.run_folder import RunFolder

SEEDS = {"init_seed": [0, 1]}
MANIFEST = {"study": "s", "preset": "smoke", "config": {}, "members": {"p": SEEDS, "q": SEEDS}}


@pytest.fixture
def run(tmp_path: Path):
    with RunFolder.create(tmp_path / "run", MANIFEST).writing() as folder:
        yield folder


def weights(value: float) -> dict[str, np.ndarray]:
    return {"a/W": np.full((2, 3), value, np.float32), "b": np.arange(2, dtype=np.int32)}


def records(values: list[float]) -> dict[str, np.ndarray]:
    loss = np.array(values, np.float32)[:, None] * np.ones(2, np.float32)
    return {"step": np.arange(1, len(values) + 1), "loss": loss}


def test_what_is_written_is_read(run: RunFolder) -> None:
    checkpointer = FolderCheckpointer(run, "p")
    assert checkpointer.load() is None
    checkpointer.snapshot(0, weights(1))
    checkpointer.snapshot(10, weights(2))
    checkpointer.save(10, weights(2), records([3, 4]))
    loaded = FolderCheckpointer(RunFolder(run.path), "p").load()
    assert loaded is not None
    checkpointer.finish(records([3, 4]), np.array([-1, 4]))
    again = RunFolder(run.path)
    assert again.steps("p") == [0, 10]
    np.testing.assert_array_equal(again.params("p")["a"]["W"][0], weights(2)["a/W"][0])
    assert np.isnan(again.params("p")["a"]["W"][1]).all()  # that member diverged at step 4
    kept = again.params("p", diverged=True)["a"]["W"]
    np.testing.assert_array_equal(kept, weights(2)["a/W"])
    np.testing.assert_array_equal(again.params("p", 0)["b"], weights(1)["b"])
    np.testing.assert_array_equal(again.dead_at("p"), [-1, 4])
    assert again.metrics()["value"].to_list() == [3, 3, 4, 4]
    assert again.members("p").rows() == [(0, 0), (1, 1)]
    assert loaded[0] == 10
    for part, given in ((loaded[1], weights(2)), (loaded[2], records([3, 4]))):
        assert part.keys() == given.keys()
        for name, array in given.items():
            np.testing.assert_array_equal(part[name], array)
            assert part[name].dtype == array.dtype


def test_finishing_twice_leaves_one_set_of_rows(run: RunFolder) -> None:
    FolderCheckpointer(run, "q").finish(records([9]), np.array([-1, -1]))
    for values in ([1, 2], [3, 4]):
        FolderCheckpointer(run, "p").finish(records(values), np.array([-1, -1]))
    table = run.metrics()
    assert table.filter(pl.col("population") == "p")["value"].to_list() == [3, 3, 4, 4]
    assert table.filter(pl.col("population") == "q")["value"].to_list() == [9, 9]


def test_measures_keep_type_shape_and_order(run: RunFolder) -> None:
    strided = np.arange(12.0).reshape(3, 4).T[::2]
    scalar = np.float64(0.5)
    table = pl.DataFrame({"member": [0, 1], "name": ["x", None], "value": [0.5, float("nan")]})
    run.write_measures({"array": strided, "scalar": scalar, "deep/table": table})
    found = run.measures()
    assert set(found) == {"array", "scalar", "deep/table", "diverged"}
    np.testing.assert_array_equal(found["array"], strided)
    assert np.shape(found["scalar"]) == () and found["scalar"] == 0.5
    assert isinstance(found["deep/table"], pl.DataFrame)
    assert found["deep/table"].equals(table)


def test_transposed_and_scalar_tensors_keep_their_values(run: RunFolder) -> None:
    arrays = {"t": np.arange(6, dtype=np.float32).reshape(2, 3).T, "n": np.asarray(7)}
    run.write_tensors("state/x.safetensors", arrays)
    for name, array in run.read_tensors("state/x.safetensors").items():
        assert array.shape == arrays[name].shape
        np.testing.assert_array_equal(array, arrays[name])


# Damage ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "not JSON"),
        (b'{"run_id": "1", "study"', "not JSON"),
        (b"\xff\xfe\x00", "not JSON"),
        (b"[" * 100_000, "not JSON"),
        (b"[1, 2]", "not a JSON object"),
        (b'{"run_id": "1", "study": "s"}', "lacks 'preset'"),
        (b'{"run_id": "1", "study": 3, "preset": "x", "config": {}}', "study is int"),
        (encode({"run_id": "1", **MANIFEST, "members": {"p": 3}}), "members is dict, of the wrong"),
        (
            encode({"run_id": "1", **MANIFEST, "finished": {"p": []}}),
            "finished is dict, of the wrong",
        ),
        (encode({"run_id": "1", **MANIFEST}).replace(b'"s"', b'"t"'), "its checksum is another"),
    ],
)
def test_a_damaged_manifest_is_named(run: RunFolder, content: bytes, said: str) -> None:
    (run.path / "manifest.json").write_bytes(content)
    with pytest.raises(ToylabError, match=said):
        RunFolder(run.path)


def test_no_folder_and_no_manifest(tmp_path: Path) -> None:
    with pytest.raises(ToylabError, match="no such folder"):
        RunFolder(tmp_path / "nowhere")
    with pytest.raises(ToylabError, match=r"holds no manifest\.json"):
        RunFolder(tmp_path)


def test_every_flipped_bit_of_a_manifest_is_found(run: RunFolder) -> None:
    path = run.path / "manifest.json"
    data = path.read_bytes()
    rng = np.random.default_rng(0)
    for place in rng.choice(8 * len(data), 200, replace=False):
        flipped = bytearray(data)
        flipped[place // 8] ^= 1 << place % 8
        path.write_bytes(flipped)
        try:
            same = RunFolder(run.path).manifest == run.manifest
        except ToylabError:
            continue
        assert same  # a blank became another blank


@pytest.mark.parametrize("damage", ["truncate", "flip", "empty"])
def test_damaged_files_are_refused(run: RunFolder, damage: str) -> None:
    checkpointer = FolderCheckpointer(run, "p")
    checkpointer.snapshot(0, weights(1))
    checkpointer.finish(records([1]), np.array([-1, -1]))
    checkpointer.save(0, weights(1), records([1]))
    for name in ("snapshots/p-0.safetensors", "state/p.safetensors", "metrics.parquet"):
        path = run.path / name
        data = bytearray(path.read_bytes())
        if damage == "flip":
            data[-3] ^= 1
        path.write_bytes({"truncate": data[:-5], "empty": b""}.get(damage, data))
    for read in (lambda: run.params("p"), checkpointer.load, run.metrics):
        with pytest.raises(ToylabError, match="is damaged: its checksum"):
            read()


def test_a_damaged_checksum_list_is_named(run: RunFolder) -> None:
    run.write("claims.json", b"[]")
    (run.path / "checksums.json").write_text('{"claims')
    with pytest.raises(ToylabError, match=r"checksums\.json is damaged"):
        run.read("claims.json")


def test_a_snapshot_of_another_run_is_refused(run: RunFolder, tmp_path: Path) -> None:
    with RunFolder.create(tmp_path / "other", MANIFEST).writing() as other:
        FolderCheckpointer(other, "p").snapshot(5, weights(1))
    shutil.copytree(other.path / "snapshots", run.path / "snapshots")
    with pytest.raises(ToylabError, match="no snapshot at step 5; kept: none"):
        run.params("p", 5)
    shutil.copy(other.path / "checksums.json", run.path)
    with pytest.raises(ToylabError, match="belongs to another run"):
        run.params("p", 5)


def test_listed_bytes_that_are_no_tensors_are_named(run: RunFolder) -> None:
    for data in (b"", b"hello, this is text", b"\x02" + bytes(7) + b"{}x"):
        run.write("snapshots/p-1.safetensors", data)
        with pytest.raises(ToylabError, match=r"no readable snapshot|another run"):
            run.params("p", 1)


def test_missing_things_are_named_with_those_there_are(run: RunFolder) -> None:
    FolderCheckpointer(run, "p").snapshot(3, weights(1))
    with pytest.raises(ToylabError, match="no snapshot at step 4; kept: 3"):
        run.params("p", 4)
    with pytest.raises(ToylabError, match="'q' has no snapshot"):
        run.params("q")
    with pytest.raises(ToylabError, match="No population 'r'"):
        run.members("r")
    with pytest.raises(ToylabError, match="'p' is not a finished population"):
        run.dead_at("p")
    with pytest.raises(ToylabError, match=r"has no metrics\.parquet"):
        run.metrics()


# Folders and writers --------------------------------------------------------------------------


def test_an_existing_run_or_a_full_folder_is_left_alone(run: RunFolder, tmp_path: Path) -> None:
    before = (run.path / "manifest.json").read_bytes()
    with pytest.raises(ToylabError, match="already holds a run"):
        RunFolder.create(run.path, MANIFEST)
    assert (run.path / "manifest.json").read_bytes() == before
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(ToylabError, match="not an empty folder"):
        RunFolder.create(tmp_path, MANIFEST)
    with pytest.raises(ToylabError, match="not an empty folder"):
        RunFolder.create(tmp_path / "notes.txt", MANIFEST)
    (tmp_path / "empty").mkdir()
    assert RunFolder.create(tmp_path / "empty", MANIFEST).manifest["study"] == "s"


def test_a_second_writer_is_refused_in_this_process_and_in_another(run: RunFolder) -> None:
    second = RunFolder(run.path)
    with pytest.raises(ToylabError, match="Another process is writing"):
        second.writing()
    with pytest.raises(RuntimeError):
        second.write("claims.json", b"[]")
    with pytest.raises(ToylabError, match="Another process is writing"):
        run.writing()
    run.write("claims.json", b"[]")  # the first still holds the folder
    code = (
        "import sys; from toylab.runs.run_folder import RunFolder\n"
        "from toylab.errors import ToylabError\n"
        "try: RunFolder(sys.argv[1]).writing()\n"
        "except ToylabError as error: print(error)"
    )
    told = subprocess.run([sys.executable, "-c", code, run.path], capture_output=True, text=True)
    assert "Another process is writing" in told.stdout, told.stderr
    run.close()
    with second.writing():
        second.write("claims.json", b"[2]")
    assert run.read("claims.json") == b"[2]"


def test_a_writer_sees_what_the_last_one_left(run: RunFolder) -> None:
    late = RunFolder(run.path)
    FolderCheckpointer(run, "p").finish(records([1]), np.array([-1, -1]))
    run.close()
    with late.writing():
        late.note(measured=["a"])
    assert set(RunFolder(run.path).manifest["finished"]) == {"p"}


def test_writing_needs_the_lock(run: RunFolder) -> None:
    run.close()
    for write in (lambda: run.write("claims.json", b"[]"), lambda: run.note(measured=["a"])):
        with pytest.raises(RuntimeError, match="writing"):
            write()


# Killed and full ------------------------------------------------------------------------------


class Killed(BaseException):
    """Stands for kill -9: nobody catches it."""


def test_killed_before_listing_a_new_file_does_not_count(run: RunFolder, monkeypatch) -> None:
    run.write("claims.json", b"[]")
    die_at_list(monkeypatch, 1)
    with pytest.raises(Killed):
        run.write("measures/a.npy", b"123")
    assert (run.path / "measures/a.npy").exists()
    assert run.files() == ["claims.json"]
    with pytest.raises(ToylabError, match=r"has no measures/a\.npy"):
        run.read("measures/a.npy")


@pytest.mark.parametrize(("lists", "left"), [(1, b"old"), (2, b"new")])
def test_killed_while_replacing_a_file_leaves_one_that_counts(
    run: RunFolder, monkeypatch, lists: int, left: bytes
) -> None:
    run.write("state/p.safetensors", b"old")
    with monkeypatch.context() as patch:
        die_at_list(patch, lists)
        with pytest.raises(Killed):
            run.write("state/p.safetensors", b"new")
    assert run.read("state/p.safetensors") == left
    run.write("state/p.safetensors", b"newest")
    assert run.read("state/p.safetensors") == b"newest"
    sums = json.loads((run.path / "checksums.json").read_text())
    assert len(sums["state/p.safetensors"]) == 64
    (run.path / "state/p.safetensors").write_bytes(b"old")
    with pytest.raises(ToylabError, match="is damaged"):
        run.read("state/p.safetensors")


def die_at_list(monkeypatch, call: int) -> None:
    """Kill at the ``call``-th writing of the list of checksums."""
    real, calls = toylab.runs.files.write_text, []

    def write_text(path, text):
        if Path(path).name == "checksums.json":
            calls.append(path)
            if len(calls) == call:
                raise Killed
        return real(path, text)

    monkeypatch.setattr(toylab.runs.files, "write_text", write_text)


@pytest.mark.parametrize("call", ["replace", "fsync"])
@pytest.mark.parametrize(
    ("number", "said"), [(errno.ENOSPC, "disk is full"), (errno.EROFS, "read-only")]
)
def test_a_full_or_read_only_disk_leaves_the_old_file_whole(
    run: RunFolder, monkeypatch, call: str, number: int, said: str
) -> None:
    run.write("claims.json", b"old")
    manifest = (run.path / "manifest.json").read_bytes()

    def fail(*args: object) -> None:
        raise OSError(number, os.strerror(number))

    with monkeypatch.context() as patch:
        patch.setattr(os, call, fail)
        with pytest.raises(ToylabError, match=said):
            run.write("claims.json", b"new")
        with pytest.raises(ToylabError, match=said):
            run.note(measured=["a"])
    assert run.read("claims.json") == b"old"
    assert (run.path / "manifest.json").read_bytes() == manifest
    assert not [p for p in run.path.rglob("*") if p.suffix == ".tmp"]
    run.write("claims.json", b"new")
    assert run.read("claims.json") == b"new"


def test_disk_full_after_the_intended_sum_was_listed(run: RunFolder, monkeypatch) -> None:
    run.write("claims.json", b"old")

    def fail(path, data):
        raise ToylabError("the disk is full")

    with monkeypatch.context() as patch:
        patch.setattr(toylab.runs.files, "write_bytes", fail)
        with pytest.raises(ToylabError):
            run.write("claims.json", b"new")
    assert run.read("claims.json") == b"old"


# Folders from elsewhere -----------------------------------------------------------------------


def test_links_and_special_files_are_refused_and_their_targets_stay(tmp_path: Path) -> None:
    victim = tmp_path / "victim.txt"
    victim.write_text("precious")
    for name in (".lock", "manifest.json", "checksums.json", "measures", "state"):
        folder = RunFolder.create(tmp_path / f"run-{name}", MANIFEST)
        (folder.path / name).unlink(missing_ok=True)
        elsewhere = tmp_path / f"elsewhere-{name}"
        elsewhere.mkdir()
        is_folder = name in ("measures", "state")
        (folder.path / name).symlink_to(elsewhere if is_folder else victim)
        with pytest.raises(ToylabError, match="symbolic link"):
            with RunFolder(folder.path).writing() as run:
                run.write_measures({"a": np.zeros(2)})
                run.write_tensors("state/p.safetensors", weights(1))
        assert victim.read_text() == "precious" and not list(elsewhere.iterdir())


def test_a_pipe_does_not_hang(tmp_path: Path) -> None:
    for name in (".lock", "manifest.json"):
        folder = RunFolder.create(tmp_path / f"run{name}", MANIFEST)
        (folder.path / name).unlink(missing_ok=True)
        os.mkfifo(folder.path / name)
        with pytest.raises(ToylabError, match="special file"):
            RunFolder(folder.path).writing()


@pytest.mark.parametrize("name", ["../x", "/etc/x", "a/../../x", "", "a\\b", "C:x"])
def test_names_stay_inside(run: RunFolder, name: str) -> None:
    with pytest.raises(ToylabError, match="no name of a file inside"):
        run.write(name, b"1")


def test_of_twenty_starts_one_makes_the_folder(tmp_path: Path) -> None:
    with ThreadPoolExecutor(20) as pool:
        starts = [pool.submit(RunFolder.create, tmp_path / "run", MANIFEST) for _ in range(20)]
    made = [start.result() for start in starts if start.exception() is None]
    assert len(made) == 1
    assert RunFolder(tmp_path / "run").manifest == made[0].manifest


def test_leftovers_of_killed_writers_are_swept(tmp_path: Path) -> None:
    path = tmp_path / "run"
    path.mkdir()
    (path / ".manifest.json.ab12.tmp").write_bytes(b"half")  # killed before there was a manifest
    run = RunFolder.create(path, MANIFEST)
    (path / "measures").mkdir()
    (path / "measures" / ".a.npy.cd34.tmp").write_bytes(b"half")
    with run.writing():
        assert not list(path.rglob("*.tmp"))


def test_a_finished_population_leaves_no_state(run: RunFolder) -> None:
    checkpointer = FolderCheckpointer(run, "p")
    checkpointer.save(1, weights(1), records([1]))
    assert "state/p.safetensors" in run.files()
    checkpointer.finish(records([1]), np.array([-1, -1]))
    assert "state/p.safetensors" not in run.files()
    assert not (run.path / "state/p.safetensors").exists()


def test_measures_take_the_place_of_those_before(run: RunFolder) -> None:
    run.write_measures({"ends": pl.DataFrame({"x": [1]}), "curve": np.ones(2)})
    run.write_measures({"curve": pl.DataFrame({"y": [2]})})
    assert sorted(run.measures()) == ["curve", "diverged"]
    assert run.measures()["curve"].equals(pl.DataFrame({"y": [2]}))


def test_a_file_that_is_replaced_while_it_is_read_is_read_again(
    run: RunFolder, monkeypatch
) -> None:
    run.write("measures/x.npy", b"old")
    listed = RunFolder._checksums

    def replaced(self):
        found = listed(self)
        if self is reader and not changed:
            changed.append(True)
            run.write("measures/x.npy", b"newer")
            run.write("measures/x.npy", b"newest")
        return found

    changed: list[bool] = []
    reader = RunFolder(run.path)
    monkeypatch.setattr(RunFolder, "_checksums", replaced)
    assert reader.read("measures/x.npy") == b"newest" and changed


def test_only_a_trained_run_is_lost(run: RunFolder) -> None:
    FolderCheckpointer(run, "p", (2,)).finish(records([1, 2]), np.array([1, 1]))
    assert not run.lost()
    FolderCheckpointer(run, "q", (2,)).finish(records([1, 2]), np.array([1, 1]))
    assert run.lost()
