"""The driver: hands tiles to workers, keeps what comes back, and puts populations together.

It alone writes the run folder. Tiles go on independently, a stretch at a time, with no barrier
between them; a worker that is killed costs its stretch, a driver that is killed what has not come
back. The bits are those of a run in one process: a tile's program is the same wherever it runs.
"""

import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import CancelledError, Executor

from toylab.cluster.engines import engine
from toylab.cluster.flights import Flights, Turn, is_loss
from toylab.cluster.job import differing, switches
from toylab.cluster.spread import Spread
from toylab.cluster.store import TileStore
from toylab.cluster.worker import take_over
from toylab.errors import ToylabError
from toylab.population import Population
from toylab.runs.checkpointer import FolderCheckpointer
from toylab.runs.provenance import CPU_NUMERICS
from toylab.runs.reporter import Interrupted, Reporter
from toylab.runs.run_folder import RunFolder

STRETCH = 10.0  # seconds that a worker trains a tile for
TURN = 0.2  # seconds between two questions whether to stop
SILENCE = 20.0  # seconds without a worker, after which that is said


class Driver:
    """Trains populations of a run on an engine's workers.

    Args:
        run: the folder, held for writing.
        names: what is to be trained, in order.
        populations: all of the study's.
        checkpointers: of those to train.
        reporter: told what happens.
        stop: asked several times a second; when true, ``Interrupted`` is raised.
    """

    def __init__(
        self,
        run: RunFolder,
        names: Sequence[str],
        populations: Mapping[str, Population],
        checkpointers: Mapping[str, FolderCheckpointer],
        reporter: Reporter,
        stop: Callable[[], bool],
    ):
        self.run, self.populations, self.checkpointers = run, populations, checkpointers
        self.reporter, self.stop = reporter, stop
        self.waiting = list(names)
        self.open: dict[str, Spread] = {}
        self.turns: deque[Turn] = deque()
        self.last = time.monotonic()

    def train(self, on: str | Executor) -> None:
        """Train them all.

        Args:
            on: an engine, see :mod:`toylab.cluster.engines`, or an executor.

        Raises:
            ToylabError: no such engine, workers that would give other bits or that are lost again
                and again, or a mistake that training finds.
            Interrupted: ``stop`` said so; all that came back is kept.
        """
        with engine(on) as begin:
            flights = Flights(begin)
            self._same_numerics(flights)
            while self.waiting or self.open:
                self._begin()
                while self.turns and not flights.full():
                    flights.send(self.turns.popleft(), STRETCH)
                self._take(flights)
                self._ask()

    def _begin(self) -> None:
        """Open the populations whose start is trained."""
        for name in list(self.waiting):
            if self.populations[name].start in {*self.waiting, *self.open}:
                continue
            self.waiting.remove(name)
            spread = Spread(self.run, name, self.populations, self.checkpointers[name])
            self.open[name] = spread
            self.turns.extend((spread, tile) for tile in sorted(spread.left))
            self._close(spread)

    def _take(self, flights: Flights) -> None:
        """Keep a tile that came back; unless it is done, it is the next to go."""
        came = flights.receive(TURN) if flights.flying else None
        if came is None:
            return
        (spread, tile), stretch = came
        if stretch is None or stretch.dead_at is None:
            self.turns.appendleft((spread, tile))
        if stretch is None:
            return
        now = time.monotonic()
        progress = spread.take(tile, stretch, now - self.last)
        self.reporter.population(spread.name, spread.population, progress.step)
        self.reporter.progress(progress)
        self.last = now
        self._close(spread)

    def _close(self, spread: Spread) -> None:
        """Put a population together whose tiles are all done."""
        if not spread.left:
            spread.finish()
            del self.open[spread.name]

    def _ask(self) -> None:
        if self.stop():
            raise Interrupted(str(self.run.path))

    def _same_numerics(self, flights: Flights) -> None:
        """Note what the workers compute with; refuse what would not end in a run's own bits."""
        have = self._answer(flights)
        about = self.run.manifest
        odd = differing(have, about["numerics"])
        trained = about.get("finished", {}).keys() - about.get("reused", {}).keys() or any(
            TileStore(self.run, name).any() or self.checkpointers[name].load()
            for name in self.waiting
        )
        kind = {"device", *(CPU_NUMERICS - have.keys())}  # a GPU has none of a CPU's
        if odd and (trained or not odd.keys() <= kind):
            raise ToylabError(
                f"The workers would give other bits than this run: {next(iter(odd.values()))}. "
                "Start workers with the driver's versions, of one kind."
            )
        if odd:  # begun from a machine of another kind than the workers'
            self.run.note(numerics=have)

    def _answer(self, flights: Flights) -> dict[str, str]:
        """Wait for the first worker's numerics, and say so when it takes long to come."""
        told, future = False, flights.submit(take_over, switches())
        while True:
            try:
                return future.result(timeout=TURN)
            except (Exception, CancelledError) as error:
                if future.done() and not is_loss(error):
                    raise
                if future.done():
                    flights.lost(flights.executor, error)
                    future = flights.submit(take_over, switches())
            self._ask()
            if not told and time.monotonic() - self.last > SILENCE:
                self.reporter.note("waiting for a worker")
                told = True
