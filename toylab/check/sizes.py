"""Sizes: what a run will need, counted from shapes before anything is made."""

import math
import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jax

from toylab.errors import ToylabError
from toylab.population import Population
from toylab.train.plan import traced

GIB = 2**30
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


def memory() -> float:
    """Bytes of memory of all devices together."""
    limits = [(device.memory_stats() or {}).get("bytes_limit") for device in jax.devices()]
    if all(limits):
        return float(sum(limits))  # pyright: ignore
    try:
        return float(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"))
    except (AttributeError, ValueError, OSError):  # a system that does not say
        return math.inf


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
