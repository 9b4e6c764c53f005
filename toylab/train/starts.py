"""Starts: populations that go on from where another of their study ended."""

from collections.abc import Mapping

import numpy as np

from toylab.errors import ToylabError, nearest
from toylab.population import Population
from toylab.runs.run_folder import RunFolder
from toylab.taps import Model
from toylab.trees import drawn_shapes, flatten


def check_starts(study: str, populations: Mapping[str, Population]) -> None:
    """Refuse a population that starts from one that is not trained before it.

    Args:
        study: the study's name, for the message.
        populations: all of the study's, in the order in which they are trained.

    Raises:
        ToylabError: names the population and those it may start from.
    """
    before: dict[str, Population] = {}
    for name, population in populations.items():
        if population.start and population.start not in before:
            raise ToylabError(
                f"Study {study}: population {name!r} starts from {population.start!r}, which is "
                f"not trained before it; {nearest(population.start, before)}"
            )
        if population.start:
            first = before[population.start]
            parents(population, first)
            check_params(population.model, shapes(first.model), f"Study {study}: {name!r}")
        before[name] = population


def shapes(model: Model) -> dict[str, tuple[int, ...]]:
    """Return the shape of every parameter of a model, by its flat name."""
    return {name: leaf.shape for name, leaf in flatten(drawn_shapes(model)).items()}


def check_params(model: Model, given: Mapping[str, tuple[int, ...]], what: str) -> None:
    """Refuse initial parameters that are not those of a model.

    Args:
        model: the model that is to begin with them.
        given: shape of each, of one member, by its flat name.
        what: whose they are to be, for the message.

    Raises:
        ToylabError: names the first that differs.
    """
    wanted = shapes(model)
    differ = [n for n in sorted({*wanted, *given}) if wanted.get(n) != given.get(n)]
    if differ:
        had, own = (
            f"of shape {at[differ[0]]}" if differ[0] in at else "absent" for at in (given, wanted)
        )
        raise ToylabError(
            f"{what} cannot start there: {differ[0]} is {had}, but {own} in its own model; give "
            "both the same model."
        )


def parents(population: Population, other: Population) -> np.ndarray:
    """Return, per member, the member of another population that it starts from, (P,).

    Raises:
        ToylabError: an ``init_seed`` that the other has not, or has more than once.
    """
    theirs = other.members["init_seed"]
    seeds, first, count = np.unique(theirs, return_index=True, return_counts=True)
    place = {int(s): int(i) for s, i in zip(seeds, first, strict=True)}
    wanted = [int(s) for s in population.members["init_seed"]]
    missing = sorted(set(wanted) - set(place))
    if missing or count.max() > 1:
        what = f"no member of init_seed {missing[0]}" if missing else "several of one init_seed"
        raise ToylabError(
            f"Population: start = {population.start!r} has {what}; give it each init_seed once."
        )
    return np.array([place[s] for s in wanted])


def start_params(
    run: RunFolder, population: Population, populations: Mapping[str, Population]
) -> dict[str, np.ndarray] | None:
    """Return the flat parameters a population begins with, if they are another's last ones.

    Args:
        run: holds the snapshots of the population it starts from.
        population: the one to train.
        populations: all of the study's.
    """
    if not population.start:
        return None
    rows = parents(population, populations[population.start])
    return {name: leaf[rows] for name, leaf in flatten(run.params(population.start)).items()}
