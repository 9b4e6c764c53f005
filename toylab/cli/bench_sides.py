"""A population beside PyTorch: the side that is ours, and the rows of such a benchmark.

A benchmark gives its cases and a function that turns a case into a population; what is shared is
here: the engine as a side, the turns of all sides, and the row with the share of the matmul rate.
"""

import importlib.util
import os
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from typing import Any, Protocol

import numpy as np

from toylab.cli.bench import Row, Worker, compare, interleave, timed_burst
from toylab.errors import ToylabError, check_number

SIZES = (1, 8, 64)
Rates = tuple[dict[str, str], dict[str, np.ndarray]]


class Case(Protocol):
    """What is trained: plain numbers, so that it travels between processes."""

    @property
    def size(self) -> int:
        """P, number of models."""
        ...

    @property
    def name(self) -> str:
        """The case in a few letters."""
        ...

    @property
    def flops(self) -> int:
        """Matmul operations of one model-step."""
        ...


class EngineSide:
    """The engine as the laboratory runs it: all devices, tiles chosen by itself.

    A benchmark derives from it and says how a case becomes a population. As PyTorch's sides try
    their own settings, this one tries every form of the population that it is given, untimed.
    """

    trial_s = 0.5

    def __init__(self) -> None:
        # The other sides need room on the accelerator too.
        os.environ.setdefault("XLA_PYTHON_CLIENT_PREALLOCATE", "false")
        from toylab.train.setup import setup

        setup()

    def populations(self, case: Any) -> Mapping[str, Any]:
        """Return the case as a :class:`toylab.population.Population`, in every form to try.

        The keys say what a form is; the plain one's is empty.
        """
        raise NotImplementedError

    def backend(self) -> str:
        """Name of JAX's backend."""
        import jax

        return jax.default_backend()

    def matmul_rate(self, sizes: tuple[int, ...]) -> float:
        """See :func:`toylab.cli.bench.matmul_rate`."""
        from toylab.cli.bench import matmul_rate

        return matmul_rate(sizes)

    def prepare(self, case: Case) -> str:
        """Compile, warm up, and keep the fastest form."""
        from toylab.train.engine import Program

        forms = self.populations(case)
        speeds: dict[str, float] = {}
        for form, population in forms.items():
            self._start(Program(population))
            speeds[form] = timed_burst(self, self.trial_s) if len(forms) > 1 else 0.0
        best = max(speeds, key=speeds.__getitem__)
        if best != form:
            self._start(Program(forms[best]))
        tiles, seeds_per_tile, per_seed = self.program.layout.index_TGM.shape
        devices = self.program.layout.devices * self.program.helpers
        words = f"{tiles} tiles of {seeds_per_tile * per_seed}, {devices} devices"
        return f"{words}, {best}" if best else words

    def _start(self, program: Any) -> None:
        """Warm a program up and go on with it."""
        self.program = program
        self.state, self.step = program.init(), 0
        self.loss_P = np.full(program.population.size, np.nan)
        self.run(2)

    def run(self, steps: int) -> None:
        """Train every model for ``steps`` steps; records are fetched, so all is done."""
        bounds = (self.step, self.step + steps)
        self.state, records = self.program.chunk(self.state, bounds)
        self.step, self.loss_P = bounds[1], records["loss"][-1]

    def loss(self) -> float:
        """Mean over members of the mean loss of the last run."""
        return float(self.loss_P.mean())


def race(
    name: str,
    sides: Mapping[str, str],
    cases: Callable[[int], Sequence[Case]],
    sizes: tuple[int, ...] | None,
    more: tuple[int, ...],
    *,
    seconds: float,
    rounds: int,
    matmul_sizes: tuple[int, ...],
) -> list[Row]:
    """Time all sides on all cases, interleaved.

    Args:
        name: the benchmark, for messages.
        sides: factory of each side, as :class:`toylab.cli.bench.Worker` takes it; "ours" is the
        engine. cases: the cases of one P.
        sizes: values of P; by default ``SIZES``, and those of ``more`` that suit the machine.
        more: further values of P, those above 256 on an accelerator only.
        seconds: length of one burst of one side.
        rounds: bursts per side and case.
        matmul_sizes: N of the products that give the machine's matmul rate.

    Returns:
        Per case: ours against each other side (model-steps/s), then our matmul work against the
        machine's matmul rate (GFLOP/s). A baseline's text is the side's name and, in parentheses,
        the settings it ran fastest with.

    Raises:
        ToylabError: a peer is missing, a number is out of range, or a side failed.
    """
    check_number(name, "seconds", seconds, above=0)
    check_number(name, "rounds", rounds, low=1, whole=True)
    for size in sizes or ():
        check_number(name, "sizes", size, low=1, whole=True)
    checked = {size: cases(size) for size in sizes or (*SIZES, *more)}
    for module, peer in (("torch", "PyTorch"), ("equinox", "Equinox")):
        if any(module in where for where in sides.values()) and not importlib.util.find_spec(
            module
        ):
            raise ToylabError(
                f"{name} compares with {peer}, which is not installed; pip install 'toylab[bench]'"
            )
    with ExitStack() as stack:
        workers = {n: stack.enter_context(Worker(factory)) for n, factory in sides.items()}
        ours = workers["ours"]
        if sizes is None:
            small = ours.call("backend") == "cpu"
            sizes = tuple(size for size in checked if size <= 256 or not small)
        before = ours.call("matmul_rate", matmul_sizes)
        run = [case for size in sizes for case in checked[size]]
        measured = [(case, _measure(name, case, workers, rounds, seconds)) for case in run]
        machine = max(before, ours.call("matmul_rate", matmul_sizes))
    return [row for case, found in measured for row in report(case, found, machine)]


def _measure(
    name: str, case: Case, workers: dict[str, Worker], rounds: int, seconds: float
) -> Rates:
    """Return each side's settings, and its model-steps/s in every round."""
    settings = {side: worker.call("prepare", case) for side, worker in workers.items()}
    rates = interleave(workers, rounds, seconds)
    for side, worker in workers.items():
        loss = worker.call("loss")
        if not np.isfinite(loss):
            raise ToylabError(
                f"{name}: {case.name}, {side}: the loss is {loss}, so it did not "
                "train; a time would mean nothing."
            )
    return settings, {side: rate * case.size for side, rate in rates.items()}


def report(case: Case, found: Rates, machine: float) -> list[Row]:
    """Return a case's rows.

    Args:
        case: the case.
        found: each side's settings, and its model-steps/s in every round.
        machine: the machine's matmul rate, GFLOP/s.
    """
    settings, rates = found
    unit = "model-steps/s"
    speed = [
        compare(f"{case.name}: {unit}", unit, rates["ours"], f"{n} ({settings[n]})", rates[n])
        for n in rates
        if n != "ours"
    ]
    work = rates["ours"] * case.flops * 1e-9
    name = f"{case.name}: share of the matmul rate ({settings['ours']})"
    whole = np.full_like(work, machine)
    return [*speed, compare(name, "GFLOP/s", work, "float32 matmul in JAX", whole)]
