"""Prototype inputs: an embedding that an answer likes best, and the token nearest to it.

Source: Rumbelow and Watkins 2023, "SolidGoldMagikarp (plus, prompt generation)" (LessWrong), whose
search pulls each embedding to its nearest token as it raises a logit.
"""

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jaxtyping import Float, Int
from numpy.typing import ArrayLike

from toylab.analysis.inputs.visualise import ascend
from toylab.errors import ToylabError, check_number
from toylab.task import Number


class Prototypes(NamedTuple):
    """What a target likes best.

    Attributes:
        vectors: the embedding found, best of its starts (T, D).
        tokens: nearest token by distance (T,).
        values: score of the embedding (T,).
        gaps: how much more that is than the score of its best single token (T,).
    """

    vectors: Float[Array, "T D"]
    tokens: Int[Array, " T"]
    values: Float[Array, " T"]
    gaps: Float[Array, " T"]


def prototypes(
    score: Callable[[Array], Float[Array, " T"]],
    embedding: Float[Array, "V D"],
    targets: Int[Array, " T"],
    start: Int[Array, " S"],
    pull: Number = 1.0,
    steps: int = 128,
    rate: float = 0.05,
) -> Prototypes:
    """Raise each target's score over embeddings that are pulled to the nearest token.

    Ascends ``score_t(e) - pull min_v |e - E_v|^2`` by Adam, from the embeddings of some tokens, and
    keeps the start that comes highest. The nearest token goes by distance: by dot product long
    embeddings would win. Pure JAX: ``jax.vmap`` takes it over networks.

    Args:
        score: from an embedding (D,) to a score of every target; give logits or log probabilities
            that are not saturated.
        embedding: of all tokens that may be found.
        targets: which scores to raise.
        start: tokens to begin at.
        pull: weight of the squared distance, at least 0.
        steps: of Adam.
        rate: its learning rate.

    Raises:
        ToylabError: a number out of range, or an embedding that is not (V, D).

    Example:
        >>> tokens = jnp.eye(3)
        >>> found = prototypes(lambda e: e, tokens, jnp.array([0, 2]), jnp.arange(3))
        >>> found.tokens.tolist()
        [0, 2]
    """
    check_number("prototypes", "steps", steps, low=1, whole=True)
    check_number("prototypes", "rate", rate, above=0)
    check_number("prototypes", "pull", pull, low=0)
    if jnp.ndim(embedding) != 2:
        raise ToylabError(f"prototypes: embedding of shape {jnp.shape(embedding)}; give (V, D).")
    targets = jnp.asarray(targets)
    every = jax.vmap(score)(embedding)  # of each token on each target

    def distances(e_D: Array) -> Array:
        return jnp.sum((embedding - e_D[None]) ** 2, 1)

    def one(target: Array) -> tuple[Array, ...]:
        own = lambda e_D: score(e_D)[target] - pull * jnp.min(distances(e_D))
        total = lambda e_SD: jnp.sum(jax.vmap(own)(e_SD))
        found_SD = ascend(total, embedding[jnp.asarray(start)], steps, rate)
        best_D = found_SD[jnp.argmax(jax.vmap(own)(found_SD))]
        value = score(best_D)[target]
        return best_D, jnp.argmin(distances(best_D)), value, value - jnp.max(every[:, target])

    return Prototypes(*jax.lax.map(one, targets))


def from_the_mean(embedding: Float[ArrayLike, "*lead V D"]) -> Float[np.ndarray, "*lead V"]:
    """Length of each embedding less the mean of all: small for tokens that training never saw.

    With weight decay they shrink to the origin; without, they stay where they began, and only as
    far as trained ones have moved away do they stand out.

    Source: Rumbelow and Watkins 2023: tokens nearest the centroid.

    Example:
        >>> from_the_mean([[1.0, 0.0], [0.0, 1.0], [0.5, 0.5]]).round(3).tolist()
        [0.707, 0.707, 0.0]
    """
    e = np.asarray(embedding, np.float64)
    return np.linalg.norm(e - e.mean(-2, keepdims=True), axis=-1)
