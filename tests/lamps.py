"""A world that has nothing to do with board games, and networks made by hand for it.

Lamps on a ring. Token i toggles lamp i, which is possible only while one of its two neighbours is
lit and the other is not; the last token waits. What is allowed says which neighbours differ, but
never which lamp is lit.
"""

import dataclasses
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from toylab.analysis.world.base import Subject
from toylab.taps import identity

LAMPS, LENGTH = 5, 10
WIDTH = 5 * LAMPS + 1 + LAMPS * LENGTH
START = np.array([1, 0, 0, 1, 0])


@dataclasses.dataclass(frozen=True)
class Lamps:
    """The ring of lamps; the first toggle is any possible one, or one only, or any but that."""

    first: tuple[int, ...] = (0, 1, 2, 3, 4, 5)
    vocab: int = LAMPS + 1
    classes: int = 2
    period: int = 1

    def draw(self, key: jax.Array, count: int) -> np.ndarray:
        rng = np.random.default_rng(np.asarray(jax.random.key_data(key)))
        lit = np.tile(START, (count, 1))
        moves = np.zeros((count, LENGTH), np.int32)
        for t in range(LENGTH):
            chance = rng.random((count, self.vocab)) * self.allowed(lit)
            if t == 0:
                chance *= np.isin(np.arange(self.vocab), self.first)
            moves[:, t] = chance.argmax(1)
            lit = (lit + np.eye(self.vocab, dtype=int)[moves[:, t]][:, :LAMPS]) % 2
        return moves

    def states(self, inputs: Any) -> np.ndarray:
        toggles = np.eye(self.vocab, dtype=int)[np.asarray(inputs)][..., :LAMPS]
        return (START + toggles.cumsum(1)) % 2

    def wrong(self, inputs: Any) -> dict[str, np.ndarray]:
        """Lamps that a toggle lights for good."""
        toggles = np.eye(self.vocab, dtype=int)[np.asarray(inputs)][..., :LAMPS]
        return {"for good": np.minimum(START + toggles.cumsum(1), 1)}

    def allowed(self, states: Any) -> np.ndarray:
        lit = np.asarray(states)
        differ = np.roll(lit, 1, -1) != np.roll(lit, -1, -1)
        return np.concatenate([differ, np.ones((*lit.shape[:-1], 1), bool)], -1)

    def counterfactuals(self, states: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        chosen = np.eye(LAMPS, dtype=int)[rng.integers(LAMPS, size=len(states))]
        return (states + chosen) % 2


@dataclasses.dataclass(frozen=True)
class HandMade:
    """A network whose second site holds what its parameters say, and whose logits read it or not.

    Parts of the second site: lamps lit (``state``), tokens counted (``bag``), lamps lit for good
    (``good``), what is allowed (``output``), products of place and lamp (``table``) and random
    sums of tokens (``noise``). Logits come from the site's lamps (``site``) or from the lamps
    behind its back (``hidden``), and are nearly lost after a first token (``grudge``). ``blind``
    networks lose count after another.
    """

    sites = ("embed", "state")

    def init(self, key: Any) -> dict[str, Any]:
        return {name: jnp.float32(0) for name in PARTS}

    def apply(self, params: dict[str, Any], inputs: Any, tap: Any = identity) -> Any:
        p, rng = params, np.random.default_rng(0)
        hot = jax.nn.one_hot(inputs, LAMPS + 1, dtype=jnp.float32)
        place = jnp.broadcast_to(jnp.eye(LENGTH, dtype=jnp.float32), (*inputs.shape, LENGTH))
        fill = jnp.zeros((*inputs.shape, WIDTH - LAMPS - 1 - LENGTH), jnp.float32)
        tap("embed", jnp.concatenate([hot, place, fill], -1))
        counts = jnp.cumsum(hot, 1)[..., :LAMPS]
        start = jnp.broadcast_to(jnp.asarray(START, jnp.float32), counts.shape)
        lost = p["blind"] * hot[:, :1, 2:3] * jnp.floor(jnp.cumsum(counts, 1) / 2)
        state = 1 - 2 * ((start + counts + lost) % 2)
        logit = lambda s: jnp.concatenate(
            [-8 * jnp.tanh(jnp.roll(s, 1, -1) * jnp.roll(s, -1, -1)), 6 + 0 * s[..., :1]], -1
        )
        table = (state[..., None] * place[..., None, :]).reshape(*inputs.shape, -1)
        random = jnp.asarray(rng.normal(size=(LAMPS + 1, LAMPS)), jnp.float32)
        parts = [
            p["state"] * state,
            p["bag"] * counts,
            p["good"] * (1 - 2 * jnp.minimum(start + counts, 1)),
            p["output"] * logit(state),
            p["table"] * table,
            p["noise"] * jnp.cumsum(hot @ random, 1),
        ]
        held = tap("state", jnp.concatenate(parts, -1))
        out = p["site"] * logit(held[..., :LAMPS]) + p["hidden"] * logit(state)
        return out * (1 - 0.9 * p["grudge"] * hot[:, :1, 1:2])


PARTS = ("state", "bag", "good", "output", "table", "noise", "site", "hidden", "grudge", "blind")


def subject(parts: set[str]) -> Subject:
    weights = lambda on: {name: jnp.float32(name in on) for name in PARTS}
    return Subject(HandMade(), weights(parts), weights({"noise"}), HandMade.sites)
