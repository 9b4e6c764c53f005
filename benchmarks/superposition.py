"""How fast a population of superposition autoencoders trains, beside PyTorch.

The sides train the same P models (ReLU-output autoencoder, n = 20 features, m = 5 hidden, batch
1024, AdamW with decay 0.01) and are counted in model-steps per second: one model's update on one
fresh batch. In the *shared* design all members have one data seed and see the same batches; in the
*own* design every member draws a batch of its own. See README.md in this folder.
"""

import dataclasses
from typing import Any

from toylab.cli.bench import Row
from toylab.cli.bench_sides import EngineSide, race

MORE_SIZES = (256, 1024)
SIDES = {
    "ours": "toylab.benchmarks.superposition:Ours",
    "PyTorch batched": "toylab.benchmarks.superposition_torch:Batched",
    "PyTorch batched, our layout": "toylab.benchmarks.superposition_torch:FeatureMajor",
    "PyTorch loop": "toylab.benchmarks.superposition_torch:Loop",
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
        """Matmul operations of one model-step by the chain rule, 10 B N M.

        Five products of 2 B N M each: encode and decode forward, and backward the gradient of
        the hidden layer and the two gradients of the tied matrix. The optimiser, the
        elementwise work and the drawing of data do not count, nor does another way to the same
        gradient.
        """
        return 10 * self.batch_size * self.n_features * self.n_hidden


def population(case: Case) -> Any:
    """Return the case as a :class:`toylab.population.Population`."""
    from toylab.members import grid, seeds
    from toylab.models import Autoencoder
    from toylab.optim import AdamW
    from toylab.population import Population
    from toylab.tasks.superposition.superposition import Sparse

    return Population(
        model=Autoencoder(case.n_features, case.n_hidden),
        task=Sparse(case.n_features, case.density, importance=case.importance),
        members=grid(init_seed=range(case.size)) if case.shared else seeds(case.size),
        optimizer=AdamW(case.learning_rate, case.weight_decay),
        steps=2**30,
        batch_size=case.batch_size,
    )


class Ours(EngineSide):
    """See :class:`toylab.cli.bench_sides.EngineSide`."""

    def populations(self, case: Case) -> dict[str, Any]:
        """See :func:`population`."""
        return {"": population(case)}


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
    both = (True, False)
    return race(
        "bench superposition",
        SIDES,
        lambda size: [Case(size=size, shared=shared, **changes) for shared in both],
        sizes,
        MORE_SIZES,
        seconds=seconds,
        rounds=rounds,
        matmul_sizes=matmul_sizes,
    )
