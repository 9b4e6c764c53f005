"""From a run to its networks: models, members and snapshots, with the numbers that set them apart.

    run = open_run("runs/induction-laptop")     # what run_study and resume return as well
    one = run.member("two-layer", 3)
    logits, acts = one.run(tokens, record=("blocks/*/attn/pattern",))

Parameters of members that diverged are NaN.
"""

import dataclasses
import functools
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import jax
import numpy as np
from jax import Array

from toylab.check.populations import seeded
from toylab.errors import ToylabError, check_number, nearest
from toylab.population import Population
from toylab.runs import trust
from toylab.runs.run_folder import RunFolder
from toylab.show.cards import Card, Rows, few, told
from toylab.study import Study, load_study, study_names
from toylab.taps import Edit, Model, Params, run
from toylab.trees import Recording


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
    ) -> tuple[Array, Recording]:
        """Run the network on a batch (:func:`toylab.taps.run`)."""
        return run(self.model, self.params, inputs, record, edits)

    def _card(self) -> tuple[str, Rows]:
        heading = f"Network of {self.population!r} at step {self.step:,}"
        return heading, [*self.row.items(), ("model", self.model)]

    def __repr__(self) -> str:
        row = ", ".join(f"{name} {value:g}" for name, value in self.row.items())
        return f"Network of {self.population!r} at step {self.step:,} ({row}): {self.model}"


class OpenRun(RunFolder, Card):
    """A run, with the networks that it trained.

    Tables, metrics, parameters and verdicts are read as data. The study is loaded by what needs its
    models: :attr:`study`, :attr:`config`, :meth:`population`, :meth:`model`, :meth:`member`.

    Args:
        path: a run folder.
        source: the study file, where the run is of one that this user has not run.

    Raises:
        ToylabError: no run folder; later, a study that has changed since.
    """

    def __init__(self, path: str | Path, source: str | None = None):
        super().__init__(path)
        self.source = source

    @functools.cached_property
    def study(self) -> Study:
        """The study."""
        return self._loaded[0]

    @functools.cached_property
    def config(self) -> Any:
        """The settings that the study was run with."""
        return self._loaded[1]

    @functools.cached_property
    def _loaded(self) -> tuple[Study, Any]:
        return study_of(self, self.source)

    @functools.cached_property
    def _populations(self) -> dict[str, Population]:
        return seeded(self.study, self.config, self.manifest.get("first_seed", 0))

    def _card(self) -> tuple[str, Rows]:
        rows: list[tuple[str, object]] = []
        for name in self.populations():
            kept = few(self.steps(name)) or "none yet"
            rows.append((name, f"{self.members(name).height} members, kept at steps {kept}"))
        if "claims.json" in self.files():
            rows += [(claim.verdict, claim.text) for claim in self.claims()]
        return f"{self.manifest['study']} ({self.manifest['preset']}) in {self.path}", rows

    def __repr__(self) -> str:
        return told(*self._card())

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

        Raises:
            ToylabError: an unknown population or step, or no step.
        """
        if name not in self.populations():
            raise ToylabError(f"No population {name!r}: {nearest(name, self.populations())}")
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
        >>> run.member("two-layer", 3)                  # doctest: +SKIP
    """
    return OpenRun(path, source)


def study_of(run: RunFolder, source: str | None = None) -> tuple[Study, Any]:
    """Return a run's study and settings.

    Args:
        run: the run; ``source`` is the study file to take, in place of the one that it names.

    Raises:
        ToylabError: a study file that this user has not run, an unknown study, or settings that
            have changed since the run was made.
    """
    name = run.manifest["study"]
    if file := source or run.manifest.get("source"):
        path = Path(file).resolve()
        if not source:
            trust.check(path, run.path)
        study = load_study(str(path))
    elif name not in study_names():
        raise ToylabError(f"{run.path} is a run of {name!r}, which is no study of this laboratory.")
    else:
        study = load_study(name)
    try:
        return study, study.restored(run.manifest["preset"], run.manifest["config"])
    except ToylabError as error:
        told = f"{run.path} was made by another version of {study.name} ({error})"
        raise ToylabError(f"{told}; check out that commit, or run the study anew.") from None
