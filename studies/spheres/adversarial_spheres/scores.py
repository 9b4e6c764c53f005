"""What trained networks get wrong on the spheres, and how far away that is.

Shapes: P networks, D dimensions, M points.
"""

from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from toylab.models import MLP
from toylab.models.quadrics.ellipsoid import Ellipsoid
from toylab.random import normal, stream
from toylab.tasks.spheres.attacks import attack_distances
from toylab.tasks.spheres.caps import cap_distance, gaussian_distance
from toylab.tasks.spheres.ellipsoids import (
    alphas,
    error_distances,
    error_rates,
    normal_rate,
    rescaled,
)

TESTED = 100_000  # points of the inner sphere that a test set holds
Row = dict[str, float]


def bound(rate: float, dim: int) -> Row:
    """The mean distance of a cap of a rate, exact and Gaussian; NaN at 0 and above a half."""
    inside = rate if 0 < rate <= 0.5 else np.nan
    exact, limit = cap_distance(inside, dim), gaussian_distance(inside, dim)
    return {"cap": float(exact), "gaussian": float(limit)}


def spectra(params_P: Mapping[str, np.ndarray]) -> np.ndarray:
    """Alphas of networks (P, D); NaN of those whose boundary is no ellipsoid."""
    w_P, b_P = np.asarray(params_P["w"]), np.asarray(params_P["b"])
    fit_P = (w_P > 0) & (b_P < 0)
    return alphas(params_P["W"], np.where(fit_P, w_P, np.nan), np.where(fit_P, b_P, np.nan))


def ellipsoid_row(alpha_D: np.ndarray, radius: float, points: int, seed: int) -> Row:
    """Exact rates, spectrum and distances of one network."""
    dim = len(alpha_D)
    rng = np.random.default_rng([dim, seed])
    inner, outer = error_rates(alpha_D, radius)
    distance_M = error_distances(alpha_D, unit(rng.normal(size=(points, dim))))
    exists = np.isfinite(distance_M).all()
    found = rng.binomial(TESTED, np.clip(inner, 0, 1)) if inner == inner else np.nan
    return {
        "inner": inner,
        "outer": outer,
        "normal": float(normal_rate(alpha_D)),
        "found": float(found),  # of a test set, in law
        "bad": float(((alpha_D > 1) | (alpha_D < radius**-2)).mean()) if inner == inner else np.nan,
        "top": float(alpha_D.max()),
        "distance": float(distance_M.mean()) if exists else np.nan,
        "error": float(distance_M.std() / np.sqrt(points)) if exists else np.nan,
        **bound(inner, dim),
    }


def untrained_row(alpha_D: np.ndarray, rate: float, points: int, seed: int) -> Row:
    """Distance and bound of an untrained network with the bias that gives a rate."""
    x_MD = unit(np.random.default_rng([seed, 1]).normal(size=(points, len(alpha_D))))
    distance_M = error_distances(rescaled(alpha_D, rate), x_MD)
    return {"rate": rate, "distance": float(distance_M.mean()), **bound(rate, len(alpha_D))}


def unit(z_MD: Any) -> Any:
    """Points of the unit sphere."""
    return z_MD / np.linalg.norm(z_MD, axis=-1, keepdims=True)


def training_errors(params_P: Any, seed_P: np.ndarray, rows: Any, pool: int) -> np.ndarray:
    """Share of its own training set that each network gets wrong, (P,).

    Args:
        params_P: of the networks.
        seed_P: which training sets.
        rows: from a set's seed and numbers of rows to a batch.
        pool: examples of a set.
    """

    def share(params: Any, seed: Any) -> Any:
        batch = rows(seed, jnp.arange(pool, dtype=jnp.uint32))
        model = Ellipsoid(*params["W"].shape[::-1])
        f_B = model.apply(params, batch.inputs)[:, 1]
        wrong_B = (f_B > 0) != (batch.targets == 1)
        return jnp.where(jnp.isfinite(f_B).all(), wrong_B.mean(), jnp.nan)

    each = jax.jit(lambda p, s: jax.lax.map(lambda one: share(*one), (p, s)))
    return np.asarray(each(jax.tree.map(jnp.asarray, params_P), jnp.asarray(seed_P)), np.float64)


def relu_scores(model: MLP, params_P: Any, radius: float, points: int) -> dict[str, np.ndarray]:
    """Rates by sampling, and distances that an attack finds, of every ReLU network, (P,)."""
    x_MD = normal(stream(0, "test points"), (TESTED // 2, model.sizes[0]))
    x_MD = x_MD / jnp.linalg.norm(x_MD, axis=1, keepdims=True)

    def one(params: Any) -> dict[str, Any]:
        says = lambda x_MD: jnp.diff(model.apply(params, x_MD), axis=1)[:, 0]
        inner, outer = says(x_MD), says(radius * x_MD[: TESTED // 10])
        return {
            "inner": jnp.where(jnp.isfinite(inner).all(), (inner > 0).mean(), jnp.nan),
            "outer": jnp.where(jnp.isfinite(outer).all(), (outer < 0).mean(), jnp.nan),
            # No two points are more than 2 apart.
            "distance": jnp.minimum(attack_distances(says, x_MD[:points], 100), 2).mean(),
        }

    found = jax.jit(lambda p: jax.lax.map(one, p))(jax.tree.map(jnp.asarray, params_P))
    return {name: np.asarray(value, np.float64) for name, value in found.items()}


def attack_excess(params_P: Any, points: int) -> np.ndarray:
    """Distances that the attack finds of quadratic networks, over the exact ones, (P,)."""
    W_PHD = np.asarray(params_P["W"], np.float64)
    model = Ellipsoid(W_PHD.shape[2], W_PHD.shape[1])
    x_MD = unit(np.random.default_rng(2).normal(size=(points, W_PHD.shape[2])))
    attack = jax.jit(
        lambda p: jax.lax.map(
            lambda one: attack_distances(
                lambda y_MD: model.apply(one, y_MD)[:, 1], jnp.asarray(x_MD, jnp.float32)
            ),
            p,
        )
    )
    found_PM = np.asarray(attack(jax.tree.map(jnp.asarray, params_P)), np.float64)
    ratios = []
    for W_HD, alpha_D, found_M in zip(W_PHD, spectra(params_P), found_PM, strict=True):
        if not np.isfinite(alpha_D).all():
            ratios.append(np.nan)
            continue
        _, axes_DD = np.linalg.eigh(W_HD.T @ W_HD)  # ascending, as alphas are
        exact = error_distances(alpha_D, x_MD @ axes_DD).mean()
        ratios.append(found_M.mean() / exact if 0 < exact < np.inf else np.nan)
    return np.array(ratios)
