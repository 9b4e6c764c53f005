"""Compiling ahead: in order, errors at their turn, and nothing runs on when left."""

import dataclasses
import threading

import pytest

from toylab.errors import ToylabError
from toylab.members import seeds
from toylab.models import Autoencoder
from toylab.optim import AdamW
from toylab.population import Population
from toylab.tasks.superposition.superposition import Sparse
from toylab.train import ahead

POPULATION = Population(
    model=Autoencoder(4, 2),
    task=Sparse(4, density=0.5),
    members=seeds(1),
    optimizer=AdamW(1e-2, 0.0),
    steps=2,
    batch_size=4,
)
SIZES = [dataclasses.replace(POPULATION, batch_size=size) for size in (1, 2, 3, 4)]


def test_programs_come_in_order_and_one_ahead(monkeypatch) -> None:
    begun = []
    monkeypatch.setattr(ahead, "Program", lambda p: begun.append(p.batch_size) or p.batch_size)
    programs = ahead.compiled_ahead(SIZES)
    for place, program in enumerate(programs):
        assert program == place + 1
        assert len(begun) <= place + 2
    assert begun == [1, 2, 3, 4]
    assert list(ahead.compiled_ahead([])) == []


def test_an_error_comes_at_its_turn() -> None:
    wrong = dataclasses.replace(POPULATION, devices=64)
    programs = ahead.compiled_ahead([POPULATION, wrong])
    assert next(programs).population is POPULATION
    with pytest.raises(ToylabError, match="devices = 64"):
        next(programs)


def test_closing_early_begins_nothing_more(monkeypatch) -> None:
    begun, hold = [], threading.Event()

    def slow(population):
        begun.append(population.batch_size)
        if population.batch_size > 1:
            hold.wait()
        return population

    monkeypatch.setattr(ahead, "Program", slow)
    programs = ahead.compiled_ahead(SIZES)
    next(programs)
    programs.close()
    hold.set()
    assert set(begun) <= {1, 2}
