"""What the efficiency of a circuit is made of: parameter norm, and the correct logit it buys."""

from collections.abc import Mapping

import jax
import jax.numpy as jnp
from jax import Array

from toylab.taps import Model, Params
from toylab.task import Task

from ..modular import Pairs, scores
from .fourier import answer_share


def efficiency_scores(model: Model, params: Params, task: Task) -> Mapping[str, Array]:
    """Return losses, accuracies, and what efficiency is made of: norm and correct logit.

    Args:
        model: maps the task's inputs (N, L) to logits (N, V).
        params: parameters of one member.
        task: the member's own task, a table of pairs.

    Returns:
        Those of :func:`toylab.tasks.grokking.modular.scores`; ``norm``, the L2 norm of all
        parameters; ``correct_logit``, over the training set, the mean of the correct logit less
        the mean of all logits; ``answer_share``, the share of the logits' squares that depends on
        the distance to the true answer alone, as all the logits of a network that only generalises
        do.

    Source:
        Varma et al. 2023 (arXiv:2309.02390), sections 2 and 5: efficiency, and generalising
        networks told by their logits in the span of ``cos(w_k (x + y - z))``.
    """
    assert isinstance(task, Pairs)
    whole = task.enumerate()
    logits_NV = model.apply(params, whole.inputs)
    centred_NV = logits_NV - jnp.mean(logits_NV, -1, keepdims=True)
    right_N = jnp.take_along_axis(centred_NV, whole.targets[:, None], -1)[:, 0]
    train_N = whole.latents["train"].astype(jnp.float32)
    squares = sum(jnp.sum(leaf**2) for leaf in jax.tree.leaves(params))
    return dict(scores(model, params, task)) | {
        "norm": jnp.sqrt(squares),
        "correct_logit": jnp.sum(right_N * train_N) / jnp.sum(train_N),
        "answer_share": answer_share(centred_NV, jnp.asarray(task.table()[1], jnp.int32)),
    }
