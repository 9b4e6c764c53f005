"""Scores of a dictionary against properties known to hold or not: coverage and reconstruction.

Properties are facts about each input, such as "my disc is on e3". *Coverage* asks whether for each
property some single feature fires when it holds; *reconstruction*, whether the features that
fire tell which properties hold. Both treat a feature as a classifier: it fires above a level, a
share 0, 0.1, ..., 0.9 of its greatest activation.

A large set of random features scores well above 0 by choice alone: report the same score of random
directions and of an untrained network's features, and choose on some inputs, score on others.

Source: Karvonen et al. 2024 (arXiv:2408.00113), section 3, and their code (SAE_BoardGameEval) for
what the text leaves open: counts are pooled over inputs and properties before the F1, precision
0.95 with at least 10 firings makes a label.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jaxtyping import Bool, Float

from toylab.errors import ToylabError, check_number

SHARES = tuple(round(0.1 * i, 1) for i in range(10))  # of a feature's greatest activation


class Coverage(NamedTuple):
    """The best single feature of each property.

    Attributes:
        f1_K: its F1; NaN for a property that never holds.
        feature_K: which one.
        level_K: activation above which it fires.
    """

    f1_K: Array
    feature_K: Array
    level_K: Array

    @property
    def score(self) -> float:
        """Mean F1 over the properties that hold somewhere."""
        return float(jnp.nanmean(self.f1_K))


class Labels(NamedTuple):
    """Which properties a feature's firing vouches for, at each of T levels.

    Attributes:
        level_TF: activations above which features fire.
        high_TFK: whether a property holds in a share ``precision`` of the firings.
    """

    level_TF: Array
    high_TFK: Array


def coverage(features: Float[Array, "N F"], properties: Bool[Array, "N K"]) -> Coverage:
    """Find for each property the feature and the level with the best F1.

    ``F1 = 2 TP / (firings + holdings)``. The choice and the score are made on the same inputs;
    see :func:`single_told`.

    Args:
        features: activations (N, F); those at or below 0 never fire.
        properties: whether each property holds, (N, K).

    Raises:
        ToylabError: shapes that do not fit, or properties that are not boolean.

    Example:
        >>> features = jnp.array([[0.0, 3.0], [2.0, 1.0], [2.0, 0.0]])
        >>> found = coverage(features, jnp.array([[True], [False], [False]]))
        >>> found.feature_K.tolist(), found.f1_K.tolist()
        ([1], [1.0])
    """
    features, properties = _checked("coverage", features, properties)
    return _coverage(features, properties.astype(jnp.float32))


@jax.jit
def _coverage(features_NF: Array, holds_NK: Array) -> Coverage:
    def at(level_F: Array) -> Array:
        return _f1(_fires(features_NF, level_F), holds_NK)

    levels_TF = _levels(features_NF)
    f1_TFK = jax.lax.map(at, levels_TF)
    flat_XK = f1_TFK.reshape(-1, f1_TFK.shape[-1])
    # A property that never holds has F1 0 with every feature, and NaN says that it was not judged.
    never_K = jnp.sum(holds_NK, 0) == 0
    best_K = jnp.argmax(flat_XK, 0)
    f1_K = jnp.where(never_K, jnp.nan, jnp.max(flat_XK, 0))
    return Coverage(f1_K, best_K % levels_TF.shape[1], levels_TF.reshape(-1)[best_K])


@jax.jit
def single_told(best: Coverage, features: Float[Array, "N F"]) -> Bool[Array, "N K"]:
    """Return on other inputs whether the feature that :func:`coverage` chose fires, by property."""
    return features[:, best.feature_K] > best.level_K[None]


def labels(
    features: Float[Array, "N F"],
    properties: Bool[Array, "N K"],
    precision: float = 0.95,
    least: int = 10,
) -> Labels:
    """Find the properties that nearly always hold when a feature fires.

    Args:
        features: activations (N, F).
        properties: whether each property holds, (N, K).
        precision: share of the firings in which the property must hold.
        least: fewest firings that count as evidence.
    """
    features, properties = _checked("labels", features, properties)
    check_number("labels", "precision", precision, above=0, high=1)
    check_number("labels", "least", least, low=1, whole=True)
    return _labels(features, properties.astype(jnp.float32), precision, least)


@jax.jit
def _labels(features_NF: Array, holds_NK: Array, precision: Array, least: Array) -> Labels:
    def at(level_F: Array) -> Array:
        fires_NF = _fires(features_NF, level_F)
        count_F = jnp.sum(fires_NF, 0)[:, None]
        return (fires_NF.T @ holds_NK >= precision * count_F) & (count_F >= least)

    levels_TF = _levels(features_NF)
    return Labels(levels_TF, jax.lax.map(at, levels_TF))


@jax.jit
def predicted(found: Labels, features: Float[Array, "N F"]) -> Bool[Array, "T N K"]:
    """Return the properties that some firing feature vouches for, by level."""

    def at(pair: tuple[Array, Array]) -> Array:
        level_F, high_FK = pair
        return _fires(features, level_F) @ high_FK.astype(jnp.float32) > 0

    return jax.lax.map(at, (found.level_TF, found.high_TFK))


def reconstruction(
    found: Labels, features: Float[Array, "N F"], properties: Bool[Array, "N K"]
) -> Float[Array, " T"]:
    """Return the F1 of the predicted properties at each level, pooled over inputs and properties.

    The paper's score is the largest; choose the level on other inputs to be strict.

    Args:
        found: from :func:`labels` on training inputs.
        features: activations on held-out inputs (N, F).
        properties: (N, K).
    """
    features, properties = _checked("reconstruction", features, properties)
    if found.high_TFK.shape[1:] != (features.shape[1], properties.shape[1]):
        raise ToylabError(
            f"reconstruction: labels of {found.high_TFK.shape[1:]} features and properties, data "
            f"of {(features.shape[1], properties.shape[1])}."
        )
    return pooled_f1(predicted(found, features), properties)


@jax.jit
def pooled_f1(told: Bool[Array, "*T N K"], properties: Bool[Array, "N K"]) -> Float[Array, "*T"]:
    """F1 of told properties, all inputs and properties counted together; 0 if nothing is told."""
    count = lambda mask: jnp.sum(mask, (-2, -1), dtype=jnp.float32)
    holds = jnp.broadcast_to(properties, told.shape)
    return 2 * count(told & holds) / jnp.maximum(count(told) + count(holds), 1)


def _levels(features_NF: Array) -> Array:
    """Levels (T, F); a feature that is never above 0 gets one that it never exceeds."""
    greatest_F = jnp.max(features_NF, 0)
    shares_T = jnp.asarray(SHARES, jnp.float32)
    return jnp.where(greatest_F[None] > 0, shares_T[:, None] * greatest_F[None], jnp.inf)


def _fires(features_NF: Array, level_F: Array) -> Array:
    return (features_NF > level_F[None]).astype(jnp.float32)


def _f1(fires_NF: Array, holds_NK: Array) -> Array:
    both_FK = fires_NF.T @ holds_NK
    total_FK = jnp.sum(fires_NF, 0)[:, None] + jnp.sum(holds_NK, 0)[None]
    return 2 * both_FK / jnp.maximum(total_FK, 1)


def _checked(owner: str, features: Array, properties: Array) -> tuple[Array, Array]:
    features, properties = jnp.asarray(features), jnp.asarray(properties)
    fits = features.ndim == properties.ndim == 2 and len(features) == len(properties) > 0
    if not fits or properties.dtype != np.bool_:
        raise ToylabError(
            f"{owner}: features {features.shape}, properties {properties.dtype} "
            f"{properties.shape}; give (N, F) and booleans (N, K)."
        )
    return features.astype(jnp.float32), properties
