"""How far back heads look, and how far after copies of what they ask from."""

import numpy as np
from jaxtyping import Float, Int


def attention_by_lag(pattern: Float[np.ndarray, "*lead L L"]) -> Float[np.ndarray, "*lead T"]:
    """Return mean attention to the place ``lag`` back, over queries of the context's second half.

    ``mean_{t >= L / 2} A[t, t - lag]`` for lags 0 to T - 1 with T = L / 2, which those queries all
    have.

    Args:
        pattern: attention, queries before keys.
    """
    half = pattern.shape[-1] // 2
    lags = [np.diagonal(pattern, -lag, -2, -1)[..., half - lag :].mean(-1) for lag in range(half)]
    return np.stack(lags, axis=-1)


def attention_after_copies(
    pattern_BHLM: Float[np.ndarray, "B H L L"], tokens_BL: Int[np.ndarray, "B L"], most: int
) -> tuple[Float[np.ndarray, "H T"], Float[np.ndarray, " T"]]:
    """Return attention to the places k after a copy of the query's token, for k from 0 to ``most``.

    ``mean_{t >= L / 2} sum_{j <= t} A[t, j] [x_{j - k} = x_t]``. At k = 0 these are earlier copies
    and the query's own place; k = 1 gives the induction score, for which an earlier block has
    looked one back. Induction works with k > 1 as well: it has then looked k back, to match, and
    k - 1 back, for what followed, if nothing is needed of the latest k - 1 places.

    Args:
        pattern_BHLM: attention of heads over sequences.
        tokens_BL: the tokens.
        most: greatest k.

    Returns:
        Attention (H, most + 1), and what even attention would have (most + 1,).
    """
    length = tokens_BL.shape[1]
    late = np.arange(length // 2, length)
    visible_LM = np.tri(length, dtype=bool)[late]
    shares, chances = [], []
    for k in range(most + 1):
        copy_BLM = np.zeros((len(tokens_BL), len(late), length), bool)
        copy_BLM[:, :, k:] = tokens_BL[:, late, None] == tokens_BL[:, None, : length - k]
        copy_BLM &= visible_LM
        share_BHL = np.einsum("bhlm,blm->bhl", pattern_BHLM[:, :, late], copy_BLM)
        shares.append(share_BHL.mean((0, 2)))
        chances.append((copy_BLM.sum(-1) / visible_LM.sum(-1)).mean())
    return np.stack(shares, -1), np.array(chances)
