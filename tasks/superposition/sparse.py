"""Sparse features: each is zero most of the time and otherwise uniform.

Losses are sums over features of ``importance * (target - output)**2``, averaged over examples.

Source: Elhage et al. 2022, Toy Models of Superposition (arXiv:2209.10652).
"""

from dataclasses import dataclass
from typing import Any, Literal, get_args

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.core import Tracer
from jaxtyping import Float

from toylab import random
from toylab.errors import ToylabError, check_number, nearest
from toylab.task import Batch, Number, Task

Correlation = Literal["independent", "correlated", "anticorrelated"]
Target = Literal["identity", "abs"]
Densities = Number | tuple[float, ...]


def _check_choice(owner: str, field: str, value: str, choices: Any) -> None:
    known = get_args(choices)
    if value not in known:
        raise ToylabError(f"{owner}: {field} = {value!r} is unknown; {nearest(value, known)}")


def _check_densities(owner: str, density: Densities, length: int) -> None:
    """Refuse densities outside (0, 1], or a list of them of the wrong length."""
    if isinstance(density, Tracer):
        return
    values = np.atleast_1d(np.asarray(density))
    if np.ndim(density) and values.shape != (length,):
        raise ToylabError(
            f"{owner}: density has shape {values.shape}; give one number or a list of {length}."
        )
    for value in values:
        check_number(owner, "density", value, above=0.0, high=1.0)


def as_batch(x_BN: Array, active_BN: Array, target_BN: Array, weight_N: Array) -> Batch:
    """Assemble a batch; the weights (1, N) are the same for every example."""
    latents = {"active": active_BN, "magnitude": jnp.abs(x_BN)}
    return Batch(x_BN, target_BN, weight_N[None], latents)


def first(batch: Batch) -> Batch:
    """The first example of a batch, without the batch axis."""
    return jax.tree.map(lambda leaf: leaf[0], batch)


def latents_agree(batch: Batch) -> np.ndarray:
    """Per example: magnitudes are those of the inputs, and only active features are nonzero."""
    x_BN, active_BN = np.asarray(batch.inputs), np.asarray(batch.latents["active"])
    same = np.abs(x_BN) == np.asarray(batch.latents["magnitude"])
    return np.all(same & (active_BN | (x_BN == 0)), axis=-1)


def _last(length: int, factor: Number) -> Float[Array, " N"]:
    """Ones, with ``factor`` in the last place."""
    return jnp.ones(length, jnp.float32).at[-1].set(jnp.asarray(factor, jnp.float32))


def powers(n_features: int, base: Number) -> Float[Array, " N"]:
    """``base**i`` for i = 0 .. N - 1."""
    return jnp.asarray(base, jnp.float32) ** jnp.arange(n_features, dtype=jnp.float32)


@dataclass(frozen=True)
class Sparse(Task):
    """Features that are zero with probability ``1 - density`` and otherwise U[0, 1].

    Without correlation, one 32-bit draw u per feature decides both its activity and its
    magnitude: with v = u / density, x = v where v <= 1 and 0 elsewhere, which is exactly
    Bernoulli(density) times U[0, 1]. The draw itself does not depend on the density, so the
    members of a population under one key share their bits whatever their densities.

    The features may be tied in ``groups`` sets of consecutive features of equal size:
    *correlated*, one draw decides all features of a set, their magnitudes independent;
    *anticorrelated*, a set is active with probability ``density`` and then exactly one
    member, uniformly chosen, is nonzero.

    Attributes:
        n_features: N.
        density: probability in (0, 1] that a set is active (a feature, when independent);
            one number, or one per set.
        importance: feature i weighs ``importance**i``, i from 0.
        last_importance: multiplies the weight of the last feature.
        last_density_ratio: multiplies the density of the last set.
        groups: number of sets; every feature its own when None.
        correlation: what ties the features of a set.
        signed: magnitudes from U[-1, 1] instead of U[0, 1].
        target: what the model must output, x or abs(x).
        unit_norm: scale every example to length 1; an example with no active feature gets the
            one feature that came nearest to activity. Independent, unsigned features only.

    Source: Elhage et al. 2022, "Demonstrating Superposition" and "Feature Geometry".

    Example:
        >>> task = Sparse(n_features=5, density=0.1, importance=0.9)
        >>> task.batch(jax.random.key(0), 1024).inputs.shape
        (1024, 5)
    """

    n_features: int
    density: Densities
    importance: Number = 1.0
    last_importance: Number = 1.0
    last_density_ratio: Number = 1.0
    groups: int | None = None
    correlation: Correlation = "independent"
    signed: bool = False
    target: Target = "identity"
    unit_norm: bool = False

    def __post_init__(self) -> None:
        check_number("Sparse", "n_features", self.n_features, low=1, whole=True)
        check_number("Sparse", "groups", self.n_groups, low=1, high=self.n_features, whole=True)
        _check_choice("Sparse", "correlation", self.correlation, Correlation)
        _check_choice("Sparse", "target", self.target, Target)
        if self.n_features % self.n_groups:
            raise ToylabError(
                f"Sparse: {self.n_features} features do not split into {self.n_groups} equal "
                "sets; choose groups that divides n_features."
            )
        alone = self.correlation == "independent"
        if alone and self.n_groups != self.n_features:
            raise ToylabError(
                "Sparse: groups is set but features are independent; name a correlation."
            )
        if self.unit_norm and (self.signed or not alone):
            raise ToylabError("Sparse: unit_norm needs independent, unsigned features.")
        for field in ("importance", "last_importance"):
            check_number("Sparse", field, getattr(self, field), low=0.0)
        _check_densities("Sparse", self.density, self.n_groups)
        check_number("Sparse", "last_density_ratio", self.last_density_ratio, above=0.0)
        if not any(isinstance(v, Tracer) for v in (self.density, self.last_density_ratio)):
            last = np.atleast_1d(np.asarray(self.density))[-1] * self.last_density_ratio
            check_number("Sparse", "density * last_density_ratio", last, above=0.0, high=1.0)

    @property
    def n_groups(self) -> int:
        """Number of sets."""
        return self.n_features if self.groups is None else self.groups

    @property
    def group_size(self) -> int:
        """Features in a set."""
        return self.n_features // self.n_groups

    def densities(self) -> Float[Array, " G"]:
        """Probability that each set is active."""
        density = jnp.broadcast_to(jnp.asarray(self.density, jnp.float32), (self.n_groups,))
        return density * _last(self.n_groups, self.last_density_ratio)

    def feature_densities(self) -> Float[Array, " N"]:
        """Probability that each feature is active."""
        share = self.group_size if self.correlation == "anticorrelated" else 1
        return jnp.repeat(self.densities(), self.group_size) / share

    def importances(self) -> Float[Array, " N"]:
        """Weight of each feature in the loss."""
        return powers(self.n_features, self.importance) * _last(
            self.n_features, self.last_importance
        )

    def example(self, key: Array) -> Batch:
        """Draw one example; inputs, targets, weights and latents are all (N,)."""
        return first(self.batch(key, 1))

    def batch(self, key: Array, size: int) -> Batch:
        """Draw ``size`` examples: inputs (B, N), weights (1, N) since they are all alike."""
        # Drawn feature-major: a tied autoencoder is fastest so, and XLA cancels the transposes.
        draw = {
            "independent": self._independent,
            "correlated": self._correlated,
            "anticorrelated": self._anticorrelated,
        }[self.correlation]
        v_NB, active_NB = draw(key, size)
        x_NB = jnp.where(active_NB, 2 * v_NB - 1 if self.signed else v_NB, jnp.float32(0))
        if self.unit_norm:
            x_NB = x_NB / jnp.linalg.norm(x_NB, axis=0, keepdims=True)
        target_NB = jnp.abs(x_NB) if self.target == "abs" else x_NB
        return as_batch(x_NB.T, active_NB.T, target_NB.T, self.importances())

    def _scaled(self, key: Array, size: int) -> Float[Array, "G B"]:
        """u / density for every set: at most 1 with probability ``density``, then U[0, 1]."""
        return random.uniform(key, (self.n_groups, size)) * (1 / self.densities())[:, None]

    def _independent(self, key: Array, size: int) -> tuple[Array, Array]:
        v_NB = self._scaled(key, size)
        active_NB = v_NB <= 1
        if self.unit_norm:
            active_NB |= v_NB == v_NB.min(axis=0, keepdims=True)
        return v_NB, active_NB

    def _correlated(self, key: Array, size: int) -> tuple[Array, Array]:
        on, magnitude = jax.random.split(key)
        active_GB = self._scaled(on, size) <= 1
        v_NB = random.uniform(magnitude, (self.n_features, size))
        return v_NB, jnp.repeat(active_GB, self.group_size, axis=0)

    def _anticorrelated(self, key: Array, size: int) -> tuple[Array, Array]:
        # Of v in [0, 1], stretched over the members, the whole part is the member and the
        # rest its magnitude: still one draw, at the cost of log2(group_size) low bits.
        v_GB = self._scaled(key, size)
        stretched_GB = v_GB * self.group_size
        member_GB = jnp.minimum(jnp.floor(stretched_GB), self.group_size - 1)
        members_K1 = jnp.arange(self.group_size, dtype=jnp.float32)[None, :, None]
        chosen_GKB = (member_GB[:, None] == members_K1) & (v_GB <= 1)[:, None]
        rest_GKB = jnp.broadcast_to((stretched_GB - member_GB)[:, None], chosen_GKB.shape)
        shape = (self.n_features, size)
        return rest_GKB.reshape(shape), chosen_GKB.reshape(shape)

    def consistent(self, batch: Batch) -> np.ndarray:
        """Per example: latents, targets and sets agree with the inputs."""
        x_BN, target_BN = np.asarray(batch.inputs), np.asarray(batch.targets)
        expected_BN = np.abs(x_BN) if self.target == "abs" else x_BN
        active_BGK = np.asarray(batch.latents["active"]).reshape(len(x_BN), self.n_groups, -1)
        count_BG = active_BGK.sum(-1)
        allowed = {"correlated": (0, self.group_size)}.get(self.correlation, (0, 1))
        sets_B = np.isin(count_BG, allowed).all(-1)
        return latents_agree(batch) & np.all(target_BN == expected_BN, -1) & sets_B

    def bayes_loss(self) -> float:
        """0: the target is a function of the input, and ``n_hidden >= N`` can copy it."""
        return 0.0

    def uniform_loss(self) -> float | None:
        """Loss of ignoring every feature with the best constant outputs.

        With s the feature's density: sum_i I_i (s/3 - s^2/4); s/3 where targets have mean 0.
        """
        if self.unit_norm:
            return None
        s_N = self.feature_densities()
        centred = self.signed and self.target == "identity"
        loss_N = s_N / 3 if centred else s_N / 3 - s_N**2 / 4
        return float((self.importances() * loss_N).sum())
