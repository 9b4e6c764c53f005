"""How fast a population of superposition autoencoders trains, beside PyTorch.

The sides train the same P models (ReLU-output autoencoder, n = 20 features, m = 5 hidden, batch
1024, AdamW with decay 0.01) and are counted in model-steps per second: one model's update on one
fresh batch. In the *shared* design all members have one data seed and see the same batches; in the
*own* design every member draws a batch of its own. See README.md in this folder.
"""

import dataclasses
import importlib.util
import os
from contextlib import ExitStack
from typing import Any

import numpy as np

from toylab.bench import Row, Worker, compare, interleave
from toylab.errors import ToylabError, check_number

SIZES = (1, 8, 64, 256)
ACCELERATOR_SIZES = (*SIZES, 1024)
SIDES = {
    "ours": "benchmarks.superposition:Ours",
    "PyTorch batched": "benchmarks.superposition_torch:Batched",
    "PyTorch batched, our layout": "benchmarks.superposition_torch:FeatureMajor",
    "PyTorch loop": "benchmarks.superposition_torch:Loop",
}


@dataclasses.dataclass(frozen=True, kw_only=True)
class Case:
    """What is trained; plain numbers, so that it travels between processes.

    Attributes:
        size: P, number of models.
        shared: whether all models see the same batches.
        n_features: N.
        n_hidden: M.
        batch_size: B.
        density: probability that a feature is active.
        importance: feature i weighs ``importance**i``.
        learning_rate: AdamW's.
        weight_decay: AdamW's, PyTorch's default as in the paper's notebook.
    """

    size: int
    shared: bool
    n_features: int = 20
    n_hidden: int = 5
    batch_size: int = 1024
    density: float = 0.1
    importance: float = 0.7
    learning_rate: float = 1e-3
    weight_decay: float = 0.01

    @property
    def name(self) -> str:
        """The case in a few letters."""
        return f"P={self.size} {'shared' if self.shared else 'own'}"

    @property
    def flops(self) -> int:
        """Matmul operations of one model-step, 10 B N M.

        Five products of 2 B N M each: encode and decode forward, and backward the gradient of
        the hidden layer and the two gradients of the tied matrix. The optimiser, the
        elementwise work and the drawing of data do not count.
        """
        return 10 * self.batch_size * self.n_features * self.n_hidden


def population(case: Case) -> Any:
    """Return the case as a :class:`toylab.population.Population`."""
    from tasks.superposition import Sparse
    from toylab.members import grid, seeds
    from toylab.models import Autoencoder
    from toylab.optim import AdamW
    from toylab.population import Population

    return Population(
        model=Autoencoder(case.n_features, case.n_hidden),
        task=Sparse(case.n_features, case.density, importance=case.importance),
        members=grid(init_seed=range(case.size)) if case.shared else seeds(case.size),
        optimizer=AdamW(case.learning_rate, case.weight_decay),
        steps=2**30,
        batch_size=case.batch_size,
    )


class Ours:
    """The engine as the laboratory runs it: all devices, tiles chosen by itself."""

    def __init__(self) -> None:
        # The other sides need room on the accelerator too.
        os.environ.setdefault("XLA_PYTHON_CLIENT_PREALLOCATE", "false")
        from toylab.lab import setup

        setup()

    def backend(self) -> str:
        """Name of JAX's backend."""
        import jax

        return jax.default_backend()

    def matmul_rate(self, sizes: tuple[int, ...]) -> float:
        """See :func:`toylab.bench.matmul_rate`."""
        from toylab.bench import matmul_rate

        return matmul_rate(sizes)

    def prepare(self, case: Case) -> str:
        """Compile and warm up."""
        from toylab.engine import Program

        self.program = Program(population(case))
        self.state, self.step = self.program.init(), 0
        self.loss_P = np.full(case.size, np.nan)
        self.run(2)
        tiles, seeds_per_tile, per_seed = self.program.layout.index_TGM.shape
        devices = self.program.layout.devices
        return f"{tiles} tiles of {seeds_per_tile * per_seed}, {devices} devices"

    def run(self, steps: int) -> None:
        """Train every model for ``steps`` steps; records are fetched, so all is done."""
        bounds = (self.step, self.step + steps)
        self.state, records = self.program.chunk(self.state, bounds)
        self.step, self.loss_P = bounds[1], records["loss"][-1]

    def loss(self) -> float:
        """Mean over members of the mean loss of the last run."""
        return float(self.loss_P.mean())


def rows(
    sizes: tuple[int, ...] | None = None,
    seconds: float = 0.5,
    rounds: int = 7,
    matmul_sizes: tuple[int, ...] = (1024, 1536, 2048),
    **changes: Any,
) -> list[Row]:
    """Time all sides, interleaved.

    Args:
        sizes: values of P; by default 1, 8, 64 and 256, and 1024 too on an accelerator.
        seconds: length of one burst of one side.
        rounds: bursts per side and case.
        matmul_sizes: N of the products that give the machine's matmul rate.
        **changes: other fields of :class:`Case`, for a smaller one.

    Returns:
        Per P and design: ours against each PyTorch side (model-steps/s), then our matmul work
        against the machine's matmul rate (GFLOP/s). A baseline's text is the side's name and,
        in parentheses, the settings it ran fastest with.

    Raises:
        ToylabError: PyTorch is missing, a number is out of range, or a side failed.

    Example:
        >>> rows(sizes=(64,))  # doctest: +SKIP
    """
    check_number("bench superposition", "seconds", seconds, above=0)
    check_number("bench superposition", "rounds", rounds, low=1, whole=True)
    for size in sizes or ():
        check_number("bench superposition", "sizes", size, low=1, whole=True)
    if importlib.util.find_spec("torch") is None:
        raise ToylabError(
            "bench superposition compares with PyTorch, which is not installed; "
            "pip install 'toylab[bench]'"
        )
    with ExitStack() as stack:
        workers = {n: stack.enter_context(Worker(factory)) for n, factory in SIDES.items()}
        ours = workers["ours"]
        if sizes is None:
            sizes = SIZES if ours.call("backend") == "cpu" else ACCELERATOR_SIZES
        before = ours.call("matmul_rate", matmul_sizes)
        measured = []
        for size in sizes:
            for shared in (True, False):
                case = Case(size=size, shared=shared, **changes)
                measured.append((case, _measure(case, workers, rounds, seconds)))
        machine = max(before, ours.call("matmul_rate", matmul_sizes))
    return [
        row
        for case, (settings, rates) in measured
        for row in _report(case, settings, rates, machine)
    ]


def _measure(
    case: Case, workers: dict[str, Worker], rounds: int, seconds: float
) -> tuple[dict[str, str], dict[str, np.ndarray]]:
    """Return each side's settings, and its model-steps/s in every round."""
    settings = {name: worker.call("prepare", case) for name, worker in workers.items()}
    rates = interleave(workers, rounds, seconds)
    for name, worker in workers.items():
        loss = worker.call("loss")
        if not np.isfinite(loss):
            raise ToylabError(
                f"bench superposition: {case.name}, {name}: the loss is {loss}, so it did not "
                "train; a time would mean nothing."
            )
    return settings, {name: rate * case.size for name, rate in rates.items()}


def _report(
    case: Case, settings: dict[str, str], rates: dict[str, np.ndarray], machine: float
) -> list[Row]:
    speed = [
        compare(
            f"{case.name}: model-steps/s",
            "model-steps/s",
            rates["ours"],
            f"{name} ({settings[name]})",
            rates[name],
        )
        for name in rates
        if name != "ours"
    ]
    work = rates["ours"] * case.flops * 1e-9
    name = f"{case.name}: share of the matmul rate"
    whole = np.full_like(work, machine)
    return [*speed, compare(name, "GFLOP/s", work, "float32 matmul in JAX", whole)]
