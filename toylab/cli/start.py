"""The process's first lines: a signal that comes before anything is loaded ends it with a line."""

import gc
import os
import signal
import sys
from typing import NoReturn

SIGNALS = (signal.SIGINT, signal.SIGTERM)
OBJECTS = 50_000  # made between two searches for garbage; see main()
SHOW_CURSOR = b"\x1b[?25h"


def leave(signum: int, again: str = "") -> NoReturn:
    """End the process at once, with a signal's exit status.

    Args:
        signum: the signal.
        again: the command that goes on with what was written, if any.
    """
    where = ""
    if again:
        from toylab.cli.text import plain

        where = f" Continue with: {plain(again)}"
    # Not print: the signal may have come in the middle of one.
    if os.isatty(2):  # the display of a run hides it
        os.write(2, SHOW_CURSOR)
    os.write(2, f"toylab: stopped at once.{where}\n".encode(errors="backslashreplace"))
    os._exit(128 + signum)


def quietly() -> None:
    """Let SIGINT and SIGTERM end the process, with a line and their exit status."""
    for signum in SIGNALS:
        signal.signal(signum, lambda signum, frame: leave(signum))


def main() -> int:
    """Be the command ``toylab``: run the command line and end the process.

    Returns:
        The exit status. A process that was stopped ends here: Python would wait for a compilation
        under way.
    """
    quietly()
    # Traces of programs are many objects that live long. Python's own threshold, 700, has them
    # walked through again and again: a third of the time that tracing takes.
    gc.set_threshold(OBJECTS)
    from toylab.cli.main import main

    status = main()
    if status >= 128:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)
    return status
