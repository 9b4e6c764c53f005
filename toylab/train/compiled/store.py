"""A store of compiled programs, per user, versions, processor, flags and threads.

JAX can keep what it has compiled, but writes it in place, reads it unchecked, and never asks
whether it was made for this processor. So a process works in a folder of its own: at its start it
is given the store's programs whose SHA-256 is right, and at its end what is new is moved into the
store, whole. A process that is killed leaves nothing there.

On by default on accelerators. On a CPU it must be asked for, ``TOYLAB_COMPILE_CACHE=on``: there
XLA refuses its own entries on some machines, and programs made for one processor have crashed on
another (jax#38445, openxla#44565; the store is keyed by the processor's features for that).
``TOYLAB_COMPILE_CACHE=off`` is for those who want none of it; under ``CI`` there is none.
"""

import atexit
import contextlib
import hashlib
import importlib.util
import os
import platform
import shutil
import sys
import tempfile
import time
from importlib import metadata
from pathlib import Path

import jax
from filelock import BaseFileLock, FileLock, Timeout

from toylab.train.compiled.threads import words

VARIABLE = "TOYLAB_COMPILE_CACHE"
VERSIONS = ("jax", "jaxlib", "flax", "optax")
MOST = 256 * 2**20  # bytes of a store; the oldest go first
SLOWEST = 0.2  # seconds; what compiles faster is not worth keeping
DAY = 86_400  # seconds after which a dead process's folder is swept away
PLUGINS = ("jax_cuda12_plugin", "jax_cuda13_plugin", "libtpu")
LOCK = "held"  # by a process, in its folder
ENTRY = "-cache"  # as JAX ends the names of its entries


def keep_compiled(root: Path | None = None) -> str:
    """Use the store from here on, where that is safe.

    Args:
        root: folder of stores; the user's cache by default.

    Returns:
        Why there is none; empty where there is one.
    """
    if why := _refusal():
        return why
    try:
        store = _private((root or _home()) / key())
        own = Path(tempfile.mkdtemp(prefix="run-", dir=store))
        held = FileLock(own / LOCK, timeout=0)
        held.acquire()
        _sweep(store)
        _hand_out(store, own)
    except OSError as error:
        return f"no folder for compiled programs ({error})"
    except Unsafe as error:
        return str(error)
    settings = {
        "jax_compilation_cache_dir": str(own),
        "jax_persistent_cache_min_compile_time_secs": SLOWEST,
        "jax_persistent_cache_enable_xla_caches": "none",  # they would put the folder into the key
    }
    for name, value in settings.items():
        jax.config.update(name, value)
    atexit.register(_take_in, store, own, held)
    return ""


class Unsafe(Exception):
    """Others could write into the store: whoever can write there can run code here."""


def key() -> str:
    """Name of the store of this user's processes: versions, processor, flags, threads."""
    told = [platform.machine(), sys.version, os.environ.get("XLA_FLAGS", ""), _processor()]
    told += words()
    told += [f"{name} {metadata.version(name)}" for name in VERSIONS]
    return hashlib.sha256("\n".join(told).encode()).hexdigest()[:24]


def _refusal() -> str:
    asked = os.environ.get(VARIABLE, "").lower()
    if asked in ("off", "0", "no"):
        return f"{VARIABLE} says so"
    if os.environ.get("CI"):
        return "compiled programs are not kept under CI"
    if jax.config.jax_compilation_cache_dir:  # pyright: ignore
        return "JAX has a folder of its own for compiled programs"
    if not hasattr(os, "getuid"):
        return "who owns a folder cannot be told on this system"
    if not _on_cpu():
        return ""
    if asked not in ("on", "1", "yes"):
        return f"on a CPU compiled programs are kept only with {VARIABLE}=on"
    return "" if _processor() else "the processor's features are not known"


def _on_cpu() -> bool:
    """Whether this machine computes on its CPU, asked without waking JAX where that is plain."""
    if not any(importlib.util.find_spec(name) for name in PLUGINS):
        return True
    return jax.default_backend() == "cpu"


def _processor() -> str:
    """The processor's model and features; empty where the system does not tell them."""
    with contextlib.suppress(OSError):
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        names = ("model name", "flags", "Features", "CPU part")
        return "\n".join(sorted({line for line in lines if line.startswith(names)}))
    return ""


def _home() -> Path:
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "toylab" / "compiled"


def _private(folder: Path) -> Path:
    """Make a folder that this user alone can write; refuse one that others can."""
    for place in (folder.parent, folder):
        place.mkdir(mode=0o700, parents=True, exist_ok=True)  # whatever the umask
        about = place.lstat()
        if place.is_symlink() or about.st_uid != os.getuid() or about.st_mode & 0o022:
            raise Unsafe(f"{place} could be written by others, who could then run code here")
    return folder


def _sum(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _hand_out(store: Path, own: Path) -> None:
    """Copy the store's sound programs; remove those that are damaged."""
    for path in store.glob(f"*{ENTRY}"):
        with contextlib.suppress(OSError):
            name, _, told = path.name.removesuffix(ENTRY).rpartition(".")
            data = path.read_bytes()
            if _sum(data)[:16] == told:
                (own / f"{name}{ENTRY}").write_bytes(data)
            else:
                path.unlink()


def _take_in(store: Path, own: Path, held: BaseFileLock) -> None:
    """Move what this process has compiled into the store, whole; then make room."""
    with contextlib.suppress(OSError):
        known = {p.name.removesuffix(ENTRY).rpartition(".")[0] for p in store.glob(f"*{ENTRY}")}
        for path in own.glob(f"*{ENTRY}"):
            name = path.name.removesuffix(ENTRY)
            if name not in known:
                path.replace(store / f"{name}.{_sum(path.read_bytes())[:16]}{ENTRY}")
        _make_room(store)
    held.release()
    shutil.rmtree(own, ignore_errors=True)


def _make_room(store: Path) -> None:
    entries = sorted(store.glob(f"*{ENTRY}"), key=lambda path: path.stat().st_mtime)
    total = sum(path.stat().st_size for path in entries)
    for path in entries:
        if total <= MOST:
            break
        total -= path.stat().st_size
        path.unlink(missing_ok=True)


def _sweep(store: Path) -> None:
    """Remove the folders of processes that ended without a word."""
    for path in store.glob("run-*"):
        with contextlib.suppress(OSError):
            if time.time() - path.stat().st_mtime > DAY and not _held(path / LOCK):
                shutil.rmtree(path, ignore_errors=True)


def _held(lock: Path) -> bool:
    """Whether a living process holds its folder."""
    try:
        with FileLock(lock, timeout=0):
            return False
    except Timeout:
        return True
