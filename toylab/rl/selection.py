"""Selection: the best of K samples by a score, by a judge who errs, and the laws of what is chosen.

Shape suffixes: X outcomes, S scores in ascending order, K samples.
"""

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jaxtyping import Bool, Float
from scipy.stats import binom

from toylab import random
from toylab.errors import ToylabError, check_number
from toylab.task import Number


def selection_law(
    p_X: Float[np.ndarray, " X"], score_XS: Float[np.ndarray, "X S"], k: int
) -> Float[np.ndarray, " X"]:
    """Law of the best of K independent samples by a score that may be random, ties broken evenly.

    ``P(x) = sum_s p(x) q(s | x) (F(s)^K - F(s-)^K) / f(s)``, with ``f`` the law of a sample's score
    and ``F`` its distribution function: ``F(x)^K - F(x-)^K`` if each x has a score of its own.

    Args:
        p_X: law of a sample.
        score_XS: law of the score of each outcome, scores in ascending order.
        k: K, at least 1; below that, or with laws that do not sum to 1, a ToylabError.
    """
    check_number("selection_law", "k", k, 1, whole=True)
    p_X, score_XS = (np.asarray(x, np.float64) for x in (p_X, score_XS))
    for name, law in (("p_X", p_X[None]), ("score_XS", score_XS)):
        if (law < 0).any() or not np.allclose(law.sum(-1), 1):
            raise ToylabError(f"selection_law: {name} is no law; give chances that sum to 1.")
    both_XS = p_X[:, None] * score_XS
    f_S = both_XS.sum(0)
    upto_S = np.cumsum(f_S)
    upto_S = upto_S / upto_S[-1]
    won_S = np.diff(upto_S**k, prepend=0.0)
    return both_XS @ np.divide(won_S, f_S, out=np.zeros_like(f_S), where=f_S > 0)


def votes_law(
    right_X: Bool[np.ndarray, " X"], error: float, votes: int
) -> Float[np.ndarray, "X votes+1"]:
    """Law of the number of votes that say yes, of ``votes`` that are each wrong with one chance.

    Args:
        right_X: whether yes is the right answer.
        error: chance of a wrong vote, in [0, 0.5].
        votes: number of votes.

    Raises:
        ToylabError: an error above a half, which would be a judge of the contrary.
    """
    check_number("votes_law", "error", error, 0, 0.5)
    check_number("votes_law", "votes", votes, 1, whole=True)
    yes_X = np.where(right_X, 1 - error, error)
    return binom.pmf(np.arange(votes + 1)[None], votes, yes_X[:, None])


def chosen(right_K: Bool[Array, " K"], key: Array, error: Number, votes: int) -> Array:
    """Return the place of the sample with the most votes, ties broken evenly.

    A vote says whether a sample is right, and is wrong with chance ``error``: at 0.5 the choice is
    random.

    Args:
        right_K: whether each sample is right.
        key: a typed key.
        error: chance of a wrong vote; may be traced.
        votes: votes on each sample.

    Source:
        Scheurer et al. 2023 (arXiv:2303.16755): a language model asked in several ways whether a
        refinement incorporates feedback, the mean of its answers taken.
    """
    u_KJ = random.uniform(key, (len(right_K), votes + 1))
    wrong_KJ = u_KJ[:, 1:] < jnp.asarray(error, jnp.float32)
    yes_K = jnp.sum((wrong_KJ != right_K[:, None]).astype(jnp.float32), 1)
    return jnp.argmax(yes_K + u_KJ[:, 0]).astype(jnp.int32)


def take(rows_BK: Array, place_B: Array) -> Array:
    """Return row ``place_B`` of each example's K, whatever its further axes."""
    return jax.vmap(lambda rows, place: rows[place])(rows_BK, place_B)
