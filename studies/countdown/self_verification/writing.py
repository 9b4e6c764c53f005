"""How networks continue a right attempt with parts ablated."""

import jax
import jax.numpy as jnp
import numpy as np

from toylab.models import Transformer
from toylab.models.sampling import generate
from toylab.taps import Edit, Params

from .passes import Rows, Signs


def gates(model: Transformer, gone_UH: np.ndarray, gone_UF: np.ndarray | None = None) -> tuple:
    """Edits that switch heads and neurons off at every place."""
    keep_UH = 1 - np.asarray(gone_UH, np.float32)
    gone_UF = np.zeros((model.depth, model.hidden)) if gone_UF is None else gone_UF
    keep_UF = 1 - np.asarray(gone_UF, np.float32)
    heads = [
        Edit(f"blocks/{u}/attn/z", "scale", jnp.asarray(keep_UH[u])[None, None, :, None])
        for u in range(model.depth)
    ]
    neurons = [
        Edit(f"blocks/{u}/mlp/post", "scale", jnp.asarray(keep_UF[u])[None, None])
        for u in range(model.depth)
    ]
    return (*heads, *neurons)


def starts(rows: Rows, label_R: np.ndarray) -> np.ndarray:
    """Right attempts of the longest traces, up to "(", (B, L)."""
    length = rows.place_R3[:, 2] + 1
    longest = (length == length.max()) & (label_R == 1)
    return rows.tokens_RL[longest, : length.max()]


def go_on(
    model: Transformer,
    params: Params,
    start_BL: np.ndarray,
    length: int,
    signs: Signs,
    edits: tuple,
) -> np.ndarray:
    """Write on greedily, (B, length)."""
    tokens, _ = generate(
        model,
        params,
        jnp.asarray(start_BL),
        length,
        jax.random.key(0),
        temperature=0.0,
        stop=signs.stop,
        pad=signs.pad,
        edits=edits,
    )
    return np.asarray(tokens)


def outcomes(written_BL: np.ndarray, accepted_B: np.ndarray, signs: Signs) -> dict[str, float]:
    """How right attempts end, as shares of those that the full network accepts.

    ``success`` of the ablation: neither ok nor an answer; ``partial``: no ok, but an answer;
    ``fail``: ok.

    Source: Lee et al. 2025 (arXiv:2504.14379), their code.
    """
    says_B, answers_B = ((written_BL == t).any(1)[accepted_B] for t in (signs.ok, signs.answer))
    share = lambda hits: float(np.mean(hits)) if len(hits) else float("nan")
    return {
        "success": share(~says_B & ~answers_B),
        "partial": share(~says_B & answers_B),
        "fail": share(says_B),
    }
