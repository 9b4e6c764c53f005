"""Reward-weighted choice: sample a few answers, and pick one by a linear estimate of its reward."""

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jaxtyping import Float, Int

from toylab import random
from toylab.errors import ToylabError, check_number
from toylab.probes.linear import Probe, ridge
from toylab.task import Number


def fit_values(
    features: Float[Array, "*lead N D"],
    answers: Int[Array, "*lead N"],
    rewards: Float[Array, "*lead N"],
    n_answers: int,
    l2: Number = 1.0,
) -> Probe:
    """Fit ``Q(x, a) = w_a . phi(x) + b_a`` to the rewards of sampled answers, by least squares.

    Only an answer that was sampled teaches its own w: the others of an example have no weight.

    Args:
        features: phi of each example, from a frozen model.
        answers: the answer that was sampled, below ``n_answers``.
        rewards: what it earned.
        n_answers: number of answers.
        l2: ridge penalty.

    Returns:
        Probe with one target and a leading axis of answers before N's; see :func:`values`.

    Raises:
        ToylabError: shapes that do not fit.

    Source: Li et al. 2024 (arXiv:2402.14688), the loss of mean squared error.
    """
    check_number("fit_values", "n_answers", n_answers, low=1, whole=True)
    if features.shape[:-1] != answers.shape or answers.shape != rewards.shape:
        raise ToylabError(
            f"fit_values: features {features.shape}, answers {answers.shape} and rewards "
            f"{rewards.shape}; give (..., N, D) and twice (..., N)."
        )
    drawn = jax.nn.one_hot(answers, n_answers, dtype=jnp.float32)
    weights = jnp.moveaxis(drawn, -1, -2)
    shape = (*features.shape[:-2], n_answers, *features.shape[-2:])
    # A tiny weight keeps the fit of an answer that was never sampled well-posed.
    return ridge(
        jnp.broadcast_to(features[..., None, :, :], shape),
        jnp.broadcast_to(rewards[..., None, :, None], (*shape[:-1], 1)),
        l2,
        weights + jnp.float32(1e-6),
    )


def values(probe: Probe, features: Float[Array, "*lead N D"]) -> Float[Array, "*lead N A"]:
    """Return Q of every answer, from the probe of :func:`fit_values`."""
    shape = (*features.shape[:-2], probe.weight.shape[-3], *features.shape[-2:])
    scores = probe.scores(jnp.broadcast_to(features[..., None, :, :], shape))[..., 0]
    return jnp.moveaxis(scores, -2, -1)


def sample(u: Float[Array, "N K"], logits: Float[Array, "N A"]) -> Int[Array, "N K"]:
    """Sample K answers from the softmax of logits, by uniform numbers."""
    cdf = jnp.cumsum(jax.nn.softmax(logits, -1), -1)
    above = (u[:, :, None] > cdf[:, None, :-1]).astype(jnp.int32)
    return above.sum(-1)


def choose(
    key: Array, values_of_samples: Float[Array, "*lead K"], beta: Number
) -> Int[Array, "*lead"]:
    """Pick one of K samples with probability ``softmax(Q / beta)``.

    As K grows the picked answer's law tends to :func:`tilted`; as beta goes to 0 the pick is the
    best of K.

    Args:
        key: random key.
        values_of_samples: Q of each sample.
        beta: temperature; 0 takes the largest.

    Raises:
        ToylabError: a negative temperature.

    Source: Li et al. 2024 (arXiv:2402.14688), section 3.
    """
    check_number("choose", "beta", beta, low=0)
    u = random.uniform(key, values_of_samples.shape) + np.float32(2.0**-33)
    gumbel = -jnp.log(-jnp.log(jnp.minimum(u, np.float32(1 - 2.0**-24))))
    scale = jnp.asarray(beta, jnp.float32)
    return jnp.argmax(values_of_samples + scale * gumbel, -1).astype(jnp.int32)


def best_of(
    key: Array,
    values_of_samples: Float[Array, "N K"],
    rewards: Float[Array, "N K"],
    k: Int[Array, ""],
    beta: Number,
) -> Array:
    """Return the mean reward of the sample that :func:`choose` picks among the first k.

    Args:
        key: random key.
        values_of_samples: Q of each sample.
        rewards: what each sample earns.
        k: from 1 to K; an array, so that one compiled choice serves every k.
        beta: temperature.
    """
    is_sampled = jnp.arange(values_of_samples.shape[1], dtype=jnp.int32) < k
    picked = choose(key, jnp.where(is_sampled[None], values_of_samples, -jnp.inf), beta)
    return jnp.take_along_axis(rewards, picked[:, None], 1).mean()


def tilted(
    prior: Float[Array, "*lead A"], values: Float[Array, "*lead A"], beta: Number
) -> Float[Array, "*lead A"]:
    """Return the policy ``pi(a) = pi0(a) exp(Q(a) / beta) / Z``.

    It maximises ``E_pi Q - beta KL(pi || pi0)``.

    Args:
        prior: pi0, positive.
        values: Q.
        beta: temperature, above 0.

    Source: Li et al. 2024 (arXiv:2402.14688), section 3; Rafailov et al. 2023, equation 4.
    """
    return jax.nn.softmax(jnp.log(prior) + values / jnp.asarray(beta, jnp.float32), axis=-1)
