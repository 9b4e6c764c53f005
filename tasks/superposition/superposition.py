"""The worlds of the superposition papers; :class:`Sparse` itself is in
``toylab.tasks.superposition.sparse``.

Losses are sums over features of ``importance * (target - output)**2``, averaged over examples.

Sources: Chen et al. 2023 (arXiv:2310.06301), the one-hot limit; Henighan et al. 2023
(Superposition, Memorization, and Double Descent), the fixed set; Liu et al. 2025 (2505.10465),
Zipf frequencies.
"""

from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.core import Tracer
from jaxtyping import Bool, Float

from toylab import random
from toylab.errors import ToylabError, check_number
from toylab.task import Batch, Number, Task

from .sparse import Sparse, as_batch, first, latents_agree, powers

__all__ = ["FixedSet", "OneHot", "Sparse", "ZipfSparse"]


@dataclass(frozen=True)
class OneHot(Task):
    """Exactly one feature, uniformly chosen, is active with magnitude U[0, 1].

    The limit of :class:`Sparse` as the density goes to 0, rescaled. Here the population loss
    of a tied ReLU autoencoder has a closed form
    (``toylab.tasks.superposition.superposition_theory.one_hot_loss``).

    Attributes:
        n_features: N.
        importance: feature i weighs ``importance**i``.

    Source: Chen et al. 2023, arXiv:2310.06301.
    """

    n_features: int
    importance: Number = 1.0

    def __post_init__(self) -> None:
        check_number("OneHot", "n_features", self.n_features, low=1, whole=True)
        check_number("OneHot", "importance", self.importance, low=0.0)

    def importances(self) -> Float[Array, " N"]:
        """Weight of each feature in the loss."""
        return powers(self.n_features, self.importance)

    def example(self, key: Array) -> Batch:
        """Draw one example; all arrays are (N,)."""
        return first(self.batch(key, 1))

    def batch(self, key: Array, size: int) -> Batch:
        """Draw ``size`` examples: inputs (B, N), weights (1, N)."""
        which_B, magnitude_B = random.uniform(key, (2, size))
        # 32 bits rounded to float32 may give 1.0, hence the minimum.
        member_B = jnp.minimum(jnp.floor(which_B * self.n_features), self.n_features - 1)
        members_N = jnp.arange(self.n_features, dtype=jnp.float32)
        active_NB: Bool[Array, "N B"] = member_B[None] == members_N[:, None]
        x_NB = jnp.where(active_NB, magnitude_B[None], jnp.float32(0))
        return as_batch(x_NB.T, active_NB.T, x_NB.T, self.importances())

    def consistent(self, batch: Batch) -> np.ndarray:
        """Per example: exactly one feature is active and the target is the input."""
        one = np.asarray(batch.latents["active"]).sum(-1) == 1
        same = np.all(np.asarray(batch.targets) == np.asarray(batch.inputs), -1)
        return latents_agree(batch) & one & same

    def bayes_loss(self) -> float:
        """0, as for :class:`Sparse`."""
        return 0.0

    def uniform_loss(self) -> float:
        """Loss of the best constant outputs: sum_i I_i (s/3 - s^2/4) with s = 1/N."""
        s = 1 / self.n_features
        return float(self.importances().sum()) * (s / 3 - s**2 / 4)


@dataclass(frozen=True)
class FixedSet(Task):
    """A fixed training set of T sparse examples of length 1.

    A batch of ``max_examples`` or more is the whole set, so an optimiser step is a full-batch step;
    a smaller one is drawn from the set, with replacement. Sets are nested: the first T examples
    do not depend on ``max_examples``. Members of one population may have different T: rows from
    ``n_examples`` on weigh 0 and the others ``max_examples / n_examples``, so that the mean
    over rows is the mean over the member's own set.

    Attributes:
        n_features: N.
        density: probability in (0, 1] that a feature is active.
        max_examples: rows of the batch, the largest T.
        n_examples: T, at most ``max_examples``; all when None.
        set_seed: decides which examples.

    Source: Henighan et al. 2023: N = 10,000, density 0.001.
    """

    n_features: int
    density: Number
    max_examples: int
    n_examples: Number | None = None
    set_seed: int | Array = 0

    def __post_init__(self) -> None:
        check_number("FixedSet", "n_features", self.n_features, low=1, whole=True)
        check_number("FixedSet", "density", self.density, above=0.0, high=1.0)
        check_number("FixedSet", "max_examples", self.max_examples, low=1, whole=True)
        check_number("FixedSet", "set_seed", self.set_seed, low=0, whole=True)
        n = self.max_examples if self.n_examples is None else self.n_examples
        check_number("FixedSet", "n_examples", n, low=1, high=self.max_examples, whole=True)

    @property
    def world(self) -> Sparse:
        """The distribution the set was drawn from: sample it for a test loss."""
        return Sparse(self.n_features, self.density, unit_norm=True)

    def _size(self) -> Float[Array, ""]:
        n = self.max_examples if self.n_examples is None else self.n_examples
        return jnp.asarray(n, jnp.float32)

    def rows(self, which_B: Array) -> tuple[Array, Array]:
        """The examples of these numbers, (B, N), and which of their features are active.

        A row is a function of the set's seed and its number: no set is ever stored.
        """
        # Example-major, unlike Sparse, so that the counters of row t do not depend on T.
        place_N = jnp.arange(self.n_features, dtype=jnp.uint32)
        place_BN = which_B.astype(jnp.uint32)[:, None] * np.uint32(self.n_features) + place_N[None]
        bits_BN = random.bits_at(random.stream(self.set_seed, "fixed set"), place_BN)
        u_BN = bits_BN.astype(jnp.float32) * random.SCALE
        v_BN = u_BN / jnp.asarray(self.density, jnp.float32)
        active_BN = (v_BN <= 1) | (v_BN == v_BN.min(axis=1, keepdims=True))
        x_BN = jnp.where(active_BN, v_BN, jnp.float32(0))
        return x_BN / jnp.linalg.norm(x_BN, axis=1, keepdims=True), active_BN

    def batch(self, key: Array | None = None, size: int | None = None) -> Batch:
        """Return the whole set, (T, N), or ``size`` of its rows: inputs (B, N), weights (B, 1)."""
        if key is None or size is None or size >= self.max_examples:
            which_B = jnp.arange(self.max_examples, dtype=jnp.int32)
            mine_B = which_B.astype(jnp.float32) < self._size()
            weight_B = jnp.where(mine_B, self.max_examples / self._size(), jnp.float32(0))
        else:
            share_B = random.uniform(key, (size,))
            which_B = jnp.minimum(jnp.floor(share_B * self._size()), self._size() - 1)
            weight_B = jnp.ones(size, jnp.float32)
        x_BN, active_BN = self.rows(which_B)
        latents = {"active": active_BN, "magnitude": x_BN}
        return Batch(x_BN, x_BN, weight_B[:, None], latents)

    def example(self, key: Array) -> Batch:
        """Draw one of the T examples, uniformly; all arrays are (N,)."""
        share = random.uniform(key, (1,))[0]
        row = jnp.minimum(jnp.floor(share * self._size()), self._size() - 1)
        drawn = jax.tree.map(lambda leaf: leaf[row.astype(jnp.int32)], self.batch())
        return drawn._replace(weights=jnp.ones(self.n_features, jnp.float32))

    def enumerate(self) -> Batch:
        """The whole set."""
        return self.batch()

    def consistent(self, batch: Batch) -> np.ndarray:
        """Per example: latents agree, the target is the input, and its length is 1."""
        x_BN = np.asarray(batch.inputs)
        unit = np.abs(np.linalg.norm(x_BN, axis=-1) - 1) < 1e-5
        return latents_agree(batch) & unit & np.all(np.asarray(batch.targets) == x_BN, -1)

    def bayes_loss(self) -> float:
        """0: the target is a function of the input."""
        return 0.0


@dataclass(frozen=True)
class ZipfSparse(Task):
    """Independent features of power-law frequency and magnitude U[0, 2].

    p_i = E i^-alpha / sum_j j^-alpha for i = 1 .. N; x_i = 0 with probability 1 - p_i.

    Attributes:
        n_features: N.
        alpha: exponent of the frequencies.
        expected_active: E, mean number of active features; p_1 must not exceed 1.

    Source: Liu et al. 2025, arXiv:2505.10465: N = 1000, E = 1, alpha in [0, 2].
    """

    n_features: int
    alpha: Number = 1.0
    expected_active: Number = 1.0

    def __post_init__(self) -> None:
        check_number("ZipfSparse", "n_features", self.n_features, low=1, whole=True)
        check_number("ZipfSparse", "alpha", self.alpha, low=0.0)
        check_number("ZipfSparse", "expected_active", self.expected_active, above=0.0)
        if any(isinstance(v, Tracer) for v in (self.alpha, self.expected_active)):
            return
        largest = float(self.densities()[0])
        if largest > 1 + 1e-6:
            raise ToylabError(
                f"ZipfSparse: the first feature would be active with p = {largest:.3g} > 1; "
                "lower expected_active or alpha."
            )

    def densities(self) -> Float[Array, " N"]:
        """Probability p_i that each feature is active."""
        rank_N = jnp.arange(1, self.n_features + 1, dtype=jnp.float32)
        share_N = rank_N ** -jnp.asarray(self.alpha, jnp.float32)
        return jnp.asarray(self.expected_active, jnp.float32) * share_N / share_N.sum()

    def example(self, key: Array) -> Batch:
        """Draw one example; all arrays are (N,)."""
        return first(self.batch(key, 1))

    def batch(self, key: Array, size: int) -> Batch:
        """Draw ``size`` examples, one 32-bit draw per entry: inputs (B, N), weights (1, N)."""
        u_NB = random.uniform(key, (self.n_features, size))
        v_NB = u_NB * (1 / self.densities())[:, None]
        active_NB = v_NB <= 1
        x_NB = jnp.where(active_NB, 2 * v_NB, jnp.float32(0))
        return as_batch(x_NB.T, active_NB.T, x_NB.T, jnp.ones(self.n_features, jnp.float32))

    def consistent(self, batch: Batch) -> np.ndarray:
        """Per example: latents agree with the inputs and the target is the input."""
        same = np.all(np.asarray(batch.targets) == np.asarray(batch.inputs), -1)
        return latents_agree(batch) & same

    def bayes_loss(self) -> float:
        """0, as for :class:`Sparse`."""
        return 0.0

    def uniform_loss(self) -> float:
        """Loss of the best constant outputs: sum_i (4/3 p_i - p_i^2)."""
        p_N = self.densities()
        return float((4 * p_N / 3 - p_N**2).sum())


def examples() -> tuple[Task, ...]:
    """Small instances of every world here, for ``toylab check superposition``."""
    return (
        Sparse(4, density=0.2, importance=0.9),
        Sparse(4, density=0.3, groups=2, correlation="correlated"),
        OneHot(4),
        FixedSet(6, density=0.2, max_examples=8),
        ZipfSparse(4),
    )
