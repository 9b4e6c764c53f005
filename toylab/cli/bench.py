"""Speed against peers, side by side: one process per side, bursts in turn, ratios per round.

A machine's speed drifts, so two rates taken minutes apart do not compare. Here every side lives in
a process of its own and idles until told; a round runs one burst of each side, one after another,
and the ratio is taken within the round. What is reported is the median over rounds.
"""

import multiprocessing
import pkgutil
import time
from collections.abc import Mapping
from multiprocessing.connection import Connection
from typing import Any, Protocol, TypedDict

import numpy as np

from toylab.errors import ToylabError

SETTLE_S = 0.03  # thread pools spin for a while after their last task


class Row(TypedDict):
    """One line of a benchmark.

    ``ratio`` is how often ``value`` holds ``baseline_value``: above 1, ours is faster.
    """

    name: str
    value: float
    unit: str
    baseline: str
    baseline_value: float
    ratio: float


class Side(Protocol):
    """One contestant; built inside its own process."""

    def prepare(self, case: Any) -> str:
        """Build a case and run it until nothing is left to compile; return its settings."""
        ...

    def run(self, steps: int) -> None:
        """Run a number of steps and return when their results are there."""
        ...


class Worker:
    """A side in a process of its own.

    Args:
        factory: ``"module:callable"`` that builds the side, looked up in the new process.

    Example:
        >>> with Worker("toylab.benchmarks.superposition:Ours") as ours:  # doctest: +SKIP
        ...     ours.call("prepare", case)
        ...     steps_per_second = ours.burst(0.5)
    """

    def __init__(self, factory: str):
        context = multiprocessing.get_context("spawn")
        self.factory = factory
        self._pipe, theirs = context.Pipe()
        self._process = context.Process(target=_serve, args=(theirs, factory), daemon=True)
        self._process.start()
        theirs.close()

    def __enter__(self) -> "Worker":
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def call(self, method: str, *args: Any) -> Any:
        """Call a method of the side and return what it returns.

        Raises:
            ToylabError: the method raised, or the process is gone.
        """
        try:
            self._pipe.send((method, args))
            fine, answer = self._pipe.recv()
        except (EOFError, OSError):
            self._process.join(5)
            code = self._process.exitcode
            raise ToylabError(
                f"bench: the process of {self.factory} ended (exit code {code}); "
                "its own message stands above."
            ) from None
        if not fine:
            raise ToylabError(f"bench: {self.factory}.{method} failed: {answer}")
        return answer

    def burst(self, seconds: float) -> float:
        """Run steps for about ``seconds`` and return steps per second."""
        time.sleep(SETTLE_S)
        return self.call("burst", seconds)

    def close(self) -> None:
        """End the process."""
        self._pipe.close()
        self._process.join(5)
        if self._process.is_alive():
            self._process.terminate()


def _serve(pipe: Connection, factory: str) -> None:
    """Answer calls until the other end closes."""
    try:
        side, failure = pkgutil.resolve_name(factory)(), ""
    except Exception as error:
        side, failure = None, f"{type(error).__name__}: {error}"
    while True:
        try:
            method, args = pipe.recv()
        except (EOFError, OSError):
            return
        try:
            if side is None:
                pipe.send((False, failure))
            elif method == "burst":
                pipe.send((True, timed_burst(side, *args)))
            else:
                pipe.send((True, getattr(side, method)(*args)))
        except Exception as error:
            pipe.send((False, f"{type(error).__name__}: {error}"))


def timed_burst(side: Side, seconds: float) -> float:
    """Run a side for about ``seconds`` in one go and return steps per second.

    The number of steps is chosen from an untimed trial that doubles until it is long enough to
    judge, so the burst itself is one call of ``side.run``.
    """
    steps = 1
    while True:
        took = _seconds(side, steps)
        if took >= seconds / 16:
            break
        steps *= 2
    steps = max(1, round(steps * seconds / took))
    return steps / _seconds(side, steps)


def _seconds(side: Side, steps: int) -> float:
    start = time.perf_counter()
    side.run(steps)
    return time.perf_counter() - start


def interleave(workers: Mapping[str, Worker], rounds: int, seconds: float) -> dict[str, np.ndarray]:
    """Run bursts in turn: every worker once per round, the others idle.

    Args:
        workers: prepared workers by name, in their order of turn.
        rounds: number of rounds.
        seconds: length of one burst.

    Returns:
        ``{name: (rounds,) steps per second}``.
    """
    rates = {name: np.zeros(rounds) for name in workers}
    for turn in range(rounds):
        for name, worker in workers.items():
            rates[name][turn] = worker.burst(seconds)
    return rates


def compare(
    name: str, unit: str, ours: np.ndarray, baseline: str, theirs: np.ndarray, scale: float = 1.0
) -> Row:
    """Return the row of two sides' rates: medians over rounds, and the median of the ratios.

    Args:
        name: what was measured.
        unit: unit of the scaled rates.
        ours: our rate in each round, (R,).
        baseline: the other side in words.
        theirs: its rate in the same rounds, (R,).
        scale: units per step, for both.
    """
    return {
        "name": name,
        "value": float(np.median(ours)) * scale,
        "unit": unit,
        "baseline": baseline,
        "baseline_value": float(np.median(theirs)) * scale,
        "ratio": float(np.median(ours / theirs)),
    }


def matmul_rate(sizes: tuple[int, ...] = (1024, 1536, 2048), repeats: int = 6) -> float:
    """Return this machine's float32 matmul rate in GFLOP/s: the best that was seen.

    Each size N runs as one (N, N) product on one device and as one product per device at once;
    a product counts 2 N^3 operations. Precision is JAX's current setting, so after
    ``toylab.setup()`` no TF32.

    Args:
        sizes: values of N.
        repeats: timed runs of each, after one that compiles.
    """
    import jax
    import jax.numpy as jnp
    from jax.sharding import NamedSharding, PartitionSpec

    best = 0.0
    for devices in sorted({1, len(jax.devices())}):
        mesh = jax.make_mesh((devices,), ("d",))
        spec = PartitionSpec("d")
        product = lambda a: (a[0] @ a[0])[None]
        run = jax.jit(
            jax.shard_map(product, mesh=mesh, in_specs=spec, out_specs=spec, check_vma=False)
        )
        for size in sizes:
            ones = jnp.full((devices, size, size), 1 / size, jnp.float32)
            ones = jax.device_put(ones, NamedSharding(mesh, spec))
            jax.block_until_ready(run(ones))
            for _ in range(repeats):
                start = time.perf_counter()
                jax.block_until_ready(run(ones))
                took = time.perf_counter() - start
                best = max(best, 2e-9 * devices * size**3 / took)
    return best


def quick_rate() -> float:
    """Return the matmul rate for a prediction, in GFLOP/s: of a CPU in half a second."""
    import jax

    return matmul_rate((1024,), 4) if jax.default_backend() == "cpu" else matmul_rate()
