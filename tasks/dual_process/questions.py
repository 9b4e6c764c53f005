"""Tests of parts of speech: usual words, words in the other role, and words never seen.

B questions.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from .parts_of_speech import PartsOfSpeech

DECILES = 10
SETS = ("usual", "switched", "unseen")


class Questions(NamedTuple):
    """Sequences of one kind.

    Attributes:
        inputs, targets: as in the task's batches (B, 7).
        pair: the two words, noun and adjective (B, 2).
        decile: tenth of the frequency ranks, 0 for the most frequent; -1 where it means nothing.
    """

    inputs: Array
    targets: Array
    pair: Array
    decile: np.ndarray


def draw_questions(task: PartsOfSpeech, size: int, seed: int) -> dict[str, Questions]:
    """Draw ``size`` sequences of each kind.

    ``usual`` follow the law of training. In ``switched`` an adjective stands where nouns do and a
    noun where adjectives do: two words that are not ambiguous, of the same tenth of ranks, so that
    the context is right and memory wrong. In ``unseen`` both words are held out of training.
    """
    rng = np.random.default_rng(seed)
    usual = jax.jit(lambda key: task.batch(key, size))(jax.random.key(seed))
    pair = jnp.stack([usual.latents["noun"], usual.latents["adj"]], 1)
    found = {"usual": Questions(usual.inputs, usual.targets, pair, np.full(size, -1))}
    decile_B = np.arange(size) % DECILES
    clear_2N = ~np.asarray(task.is_ambiguous())
    tenth_N = np.arange(task.n_class) * DECILES // task.n_class
    pick = lambda kind, d: rng.choice(np.flatnonzero(clear_2N[kind] & (tenth_N == d)))
    noun, adj = (np.array([pick(kind, d) for d in decile_B]) for kind in (0, 1))
    found["switched"] = _asked(task, adj + task.n_class, noun, decile_B, rng)
    unseen = rng.permuted(np.tile(task.held, (size, 1)), axis=1)
    found["unseen"] = _asked(task, unseen[:, 0], unseen[:, 1], np.full(size, -1), rng)
    return found


def _asked(
    task: PartsOfSpeech,
    noun: np.ndarray,
    adj: np.ndarray,
    decile: np.ndarray,
    rng: np.random.Generator,
) -> Questions:
    """Sequences of given words, in either order and with either query."""
    coins = rng.integers(0, 2, (2, len(noun)))
    batch = jax.jit(jax.vmap(task.arrange))(
        *(jnp.asarray(x, jnp.int32) for x in (noun, adj, *coins))
    )
    pair = jnp.stack([batch.latents["noun"], batch.latents["adj"]], 1)
    return Questions(batch.inputs, batch.targets, pair, decile)
