"""Labelled items of a Gaussian mixture: the label may be kept in the weights or read in context.

A sequence is N items, each followed by its label, and a last item without one; the label of that
item is asked for. Classes and their labels are the same in every sequence, so that a network may
memorise them (in-weights learning); but the target's class also stands in the context with its
label, so that it may copy instead (in-context learning).

Source: Reddy 2023 (arXiv:2312.03002), "The mechanistic basis of data dependence and abrupt learning
in an in-context classification task".
"""

import functools
import math
from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.core import Tracer
from jaxtyping import Float, Int

from toylab import random
from toylab.errors import ToylabError, check_number
from toylab.task import Batch, Number, Task


@dataclass(frozen=True)
class MixtureLabels(Task):
    """N item-label pairs and a target item, as vectors; the target is its label. Latents:

    ======== ===========================================================================
    classes  class of each pair (N,)
    labels   label of each pair (N,)
    target   class of the target ()
    known    the label that the target's class has in the weights ()
    ======== ===========================================================================

    Class k has the mean ``mu_k ~ N(0, 1/D)`` and the label k mod ``n_labels``; an item is
    ``(mu_k + noise eta) / sqrt(1 + noise^2)`` with ``eta ~ N(0, 1/D)``. A label is a vector from
    ``N(0, 1/D)`` too. Each of the 2 N + 1 vectors is followed by its position, a one-hot vector
    of ``n_places``; the first position of a sequence is random.

    Args:
        n_labels: number of labels.
        pairs: N.
        dim: D.
        n_places: width of the one-hot positions, at least 2 N + 1.
        n_classes: K, more than N. May differ per member, as may all that follow.
        copies: B, burstiness: items of each class in the context, a divisor of N.
        noise: epsilon, spread within a class.
        novel: at 1 the sequence's classes have fresh means, so that only the context tells.
        swapped: at 1 the labels in the context and of the target are moved on by one, so that
            context and weights disagree.
        absent: at 1 the target's class does not stand in the context, so that only the weights
            tell.
        world: number of the world: which means and label vectors.

    Raises:
        ToylabError: a number out of its range, or copies that do not divide the pairs.

    Source: Reddy 2023: N = 8, L = 32, D = 63, noise 0.1; novel, swapped and absent are his
    evaluations IC, IC2 and IW.

    Example:
        >>> task = MixtureLabels(n_classes=16, pairs=4, dim=8, n_places=12)
        >>> task.example(jax.random.key(0)).inputs.shape
        (9, 20)
    """

    n_labels: int = 32
    pairs: int = 8
    dim: int = 32
    n_places: int = 32
    n_classes: Number = 512
    copies: Number = 1
    noise: Number = 0.1
    novel: Number = 0.0
    swapped: Number = 0.0
    absent: Number = 0.0
    world: Number = 0

    def __post_init__(self) -> None:
        for name in ("n_labels", "pairs", "dim"):
            check_number("MixtureLabels", name, getattr(self, name), low=1, whole=True)
        check_number("MixtureLabels", "n_places", self.n_places, low=self.length, whole=True)
        least = self.pairs + 1
        check_number("MixtureLabels", "n_classes", self.n_classes, low=least, whole=True)
        check_number("MixtureLabels", "copies", self.copies, low=1, high=self.pairs, whole=True)
        check_number("MixtureLabels", "noise", self.noise, low=0)
        check_number("MixtureLabels", "world", self.world, low=0, whole=True)
        for name in ("novel", "swapped", "absent"):
            check_number("MixtureLabels", name, getattr(self, name), low=0, high=1)
        if not isinstance(self.copies, Tracer) and self.pairs % int(self.copies):
            raise ToylabError(
                f"MixtureLabels: copies = {self.copies} does not divide pairs = {self.pairs}; "
                "give a divisor."
            )

    @property
    def length(self) -> int:
        """Vectors of a sequence, 2 N + 1."""
        return 2 * self.pairs + 1

    @property
    def width(self) -> int:
        """Entries of a vector, item or label and position."""
        return self.dim + self.n_places

    def means(self, classes: Int[Array, "*N"]) -> Float[Array, "*N D"]:
        """Means of some classes; a table of all, drawn at every step, would be too large."""
        key = random.stream(jnp.asarray(self.world, jnp.uint32), "means of classes")
        first = jnp.asarray(classes, jnp.uint32)[..., None] * np.uint32(self.dim)
        entry = jnp.arange(self.dim, dtype=jnp.uint32).reshape((1,) * (first.ndim - 1) + (-1,))
        bits = random.bits_at(key, first + entry)
        # As random.normal does: 23 bits and a half, never 0 or 1.
        u = ((bits >> np.uint32(9)).astype(jnp.float32) + 0.5) * np.float32(2.0**-23)
        return jax.scipy.special.erfinv(2 * u - 1) * np.float32(math.sqrt(2 / self.dim))

    def label_vectors(self) -> Float[Array, "C D"]:
        """The labels' vectors."""
        key = random.stream(jnp.asarray(self.world, jnp.uint32), "vectors of labels")
        return self._vectors(key, self.n_labels)

    def example(self, key: Array) -> Batch:
        """Draw one sequence; inputs (2 N + 1, D + places), the target's label ()."""
        n = self.pairs
        chance_E = random.uniform(random.fold_in(key, 1), (4 * n + 4,))
        drawn_XD = self._vectors(key, 2 * n + 2)
        labels_CD = self.label_vectors()
        u_E, drawn_XD, labels_CD = random.once((chance_E, drawn_XD, labels_CD))
        class_1N, target = self._choose(u_E)
        swap = (jnp.asarray(self.swapped, jnp.float32) > 0.5).astype(jnp.int32)
        label_1N = (class_1N % self.n_labels + swap) % self.n_labels
        # Fresh means, one per class: those at its first appearance serve all its copies.
        first_1N = jnp.argmax(class_1N[:, None] == class_1N[None], axis=1)
        new_1ND = drawn_XD[n + 1 :][first_1N]
        is_new = jnp.asarray(self.novel, jnp.float32) > 0.5
        mean_1ND = jnp.where(is_new, new_1ND, self.means(class_1N))
        noise = jnp.asarray(self.noise, jnp.float32)
        item_1ND = mean_1ND + noise * drawn_XD[: n + 1]
        item_1ND = item_1ND / jnp.sqrt(1 + noise**2)
        pairs_N2D = jnp.stack([item_1ND[:n], labels_CD[label_1N[:n]]], 1)
        vectors_LD = jnp.concatenate([pairs_N2D.reshape(2 * n, self.dim), item_1ND[n:]])
        start = random.pick(u_E[-1], jnp.int32(self.n_places - self.length + 1))
        place_L = start + jnp.arange(self.length, dtype=jnp.int32)
        places_LX = jax.nn.one_hot(place_L, self.n_places, dtype=jnp.float32)
        latents = {
            "classes": class_1N[:n],
            "labels": label_1N[:n],
            "target": target,
            "known": target % self.n_labels,
        }
        inputs_LX = jnp.concatenate([vectors_LD, places_LX], 1)
        return Batch(inputs_LX, label_1N[n], jnp.ones((), jnp.float32), latents)

    def _choose(self, u_E: Array) -> tuple[Int[Array, " N1"], Array]:
        """Classes of the N pairs, in random order, then the target's; and the target's again."""
        n = self.pairs
        known = jnp.asarray(self.n_classes, jnp.float32).astype(jnp.int32)
        pool_1N = subset(u_E[: n + 1], known)
        pool_1N = pool_1N[jnp.argsort(u_E[n + 1 : 2 * n + 2])]
        copies = jnp.asarray(self.copies, jnp.float32).astype(jnp.int32)
        order_N = jnp.argsort(u_E[2 * n + 2 : 3 * n + 2])
        pair_N = pool_1N[order_N // copies]
        asked = pair_N[random.pick(u_E[-2], jnp.int32(n))]
        away = jnp.asarray(self.absent, jnp.float32) > 0.5
        target = jnp.where(away, pool_1N[n], asked)
        return jnp.concatenate([pair_N, target[None]]), target

    def _vectors(self, key: Array, count: int) -> Float[Array, "X D"]:
        """Rows from N(0, 1/D)."""
        return random.normal(key, (count, self.dim)) / math.sqrt(self.dim)

    def consistent(self, batch: Batch) -> np.ndarray:
        """Whether labels are those of the classes and the target's is in the context, or not."""
        latents = {name: np.asarray(leaf) for name, leaf in batch.latents.items()}
        target_B1, away = latents["target"][:, None], float(np.asarray(self.absent)) > 0.5
        shift = int(float(np.asarray(self.swapped)) > 0.5)
        inside_BN = latents["classes"] == target_B1
        labels_CD = np.asarray(self.label_vectors())
        shown_BND = np.asarray(batch.inputs)[:, 1:-1:2, : self.dim]
        counts_BN = (latents["classes"][:, :, None] == latents["classes"][:, None]).sum(-1)
        agree = [
            (latents["labels"] == (latents["classes"] + shift) % self.n_labels).all(1),
            np.asarray(batch.targets) == (latents["target"] + shift) % self.n_labels,
            latents["known"] == latents["target"] % self.n_labels,
            inside_BN.any(1) != away,
            (counts_BN == int(float(np.asarray(self.copies)))).all(1),
            np.abs(shown_BND - labels_CD[latents["labels"]]).max((1, 2)) < 1e-5,
        ]
        return np.all(agree, 0)

    def uniform_loss(self) -> float:
        """The log of the number of labels."""
        return math.log(self.n_labels)


@functools.partial(jax.jit, inline=True)
def subset(u_M: Float[Array, " M"], count: Array) -> Int[Array, " M"]:
    """M distinct whole numbers below ``count``: every set is equally likely, not every order.

    Source: Floyd's algorithm (Bentley and Floyd 1987).
    """
    m = len(u_M)

    def step(chosen_M: Array, given: tuple[Array, Array]) -> tuple[Array, None]:
        i, u = given
        top = count - m + i
        drawn = random.pick(u, top + 1)
        new = jnp.where((chosen_M == drawn).any(), top, drawn)
        return jnp.where(jnp.arange(m) == i, new, chosen_M), None

    none_M = jnp.full((m,), -1, jnp.int32)
    return jax.lax.scan(step, none_M, (jnp.arange(m, dtype=jnp.int32), u_M))[0]


def examples() -> tuple[Task, ...]:
    """Small tasks, for the conformance suite."""
    small = {"n_labels": 5, "n_classes": 12, "pairs": 4, "dim": 6, "n_places": 11}
    return (
        MixtureLabels(**small, copies=2),
        MixtureLabels(**small, novel=1.0, swapped=1.0, absent=1.0),
    )
