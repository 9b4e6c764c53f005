"""Settings of the study of methods, and what its parts share."""

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import polars as pl

from toylab.errors import check_counts, check_number
from toylab.losses import cross_entropy
from toylab.members import Members
from toylab.optim import AdamW, cosine
from toylab.population import Population
from toylab.read.tables import Axes, long_table


@dataclasses.dataclass(frozen=True, kw_only=True)
class Config:
    """Settings; sizes of worlds and networks stand in the parts."""

    seeds: int = 16
    share: float = 1.0  # of the steps that each network is trained for
    samples: int = 256  # held-out examples
    learning_rate: float = 3e-3
    weight_decay: float = 0.1

    def __post_init__(self) -> None:
        check_counts("methods", self, "seeds")
        check_number("methods", "samples", self.samples, 4, 100_000, whole=True)
        check_number("methods", "share", self.share, above=0, high=1_000)
        check_number("methods", "learning_rate", self.learning_rate, above=0)
        check_number("methods", "weight_decay", self.weight_decay, 0)


def population(
    config: Config, model: Any, task: Any, members: Members, steps: int, **more: Any
) -> Population:
    """A population of the study: AdamW with a cosine, on cross-entropy unless told otherwise."""
    steps = max(round(config.share * steps), 2)
    fields: dict[str, Any] = {"batch_size": 64, "loss": cross_entropy} | more
    decay = cosine(steps, warmup=steps // 20)
    optimizer = AdamW(config.learning_rate, config.weight_decay, schedule=decay)
    return Population(
        model=model, task=task, members=members, optimizer=optimizer, steps=steps, **fields
    )


def spread(members: pl.DataFrame, axes: Axes, **values: np.ndarray) -> pl.DataFrame:
    """A row per network and entry of arrays whose last axis is the networks, (..., P)."""
    table = long_table({**axes, "member": members["member"].to_list()}, **values)
    return table.join(members, on="member", maintain_order="left")


def by_network(
    members: pl.DataFrame, names: Sequence[str], look: Callable[[int], Mapping[str, float]]
) -> pl.DataFrame:
    """A row per network with what ``look`` says of its number; NaN where it diverged."""
    lost = dict.fromkeys(names, np.nan)
    gone = members["diverged"].to_list()
    rows = [lost if gone[i] else dict(look(i)) for i in range(len(gone))]
    return members.hstack(pl.DataFrame(rows, schema=dict.fromkeys(names, pl.Float64)))
