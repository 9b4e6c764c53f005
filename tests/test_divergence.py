"""Diverged networks: whatever a study does, none of them counts as finite.

In the first test every member of every population diverges, in the second those of the first seed.
"""

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from toylab.lab import run_study
from toylab.members import Members
from toylab.population import Population
from toylab.study import Study, load_study, study_names

QUICK = ("superposition_dynamics", "superposition_polygons", "attention_sinks")
RATE = 1e30
UNTRAINED = ("tools",)  # its weights are set by hand, so that nothing can diverge
STUDIES = [
    name if name in QUICK else pytest.param(name, marks=pytest.mark.slow)
    for name in study_names()
    if name not in UNTRAINED
]


def diverging(population: Population, lost_P: np.ndarray) -> Population:
    """The population with a learning rate at which some of its members diverge."""
    if not population.steps:
        return population
    columns = dict(population.members.columns)
    rate = columns.get(
        "learning_rate", np.full(population.size, population.optimizer.learning_rate)
    )
    columns["learning_rate"] = np.where(lost_P, RATE, rate)
    return dataclasses.replace(population, members=Members(columns))


def spoiled(study: Study, which) -> Study:
    """The study whose populations lose the members that ``which`` picks."""

    def populations(config):
        found = study.populations(config)
        return {name: diverging(p, which(p)) for name, p in found.items()}

    return dataclasses.replace(study, populations=populations)


def every(population: Population) -> np.ndarray:
    return np.ones(population.size, bool)


def first_seed(population: Population) -> np.ndarray:
    seeds = population.members["init_seed"]
    return seeds == seeds.min()


@pytest.mark.parametrize("name", STUDIES)
def test_a_run_of_diverged_networks_is_inconclusive(name: str, tmp_path: Path):
    run = run_study(spoiled(load_study(name), every), "smoke", tmp_path / "run")
    assert len(run.losses()) >= 1
    assert {verdict.verdict for verdict in run.claims()} <= {"inconclusive", "not testable"}
    assert all(verdict.n == 0 for verdict in run.claims()) or not run.lost()


@pytest.mark.parametrize("name", STUDIES)
def test_a_diverged_seed_is_counted_and_not_averaged(name: str, tmp_path: Path):
    run = run_study(spoiled(load_study(name), first_seed), "smoke", tmp_path / "run")
    counted = [v.diverged for v in run.claims() if v.unit == "seed"]
    assert any(counted) or not counted
    for verdict in run.claims():
        assert all(np.isfinite(verdict.values))
