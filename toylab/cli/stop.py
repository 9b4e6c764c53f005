"""Stopping: what Ctrl-C and SIGTERM mean while a run trains, and outside of that."""

import contextlib
import os
import signal
import sys
from collections.abc import Iterator
from typing import Any


class Stop:
    """A request to stop. While a run goes on, the first signal asks and the second insists.

    A run asks between chunks and between stages. Outside of one nothing would ask, so the first
    signal insists at once; where the interrupt is lost inside a callback of JAX, the run that
    begins after it asks. While the libraries are imported nothing is there to be saved, and the
    first signal ends the process.
    """

    def __init__(self) -> None:
        self.signum: int | None = None
        self.tracker: Any = None
        self.importing = False

    def __call__(self) -> bool:
        """Whether someone asked to stop."""
        return self.signum is not None

    @property
    def status(self) -> int:
        """Exit status of a run stopped by the signal, as shells count them."""
        return 128 + (self.signum or signal.SIGINT)

    def handle(self, signum: int, frame: Any) -> None:
        """Take a signal."""
        if self.importing:  # an exception would come out of C code as another, or be printed there
            os.write(2, b"toylab: stopped at once.\n")
            os._exit(128 + signum)
        first, self.signum = self.signum is None, self.signum or signum
        if not (first and self.tracker is not None and self.tracker.now):
            raise KeyboardInterrupt
        self.tracker.stopping = True
        # Not print: the signal may have come in the middle of one.
        os.write(2, b"\ntoylab: stopping once the state is saved; press Ctrl-C again to stop now\n")

    def lost(self, unraisable: Any) -> bool:
        """Whether an exception that nobody can catch is the interrupt; the run asks later."""
        return issubclass(unraisable.exc_type, KeyboardInterrupt)

    @contextlib.contextmanager
    def installed(self) -> Iterator["Stop"]:
        """Take SIGINT and SIGTERM inside the ``with``; only the main thread may."""
        before, hook = {}, sys.unraisablehook
        sys.unraisablehook = lambda lost: self.lost(lost) or hook(lost)
        try:
            for signum in (signal.SIGINT, signal.SIGTERM):
                before[signum] = signal.signal(signum, self.handle)
        except ValueError:
            pass
        try:
            yield self
        finally:
            sys.unraisablehook = hook
            for signum, handler in before.items():
                signal.signal(signum, handler)
