"""Flights: stretches on their way to workers and back, whatever becomes of the workers."""

import queue
from collections.abc import Callable
from concurrent.futures import BrokenExecutor, CancelledError, Executor, Future
from typing import Any

from toylab.cluster.engines import Start
from toylab.cluster.spread import Spread
from toylab.cluster.worker import Stretch, advance
from toylab.errors import ToylabError

IN_FLIGHT = 2**28  # bytes of states on their way
PATIENCE = 100  # losses in a row, after which an engine is given up
LOST = ("KilledWorker", "FutureCancelledError", "FuturesCancelledError", "CommClosedError")
Turn = tuple[Spread, int]


class Flights:
    """Stretches on their way to workers and back.

    Args:
        begin: starts the engine, and starts it again when it broke.
    """

    def __init__(self, begin: Start):
        self.begin, self.executor = begin, begin()
        self.flying: dict[Future, tuple[Turn, int, Executor]] = {}
        self.back: queue.SimpleQueue[Future] = queue.SimpleQueue()
        self.bytes = self.losses = 0

    def full(self) -> bool:
        """Whether what is on its way is enough for now."""
        return self.bytes >= IN_FLIGHT

    def submit(self, call: Callable, *args: Any) -> Future:
        """Hand a call to the engine, which is started again if it is broken."""
        try:
            return self.executor.submit(call, *args)
        except BrokenExecutor as error:
            self.lost(self.executor, error)
            return self.executor.submit(call, *args)

    def send(self, turn: Turn, seconds: float) -> None:
        """Hand a tile to a worker, from where it stands."""
        spread, tile = turn
        begun = spread.load(tile)
        first = None if begun.state else spread.first(tile)
        size = sum(leaf.nbytes for leaf in (begun.state or first or {}).values()) or 1
        future = self.submit(advance, spread.job, tile, seconds, begun, first)
        self.flying[future] = turn, size, self.executor
        self.bytes += size
        future.add_done_callback(self.back.put)

    def receive(self, timeout: float) -> tuple[Turn, Stretch | None] | None:
        """Return a tile that came back and where it stands, None where a worker was lost.

        Args:
            timeout: seconds to wait; None is returned after it.

        Raises:
            ToylabError: the worker's own, or workers are lost again and again.
        """
        try:
            future = self.back.get(timeout=timeout)
        except queue.Empty:
            return None
        turn, size, executor = self.flying.pop(future)
        self.bytes -= size
        try:
            stretch = future.result()
        except (Exception, CancelledError) as error:
            if not is_loss(error):
                raise
            self.lost(executor, error)
            return turn, None
        self.losses = 0
        return turn, stretch

    def lost(self, executor: Executor, error: BaseException) -> None:
        """Count a loss, and start the engine again if it is the one that broke.

        Args:
            executor: the one that lost a worker.
            error: how it says so.

        Raises:
            ToylabError: it has lost too many in a row, or cannot be started again.
        """
        if executor is not self.executor:  # broke with others, and was counted then
            return
        self.losses += 1
        if self.losses > PATIENCE:
            raise ToylabError(
                f"Workers are lost again and again ({type(error).__name__}), perhaps for want of "
                "memory; what they handed back is saved. Resume with another --on."
            )
        if isinstance(error, BrokenExecutor):
            self.executor = self.begin()
            if self.executor is executor:
                raise ToylabError("The executor is broken; resume with a new one.") from error


def is_loss(error: BaseException) -> bool:
    """Whether a worker was lost, which is nobody's mistake, and not the work that failed."""
    return isinstance(error, BrokenExecutor | CancelledError) or type(error).__name__ in LOST
