"""Classes of Gaussian blobs with wrong labels: a task that two networks learn in different ways.

A class of several blobs is no convex region, so hidden units share the work and may share it
otherwise in another network. Wrong labels in a finite set of examples keep the noise of the
gradient up, without which runs from one start end in one place.

Source: this laboratory; a synthetic stand-in for the images of Ainsworth et al. 2023
(arXiv:2209.04836).
"""

import functools
import math
from dataclasses import dataclass
from typing import Any

import jax.numpy as jnp
import numpy as np
from jax import Array
from jaxtyping import Bool, Float

from toylab import random
from toylab.errors import check_number
from toylab.task import Batch, Task

TRAIN, TEST = 0, 1


@dataclass(frozen=True)
class Blobs(Task):
    """A point near the centre of a blob (n,), to the class of that blob, or to a wrong one.

    Centres are ``N(0, 1)`` in each of n directions, points ``centre + spread N(0, 1)``; blob k is
    of class ``k mod n_classes``, all blobs are drawn evenly. The examples are a fixed set; with
    chance ``noise`` a label in it is drawn anew from all classes. Latents: ``index`` in the set,
    ``blob``, and the ``clean`` class.

    Args:
        n_inputs: n.
        n_classes: C.
        n_blobs: of each class.
        spread: standard deviation around a centre.
        noise: chance that a label is drawn anew.
        examples: size of the set.
        world_seed: decides centres and examples.

    Raises:
        ToylabError: a number out of its range.

    Example:
        >>> import jax
        >>> Blobs().example(jax.random.key(0)).inputs.shape
        (16,)
    """

    n_inputs: int = 16
    n_classes: int = 8
    n_blobs: int = 4
    spread: float = 0.5
    noise: float = 0.2
    examples: int = 8_000
    world_seed: int = 0

    def __post_init__(self) -> None:
        for name, low in (("n_inputs", 1), ("n_blobs", 1), ("n_classes", 2), ("examples", 1)):
            check_number("Blobs", name, getattr(self, name), low, 100_000, whole=True)
        check_number("Blobs", "world_seed", self.world_seed, 0, whole=True)
        check_number("Blobs", "spread", self.spread, above=0)
        check_number("Blobs", "noise", self.noise, 0, 1)

    def centres(self) -> Float[np.ndarray, "K n"]:
        """Centre of each blob, K = C times ``n_blobs``."""
        rng = np.random.default_rng(self.world_seed)
        return rng.normal(size=(self.n_classes * self.n_blobs, self.n_inputs))

    def draw(self, size: int, seed: int, noise: float = 0.0) -> Batch:
        """Draw points in NumPy; fresh ones with clean labels to test with.

        Args:
            size: number of points.
            seed: TRAIN gives the set of examples, TEST and above others.
            noise: chance that a label is drawn anew.
        """
        centre_Kn, rng = self.centres(), np.random.default_rng([self.world_seed, seed])
        blob_B = rng.integers(len(centre_Kn), size=size)
        x_Bn = centre_Kn[blob_B] + self.spread * rng.normal(size=(size, self.n_inputs))
        clean_B = blob_B % self.n_classes
        anew_B = rng.random(size) < noise
        label_B = np.where(anew_B, rng.integers(self.n_classes, size=size), clean_B)
        whole = lambda x: np.asarray(x, np.int32)
        latents = {"index": np.arange(size), "blob": blob_B, "clean": clean_B}
        latents = {name: whole(x) for name, x in latents.items()}
        columns: Any = (x_Bn.astype(np.float32), whole(label_B), np.ones(size, np.float32), latents)
        return Batch(*columns)

    def enumerate(self) -> Batch:
        """Return the whole set of examples."""
        return _examples(self)

    def example(self, key: Array) -> Batch:
        """Draw an example of the set."""
        return _rows(self, random.uniform(key, ()))

    def batch(self, key: Array, size: int) -> Batch:
        """Draw examples of the set, with replacement."""
        return _rows(self, random.uniform(key, (size,)))

    def consistent(self, batch: Batch) -> Bool[np.ndarray, " B"]:
        """Whether each example is that of its index, of its blob and its class."""
        whole, at_B = self.enumerate(), np.asarray(batch.latents["index"])
        same = (np.asarray(batch.inputs) == whole.inputs[at_B]).all(-1)
        same &= np.asarray(batch.targets) == whole.targets[at_B]
        same &= np.asarray(batch.latents["blob"]) == whole.latents["blob"][at_B]
        return same & (np.asarray(batch.latents["blob"]) % self.n_classes == batch.latents["clean"])

    def posterior(self, inputs: Float[np.ndarray, "B n"]) -> Float[np.ndarray, "B C"]:
        """Chance of each clean class of fresh points, by Bayes' rule."""
        away_BK = ((np.asarray(inputs)[:, None] - self.centres()) ** 2).sum(-1)
        log_BK = -away_BK / (2 * self.spread**2)
        chance_BK = np.exp(log_BK - log_BK.max(1, keepdims=True))
        chance_BKC = chance_BK.reshape(len(inputs), self.n_blobs, self.n_classes)
        return chance_BKC.sum(1) / chance_BK.sum(1, keepdims=True)

    def bayes_loss(self) -> float:
        """Return 0: points of the set differ, so their labels can be remembered, wrong ones too."""
        return 0.0

    def uniform_loss(self) -> float:
        """Return ``log C``."""
        return math.log(self.n_classes)


@functools.lru_cache(maxsize=8)
def _examples(task: Blobs) -> Batch:
    return task.draw(task.examples, TRAIN, task.noise)


def _rows(task: Blobs, u: Array) -> Batch:
    """Examples at places from [0, 1]."""
    whole, at = task.enumerate(), random.pick(u, jnp.asarray(task.examples))
    pick = lambda column: jnp.asarray(column)[at]
    latents = {name: pick(column) for name, column in whole.latents.items()}
    return Batch(pick(whole.inputs), pick(whole.targets), pick(whole.weights), latents)


def examples() -> tuple[Task, ...]:
    """A small instance, for ``toylab check blobs``."""
    return (Blobs(4, 3, n_blobs=2, examples=300),)
