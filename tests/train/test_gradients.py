"""Gradients piece by piece and in shards, against the gradient of the whole batch."""

import dataclasses

import jax
import numpy as np
import pytest

from toylab.errors import ToylabError
from toylab.losses import squared_error
from toylab.members import zipped
from toylab.models import Autoencoder
from toylab.optim import SGD
from toylab.population import Population
from toylab.tasks.superposition.superposition import Sparse
from toylab.train.engine import Program
from toylab.train.fit import fit
from toylab.train.gradients import loss_and_gradient

MODEL, TASK = Autoencoder(5, 3), Sparse(5, density=0.4)
POPULATION = Population(
    model=MODEL,
    task=TASK,
    members=zipped(init_seed=(0, 1), learning_rate=(0.1, 0.2)),
    optimizer=SGD(0.1),
    steps=5,
    batch_size=12,
    devices=1,
)


@pytest.mark.parametrize("piece", [1, 3, 4, 12])
def test_pieces_give_the_gradient_of_the_batch(piece):
    params = MODEL.init(jax.random.key(0))
    batch = TASK.batch(jax.random.key(1), 12)
    loss = lambda p, b: squared_error(MODEL, p, b)
    whole = loss_and_gradient(loss, params, batch)
    cut = loss_and_gradient(loss, params, batch, piece)
    close = lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-7)
    jax.tree.map(close, whole, cut)


@pytest.mark.parametrize("cut", [{"piece": 3}, {"shards": 4}, {"shards": 2, "piece": 3}])
def test_a_population_trains_alike_in_parts(cut):
    whole, cut = fit(POPULATION), fit(dataclasses.replace(POPULATION, **cut))
    close = lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6)
    jax.tree.map(close, whole.params, cut.params)
    close(whole.records["loss"], cut.records["loss"])


def test_pieces_need_less_memory():
    large = dataclasses.replace(POPULATION, batch_size=4096)
    need = lambda p: Program(p).compiled.memory_analysis().temp_size_in_bytes
    assert need(dataclasses.replace(large, piece=64)) < need(large)


@pytest.mark.parametrize(
    ("cut", "told"),
    [
        ({"piece": 5}, "piece = 5 does not divide batch_size = 12"),
        ({"shards": 5}, "5 shards do not divide batch_size = 12"),
        ({"shards": 3, "piece": 3}, "piece = 3 does not divide a shard of 4"),
    ],
)
def test_parts_that_do_not_divide_the_batch_are_refused(cut, told):
    with pytest.raises(ToylabError, match=told):
        dataclasses.replace(POPULATION, **cut)
