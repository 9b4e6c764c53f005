"""Looking inside whole populations, beside a Python loop of TransformerLens over the same networks.

Three jobs: a grid of patches (layer x position), edge attribution patching over all edges, and the
scores of all heads. Ours takes 32 networks at 10 snapshots in one call. See README.md here.
"""

import dataclasses
from contextlib import ExitStack

import numpy as np

from toylab.cli.bench import Row, Worker, compare, interleave
from toylab.errors import check_number

OURS = "toylab.benchmarks.analysis_sides:Ours"
LENS = "toylab.benchmarks.analysis_lens:Loop"
JOBS = {
    "grid": "patch grid, layer x position",
    "edges": "EAP over all edges",
    "heads": "head scores",
}


@dataclasses.dataclass(frozen=True, kw_only=True)
class Case:
    """What is looked into; plain numbers, so that it travels between processes.

    Attributes:
        job: ``grid``, ``edges`` or ``heads``.
        members: networks of the population.
        snapshots: steps at which it was kept.
        batch: sequences.
        length: L.
        width: D; the MLP is four times as wide.
        heads: H.
        depth: number of blocks.
        vocab: number of tokens.
    """

    job: str
    members: int = 32
    snapshots: int = 10
    batch: int = 16
    length: int = 16
    width: int = 32
    heads: int = 4
    depth: int = 2
    vocab: int = 12

    @property
    def name(self) -> str:
        """The case in a few letters."""
        sizes = f"{self.members} x {self.snapshots} networks, D={self.width}, batch {self.batch}"
        return f"{JOBS[self.job]}, {sizes}"


def inputs(case: Case) -> dict[str, np.ndarray]:
    """Return clean and corrupt tokens, the two answers of the metric, and repeated tokens."""
    rng = np.random.default_rng(0)
    clean = rng.integers(0, case.vocab, (case.batch, case.length), np.int32)
    corrupt = clean.copy()
    corrupt[:, 1] = (clean[:, 1] + 1) % case.vocab
    # As toylab.analysis.repeated_tokens draws them, without its JAX.
    tokens = np.tile(np.arange(case.vocab, dtype=np.int32), (case.batch, 1))
    half = np.random.default_rng(0).permuted(tokens, axis=1)[:, : case.length // 2]
    found = {"clean": clean, "corrupt": corrupt, "repeats": np.tile(half, (1, 2))}
    return found | {"answer": clean[:, 0], "other": (clean[:, 0] + 1) % case.vocab}


def rows(
    seconds: float = 3.0, rounds: int = 3, batches: tuple[int, ...] = (4, 16), **changes: int
) -> list[Row]:
    """Time both sides, interleaved.

    Args:
        seconds: length of one burst of one side, at least one step.
        rounds: bursts per side and case.
        batches: sizes of the batch.
        **changes: other fields of :class:`Case`, for a smaller one.

    Returns:
        Networks/s of ours against the loop, for each job and batch; beside its name the memory that
        ours plans.

    Raises:
        ToylabError: TransformerLens is missing, a number is out of range, or a side failed.
    """
    check_number("bench analysis", "seconds", seconds, above=0)
    check_number("bench analysis", "rounds", rounds, low=1, whole=True)
    for batch in batches:
        check_number("bench analysis", "batches", batch, low=1, whole=True)
    cases = [Case(job=job, batch=batch, **changes) for batch in batches for job in JOBS]
    with ExitStack() as stack:
        sides = {n: stack.enter_context(Worker(f)) for n, f in (("ours", OURS), ("loop", LENS))}
        return [_row(case, sides, rounds, seconds) for case in cases]


def _row(case: Case, sides: dict[str, Worker], rounds: int, seconds: float) -> Row:
    words = {name: side.call("prepare", case) for name, side in sides.items()}
    rates = interleave(sides, rounds, seconds)
    whole = case.members * case.snapshots
    told = f"a loop of TransformerLens ({words['loop']})"
    named = f"{case.name} ({words['ours']})"
    return compare(named, "networks/s", rates["ours"] * whole, told, rates["loop"])
