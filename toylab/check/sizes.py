"""Sizes: what a run will need, counted from shapes before anything is made."""

import contextlib
import math
import os
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import jax

from toylab.check.memory import GIB, memory
from toylab.errors import ToylabError
from toylab.population import Population
from toylab.train.plan import traced

try:
    import resource
except ImportError:  # Windows has none
    resource = None

COPIES = 4  # weights, gradients and two moments
MARGIN = 1.0  # of the memory: whatever exceeds it is absurd; what comes near is tried


def check_sizes(populations: Mapping[str, Population], folder: Path) -> None:
    """Refuse populations that cannot fit the memory, or whose snapshots cannot fit the disk.

    Args:
        populations: what is to be trained.
        folder: the run folder to be made, or that is there.

    Raises:
        ToylabError: names the population, what it needs and what is there.
    """
    kept = 0.0
    for name, population in populations.items():
        _, params, batch = traced(population)
        weights, examples = _bytes(params), _bytes(batch)
        state = COPIES * weights * population.size
        records = 4 * population.size * len(population.boundaries()[0])
        _refuse(name, "memory", state + examples + records, MARGIN * memory(), "batch_size, seeds")
        if (folder / "manifest.json").exists():  # it may hold the snapshots already
            continue
        kept += weights * population.size * len(population.boundaries()[1])
        _refuse(name, "disk for snapshots", kept, free(folder), "seeds, or keep fewer snapshots")


@contextlib.contextmanager
def bounded_memory(study: str) -> Iterator[None]:
    """Let what a study makes of its settings take a quarter of the memory, where that is known.

    A table of a billion rows would otherwise end the process, and perhaps others.

    Args:
        study: its name, for the message.

    Raises:
        ToylabError: it takes more.
    """
    before = _limit()
    try:
        yield
    except MemoryError:
        told = f"{study}: what it makes of its settings needs more than a quarter of the memory"
        raise ToylabError(f"{told}; lower the largest number among them.") from None
    finally:
        if before:
            resource.setrlimit(resource.RLIMIT_AS, before)  # pyright: ignore


def _limit() -> tuple[int, int] | None:
    """Lower the limit of this process's memory; return the former, or None where it is kept.

    Drivers of accelerators reserve more addresses than there is memory.
    """
    if resource is None or jax.default_backend() != "cpu" or not Path("/proc/self/statm").exists():
        return None
    page = os.sysconf("SC_PAGE_SIZE")
    used = int(Path("/proc/self/statm").read_text().split()[0]) * page
    soft, hard = before = resource.getrlimit(resource.RLIMIT_AS)
    limit = used + os.sysconf("SC_PHYS_PAGES") * page // 4
    known = [n for n in (soft, hard) if n != resource.RLIM_INFINITY]
    resource.setrlimit(resource.RLIMIT_AS, (min([limit, *known]), hard))
    return before


def free(folder: Path) -> float:
    """Bytes that are free where a folder is or will be."""
    whole = folder.absolute()
    for place in (whole, *whole.parents):
        try:
            return float(shutil.disk_usage(place).free)
        except OSError:
            continue
    return math.inf


def _bytes(tree: Any) -> float:
    size = lambda leaf: math.prod(leaf.shape) * getattr(leaf.dtype, "itemsize", 4)
    return float(sum(map(size, jax.tree.leaves(tree))))


def _refuse(name: str, what: str, needs: float, there: float, mend: str) -> None:
    if needs > there:
        raise ToylabError(
            f"Population {name!r} needs {needs / GIB:,.0f} GiB of {what} and {there / GIB:,.0f} "
            f"GiB are there; lower {mend} or the model's size."
        )
