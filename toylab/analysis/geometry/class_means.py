"""Mean activations of each node, pooled over walks on one graph, by window of the context.

NumPy in float64 on the host, for stored activations.
"""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float, Int
from numpy.typing import ArrayLike

from toylab.errors import ToylabError, check_number


def class_means(
    acts: Float[ArrayLike, "*lead B L D"],
    nodes: Int[ArrayLike, "B L"],
    count: int,
    windows: Sequence[tuple[int, int]],
    visits: int | None = None,
) -> tuple[Float[np.ndarray, "*lead W N D"], Int[np.ndarray, "W N"]]:
    """Average the activations of each node over a batch and a window of the context.

    ``h_i = mean of acts[b, t] over nodes[b, t] = i, start <= t < stop``, pooled over sequences,
    which must share the graph and the tokens of its nodes.

    Means of few visits share their recent context, which alone gives them some of the graph.
    To compare an early with a late window, give both the same number of ``visits``.

    Args:
        acts: activations (..., B, L, D).
        nodes: the node at each place (B, L); -1 where there is none (start, separators).
        count: number of nodes N.
        windows: W pairs (start, stop) of places.
        visits: use as many visits of each node, the latest of the window (of equally late ones,
            those of the first sequences); a node with fewer is NaN. None uses all.

    Returns:
        Means (..., W, N, D), NaN for a node not met (often enough), and the visits used (W, N).

    Raises:
        ToylabError: shapes that do not fit, a node out of range, an empty window.

    Source: Park et al. 2025 (arXiv:2501.00070), section 4, and their code for the pooling.
    """
    acts, nodes = np.asarray(acts), np.asarray(nodes)
    if nodes.ndim != 2 or not nodes.size or acts.ndim < 3 or acts.shape[-3:-1] != nodes.shape:
        raise ToylabError(
            f"class_means: activations {acts.shape} and nodes {nodes.shape}; give (..., B, L, D) "
            "and (B, L)."
        )
    check_number("class_means", "count", count, low=1, whole=True)
    if not np.issubdtype(nodes.dtype, np.integer) or nodes.min() < -1 or nodes.max() >= count:
        raise ToylabError(f"class_means: nodes must be integers from -1 to {count - 1}.")
    if visits is not None:
        check_number("class_means", "visits", visits, low=1, whole=True)
    means, used = [], []
    for start, stop in windows:
        if not 0 <= start < stop <= nodes.shape[1]:
            raise ToylabError(
                f"class_means: window ({start}, {stop}) is not in a context of {nodes.shape[1]}."
            )
        weight_NX = _weights(nodes[:, start:stop], count, visits)
        flat = acts[..., start:stop, :].astype(np.float64)
        flat = flat.reshape(*acts.shape[:-3], -1, acts.shape[-1])
        used.append((weight_NX > 0).sum(-1))
        means.append(np.where(used[-1][:, None] > 0, weight_NX @ flat, np.nan))
    return np.stack(means, axis=-3), np.stack(used)


def _weights(nodes_BL: np.ndarray, count: int, visits: int | None) -> np.ndarray:
    """Weights (N, B L) that average each node's visits."""
    here_NBL = nodes_BL == np.arange(count)[:, None, None]
    if visits is not None:
        late_NLB = here_NBL.transpose(0, 2, 1)[:, ::-1]
        order = late_NLB.reshape(count, -1).cumsum(-1).reshape(late_NLB.shape)
        met = here_NBL.sum((1, 2))[:, None, None] >= visits
        here_NBL = (late_NLB & (order <= visits) & met)[:, ::-1].transpose(0, 2, 1)
    here_NX = here_NBL.reshape(count, -1)
    return here_NX / np.maximum(here_NX.sum(-1, keepdims=True), 1)
