"""Products with tables of weights, in the forms that XLA compiles well.

Shape suffixes: D width, F width of the result, V rows of a table.
"""

import jax
from jax import Array
from jaxtyping import Float, Int

# Up to this size a product with one-hot tokens is cheap, so that look_up serves.
ONE_HOT_MAX_VOCAB = 512


def times(x: Float[Array, "*N D"], w: Float[Array, "D F"]) -> Float[Array, "*N F"]:
    """Multiply every row of ``x`` by ``w``, as one product of two matrices.

    The weight gradient of a product with several leading axes sums over them all; on a CPU, XLA
    first copies its operands into another order, which takes longer than the product.
    """
    return (x.reshape(-1, x.shape[-1]) @ w).reshape(*x.shape[:-1], w.shape[-1])


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
