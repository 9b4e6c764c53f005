"""CountDown's prompts alone, for sampling and reward."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jaxtyping import Float, Int

from toylab import random
from toylab.task import Batch, Task

from .countdown_instances import SPLITS, Split, draw_instance, hands, instances, solved
from .countdown_rules import Rules


@dataclasses.dataclass(frozen=True)
class CountdownPrompts(Rules, Task):
    """Prompts alone, for sampling and reward; ``split()`` lists every instance.

    Latents: ``target``, ``numbers`` (N,), and ``key`` (2,), random bits for whoever samples.

    Args:
        split: ``train``, or held-out ``numbers`` (hands) or ``targets``.

    Raises:
        ToylabError: what :class:`Rules` refuses.

    Example:
        >>> CountdownPrompts().batch(jax.random.key(0), 3).inputs.shape
        (3, 7)
    """

    part: Split = "train"

    def __post_init__(self) -> None:
        super().__post_init__()
        instances(self.rules, self.part)

    @property
    def rules(self) -> Rules:
        """The rules alone."""
        return Rules(*(getattr(self, f.name) for f in dataclasses.fields(Rules)))

    def example(self, key: Array) -> Batch:
        """Draw one prompt."""
        bits = random.bits(key, (3 + self.numbers,))
        u = bits.astype(jnp.float32) * random.SCALE
        hand_N, target = draw_instance(self.rules, self.part, u[2], u[3:])
        return self._prompt(hand_N, target, bits[:2])

    def _prompt(self, hand_N: Array, target: Array, bits: Array) -> Batch:
        prompt = self.rules.prompt(hand_N, target, jnp)
        key = jax.lax.bitcast_convert_type(bits, jnp.int32)
        latents = {"target": target, "numbers": hand_N, "key": key}
        return Batch(prompt, prompt, jnp.ones(self.prompt_length, jnp.float32), latents)

    def split(self) -> dict[str, Batch]:
        """Every instance of each split, its numbers in ascending order."""
        return {name: self.every(name) for name in SPLITS}

    def every(self, split: Split) -> Batch:
        """Every instance of a split, its numbers in ascending order; keys are its places."""
        table = instances(self.rules, split)
        hand_IN = jnp.asarray(hands(self.rules)[table[:, 0]])
        place_I = jnp.arange(len(table), dtype=jnp.uint32)
        bits_I2 = jnp.stack([jnp.zeros_like(place_I), place_I], 1)
        return jax.vmap(self._prompt)(hand_IN, jnp.asarray(table[:, 1]), bits_I2)

    def reward(self, tokens_BL: Int[Array, "B L"], _: Batch | None = None) -> Float[Array, " B"]:
        """1 for a trace whose answer is right
        (:func:`toylab.tasks.countdown.countdown_instances.solved`), or 0."""
        return jax.vmap(lambda tokens: solved(self.rules, tokens))(tokens_BL).astype(jnp.float32)

    def consistent(self, batch: Batch) -> np.ndarray:
        """Per example: the prompt is that of its numbers and target."""
        told = zip(
            np.asarray(batch.latents["numbers"]), np.asarray(batch.latents["target"]), strict=True
        )
        own = np.stack([self.rules.prompt(numbers, target) for numbers, target in told])
        return (own == np.asarray(batch.inputs)).all(1)


def examples() -> tuple[Task, ...]:
    """A small task, for the conformance suite."""
    return (CountdownPrompts(largest=6, high=20, top=36),)
