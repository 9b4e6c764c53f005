"""Compiled programs kept for the next start: the same bits, and nothing unsafe is read."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from filelock import FileLock

from toylab.train.compiled import store

START = """
import sys
from pathlib import Path
import jax, jax.numpy as jnp
from jax._src import monitoring
hits = []
monitoring.register_event_listener(lambda name, **_: hits.append(name.endswith("cache_hits")))
from toylab.train.compiled import store
store.SLOWEST = 0.0
print(repr(store.keep_compiled(Path(sys.argv[1]))))
x = jnp.linspace(0, 1, 64).reshape(8, 8)
found = jax.jit(lambda x: jnp.linalg.eigh(x @ x.T)[0].sum() + jnp.tanh(x).sum())(x)
print(float(found).hex(), sum(hits) > 0)
"""


def start(root: Path, **environment: str) -> list[str]:
    """What a process says: why there is no store, its number, whether it met the store."""
    kept = {k: v for k, v in os.environ.items() if k not in ("CI", "TOYLAB_COMPILE_CACHE")}
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", START, str(root)],
        env=kept | {"TOYLAB_COMPILE_CACHE": "on"} | environment,
        capture_output=True,
        text=True,
        check=True,
    )
    assert not done.stderr
    why, number = done.stdout.splitlines()
    return [eval(why), *number.split()]


def entries(root: Path) -> list[Path]:
    return sorted(root.rglob(f"*{store.ENTRY}"))


def programs(root: Path) -> list[str]:
    """Names of the kept programs, each with the right sum of its bytes."""
    parted = [(p, *p.name.removesuffix(store.ENTRY).rpartition(".")) for p in entries(root)]
    assert all(store._sum(path.read_bytes())[:16] == told for path, _, _, told in parted)
    return [name for _, name, _, _ in parted]


def test_the_second_start_reads_what_the_first_compiled(tmp_path: Path):
    root = tmp_path / "stores"
    first = start(root)
    assert first[0] == "" and first[2] == "False"
    kept = entries(root)
    names = programs(root)
    assert kept and not list(root.glob("*/run-*"))
    second = start(root)
    assert second == ["", first[1], "True"] and entries(root) == kept
    for path in kept:  # damaged: left out, and made anew
        path.write_bytes(path.read_bytes()[:-7] + b"damaged")
    third = start(root)
    # The same programs; that their bytes differ has been seen, rarely.
    assert third == ["", first[1], "False"] and programs(root) == names


@pytest.mark.parametrize(
    ("environment", "told"),
    [
        ({"TOYLAB_COMPILE_CACHE": "off"}, "says so"),
        ({"TOYLAB_COMPILE_CACHE": ""}, "on a CPU"),
        ({"CI": "true"}, "under CI"),
    ],
)
def test_where_it_is_not_asked_for_there_is_none(tmp_path: Path, environment, told, monkeypatch):
    for name in ("CI", "TOYLAB_COMPILE_CACHE"):
        monkeypatch.delenv(name, raising=False)
    for name, value in ({"TOYLAB_COMPILE_CACHE": "on"} | environment).items():
        monkeypatch.setenv(name, value)
    assert told in store.keep_compiled(tmp_path / "stores")
    assert not (tmp_path / "stores").exists()


@pytest.mark.skipif(not hasattr(os, "getuid"), reason="no owners on this system")
def test_a_lax_umask_opens_no_folder(tmp_path: Path):
    before = os.umask(0o002)
    try:
        found = store._private(tmp_path / "deep" / "stores" / "key")
    finally:
        os.umask(before)
    assert not (found.stat().st_mode | found.parent.stat().st_mode) & 0o077


@pytest.mark.skipif(not hasattr(os, "getuid"), reason="no owners on this system")
@pytest.mark.parametrize("how", ["open", "link"])
def test_a_folder_that_others_can_write_is_refused(tmp_path: Path, monkeypatch, how: str):
    monkeypatch.delenv("CI", raising=False)
    monkeypatch.setenv("TOYLAB_COMPILE_CACHE", "on")
    root = tmp_path / "stores"
    if how == "open":
        root.mkdir()
        root.chmod(0o777)
    else:
        (tmp_path / "elsewhere").mkdir(mode=0o700)
        root.symlink_to(tmp_path / "elsewhere")
    assert "by others" in store.keep_compiled(root)
    assert not entries(root)


def test_the_store_is_named_after_flags_and_has_a_bound(tmp_path: Path, monkeypatch):
    one = store.key()
    monkeypatch.setenv("XLA_FLAGS", os.environ.get("XLA_FLAGS", "") + " --xla_cpu_x=1")
    assert store.key() != one
    monkeypatch.setattr(store, "MOST", 25)
    for i in range(4):
        path = tmp_path / f"p{i}{store.ENTRY}"
        path.write_bytes(b"0123456789")
        os.utime(path, (i, i))
    store._make_room(tmp_path)
    assert [path.name[:2] for path in entries(tmp_path)] == ["p2", "p3"]


def test_only_folders_that_no_process_holds_are_swept_away(tmp_path: Path):
    for name in ("run-living", "run-dead", "run-young"):
        (tmp_path / name).mkdir()
    held = FileLock(tmp_path / "run-living" / store.LOCK)
    with held:
        for name in ("run-living", "run-dead"):
            os.utime(tmp_path / name, (0, 0))
        store._sweep(tmp_path)
        assert sorted(path.name for path in tmp_path.iterdir()) == ["run-living", "run-young"]
    os.utime(tmp_path / "run-living", (0, 0))
    store._sweep(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["run-young"]
