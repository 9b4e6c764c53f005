"""All scores of dictionaries that a population trained, where the features are known.

Shape suffixes: P members, N inputs, F atoms, G features, D width.
"""

import functools
from collections.abc import Sequence
from typing import Any, NamedTuple, cast

import jax
import numpy as np
from jax import Array
from jaxtyping import Bool, Float, Int

from toylab.analysis.recovery.directions import (
    cosines,
    matched_stability,
    random_atoms,
    recovery,
    stability,
)
from toylab.analysis.recovery.firing import absorption, firing_f1
from toylab.population import Population
from toylab.random import stream
from toylab.taps import run

Scores = dict[str, float]


class Sparse(NamedTuple):
    """A dictionary, and what it makes of inputs.

    Attributes:
        atoms: (F, D).
        codes: (N, F).
        x: inputs (N, D).
        out: what codes stand for (N, D).
    """

    atoms: Float[np.ndarray, "F D"]
    codes: Float[np.ndarray, "N F"]
    x: Float[np.ndarray, "N D"]
    out: Float[np.ndarray, "N D"]

    @property
    def finite(self) -> bool:
        """Whether its network has not diverged."""
        return bool(np.isfinite(self.atoms).all() and np.isfinite(self.codes).all())


def looks(
    population: Population, params_P: Any, count: int, sites: Sequence[str] = ()
) -> dict[str, np.ndarray]:
    """Show every member fresh inputs of its own world; all with the leading axis P.

    Args:
        population: whose model has ``atoms(params)``, and whose task ``directions()``.
        params_P: parameters of all members.
        count: inputs of each.
        sites: of the model, to be recorded.

    Returns:
        ``x``, ``out``, ``atoms``, ``features``, what is recorded, and the task's latents.
    """
    rows = {n: np.asarray(c, np.float32) for n, c in population.members.columns.items()}

    def one(pair: tuple[Any, dict[str, Array]]) -> dict[str, Array]:
        params, row = pair
        bound = population.bind(row)
        task, model = cast(Any, bound.task), cast(Any, bound.model)
        batch = task.batch(stream(0, "looks"), count)
        out, acts = run(model, params, batch.inputs, record=sites)
        found = {"x": batch.inputs, "out": out, "atoms": model.atoms(params)}
        return found | acts | batch.latents | {"features": task.directions()}

    every: Any = jax.jit(lambda *both: jax.lax.map(one, both))
    return jax.tree.map(np.asarray, every(params_P, rows))


def explained(x: Float[np.ndarray, "*n D"], out: Float[np.ndarray, "*n D"]) -> float:
    """Return the share of the variance of inputs that reconstructions explain.

    Example:
        >>> explained(np.array([[0.0], [2.0]]), np.array([[1.0], [1.0]]))
        0.0
    """
    axes = tuple(range(x.ndim - 1))
    return float(1 - ((x - out) ** 2).sum() / ((x - x.mean(axes, keepdims=True)) ** 2).sum())


def known(
    own: Sparse,
    active_NG: Bool[np.ndarray, "N G"],
    features_GD: Float[np.ndarray, "G D"],
    parents_G: Int[np.ndarray, " G"],
) -> Scores:
    """Score a dictionary against features that are known; NaN where it diverged.

    Returns:
        ``explained``, ``l0``, ``dead``; ``recall``, ``precision``, ``found``, ``matched`` of
        :func:`.directions.recovery`; ``f1``, of the best latent for each feature; ``absorbed`` and
        ``absorbed_alone``.
    """
    names = ("explained", "l0", "dead", "f1", "absorbed", "absorbed_alone")
    names = (*names, "recall", "precision", "found", "matched")
    if not own.finite:
        return dict.fromkeys(names, np.nan)
    fires_NF = own.codes > 0
    shares = fires_NF.sum(1).mean(), 1 - fires_NF.any(0).mean()
    f1 = firing_f1(own.codes, active_NG).max(0).mean()
    latent_G = cosines(own.atoms, features_GD).argmax(0)
    lost = absorption(own.codes, active_NG, latent_G, parents_G)
    near = recovery(own.atoms, features_GD)
    values = (explained(own.x, own.out), *shares, f1, *lost, *near)
    return dict(zip(names, map(float, values), strict=True))


def alike(one: Sparse, other: Sparse, features_GD: Float[np.ndarray, "G D"]) -> Scores:
    """Score how alike two dictionaries are; NaN where one diverged.

    Returns:
        ``stability`` of all atoms, ``stability_live`` of those that fire, ``stability_matched`` of
        those that stand for features.
    """
    names = ("stability", "stability_live", "stability_matched")
    if not (one.finite and other.finite):
        return dict.fromkeys(names, np.nan)
    live = [own.atoms[(own.codes > 0).any(0)] for own in (one, other)]
    alive = stability(*live) if all(map(len, live)) else np.nan
    same = matched_stability(one.atoms, other.atoms, features_GD)
    values = stability(one.atoms, other.atoms), alive, same
    return dict(zip(names, map(float, values), strict=True))


@functools.cache
def nulls(size: int, features: int, width: int, draws: int = 16) -> Scores:
    """Score random dictionaries of a size: ``null_stability``, ``null_recall``, ``null_matched``.

    Example:
        >>> round(nulls(64, 64, 32)["null_recall"], 1)
        0.4
    """
    one, other = np.split(random_atoms(2 * draws, size, width), 2)
    truth = random_atoms(draws, features, width, seed=1)
    same = np.mean([matched_stability(*own) for own in zip(one, other, truth, strict=True)])
    values = stability(one, other).mean(), recovery(one, truth).recall.mean(), same
    names = ("null_stability", "null_recall", "null_matched")
    return dict(zip(names, map(float, values), strict=True))
