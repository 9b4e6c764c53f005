"""Preferences among few responses: a reference distribution, and fixed pairs to be learned from.

Every prompt ranks the responses in an order of its own: the first few share most of the reference's
probability, the others share the rest. Chosen and rejected responses are taken from the likely ones
(on-policy) or from the others (off-policy).

Source: Yan et al. 2024 (arXiv:2406.07327), the toy of 4 prompts and 10 responses; which responses
are likely, and by how much, is this laboratory's.
"""

import math
from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jaxtyping import Float, Int

from toylab import random
from toylab.errors import ToylabError, check_number
from toylab.task import Batch, Number, Task


@dataclass(frozen=True)
class Answers(Task):
    """The reference: prompts with responses, weighed by probability. Latents: ``order``.

    ``order`` is the prompt's order of the responses, the likely ones first (R,). A batch is every
    prompt with every response, whatever the size; weights are R times the probability, so that the
    mean of a cross-entropy is the mean over prompts of the expected one.

    Args:
        prompts: number of prompts; an input is a one-hot vector.
        responses: R.
        likely: number of likely responses.
        mass: their probability together; the others share the rest.
        world_seed: decides the orders; may differ per member.

    Raises:
        ToylabError: a number out of range, or too few responses of either kind for the pairs.
    """

    prompts: int = 4
    responses: int = 10
    likely: int = 4
    mass: float = 0.8
    world_seed: Number = 0

    def __post_init__(self) -> None:
        for name in ("prompts", "responses", "likely"):
            check_number("Answers", name, getattr(self, name), low=1, whole=True)
        check_number("Answers", "mass", self.mass, low=0, high=1)
        check_number("Answers", "world_seed", self.world_seed, low=0)
        if self.likely < 4 or self.responses - self.likely < 4:
            raise ToylabError(
                f"Answers: {self.likely} of {self.responses} responses are likely; give 4 likely "
                "and 4 others at least, as two may be chosen and two rejected."
            )

    def order(self) -> Int[Array, "P R"]:
        """Every prompt's order of the responses."""
        key = random.stream(self.world_seed, "answers")  # pyright: ignore[reportArgumentType]
        u_PR = random.uniform(key, (self.prompts, self.responses))
        return jnp.argsort(u_PR, axis=1).astype(jnp.int32)

    def by_rank(self) -> Float[np.ndarray, " R"]:
        """Probability of the response at each place of an order."""
        others = self.responses - self.likely
        shares = [self.mass / self.likely] * self.likely + [(1 - self.mass) / others] * others
        return np.array(shares, np.float32)

    def enumerate(self) -> Batch:
        """Every prompt with every response."""
        order_PR = self.order()
        prompt = np.repeat(np.arange(self.prompts, dtype=np.int32), self.responses)
        rank = np.tile(np.arange(self.responses, dtype=np.int32), self.prompts)
        weights = jnp.asarray(self.responses * self.by_rank()[rank])
        inputs = jnp.eye(self.prompts, dtype=jnp.float32)[prompt]
        return Batch(inputs, order_PR[prompt, rank], weights, {"order": order_PR[prompt]})

    def batch(self, key: Array, size: int) -> Batch:
        """All examples, whatever the size."""
        return self.enumerate()

    def example(self, key: Array) -> Batch:
        """One of them, each equally likely."""
        return _one(key, self.enumerate())

    def consistent(self, batch: Batch) -> np.ndarray:
        """Whether the weight is that of the target's place in the prompt's order."""
        order, target = np.asarray(batch.latents["order"]), np.asarray(batch.targets)
        rank = (order == target[:, None]).argmax(1)
        told = np.isclose(np.asarray(batch.weights), self.responses * self.by_rank()[rank])
        known = np.asarray(self.order())[np.asarray(batch.inputs).argmax(1)]
        return told & (order == known).all(1)

    def bayes_loss(self) -> float:
        """Entropy of the reference's distribution."""
        p = self.by_rank()[self.by_rank() > 0].astype(np.float64)
        return float(-(p * np.log(p)).sum())

    def uniform_loss(self) -> float:
        """The log of the number of responses."""
        return math.log(self.responses)


@dataclass(frozen=True)
class Preferences(Answers):
    """Two pairs per prompt, always the same. Latents: ``reference`` (2,), both probabilities.

    Inputs are the prompt twice (2, P), targets the chosen and the rejected response (2,), as
    :mod:`toylab.rl.preference` describes. The other responses stand in no pair of the prompt. A
    batch is every pair, whatever the size.

    Args:
        chosen_likely: 1 takes the chosen responses from the reference's likely ones (on-policy), 0
            from the others (off-policy); may differ per member.
        rejected_likely: the same for the rejected responses.
    """

    chosen_likely: Number = 1.0
    rejected_likely: Number = 1.0

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("chosen_likely", "rejected_likely"):
            check_number("Preferences", name, getattr(self, name), low=0, high=1)

    def ranks(self) -> Int[Array, "2 2"]:
        """Places in the order of the chosen and the rejected response (rows: the two pairs)."""
        on = [jnp.asarray(k, jnp.float32) > 0.5 for k in (self.chosen_likely, self.rejected_likely)]
        first = jnp.where(jnp.stack(on), jnp.int32(0), jnp.int32(self.likely))
        start = first + jnp.array([0, 2], jnp.int32)
        return start[None] + jnp.arange(2, dtype=jnp.int32)[:, None]

    def enumerate(self) -> Batch:
        """Every pair of every prompt."""
        rank_22 = jnp.tile(self.ranks(), (self.prompts, 1))
        prompt = np.repeat(np.arange(self.prompts, dtype=np.int32), 2)
        target = jnp.take_along_axis(self.order()[prompt], rank_22, axis=1)
        inputs = np.eye(self.prompts, dtype=np.float32)[prompt]
        known = jnp.asarray(self.by_rank())[rank_22]
        twice = jnp.asarray(np.stack([inputs, inputs], 1))
        return Batch(twice, target, jnp.ones(target.shape, jnp.float32), {"reference": known})

    def consistent(self, batch: Batch) -> np.ndarray:
        """Whether chosen and rejected differ and are as likely as the latents say."""
        order = np.asarray(self.order())[np.asarray(batch.inputs)[:, 0].argmax(1)]
        target = np.asarray(batch.targets)
        rank = (order[:, None, :] == target[:, :, None]).argmax(2)
        told = np.isclose(np.asarray(batch.latents["reference"]), self.by_rank()[rank]).all(1)
        return told & (target[:, 0] != target[:, 1])

    def bayes_loss(self) -> None:
        """None: a preference can be learned without end."""

    def uniform_loss(self) -> None:
        """None: it depends on the loss."""


def _one(key: Array, whole: Batch) -> Batch:
    """A random row of a batch."""
    count = len(whole.inputs)
    u = random.uniform(key, ())
    index = jnp.minimum((u * count).astype(jnp.int32), count - 1)
    return jax.tree.map(lambda leaf: leaf[index], whole)


def examples() -> tuple[Task, ...]:
    """Small tasks, for the conformance suite."""
    return (Answers(prompts=2), Preferences(prompts=2, chosen_likely=0.0))
