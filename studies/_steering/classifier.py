"""The classifier half of ``steering``: scenes, hierarchical equality, and what is done to them."""

import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np
import polars as pl

from toylab.errors import check_number
from toylab.population import Population
from toylab.store import RunFolder


@dataclasses.dataclass(frozen=True, kw_only=True)
class ClassifierConfig:
    """Settings of the classifier half; laptop values."""

    seeds: int = 5

    def __post_init__(self) -> None:
        check_number("steering", "seeds", self.seeds, low=1, whole=True)


PRESETS: dict[str, dict[str, Any]] = {"smoke": {}, "laptop": {}, "paper": {}}


def populations(config: ClassifierConfig) -> dict[str, Population]:
    """Networks on scenes and on equality."""
    return {}


def measure(config: ClassifierConfig, run: RunFolder) -> Mapping[str, pl.DataFrame | np.ndarray]:
    """Tables of every method."""
    return {}
