"""The two-matrix autoencoder of Elhage et al. 2022, and its relatives.

    h  = sigma_h(W x)                      hidden
    x' = sigma_o(W^T h + b)                tied
    x' = sigma_o(V h + b)                  untied

With ``hidden_activation="relu"`` it is the model of the paper's sections on privileged bases and
on computation. Shapes: B batch, N features, M hidden.
"""

import dataclasses
from typing import Literal

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from toylab import random
from toylab.errors import ToylabError, check_number, nearest
from toylab.show.cards import ModelCard
from toylab.taps import Params, Tap, identity
from toylab.task import Number

ACTIVATIONS = {"relu": jax.nn.relu, "linear": lambda x: x}
NARROW = 64  # features up to which one product over the batch is faster than three narrower ones


@jax.custom_vjp
def matmul(A_MN: Array, x_NB: Array) -> Array:
    """``A @ x``, with gradients that keep the batch axis last.

    JAX's own rule computes the gradient of ``x`` with the batch axis first and then transposes it;
    written this way a step is 1.2 to 1.6 times as fast on a CPU. The gradient of ``A`` has its
    longer side first, which takes a third of the time. The price: reverse mode only.
    """
    return A_MN @ x_NB


def _matmul_forward(A_MN: Array, x_NB: Array) -> tuple[Array, tuple[Array, Array]]:
    return A_MN @ x_NB, (A_MN, x_NB)


def _matmul_backward(saved: tuple[Array, Array], grad_MB: Array) -> tuple[Array, Array]:
    A_MN, x_NB = saved
    if len(A_MN) < len(x_NB):  # kept, or XLA would turn the product round with its transposition
        grad_MN = random.once(jnp.einsum("nb,mb->nm", x_NB, grad_MB)).T
    else:
        grad_MN = jnp.einsum("mb,nb->mn", grad_MB, x_NB)
    return grad_MN, jnp.einsum("mn,mb->nb", A_MN, grad_MB)


matmul.defvjp(_matmul_forward, _matmul_backward)


@jax.custom_vjp
def through(W_MN: Array, b_N: Array, x_BN: Array) -> Array:
    """``W^T W x + b``, (B, N), with a gradient of the tied matrix in one product over the batch.

    With the error ``e`` of each output and ``S = e x^T`` (N, N), the gradient is ``W (S + S^T)``:
    2BN^2 operations, where the chain rule takes three products of 2BNM with a narrow side each. On
    a CPU a step of (N, M) = (20, 5) is twice as fast so. The price: reverse mode only.
    """
    # Were the transposition folded into the product, that would take 1.7 times as long.
    W_NM = random.once(W_MN.T)
    return (W_NM @ (W_MN @ x_BN.T) + b_N[:, None]).T


def _through_forward(W_MN: Array, b_N: Array, x_BN: Array) -> tuple[Array, tuple[Array, Array]]:
    return through(W_MN, b_N, x_BN), (W_MN, x_BN)


def _through_backward(saved: tuple[Array, Array], error_BN: Array) -> tuple[Array, Array, Array]:
    W_MN, x_BN = saved
    ones_B1 = jnp.ones((len(x_BN), 1), x_BN.dtype)  # whose product is the gradient of b
    S_NK = error_BN.T @ jnp.concatenate([x_BN, ones_B1], 1)
    S_NN = S_NK[:, :-1]
    return W_MN @ (S_NN + S_NN.T), S_NK[:, -1], (W_MN.T @ (W_MN @ error_BN.T)).T


through.defvjp(_through_forward, _through_backward)


@dataclasses.dataclass(frozen=True)
class Autoencoder(ModelCard):
    """``x' = sigma_o(W^T sigma_h(W x) + b)``; see the module's text.

    Args:
        n_features: N, length of input and output.
        n_hidden: M, width of the bottleneck.
        activation: output activation.
        hidden_activation: hidden activation.
        tied: use ``W^T`` to decode; otherwise a second matrix V (N, M).
        bias: whether the output bias exists.
        init_scale: standard deviation of an initial weight, times ``sqrt(2 / (N + M))`` (Xavier).
        init_bias: initial value of every output bias.

    Raises:
        ToylabError: a size below 1, or an unknown activation.

    Source:
        Elhage et al. 2022, "Demonstrating superposition", problem setup.

    Example:
        >>> import jax
        >>> model = Autoencoder(n_features=5, n_hidden=2)
        >>> params = model.init(jax.random.key(0))
        >>> model.apply(params, jax.numpy.ones((4, 5))).shape
        (4, 5)
    """

    n_features: int
    n_hidden: int
    activation: Literal["relu", "linear"] = "relu"
    hidden_activation: Literal["relu", "linear"] = "linear"
    tied: bool = True
    bias: bool = True
    init_scale: Number = 1.0
    init_bias: Number = 0.0

    def __post_init__(self) -> None:
        check_number("Autoencoder", "n_features", self.n_features, low=1, whole=True)
        check_number("Autoencoder", "n_hidden", self.n_hidden, low=1, whole=True)
        check_number("Autoencoder", "init_scale", self.init_scale, low=0)
        for field in ("activation", "hidden_activation"):
            if getattr(self, field) not in ACTIVATIONS:
                value = getattr(self, field)
                raise ToylabError(f"Autoencoder: {field} {value!r}; {nearest(value, ACTIVATIONS)}")

    @property
    def sites(self) -> tuple[str, ...]:
        """``hidden_pre`` and ``hidden`` (B, M); ``out_pre`` and ``out`` (B, N)."""
        return ("hidden_pre", "hidden", "out_pre", "out")

    @property
    def axes(self) -> dict[str, tuple[str, ...]]:
        """Names of the axes of every site, for people to read."""
        return {s: ("batch", "unit" if "hidden" in s else "feature") for s in self.sites}

    @property
    def _in_one_product(self) -> bool:
        """Whether :func:`through` can be used, and is no slower than the chain rule."""
        # Products with a single hidden unit are not products at all, but elementwise.
        suits = self.n_features <= NARROW and self.n_hidden > 1
        return suits and self.tied and self.hidden_activation == "linear"

    def init(self, key: Array) -> Params:
        """Draw ``W_MN ~ N(0, init_scale^2 2/(N+M))`` (and ``V_NM``), ``b_N = init_bias``."""
        std = (
            jnp.float32(self.init_scale) * jnp.float32(2 / (self.n_features + self.n_hidden)) ** 0.5
        )
        shape = (self.n_hidden, self.n_features)
        params = {"W": std * random.normal(random.fold_in(key, np.uint32(0)), shape)}
        if not self.tied:
            params["V"] = std * random.normal(random.fold_in(key, np.uint32(1)), shape[::-1])
        if self.bias:
            params["b"] = jnp.full((self.n_features,), self.init_bias, jnp.float32)
        return params

    def apply(self, params: Params, inputs: Array, tap: Tap = identity) -> Array:
        """Reconstruct inputs (B, N).

        Inside, arrays are feature-major, (N, B) and (M, B): the small axis outside, the long one
        contiguous. On a CPU this is what makes a population of tiny models fast.
        """
        if tap is identity and self._in_one_product:
            bias_N = params["b"] if self.bias else jnp.zeros(self.n_features, jnp.float32)
            return ACTIVATIONS[self.activation](through(params["W"], bias_N, inputs).T).T
        x_NB = inputs.T
        hidden_MB = tap("hidden_pre", matmul(params["W"], x_NB).T).T
        hidden_MB = tap("hidden", ACTIVATIONS[self.hidden_activation](hidden_MB).T).T
        decoder_NM = params["W"].T if self.tied else params["V"]
        if self.bias:  # as one more hidden unit that is always 1: its gradient is a product too
            decoder_NM = jnp.concatenate([decoder_NM, params["b"][:, None]], 1)
            hidden_MB = jnp.concatenate([hidden_MB, jnp.ones_like(hidden_MB[:1])])
        out_NB = matmul(decoder_NM, hidden_MB)
        out_NB = tap("out_pre", out_NB.T).T
        return tap("out", ACTIVATIONS[self.activation](out_NB).T)
