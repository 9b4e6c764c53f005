"""Memory: what a call will take, told before a byte of it is asked for, beside what is there."""

import contextlib
import math
import os
from collections.abc import Iterator
from contextvars import ContextVar
from pathlib import Path

import jax

from toylab.errors import ToylabError

GIB = 2**30
GROUPS, OWN = Path("/sys/fs/cgroup"), Path("/proc/self/cgroup")
_PLANS: ContextVar[list[float] | None] = ContextVar("plans", default=None)


def memory() -> float:
    """Bytes of memory of all devices together."""
    limits = [(device.memory_stats() or {}).get("bytes_limit") for device in jax.devices()]
    if all(limits):
        return float(sum(limits))  # pyright: ignore
    try:
        there = float(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"))
    except (AttributeError, ValueError, OSError):  # a system that does not say
        there = math.inf
    return min(there, allowed())


def allowed(groups: Path = GROUPS, own: Path = OWN) -> float:
    """Bytes that a container or a job of a cluster leaves this process; infinite where none does.

    Args:
        groups: where Linux shows the limits of control groups (version 2).
        own: names the group of this process.
    """
    try:
        name = own.read_text("utf-8").split("0::/")[1].splitlines()[0]
    except (OSError, IndexError):
        return math.inf
    folder, found = groups / name, math.inf
    for group in (folder, *folder.parents):  # the least of its own limit and those above it
        with contextlib.suppress(OSError, ValueError):  # a group without a limit says "max"
            found = min(found, float(int((group / "memory.max").read_text("utf-8"))))
        if group == groups:
            break
    return found


def check_memory(owner: str, networks: int, need: float) -> None:
    """Refuse a call over networks whose arrays exceed the memory; what comes near is tried.

    Args:
        owner: who asks, for the message.
        networks: how many.
        need: bytes that are predicted for all of them.

    Raises:
        ToylabError: says what is needed, what is there, and what to do.
    """
    plans = _PLANS.get()
    if plans is not None:
        plans.append(need)
    there = memory()
    if need > there:
        many = f"{networks:,} networks take" if networks > 1 else "one network takes"
        raise ToylabError(
            f"{owner}: {many} {need / GIB:,.0f} GiB of memory, and {there / GIB:,.0f} GiB are "
            f"there; give fewer inputs{', or fewer networks at a time' * (networks > 1)}."
        )


@contextlib.contextmanager
def memory_plans() -> Iterator[list[float]]:
    """Collect the bytes predicted for each program over networks that runs inside.

    Example:
        >>> from toylab.analysis.circuits import logit_lens_by_layer
        >>> from toylab.models import Transformer
        >>> model = Transformer(vocab=5, length=4, width=8, depth=1, heads=2)
        >>> params = model.init(jax.random.key(0))
        >>> with memory_plans() as plans:
        ...     lens = logit_lens_by_layer(model, params, jax.numpy.zeros((2, 4), "int32"))
        >>> len(plans), plans[0] > lens.logits.nbytes
        (1, True)
    """
    plans: list[float] = []
    token = _PLANS.set(plans)
    try:
        yield plans
    finally:
        _PLANS.reset(token)
