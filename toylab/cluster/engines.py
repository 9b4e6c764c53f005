"""Engines: what ``--on`` names, as a ``concurrent.futures.Executor`` that can be started again.

local:4              four processes of this machine, one core (or GPU) each
dask                 a Dask cluster of this machine, one worker per core
dask:tcp://host:8786 a Dask scheduler by its address
dask:scheduler.json  a Dask scheduler by the file that it wrote
slurm:8,queue=short,walltime=02:00:00,memory=4GB   eight Slurm jobs as Dask workers
"""

import contextlib
import importlib
import logging
import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, ProcessPoolExecutor
from multiprocessing.connection import wait
from pathlib import Path
from typing import Any

from toylab.errors import ToylabError, nearest

KINDS = ("local", "dask", "slurm")
SLURM = {
    **dict.fromkeys(("queue", "account", "walltime", "memory", "interface", "logs", "extra"), str),
    "cores": int,
}
NVIDIA = Path("/proc/driver/nvidia/gpus")  # where its driver lists them
PATIENCE = 20  # seconds for a scheduler to answer
Start = Callable[[], Executor]


@contextlib.contextmanager
def engine(on: str | Executor) -> Iterator[Start]:
    """Yield what starts an engine, and starts it again should it break; ends it in the end.

    Args:
        on: its name as above, or an executor, which stays open and cannot be started again.

    Raises:
        ToylabError: no such engine, a package that is not installed, or a scheduler that does not
            answer.
    """
    if not isinstance(on, str):
        yield lambda: on
        return
    kind, _, rest = on.partition(":")
    if kind not in KINDS:
        raise ToylabError(f"--on {on!r}: {nearest(kind, KINDS)}")
    with contextlib.ExitStack() as opened:
        yield {"local": _local, "dask": _dask, "slurm": _slurm}[kind](rest, opened)


def _local(rest: str, opened: contextlib.ExitStack) -> Start:
    if rest and not (rest.isdecimal() and 1 <= int(rest) <= 1024):
        raise ToylabError(f"--on local:{rest} is no number of processes; as in --on local:4.")
    size = int(rest) if rest else os.cpu_count() or 1
    spawn = multiprocessing.get_context("spawn")
    pools: list[ProcessPoolExecutor] = []

    def start() -> Executor:
        _end(pools)
        pools.append(
            ProcessPoolExecutor(
                size, spawn, initializer=bind_worker, initargs=(spawn.Value("i", 0),)
            )
        )
        return pools[-1]

    opened.callback(_end, pools)
    return start


def _end(pools: list[ProcessPoolExecutor]) -> None:
    """End the pools' processes without waiting for what they are at."""
    while pools:
        pool = pools.pop()
        processes = list((pool._processes or {}).values())  # shutdown forgets them
        pool.shutdown(wait=False, cancel_futures=True)
        for process in processes:
            process.terminate()


def bind_worker(count: Any) -> None:
    """Give a worker process one core and one GPU of its own, and let it end with its parent.

    Args:
        count: workers begun so far, shared by all of them.
    """
    with count.get_lock():
        number, count.value = count.value, count.value + 1
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the driver
    threading.Thread(target=_end_with_parent, daemon=True).start()
    take_core(number)
    if gpus := visible_gpus():
        os.environ["CUDA_VISIBLE_DEVICES"] = gpus[number % len(gpus)]


def visible_gpus(drivers: Path = NVIDIA) -> list[str]:
    """Return the names of the GPUs that this process may use, without waking CUDA.

    Args:
        drivers: folder with an entry for each GPU.
    """
    told = os.environ.get("CUDA_VISIBLE_DEVICES")
    if told is not None:
        return [name for name in told.split(",") if name]
    return [str(number) for number in range(len([*drivers.glob("*")]))]


def take_core(number: int) -> None:
    """Bind this process to one of its cores, where the system lets it; before JAX starts."""
    with contextlib.suppress(AttributeError, OSError):
        cores = sorted(os.sched_getaffinity(0))
        os.sched_setaffinity(0, {cores[number % len(cores)]})


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent:
        wait([parent.sentinel])
        os._exit(1)


def _dask(rest: str, opened: contextlib.ExitStack) -> Start:
    distributed = _package("distributed")
    if not rest:
        cluster = opened.enter_context(
            distributed.LocalCluster(
                threads_per_worker=1,
                processes=True,
                dashboard_address=None,
                silence_logs=logging.ERROR,
            )
        )
        client = _client(distributed, opened, "dask", address=cluster)
        for number, worker in enumerate(client.scheduler_info(n_workers=-1)["workers"]):
            client.run(take_core, number, workers=[worker])
    elif rest.endswith(".json"):
        client = _client(distributed, opened, f"dask:{rest}", scheduler_file=rest)
    else:
        client = _client(distributed, opened, f"dask:{rest}", address=rest)
    return lambda: client.get_executor(pure=False)


def _client(distributed: Any, opened: contextlib.ExitStack, on: str, **where: Any) -> Any:
    try:
        return opened.enter_context(distributed.Client(**where, timeout=PATIENCE))
    except (OSError, ValueError) as error:  # of a scheduler: its timeouts are OSErrors too
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise ToylabError(
            f"--on {on}: no scheduler answers there ({reason}). Start one with 'dask scheduler'."
        ) from None


def _slurm(rest: str, opened: contextlib.ExitStack) -> Start:
    distributed, jobqueue = _package("distributed"), _package("dask_jobqueue")
    count, options = slurm_options(rest)
    cluster = opened.enter_context(jobqueue.SLURMCluster(**options))
    cluster.scale(jobs=count)
    client = _client(distributed, opened, f"slurm:{rest}", address=cluster)
    return lambda: client.get_executor(pure=False)


def slurm_options(text: str) -> tuple[int, dict[str, Any]]:
    """Read ``8,queue=short,walltime=02:00:00``: the number of jobs, and what each asks for.

    Raises:
        ToylabError: an unknown option, or a value that is none.

    Example:
        >>> slurm_options("8,queue=short,cores=1")[0]
        8
    """
    first, *pairs = text.split(",")
    if not (first.isdecimal() and int(first) >= 1):
        raise ToylabError(f"--on slurm:{text}: begin with the number of jobs, as in slurm:8.")
    found: dict[str, Any] = {}
    for pair in pairs:
        key, equals, value = pair.partition("=")
        if key not in SLURM or not equals or not value:
            raise ToylabError(f"--on slurm: {pair!r}; {nearest(key, SLURM)}")
        if SLURM[key] is int and not value.isdecimal():
            raise ToylabError(f"--on slurm: {key} = {value!r} is no whole number.")
        found[key] = SLURM[key](value)
    extra = found.pop("extra", "")
    cores = found.setdefault("cores", 1)
    logs = found.pop("logs", "slurm-logs")
    shared = {"processes": cores, "memory": "4GB", "walltime": "01:00:00", "log_directory": logs}
    directives = {"job_extra_directives": [extra]} if extra else {}
    return int(first), shared | found | directives


def _package(name: str) -> Any:
    try:
        return importlib.import_module(name)
    except ImportError:
        raise ToylabError(
            f"--on needs {name.replace('_', '-')}: pip install 'toylab[cluster]'."
        ) from None
