"""What an attention head does, by its pattern: previous-token, duplicate, induction, sink scores.

A pattern is (..., H, L, L), queries before keys, as the tap ``blocks/<i>/attn/pattern`` gives it.
All scores but :func:`prefix_matching_score` keep the leading axes: average them over a batch.
Everything is JAX and may be jitted or mapped over a population.

A head that attends evenly to all keys up to its own place scores above 0; tell its score beside
a head's.
"""

import jax.numpy as jnp
import numpy as np
from jax import Array
from jaxtyping import Bool, Float, Int

from toylab.errors import ToylabError, check_number


def previous_token_score(pattern: Float[Array, "*lead H L L"]) -> Float[Array, "*lead H"]:
    """Mean attention to the token just before: ``mean_{t >= 1} A[t, t - 1]``.

    Even causal attention scores ``mean_{t >= 1} 1 / (t + 1)``.

    Returns:
        Scores (..., H) in [0, 1].

    Raises:
        ToylabError: a pattern that is not (..., H, L, L), or of fewer than two places.

    Source: Arditi 2026 (ICLR blog track), identification of heads.
    """
    pattern = _checked("previous_token_score", pattern, least=2)
    return jnp.diagonal(pattern, -1, -2, -1).mean(-1)


def induction_score(
    pattern: Float[Array, "*lead H L L"], period: int, start: int = 0
) -> Float[Array, "*lead H"]:
    """Mean attention to the token after the last copy of this one, in a repeated sequence.

    ``mean_{t >= start + period} A[t, t - period + 1]`` on ``period`` random tokens, repeated.

    Args:
        pattern: attention on sequences in which token t equals token ``t - period`` for all
            ``t >= start + period``.
        period: number of tokens until they repeat, at least 2.
        start: place of the first repeated token: 1 after a start token.

    Returns:
        Scores (..., H) in [0, 1].

    Raises:
        ToylabError: a wrong shape, or a context too short for the repeat.

    Source: Olsson et al. 2022, "In-context learning and induction heads" (prefix matching); in
    this form, offset -31 on 2 x 32 tokens, Arditi 2026 (ICLR blog track).

    Example:
        >>> induction_score(jnp.eye(6)[jnp.array([0, 1, 2, 1, 2, 3])][None], period=3).tolist()
        [1.0]
    """
    check_number("induction_score", "period", period, low=2, whole=True)
    check_number("induction_score", "start", start, low=0, whole=True)
    pattern = _checked("induction_score", pattern, least=start + period + 1)
    # Entry c of the diagonal is query c + period - 1 and key c.
    return jnp.diagonal(pattern, 1 - period, -2, -1)[..., start + 1 :].mean(-1)


def duplicate_token_score(
    pattern: Float[Array, "*lead H L L"], period: int
) -> Float[Array, "*lead H"]:
    """Mean attention to the last copy of this token, ``mean_{t >= period} A[t, t - period]``.

    Args:
        pattern: attention on sequences in which token t equals token ``t - period``.
        period: number of tokens until they repeat.

    Returns:
        Scores (..., H) in [0, 1].

    Source: Wang et al. 2022 (2211.00593), duplicate-token heads.
    """
    check_number("duplicate_token_score", "period", period, low=1, whole=True)
    pattern = _checked("duplicate_token_score", pattern, least=period + 1)
    return jnp.diagonal(pattern, -period, -2, -1).mean(-1)


def prefix_matching_score(
    pattern: Float[Array, "*lead B H L L"], tokens: Int[Array, "B L"]
) -> Float[Array, "*lead H"]:
    """Attention to all tokens that followed an earlier copy of this one, in any sequence.

    ``mean over (b, t) with an earlier copy of sum_{j < t, token_j = token_t} A[b, t, j + 1]``.
    For walks, where tokens recur at no fixed distance. It rises with the number of copies, so
    compare heads on the same sequences only.

    Returns:
        Scores (..., H), pooled over the batch; NaN where no token recurs.

    Raises:
        ToylabError: shapes that do not fit.

    Source: Olsson et al. 2022, prefix matching.
    """
    pattern = _checked("prefix_matching_score", pattern, least=2)
    tokens = jnp.asarray(tokens)
    if pattern.ndim < 4 or tokens.shape != (pattern.shape[-4], pattern.shape[-1]):
        raise ToylabError(
            f"prefix_matching_score: tokens {tokens.shape} for a pattern {pattern.shape}; give "
            "(B, L) for (..., B, H, L, L)."
        )
    length = tokens.shape[1]
    earlier_LL = np.tril(np.ones((length, length), bool), -1)
    copy_BLL = (tokens[:, :, None] == tokens[:, None, :]) & earlier_LL[None]
    after_BLL = jnp.pad(copy_BLL, ((0, 0), (0, 0), (1, 0)))[:, :, :-1].astype(pattern.dtype)
    queries = copy_BLL.any(-1).sum().astype(pattern.dtype)
    total = jnp.einsum("...bhqk,bqk->...h", pattern, after_BLL)
    return total / jnp.where(queries > 0, queries, jnp.nan)


def sink_score(
    pattern: Float[Array, "*lead H L L"],
    sink: int = 0,
    queries: Bool[Array, "*lead L"] | None = None,
) -> Float[Array, "*lead H"]:
    """Mean attention to one place, by the queries after it: ``mean_{t > sink} A[t, sink]``.

    Args:
        pattern: attention (..., H, L, L).
        sink: the place, 0 for a start token.
        queries: which queries count, (..., L): the tokens at which the head should be dormant,
            or those at which it should be active. Queries up to the sink never count.

    Returns:
        Scores (..., H) in [0, 1]; NaN where no query counts.

    Raises:
        ToylabError: shapes that do not fit, or no place after the sink.

    Source: Guo et al. 2024 (arXiv:2410.13835), attention on the start token over non-trigger
    queries.
    """
    check_number("sink_score", "sink", sink, low=0, whole=True)
    pattern = _checked("sink_score", pattern, least=sink + 2)
    to_sink = pattern[..., sink + 1 :, sink]
    if queries is None:
        return to_sink.mean(-1)
    queries = jnp.asarray(queries)
    if queries.dtype != bool or queries.shape != (*pattern.shape[:-3], pattern.shape[-1]):
        raise ToylabError(
            f"sink_score: queries {queries.dtype}{queries.shape} for a pattern {pattern.shape}; "
            "give booleans (..., L)."
        )
    weight = queries[..., None, sink + 1 :].astype(pattern.dtype)
    count = weight.sum(-1)
    total = jnp.einsum("...hq,...q->...h", to_sink, weight[..., 0, :])
    return total / jnp.where(count > 0, count, jnp.nan)


def _checked(owner: str, pattern: Array, least: int) -> Array:
    pattern = jnp.asarray(pattern)
    if pattern.ndim < 3 or pattern.shape[-1] != pattern.shape[-2]:
        raise ToylabError(f"{owner}: pattern has shape {pattern.shape}; give (..., H, L, L).")
    if pattern.shape[-1] < least:
        raise ToylabError(f"{owner}: {pattern.shape[-1]} places; it needs {least} at least.")
    return pattern
