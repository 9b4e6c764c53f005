"""Knowledge neurons: MLP units that carry a fact, found by integrated gradients.

F units.

Source: Dai et al. 2022, "Knowledge Neurons in Pretrained Transformers" (2104.08696), with the code
of EleutherAI; integrated gradients: Sundararajan et al. 2017 (1703.01365).
"""

from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jaxtyping import ArrayLike, Bool, Float

from toylab.errors import check_number


def integrated_gradients(
    f: Callable[[Array], Array], x: Float[Array, "..."], steps: int = 20
) -> Float[Array, "..."]:
    """Attribution of ``f(x) - f(0)`` to the entries of x: ``x * integral_0^1 df/dx(a x) da``.

    The integral is the midpoint rule of ``steps`` points; attributions add up to ``f(x) - f(0)`` as
    their number grows.

    Args:
        f: from activations to one number, a probability of the right answer.
        x: activations, of any shape.
        steps: points of the integral; 20 in the source.

    Source: Dai et al. 2022, equation 4.

    Example:
        >>> found = integrated_gradients(lambda x: x[0] * x[1], jnp.array([2.0, 3.0]))
        >>> np.asarray(found).round(3).tolist()
        [3.0, 3.0]
    """
    check_number("integrated_gradients", "steps", steps, low=1, whole=True)
    gradient = jax.grad(f)
    at = (jnp.arange(steps, dtype=jnp.float32) + 0.5) / steps
    total, _ = jax.lax.scan(lambda sum_, a: (sum_ + gradient(a * x), None), jnp.zeros_like(x), at)
    return x * total / steps


def top_neurons(attribution: Float[ArrayLike, "*lead F"], k: int) -> Bool[np.ndarray, "*lead F"]:
    """Mark the k units of largest attribution, in each row.

    Raises:
        ToylabError: k is not between 1 and F.
    """
    score = np.asarray(attribution)
    check_number("top_neurons", "k", k, low=1, high=score.shape[-1], whole=True)
    chosen = np.zeros(score.shape, bool)
    np.put_along_axis(chosen, np.argsort(-score, axis=-1, kind="stable")[..., :k], True, -1)
    return chosen
