"""Threads that XLA compiles a CPU's programs for: the last bits of large products depend on them.

JAX reads their number once, when it starts: that of the cores, or what the environment says, or the
number of CPU devices, if that is more.
"""

import os

import jax

THREADS = "PJRT_NPROC"  # in the environment: stands for the cores
NAMES = (THREADS, "NPROC")


def cores() -> int:
    """CPU cores that this process may use."""
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:  # a system that shows no affinity
        return os.cpu_count() or 1


def cpu_threads() -> int:
    """Threads of this process, if the environment is as it was when JAX started."""
    told = next((os.environ[name] for name in NAMES if os.environ.get(name)), "")
    own = int(told) if told.isdecimal() and int(told) else cores()
    return max(own, len(jax.devices("cpu")))


def words() -> list[str]:
    """All that the number depends on, before JAX starts."""
    told = [os.environ.get(name, "") for name in NAMES]
    return [*told, str(cores()), str(jax.config.jax_num_cpu_devices)]  # pyright: ignore
