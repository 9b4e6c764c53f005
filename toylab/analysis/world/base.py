"""Worlds: what a task must say about itself to be asked whether a network has learned its world.

A sequence of tokens moves a *state*, N variables of C values each, and the state alone decides
which tokens may come next. The tests in ``toylab.analysis.world.tests`` ask of any network of
sequences whether it has such a state, and whether it uses it; they know a task by :class:`World`
alone.

Source of the question: Li, Viégas and Wattenberg 2025, "What does it mean for a neural network to
learn a 'world model'?" (arXiv:2507.21513).
"""

import dataclasses
import functools
from collections.abc import Mapping
from typing import Any, Protocol

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from toylab.chunks import in_chunks
from toylab.errors import ToylabError, nearest
from toylab.taps import Edit, Model, Params, run

CHUNK = 128  # sequences that a network is run on at once, so that it compiles once


class World(Protocol):
    """A world as the tests see it; arrays may be JAX's or NumPy's.

    A place of a sequence where nothing is allowed any more is after its end and counts nowhere.

    Attributes:
        vocab: number of tokens V.
        classes: number of values C of a variable.
        period: after how many tokens the roles repeat: 2 for two players in turn, else 1.
    """

    @property
    def vocab(self) -> int: ...
    @property
    def classes(self) -> int: ...
    @property
    def period(self) -> int: ...

    def draw(self, key: Array, count: int) -> Any:
        """Sequences (B, L) of the kind that the network has been trained on."""
        ...

    def states(self, inputs: Any) -> Any:
        """The state after each token (B, L, N), integers below C."""
        ...

    def wrong(self, inputs: Any) -> Mapping[str, Any]:
        """States (B, L, N) of the same sequences in worlds that they do not come from."""
        ...

    def allowed(self, states: Any) -> Any:
        """Which tokens may come next (..., V) bool in states (..., N), also in unreachable ones."""
        ...

    def counterfactuals(self, states: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """For each state (R, N) another, drawn at random, that a small edit would make of it."""
        ...


@functools.partial(jax.jit, static_argnames=("model", "sites"))
def _edited(
    model: Model,
    params: Params,
    inputs_BL: Array,
    place_B: Array,
    deltas_SBD: Array,
    sites: tuple[str, ...],
) -> Array:
    where = jnp.arange(inputs_BL.shape[1])[None, :, None] == place_B[:, None, None]
    edits = [
        Edit(site, "add", delta[:, None], where)
        for site, delta in zip(sites, deltas_SBD, strict=True)
    ]
    logits, _ = run(model, params, inputs_BL, edits=edits)
    return jnp.take_along_axis(logits, place_B[:, None, None], 1)[:, 0]


@functools.partial(jax.jit, static_argnames=("model",))
def _predicted(model: Model, params: Params, inputs_BL: Array, place_B: Array) -> Array:
    logits = model.apply(params, inputs_BL)
    return jnp.take_along_axis(logits, place_B[:, None, None], 1)[:, 0]


@functools.partial(jax.jit, static_argnames=("model", "sites"))
def _recorded(model: Model, params: Params, tokens_BL: Array, sites: tuple[str, ...]):
    logits, acts = run(model, params, tokens_BL, record=sites)
    return logits, jnp.stack([acts[site] for site in sites])


def activations(
    model: Model, params: Params, tokens_BL: Any, sites: tuple[str, ...], chunk: int = 256
) -> tuple[np.ndarray, np.ndarray]:
    """Run sequences through a network, ``chunk`` at a time.

    Args:
        model: the model.
        params: weights of one member.
        tokens_BL: sequences.
        sites: sites of one width D.
        chunk: sequences at a time.

    Returns:
        logits (B, L, V) and activations (S, B, L, D).
    """
    call = lambda part: _recorded(model, params, part, sites)
    logits, acts = in_chunks(call, (tokens_BL,), chunk, axes=(0, 1))
    return logits, acts


@dataclasses.dataclass(frozen=True)
class Subject:
    """A network under test: a model that maps tokens (B, L) to next-token logits (B, L, V).

    Attributes:
        model: the model; its output at a place may depend on this and earlier places only.
        params: weights of the trained network.
        untrained: weights at its start.
        sites: sites of one width, in the order of computation. The first is the embedding, where
            tokens have not met yet; the state is looked for in the others.
    """

    model: Model
    params: Params
    untrained: Params
    sites: tuple[str, ...]

    def __post_init__(self) -> None:
        if len(self.sites) < 2:
            raise ToylabError(
                f"Subject: sites = {self.sites}; give the embedding and at least one more."
            )
        for site in self.sites:
            if site not in self.model.sites:
                raise ToylabError(f"Subject: no site {site!r}; {nearest(site, self.model.sites)}")

    def record(self, inputs: Any, untrained: bool = False) -> tuple[np.ndarray, np.ndarray]:
        """Return logits (B, L, V) and activations (S, B, L, D)."""
        params = self.untrained if untrained else self.params
        return activations(self.model, params, inputs, self.sites, CHUNK)

    def predict(self, inputs: Any, place: Any) -> np.ndarray:
        """Return logits (B, V) at one place of each sequence."""
        call = lambda part, here: (_predicted(self.model, self.params, part, here),)
        return in_chunks(call, (inputs, np.asarray(place, np.int32)), CHUNK)[0]

    def edit(self, inputs: Any, place: Any, deltas: np.ndarray) -> np.ndarray:
        """Return logits (B, V) at one place of each sequence, with something added there.

        Args:
            inputs: sequences (B, L).
            place: the place (B,).
            deltas: what is added at each site at that place, (S, B, D).
        """
        call = lambda part, at, delta: (
            _edited(self.model, self.params, part, at, jnp.swapaxes(delta, 0, 1), self.sites),
        )
        arrays = (inputs, np.asarray(place, np.int32), np.swapaxes(deltas, 0, 1))
        return in_chunks(call, arrays, CHUNK)[0]


def truth(world: World, inputs: Any) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return states (B, L, N), allowed tokens (B, L, V), and which places count (B, L)."""
    states = np.asarray(world.states(inputs))
    allowed = np.asarray(world.allowed(states), bool)
    return states, allowed, np.any(allowed, -1)


def bag(inputs: np.ndarray, vocab: int, period: int) -> np.ndarray:
    """Bag-of-tokens features of every prefix: what is known when order is ignored.

    How often each token has come, apart for every remainder of its age by ``period``, so that a
    player's own moves are told from the other's; then the place, one-hot.

    Returns:
        float32 (B, L, period * V + L).
    """
    B, L = inputs.shape
    seen = np.cumsum(np.eye(vocab, dtype=np.float32)[inputs], 1)
    if period > 1:
        kinds = np.arange(L) % period  # by the token's own place; rolled to its age below
        hot = np.eye(vocab, dtype=np.float32)[inputs]
        parts = [np.cumsum(hot * (kinds == k)[None, :, None], 1) for k in range(period)]
        stacked = np.stack(parts, 2)  # (B, L, period, V)
        turn = (np.arange(L)[:, None] - np.arange(period)[None]) % period
        seen = np.take_along_axis(stacked, turn[None, :, :, None], 2).reshape(B, L, -1)
    place = np.broadcast_to(np.eye(L, dtype=np.float32), (B, L, L))
    return np.concatenate([seen, place], -1)


def at(values: np.ndarray, place: np.ndarray) -> np.ndarray:
    """Pick one place of each sequence: (B, L, ...) to (B, ...)."""
    return values[np.arange(len(place)), place]


def softmax(logits: np.ndarray) -> np.ndarray:
    """Probabilities along the last axis."""
    shifted = np.exp(logits - logits.max(-1, keepdims=True))
    return shifted / shifted.sum(-1, keepdims=True)


def seed_of(key: Array, name: int) -> np.random.Generator:
    """A NumPy generator that depends on a JAX key and on a number."""
    words = np.asarray(jax.random.key_data(key)).ravel()
    return np.random.default_rng([*(int(word) for word in words), name])
