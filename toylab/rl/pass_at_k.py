"""pass@k: the chance that at least one of k samples is correct."""

import numpy as np
from jaxtyping import Float, Int

from toylab.errors import ToylabError


def pass_at_k(right: Int[np.ndarray, "*I"], samples: int, k: int) -> Float[np.ndarray, "*I"]:
    """Return the unbiased estimate ``1 - C(n - c, k) / C(n, k)`` for each problem.

    Args:
        right: c, correct samples of each problem.
        samples: n, samples of each.
        k: samples that may be tried, at most n.

    Raises:
        ToylabError: k is larger than n, or c lies outside 0..n.

    Source: Chen et al. 2021 (arXiv:2107.03374), equation 1.

    Example:
        >>> pass_at_k(np.array([0, 1, 2]), samples=2, k=1).tolist()
        [0.0, 0.5, 1.0]
    """
    if not 1 <= k <= samples:
        raise ToylabError(f"pass_at_k: k = {k}, but {samples} samples were drawn; draw at least k.")
    c = np.asarray(right)
    if (c < 0).any() or (c > samples).any():
        raise ToylabError(f"pass_at_k: right = {c.max()} of {samples} samples; give 0..{samples}.")
    # C(n - c, k) / C(n, k) = prod_{i < k} (n - c - i) / (n - i)
    i = np.arange(k)
    missed = np.maximum(samples - c[..., None] - i, 0) / (samples - i)
    return 1 - missed.prod(-1)
