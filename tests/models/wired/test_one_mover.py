"""A transformer of one moving layer stays one in training."""

import jax
import numpy as np
import pytest

from toylab.errors import ToylabError
from toylab.losses import cross_entropy
from toylab.members import grid
from toylab.models.wired.one_mover import OneMover
from toylab.optim import AdamW
from toylab.population import Population
from toylab.tasks.tools.facts import Facts
from toylab.train.fit import fit

TASK = Facts(5, 2, 3, 4)
MODEL = OneMover(TASK.vocab, 3, 8, 3, 2, hidden=8, n_out=TASK.values, read="last")


def test_dead_layers_stay_dead():
    members = grid(init_seed=(0, 1), mover=(0.0, 2.0))
    population = Population(
        model=MODEL,
        task=TASK,
        members=members,
        optimizer=AdamW(1e-2, 0.1),
        loss=cross_entropy,
        steps=20,
        batch_size=8,
    )
    params = fit(population).params
    for layer in range(3):
        attn = params["blocks"][str(layer)]["attn"]
        alive = members["mover"] == layer
        for name in ("w_v", "w_o"):
            assert (np.asarray(attn[name]).any((1, 2, 3)) == alive).all()
        mlp = jax.tree.leaves(params["blocks"][str(layer)]["mlp"])
        assert all(np.asarray(leaf).any() for leaf in mlp)


def test_a_layer_that_does_not_exist_is_refused():
    with pytest.raises(ToylabError, match="mover = 3 is out of range"):
        OneMover(TASK.vocab, 3, 8, 3, 2, mover=3)
