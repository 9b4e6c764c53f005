"""Ahead: the next population compiles on another core while this one trains."""

from collections.abc import Generator, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import islice

from toylab.population import Population
from toylab.train.engine import Program


def compiled_ahead(populations: Sequence[Population]) -> Generator[Program, None, None]:
    """Yield each population's compiled program, in order; one more compiles meanwhile.

    Close it when leaving early: what has not begun to compile then never does.

    XLA compiles a program on one core and lets Python go on: a study of many short populations
    takes little more than half the time.

    Args:
        populations: what will be trained.

    Raises:
        ToylabError: one that cannot be compiled, when its turn has come.
    """
    # Left without waiting for what has not begun; a compilation under way cannot be stopped.
    pool = ThreadPoolExecutor(2)
    try:
        waiting = iter(populations)
        begin = lambda: [pool.submit(Program, population) for population in islice(waiting, 1)]
        futures = begin()
        while futures:
            futures += begin()
            yield futures.pop(0).result()
    finally:
        pool.shutdown(wait=False, cancel_futures=True)
