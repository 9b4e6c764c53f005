"""Stopping: what Ctrl-C and SIGTERM mean while a run goes on, and outside of that.

A run asks between chunks and between stages whether to stop. What is on the disk is whole at any
moment, so a process that should end now just ends: an interrupt raised as an exception would be
lost in callbacks of JAX, come out of C code as another error, or wait for compilations.
"""

import contextlib
import itertools
import os
import select
import signal
import socket
import threading
from collections.abc import Iterator
from typing import Any

from toylab.cli.start import SIGNALS, leave

ENOUGH = 0  # no signal's number: the thread that waits for signals may end


class Stop:
    """A request to stop. While a run goes on, the first signal asks and the second insists.

    Outside of one nothing would ask, so the first insists.
    """

    def __init__(self) -> None:
        self.signum: int | None = None
        self.tracker: Any = None
        self.counted = itertools.count(1)

    def __call__(self) -> bool:
        """Whether someone asked to stop."""
        return self.signum is not None

    @property
    def status(self) -> int:
        """Exit status of a run stopped by the signal, as shells count them."""
        return 128 + (self.signum or signal.SIGINT)

    @property
    def again(self) -> str:
        """The command that goes on with what was written, if anything was."""
        return self.tracker.again if self.tracker is not None else ""

    def take(self, signum: int) -> None:
        """Take a signal."""
        first = next(self.counted) == 1  # two threads may be here at once
        self.signum = self.signum or signum
        if not (first and self.tracker is not None and self.tracker.now):
            leave(self.signum, self.again)
        self.tracker.stopping = True
        os.write(2, b"\ntoylab: stopping once the state is saved; press Ctrl-C again to stop now\n")

    @contextlib.contextmanager
    def installed(self) -> Iterator["Stop"]:
        """Take SIGINT and SIGTERM inside the ``with``; only the main thread may.

        Python calls a handler once whatever runs in C returns, a compilation of minutes perhaps.
        So it also writes the signal's number where a thread waits for it.
        """
        if threading.current_thread() is not threading.main_thread():
            return (yield self)
        inlet, outlet = socket.socketpair()
        with inlet, outlet:
            for end in (inlet, outlet):
                end.setblocking(False)
            fd = signal.set_wakeup_fd(inlet.fileno(), warn_on_full_buffer=False)
            handler = lambda signum, frame: self._take_all(outlet)
            before = {signum: signal.signal(signum, handler) for signum in SIGNALS}
            thread = threading.Thread(target=self._wait, args=(outlet,), daemon=True)
            thread.start()
            try:
                yield self
            finally:
                for signum, former in before.items():
                    signal.signal(signum, former)
                signal.set_wakeup_fd(fd)
                inlet.send(bytes([ENOUGH]))
                thread.join()

    def _wait(self, outlet: socket.socket) -> None:
        while True:
            select.select([outlet], [], [])
            if self._take_all(outlet):
                return

    def _take_all(self, outlet: socket.socket) -> bool:
        """Take what has come; return whether that is enough."""
        numbers = b""
        with contextlib.suppress(BlockingIOError):
            numbers = outlet.recv(64)
        for signum in numbers:
            if signum in SIGNALS:
                self.take(signum)
        return ENOUGH in numbers
