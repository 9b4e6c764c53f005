"""Methods of interpretability, each judged on a network of which the truth is known.

    toylab run methods

Source: see each claim.
"""

import functools
import operator
from collections.abc import Mapping

import polars as pl

from toylab.population import Population
from toylab.runs.run_folder import RunFolder
from toylab.study import Study

from . import attention, copying, dialogue, illusion, mapping, maps, pruning
from .settings import Config

PARTS = (attention, copying, dialogue, mapping, maps, illusion, pruning)


def populations(config: Config) -> dict[str, Population]:
    """The networks of every part."""
    return functools.reduce(operator.or_, (part.populations(config) for part in PARTS))


def measure(config: Config, run: RunFolder) -> Mapping[str, pl.DataFrame]:
    """The tables of every part."""
    return functools.reduce(operator.or_, (part.measure(config, run) for part in PARTS))


study = Study(
    name="methods",
    title="Methods of interpretability, each on a network of which the truth is known",
    paper="Geva et al. 2023, Dissecting Recall of Factual Associations, and others",
    presets={
        "smoke": Config(seeds=2, share=0.01, samples=32),
        "laptop": Config(),
        "paper": Config(seeds=32, share=4.0, samples=2_048),
    },
    costs={"smoke": "", "laptop": "", "paper": "not run yet"},
    populations=populations,
    measure=measure,
    claims=tuple(claim for part in PARTS for claim in part.CLAIMS),
)
