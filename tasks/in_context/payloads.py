"""Payload retrieval: a query asks what the context token with its own latents carries.

Source: Lee, Belinkov, Viégas and Wattenberg 2026 (arXiv:2602.04752), with their code: 16 context
tokens, latents of 3, 5 or 7 signs, 10 payloads, width 32, noise 0.01.
"""

import dataclasses
import math
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jaxtyping import Float

from toylab import random
from toylab.errors import check_number
from toylab.task import Batch, Number, Task


class World(NamedTuple):
    """The fixed directions of one world; R is the largest number of latents of each kind.

    Attributes:
        a: how keys show their latents, (2, R, D); rows from r_1 or r_2 on are 0.
        b: how queries show them (2, R, D).
        payload: embeddings E_y (Y, D).
    """

    a: Array
    b: Array
    payload: Array


@dataclasses.dataclass(frozen=True)
class PayloadRetrieval(Task):
    """Context tokens ``A_1 z_1 + A_2 z_2 + E_y + noise`` and a query ``B_1 z_1 + B_2 z_2 + noise``.

    The query has the latents of one context token, in an encoding of its own and without payload;
    the target is that token's payload. Inputs (C + 1, D), the query last. Entries of A and B are
    N(0, 1 / r), of E N(0, 1 / D). Latents: ``z`` (C, 2, R), 0 from r_1 or r_2 on; ``payload`` (C,)
    of every token; ``match``, the token that is asked for.

    Args:
        r1: number of latents of the first kind. May differ per member, as may the next two.
        r2: of the second kind.
        world_seed: decides A, B and E.
        r_max: R, the most latents of a kind.
        n_context: C.
        n_payloads: Y.
        width: D.
        noise: standard deviation of each entry's noise.
        normal: 1 for latents from N(0, 1), 0 for +1 or -1 alike. May differ per member.

    Raises:
        ToylabError: more latents than ``r_max``, or a number out of range.

    Source: Lee et al. 2026; r_1 and r_2 of 3, 5 and 7.

    Example:
        >>> PayloadRetrieval(3, 5).batch(jax.random.key(0), 4).inputs.shape
        (4, 17, 32)
    """

    r1: Number
    r2: Number
    world_seed: Number = 0
    r_max: int = 7
    n_context: int = 16
    n_payloads: int = 10
    width: int = 32
    noise: Number = 0.01
    normal: Number = 0

    def __post_init__(self) -> None:
        for name in ("r_max", "n_context", "n_payloads", "width"):
            check_number("PayloadRetrieval", name, getattr(self, name), low=1, whole=True)
        for name in ("r1", "r2"):
            value = getattr(self, name)
            check_number("PayloadRetrieval", name, value, low=1, high=self.r_max, whole=True)
        check_number("PayloadRetrieval", "world_seed", self.world_seed, low=0, whole=True)
        check_number("PayloadRetrieval", "noise", self.noise, low=0)
        check_number("PayloadRetrieval", "normal", self.normal, low=0, high=1, whole=True)

    def sizes(self) -> Float[Array, " 2"]:
        """r_1 and r_2."""
        return jnp.stack([jnp.asarray(r, jnp.float32) for r in (self.r1, self.r2)])

    def used(self) -> Float[Array, "2 R"]:
        """1 for each latent that the world has, 0 for the rest of its places."""
        place_R = jnp.arange(self.r_max, dtype=jnp.float32)
        return (place_R[None] < self.sizes()[:, None]).astype(jnp.float32)

    def world(self) -> World:
        """The directions of the world. Other r_1 and r_2 rescale and cut the same draw."""
        n, d = 4 * self.r_max, self.width
        key = random.stream(jnp.asarray(self.world_seed).astype(jnp.uint32), "payloads")
        drawn = random.once(random.normal(key, (n + self.n_payloads, d)))
        coded = drawn[:n].reshape(2, 2, self.r_max, d)
        scaled = coded * (self.used() / jnp.sqrt(self.sizes())[:, None])[None, :, :, None]
        return World(scaled[0], scaled[1], drawn[n:] / jnp.sqrt(jnp.float32(d)))

    def latents_of(self, drawn: Float[Array, "... 2 R"]) -> Float[Array, "... 2 R"]:
        """Latents from standard normal numbers; those that the world lacks are 0."""
        is_normal = jnp.asarray(self.normal, jnp.float32) > 0
        z = jnp.where(is_normal, drawn, jnp.sign(drawn))
        return z * jnp.broadcast_to(self.used(), z.shape)

    def keys(self, z: Float[Array, "... 2 R"], payload: Array) -> Float[Array, "... D"]:
        """Context tokens with these latents and payloads, without noise."""
        world = self.world()
        carried = jax.nn.one_hot(payload, self.n_payloads, dtype=jnp.float32) @ world.payload
        return _show(z, world.a) + carried

    def queries(self, z: Float[Array, "... 2 R"]) -> Float[Array, "... D"]:
        """Queries with these latents, without noise."""
        return _show(z, self.world().b)

    def example(self, key: Array) -> Batch:
        """Draw one context with its query."""
        return jax.tree.map(lambda leaf: leaf[0], self.batch(key, 1))

    def batch(self, key: Array, size: int) -> Batch:
        """Draw ``size`` contexts; noise and signs do not depend on the member's numbers."""
        to_normal, to_uniform = jax.random.split(key)
        z_shape, noise_shape = (
            (size, self.n_context, 2, self.r_max),
            (size, self.n_context + 1, self.width),
        )
        count = math.prod(z_shape)
        normal = random.once(random.normal(to_normal, (count + math.prod(noise_shape),)))
        z_BC2R = self.latents_of(normal[:count].reshape(z_shape))
        u_BE = random.once(random.uniform(to_uniform, (size, self.n_context + 1)))
        payload_BC = _below(u_BE[:, 1:], self.n_payloads)
        match_B = _below(u_BE[:, 0], self.n_context)
        asked_B2R = jnp.take_along_axis(z_BC2R, match_B[:, None, None, None], 1)[:, 0]
        clean = jnp.concatenate(
            [self.keys(z_BC2R, payload_BC), self.queries(asked_B2R)[:, None]], axis=1
        )
        noise = normal[count:].reshape(noise_shape) * jnp.asarray(self.noise, jnp.float32)
        target_B = jnp.take_along_axis(payload_BC, match_B[:, None], 1)[:, 0]
        latents = {"z": z_BC2R, "payload": payload_BC, "match": match_B}
        return Batch(clean + noise, target_B, jnp.ones(size, jnp.float32), latents)

    def consistent(self, batch: Batch) -> np.ndarray:
        """Per example: the inputs are what the latents say, but for noise, and so is the target."""
        latents = batch.latents
        match_B = np.asarray(latents["match"])
        rows = np.arange(len(match_B))
        known = np.asarray(self.keys(latents["z"], latents["payload"]))
        asked = np.asarray(self.queries(latents["z"][rows, match_B]))
        clean = np.concatenate([known, asked[:, None]], axis=1)
        near = np.abs(np.asarray(batch.inputs) - clean).max((1, 2)) < 8 * np.asarray(self.noise)
        carried = np.asarray(latents["payload"])[rows, match_B]
        return near & (carried == np.asarray(batch.targets))

    def ceiling(self) -> float:
        """Best accuracy: among d + 1 tokens with the asked latents, only one is meant.

        With p = 2^-(r1 + r2) and n = C - 1 others, ``E[1 / (1 + d)] = (1 - (1 - p)^(n + 1)) /
        ((n + 1) p)`` is the chance to pick the right token; a wrong one carries the right payload
        with 1 / Y. Exact where payloads of the d + 1 tokens are all different, else a little low.
        1 for normal latents.
        """
        if self.normal:
            return 1.0
        p, c = 2.0 ** -(float(self.r1) + float(self.r2)), self.n_context  # pyright: ignore
        right = (1 - (1 - p) ** c) / (c * p)
        return float(right + (1 - right) / self.n_payloads)

    def uniform_loss(self) -> float:
        """``log Y``, of every payload alike."""
        return float(np.log(self.n_payloads))


def _show(z: Array, directions_2RD: Array) -> Array:
    """Sum of the directions that the latents weigh."""
    flat = z.reshape(*z.shape[:-2], -1)
    return flat @ directions_2RD.reshape(flat.shape[-1], -1)


def _below(u: Array, n: int) -> Array:
    return jnp.minimum((u * n).astype(jnp.int32), n - 1)


def examples() -> tuple[Task, ...]:
    """Small tasks, for the conformance suite."""
    small = {"r_max": 3, "n_context": 4, "n_payloads": 3, "width": 6}
    return PayloadRetrieval(2, 3, **small), PayloadRetrieval(1, 2, normal=1, **small)
