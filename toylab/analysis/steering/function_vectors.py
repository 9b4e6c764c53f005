"""Function vectors: what a few heads write where examples are read, as a vector for the task.

Source: Todd, Li, Sen Sharma, Mueller, Wallace and Bau 2023, "Function Vectors in Large Language
Models" (2310.15213).

Shape suffixes: P members, I layers, H heads, K head dim, D width, T tasks, X queries, V answers.
"""

from collections.abc import Mapping

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jaxtyping import Bool, Float, Int

from toylab.change import NOTHING, at, head, patch, run_changes
from toylab.errors import ToylabError
from toylab.models.transformer import Transformer
from toylab.taps import Params


def means_of_others(x_TXD: Float[np.ndarray, "*lead X D"]) -> Float[np.ndarray, "*lead X D"]:
    """Return, for every query of a task, the mean over the task's other queries.

    A mean that holds the query itself would hold its answer.

    Raises:
        ToylabError: fewer than two queries.

    Example:
        >>> means_of_others(np.array([[1.0], [2.0], [6.0]])).ravel().tolist()
        [4.0, 3.5, 1.5]
    """
    count = x_TXD.shape[-2]
    if count < 2:
        raise ToylabError(
            f"means_of_others: {count} query per task; without its own none is left, so give two."
        )
    return (x_TXD.sum(-2, keepdims=True) - x_TXD) / (count - 1)


def indirect_effects(
    model: Transformer,
    params_P: Params,
    tokens: Int[Array, "B L"],
    answers: Int[Array, " B"],
    means: Mapping[int, Float[np.ndarray, "P B H K"]],
) -> Float[np.ndarray, "P I H"]:
    """Return how much each head alone helps, given what it says of the task: AIE.

    ``mean over prompts of p(answer | z_head = its mean over real prompts) - p(answer)``, on prompts
    that say nothing of the task, such as those with shuffled labels.

    Args:
        model: the transformer; logits of the last position are read.
        params_P: parameters of a population.
        tokens: the prompts that say nothing.
        answers: the answer of each under the task.
        means: for every layer, mean outputs z at the last position, (P, B, H, K).

    Source: Todd et al. 2023, equation 3 (average indirect effect).
    """
    changes = [NOTHING]
    for layer, z_PBHK in means.items():
        alone = model.read == "last" and layer == model.depth - 1  # then it has one position
        whole = jnp.repeat(jnp.asarray(z_PBHK)[:, :, None], 1 if alone else tokens.shape[1], 2)
        changes += [patch(at(head(layer, h), -1), whole) for h in range(model.heads)]
    logits = run_changes(model, params_P, tokens, changes, last_chances)
    right = jnp.broadcast_to(answers, logits.shape[:3])[..., None]
    p_CP = np.asarray(jnp.take_along_axis(logits, right, -1)[..., 0].mean(-1))
    return (p_CP[1:] - p_CP[0]).reshape(len(means), model.heads, -1).transpose(2, 0, 1)


def last_chances(logits: Array, _: dict[str, Array]) -> Array:
    """Read the chances of all answers at the last position."""
    return jax.nn.softmax(logits if logits.ndim == 2 else logits[:, -1])


def function_vectors(
    params: Params,
    means: Mapping[int, Float[np.ndarray, "*lead H K"]],
    chosen: Bool[np.ndarray, "I H"],
) -> Float[np.ndarray, "*lead D"]:
    """Return what chosen heads write in the mean, summed: the function vector.

    ``sum over chosen heads of mean(z_h) W_O^h``.

    Args:
        params: of one member.
        means: for every layer the mean outputs z of its heads.
        chosen: of layers, in the order of ``means``, and heads; see
            :func:`toylab.analysis.steering.heads.best_heads`.
    """
    found: np.ndarray | float = 0.0
    for row, (layer, z_HK) in zip(chosen, means.items(), strict=True):
        w_HKD = np.asarray(params["blocks"][str(layer)]["attn"]["w_o"])[row]
        found = found + np.einsum("...hk,hkd->...d", np.asarray(z_HK)[..., row, :], w_HKD)
    return np.asarray(found)
