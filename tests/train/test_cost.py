"""Predicted cost against operations counted by hand."""

import json

import pytest

from toylab.cli.main import main as command
from toylab.members import seeds
from toylab.models import Autoencoder
from toylab.optim import AdamW
from toylab.population import Population
from toylab.studies.othello.network import Network, main
from toylab.tasks.superposition.superposition import FixedSet, Sparse
from toylab.train.cost import SHARE, predict, step_flops
from toylab.train.plan import batch_cost


def test_products_of_an_autoencoder():
    """Encode, decode, and backward three more products: 10 B n m, and little else."""
    n, m, batch = 200, 100, 64
    population = Population(
        model=Autoencoder(n, m),
        task=Sparse(n, density=0.1),
        members=seeds(3),
        optimizer=AdamW(1e-3, 0.0),
        steps=7,
        batch_size=batch,
    )
    products = 10 * batch * n * m
    assert products <= step_flops(population) < 1.1 * products
    cost = predict(population, rate=2.0)
    assert cost.flops == 21 * step_flops(population)
    assert cost.seconds == pytest.approx(cost.flops / (SHARE * 2e9))


def test_a_batch_costs_what_is_drawn_of_it_anew():
    settings = {"members": seeds(3), "optimizer": AdamW(1e-3, 0.0), "steps": 7, "batch_size": 64}
    cost = lambda task, n, m: batch_cost(Population(model=Autoencoder(n, m), task=task, **settings))
    # Twenty rounds of five operations on each number, beside three passes of 4 m + 6.
    assert cost(Sparse(20, density=0.1), 20, 5) == pytest.approx(120 / (3 * 26), rel=0.2)
    assert cost(Sparse(20, density=0.1), 20, 10) < 0.7 * cost(Sparse(20, density=0.1), 20, 5)
    assert cost(FixedSet(20, 0.1, 64), 20, 5) == 0  # the same at every step


def test_products_of_a_transformer():
    """Six operations per weight and token, and those of attention."""
    config = Network(size=4, depth=2, width=64, heads=4, batch_size=128)
    population = main(config)
    length, vocab = population.task.length, population.task.vocab
    weights = 2 * 12 * 64**2 + 64 * vocab
    attention = 2 * 2 * 2 * length * 64
    products = 3 * (2 * weights + attention) * length * 128
    assert products <= step_flops(population) < 1.35 * products


def test_the_command_line_tells_it(capsys):
    assert command(["info", "superposition_phase", "--preset", "smoke", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)["predicted"]
    assert set(told) == {"n2", "n3"}
    assert told["n2"]["steps"] == 100
    assert command(["info", "superposition_phase", "--preset", "smoke"]) == 0
    assert "on this machine" in capsys.readouterr().out
    assert command(["info", "superposition_phase", "--preset", "smol"]) == 1
