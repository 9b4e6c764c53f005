"""What every head of a population does on repeated random tokens, beside what even attention would.

On ``period`` different random tokens shown twice: a previous-token head attends one place back, a
duplicate-token head to the earlier copy of its token, an induction head to the token after it.
"""

from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
from jax import Array
from jaxtyping import Float

from toylab.analysis.heads import duplicate_token_score, induction_score, previous_token_score
from toylab.analysis.repeated_tokens import repeated
from toylab.errors import ToylabError, check_number
from toylab.models.functional import whole
from toylab.models.transformer import Transformer
from toylab.taps import Params, run
from toylab.trees import each_member, leading

KINDS = ("previous", "duplicate", "induction")


class HeadScores(NamedTuple):
    """Mean attention of each head, by what it would be if it were of a kind; I layers, H heads.

    Attributes:
        previous, duplicate, induction: (..., I, H) in [0, 1].
        even: what attention spread evenly over what is visible scores, by kind.
    """

    previous: Float[Array, "*lead I H"]
    duplicate: Float[Array, "*lead I H"]
    induction: Float[Array, "*lead I H"]
    even: dict[str, float]


def score_heads(
    model: Transformer,
    params: Params,
    period: int | None = None,
    count: int = 64,
    seed: int = 0,
    n_tokens: int | None = None,
) -> HeadScores:
    """Score every head of one member, a population or its snapshots on repeated random tokens.

    Args:
        model: a transformer of token sequences.
        params: of one member, a population, or a population at several snapshots.
        period: tokens until they repeat; half the model's length, or all tokens, by default.
        count: sequences.
        seed: of the draw.
        n_tokens: tokens to draw from, 0 to ``n_tokens - 1``; the whole vocabulary by default.

    Raises:
        ToylabError: a period too long for the model's length or for the tokens, or more tokens
            than the model knows.

    Example:
        >>> model = Transformer(vocab=9, length=12, width=8, depth=2, heads=2)
        >>> scores = score_heads(model, model.init(jax.random.key(0)), count=4)
        >>> scores.induction.shape, round(scores.even["induction"], 3)
        ((2, 2), 0.109)
    """
    owner = "score_heads"
    model = whole(owner, model)
    n_tokens = model.vocab if n_tokens is None else n_tokens
    check_number(owner, "n_tokens", n_tokens, 1, model.vocab, whole=True)
    check_number(owner, "count", count, 1, whole=True)
    period = min(model.length // 2, n_tokens) if period is None else period
    if 2 * period > model.length:
        raise ToylabError(
            f"score_heads: period {period} shown twice is longer than the model's length "
            f"{model.length}; give at most {model.length // 2}."
        )
    tokens = jnp.asarray(repeated(n_tokens, period, count, seed))
    patterns = each_member(owner, _mean_patterns, (model,), leading(model, params), params, tokens)
    visible_LL = np.ones((2 * period, 2 * period), np.float32)
    visible_LL = np.tril(visible_LL) if model.causal else visible_LL
    even_LL = jnp.asarray(visible_LL / visible_LL.sum(-1, keepdims=True))
    found = [float(score[0]) for score in _scores(even_LL[None], period)]
    even: dict[str, float] = dict(zip(KINDS, found, strict=True))
    return HeadScores(*_scores(patterns, period), even)


def _mean_patterns(model: Transformer, params: Params, tokens: Array) -> Array:
    """Attention of each head, mean over the batch, (I, H, L, L); the scores are linear."""
    _, acts = run(model, params, tokens, ("blocks/*/attn/pattern",))
    return jnp.stack([pattern.mean(0) for pattern in acts.values()])


def _scores(pattern: Array, period: int) -> tuple[Array, Array, Array]:
    return (
        previous_token_score(pattern),
        duplicate_token_score(pattern, period),
        induction_score(pattern, period),
    )
