"""Linear probes of many discrete variables at once: N variables of some classes each.

The targets are one-hot, (N * classes) together, and share one decomposition of the activations, so
this costs little more than one probe of one variable.
"""

import functools
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from toylab.probes.linear import Probe, ridge

RIDGE = 1e-2


@functools.partial(jax.jit, static_argnames=("classes",))
def one_hot_rows(labels_RN: Array, classes: int = 3) -> Array:
    """One-hot labels, flattened to (R, N * classes)."""
    hot = jax.nn.one_hot(labels_RN, classes, dtype=jnp.float32)
    return hot.reshape(*labels_RN.shape[:-1], -1)


def state_probe(acts_SRD: Any, labels_RN: Any, classes: int = 3, weights_R: Any = None) -> Probe:
    """Fit a linear probe of every variable at once, by ridge regression on one-hot states.

    Args:
        acts_SRD: activations, one probe per layer.
        labels_RN: states of the variables.
        classes: number of states.
        weights_R: weight of each row; 1 by default.
    """
    targets = one_hot_rows(jnp.asarray(labels_RN), classes)
    return ridge(jnp.asarray(acts_SRD), targets, RIDGE, weights_R)


def predicted_states(probe: Probe, acts_SRD: Any, classes: int = 3) -> np.ndarray:
    """Return each variable's most probable state, that of the largest output, (S, R, N)."""
    scores = probe.scores(jnp.asarray(acts_SRD))
    return np.asarray(jnp.argmax(scores.reshape(*scores.shape[:-1], -1, classes), -1))


def state_directions(probe: Probe, classes: int = 3) -> np.ndarray:
    """Return the probe's vectors as one per variable and state, (S, N, classes, D)."""
    weight = np.asarray(probe.weight)
    return np.moveaxis(weight, -2, -1).reshape(*weight.shape[:-2], -1, classes, weight.shape[-2])
