"""From a run to its networks: models, members and snapshots, with the numbers that set them apart.

    run = open_run("runs/induction-laptop")
    one = run.member("main", 3)
    logits, acts = one.run(tokens, record=("blocks/*/attn/pattern",))

Parameters of members that diverged are NaN.
"""

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path

import jax
import numpy as np
from jax import Array

from toylab.check.populations import seeded
from toylab.errors import ToylabError, check_number, nearest
from toylab.lab import study_of
from toylab.population import Population
from toylab.runs.run_folder import RunFolder
from toylab.show.cards import Card, Rows, few
from toylab.taps import Edit, Model, Params, run


@dataclasses.dataclass(frozen=True, eq=False)
class Network(Card):
    """One trained network: a member of a population at a step.

    Attributes:
        model: with the member's own numbers.
        params: its parameters.
        row: the member's numbers: its seeds, and what else differs between members.
        population: the population's name.
        step: updates made.
    """

    model: Model
    params: Params
    row: Mapping[str, float]
    population: str
    step: int

    def run(
        self, inputs: Array, record: Sequence[str] = (), edits: Sequence[Edit] = ()
    ) -> tuple[Array, dict[str, Array]]:
        """Run the network on a batch (:func:`toylab.taps.run`)."""
        return run(self.model, self.params, inputs, record, edits)

    def _card(self) -> tuple[str, Rows]:
        heading = f"Network of {self.population!r} at step {self.step:,}"
        return heading, [*self.row.items(), ("model", self.model)]

    def __repr__(self) -> str:
        told = ", ".join(f"{name} {value:g}" for name, value in self.row.items())
        return f"Network of {self.population!r} at step {self.step:,} ({told}): {self.model}"


class OpenRun(RunFolder, Card):
    """A run, with the networks that it trained.

    Args:
        path: a run folder.
        source: the study file, where the run is of one that this user has not run.

    Raises:
        ToylabError: no run folder, or a study that has changed since.
    """

    def __init__(self, path: str | Path, source: str | None = None):
        super().__init__(path)
        self.study, self.config = study_of(self, source)
        first_seed = self.manifest.get("first_seed", 0)
        self._populations = seeded(self.study, self.config, first_seed)

    def _card(self) -> tuple[str, Rows]:
        rows: list[tuple[str, object]] = [
            (name, f"{population.size} members, kept at steps {few(self.steps(name))}")
            for name, population in self._populations.items()
        ]
        if "claims.json" in self.files():
            rows += [(claim.verdict, claim.text) for claim in self.claims()]
        return f"{self.study.name}: {self.study.title}", rows

    def __repr__(self) -> str:
        heading, rows = self._card()
        return "\n".join([heading, *(f"  {name}: {told}" for name, told in rows)])

    def population(self, name: str) -> Population:
        """Return a population as it was set up: its task, members, optimiser."""
        if name not in self._populations:
            raise ToylabError(f"No population {name!r}: {nearest(name, self._populations)}")
        return self._populations[name]

    def model(self, name: str) -> Model:
        """Return the model that a population's members share, numbers of theirs aside."""
        return self.population(name).model

    def member(self, name: str, index: int, step: int | None = None) -> Network:
        """Return one network.

        Args:
            name: the population's.
            index: the member's place in ``run.members(name)``.
            step: a step of ``run.steps(name)``; the last by default.
        """
        population = self.population(name)
        check_number(f"{self.path}: {name!r}", "member", index, 0, population.size - 1, whole=True)
        columns = population.members.columns.items()
        row = {column: values[index].item() for column, values in columns}
        params = jax.tree.map(lambda leaf: leaf[index], self.params(name, step))
        last = self.steps(name)[-1] if step is None else step
        return Network(population.bind(row).model, params, row, name, last)

    def snapshots(
        self, name: str, steps: Sequence[int] | None = None
    ) -> tuple[tuple[int, ...], Params]:
        """Return the steps at which a population was kept, and its parameters at all of them.

        Args:
            name: the population's.
            steps: which of ``run.steps(name)``; all by default.

        Returns:
            The steps S, and a tree with leading axes (S, P), as every tool of
            :mod:`toylab.analysis.circuits` takes it.
        """
        chosen = tuple(self.steps(name) if steps is None else steps)
        if not chosen:
            raise ToylabError(f"{self.path}: no steps of {name!r} were asked for.")
        kept = [self.params(name, step) for step in chosen]
        return chosen, jax.tree.map(lambda *leaves: np.stack(leaves), *kept)


def open_run(path: str | Path, source: str | None = None) -> OpenRun:
    """Open a run to look inside its networks.

    Args:
        path: a run folder.
        source: the study file, where the run is of one that this user has not run.

    Example:
        >>> run = open_run("runs/induction-laptop")     # doctest: +SKIP
        >>> run.member("main", 3)                       # doctest: +SKIP
    """
    return OpenRun(path, source)
