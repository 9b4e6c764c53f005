"""Skill neurons: single neurons whose activation predicts a task's answer."""

from collections.abc import Sequence

import jax.numpy as jnp
import numpy as np
from jax import Array
from jaxtyping import Bool, Float, Int

from toylab.errors import ToylabError, check_number
from toylab.taps import Edit


def predictivity(
    train_acts: Float[Array, "*lead N F"],
    train_labels: Bool[Array, "*lead N"],
    acts: Float[Array, "*lead M F"],
    labels: Bool[Array, "*lead M"],
) -> Float[Array, "*lead F"]:
    """Accuracy of each neuron as a classifier of a binary label, ``max(Acc, 1 - Acc)``.

    The threshold is the neuron's mean on the training examples, ``Acc = mean [a > a_bar] == y``.
    Which side means yes is chosen on the training examples too, so that the accuracy on new ones
    is not the better of two.

    Args:
        train_acts: activations that set the threshold and the side.
        train_labels: their labels.
        acts: activations that are judged.
        labels: their labels.

    Returns:
        Accuracies on the judged examples, from 0 to 1; NaN of what is not finite.

    Raises:
        ToylabError: shapes that do not fit.

    Source:
        Wang et al. 2022 (arXiv:2211.07349), section 3.1; they take the side on the same examples.
    """
    for x, y in ((train_acts, train_labels), (acts, labels)):
        if x.shape[:-1] != y.shape:
            raise ToylabError(f"predictivity: activations {x.shape} with labels {y.shape}.")
    threshold = jnp.mean(train_acts, -2, keepdims=True)

    def accuracy(x: Array, y: Array) -> Array:
        return jnp.mean(((x > threshold) == y[..., None]).astype(jnp.float32), -2)

    is_up = accuracy(train_acts, train_labels) >= 0.5
    found = accuracy(acts, labels)
    sound = jnp.isfinite(train_acts).all(-2) & jnp.isfinite(acts).all(-2)  # NaN is above nothing
    return jnp.where(sound, jnp.where(is_up, found, 1 - found), jnp.nan)


def strongest(scores: Float[Array, "*lead F"], share: float) -> Bool[Array, "*lead F"]:
    """Return which neurons are among the given share with the highest scores, at least one.

    Args:
        scores: one per neuron; of equal scores the earlier neuron wins.
        share: of the neurons, from 0 to 1.

    Raises:
        ToylabError: a share out of range.

    Example:
        >>> strongest(jnp.array([0.1, 0.9, 0.5, 0.2]), 0.5).tolist()
        [False, True, True, False]
    """
    check_number("strongest", "share", share, low=0, high=1)
    count = max(1, round(share * scores.shape[-1]))
    rank: Int[Array, "*lead F"] = jnp.argsort(jnp.argsort(-scores, axis=-1), axis=-1)
    return rank < count


def layer_spreads(widths: Sequence[int], spread: Float[Array, "R F"]) -> Float[Array, " F"]:
    """Return the mean over a layer of its neurons' standard deviations, at each of its neurons.

    Args:
        widths: neurons of each layer, F in all.
        spread: standard deviations, in R conditions.
    """
    parts = jnp.split(spread, np.cumsum(widths)[:-1], axis=1)
    return jnp.concatenate([jnp.full(part.shape[1], part.mean()) for part in parts])


def add_noise(
    sites: Sequence[str], widths: Sequence[int], noise: Float[Array, "N F"]
) -> tuple[Edit, ...]:
    """Return edits that add noise to the neurons of several layers.

    Args:
        sites: one per layer, of shape (N, width).
        widths: neurons of each layer, F in all.
        noise: of each example and neuron.
    """
    parts = jnp.split(noise, np.cumsum(widths)[:-1], axis=1)
    return tuple(Edit(site, "add", part) for site, part in zip(sites, parts, strict=True))
