"""The quadratic network of Gilmer et al. 2018, whose decision boundary is an ellipsoid."""

import dataclasses

import jax.numpy as jnp
from jax import Array
from jaxtyping import Float

from toylab import random
from toylab.errors import ToylabError, check_number
from toylab.show.cards import ModelCard
from toylab.taps import Params, Tap, identity


@dataclasses.dataclass(frozen=True)
class Ellipsoid(ModelCard):
    """``f(x) = w sum_h (W x)_h^2 + b``; logits are 0 for label 0 and f for label 1.

    All hidden units share one outgoing weight, so with w > 0 > b the boundary f = 0 is the
    ellipsoid ``sum_i alpha_i z_i^2 = 1`` in the right singular vectors of W, with ``alpha_i = w
    s_i^2 / (-b)``. Weights W start as N(0, 1 / hidden), w as 1 and b as -1, which makes the alphas
    1 on average.

    Args:
        n_in: D, length of the input.
        hidden: H, number of squares; below D some alphas are 0.

    Raises:
        ToylabError: a size below 1, or inputs that are not (B, D).

    Source:
        Gilmer et al. 2018 (arXiv:1801.02774), section 4; the start is this laboratory's.

    Example:
        >>> import jax
        >>> model = Ellipsoid(n_in=3, hidden=6)
        >>> model.apply(model.init(jax.random.key(0)), jnp.ones((4, 3))).shape
        (4, 2)
    """

    n_in: int
    hidden: int

    def __post_init__(self) -> None:
        check_number("Ellipsoid", "n_in", self.n_in, low=1, whole=True)
        check_number("Ellipsoid", "hidden", self.hidden, low=1, whole=True)

    @property
    def sites(self) -> tuple[str, ...]:
        """``pre`` and ``post`` (B, H), ``logits`` (B, 2)."""
        return ("pre", "post", "logits")

    def init(self, key: Array) -> Params:
        """Draw ``W`` (H, D); ``w`` and ``b`` are numbers."""
        std = jnp.float32(self.hidden**-0.5)
        one = jnp.ones((), jnp.float32)
        return {"W": std * random.normal(key, (self.hidden, self.n_in)), "w": one, "b": -one}

    def apply(
        self, params: Params, inputs: Float[Array, "B D"], tap: Tap = identity
    ) -> Float[Array, "B 2"]:
        """Map points to logits, calling ``tap`` at every site."""
        if inputs.ndim != 2 or inputs.shape[1] != self.n_in:
            raise ToylabError(f"Ellipsoid: inputs of shape {inputs.shape}; give (B, {self.n_in}).")
        post_BH = tap("post", jnp.square(tap("pre", inputs @ params["W"].T)))
        f_B = params["w"] * jnp.sum(post_BH, -1) + params["b"]
        return tap("logits", jnp.stack([jnp.zeros_like(f_B), f_B], -1))
