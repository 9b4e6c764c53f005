"""Discs of a colour and a size: four classes, of which one is never shown.

A class is two bits, colour and size; its number is ``2 colour + size``. A network is asked for a
disc by its actual colour and size, and learns the three classes 00, 01 and 10; class 11 is new.

Source: Park et al. 2024 (arXiv:2406.19370), section 3, whose images have 32 x 32 pixels, three
channels and a diffusion model; here a disc has few pixels and two channels, red and blue.
"""

import dataclasses
import math
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jaxtyping import Float

from toylab import random
from toylab.errors import ToylabError, check_number
from toylab.task import Batch, Number, Task

CONCEPTS = ("colour", "size")
COLOUR, SMALL = 0.5, 0.35  # middle of the two colours, and the smaller size


@dataclasses.dataclass(frozen=True)
class Discs(Task):
    """Concepts and place ``(colour, size, x, y)`` to an image of ``2 pixels^2`` numbers.

    Colour with bit b is ``1/2 + gap (b - 1/2)`` and size ``0.35 + gap b``, off by at most ``jitter
    gap``: the second colour is seen on small discs alone, whose size no gap changes. With the
    distance r of a pixel from the place, ``mask = sigmoid((size - r) / softness)``, red is
    ``colour mask`` and blue ``(1 - colour) mask``.

    Latents: ``class`` (), ``concepts`` (2,), ``place`` (2,).

    Args:
        colour_gap, size_gap: distance of the classes along each concept; may differ per member.
        masked: share of examples whose colour is not told: the input holds the middle.
        jitter: of the gap.
        pixels: of a side.
        softness: of the disc's edge, where a side is 2.
        reach: places are uniform in ``[-reach, reach]^2``.
        trained: classes shown.
        held_out: the class that is not.

    Raises:
        ToylabError: classes that coincide (a gap of 0), overlap, or leave [0, 1]; the held-out
            class among the trained ones.

    Example:
        >>> import jax
        >>> Discs().example(jax.random.key(0)).targets.shape
        (128,)
    """

    colour_gap: Number = 0.4
    size_gap: Number = 0.4
    masked: Number = 0.0
    jitter: float = 0.125
    pixels: int = 8
    softness: float = 0.12
    reach: float = 0.4
    trained: tuple[int, ...] = (0, 1, 2)
    held_out: int = 3

    def __post_init__(self) -> None:
        check_number("Discs", "jitter", self.jitter, low=0)
        check_number("Discs", "pixels", self.pixels, low=2, whole=True)
        check_number("Discs", "softness", self.softness, above=0)
        check_number("Discs", "reach", self.reach, low=0, high=1)
        check_number("Discs", "masked", self.masked, low=0, high=1)
        if self.jitter >= 0.5:
            raise ToylabError(
                f"Discs: jitter = {self.jitter} makes classes overlap; give less than half a gap."
            )
        most = {"colour_gap": COLOUR / (0.5 + self.jitter)}
        most["size_gap"] = (1 - SMALL) / (1 + self.jitter)
        for name, high in most.items():
            check_number("Discs", name, getattr(self, name), above=0, high=round(high, 6))
        if not self.trained or not {*self.trained, self.held_out} <= set(range(4)):
            raise ToylabError(
                f"Discs: classes {self.trained} and {self.held_out}; give numbers from 0 to 3."
            )
        if self.held_out in self.trained:
            raise ToylabError(
                f"Discs: class {self.held_out} is held out and among the trained {self.trained}."
            )

    @property
    def gaps(self) -> Float[Array, " 2"]:
        """Distance of the classes along each concept."""
        return jnp.stack([jnp.asarray(g, jnp.float32) for g in (self.colour_gap, self.size_gap)])

    @property
    def middle(self) -> Float[Array, " 2"]:
        """Colour and size between their two classes."""
        return jnp.stack([jnp.float32(COLOUR), SMALL + self.gaps[1] / 2])

    def values(self, which: Array | int) -> Float[Array, " 2"]:
        """Colour and size at the middle of a class."""
        which = jnp.asarray(which)
        bits = jnp.stack([which // 2, which % 2]).astype(jnp.float32)
        return self.middle + self.gaps * (bits - 0.5)

    def mask(self, size: Array, place: Float[Array, " 2"]) -> Float[Array, " X"]:
        """How much of each pixel a disc covers."""
        line = (np.arange(self.pixels, dtype=np.float32) + 0.5) / self.pixels * 2 - 1
        y, x = np.meshgrid(line, line, indexing="ij")
        square = (x.ravel() - place[0]) ** 2 + (y.ravel() - place[1]) ** 2
        r = jnp.sqrt(square + 1e-12)  # whose derivative is finite at 0 too
        return jax.nn.sigmoid((size - r) / self.softness)

    def render(self, concepts: Float[Array, " 2"], place: Float[Array, " 2"]) -> Float[Array, " X"]:
        """Return an image: red pixels, then blue ones."""
        mask = self.mask(concepts[1], place)
        return jnp.concatenate([concepts[0] * mask, (1 - concepts[0]) * mask])

    def places(self, count: int, seed: int = 0) -> Float[Array, "N 2"]:
        """Places to judge at."""
        u = random.uniform(random.stream(seed, "places"), (count, 2))
        return self.reach * (2 * u - 1)

    def signal(self, concept: int, place_N2: Float[Array, "N 2"]) -> Float[Array, ""]:
        """Concept signal times gap: ``gap |d image / d concept|``, root mean square over places.

        The derivative is taken in the middle between all classes.
        """
        one = jnp.zeros(2, jnp.float32).at[concept].set(1.0)
        slope = lambda place: jax.jvp(lambda z: self.render(z, place), (self.middle,), (one,))[1]
        return self.gaps[concept] * jnp.sqrt(jnp.mean(jnp.sum(jax.vmap(slope)(place_N2) ** 2, -1)))

    def example(self, key: Array) -> Batch:
        """Draw one example."""
        u_6 = random.uniform(key, (6,))
        which = jnp.asarray(self.trained, jnp.int32)[
            random.pick(u_6[0], jnp.asarray(len(self.trained)))
        ]
        concepts = self.values(which) + self.gaps * self.jitter * (2 * u_6[1:3] - 1)
        place = self.reach * (2 * u_6[3:5] - 1)
        hidden = u_6[5] < jnp.asarray(self.masked, jnp.float32)
        told = jnp.where(hidden, COLOUR, concepts[0])
        inputs = jnp.concatenate([jnp.stack([told, concepts[1]]), place])
        image = self.render(concepts, place)
        latents = {"class": which, "concepts": concepts, "place": place}
        return Batch(inputs, image, jnp.ones_like(image), latents)

    def consistent(self, batch: Batch) -> Any:
        """Whether images and classes are those of concepts and places."""
        z, at = (np.asarray(batch.latents[name]) for name in ("concepts", "place"))
        image = np.asarray(jax.vmap(self.render)(jnp.asarray(z), jnp.asarray(at)))
        bits = (z > np.asarray(self.middle)).astype(int)
        return (np.abs(image - np.asarray(batch.targets)).max(-1) < 1e-4) & (
            2 * bits[:, 0] + bits[:, 1] == np.asarray(batch.latents["class"])
        )

    def bayes_loss(self) -> float | None:
        """0 where every colour is told."""
        return 0.0 if float(np.asarray(self.masked)) == 0 else None


def rgb(image_X: Float[np.ndarray, " X"]) -> Float[np.ndarray, "pixels pixels 3"]:
    """Return an image as a picture on white; its numbers are cut to [0, 1]."""
    red, blue = np.clip(image_X, 0, 1).reshape(2, -1)
    bare = np.clip(1 - red - blue, 0, 1)
    side = math.isqrt(len(red))
    return np.clip(np.stack([bare + red, bare, bare + blue], -1), 0, 1).reshape(side, side, 3)


def examples() -> tuple[Task, ...]:
    """Small tasks, for the conformance suite."""
    return (Discs(pixels=4), Discs(0.2, 0.3, masked=0.5, pixels=4))
