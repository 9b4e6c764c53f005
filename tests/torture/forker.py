"""Runs of a tiny study in forked children: killed, stopped, out of disk, two at once.

The parent has imported everything and started nothing: a child costs no import. It runs the real
command line, saves its state after every chunk, and takes one blow:

    time    SIGKILL at a random moment
    call    SIGKILL just before or just after the k-th durable call (fsync, replace, link, unlink)
    signal  SIGINT or SIGTERM at a random moment, from its first instruction on, once or twice
    full    from the k-th durable call on the disk is full
    two     two processes at once

After each the run is begun or resumed, perhaps under another blow, until it is whole. The parent
prints what it did as JSON; whoever called it compares the folders.
"""

import argparse
import collections
import errno
import functools
import importlib
import io
import json
import os
import random
import signal
import sys
import time
from pathlib import Path
from typing import Any

import jax

CALLS = ("fsync", "replace", "link", "unlink")
SIGNALS = (signal.SIGINT, signal.SIGTERM)
PATIENCE = 60.0  # seconds a child may take
AT_ONCE = 5.0  # seconds a child may take to end at a second signal, on a busy machine


def prepare(root: Path) -> None:
    """Set JAX up without starting it, and import what a run needs."""
    jax.config.update("jax_compilation_cache_dir", str(root / "cache"))
    jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.0)
    jax.config.update("jax_persistent_cache_min_entry_size_bytes", -1)
    os.environ["XDG_STATE_HOME"] = str(root / "state")
    import toylab.check.populations
    import toylab.cli.commands
    import toylab.cli.main
    import toylab.report.figures
    import toylab.tasks.superposition.superposition
    import toylab.train.loop
    from toylab import lab
    from toylab.cluster import training

    with toylab.report.figures.style():
        drawn = toylab.report.figures.figure()
        drawn.subplots().plot([0.0, 1.0])
        for kind in ("png", "svg"):
            drawn.savefig(io.BytesIO(), format=kind)
    for name in ("dialects.mhlo", "dialects.builtin", "dialects.stablehlo", "extras.meta"):
        importlib.import_module(f"jaxlib.mlir.{name}")
    training.train = functools.partial(training.train, save_seconds=0.0, chunk_seconds=0.0)
    # What neither writes nor decides a number would take most of a child's time.
    lab.commit = lambda: "0123456789ab"
    lab.environment = lambda: {"device": "cpu", "commit": lab.commit()}
    toylab.train.loop.check_batch = lambda population: None
    toylab.check.populations.check_populations = lambda study, found: None


class Rig:
    """Starts children and counts what became of them.

    Args:
        root: holds the study, the cache, and a folder for every run.
        seed: of every random choice.
    """

    def __init__(self, root: Path, seed: int):
        self.root, self.rng = root, random.Random(seed)
        self.counts: collections.Counter[str] = collections.Counter()
        self.wrong: list[str] = []
        self.slowest = 0.0
        self.at_once = 0.0
        self.number = 0
        self.calls, self.seconds = self.whole()

    def whole(self) -> tuple[int, float]:
        """Make the run that the others must equal; return its durable calls and its seconds."""
        self.finish(self.root / "whole")  # fills the cache
        before = time.monotonic()
        self.child(self.root / "counted", count=self.root / "calls")
        return int((self.root / "calls").read_text()), time.monotonic() - before

    def fresh(self) -> Path:
        """The folder of a run to come."""
        self.number += 1
        return self.root / f"run-{self.number}"

    def child(self, folder: Path, wait: bool = True, **blow: object) -> int:
        """Begin or resume a run in a child; return its status, or its process where not waited."""
        signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
        process = os.fork()
        if not process:
            self.run(folder, **blow)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)
        self.counts["children"] += 1
        return self.end(process, folder) if wait else process

    def run(self, folder: Path, **blow: object) -> None:
        """Be the child: run the command line and leave without a word to the parent's threads."""
        status = 70
        log = os.open(f"{folder}.{os.getpid()}.log", os.O_WRONLY | os.O_CREAT, 0o600)
        os.dup2(log, 1)
        os.dup2(log, 2)
        try:
            from toylab.cli.main import main
            from toylab.cli.start import quietly

            count = spoil(**blow)
            quietly()  # a process begins with these
            signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)
            begun = (folder / "manifest.json").exists()
            words = ["resume", str(folder)] if begun else ["run", str(self.root / "mine.py")]
            words += [] if begun else ["--preset", "smoke", "--out", str(folder)]
            status = main([*words, "--json"])
            if blow.get("count"):
                Path(str(blow["count"])).write_text(str(count[0]))
        except BaseException:
            import traceback

            traceback.print_exc()
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(status)

    def end(self, process: int, folder: Path, allowed: tuple[int, ...] = (0,)) -> int:
        """Wait for a child; note a status or words that it should not have."""
        began = time.monotonic()
        done, status = os.waitpid(process, os.WNOHANG)
        while not done and time.monotonic() - began < PATIENCE:
            time.sleep(0.005)
            done, status = os.waitpid(process, os.WNOHANG)
        if not done:
            os.kill(process, signal.SIGKILL)
            status = os.waitpid(process, 0)[1]
            self.wrong.append(f"{folder.name}: hangs")
        self.slowest = max(self.slowest, time.monotonic() - began)
        code = os.waitstatus_to_exitcode(status)
        log = Path(f"{folder}.{process}.log")
        words = log.read_text() if log.exists() else ""
        # The progress of a run goes nowhere with --json: what is left beside JSON are errors.
        lines = [line for line in words.splitlines() if line.startswith("toylab: ")]
        loud = any(word in words for word in ("Traceback", "Exception ignored", "Error:"))
        if code not in (*allowed, -signal.SIGKILL) or loud or len(lines) > 2:
            self.wrong.append(f"{folder.name}: status {code}: {words[-1500:]}")
        if code != 0 and code > 0 and not lines:
            self.wrong.append(f"{folder.name}: status {code} without a word")
        log.unlink(missing_ok=True)
        return code

    def finish(self, folder: Path) -> None:
        """Run a folder to its end, without a blow; write down what was counted so far."""
        if self.child(folder):
            self.wrong.append(f"{folder.name}: could not be finished")
        if self.number:
            (self.root / "so-far").write_text(json.dumps(self.told()))

    def told(self) -> dict[str, Any]:
        """What was done, and what went wrong."""
        told = {"calls": self.calls, "seconds": round(self.seconds, 2), "runs": self.number}
        told |= {"slowest": round(self.slowest, 2), "at_once": round(self.at_once, 2)}
        return told | {"wrong": self.wrong, **self.counts}

    def times(self, count: int) -> None:
        """Kill at random moments; most of the time the resumed run is killed as well."""
        while self.counts["time"] < count and not self.wrong:
            folder, blows = self.fresh(), 0
            while blows == 0 or (self.rng.random() < 0.75 and self.counts["time"] < count):
                process = self.child(folder, wait=False)
                time.sleep(self.rng.uniform(0, 1.05) * self.seconds)
                os.kill(process, signal.SIGKILL)
                if self.end(process, folder) == 0:
                    self.counts["missed"] += 1
                    break
                self.counts["time"] += 1
                blows += 1
            self.counts["twice"] += blows > 1
            self.finish(folder)

    def points(self, count: int) -> None:
        """Kill at durable calls, each in turn before and after; then at any of the resumed run."""
        every = [(k, after) for k in range(1, self.calls + 1) for after in (False, True)]
        chosen = self.rng.sample(every, count) if count < len(every) else every
        for k, after in chosen:
            folder, blows = self.fresh(), 0
            while self.child(folder, kill=k, after=after) == -signal.SIGKILL:
                blows += 1
                if self.rng.random() < 0.25:
                    break
                k = self.rng.randint(1, self.calls)
            self.counts["call"] += blows
            self.counts["twice"] += blows > 1
            self.finish(folder)

    def signals(self, count: int) -> None:
        """Ask to stop at random moments, early ones more often; half of the time insist."""
        for _ in range(count):
            folder, signum = self.fresh(), self.rng.choice(SIGNALS)
            process = self.child(folder, wait=False)
            time.sleep(self.rng.random() ** 2 * self.seconds)
            os.kill(process, signum)
            if twice := self.rng.random() < 0.5:
                time.sleep(self.rng.random() ** 2 * self.seconds / 2)
                os.kill(process, signum)  # a child that has ended is not yet waited for
            began = time.monotonic()
            code = self.end(process, folder, (0, 128 + signum))
            self.counts["signal"] += 1
            self.counts[f"ended with {code}"] += 1
            if code == 0 and not (folder / "figures" / "norm.png").exists():
                self.wrong.append(f"{folder.name}: status 0, and not whole")
            if twice:
                self.counts["insisted"] += 1
                self.at_once = max(self.at_once, time.monotonic() - began)
            self.finish(folder)
        if self.at_once > AT_ONCE:
            self.wrong.append(f"a second signal took {self.at_once:.1f} s")

    def full(self, count: int) -> None:
        """Fill the disk from a durable call on."""
        for _ in range(count):
            folder = self.fresh()
            process = self.child(folder, wait=False, full=self.rng.randint(1, self.calls))
            self.counts["full"] += self.end(process, folder, (0, 1)) == 1
            self.finish(folder)

    def two(self, count: int) -> None:
        """Begin, or resume, one run in two processes at once."""
        for place in range(count):
            folder = self.fresh()
            if place % 2:
                self.child(folder, kill=self.rng.randint(8, self.calls))
            both = [self.child(folder, wait=False) for _ in range(2)]
            codes = sorted(self.end(process, folder, (0, 1)) for process in both)
            self.counts["two"] += 1
            if codes[0] != 0:
                self.wrong.append(f"{folder.name}: two writers end with {codes}")
            self.finish(folder)


def spoil(kill: int = 0, after: bool = False, full: int = 0, count: object = None) -> list[int]:
    """Make durable calls count, and the k-th kill this process or fail."""
    made = [0]

    def wrap(function):
        def call(*args, **named):
            made[0] += 1
            if full and made[0] >= full and function.__name__ != "unlink":
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            if made[0] == kill and not after:
                os.kill(os.getpid(), signal.SIGKILL)
            value = function(*args, **named)
            if made[0] == kill:
                os.kill(os.getpid(), signal.SIGKILL)
            return value

        return call

    for name in CALLS:
        setattr(os, name, wrap(getattr(os, name)))
    return made


def main() -> None:
    """Read how much of each is wanted, and do it."""
    kinds = ("times", "points", "signals", "full", "two")
    parser = argparse.ArgumentParser()
    parser.add_argument("root", type=Path)
    parser.add_argument("--seed", type=int, default=0)
    for kind in kinds:
        parser.add_argument(f"--{kind}", type=int, default=0)
    args = parser.parse_args()
    prepare(args.root)
    rig = Rig(args.root, args.seed)
    for kind in kinds:
        getattr(rig, kind)(getattr(args, kind))
    print(json.dumps(rig.told()))


if __name__ == "__main__":
    main()
