"""Norm and correct logit, by hand."""

import jax
import numpy as np

from toylab.models import Transformer
from toylab.tasks.grokking.modular import ModularArithmetic
from toylab.tasks.grokking.theory.efficiency import efficiency_scores


def test_norm_and_correct_logit_of_the_training_set():
    task = ModularArithmetic(p=5, fraction=0.4, split_seed=3)
    model = Transformer(6, 3, width=8, depth=1, heads=2, hidden=16, n_out=5, read="last")
    params = model.init(jax.random.key(0))
    got = efficiency_scores(model, params, task)
    train = task.split()["train"]
    logits = np.asarray(model.apply(params, train.inputs))
    right = [row[t] - row.mean() for row, t in zip(logits, np.asarray(train.targets), strict=True)]
    np.testing.assert_allclose(got["correct_logit"], np.mean(right), rtol=1e-5, atol=1e-6)
    flat = np.concatenate([np.ravel(leaf) for leaf in jax.tree.leaves(params)])
    np.testing.assert_allclose(got["norm"], np.linalg.norm(flat), rtol=1e-5)
