"""A multilayer perceptron whose every pre- and post-activation is a named site."""

import dataclasses
import functools
from typing import Literal

import jax.numpy as jnp
from flax import nnx
from jax import Array
from jaxtyping import Float

from toylab.errors import ToylabError, check_number, nearest
from toylab.models.layers import ACTIVATIONS, built, draw_weights, linear
from toylab.show.cards import ModelCard
from toylab.taps import Params, Tap, identity
from toylab.task import Number


@dataclasses.dataclass(frozen=True)
class MLP(ModelCard):
    """A multilayer perceptron: inputs (B, n_in) to logits (B, n_out).

    ``pre_i = post_{i-1} W_i + b_i`` and ``post_i = f(pre_i)`` for the hidden layers, where
    ``post_{-1}`` is the input, then ``logits = post_last W + b`` without activation. Weights
    start as ``init_scale * N(0, 1 / fan_in)``, biases at 0.

    Args:
        sizes: widths ``(n_in, hidden..., n_out)``; two entries make a linear model.
        activation: relu, gelu (tanh form), silu, tanh, quadratic (``x^2``) or identity.
        biases: biases in every layer.
        init_scale: factor on every initial weight, or one per layer as a tuple; a single number
            may differ per member.

    Raises:
        ToylabError: a setting is out of range.

    Example:
        >>> import jax
        >>> model = MLP(sizes=(4, 16, 3), activation="quadratic", biases=False)
        >>> params = model.init(jax.random.key(0))
        >>> model.apply(params, jax.numpy.ones((5, 4))).shape
        (5, 3)
    """

    sizes: tuple[int, ...]
    activation: Literal["relu", "gelu", "silu", "tanh", "quadratic", "identity"] = "relu"
    biases: bool = True
    init_scale: Number | tuple[float, ...] = 1.0

    def __post_init__(self) -> None:
        if not isinstance(self.sizes, tuple) or len(self.sizes) < 2:
            raise ToylabError(
                f"MLP: sizes = {self.sizes!r}; give a tuple of at least (n_in, n_out)."
            )
        for i, size in enumerate(self.sizes):
            check_number("MLP", f"sizes[{i}]", size, 1, whole=True)
        if self.activation not in ACTIVATIONS:
            hint = nearest(str(self.activation), ACTIVATIONS)
            raise ToylabError(f"MLP: activation = {self.activation!r}; {hint}")
        if isinstance(self.init_scale, tuple) and len(self.init_scale) != self.depth:
            raise ToylabError(
                f"MLP: init_scale has {len(self.init_scale)} entries for {self.depth} layers; "
                "give one number, or one per layer."
            )
        for scale in self._scales():
            check_number("MLP", "init_scale", scale, 0)

    @property
    def depth(self) -> int:
        """Number of weight matrices."""
        return len(self.sizes) - 1

    @property
    def sites(self) -> tuple[str, ...]:
        """Every site, in the order in which a run taps it."""
        hidden = range(self.depth - 1)
        return (*(f"layers/{i}/{s}" for i in hidden for s in ("pre", "post")), "logits")

    @property
    def axes(self) -> dict[str, tuple[str, ...]]:
        """Names of the axes of every site, for people to read."""
        return {s: ("batch", "logit" if s == "logits" else "neuron") for s in self.sites}

    def init(self, key: Array) -> Params:
        """Draw initial parameters ``layers/{i}/kernel`` (n, m) and ``layers/{i}/bias`` (m,)."""
        params = draw_weights(built(_Network, self._static()), key)
        for i, scale in enumerate(self._scales()):
            layer = params["layers"][str(i)]
            layer["kernel"] = layer["kernel"] * jnp.asarray(scale, jnp.float32)
        return params

    def apply(
        self, params: Params, inputs: Float[Array, "B n"], tap: Tap = identity
    ) -> Float[Array, "B m"]:
        """Map inputs to logits, calling ``tap`` at every site.

        Raises:
            ToylabError: the inputs are not (B, n_in).
        """
        if inputs.ndim != 2 or inputs.shape[1] != self.sizes[0]:
            raise ToylabError(f"MLP: inputs of shape {inputs.shape}; give (B, {self.sizes[0]}).")
        return nnx.merge(_graph(self._static()), params)(inputs, tap)

    def _scales(self) -> tuple[Number, ...]:
        scale = self.init_scale
        return scale if isinstance(scale, tuple) else (scale,) * self.depth

    def _static(self) -> "MLP":
        """Return these settings without the per-member number: hashable, fit for a cache."""
        return dataclasses.replace(self, init_scale=1.0)


@functools.lru_cache(maxsize=64)
def _graph(model: MLP) -> nnx.GraphDef:
    """Structure of the network, built from shapes alone."""
    return nnx.split(nnx.eval_shape(lambda: _Network(model, nnx.Rngs(0))))[0]


class _Network(nnx.Module):
    def __init__(self, model: MLP, rngs: nnx.Rngs) -> None:
        self.model = model
        widths = zip(model.sizes[:-1], model.sizes[1:], strict=True)
        # String keys, so that parameters flatten to "layers/0/...".
        self.layers = nnx.Dict(
            {str(i): linear(n, m, model.biases, rngs) for i, (n, m) in enumerate(widths)}
        )

    def __call__(self, x: Array, tap: Tap) -> Array:
        for i in range(self.model.depth - 1):
            pre = tap(f"layers/{i}/pre", self.layers[str(i)](x))
            x = tap(f"layers/{i}/post", ACTIVATIONS[self.model.activation](pre))
        return tap("logits", self.layers[str(self.model.depth - 1)](x))
