"""How networks continue a right attempt with parts ablated."""

import jax
import jax.numpy as jnp
import numpy as np

from toylab.models import Transformer
from toylab.models.sampling import generate
from toylab.stats.means import mean_or_nan
from toylab.taps import Edit, Params
from toylab.tasks.countdown.countdown_pairs import Rows, Signs


def gates(model: Transformer, gone_UH: np.ndarray, gone_UF: np.ndarray | None = None) -> tuple:
    """Edits that switch heads and neurons off at every place."""
    gone_UF = np.zeros((model.depth, model.hidden)) if gone_UF is None else gone_UF
    keep_UH, keep_UF = (1 - np.asarray(gone, np.float32) for gone in (gone_UH, gone_UF))
    scale = lambda site, keep: Edit(site, "scale", jnp.asarray(keep)[None, None])
    heads = [scale(f"blocks/{u}/attn/z", keep_H[:, None]) for u, keep_H in enumerate(keep_UH)]
    neurons = [scale(f"blocks/{u}/mlp/post", keep_F) for u, keep_F in enumerate(keep_UF)]
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
    ends = {"stop": signs.stop, "pad": signs.pad}
    start = (jnp.asarray(start_BL), length, jax.random.key(0))
    return np.asarray(generate(model, params, *start, temperature=0.0, edits=edits, **ends)[0])


def outcomes(written_BL: np.ndarray, accepted_B: np.ndarray, signs: Signs) -> dict[str, float]:
    """How right attempts end, as shares of those that the full network accepts.

    ``success`` of the ablation: neither ok nor an answer; ``partial``: no ok, but an answer;
    ``fail``: ok.

    Source: Lee et al. 2025 (arXiv:2504.14379), their code.
    """
    says_B, answers_B = ((written_BL == t).any(1)[accepted_B] for t in (signs.ok, signs.answer))
    return {
        "success": mean_or_nan(~says_B & ~answers_B),
        "partial": mean_or_nan(~says_B & answers_B),
        "fail": mean_or_nan(says_B),
    }
