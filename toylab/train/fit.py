"""Training in memory, for notebooks and tests."""

import contextlib
import dataclasses
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from toylab.check.doubles import refuse_doubles
from toylab.errors import ToylabError
from toylab.population import PARTS, Population, written
from toylab.show.cards import Card, Rows
from toylab.show.curve import drawn
from toylab.show.notebook import in_notebook
from toylab.train.engine import Program, Records
from toylab.train.fast_compile import compiling
from toylab.train.loop import Progress, train
from toylab.train.returns import check_population
from toylab.train.starts import check_params
from toylab.trees import flatten, unflatten


@dataclasses.dataclass
class Fit(Card):
    """A population trained in memory, for notebooks and tests.

    Attributes:
        population: what was trained.
        snapshots: ``{step: parameter tree with leading axis P}``.
        records: ``{name: (records, P)}`` and ``step``.
        dead_at: step at which a member diverged, -1 for finite members, (P,).
        stopped: the state at which training was interrupted: its step, its arrays, its records;
            None where it came to its end.
    """

    population: Population
    snapshots: dict[int, dict[str, Any]] = dataclasses.field(default_factory=dict)
    records: Records = dataclasses.field(default_factory=dict)
    dead_at: np.ndarray = dataclasses.field(default_factory=lambda: np.zeros(0, np.int32))
    stopped: tuple[int, dict[str, np.ndarray], Records] | None = None

    @property
    def params(self) -> dict[str, Any]:
        """Parameters at the last step."""
        return self.snapshots[max(self.snapshots)]

    def load(self) -> tuple[int, dict[str, np.ndarray], Records] | None:
        """Start where an interrupted training stopped, or afresh."""
        return self.stopped

    def save(self, step: int, state: dict[str, np.ndarray], records: Records) -> None:
        """Keep the state of an interrupted training."""
        self.stopped = step, state, records

    def snapshot(self, step: int, params: dict[str, np.ndarray]) -> None:
        """Keep the parameters of a step."""
        self.snapshots[step] = unflatten(params)

    def finish(self, records: Records, dead_at: np.ndarray) -> None:
        """Keep the records."""
        self.records, self.dead_at, self.stopped = records, dead_at, None

    def interrupt(self) -> int:
        """Let what an interrupted training reached be read like a result; return its step."""
        assert self.stopped is not None
        step, state, records = self.stopped
        part = {n.removeprefix("params/"): a for n, a in state.items() if n.startswith("params/")}
        self.snapshot(step, part)
        self.records, self.dead_at = records, state["dead_at"]
        return step

    def _card(self) -> tuple[str, Rows]:
        heading, rows = self.population._card()
        step, lost = max(self.snapshots), int((self.dead_at >= 0).sum())
        ends = [] if "loss" not in self.records else [self.records["loss"][-1]]
        told = [("median loss", f"{np.nanmedian(end):.4g}") for end in ends if lost < len(end)]
        told.append(("diverged", f"{lost} of {self.population.size}"))
        return f"{heading}, at step {step:,}", [*rows, *told]


def fit(
    population: Population,
    start: Any = None,
    *,
    show: bool | Callable[[Progress], None] | None = None,
    resume: Fit | None = None,
    hastily: bool = False,
) -> Fit:
    """Train a population in memory.

    Ctrl-C, or a notebook's stop button, ends training after the chunk at hand, and what has been
    trained is returned; a second one insists.

    Args:
        population: what is trained.
        start: initial parameters in place of drawn ones, a tree with leading axis P.
        show: whether progress is shown, or what to call after every chunk. A notebook draws a curve
            of the loss, a terminal writes a line; by default only a notebook shows anything.
        resume: what an interrupted fit of the same members returned; training goes on from there,
            to the same bits as if nothing had happened.
        hastily: leave out XLA's costly optimisations: compiles faster, trains slower.

    Returns:
        Its snapshots, its records and which members diverged.

    Raises:
        ToylabError: initial parameters that are not those of the model, or a resumed fit that was
            not interrupted, or is of other members, or of another model, task, optimiser or loss.

    Example:
        >>> from toylab.members import seeds
        >>> from toylab.models import Autoencoder
        >>> from toylab.optim import AdamW
        >>> from toylab.tasks.superposition.superposition import Sparse
        >>> result = fit(Population(model=Autoencoder(5, 2), task=Sparse(5, density=0.1),
        ...     members=seeds(3), optimizer=AdamW(1e-2, 0.0), steps=20, batch_size=32))
        >>> result.params["W"].shape
        (3, 2, 5)
    """
    check_population(population)
    result, first = Fit(population), None
    if resume is not None:
        result = _resumed(population, resume, start)
    if start is not None:
        first = {name: np.asarray(leaf) for name, leaf in flatten(start).items()}
        refuse_doubles("fit: start", first)
        of_one = {name: leaf.shape[1:] for name, leaf in first.items()}
        check_params(population.model, of_one, "fit: the population")
    with compiling(hastily), _first_interrupt() as stop, _shown(show) as told:
        # Short chunks: a hand on Ctrl-C is answered soon, and the curve has points.
        done = train(Program(population), result, told, stop, np.inf, 0.1, first)
    if not done:
        step = result.interrupt()
        told = f"fit: stopped at step {step:,} of {population.steps:,}; fit(population, resume=...)"
        print(f"{told} with what it returned goes on.", file=sys.stderr)
    return result


def _shown(
    show: bool | Callable[[Progress], None] | None,
) -> contextlib.AbstractContextManager[Callable[[Progress], None]]:
    if callable(show):
        return contextlib.nullcontext(show)
    wanted = in_notebook() if show is None else show
    return drawn() if wanted else contextlib.nullcontext(lambda progress: None)


def _resumed(population: Population, before: Fit, start: Any) -> Fit:
    """A fit that goes on where another was interrupted, and leaves that one as it is."""
    if before.stopped is None or start is not None:
        what = "was not interrupted" if before.stopped is None else "has its own start"
        raise ToylabError(f"fit: what resume= names {what}; there is nothing to go on with.")
    now, then = population.members.columns, before.population.members.columns
    if now.keys() != then.keys() or any(not np.array_equal(now[n], then[n]) for n in now):
        raise ToylabError("fit: resume= is of other members; give the population that it trained.")
    for part in (*PARTS, "batch_size", "piece", "shards", "first_seed"):
        parts = (getattr(p, part) for p in (before.population, population))
        had, has = (written(own) for own in parts)
        if had != has:
            raise ToylabError(
                f"fit: resume= is of another {part}, {had}; give the population that it "
                "trained, or leave resume= out to train anew."
            )
    if before.stopped[0] > population.steps:
        raise ToylabError(
            f"fit: resume= stands at step {before.stopped[0]:,}, beyond {population.steps}; "
            "give as many steps as before."
        )
    due = population.boundaries()[1]
    kept = {step: params for step, params in before.snapshots.items() if step in due}
    return Fit(population, kept, stopped=before.stopped)


@contextlib.contextmanager
def _first_interrupt() -> Iterator[Callable[[], bool]]:
    """Note the first Ctrl-C inside the ``with``; only the main thread may."""
    asked = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield asked.is_set
        return

    def take(signum: int, frame: Any) -> None:
        if asked.is_set():
            raise KeyboardInterrupt
        asked.set()

    before = signal.signal(signal.SIGINT, take)
    try:
        yield asked.is_set
    finally:
        signal.signal(signal.SIGINT, before)
