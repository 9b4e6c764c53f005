"""Feature visualisation: the input that a unit likes best, by gradient ascent.

An optimum may be adversarial: put its activation beside the largest of natural inputs. A saturated
softmax has no gradient: ascend a logit.

Source: Olah, Mordvintsev and Schubert 2017, "Feature visualization" (distill 10.23915/00007).
"""

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import Array
from jaxtyping import Float

from toylab import random
from toylab.errors import ToylabError, check_number
from toylab.task import Number


class Visualised(NamedTuple):
    """Inputs that a unit likes.

    Attributes:
        inputs: one for each start (S, ...).
        values: of the unit there, without penalty (S,).
    """

    inputs: Float[Array, "S ..."]
    values: Float[Array, " S"]


def visualise(
    unit: Callable[[Array], Array],
    key: Array,
    shape: tuple[int, ...],
    starts: int = 4,
    steps: int = 256,
    rate: float = 0.05,
    radius: Number | None = 1.0,
    penalty: Callable[[Array], Array] | None = None,
    diversity: float = 0.0,
) -> Visualised:
    """Ascend ``sum_s a(x_s) - penalty(x_s)`` from noise, by Adam, inside a ball.

    An input longer than ``radius`` stands for the point of the ball in its direction. (Put back on
    the ball after each step of Adam, it would end where the signs of its gradient are its own:
    Adam's steps are as large along every axis.) With ``diversity`` its
    product with the mean cosine between starts is taken off, so that they find different facets.
    Pure JAX: ``jax.vmap`` takes it over networks.

    Args:
        unit: from one input to one number.
        key: of the starts, which are standard normal and cut to the ball.
        shape: of one input.
        starts: S.
        steps: of Adam.
        rate: Adam's learning rate.
        radius: of the ball; None sets no bound, and then a penalty has to.
        penalty: from one input to one number, such as :func:`total_variation`.
        diversity: weight of the mean cosine, at least 0.

    Raises:
        ToylabError: a number out of range, or neither a radius nor a penalty.

    Source: Olah et al. 2017, whose diversity is of Gram matrices of activations.

    Example:
        >>> w = jnp.array([3.0, 4.0])
        >>> found = visualise(lambda x: x @ w, jax.random.key(0), (2,))
        >>> np.asarray(found.inputs[0], float).round(2).tolist()
        [0.6, 0.8]
    """
    for name, value in (("starts", starts), ("steps", steps)):
        check_number("visualise", name, value, low=1, whole=True)
    check_number("visualise", "rate", rate, above=0)
    check_number("visualise", "diversity", diversity, low=0)
    if radius is None and penalty is None:
        raise ToylabError("visualise: no radius and no penalty; give one, or inputs grow forever.")
    cut = (lambda x: x) if radius is None else (lambda x: _in_ball(x, radius))

    def liked(x_S: Array) -> Array:
        x_S = cut(x_S)
        score = jnp.sum(jax.vmap(unit)(x_S)) - diversity * _mean_cosine(x_S)
        return score if penalty is None else score - jnp.sum(jax.vmap(penalty)(x_S))

    start = cut(random.normal(key, (starts, *shape)))
    inputs = cut(ascend(liked, start, steps, rate))
    return Visualised(inputs, jax.vmap(unit)(inputs))


def ascend(score: Callable[[Array], Array], start: Array, steps: int, rate: float) -> Array:
    """Return where Adam comes to as it raises a score.

    Its rate falls to 0 as a half cosine, so that the end does not hang on the last steps.
    """
    gradient = jax.grad(score)

    def step(carry: tuple, i: Array) -> tuple:
        x, mean, square = carry
        g = gradient(x)
        mean, square = 0.9 * mean + 0.1 * g, 0.999 * square + 0.001 * g**2
        unbiased = mean / (1 - 0.9 ** (i + 1)), square / (1 - 0.999 ** (i + 1))
        now = rate * 0.5 * (1 + jnp.cos(jnp.pi * i / steps))
        x = x + now * unbiased[0] / (jnp.sqrt(unbiased[1]) + 1e-8)
        return (x, mean, square), None

    zero = jnp.zeros_like(start)
    (x, _, _), _ = jax.lax.scan(step, (start, zero, zero), jnp.arange(steps, dtype=jnp.float32))
    return x


def total_variation(image: Float[Array, "H W"]) -> Float[Array, ""]:
    """Sum of squared differences of neighbouring pixels.

    Example:
        >>> float(total_variation(jnp.array([[0.0, 1.0], [0.0, 3.0]])))
        14.0
    """
    return sum(jnp.sum(jnp.diff(image, axis=axis) ** 2) for axis in (0, 1))  # type: ignore[return-value]


def _in_ball(x_S: Array, radius: Number) -> Array:
    square = jnp.sum(x_S**2, tuple(range(1, x_S.ndim)), keepdims=True)
    return x_S * jnp.where(square > radius**2, radius * jax.lax.rsqrt(square), 1.0)


def _mean_cosine(x_S: Array) -> Array:
    flat = x_S.reshape(len(x_S), -1)
    unit = flat * jax.lax.rsqrt(jnp.sum(flat**2, 1, keepdims=True) + 1e-12)
    pairs = max(len(flat) * (len(flat) - 1), 1)
    return (jnp.sum(unit @ unit.T) - jnp.sum(unit**2)) / pairs
