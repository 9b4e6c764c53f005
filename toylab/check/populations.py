"""A study's populations, looked at from all sides before anything is written."""

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from toylab.check.sizes import bounded_memory, check_sizes
from toylab.population import Population
from toylab.runs.reuse import Description, describe
from toylab.study import Study
from toylab.train.returns import check_populations
from toylab.train.starts import check_starts


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
    with bounded_memory(study.name):
        populations = seeded(study, config, first_seed)
        check_populations(study.name, populations)
        check_starts(study.name, populations)
        check_sizes(populations, folder)
        return populations, describe(populations)


def seeded(study: Study, config: Any, first_seed: int) -> dict[str, Population]:
    """The study's populations, counting their seeds from another one."""
    found = study.populations(config)
    if not first_seed or not isinstance(found, Mapping):  # what is none is refused later
        return found  # type: ignore[return-value]
    return {n: dataclasses.replace(p, first_seed=first_seed) for n, p in found.items()}
