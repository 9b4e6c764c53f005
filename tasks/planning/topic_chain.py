"""A chain of tokens with a topic that seldom changes, and its exact filter.

Half of the tokens follow from the one before by a fixed map, whatever the topic; the others are
drawn from the topic. So the next token alone needs little of the topic, tokens further ahead need
nothing else.

Source: this laboratory's, for the claims of Walker 2024 (arXiv:2410.18160) about topics.
"""

import dataclasses
import functools
import math
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jaxtyping import Float, Int

from toylab import random
from toylab.errors import check_number
from toylab.task import Batch, Number, Task

from .windows import check_ahead, weights_ahead, windows

DIRICHLET = 0.3


@dataclasses.dataclass(frozen=True)
class TopicChain(Task):
    """Tokens (T + N - 1,) to the next N of each position (T, N).

    The first topic is uniform; before each later token it is drawn anew with probability
    ``switch``, from all topics. A token is ``follow(previous)`` with probability ``local``, else
    drawn from its topic; the first is drawn from its topic.

    Latents: ``topic`` and ``tokens``, (T + N,).

    Args:
        length: positions T.
        ahead: N.
        vocab: number of tokens.
        topics: number of topics, each a distribution from a Dirichlet law of 0.3.
        switch: probability of another draw of the topic.
        local: probability that a token follows from the one before.
        decay: weight of a token ahead over that of the one before it; may differ per member, as
            may ``horizon``.
        horizon: tokens ahead that have weight.
        world: seed of topics and of the map, which are fixed.

    Raises:
        ToylabError: a number out of range.

    Example:
        >>> batch = TopicChain(length=5, ahead=2).example(jax.random.key(0))
        >>> batch.inputs.shape, batch.targets.shape
        ((6,), (5, 2))
    """

    length: int = 32
    ahead: int = 1
    vocab: int = 24
    topics: int = 4
    switch: float = 0.04
    local: float = 0.5
    decay: Number = 1.0
    horizon: Number = 1_000
    world: int = 0

    def __post_init__(self) -> None:
        check_ahead("TopicChain", self.ahead, self.decay, self.horizon)
        for name, low in (("length", 1), ("vocab", 2), ("topics", 2), ("world", 0)):
            check_number("TopicChain", name, getattr(self, name), low=low, whole=True)
        for name in ("switch", "local"):
            check_number("TopicChain", name, getattr(self, name), low=0, high=1)

    @property
    def rules(self) -> tuple[np.ndarray, np.ndarray]:
        """Each topic's distribution (C, V), and the token that follows each (V,)."""
        return _rules(self.vocab, self.topics, self.world)

    def example(self, key: Array) -> Batch:
        """Draw one chain."""
        size = self.length + self.ahead
        u_4L = random.once(random.uniform(key, (4, size)))
        emit_CV, follow_V = (jnp.asarray(rule) for rule in self.rules)
        upto_CV = jnp.cumsum(emit_CV, 1)

        def step(state: tuple[Array, Array], u_4: Array) -> tuple[tuple[Array, Array], Any]:
            topic, before = state
            fresh = random.pick(u_4[1], jnp.int32(self.topics))
            again = (before < 0) | (u_4[0] < self.switch)
            topic = jnp.where(again, fresh, topic)
            drawn = jnp.minimum((upto_CV[topic] < u_4[3]).sum(), self.vocab - 1)
            follows = (before >= 0) & (u_4[2] < self.local)
            token = jnp.where(follows, follow_V[before], drawn).astype(jnp.int32)
            return (topic, token), (topic, token)

        first = (jnp.int32(0), jnp.int32(-1))
        _, (topic_L, token_L) = jax.lax.scan(step, first, u_4L.T)
        weights_N = weights_ahead(self.ahead, self.decay, self.horizon)
        latents = {"topic": topic_L, "tokens": token_L}
        targets_TN = windows(token_L, self.ahead)
        return Batch(token_L[:-1], targets_TN, jnp.tile(weights_N, (self.length, 1)), latents)

    def filtered(
        self, tokens_BL: Int[np.ndarray, "B L"]
    ) -> tuple[Float[np.ndarray, "B L C"], Float[np.ndarray, "B L V"]]:
        """Return the exact distributions of each topic given the tokens so far, and of the next.

        ``a_t(c) ~ p(x_t | c, x_{t-1}) sum_b a_{t-1}(b) P(b, c)``, with P the topic's transitions.
        """
        emit_CV, follow_V = self.rules
        tokens_BL = np.asarray(tokens_BL)
        stay = 1 - self.switch
        spread = lambda a_BC: stay * a_BC + self.switch / self.topics
        belief_BC = np.full((len(tokens_BL), self.topics), 1 / self.topics)
        topic_BLC, next_BLV = [], []
        for t in range(tokens_BL.shape[1]):
            drawn_BC = emit_CV[:, tokens_BL[:, t]].T
            if t:
                follows_B = follow_V[tokens_BL[:, t - 1]] == tokens_BL[:, t]
                drawn_BC = self.local * follows_B[:, None] + (1 - self.local) * drawn_BC
            seen_BC = belief_BC * drawn_BC
            seen_BC = seen_BC / seen_BC.sum(1, keepdims=True)
            belief_BC = spread(seen_BC)
            topic_BLC.append(seen_BC)
            followed_BV = np.eye(self.vocab)[follow_V[tokens_BL[:, t]]]
            next_BLV.append(self.local * followed_BV + (1 - self.local) * belief_BC @ emit_CV)
        return np.stack(topic_BLC, 1), np.stack(next_BLV, 1)

    def consistent(self, batch: Batch) -> Any:
        """Whether inputs and targets are those of the tokens, and topics can give them."""
        tokens_BL = np.asarray(batch.latents["tokens"])
        topic_BL = np.asarray(batch.latents["topic"])
        place_TN = np.arange(self.length)[:, None] + 1 + np.arange(self.ahead)
        emit_CV, follow_V = self.rules
        possible_BL = emit_CV[topic_BL, tokens_BL] > 0
        possible_BL[:, 1:] |= follow_V[tokens_BL[:, :-1]] == tokens_BL[:, 1:]
        return (
            (np.asarray(batch.inputs) == tokens_BL[:, :-1]).all(1)
            & (np.asarray(batch.targets) == tokens_BL[:, place_TN]).all((1, 2))
            & possible_BL.all(1)
        )

    def uniform_loss(self) -> float:
        """The log of the number of tokens."""
        return math.log(self.vocab)


@functools.lru_cache(maxsize=8)
def _rules(vocab: int, topics: int, world: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(world)
    emit_CV = rng.dirichlet(np.full(vocab, DIRICHLET), topics).astype(np.float32)
    return emit_CV / emit_CV.sum(1, keepdims=True), rng.permutation(vocab).astype(np.int32)


def examples() -> tuple[Task, ...]:
    """Small tasks, for the conformance suite."""
    return (TopicChain(6, 3, 7, 3), TopicChain(5, 1, 5, 2, decay=0.8, horizon=1))
