"""Training in memory, for notebooks and tests."""

import dataclasses
from typing import Any

import numpy as np

from toylab.check.doubles import refuse_doubles
from toylab.population import Population
from toylab.train.engine import Program, Records
from toylab.train.loop import train
from toylab.train.returns import check_population
from toylab.train.starts import check_params
from toylab.trees import flatten, unflatten


@dataclasses.dataclass
class Fit:
    """A population trained in memory, for notebooks and tests.

    Attributes:
        snapshots: ``{step: parameter tree with leading axis P}``.
        records: ``{name: (records, P)}`` and ``step``.
        dead_at: step at which a member diverged, -1 for finite members, (P,).
    """

    snapshots: dict[int, dict[str, Any]] = dataclasses.field(default_factory=dict)
    records: Records = dataclasses.field(default_factory=dict)
    dead_at: np.ndarray = dataclasses.field(default_factory=lambda: np.zeros(0, np.int32))

    @property
    def params(self) -> dict[str, Any]:
        """Parameters at the last step."""
        return self.snapshots[max(self.snapshots)]

    def load(self) -> None:
        """Start afresh."""

    def save(self, step: int, state: dict[str, np.ndarray], records: Records) -> None:
        """Keep nothing of an unfinished run."""

    def snapshot(self, step: int, params: dict[str, np.ndarray]) -> None:
        """Keep the parameters of a step."""
        self.snapshots[step] = unflatten(params)

    def finish(self, records: Records, dead_at: np.ndarray) -> None:
        """Keep the records."""
        self.records, self.dead_at = records, dead_at


def fit(population: Population, start: Any = None) -> Fit:
    """Train a population in memory.

    Args:
        population: what is trained.
        start: initial parameters in place of drawn ones, a tree with leading axis P.

    Returns:
        Its snapshots, its records and which members diverged.

    Raises:
        ToylabError: initial parameters that are not those of the model.

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
    result, first = Fit(), None
    if start is not None:
        first = {name: np.asarray(leaf) for name, leaf in flatten(start).items()}
        refuse_doubles("fit: start", first)
        of_one = {name: leaf.shape[1:] for name, leaf in first.items()}
        check_params(population.model, of_one, "fit: the population")
    train(Program(population), result, start=first)
    return result
