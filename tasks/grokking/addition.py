"""Plain addition of two numbers below p, answered by random vectors: Liu et al.'s toy.

The pair (a, b) with a <= b is answered by a vector ``Y_{a+b}``, one of 2p - 1 that are drawn once
from N(0, 1). A model that adds embeddings, ``(a, b) -> Dec(E_a + E_b)``, can know a pair that it
was not trained on only by its representation: where ``E_a + E_b = E_c + E_d`` for a pair (c, d) of
the training set with the same sum, it gives the same answer. Four such numbers are a
parallelogram; the share of all parallelograms that the representation has is its quality (RQI).

Source: Liu et al. 2022 (arXiv:2205.10343), section 3.
"""

import dataclasses
import functools
from collections.abc import Mapping
from typing import Any

import jax.numpy as jnp
import numpy as np
from jax import Array
from jaxtyping import Bool, Float

from toylab import random
from toylab.errors import check_number
from toylab.taps import Model, Params
from toylab.task import Batch, Task

from .modular import Pairs

TOLERANCE = 0.01  # the paper's: squared gap of a parallelogram, embeddings of unit variance


@dataclasses.dataclass(frozen=True, kw_only=True)
class Addition(Pairs):
    """Sums of pairs a <= b below p as random vectors.

    Args:
        p: number of numbers.
        width: entries of an answer's vector.
        fraction: share of the p(p + 1)/2 pairs in the training set; may differ per member.
        split_seed: decides which, and the answers' vectors; may differ per member.

    Raises:
        ToylabError: a setting is out of range.

    Example:
        >>> task = Addition(p=10, fraction=45 / 55)
        >>> task.size, task.n_train, task.vocab, task.n
        (55, 45, 10, 19)
    """

    p: int = 10
    width: int = 30
    equals: bool = dataclasses.field(default=False, init=False)

    def __post_init__(self) -> None:
        check_number("Addition", "p", self.p, 2, 200, whole=True)
        check_number("Addition", "width", self.width, 1, whole=True)
        super().__post_init__()

    @property
    def n(self) -> int:
        """Number of sums, 2p - 1."""
        return 2 * self.p - 1

    @property
    def vocab(self) -> int:
        """Number of tokens, p."""
        return self.p

    def table(self) -> tuple[np.ndarray, np.ndarray]:
        """Return every pair (N, 2) with a <= b, and its sum (N,)."""
        return sums(self.p)

    def vectors(self) -> Float[Array, "V D"]:
        """Return the vector that answers each sum."""
        key = random.stream(self.split_seed, "vectors")  # pyright: ignore[reportArgumentType]
        return random.normal(key, (self.n, self.width))

    def uniform_loss(self) -> float | None:
        """Not known in closed form: the loss is a squared error, not nats."""
        return None

    def _rows(self, rows: Array, weights: Array) -> Batch:
        batch = super()._rows(rows, weights)
        return batch._replace(
            targets=self.vectors()[batch.targets],
            weights=weights[..., None],
            latents=batch.latents | {"sum": batch.targets},
        )

    def consistent(self, batch: Batch) -> Any:
        """Return whether each row's inputs, latents and vector agree."""
        pair = np.stack([np.asarray(batch.latents[name]) for name in "xy"], -1)
        total = np.asarray(batch.latents["sum"])
        right = (np.asarray(batch.inputs) == pair).all(-1)
        if self.labels == "rule":
            right &= pair.sum(-1) == total
        expected = np.asarray(self.vectors())[total]
        return right & np.isclose(np.asarray(batch.targets), expected, atol=1e-6).all(-1)


@functools.lru_cache(maxsize=16)
def sums(p: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the pairs (N, 2) with a <= b below p, and their sums (N,)."""
    a, b = np.triu_indices(p)
    return np.stack([a, b], -1), a + b


def nearest_sum(out_BD: Float[Array, "B D"], vectors_VD: Float[Array, "V D"]) -> Array:
    """Return the sum whose vector is nearest to each output, (B,)."""
    # |o - y|^2 without |o|^2, which is common to all y.
    gap_BV = jnp.sum(vectors_VD**2, -1)[None] - 2 * out_BD @ vectors_VD.T
    return jnp.argmin(gap_BV, -1)


def parallelograms(
    embed_VE: Float[Array, "V E"], pairs_N2: np.ndarray, tolerance: float = TOLERANCE
) -> Bool[Array, "N N"]:
    """Return which pairs of pairs (a, b), (c, d) of one sum satisfy ``E_a + E_b = E_c + E_d``.

    Embeddings are first brought to mean 0 and unit variance per dimension; equal means that the
    mean squared gap lies below ``tolerance``. A pair is none with itself.
    """
    centred = embed_VE - jnp.mean(embed_VE, 0, keepdims=True)
    spread = jnp.sqrt(jnp.sum(centred**2, 0, keepdims=True) / (len(embed_VE) - 1))
    unit_VE = centred / jnp.maximum(spread, 1e-12)
    total_NE = jnp.sum(unit_VE[jnp.asarray(pairs_N2)], 1)
    gap_NN = jnp.mean((total_NE[:, None] - total_NE[None]) ** 2, -1)
    return jnp.asarray(same_sum(pairs_N2)) & (gap_NN < tolerance)


def same_sum(pairs_N2: np.ndarray) -> np.ndarray:
    """Return which two different pairs have one sum, (N, N): the possible parallelograms."""
    total = pairs_N2.sum(-1)
    return (total[:, None] == total[None]) & ~np.eye(len(total), dtype=bool)


def predicted_accuracy(found_NN: Bool[Array, "N N"], train_N: Bool[Array, " N"]) -> Array:
    """Accuracy over all pairs that the representation allows.

    A pair counts as known if it is trained on, or if a parallelogram joins it to one that is.

    Source: Liu et al. 2022, section 3.1.
    """
    known = train_N | jnp.any(found_NN & train_N[None], -1)
    return jnp.mean(known.astype(jnp.float32))


def scores(model: Model, params: Params, task: Addition) -> Mapping[str, Array]:
    """Accuracies over all pairs, and what the representation foretells; exact, no sampling.

    Args:
        model: maps pairs (N, 2) to vectors (N, D), with an embedding ``embed`` (V, E).
        params: parameters of one member.
        task: the member's own task.

    Returns:
        ``train_accuracy``, ``test_accuracy``, ``accuracy`` (all pairs; nearest vector),
        ``predicted_accuracy``, and ``rqi``: share of the possible parallelograms it has.
    """
    whole = task.enumerate()
    guess = nearest_sum(model.apply(params, whole.inputs), task.vectors())
    right = (guess == whole.latents["sum"]).astype(jnp.float32)
    train = whole.latents["train"]
    pairs = task.table()[0]
    found = parallelograms(params["embed"], pairs)
    share = lambda mask: jnp.sum(right * mask) / jnp.sum(mask)
    return {
        "train_accuracy": share(train.astype(jnp.float32)),
        "test_accuracy": share(1 - train.astype(jnp.float32)),
        "accuracy": jnp.mean(right),
        "predicted_accuracy": predicted_accuracy(found, train),
        "rqi": jnp.sum(found.astype(jnp.float32)) / np.float32(same_sum(pairs).sum()),
    }


def examples() -> tuple[Task, ...]:
    """Small tasks for the conformance suite."""
    return (Addition(p=6, fraction=0.7), Addition(p=5, width=3, fraction=0.5, split_seed=2))
