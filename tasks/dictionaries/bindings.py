"""Concepts in roles, written as one vector in each of the ways that have been proposed.

An example has two different concepts, i in the first role and j in the second, with amplitudes:

    bag        x = a f_i + b f_j
    scale      x = a f_i + b f_j / 2
    matrix     x = a A f_i + b B f_j, with random rotations A and B
    tensor     x = a f_i (x) r_1 + b f_j (x) r_2, with r_1 and r_2 orthonormal
    unitary    x = a r_1 * f_i + b r_2 * f_j, circular convolution with unitary roles
    gaussian   the same with Gaussian roles, which are not
    rotation   x = a f_i + b R f_j, where R turns every vector by ``angle``
    fillers    x = a f_i * f_j, circular convolution
    product    x = a f_i o f_j, entry by entry

All but the last two are sums of role images ``A_k f_i``. What a dictionary of the vectors ought to
find is known: bag and scale have one direction for each concept; matrix, tensor, unitary and
gaussian have one for each concept and role, *echoes* of it; fillers and product have one for each
pair and none for a concept. Order, who is in which role, is lost in bag, fillers and product.

Source: Wattenberg & Viegas 2024, Relational composition in neural networks (arXiv:2407.14662), who
survey these bindings and ask what dictionaries would see; amplitudes and sizes are ours.

Shape suffixes: N concepts, K roles, D width, M ways, B batch.
"""

import dataclasses
import functools
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.core import Tracer
from jaxtyping import Float, Int
from scipy.stats import ortho_group

from toylab import random
from toylab.analysis.binding.holographic import bind, gaussian_role, unitary_role
from toylab.errors import ToylabError, check_number, nearest
from toylab.task import Batch, Number, Task

SUMS = ("bag", "scale", "matrix", "tensor", "unitary", "gaussian", "rotation")
WAYS = (*SUMS, "fillers", "product")
ROLES = 3  # the most; tensor has two
RATIO = 0.5  # of the second role's length to the first's in scale
AMPLITUDES = (0.7, 1.3)


class World(NamedTuple):
    """The vectors of a world, in float64.

    Attributes:
        concepts: f, of length 1, (N, D).
        images: A_k f of every sum (M, K, N, D), those of rotation at a right angle.
    """

    concepts: Float[np.ndarray, "N D"]
    images: Float[np.ndarray, "M K N D"]


def way(name: str) -> int:
    """Number of a way of binding, as a column of members has it.

    Raises:
        ToylabError: no such way.

    Example:
        >>> way("matrix")
        2
    """
    if name not in WAYS:
        raise ToylabError(f"way: {name!r}; {nearest(str(name), WAYS)}")
    return WAYS.index(name)


@functools.lru_cache(maxsize=256)
def world(concepts: int, width: int, number: int) -> World:
    """Draw a world; the same numbers give the same one.

    Args:
        concepts: N.
        width: D, even.
        number: of the world.
    """
    rng = np.random.default_rng((number, concepts, width))
    f_ND = _unit(rng.normal(size=(concepts, width)))
    turns = ortho_group.rvs(width, ROLES + 1, random_state=rng)
    matrix_KND = f_ND @ turns[:ROLES].swapaxes(1, 2)
    quarter_DD = turns[-1] @ np.kron(np.eye(width // 2), [[0.0, -1.0], [1.0, 0.0]]) @ turns[-1].T
    unitary, gaussian = (
        np.stack([bind(role(rng, width)[None], f_ND) for _ in range(ROLES)])
        for role in (unitary_role, gaussian_role)
    )
    half_NH = _unit(rng.normal(size=(concepts, width // 2)))
    role_KR = np.concatenate([ortho_group.rvs(2, random_state=rng), np.zeros((ROLES - 2, 2))])
    tensor_KND = np.einsum("nh,kr->knhr", half_NH, role_KR).reshape(ROLES, concepts, width)
    bag_KND = np.stack([f_ND] * ROLES)
    scale_KND = bag_KND * RATIO ** np.arange(ROLES)[:, None, None]
    turned_KND = np.stack([f_ND @ quarter_DD.T] * ROLES)
    sums = (bag_KND, scale_KND, matrix_KND, tensor_KND, unitary, gaussian, turned_KND)
    return World(f_ND, np.stack(sums))


def _unit(rows: np.ndarray) -> np.ndarray:
    return rows / np.linalg.norm(rows, axis=-1, keepdims=True)


def role_images(
    concepts: int, width: int, number: int, name: str, angle: float = 0.0
) -> Float[np.ndarray, "K N D"]:
    """What every concept looks like in every role, in float64; of a way that is a sum.

    Args:
        concepts: N.
        width: D.
        number: of the world.
        name: of the way.
        angle: of rotation, in degrees.

    Raises:
        ToylabError: fillers and product, which have no such images.
    """
    if name not in SUMS:
        raise ToylabError(f"role_images: {name!r} is no sum of roles; {nearest(name, SUMS)}")
    found = world(concepts, width, number)
    images_KND = found.images[SUMS.index(name)]
    if name != "rotation":
        return images_KND
    turn_K11 = np.deg2rad(angle) * np.arange(ROLES)[:, None, None]
    return np.cos(turn_K11) * found.concepts + np.sin(turn_K11) * images_KND


def pair_vectors(concepts: int, width: int, number: int, name: str) -> Float[np.ndarray, "N N D"]:
    """The vector of every pair of concepts by fillers or product, in float64.

    Raises:
        ToylabError: another way.
    """
    f_ND = world(concepts, width, number).concepts
    if name == "fillers":
        return bind(f_ND[:, None], f_ND[None])
    if name != "product":
        raise ToylabError(f"pair_vectors: {name!r}; {nearest(name, WAYS[-2:])}")
    return np.sqrt(width) * f_ND[:, None] * f_ND[None]


def true_directions(
    concepts: int, width: int, number: int, name: str, parts: int = 2, angle: float = 0.0
) -> tuple[Float[np.ndarray, "K N D"], Float[np.ndarray, "M D"]]:
    """Images of concepts, and all that a dictionary can find: these, or the vectors of pairs.

    Of fillers and product the images are the concepts themselves, which it cannot find.

    Example:
        >>> [found.shape for found in true_directions(4, 8, 0, "product")]
        [(1, 4, 8), (6, 8)]
    """
    if name in SUMS:
        image_KND = role_images(concepts, width, number, name, angle)[:parts]
        return image_KND, image_KND.reshape(-1, width)
    pair_NND = pair_vectors(concepts, width, number, name)
    upper = np.triu_indices(concepts, 1)
    return world(concepts, width, number).concepts[None], pair_NND[upper]


@dataclasses.dataclass(frozen=True)
class Binding(Task):
    """Different concepts in roles, as one vector (D,), which is the target too.

    Latents: ``concepts`` (3,), the concept in each role, and ``amplitudes`` (3,); -1 and 0 in roles
    that are not used. No concept is in two roles: a bag of one concept twice would be ``(a + b) f``
    and its scale ambiguous.

    Args:
        concepts: N.
        width: D, even, as rotation and tensor need.
        worlds: how many worlds there are.
        first_world: number of the first.
        world: which of them. It and all below may differ per member.
        binding: number of the way, see :func:`way`.
        parts: roles used, 1 to 3; tensor has two, fillers and product bind two.
        angle: of rotation, in degrees: the cosine of a concept's two images is that of the angle.

    Raises:
        ToylabError: an odd width, too few concepts for the roles, a number out of range.

    Example:
        >>> Binding().example(jax.random.key(0)).inputs.shape
        (32,)
    """

    concepts: int = 16
    width: int = 32
    worlds: int = 8
    first_world: int = 0
    world: Number = 0
    binding: Number = 2
    parts: Number = 2
    angle: Number = 0.0

    def __post_init__(self) -> None:
        check_number("Binding", "concepts", self.concepts, ROLES, 10_000, whole=True)
        check_number("Binding", "width", self.width, 2, 10_000, whole=True)
        check_number("Binding", "worlds", self.worlds, 1, 10_000, whole=True)
        check_number("Binding", "first_world", self.first_world, 0, whole=True)
        if self.width % 2:
            raise ToylabError(
                f"Binding: width = {self.width} is odd; a rotation of every vector needs planes, "
                "and tensor two halves, so give an even one."
            )
        check_number("Binding", "world", self.world, 0, self.worlds - 1, whole=True)
        check_number("Binding", "binding", self.binding, 0, len(WAYS) - 1, whole=True)
        check_number("Binding", "parts", self.parts, 1, ROLES, whole=True)
        check_number("Binding", "angle", self.angle, 0, 90)
        numbers = (self.binding, self.parts)
        if not any(isinstance(n, Tracer) for n in numbers) and numbers == (way("tensor"), ROLES):
            raise ToylabError("Binding: tensor has 2 roles, not 3; give parts = 2 or another way.")

    def _images(self) -> tuple[Array, Array]:
        """Role images (K, N, D) of this member's way, and its concepts (N, D)."""
        numbers = range(self.first_world, self.first_world + self.worlds)
        found = [world(self.concepts, self.width, number) for number in numbers]
        at, which = (jnp.asarray(n).astype(jnp.int32) for n in (self.world, self.binding))
        images = jnp.asarray(np.stack([w.images for w in found]), jnp.float32)
        f_ND = jnp.asarray(np.stack([w.concepts for w in found]), jnp.float32)[at]
        image_KND = images[at, jnp.minimum(which, len(SUMS) - 1)]
        role_K = jnp.arange(ROLES, dtype=jnp.float32)
        turn_K11 = (jnp.deg2rad(jnp.asarray(self.angle, jnp.float32)) * role_K)[:, None, None]
        turned_KND = jnp.cos(turn_K11) * f_ND[None] + jnp.sin(turn_K11) * image_KND
        return jnp.where(which == way("rotation"), turned_KND, image_KND), f_ND

    def example(self, key: Array) -> Batch:
        """Draw one vector."""
        return jax.tree.map(lambda leaf: leaf[0], self.batch(key, 1))

    def batch(self, key: Array, size: int) -> Batch:
        """Draw vectors of concepts that are all different."""
        u_B6 = random.once(random.uniform(key, (size, 2 * ROLES)))
        chosen_BK = _different(u_B6[:, :ROLES], self.concepts)
        low, high = AMPLITUDES
        amplitude_BK = np.float32(low) + np.float32(high - low) * u_B6[:, ROLES:]
        which, parts = (jnp.asarray(n).astype(jnp.int32) for n in (self.binding, self.parts))
        pairs = which >= len(SUMS)
        used_K = jnp.arange(ROLES, dtype=jnp.int32) < jnp.where(pairs, 2, parts)
        amplitude_BK = jnp.where(used_K[None], amplitude_BK, np.float32(0))
        amplitude_BK = jnp.where(pairs, amplitude_BK.at[:, 1].set(0), amplitude_BK)
        chosen_BK = jnp.where(used_K[None], chosen_BK, -1)
        x_BD = self.vectors(chosen_BK, amplitude_BK)
        latents = {"concepts": chosen_BK, "amplitudes": amplitude_BK}
        return Batch(x_BD, x_BD, jnp.ones((size, 1), jnp.float32), latents)

    def vectors(
        self, chosen_BK: Int[Array, "B K"], amplitude_BK: Float[Array, "B K"]
    ) -> Float[Array, "B D"]:
        """Bind chosen concepts with amplitudes, K of both; roles beyond ``parts`` are left out."""
        image_KND, f_ND = self._images()
        which, parts = (jnp.asarray(n).astype(jnp.int32) for n in (self.binding, self.parts))
        role_K = jnp.arange(ROLES, dtype=jnp.int32)
        used_BK = jnp.where(role_K[None] < parts, amplitude_BK, np.float32(0))
        sum_BD = jnp.sum(used_BK[..., None] * image_KND[role_K[None], chosen_BK], 1)
        one_BD, two_BD = f_ND[chosen_BK[:, 0]], f_ND[chosen_BK[:, 1]]
        lag_DD = (np.arange(self.width)[:, None] - np.arange(self.width)) % self.width
        convolved_BD = jnp.sum(one_BD[:, lag_DD] * two_BD[:, None], -1)
        product_BD = np.float32(np.sqrt(self.width)) * one_BD * two_BD
        pair_BD = jnp.where(which == way("fillers"), convolved_BD, product_BD)
        return jnp.where(which >= len(SUMS), amplitude_BK[:, :1] * pair_BD, sum_BD)

    def consistent(self, batch: Batch) -> np.ndarray:
        """Whether the vector is that of its concepts and amplitudes, all of them different."""
        name = WAYS[int(np.asarray(self.binding))]
        number = self.first_world + int(np.asarray(self.world))
        size = self.concepts, self.width, number
        chosen_BK, amplitude_BK = (np.asarray(batch.latents[n]) for n in ("concepts", "amplitudes"))
        if name in SUMS:
            image_KND = role_images(*size, name, float(np.asarray(self.angle)))
            x_BD = np.einsum("bk,bkd->bd", amplitude_BK, image_KND[np.arange(ROLES), chosen_BK])
        else:
            pair_BD = pair_vectors(*size, name)[chosen_BK[:, 0], chosen_BK[:, 1]]
            x_BD = amplitude_BK[:, :1] * pair_BD
        parts = int(np.asarray(self.parts)) if name in SUMS else 2
        used_BP = np.sort(chosen_BK[:, :parts], 1)
        apart_B = (np.diff(used_BP, axis=1) > 0).all(1) & (used_BP >= 0).all(1)
        near_B = np.all(np.abs(np.asarray(batch.inputs) - x_BD) < 1e-5, 1)
        return np.logical_and(apart_B, near_B)

    def bayes_loss(self) -> float:
        """0: the target is the input."""
        return 0.0


def _different(u_BK: Array, count: int) -> Array:
    """Turn uniform numbers into different ones of ``count``, each as likely."""
    chosen: list[Array] = []
    for k in range(u_BK.shape[1]):
        pick_B = random.pick(u_BK[:, k], jnp.int32(count - k))
        if chosen:  # step over those before, the least first
            for taken_B in jnp.unstack(jnp.sort(jnp.stack(chosen, 1), axis=1), axis=1):
                pick_B = pick_B + (pick_B >= taken_B).astype(jnp.int32)
        chosen.append(pick_B)
    return jnp.stack(chosen, 1)


class Pairs(NamedTuple):
    """All O ordered pairs, each T times.

    Attributes:
        concepts: a pair with a third concept, all different (O, 3).
        amplitudes: (O, T, 3).
        swapped: number of the pair the other way round (O,).
    """

    concepts: Int[np.ndarray, "O 3"]
    amplitudes: Float[np.ndarray, "O T 3"]
    swapped: Int[np.ndarray, " O"]


def ordered_pairs(concepts: int, times: int, seed: int = 0) -> Pairs:
    """Every ordered pair of different concepts, each several times with new amplitudes.

    Example:
        >>> found = ordered_pairs(3, 2)
        >>> found.concepts[:2].tolist(), found.swapped.tolist()
        ([[0, 1, 2], [0, 2, 1]], [2, 4, 0, 5, 1, 3])
    """
    pairs = [(i, j) for i in range(concepts) for j in range(concepts) if i != j]
    place = {pair: o for o, pair in enumerate(pairs)}
    chosen_O3 = np.array([(i, j, min({0, 1, 2} - {i, j})) for i, j in pairs], np.int32)
    low, high = AMPLITUDES
    drawn = np.random.default_rng(seed).uniform(low, high, (len(pairs), times, 3))
    swapped_O = np.array([place[j, i] for i, j in pairs])
    return Pairs(chosen_O3, drawn.astype(np.float32), swapped_O)


def examples() -> tuple[Task, ...]:
    """Small tasks, for the conformance suite."""
    return (
        Binding(6, 8, 2, world=1, binding=way("matrix"), parts=3),
        Binding(5, 6, 2, first_world=3, binding=way("fillers"), angle=30.0),
    )
