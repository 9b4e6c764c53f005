"""Which heads are previous-token and induction heads: scores of all members on repeated tokens."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jaxtyping import Float, Int

from toylab.analysis.heads import induction_score, previous_token_score
from toylab.errors import check_number
from toylab.models import Transformer
from toylab.taps import Params, run


def repeated(n_tokens: int, period: int, count: int, seed: int) -> Int[np.ndarray, "B L"]:
    """Draw sequences of ``period`` different random tokens, shown twice.

    Args:
        n_tokens: tokens to draw from, numbered from 0.
        period: tokens until they repeat, at most ``n_tokens``.
        count: B, sequences.
        seed: of the draw.

    Returns:
        Tokens (B, 2 period).
    """
    check_number("repeated", "period", period, low=2, high=n_tokens, whole=True)
    rng = np.random.default_rng(seed)
    half = rng.permuted(np.tile(np.arange(n_tokens, dtype=np.int32), (count, 1)), axis=1)
    return np.tile(half[:, :period], (1, 2))


def head_scores(
    model: Transformer, params_P: Params, tokens: Int[np.ndarray, "B L"]
) -> Float[np.ndarray, "P 2 U H"]:
    """Score every head of every member as a previous-token head and as an induction head.

    Args:
        model: U blocks of H heads.
        params_P: parameters with a leading axis P.
        tokens: of :func:`repeated`.

    Returns:
        Mean over sequences of :func:`toylab.analysis.heads.previous_token_score` and
        :func:`toylab.analysis.heads.induction_score`.
    """
    return np.asarray(_scores(model, params_P, jnp.asarray(tokens)))


@functools.partial(jax.jit, static_argnums=0)
def _scores(model: Transformer, params_P: Params, tokens_BL: Array) -> Array:
    period = tokens_BL.shape[1] // 2

    def one(params: Params) -> Array:
        _, acts = run(model, params, tokens_BL, ("blocks/*/attn/pattern",))
        pattern_UBHLL = jnp.stack([acts[s] for s in acts])
        previous = previous_token_score(pattern_UBHLL).mean(1)
        return jnp.stack([previous, induction_score(pattern_UBHLL, period).mean(1)])

    return jax.vmap(one)(params_P)
