"""Products of activations and weights, and sums as products, in the forms that XLA compiles well.

A sum XLA on a CPU merges with whatever it is a sum of, computes that anew and reads it against the
grain, or first copies it into another order. A product with ones it leaves alone, unless it is with
a single row of ones, which would be a sum again; so there are two.

Shape suffixes: D width, F width of the result, V rows of a table.
"""

import functools
import math

import jax
import jax.numpy as jnp
from jax import Array
from jaxtyping import Float, Int

# Up to this size a product with one-hot tokens is cheap, so that look_up serves.
ONE_HOT_MAX_VOCAB = 512
SHORT = 32  # so many numbers XLA adds up in one go
EXACT = jax.lax.Precision.HIGHEST  # an accelerator would round what is added


def times(
    x: Float[Array, "*N D"], w: Float[Array, "D F"], rounded: bool = False
) -> Float[Array, "*N F"]:
    """Multiply every row of ``x`` by ``w``, as one product of two matrices.

    The weight gradient of a product with several leading axes sums over them all; on a CPU, XLA
    first copies its operands into another order, which takes longer than the product.

    Args:
        x: rows.
        w: the matrix.
        rounded: see :func:`product`.
    """
    flat = x.reshape(-1, x.shape[-1])
    y = product("nd,df->nf", flat, w, rounded) if rounded else flat @ w
    return y.reshape(*x.shape[:-1], w.shape[-1])


def product(spec: str, left: Array, right: Array, rounded: bool = False) -> Array:
    """Return ``einsum(spec, left, right)`` in float32.

    Args:
        spec: such as "nd,df->nf"; each letter stands in at least two of its parts.
        left: float32 array.
        right: float32 array.
        rounded: whether both, and in the gradients the cotangent too, are rounded to bfloat16
            first; sums are float32. For accelerators, which have units for it.
    """
    return _rounded(spec, left, right) if rounded else jnp.einsum(spec, left, right)


def _narrow(spec: str, left: Array, right: Array) -> Array:
    left, right = left.astype(jnp.bfloat16), right.astype(jnp.bfloat16)
    return jnp.einsum(spec, left, right, preferred_element_type=jnp.float32)


@functools.partial(jax.custom_vjp, nondiff_argnums=(0,))
def _rounded(spec: str, left: Array, right: Array) -> Array:
    # JAX's own gradient would multiply a float32 cotangent: a product at the slow rate.
    return _narrow(spec, left, right)


def _rounded_forward(spec: str, left: Array, right: Array) -> tuple[Array, tuple[Array, Array]]:
    kept = left.astype(jnp.bfloat16), right.astype(jnp.bfloat16)
    return _narrow(spec, *kept), kept


def _rounded_backward(
    spec: str, kept: tuple[Array, Array], cotangent: Array
) -> tuple[Array, Array]:
    left, right = kept
    (a, b), out = spec.split("->")[0].split(","), spec.split("->")[1]
    return _narrow(f"{out},{b}->{a}", cotangent, right), _narrow(f"{a},{out}->{b}", left, cotangent)


_rounded.defvjp(_rounded_forward, _rounded_backward)


@jax.custom_jvp
def look_up(table_VD: Float[Array, "V D"], tokens: Int[Array, "*N"]) -> Float[Array, "*N D"]:
    """Return the tokens' rows of a table, with the gradient of a product with one-hot tokens.

    Hazard: the gradient of a gather is a scatter-add, slow on a CPU, and on a GPU its order of
    summation varies from run to run. The product is deterministic, and cheap for small tables.
    """
    return table_VD[tokens]


@look_up.defjvp
def _look_up_jvp(
    primals: tuple[Array, Array], tangents: tuple[Array, Array]
) -> tuple[Array, Array]:
    table_VD, tokens = primals
    one_hot = jax.nn.one_hot(tokens, len(table_VD), dtype=table_VD.dtype)
    return look_up(table_VD, tokens), times(one_hot, tangents[0])


@functools.partial(jax.custom_jvp, nondiff_argnums=(1,))
def repeated(x: Float[Array, "*S"], lead: tuple[int, ...]) -> Float[Array, "..."]:
    """Repeat an array along new leading axes; the gradient, a sum over them, is a product.

    A third of a small transformer's step went into the sums of its biases and positions.

    Args:
        x: a bias, or positions.
        lead: sizes of the new axes.
    """
    return jnp.broadcast_to(x, (*lead, *x.shape))


@repeated.defjvp
def _repeated_jvp(
    lead: tuple[int, ...], primals: tuple[Array], tangents: tuple[Array]
) -> tuple[Array, Array]:
    (x,), flat = primals, tangents[0].reshape(1, -1)
    ones, rows = jnp.ones((math.prod(lead), 2), x.dtype), jnp.pad(flat, ((0, 1), (0, 0)))
    told = jnp.matmul(ones, rows, precision=EXACT)
    return repeated(x, lead), told.reshape(*lead, *x.shape)


@jax.custom_jvp
def added(x: Float[Array, "N *S"]) -> Float[Array, "*S"]:
    """Add up along the first axis, as a product; for more than :data:`SHORT` numbers."""
    ones, flat = jnp.ones((2, len(x)), x.dtype), x.reshape(len(x), -1)
    return jnp.matmul(ones, flat, precision=EXACT)[0].reshape(x.shape[1:])


@added.defjvp
def _added_jvp(primals: tuple[Array], tangents: tuple[Array]) -> tuple[Array, Array]:
    return added(*primals), jnp.sum(tangents[0], 0)
