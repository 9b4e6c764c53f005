"""Tables of pairs: modular arithmetic and group composition, split into training and test.

The world of the grokking papers. An example is a pair (x, y) and its answer; a part of the table is
trained on, and the rest is the test. The split belongs to the task: ``split_seed`` orders the
table at random, and the first ``fraction`` of that order is the training set. Two fractions of one
seed are nested. Both may differ per member of a population, as the rows beyond a member's own
training set have weight 0.

Sources: Power et al. 2022 (arXiv:2201.02177), appendix A.1, for the twelve operations; Nanda et al.
2023 (2301.05217) for the token "="; Gromov 2023 (2301.02679) for x*y and (x+y)^2.
"""

import abc
import dataclasses
import functools
from collections.abc import Mapping
from typing import Any, Literal

import jax.numpy as jnp
import numpy as np
from jax import Array

from toylab import random
from toylab.errors import ToylabError, check_number, nearest
from toylab.losses import cross_entropy_from_logits
from toylab.taps import Model, Params
from toylab.task import Batch, Number, Task

from .groups import group
from .theory.primes import is_prime, next_prime

POLYNOMIALS = {
    "x+y": lambda x, y: x + y,
    "x-y": lambda x, y: x - y,
    "x*y": lambda x, y: x * y,
    "(x+y)^2": lambda x, y: (x + y) ** 2,
    "x^2+y^2": lambda x, y: x**2 + y**2,
    "x^2+xy+y^2": lambda x, y: x**2 + x * y + y**2,
    "x^2+xy+y^2+x": lambda x, y: x**2 + x * y + y**2 + x,
    "x^3+xy": lambda x, y: x**3 + x * y,
    "x^3+xy^2+y": lambda x, y: x**3 + x * y**2 + y,
}
DIVISIONS = ("x/y", "x/y if y odd else x-y")
OPERATIONS = (*POLYNOMIALS, *DIVISIONS)
PRODUCTS = ("x.y", "x.y.x^-1", "x.y.x")
MAX_P = 719
ROUNDING = 1e-3  # float32 may put fraction * size a hair below a whole number


@dataclasses.dataclass(frozen=True, kw_only=True)
class Pairs(Task):
    """A finite table of pairs with answers, of which a part is trained on.

    Args:
        fraction: share of the table in the training set; may differ per member.
        split_seed: decides which; may differ per member.
        equals: whether inputs end in a token "=", from which a transformer reads its answer.
        labels: "rule" for the true answers, "random" for answers drawn uniformly by ``split_seed``,
            which can only be memorised.
        held_out: whether there must be a test set; False allows a fraction of 1.

    Raises:
        ToylabError: a fraction that leaves nothing to train on, or nothing to test on.
    """

    fraction: Number = 0.3
    split_seed: Number = 0
    equals: bool = True
    labels: Literal["rule", "random"] = "rule"
    held_out: bool = True

    def __post_init__(self) -> None:
        name = type(self).__name__
        check_number(name, "fraction", self.fraction, 0, 1)
        check_number(name, "split_seed", self.split_seed, 0)
        if self.labels not in ("rule", "random"):
            hint = nearest(str(self.labels), ("rule", "random"))
            raise ToylabError(f"{name}: labels = {self.labels!r}; {hint}")
        if isinstance(self.fraction, int | float | np.number):
            self._check_count(name, train_count(float(self.fraction), self.size))

    def _check_count(self, name: str, count: int) -> None:
        if count < 1:
            raise ToylabError(
                f"{name}: fraction = {self.fraction} of {self.size} pairs leaves no training "
                "example; raise it."
            )
        if self.held_out and count >= self.size:
            raise ToylabError(
                f"{name}: fraction = {self.fraction} of {self.size} pairs leaves no test example; "
                "lower it, or give held_out=False to train on the whole table."
            )

    @abc.abstractmethod
    def table(self) -> tuple[np.ndarray, np.ndarray]:
        """Return every pair (N, 2) and its answer (N,), x varying slowest."""

    @property
    @abc.abstractmethod
    def n(self) -> int:
        """Number of values of x, of y and of the answer."""

    @property
    def size(self) -> int:
        """N, number of pairs in the table."""
        return len(self.table()[0])

    @property
    def vocab(self) -> int:
        """Number of tokens: the values, and "=" if there is one."""
        return self.n + self.equals

    @property
    def length(self) -> int:
        """Tokens per input."""
        return 2 + self.equals

    @property
    def n_train(self) -> int:
        """Number of training examples: the batch size of full-batch training."""
        return train_count(float(self.fraction), self.size)

    def order(self) -> Array:
        """Return the table's rows in the order of the split, (N,): training examples first."""
        key = random.stream(self.split_seed, "split")  # pyright: ignore[reportArgumentType]
        return jnp.argsort(random.bits(key, (self.size,))).astype(jnp.int32)

    def answers(self) -> Array:
        """Return the answer of every row of the table, (N,): by the rule, or drawn."""
        if self.labels == "rule":
            return jnp.asarray(self.table()[1], jnp.int32)
        key = random.stream(self.split_seed, "labels")  # pyright: ignore[reportArgumentType]
        drawn = random.uniform(key, (self.size,)) * self.n
        return jnp.minimum(drawn.astype(jnp.int32), self.n - 1)

    def in_training(self) -> Array:
        """Return which rows of the table are trained on, (N,) bool."""
        place = jnp.zeros(self.size, jnp.int32).at[self.order()].set(jnp.arange(self.size))
        return place < self._count()

    def _count(self) -> Array:
        share = jnp.asarray(self.fraction, jnp.float32) * self.size
        return jnp.floor(share + ROUNDING).astype(jnp.int32)

    def _rows(self, rows: Array, weights: Array) -> Batch:
        pairs = jnp.asarray(self.table()[0], jnp.int32)[rows]
        end = jnp.full((*rows.shape, 1), self.n, jnp.int32)
        inputs = jnp.concatenate([pairs, end], -1) if self.equals else pairs
        latents = {"x": pairs[..., 0], "y": pairs[..., 1]}
        return Batch(inputs, self.answers()[rows], weights, latents)

    def example(self, key: Array) -> Batch:
        """Draw one training example."""
        row = self.order()[self._draw(key, ())]
        return self._rows(row, jnp.ones((), jnp.float32))

    def _draw(self, key: Array, shape: tuple[int, ...]) -> Array:
        count = self._count()
        drawn = random.uniform(key, shape) * count.astype(jnp.float32)
        return jnp.minimum(drawn.astype(jnp.int32), count - 1)

    def batch(self, key: Array, size: int) -> Batch:
        """Return the training set, or draw from it with replacement if it is larger than ``size``.

        Weights make the mean over the batch the mean over the training examples: rows beyond the
        training set weigh 0, the others ``size / count``.
        """
        count, slot = self._count(), jnp.arange(size)
        place = jnp.where(size >= count, slot % count, self._draw(key, (size,)))
        share = size / jnp.minimum(count, size).astype(jnp.float32)
        weights = jnp.where(slot < count, share, jnp.float32(0))
        return self._rows(self.order()[place], weights)

    def enumerate(self) -> Batch:
        """Return the whole table in its own order; the latent ``train`` says what is trained on."""
        whole = self._rows(jnp.arange(self.size), jnp.ones(self.size, jnp.float32))
        return whole._replace(latents=whole.latents | {"train": self.in_training()})

    def split(self) -> dict[str, Batch]:
        """Return the training set and the test set, each in the order of the split."""
        rows, count = self.order(), self.n_train
        parts = {"train": rows[:count], "test": rows[count:]}
        return {k: self._rows(r, jnp.ones(len(r), jnp.float32)) for k, r in parts.items() if len(r)}

    def consistent(self, batch: Batch) -> Any:
        """Return whether each row's inputs, latents and answer agree."""
        x, y = (np.asarray(batch.latents[name]) for name in "xy")
        pairs, answers = self.table()[0], np.asarray(self.answers())
        lookup = np.full((self.n, self.n), -1)
        lookup[pairs[:, 0], pairs[:, 1]] = answers
        inputs = np.asarray(batch.inputs)
        same = (inputs[..., 0] == x) & (inputs[..., 1] == y)
        return same & (lookup[x, y] == np.asarray(batch.targets))

    def bayes_loss(self) -> float:
        """The answer follows from the pair: 0."""
        return 0.0

    def uniform_loss(self) -> float:
        """ln n."""
        return float(np.log(self.n))


def train_count(fraction: float, size: int) -> int:
    """Number of training examples, ``floor(fraction * size)``."""
    return int(np.floor(np.float32(fraction) * np.float32(size) + np.float32(ROUNDING)))


@dataclasses.dataclass(frozen=True, kw_only=True)
class ModularArithmetic(Pairs):
    """Answers of a polynomial, a division or a mixture modulo p.

    Args:
        p: the modulus; a prime where the operation divides.
        operation: one of ``OPERATIONS``, as it is written there. Division leaves out y = 0.

    Raises:
        ToylabError: an unknown operation, a p out of range, or composite where it must be prime.

    Example:
        >>> task = ModularArithmetic(p=113, fraction=0.3)
        >>> task.size, task.n_train, task.vocab
        (12769, 3830, 114)
    """

    p: int = 113
    operation: str = "x+y"

    def __post_init__(self) -> None:
        check_number("ModularArithmetic", "p", self.p, 2, MAX_P, whole=True)
        if self.operation not in OPERATIONS:
            hint = nearest(self.operation, OPERATIONS)
            raise ToylabError(f"ModularArithmetic: operation = {self.operation!r}; {hint}")
        if self.operation in DIVISIONS and not is_prime(self.p):
            raise ToylabError(
                f"ModularArithmetic: {self.operation} needs a prime p, not {self.p}; "
                f"try {next_prime(self.p)}."
            )
        super().__post_init__()

    @property
    def n(self) -> int:
        """The modulus."""
        return self.p

    def table(self) -> tuple[np.ndarray, np.ndarray]:
        """Return every pair (N, 2) and its answer (N,), x varying slowest."""
        return arithmetic_table(self.p, self.operation)


@dataclasses.dataclass(frozen=True, kw_only=True)
class GroupComposition(Pairs):
    """Answers of a product in a finite group.

    Args:
        group: a name that :func:`toylab.tasks.grokking.groups.group` knows, such as "S5", "A5",
        "D59", "C113". operation: "x.y", "x.y.x^-1" or "x.y.x".

    Raises:
        ToylabError: an unknown group or operation.

    Example:
        >>> GroupComposition(group="S5", fraction=0.4).size
        14400
    """

    group: str = "S5"
    operation: str = "x.y"

    def __post_init__(self) -> None:
        group(self.group)
        if self.operation not in PRODUCTS:
            hint = nearest(self.operation, PRODUCTS)
            raise ToylabError(f"GroupComposition: operation = {self.operation!r}; {hint}")
        super().__post_init__()

    @property
    def n(self) -> int:
        """Order of the group."""
        return group(self.group).order

    def table(self) -> tuple[np.ndarray, np.ndarray]:
        """Return every pair (N, 2) and its answer (N,), x varying slowest."""
        return group_table(self.group, self.operation)


@functools.lru_cache(maxsize=64)
def arithmetic_table(p: int, operation: str) -> tuple[np.ndarray, np.ndarray]:
    """Return pairs (N, 2) and answers (N,) of an operation modulo p."""
    y_from = 1 if operation == "x/y" else 0
    x, y = (a.reshape(-1) for a in np.meshgrid(np.arange(p), np.arange(y_from, p), indexing="ij"))
    if operation in POLYNOMIALS:
        answers = POLYNOMIALS[operation](x, y) % p
    else:
        inverse = np.array([0, *(pow(v, -1, p) for v in range(1, p))])
        answers = x * inverse[y] % p
        if operation != "x/y":
            answers = np.where(y % 2 == 1, answers, (x - y) % p)
    return np.stack([x, y], -1), answers


@functools.lru_cache(maxsize=16)
def group_table(name: str, operation: str) -> tuple[np.ndarray, np.ndarray]:
    """Return pairs (N, 2) and answers (N,) of a product in a group."""
    known = group(name)
    grid = np.meshgrid(np.arange(known.order), np.arange(known.order), indexing="ij")
    x, y = (a.reshape(-1) for a in grid)
    answers = known.table_NN[x, y]
    if operation != "x.y":
        answers = known.table_NN[answers, known.inverse_N[x] if operation == PRODUCTS[1] else x]
    return np.stack([x, y], -1), answers


def scores(model: Model, params: Params, task: Pairs) -> Mapping[str, Array]:
    """Loss and accuracy over the whole training set and the whole test set: exact, no sampling.

    Args:
        model: maps the task's inputs (N, L) to logits (N, n).
        params: parameters of one member.
        task: the member's own task.

    Returns:
        ``train_loss``, ``test_loss`` in nats, ``train_accuracy``, ``test_accuracy`` in [0, 1];
        the test's are NaN where there is none.
    """
    whole = task.enumerate()
    logits = model.apply(params, whole.inputs)
    nats = cross_entropy_from_logits(logits, whole.targets)
    right = (jnp.argmax(logits, -1) == whole.targets).astype(jnp.float32)
    train = whole.latents["train"].astype(jnp.float32)
    share = lambda v, mask: jnp.sum(v * mask) / jnp.sum(mask)
    return {
        "train_loss": share(nats, train),
        "test_loss": share(nats, 1 - train),
        "train_accuracy": share(right, train),
        "test_accuracy": share(right, 1 - train),
    }


def examples() -> tuple[Task, ...]:
    """One small task of each kind, for the conformance suite."""
    return (
        ModularArithmetic(p=7, operation="x/y", fraction=0.5),
        ModularArithmetic(p=8, operation="x^2+xy+y^2", equals=False, labels="random"),
        GroupComposition(group="D4", operation="x.y.x^-1", fraction=0.4, split_seed=3),
    )
