"""Scenes: small pictures with one object that counts, one that does not, and several questions.

A world of this laboratory for methods that need a known answer: which pixels decide, which concept
belongs to a rule, which of several rules is meant.
"""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jaxtyping import Bool, Float, Int

from toylab import random
from toylab.errors import check_number
from toylab.task import Batch, Number, Task

SIDE, BOX = 8, 3
PIXELS = SIDE * SIDE
RULES = ("shape", "colour", "place", "kind")
NO_CUE = len(RULES)
# Random numbers of a scene, and how many values each has.
FACTORS = {
    "shape": 4,
    "colour": 4,
    "place": 4,
    "row": 2,
    "column": 2,
    "stripes": 2,
    "phase": 2,
    "other_shape": 4,
    "other_place": 3,  # counted from the object's place
    "other_row": 2,
    "other_column": 2,
    "cue": 5,
    "answered": 4,
}
# Five pixels each, so that brightness gives nothing away: plus, cross, T and L.
SHAPES = np.array(
    [
        [[0, 1, 0], [1, 1, 1], [0, 1, 0]],
        [[1, 0, 1], [0, 1, 0], [1, 0, 1]],
        [[1, 1, 1], [0, 1, 0], [0, 1, 0]],
        [[1, 0, 0], [1, 0, 0], [1, 1, 1]],
    ],
    np.float32,
)
# Red and yellow are warm; green and blue are not.
COLOURS = np.array([[1, 0, 0], [1, 1, 0], [0, 1, 0], [0, 0, 1]], np.float32)
GREY, STRIPE, CUE = 0.5, 0.3, 2.0


def _placed(patterns: np.ndarray) -> np.ndarray:
    """Patterns (n, 3, 3) at each of 16 spots, (n * 16, 64): place, then row, then column."""
    table = np.zeros((len(patterns), 4, 2, 2, SIDE, SIDE), np.float32)
    for i, place, row, column in np.ndindex(*table.shape[:4]):
        y, x = 4 * (place // 2) + row, 4 * (place % 2) + column
        table[i, place, row, column, y : y + BOX, x : x + BOX] = patterns[i]
    return table.reshape(-1, PIXELS)


def _lines() -> np.ndarray:
    """Vertical stripes of both phases, (2, 64)."""
    columns = np.arange(SIDE) % 2
    return np.stack([np.tile(columns == phase, (SIDE, 1)) for phase in (0, 1)]).reshape(2, PIXELS)


@dataclasses.dataclass(frozen=True)
class Scenes(Task):
    """Pictures of 8 x 8 pixels in three colours, with a cue that says which rule is asked for.

    A coloured object of one of four shapes stands in one of four quarters; a grey one, of any
    shape, stands in another and never counts. The ground is plain or has faint stripes; every
    pixel has noise. Rules, each with four answers: ``shape``, ``colour``, ``place``, and ``kind``,
    which is 2 [striped] + [warm colour]. Inputs (196,): the picture, row by row with colours
    last, then the cue, 2 at the rule's index. Without a cue the answer follows a random rule.

    Latents: ``factors`` (13,) in the order of ``FACTORS``; ``labels`` (4,) under every rule;
    ``rule``, the one answered; ``mask`` and ``other`` (64,), the boxes of both objects.

    Args:
        rule: 0 to 3 for one rule; -1 draws one of the four, or no cue, anew for each scene.
            May differ per member.
        noise: standard deviation of each pixel's noise.

    Raises:
        ToylabError: a number out of range.

    Example:
        >>> Scenes().batch(jax.random.key(0), 3).inputs.shape
        (3, 196)
    """

    rule: Number = -1
    noise: Number = 0.15

    def __post_init__(self) -> None:
        check_number("Scenes", "rule", self.rule, low=-1, high=len(RULES) - 1, whole=True)
        check_number("Scenes", "noise", self.noise, low=0)

    @property
    def n_inputs(self) -> int:
        """Numbers of a scene and its cue."""
        return 3 * PIXELS + len(RULES)

    def example(self, key: Array) -> Batch:
        """Sample one scene."""
        return jax.tree.map(lambda leaf: leaf[0], self.batch(key, 1))

    def batch(self, key: Array, size: int) -> Batch:
        """Sample ``size`` scenes; of one key, other rules ask about the same pictures."""
        to_factors, to_noise = jax.random.split(key)
        counts = np.array(list(FACTORS.values()), np.float32)
        u = jax.lax.optimization_barrier(random.uniform(to_factors, (size, len(counts))))
        found = (u * counts[None]).astype(jnp.int32)
        factors = jnp.minimum(found, (counts - 1).astype(np.int32)[None])
        noise = jax.lax.optimization_barrier(random.normal(to_noise, (size, 3 * PIXELS)))
        picture = paint(factors) + noise * jnp.asarray(self.noise, jnp.float32)
        wanted = jnp.asarray(self.rule).astype(jnp.int32)
        cue_B = jnp.where(wanted < 0, _of(factors, "cue"), wanted)
        rule_B = jnp.where(cue_B < NO_CUE, cue_B, _of(factors, "answered"))
        labels = labels_of(factors)
        mask, other = boxes(factors)
        latents = {"factors": factors, "labels": labels, "rule": rule_B}
        latents |= {"mask": mask, "other": other}
        target_B = jnp.take_along_axis(labels, rule_B[:, None], 1)[:, 0]
        return Batch(cued(picture, cue_B), target_B, jnp.ones(size, jnp.float32), latents)

    def consistent(self, batch: Batch) -> np.ndarray:
        """Per scene: the picture is what the factors say, but for noise; so are other latents."""
        said = {name: np.asarray(leaf) for name, leaf in batch.latents.items()}
        clean = np.asarray(paint(jnp.asarray(said["factors"])))
        found = np.asarray(batch.inputs)
        near = np.abs(found[:, : 3 * PIXELS] - clean).max(1) <= 8 * np.asarray(self.noise) + 1e-6
        cue = found[:, 3 * PIXELS :]
        asked = (cue.max(1) == 0) | (cue.argmax(1) == said["rule"])
        labels = np.asarray(labels_of(jnp.asarray(said["factors"])))
        rows = np.arange(len(labels))
        answered = labels[rows, said["rule"]] == np.asarray(batch.targets)
        same = (labels == said["labels"]).all(1)
        for name, box in zip(("mask", "other"), boxes(jnp.asarray(said["factors"])), strict=True):
            same &= (np.asarray(box) == said[name]).all(1)
        return near & asked & answered & same

    def uniform_loss(self) -> float:
        """``log 4``."""
        return float(np.log(4))


def _of(factors: Int[Array, "B F"], name: str) -> Int[Array, " B"]:
    return factors[:, list(FACTORS).index(name)]


def _spots(factors: Int[Array, "B F"]) -> tuple[Array, Array]:
    """Spot of the object and of the grey one, 0 to 15 each."""
    place = _of(factors, "place")
    other = (place + 1 + _of(factors, "other_place")) % 4
    spot = 4 * place + 2 * _of(factors, "row") + _of(factors, "column")
    return spot, 4 * other + 2 * _of(factors, "other_row") + _of(factors, "other_column")


def paint(factors: Int[Array, "B F"]) -> Float[Array, "B pixels"]:
    """Pictures (B, 192) without noise: objects on the ground, which shows between their pixels."""
    spot, other_spot = _spots(factors)
    table = jnp.asarray(_placed(SHAPES))
    object_BP = table[16 * _of(factors, "shape") + spot]
    other_BP = table[16 * _of(factors, "other_shape") + other_spot]
    lines_BP = jnp.asarray(_lines(), jnp.float32)[_of(factors, "phase")]
    lines_BP = lines_BP * (STRIPE * _of(factors, "stripes").astype(jnp.float32))[:, None]
    ground_BP = lines_BP * (1 - object_BP) * (1 - other_BP) + GREY * other_BP
    colour_B3 = jnp.asarray(COLOURS)[_of(factors, "colour")]
    picture = ground_BP[:, :, None] + object_BP[:, :, None] * colour_B3[:, None]
    return picture.reshape(len(factors), -1)


def labels_of(factors: Int[Array, "B F"]) -> Int[Array, "B R"]:
    """The answer under each rule, in the order of ``RULES``."""
    colour = _of(factors, "colour")
    kind = 2 * _of(factors, "stripes") + (colour < 2).astype(jnp.int32)
    return jnp.stack([_of(factors, "shape"), colour, _of(factors, "place"), kind], axis=1)


def boxes(factors: Int[Array, "B F"]) -> tuple[Bool[Array, "B P"], Bool[Array, "B P"]]:
    """The 9 pixels around the object, and around the grey one."""
    table = jnp.asarray(_placed(np.ones((1, BOX, BOX), np.float32))) > 0
    spot, other_spot = _spots(factors)
    return table[spot], table[other_spot]


def cued(picture: Float[Array, "B pixels"], cue: Int[Array, " B"]) -> Float[Array, "B inputs"]:
    """Pictures with a cue each; ``NO_CUE`` for none."""
    hot = CUE * jax.nn.one_hot(cue, len(RULES), dtype=jnp.float32)
    return jnp.concatenate([picture, hot], axis=1)


def examples() -> tuple[Task, ...]:
    """Small tasks, for the conformance suite."""
    return Scenes(), Scenes(3)
