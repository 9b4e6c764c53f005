"""A study's populations, looked at from all sides before anything is written."""

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from toylab.check.data_files import digests
from toylab.check.sizes import bounded_memory, check_sizes
from toylab.errors import ToylabError
from toylab.members import SEEDS, Members
from toylab.population import PARTS, Population
from toylab.runs.reuse import Description, describe
from toylab.study import Study
from toylab.train.returns import check_populations
from toylab.train.starts import check_starts

FRESH, PILOTS = 1_000, 10_000  # first seeds of replications and of pilots; judged runs begin at 0


def checked_populations(
    study: Study, config: Any, first_seed: int, folder: Path
) -> tuple[dict[str, Population], dict[str, Description]]:
    """Return a study's populations, looked at from all sides, and their descriptions.

    Args:
        study: the study.
        config: its settings.
        first_seed: added to every seed.
        folder: the run folder to be made, or that is there.
    """
    check_seeds(study.name, first_seed, config.seeds)
    with bounded_memory(study.name):
        populations = seeded(study, config, first_seed)
        check_populations(study.name, populations)
        check_starts(study.name, populations)
        check_sizes(populations, folder)
        return populations, describe(populations)


def check_seeds(name: str, first_seed: int, seeds: int) -> None:
    """Refuse seeds of which a part are for pilots: what was tried on them cannot be judged there.

    Args:
        name: the study's, for the message.
        first_seed, seeds: the first seed, and how many there are.
    """
    if first_seed < PILOTS < first_seed + seeds:
        raise ToylabError(
            f"{name}: the seeds {first_seed:,} to {first_seed + seeds - 1:,} overlap the pilots', "
            f"from {PILOTS:,} on; give another --first-seed."
        )


def seeded(study: Study, config: Any, first_seed: int) -> dict[str, Population]:
    """The study's populations, counting their seeds from another one."""
    found = study.populations(config)
    if not first_seed or not isinstance(found, Mapping):  # what is none is refused later
        return found  # type: ignore[return-value]
    return {name: _shifted(population, first_seed) for name, population in found.items()}


def _shifted(population: Population, first_seed: int) -> Population:
    """Fresh seeds: of networks and data where they are drawn, as they name members; others here."""
    columns = population.members.columns
    worlds = [name for name in columns if name.endswith("_seed") and name not in SEEDS]
    members = Members({**columns, **{name: columns[name] + first_seed for name in worlds}})
    return dataclasses.replace(population, members=members, first_seed=first_seed)


def read_by(config: Any, populations: Mapping[str, Population]) -> dict[str, str]:
    """The SHA-256 of every file of data that settings and populations name, by absolute path."""
    parts = [getattr(p, part) for p in populations.values() for part in PARTS]
    return digests([config, *parts])
